//! Virtual hosts: which FrontDoor a request's Host belongs to.

use super::ObjectName;
use crate::router::RouteTree;
use ipnet::IpNet;
use serde::{Serialize, Serializer};
use std::{collections::HashMap, fmt, sync::Arc};

/// A host entry of a FrontDoor: exact, `*.suffix` or `*`; lower case, no trailing dot.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HostPattern {
    /// One host name or address.
    Exact(Arc<str>),
    /// One or more labels in front of this suffix (held without `*.`), never the bare suffix.
    Suffix(Arc<str>),
    /// Every host.
    Any,
}

/// Why a host entry is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HostPatternError {
    /// Nothing there.
    #[error("is empty")]
    Empty,
    /// Longer than a DNS name can be.
    #[error("is longer than 253 characters")]
    TooLong,
    /// Not letters, digits, `-` or `_` in labels of 1 to 63 joined by dots.
    #[error("is not a DNS name: labels of letters, digits and '-', joined by dots; a host in Unicode is written as its A-label (xn--…)")]
    NotAName,
    /// A port.
    #[error("has a port: a host entry is a name alone, requests compare without their port")]
    Port,
    /// A `*` that is not the whole first label.
    #[error("has a '*' that is not the whole first label: write '*.suffix' or '*' alone")]
    Wildcard,
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(host) => f.write_str(host),
            Self::Suffix(suffix) => write!(f, "*.{suffix}"),
            Self::Any => f.write_str("*"),
        }
    }
}

impl Serialize for HostPattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// One host of a FrontDoor, with the Routes attached to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct VirtualHost {
    /// The entry.
    pub host: HostPattern,
    /// The FrontDoor that owns it.
    pub front_door: ObjectName,
    /// Peers whose `X-Forwarded-*` and `Forwarded` are believed.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub trusted_proxies: Arc<[IpNet]>,
    /// The Routes, by path; shared among hosts that have the same ones.
    pub routes: Arc<RouteTree>,
}

/// All virtual hosts. The most specific entry that fits a host decides alone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hosts {
    exact: HashMap<Arc<str>, VirtualHost>,
    suffix: HashMap<Arc<str>, VirtualHost>,
    any: Option<VirtualHost>,
}

impl FromIterator<VirtualHost> for Hosts {
    /// Of two entries for one host the later replaces the earlier; the compiler gives each once.
    fn from_iter<I: IntoIterator<Item = VirtualHost>>(hosts: I) -> Self {
        let mut all = Self::default();
        for entry in hosts {
            match &entry.host {
                HostPattern::Exact(host) => drop(all.exact.insert(host.clone(), entry)),
                HostPattern::Suffix(suffix) => drop(all.suffix.insert(suffix.clone(), entry)),
                HostPattern::Any => all.any = Some(entry),
            }
        }
        all
    }
}

impl Hosts {
    /// The entry for `host`, which is lower case, without port and trailing dot: exact, then the
    /// longest suffix, then `*`.
    pub fn find(&self, host: &str) -> Option<&VirtualHost> {
        if let Some(found) = self.exact.get(host) {
            return Some(found);
        }
        if !self.suffix.is_empty() {
            let mut rest = host;
            while let Some((label, suffix)) = rest.split_once('.') {
                // `.example.com` has no label in front of its suffix.
                if (!label.is_empty() || rest.len() != host.len())
                    && let Some(found) = self.suffix.get(suffix)
                {
                    return Some(found);
                }
                rest = suffix;
            }
        }
        self.any.as_ref()
    }

    /// All entries, sorted by their pattern.
    pub fn iter(&self) -> impl Iterator<Item = &VirtualHost> {
        let mut all: Vec<_> =
            self.exact.values().chain(self.suffix.values()).chain(self.any.as_ref()).collect();
        all.sort_by(|a, b| a.host.cmp(&b.host));
        all.into_iter()
    }
}

impl Serialize for Hosts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

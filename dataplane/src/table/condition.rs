//! The conditions of rules.

use super::{HostPattern, Scheme, TlsVersion};
use crate::{full_match::FullMatch, path::PathPattern, router::Predicate};
use http::{HeaderName, Method, Version};
use ipnet::IpNet;
use serde::{Serialize, Serializer, ser::SerializeSeq};
use std::{fmt, iter};

/// A condition on a request. [`holds`](crate::rules) decides it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Condition {
    /// A header; the name is in lower case.
    Header(Predicate),
    /// A query key; name and value are plain text, compared after percent-decoding.
    Query(Predicate),
    /// A cookie; name and value are plain text, compared after percent-decoding.
    Cookie(Predicate),
    /// Any of these methods.
    Method(#[serde(serialize_with = "methods")] Vec<Method>),
    /// Any of these hosts.
    Host(Vec<HostPattern>),
    /// The path fits.
    Path(PathPattern),
    /// The whole path matches.
    PathRegex(FullMatch),
    /// The last segment's extension is one of these, in lower case.
    FileExtension(Vec<Box<str>>),
    /// The client's address is in one of these networks.
    ClientAddress(Vec<IpNet>),
    /// The scheme that the client used.
    Scheme(Scheme),
    /// Any of these versions of HTTP.
    HttpVersion(#[serde(serialize_with = "versions")] Vec<Version>),
    /// The TLS version of the client's connection.
    TlsVersion(TlsVersion),
    /// Whether the client has presented a certificate.
    ClientCertificate(bool),
    /// The condition in it does not hold.
    Not(Box<Condition>),
    /// One of the conditions in it holds.
    Any(Vec<Condition>),
}

impl Condition {
    /// The headers that it looks at.
    pub(crate) fn headers(&self) -> Box<dyn Iterator<Item = HeaderName> + '_> {
        match self {
            Self::Header(header) => {
                Box::new(HeaderName::from_bytes(header.name.as_bytes()).into_iter())
            }
            Self::Not(inner) => inner.headers(),
            Self::Any(inner) => Box::new(inner.iter().flat_map(Self::headers)),
            Self::Query(_)
            | Self::Cookie(_)
            | Self::Method(_)
            | Self::Host(_)
            | Self::Path(_)
            | Self::PathRegex(_)
            | Self::FileExtension(_)
            | Self::ClientAddress(_)
            | Self::Scheme(_)
            | Self::HttpVersion(_)
            | Self::TlsVersion(_)
            | Self::ClientCertificate(_) => Box::new(iter::empty()),
        }
    }
}

fn methods<S: Serializer>(methods: &[Method], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(methods.iter().map(Method::as_str))
}

fn versions<S: Serializer>(versions: &[Version], serializer: S) -> Result<S::Ok, S::Error> {
    let mut seq = serializer.serialize_seq(Some(versions.len()))?;
    for version in versions {
        seq.serialize_element(version_text(*version))?;
    }
    seq.end()
}

/// A version of HTTP as manifests write it.
fn version_text(version: Version) -> &'static str {
    match version {
        Version::HTTP_10 => "1.0",
        Version::HTTP_2 => "2",
        _ => "1.1",
    }
}

/// What is required of a request, as a noun phrase: `header x-beta: 1`, `a path that fits /app/*`.
impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header(header) => header.describe("header", ": ", f),
            Self::Query(key) => key.describe("query", "=", f),
            Self::Cookie(cookie) => cookie.describe("cookie", "=", f),
            Self::Method(methods) => write!(f, "method {}", alternatives(methods)),
            Self::Host(hosts) => write!(f, "host {}", alternatives(hosts)),
            Self::Path(pattern) => write!(f, "a path that fits {pattern}"),
            Self::PathRegex(regex) => write!(f, "a path that matches '{}'", regex.as_str()),
            Self::FileExtension(all) => write!(f, "file extension {}", alternatives(all)),
            Self::ClientAddress(networks) => {
                write!(f, "a client address in {}", alternatives(networks))
            }
            Self::Scheme(scheme) => write!(f, "scheme {}", scheme.as_str()),
            Self::HttpVersion(versions) => {
                let texts: Vec<_> = versions.iter().map(|version| version_text(*version)).collect();
                write!(f, "HTTP version {}", alternatives(&texts))
            }
            Self::TlsVersion(TlsVersion::Tls12) => f.write_str("TLS 1.2"),
            Self::TlsVersion(TlsVersion::Tls13) => f.write_str("TLS 1.3"),
            Self::ClientCertificate(true) => f.write_str("a client certificate"),
            Self::ClientCertificate(false) => f.write_str("no client certificate"),
            Self::Not(inner) => write!(f, "not ({inner})"),
            Self::Any(inner) => write!(f, "any of ({})", alternatives(inner)),
        }
    }
}

fn alternatives<T: fmt::Display>(all: &[T]) -> String {
    all.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or ")
}

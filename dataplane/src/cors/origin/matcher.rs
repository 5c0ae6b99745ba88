//! Which origins a policy allows.

use super::{
    OriginPattern,
    pattern::{OriginHost, OriginPort},
    request::RequestOrigin,
};
use crate::full_match::FullMatch;
use hashbrown::{HashMap, HashSet};
use memchr::memrchr;
use serde::{Serialize, Serializer, ser::SerializeStruct};

/// The origins that a policy allows. A check takes a few lookups and no allocation, however many
/// are listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origins {
    any: bool,
    /// Whole origins without a wildcard host.
    exact: Texts,
    /// By scheme.
    subdomains: HashMap<Box<str>, Subdomains>,
    /// Sorted and deduplicated.
    regexes: Box<[FullMatch]>,
}

/// Strings that end in a host and an optional port.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Texts {
    /// Including the port, unless it is the default, as in an origin.
    written: HashSet<Box<str>>,
    /// Those that match any port, without it.
    any_port: HashSet<Box<str>>,
}

/// The wildcard patterns of one scheme.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Subdomains {
    /// What follows `*.`.
    suffixes: Texts,
    /// The maximum number of labels in a suffix, which bounds the walk along long names.
    most_labels: usize,
}

impl Origins {
    /// Allows the origins that any of these patterns or expressions matches.
    pub fn new(patterns: Vec<OriginPattern>, regexes: Vec<FullMatch>) -> Self {
        let mut all = Self {
            any: false,
            exact: Texts::default(),
            subdomains: HashMap::new(),
            regexes: sorted(regexes),
        };
        for pattern in patterns {
            match pattern {
                OriginPattern::Any => all.any = true,
                OriginPattern::Tuple { scheme, host: OriginHost::Exact(host), port } => {
                    all.exact.insert(format!("{scheme}://{host}"), port);
                }
                OriginPattern::Tuple { scheme, host: OriginHost::Subdomains(suffix), port } => {
                    let labels = suffix.split('.').count();
                    let same_scheme = all.subdomains.entry(scheme).or_default();
                    same_scheme.suffixes.insert(suffix.into(), port);
                    same_scheme.most_labels = same_scheme.most_labels.max(labels);
                }
            }
        }
        all
    }

    /// Whether a request's `Origin`, as sent, is allowed (Fetch, "CORS check"). One that is not
    /// spelt as browsers spell it matches nothing; `null` matches only `*`, never an expression.
    pub fn admit(&self, origin: &[u8]) -> bool {
        let Ok(origin) = str::from_utf8(origin) else { return false };
        // First, before parsing: listed origins are well-formed.
        if self.exact.written.contains(origin) {
            return true;
        }
        let Some(origin) = RequestOrigin::parse(origin) else {
            return self.any && origin == "null";
        };
        self.any
            || self.exact.any_port.contains(origin.portless)
            || self.subdomains.get(origin.scheme).is_some_and(|suffixes| suffixes.admit(&origin))
            || self.regexes.iter().any(|regex| regex.matches(origin.text))
    }

    /// All patterns, formatted as in a policy, sorted.
    fn patterns(&self) -> Vec<String> {
        let mut all: Vec<String> = self.any.then(|| "*".to_owned()).into_iter().collect();
        all.extend(self.exact.iter());
        for (scheme, Subdomains { suffixes, most_labels: _ }) in &self.subdomains {
            all.extend(suffixes.iter().map(|suffix| format!("{scheme}://*.{suffix}")));
        }
        all.sort_unstable();
        all
    }
}

impl Subdomains {
    /// Tries suffixes from the last label on; at least the first label is left to the wildcard.
    fn admit(&self, origin: &RequestOrigin<'_>) -> bool {
        let RequestOrigin { authority, host, .. } = origin;
        let mut rest = host.as_bytes();
        for _ in 0..self.most_labels {
            let Some(dot) = memrchr(b'.', rest) else { return false };
            if self.suffixes.written.contains(&authority[dot + 1..])
                || self.suffixes.any_port.contains(&host[dot + 1..])
            {
                return true;
            }
            rest = &rest[..dot];
        }
        false
    }
}

impl Texts {
    fn insert(&mut self, mut text: String, port: OriginPort) {
        match port {
            OriginPort::Default => self.written.insert(text.into()),
            OriginPort::Number(number) => {
                text.push_str(&format!(":{number}"));
                self.written.insert(text.into())
            }
            OriginPort::Any => self.any_port.insert(text.into()),
        };
    }

    /// All of them, with `:*` for those of any port.
    fn iter(&self) -> impl Iterator<Item = String> {
        let written = self.written.iter().map(|text| text.to_string());
        written.chain(self.any_port.iter().map(|text| format!("{text}:*")))
    }
}

fn sorted(mut regexes: Vec<FullMatch>) -> Box<[FullMatch]> {
    regexes.sort_by(|a, b| a.as_str().cmp(b.as_str()));
    regexes.dedup();
    regexes.into()
}

impl Serialize for Origins {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let some_regexes = !self.regexes.is_empty();
        let mut fields = serializer.serialize_struct("Origins", 1 + usize::from(some_regexes))?;
        fields.serialize_field("patterns", &self.patterns())?;
        if some_regexes {
            fields.serialize_field("regexes", &self.regexes)?;
        }
        fields.end()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;

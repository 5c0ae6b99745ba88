//! Which origins a policy allows.

use super::{
    OriginPattern,
    pattern::{OriginHost, OriginPort},
    request::RequestOrigin,
};
use crate::router::WholeValue;
use serde::Serialize;

/// The origins that a policy allows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Origins {
    patterns: Vec<OriginPattern>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    regexes: Vec<WholeValue>,
}

impl Origins {
    /// The origins that any of these patterns or expressions admits.
    pub fn new(patterns: Vec<OriginPattern>, regexes: Vec<WholeValue>) -> Self {
        Self { patterns, regexes }
    }

    /// Whether a request's `Origin`, as sent, is among them. One that is not canonical matches
    /// nothing (Fetch, "Origin" header: browsers send no other).
    pub fn admit(&self, origin: &[u8]) -> bool {
        if origin == b"null" {
            return self.patterns.contains(&OriginPattern::Any);
        }
        let Some(parsed) = RequestOrigin::parse(origin) else { return false };
        self.patterns.iter().any(|pattern| fits(pattern, &parsed))
            || self.regexes.iter().any(|regex| regex.matches(parsed.text))
    }
}

fn fits(pattern: &OriginPattern, origin: &RequestOrigin<'_>) -> bool {
    let OriginPattern::Tuple { scheme, host, port } = pattern else { return true };
    **scheme == *origin.scheme
        && match host {
            OriginHost::Exact(host) => **host == *origin.host,
            OriginHost::Subdomains(suffix) => origin
                .host
                .strip_suffix(&**suffix)
                .is_some_and(|rest| rest.len() > 1 && rest.ends_with('.')),
        }
        && match port {
            OriginPort::Default => origin.port.is_none(),
            OriginPort::Number(port) => origin.port == Some(*port),
            OriginPort::Any => true,
        }
}

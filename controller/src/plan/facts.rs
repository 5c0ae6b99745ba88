//! What a recording shows of a host, apart from its calls: what to look at before it moves. Values
//! are looked at and forgotten; of cookies, hashes of their names are kept.

use super::{intern::NONE, kinds::Kind};
use crate::har::{Entry, header, values};
use std::{
    collections::{BTreeSet, HashSet},
    hash::BuildHasher,
};

/// How many of each are kept.
const MAX_KEPT: usize = 1000;

/// What is known of an origin.
#[derive(Debug, Default)]
pub(super) struct Facts {
    /// Hashes of the names of the cookies that it sets.
    pub(super) cookies: HashSet<u64>,
    /// Whether it sets cookies with `Domain`.
    pub(super) sets_domain_cookies: bool,
    /// Whether requests to it carried cookies.
    pub(super) gets_cookies: bool,
    /// Whether its responses name the page's origin, or depend on it.
    pub(super) checks_origin: bool,
    /// Whether it lets pages send credentials.
    pub(super) allows_credentials: bool,
    /// Whether a policy of its documents restricts connections.
    pub(super) restricts_connections: bool,
    /// Whether it serves a service worker.
    pub(super) has_service_worker: bool,
    /// The origins that it redirects to.
    pub(super) redirects: BTreeSet<u32>,
    /// Hashes of origins that its bodies name, each as host and port.
    pub(super) names: HashSet<u64>,
    /// What it serves.
    pub(super) kinds: HashSet<Kind>,
    /// Hashes of the ids of its connections.
    pub(super) connections: HashSet<u64>,
}

impl Facts {
    /// Notes what an entry shows.
    pub(super) fn note(
        &mut self,
        entry: &Entry<'_>,
        kind: Kind,
        redirect: u32,
        hasher: &impl BuildHasher,
    ) {
        let (asked, answered) = (&entry.request.0.headers, &entry.response.0.headers);
        self.kinds.insert(kind);
        for cookie in values(answered, "set-cookie").flat_map(str::lines) {
            let mut parts = cookie.split(';');
            let name = parts.next().and_then(|pair| pair.split('=').next()).unwrap_or_default();
            insert(&mut self.cookies, hasher.hash_one(name.trim()));
            let is_domain = |part: &str| {
                let name = part.split('=').next().unwrap_or_default();
                name.trim().eq_ignore_ascii_case("domain")
            };
            self.sets_domain_cookies |= parts.any(is_domain);
        }
        self.gets_cookies |= header(asked, "cookie").is_some();
        let allowed = header(answered, "access-control-allow-origin");
        self.checks_origin |= allowed.is_some_and(|allowed| allowed.trim() != "*");
        self.allows_credentials |= header(answered, "access-control-allow-credentials").is_some();
        if kind == Kind::Document {
            let mut policies = values(answered, "content-security-policy");
            self.restricts_connections |= policies.any(restricts_connections);
        }
        self.has_service_worker |= header(asked, "service-worker").is_some();
        if redirect != NONE && self.redirects.len() < MAX_KEPT {
            self.redirects.insert(redirect);
        }
        let connection = entry.connection.as_str();
        if !connection.is_empty() {
            insert(&mut self.connections, hasher.hash_one(connection));
        }
        for authority in authorities(entry.response.0.content.0.text.as_str()) {
            insert(&mut self.names, hasher.hash_one(authority));
        }
    }
}

fn insert(set: &mut HashSet<u64>, hash: u64) {
    if set.len() < MAX_KEPT {
        set.insert(hash);
    }
}

/// Whether a policy has a directive for connections (Content Security Policy, "connect-src").
fn restricts_connections(policy: &str) -> bool {
    let mut directives = policy.split([';', ',']).map(str::trim_start);
    directives.any(|directive| {
        let name = directive.split_ascii_whitespace().next().unwrap_or_default();
        ["connect-src", "default-src"].iter().any(|known| known.eq_ignore_ascii_case(name))
    })
}

/// The host and port of each absolute URL in a text.
fn authorities(text: &str) -> impl Iterator<Item = &str> {
    memchr::memmem::find_iter(text.as_bytes(), "://").filter_map(|at| {
        let rest = text.get(at + 3..)?;
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && !".-:[]".contains(c));
        Some(&rest[..end.unwrap_or(rest.len())]).filter(|authority| !authority.is_empty())
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::hash::RandomState;

    fn facts(entry: &str, kind: Kind) -> (Facts, RandomState) {
        let (mut facts, hasher) = (Facts::default(), RandomState::new());
        facts.note(&serde_json::from_str(entry).unwrap(), kind, NONE, &hasher);
        (facts, hasher)
    }

    #[test]
    fn cookies_are_known_by_hashes_of_their_names() {
        let set = r#"{"response": {"headers": [{"name": "Set-Cookie", "value": "sid=1; Path=/\nlang=en; DOMAIN=ep.com"}]}}"#;
        let (facts, hasher) = facts(set, Kind::Data);
        let expected = ["sid", "lang"].map(|name| hasher.hash_one(name));
        assert_eq!(facts.cookies, HashSet::from(expected));
        assert!(facts.sets_domain_cookies && !facts.gets_cookies);
    }

    #[test]
    fn policies_count_if_they_speak_of_connections() {
        for (policy, expected) in [
            ("img-src *; connect-src 'self'", true),
            ("Default-Src 'none'", true),
            ("img-src *, connect-src x", true),
            ("script-src connect-src.example", false),
        ] {
            assert_eq!(restricts_connections(policy), expected, "{policy}");
        }
    }

    #[test]
    fn urls_in_bodies_are_found() {
        let text = r#"{"a": "https://api.ep.com/x", b: 'http://[::1]:80', c: "://", ws://é"#;
        assert_eq!(authorities(text).collect::<Vec<_>>(), ["api.ep.com", "[::1]:80"]);
    }
}

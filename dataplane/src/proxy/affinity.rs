//! The cookie that keeps a client with an endpoint. What it holds is a keyed hash of the backend and
//! the endpoint: every replica has the same, and it tells nothing else.

use super::headers::{cookies, map_lines, pieces};
use crate::{
    endpoint::BackendSet,
    table::{Affinity, Backend, Protocol},
};
use data_encoding::BASE64URL_NOPAD;
use hashbrown::HashMap;
use http::{HeaderMap, HeaderValue, header};
use sha2::{Digest, Sha256};
use std::{fmt::Write, net::SocketAddr, sync::Arc};

/// How many bytes of the hash are kept: enough that no two endpoints of a Route have the same.
const ID_BYTES: usize = 12;

/// How many cookies of the name are looked at: a client may have several, for other paths or
/// domains.
const MAX_COOKIES: usize = 8;

/// What the cookie holds for an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct SessionId([u8; ID_BYTES]);

impl SessionId {
    /// The id of an endpoint of `backend`.
    fn of(key: &str, backend: &Backend, address: SocketAddr) -> Self {
        let protocol = match backend.protocol {
            Protocol::Http1 => "http",
            Protocol::H2c => "h2c",
            Protocol::Https(_) => "https",
        };
        let mut hash = Sha256::new();
        hash.update("portico affinity\0");
        // None of these has a NUL.
        for part in [key, &backend.name, protocol, &address.to_string()] {
            hash.update(part);
            hash.update("\0");
        }
        let hash = hash.finalize();
        let mut id = [0; ID_BYTES];
        id.iter_mut().zip(hash).for_each(|(to, byte)| *to = byte);
        Self(id)
    }

    fn parse(value: &[u8]) -> Option<Self> {
        let decoded = BASE64URL_NOPAD.decode(value).ok()?;
        decoded.try_into().ok().map(Self)
    }

    /// The `Set-Cookie` that names it (RFC 6265 §4.1).
    pub(super) fn set_cookie(self, affinity: &Affinity, is_https: bool) -> Option<HeaderValue> {
        let id = BASE64URL_NOPAD.encode(&self.0);
        let mut line = format!("{}={id}; Path=/; HttpOnly; SameSite=Lax", affinity.cookie);
        if let Some(max_age) = affinity.max_age {
            // Writing to memory can't fail.
            let _ = write!(line, "; Max-Age={}", max_age.as_secs());
        }
        if is_https {
            line.push_str("; Secure");
        }
        // The compiler admits only names that are tokens.
        HeaderValue::try_from(line).ok()
    }
}

/// The endpoints of a Route by what the cookie holds for them.
#[derive(Debug)]
pub(super) struct Sessions {
    /// The index of the backend, and that of the endpoint among its members.
    by_id: HashMap<SessionId, (usize, usize)>,
    by_place: Vec<Vec<SessionId>>,
}

impl Sessions {
    /// Those of a Route's backends; `key` is the FrontDoor's uid, which no client knows.
    pub(super) fn of(key: &str, backends: &[Arc<Backend>], sets: &[Arc<BackendSet>]) -> Self {
        let of_backend = |(backend, set): (&Arc<Backend>, &Arc<BackendSet>)| -> Vec<_> {
            let addresses = set.members.iter().map(|member| member.endpoint.address());
            addresses.map(|address| SessionId::of(key, backend, address)).collect()
        };
        let by_place: Vec<_> = backends.iter().zip(sets).map(of_backend).collect();
        let places = by_place.iter().enumerate().flat_map(|(backend, ids)| {
            ids.iter().enumerate().map(move |(index, id)| (*id, (backend, index)))
        });
        Self { by_id: places.collect(), by_place }
    }

    /// The backend and the member that a client's cookie names.
    pub(super) fn find(&self, headers: &HeaderMap, affinity: &Affinity) -> Option<(usize, usize)> {
        let values = cookies(headers, &affinity.cookie).take(MAX_COOKIES);
        values.filter_map(SessionId::parse).find_map(|id| self.by_id.get(&id).copied())
    }

    /// What the cookie holds for a member of a backend.
    pub(super) fn id(&self, backend: usize, index: usize) -> Option<SessionId> {
        self.by_place.get(backend)?.get(index).copied()
    }
}

/// Removes cookies with one of these names, and lines that have no others.
pub(super) fn remove_cookies(headers: &mut HeaderMap, names: &[String]) {
    let is_removed = |name: &[u8]| names.iter().any(|one| one.as_bytes() == name);
    let has_any = |line: &HeaderValue| pieces(line.as_bytes()).any(|(name, _)| is_removed(name));
    if names.is_empty() || !headers.get_all(header::COOKIE).iter().any(has_any) {
        return;
    }
    map_lines(headers, header::COOKIE, |line| {
        if has_any(&line) { without(&line, is_removed) } else { Some(line) }
    });
}

/// A line without the cookies that are removed; `None` if that is all of it.
fn without(line: &HeaderValue, is_removed: impl Fn(&[u8]) -> bool) -> Option<HeaderValue> {
    let left = pieces(line.as_bytes()).filter(|(name, _)| !is_removed(name));
    let left: Vec<_> = left.map(|(_, piece)| piece).collect();
    let left = left.join(&b';');
    // It begins with the first piece that is left. Its bytes are those of a valid value.
    let left = left.trim_ascii();
    HeaderValue::from_bytes(left).ok().filter(|left| !left.is_empty())
}

/// Removes what a backend sets under the cookie's name, which is the front door's.
pub(super) fn remove_set_cookies(headers: &mut HeaderMap, name: &str) {
    let is_own = |line: &HeaderValue| {
        pieces(line.as_bytes()).next().is_some_and(|(own, _)| own == name.as_bytes())
    };
    if !headers.get_all(header::SET_COOKIE).iter().any(is_own) {
        return;
    }
    map_lines(headers, header::SET_COOKIE, |line| Some(line).filter(|line| !is_own(line)));
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::table::{HostHeader, Target};
    use proptest::prelude::*;
    use std::time::Duration;

    fn backend(name: &str, protocol: Protocol) -> Backend {
        Backend {
            name: name.to_owned(),
            weight: 1,
            priority: 0,
            protocol,
            host: HostHeader::Preserve,
            own_authorities: vec![],
            target: Target::Endpoints([].into()),
        }
    }

    fn headers(name: header::HeaderName, lines: &[&str]) -> HeaderMap {
        lines.iter().map(|line| (name.clone(), line.parse().unwrap())).collect()
    }

    fn lines(headers: &HeaderMap) -> Vec<&str> {
        headers.values().map(|line| line.to_str().unwrap()).collect()
    }

    /// Replicas of other versions too have the same.
    #[test]
    fn an_id_is_the_same_in_every_process() {
        let address = "10.0.0.1:8080".parse().unwrap();
        let id = |key, name, protocol, address| {
            let id = SessionId::of(key, &backend(name, protocol), address);
            BASE64URL_NOPAD.encode(&id.0)
        };
        let own = id("uid", "web/a:80", Protocol::Http1, address);
        assert_eq!(own, "zt3_ZFiOXQOWVKE_");
        let others = [
            id("uid2", "web/a:80", Protocol::Http1, address),
            id("uid", "web/b:80", Protocol::Http1, address),
            id("uid", "web/a:80", Protocol::H2c, address),
            id("uid", "web/a:80", Protocol::Http1, "10.0.0.1:8081".parse().unwrap()),
        ];
        assert!(!others.contains(&own));
        let parsed = SessionId::parse(own.as_bytes()).unwrap();
        assert_eq!(parsed, SessionId::of("uid", &backend("web/a:80", Protocol::Http1), address));
        for invalid in ["", "AAAA", "AAAAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAAAAAAA", "AAAAAAAAAAAAAA=="]
        {
            assert_eq!(SessionId::parse(invalid.as_bytes()), None, "{invalid}");
        }
    }

    #[test]
    fn the_cookie_is_the_clients_alone() {
        let affinity = |max_age: Option<u64>| Affinity {
            cookie: "portico-affinity".to_owned(),
            max_age: max_age.map(Duration::from_secs),
        };
        let id = SessionId([0; ID_BYTES]);
        assert_eq!(
            id.set_cookie(&affinity(None), false).unwrap(),
            "portico-affinity=AAAAAAAAAAAAAAAA; Path=/; HttpOnly; SameSite=Lax"
        );
        assert_eq!(
            id.set_cookie(&affinity(Some(60)), true).unwrap(),
            "portico-affinity=AAAAAAAAAAAAAAAA; Path=/; HttpOnly; SameSite=Lax; Max-Age=60; Secure"
        );
    }

    #[test]
    fn cookies_are_removed_by_name_and_others_stay_as_they_are() {
        let names = ["aff".to_owned(), "other".to_owned()];
        for (sent, left) in [
            (&["aff=1"][..], &[][..]),
            (&["a=b; aff=1; c=\"d;e\""], &["a=b; c=\"d;e\""]),
            (&["aff=1; a=b"], &["a=b"]),
            (&["a=b;aff=1", "aff=2", "c=d"], &["a=b", "c=d"]),
            (&["  aff = 1;other=2; aff=3"], &[]),
            (&["Aff=1; xaff=2; aff2=3; a=aff=1"], &["Aff=1; xaff=2; aff2=3; a=aff=1"]),
            (&["aff"], &[]),
            (&["a=b;; c"], &["a=b;; c"]),
        ] {
            let mut sent = headers(header::COOKIE, sent);
            remove_cookies(&mut sent, &names);
            assert_eq!(lines(&sent), left);
        }
        let mut set = headers(header::SET_COOKIE, &["aff=1; Path=/", "a=aff", "b=1; aff=2"]);
        remove_set_cookies(&mut set, "aff");
        assert_eq!(lines(&set), ["a=aff", "b=1; aff=2"]);
    }

    #[test]
    fn every_cookie_of_the_name_is_read_within_a_bound() {
        let sent = headers(header::COOKIE, &["a=1; aff=x ;aff=y=z", "aff= w"]);
        let found: Vec<_> = cookies(&sent, "aff").collect();
        assert_eq!(found, [&b"x"[..], b"y=z", b"w"]);
    }

    proptest! {
        #[test]
        fn nothing_is_left_of_the_cookie(
            lines in prop::collection::vec("[ ;=a-c\"]{0,12}", 0..4),
        ) {
            let lines: Vec<_> = lines.iter().map(String::as_str).collect();
            let mut sent = headers(header::COOKIE, &lines);
            let others = |headers: &HeaderMap| -> Vec<Vec<u8>> {
                let lines = headers.get_all(header::COOKIE).iter();
                let pieces = lines.flat_map(|line| pieces(line.as_bytes()));
                let others = pieces.filter(|(name, piece)| {
                    *name != b"a" && !piece.trim_ascii().is_empty()
                });
                others.map(|(_, piece)| piece.trim_ascii().to_vec()).collect()
            };
            let before = others(&sent);
            remove_cookies(&mut sent, &["a".to_owned()]);
            prop_assert_eq!(cookies(&sent, "a").count(), 0);
            prop_assert_eq!(others(&sent), before);
        }
    }
}

//! What the policy `Hash` hashes of a request.

use super::headers::{KeptApart, cookies};
use crate::{
    stable_hash::fnv1a,
    table::{HashOn, Policy},
};
use http::HeaderMap;
use std::net::IpAddr;

/// The hash of what `policy` names, the same in every process; `None` if it is another policy, or
/// the request does not have it. A cookie is named as the backend knows it.
pub(super) fn hash_key(
    policy: &Policy,
    headers: &HeaderMap,
    client: IpAddr,
    kept_apart: Option<KeptApart<'_>>,
) -> Option<u64> {
    let Policy::Hash(on) = policy else { return None };
    match on {
        HashOn::Header(name) => headers.get(name).map(|value| fnv1a(value.as_bytes())),
        HashOn::Cookie(name) => {
            let sent = kept_apart.map_or(name.as_str().into(), |it| it.sent_name(name));
            cookies(headers, &sent).next().map(fnv1a)
        }
        HashOn::ClientAddress => Some(match client.to_canonical() {
            IpAddr::V4(address) => fnv1a(&address.octets()),
            IpAddr::V6(address) => fnv1a(&address.octets()),
        }),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use http::{HeaderName, HeaderValue, header};

    #[test]
    fn what_is_named_is_hashed_if_it_is_there() {
        let mut headers = HeaderMap::new();
        headers.insert("x-user", HeaderValue::from_static("ada"));
        headers.append(header::COOKIE, HeaderValue::from_static("a=1; user=ada"));
        let client: IpAddr = "192.0.2.1".parse().unwrap();
        let key = |on| hash_key(&Policy::Hash(on), &headers, client, None);
        let ada = Some(fnv1a(b"ada"));
        assert_eq!(key(HashOn::Header(HeaderName::from_static("x-user"))), ada);
        assert_eq!(key(HashOn::Header(HeaderName::from_static("x-other"))), None);
        assert_eq!(key(HashOn::Cookie("user".into())), ada);
        assert_eq!(key(HashOn::Cookie("use".into())), None);
        let address = key(HashOn::ClientAddress);
        assert_eq!(address, Some(fnv1a(&[192, 0, 2, 1])));
        let mapped = hash_key(
            &Policy::Hash(HashOn::ClientAddress),
            &headers,
            "::ffff:192.0.2.1".parse().unwrap(),
            None,
        );
        assert_eq!(mapped, address);
        assert_eq!(hash_key(&Policy::RoundRobin, &headers, client, None), None);
    }
}

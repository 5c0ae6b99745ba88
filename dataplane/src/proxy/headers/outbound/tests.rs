//! What is added to a request, and where.

use super::{super::untrusted::remove_untrusted, *};
use crate::{
    config::Underscores,
    endpoint::fixtures::service,
    table::{HeaderEdits, TrustedHeaders},
};
use http::HeaderName;
use proptest::prelude::*;

#[test]
fn a_loop_is_found_whatever_bytes_stand_beside_it() {
    let via = Via::new(&"own".into()).unwrap();
    for (line, is_loop) in [
        (&b"1.1 own"[..], true),
        (b"1.0 \xE9, 1.1 own", true),
        (b"1.0 fred (\xE9),1.1\town (\xE9)", true),
        (b"1.1 owner, 1.1 \xE9 own", false),
        (b"own", false),
        (b"", false),
    ] {
        let mut headers = HeaderMap::new();
        headers.append(header::VIA, HeaderValue::from_static("1.1 other"));
        headers.append(header::VIA, HeaderValue::from_bytes(line).unwrap());
        assert_eq!(refuse_loops(&headers, &via).is_err(), is_loop, "{}", line.escape_ascii());
    }
}

/// Names that clients and proxies send, and that are added.
const NAMES: [&str; 12] = [
    "host",
    "accept",
    "te",
    "via",
    "forwarded",
    "x-forwarded-for",
    "x-forwarded-proto",
    "x-real-ip",
    "x-request-id",
    "client-cert",
    "x-own",
    "connection",
];

/// Names that `Connection` lists, or values of other fields.
const VALUES: [&str; 4] = ["via", "x-own, te", "trailers", "10.0.0.9"];

fn fields() -> impl Strategy<Value = HeaderMap> {
    let field = (prop::sample::select(&NAMES[..]), prop::sample::select(&VALUES[..]));
    prop::collection::vec(field, 0..8).prop_map(|fields| {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(name, HeaderValue::from_static(value));
        }
        headers
    })
}

fn edits() -> impl Strategy<Value = HeaderEdits> {
    let name = || {
        let names = prop::sample::select(&NAMES[1..]);
        prop::option::of(names.prop_map(HeaderName::from_static))
    };
    let set = |name| (name, HeaderValue::from_static("set"));
    (name(), name(), name()).prop_map(move |(remove, one, other)| HeaderEdits {
        remove: remove.into_iter().collect(),
        set: one.into_iter().map(set).collect(),
        add: other.into_iter().map(set).collect(),
    })
}

impl Outbound<'_> {
    /// Makes all of it in the headers: the plain form of [`prepare`](Outbound::prepare).
    fn prepare_plainly(&self, headers: &mut HeaderMap, mut present: Present) {
        hop_by_hop::remove_from_request(headers, present, self.upgrade);
        self.forwarded(headers).move_into(headers);
        self.host(headers);
        self.edits.apply_to_request(headers);
        present.add(&header::VIA);
        self.via(headers, present, &mut AddedFields::default());
    }
}

proptest! {
    #[test]
    fn what_is_added_beside_the_head_is_what_it_would_be_in_it(
        sent in fields(),
        edits in edits(),
        has_edits: bool,
        trusted in prop::sample::select(&[
            None,
            Some(TrustedHeaders::XForwarded),
            Some(TrustedHeaders::Forwarded),
        ][..]),
    ) {
        let peer = Peer::new(([10, 0, 0, 1], 5).into(), Scheme::Http);
        let client = ClientInfo {
            trusted,
            address: [10, 0, 0, 7].into(),
            scheme: Scheme::Http,
            host: HeaderValue::from_static("ep.com"),
            port: 80,
        };
        let backend = service("a", &[1]);
        let outbound = Outbound {
            peer: &peer,
            client: &client,
            edits: Edits { own: has_edits.then_some(&edits), ..Edits::default() },
            backend: &backend,
            host: &backend.host,
            id: &HeaderValue::from_static("id"),
            trace_parent: None,
            via: &Via::new(&"own".into()).unwrap(),
            version: Version::HTTP_11,
            upgrade: false,
        };
        let mut headers = sent;
        let present = remove_untrusted(&mut headers, trusted, Underscores::Remove);
        let mut plain = headers.clone();
        outbound.prepare_plainly(&mut plain, present);
        let (_, mut added) = outbound.prepare(&mut headers, present);
        for (name, _) in added.iter() {
            prop_assert!(!headers.contains_key(name), "{name}");
        }
        added.move_into(&mut headers);
        prop_assert_eq!(headers, plain);
    }
}

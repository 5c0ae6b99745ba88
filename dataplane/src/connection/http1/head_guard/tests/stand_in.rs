//! The head that stands in for a refused one.

use super::*;
use crate::{
    config::{HttpsPorts, Underscores},
    path::Slashes,
    proxy::{Arrived, Facts, Via},
    router::{self, RouteTree},
    table::{ObjectName, Table, TrustedHeaders, VirtualHost},
};
use http::HeaderValue;

/// Whatever the table says, it is the guard's refusal that is the answer.
#[tokio::test]
#[allow(clippy::unwrap_used)]
async fn the_head_that_stands_in_for_a_refused_one_is_served_by_no_host() {
    let mut fields = [httparse::EMPTY_HEADER; 4];
    let mut parsed = httparse::Request::new(&mut fields);
    assert!(parsed.parse(STAND_IN).unwrap().is_complete());
    let mut request = Request::builder().method(parsed.method.unwrap()).uri(parsed.path.unwrap());
    for field in parsed.headers.iter() {
        request = request.header(field.name, field.value);
    }
    let (mut head, ()) = request.body(()).unwrap().into_parts();
    let any_host = VirtualHost {
        host: "*".parse().unwrap(),
        front_door: ObjectName::new("web", "ep"),
        trusted_proxies: Arc::default(),
        trusted_headers: TrustedHeaders::default(),
        slashes: Slashes::default(),
        cors: None,
        tls: None,
        rules: Arc::default(),
        unavailable: None,
        not_accepted: None,
        routes: Arc::new(RouteTree::new(Vec::new())),
        uid: Arc::from(""),
        affinity_cookies: Arc::default(),
        shared_cookies: Arc::default(),
        has_separate_cookies: false,
    };
    let table = Table { generation: 1, hosts: [any_host].into_iter().collect() };
    assert!(table.hosts.find("www.ep.com").is_some());
    let state = ConnState::alone(Duration::from_secs(1));
    state.refuse_head(Refusal::HeadTimeout);
    let facts = Facts {
        peer: state.peer(),
        via: &Via::new(&Arc::from("test")).unwrap(),
        underscores: Underscores::default(),
        https_ports: HttpsPorts { http: 80, https: 443, public: None },
        max_body_bytes: None,
        body_length: Some(0),
        predicates: &router::Budget::of_one_request(),
        id: &HeaderValue::from_static("id"),
    };
    let next = Arrived::default().decide(&table, &facts, &mut head);
    assert_eq!(next.err(), Some(Refusal::InvalidHost));
    let host = head.headers.get("host").map(HeaderValue::as_bytes);
    assert_eq!(state.take_refused(host), Some(Refusal::HeadTimeout));
}

//! What the log says of TLS.

use super::*;
use portico_dataplane::table::{ClientCertificateMode, ClientCertificates, HostTls};
use portico_tests::tls::{Authority, Client};
use std::sync::Arc;

#[tokio::test]
async fn the_access_line_names_the_clients_certificate_and_nothing_in_it_forges_another_line() {
    log();
    let backend = Backend::saying("ok").await.unwrap();
    let manifests = one_route(backend.address(), "");
    let edge = Edge::start(&manifests).await.unwrap();
    let partners = Authority::new("partners").unwrap();
    let clients = ClientCertificates {
        authorities: Vec::new(),
        mode: ClientCertificateMode::Optional,
        roots: Some(partners.authorities().unwrap()),
    };
    let pair = partners.issue(&["www.ep.com"]).unwrap();
    let client_certificates = Some(Arc::new(clients));
    let tls = HostTls { client_certificates, ..pair.host("one").unwrap() };
    edge.serve_tls(&manifests, &[("www.ep.com", tls)]).await.unwrap();
    let hostile = "a\"\n{\"target\": \"access\"}";
    for (client, name) in [
        (Client::with(&partners.issue_client("alice").unwrap()), Some("alice")),
        (Client::with(&partners.issue_client(hostile).unwrap()), Some(hostile)),
        (Client::with(&partners.issue(&["b.example", "c.example"]).unwrap()), Some("b.example")),
        (Client::new(), None),
    ] {
        let mut connected = client.unwrap().connect(&edge, "www.ep.com").await.unwrap();
        connected.wire.send(get("/", "")).await.unwrap();
        let answer = connected.wire.read_answer("GET").await.unwrap();
        let lines = lines(&answer.field("x-request-id")).await;
        assert_eq!(lines.len(), 1);
        assert_eq!(lines[0]["version"], "HTTP/1.1");
        assert_eq!(lines[0].get("client_cert").and_then(Value::as_str), name);
    }
}

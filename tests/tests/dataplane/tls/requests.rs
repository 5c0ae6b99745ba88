//! Requests over TLS.

use super::*;
use portico_dataplane::table::{
    ClientCertificateMode, ClientCertificates, Hsts, PlainHttp, TlsVersion,
};
use rustls::version::TLS12;
use std::sync::Arc;

#[tokio::test]
async fn backends_are_told_of_https() {
    let (door, _) = Door::with_one_host(Setup::default()).await;
    let mut connected = Client::new().unwrap().connect(&door.edge, "www.ep.com").await.unwrap();
    let request = "GET / HTTP/1.1\r\nHost: www.ep.com\r\nX-Forwarded-Proto: http\r\n\r\n";
    connected.wire.send(request).await.unwrap();
    assert_eq!(connected.wire.read_answer("GET").await.unwrap().text(), "served");
    let got = door.backend.last().unwrap();
    assert_eq!(got.field("x-forwarded-proto"), "https");
    assert_eq!(got.field("x-forwarded-port"), "443");
    assert_eq!(got.field("forwarded"), "for=127.0.0.1;host=\"www.ep.com\";proto=https");
}

#[tokio::test]
async fn a_connection_carries_requests_for_the_hosts_that_share_its_tls() {
    let hosts =
        ["a.ep.com", "b.ep.com", "strict.ep.com", "asks.ep.com", "other.ep.com", "plain.ep.com"];
    let door = Door::open(Setup::default(), &hosts).await;
    let pair = door.authority.issue(&["*.ep.com"]).unwrap();
    let shared = pair.host("one").unwrap();
    let partners = Authority::new("partners").unwrap().authorities().ok();
    let mode = ClientCertificateMode::Optional;
    let clients = ClientCertificates { authorities: vec![], mode, roots: partners };
    let asks = HostTls { client_certificates: Some(Arc::new(clients)), ..shared.clone() };
    let hsts = Some(Hsts::new(Duration::from_secs(5), false, false));
    // What does not concern the connection may differ.
    let b = HostTls { hsts, plain_http: PlainHttp::Serve, ..shared.clone() };
    let strict = HostTls { min_version: TlsVersion::Tls13, ..shared.clone() };
    door.serve(&[
        ("a.ep.com", shared.clone()),
        ("b.ep.com", b),
        ("strict.ep.com", strict),
        ("asks.ep.com", asks),
        // The same certificate, from another Secret.
        ("other.ep.com", pair.host("two").unwrap()),
    ])
    .await;
    for (client, host, status) in [
        (Client::new().unwrap(), "a.ep.com", 200),
        (Client::new().unwrap(), "b.ep.com", 200),
        (Client::new().unwrap(), "strict.ep.com", 200),
        (Client::of(&TLS12).unwrap(), "strict.ep.com", 421),
        (Client::of(&TLS12).unwrap(), "b.ep.com", 200),
        (Client::new().unwrap(), "asks.ep.com", 421),
        (Client::new().unwrap(), "other.ep.com", 421),
        (Client::new().unwrap(), "plain.ep.com", 421),
        (Client::new().unwrap(), "nobody.example", 404),
    ] {
        let mut connected = client.connect(&door.edge, "a.ep.com").await.unwrap();
        assert_eq!(get(&mut connected.wire, "a.ep.com").await.text(), "served");
        let answer = get(&mut connected.wire, host).await;
        assert_eq!(answer.status(), status, "{host}");
        if status == 421 {
            assert_eq!(answer.reason(), "Misdirected");
            // So that the client does not ask here again.
            assert!(answer.closes());
        }
    }
}

#[tokio::test]
async fn where_authorities_come_from_does_not_matter_to_open_connections() {
    let (door, pair) = Door::with_one_host(Setup::default()).await;
    let partners = Authority::new("partners").unwrap();
    let alice = partners.issue_client("alice").unwrap();
    let asks = |reference: &str, authority: &Authority| {
        let (authorities, mode) = (vec![reference.to_owned()], ClientCertificateMode::Require);
        let clients = ClientCertificates { authorities, mode, roots: authority.authorities().ok() };
        HostTls { client_certificates: Some(Arc::new(clients)), ..pair.host("one").unwrap() }
    };
    door.serve(&[("www.ep.com", asks("ConfigMap web/a, key ca.crt", &partners))]).await;
    let client = Client::with(&alice).unwrap();
    let mut connected = client.connect(&door.edge, "www.ep.com").await.unwrap();
    assert_eq!(get(&mut connected.wire, "www.ep.com").await.text(), "served");
    door.serve(&[("www.ep.com", asks("Secret web/b, key ca.crt", &partners))]).await;
    assert_eq!(get(&mut connected.wire, "www.ep.com").await.text(), "served");
    let others = Authority::new("others").unwrap();
    door.serve(&[("www.ep.com", asks("Secret web/b, key ca.crt", &others))]).await;
    assert_eq!(get(&mut connected.wire, "www.ep.com").await.status(), 421);
}

#[tokio::test]
async fn hsts_is_on_every_answer_over_https_and_on_none_in_the_clear() {
    let door = Door::open(Setup::default(), &["www.ep.com", "bare.ep.com", "other.ep.com"]).await;
    let own =
        "HTTP/1.1 200 OK\r\nStrict-Transport-Security: max-age=1\r\nContent-Length: 0\r\n\r\n";
    let backend = Backend::answering(own).await.unwrap();
    let door = Door { backend, ..door };
    let pair = door.authority.issue(&["www.ep.com"]).unwrap();
    let hsts = Some(Hsts::new(Duration::from_secs(31_536_000), true, false));
    let plain_http = PlainHttp::Serve;
    let tls = HostTls { hsts, plain_http, ..pair.host("one").unwrap() };
    let bare = HostTls { plain_http, ..pair.host("one").unwrap() };
    let other = HostTls { ..pair.host("two").unwrap() };
    door.serve(&[("www.ep.com", tls), ("bare.ep.com", bare), ("other.ep.com", other)]).await;
    let year = "max-age=31536000; includeSubDomains";
    let mut connected = Client::new().unwrap().connect(&door.edge, "www.ep.com").await.unwrap();
    let mut plain = Wire::connect(door.edge.address()).await.unwrap();
    for (request, status, https) in [
        ("GET / HTTP/1.1\r\nHost: www.ep.com\r\n\r\n", 200, year),
        ("GET / HTTP/1.1\r\nHost: bare.ep.com\r\n\r\n", 200, "max-age=1"),
        ("GET /%zz HTTP/1.1\r\nHost: www.ep.com\r\n\r\n", 400, year),
        ("GET / HTTP/1.1\r\nHost: www.ep.com\r\nVia: 1.1 portico-test\r\n\r\n", 508, year),
        ("GET / HTTP/1.1\r\nHost: nobody.example\r\n\r\n", 404, ""),
        ("GET / HTTP/1.1\r\nHost: other.ep.com\r\n\r\n", 421, ""),
    ] {
        connected.wire.send(request).await.unwrap();
        let answer = connected.wire.read_answer("GET").await.unwrap();
        assert_eq!(answer.status(), status, "{request}");
        assert_eq!(answer.field("strict-transport-security"), https, "{request}");
        if status != 421 {
            plain.send(request).await.unwrap();
            let answer = plain.read_answer("GET").await.unwrap();
            assert_eq!(answer.status(), status, "{request}");
            assert_eq!(answer.field("strict-transport-security"), "", "{request}");
        }
    }
}

#[tokio::test]
async fn hsts_is_on_refusals_of_every_kind() {
    let limits = Limits { header_timeout: SHORT * 5, ..Limits::default() };
    let (door, pair) = Door::with_one_host(super::limits(limits)).await;
    let hsts = Some(Hsts::new(Duration::from_secs(7), false, false));
    let tls = HostTls { hsts, ..pair.host("one").unwrap() };
    door.serve_with("trustedProxies: [127.0.0.0/8]", &[("www.ep.com", tls)]).await;
    let long = "x".repeat(100_000);
    for (request, status) in [
        ("TRACE / HTTP/1.1\r\nHost: www.ep.com\r\n\r\n", 405),
        ("CONNECT www.ep.com:443 HTTP/1.1\r\nHost: www.ep.com:443\r\n\r\n", 405),
        ("GET / HTTP/1.1\r\nHost: www.ep.com\r\nX-Forwarded-Host: a.example\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: www.ep.com\r\nHost: www.ep.com\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: www.ep.com\r\nno field\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: www.ep.com\r\n", 408),
        (format!("GET /{long} HTTP/1.1\r\nHost: www.ep.com\r\n\r\n").as_str(), 414),
        (format!("GET / HTTP/1.1\r\nHost: www.ep.com\r\nX: {long}\r\n\r\n").as_str(), 431),
    ] {
        let shown = &request[..request.len().min(80)];
        for (is_secure, hsts) in [(true, "max-age=7"), (false, "")] {
            let mut wire = match is_secure {
                true => {
                    Client::new().unwrap().connect(&door.edge, "www.ep.com").await.unwrap().wire
                }
                false => Wire::connect(door.edge.address()).await.unwrap(),
            };
            // It may be refused before all of it is taken.
            let _ = wire.send(request).await;
            let answer = wire.read_answer("GET").await.unwrap();
            assert_eq!(answer.status(), status, "{shown}");
            assert_eq!(answer.field("strict-transport-security"), hsts, "{shown}");
        }
    }
}

#[tokio::test]
async fn bodies_of_any_size_pass_both_ways() {
    let backend = Backend::scripted(|request| {
        let body = &request.body;
        let mut answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
        answer.push_str(&String::from_utf8_lossy(body));
        portico_tests::backend::Reply::raw(answer)
    });
    let door = Door::open(Setup::default(), &["www.ep.com"]).await;
    let door = Door { backend: backend.await.unwrap(), ..door };
    let pair = door.authority.issue(&["www.ep.com"]).unwrap();
    door.serve(&[("www.ep.com", pair.host("one").unwrap())]).await;
    let mut connected = Client::new().unwrap().connect(&door.edge, "www.ep.com").await.unwrap();
    for size in [0, 1, 16_383, 16_384, 16_385, 70_000, 3_000_000] {
        let body = "x".repeat(size);
        connected.wire.send(portico_tests::wire::post("/", "", &body)).await.unwrap();
        let answer = connected.wire.read_answer("POST").await.unwrap();
        assert!(answer.complete && answer.body == body.as_bytes(), "{size}");
    }
}

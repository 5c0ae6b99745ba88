//! Plain HTTP for hosts with TLS.

use super::*;
use portico_dataplane::table::{ClientCertificateMode, ClientCertificates, PlainHttp};
use std::sync::Arc;

async fn door(setup: Setup, plain_http: PlainHttp, spec: &str) -> Door {
    let (door, pair) = Door::with_one_host(setup).await;
    let tls = HostTls { plain_http, ..pair.host("one").unwrap() };
    door.serve_with(spec, &[("www.ep.com", tls)]).await;
    door
}

async fn ask(door: &Door, host: &str, target: &str, fields: &str) -> Message {
    let mut wire = Wire::connect(door.edge.address()).await.unwrap();
    let request = format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n{fields}\r\n");
    wire.send(request).await.unwrap();
    wire.read_answer("GET").await.unwrap()
}

#[tokio::test]
async fn it_is_redirected_to_where_https_is() {
    for public in [None, Some(30443)] {
        let setup = Setup { public_https_port: public, ..Setup::default() };
        let door = door(setup, PlainHttp::Redirect, "").await;
        let (http, https) = (door.edge.address().port(), door.edge.https().port());
        let own = format!("www.ep.com:{http}");
        let (default, listening) = match public {
            None => (String::new(), format!(":{https}")),
            Some(port) => (format!(":{port}"), format!(":{port}")),
        };
        for (host, target, port) in [
            ("www.ep.com", "/a%2fb/../c?d=%zz&e", &default),
            ("WWW.ep.com", "/", &default),
            ("www.ep.com:80", "/?", &default),
            ("www.ep.com:81", "//x", &default),
            (own.as_str(), "/a", &listening),
        ] {
            let answer = ask(&door, host, target, "").await;
            assert_eq!(answer.status(), 308, "{host}");
            let name = host.split(':').next().unwrap();
            let expected = format!("https://{name}{port}{target}");
            assert_eq!(answer.field("location"), expected);
            assert_eq!(answer.field("strict-transport-security"), "");
            assert!(!answer.field("x-request-id").is_empty());
        }
        // What is refused over https is refused here.
        assert_eq!(ask(&door, "www.ep.com", "/%zz", "").await.status(), 400);
        assert!(door.backend.requests().is_empty());
    }
}

#[tokio::test]
async fn it_is_redirected_before_anything_of_the_route() {
    let cors = "cors: {allowOrigins: ['https://app.example'], disallowedOrigin: Reject}";
    let door = door(Setup::default(), PlainHttp::Redirect, cors).await;
    let preflight = "Origin: https://evil.example\r\nAccess-Control-Request-Method: PUT\r\n";
    let answer = ask(&door, "www.ep.com", "/", preflight).await;
    assert_eq!(answer.status(), 308);
    let post = "POST /p HTTP/1.1\r\nHost: www.ep.com\r\nContent-Length: 3\r\n\r\nabc";
    let mut wire = Wire::connect(door.edge.address()).await.unwrap();
    wire.send(post).await.unwrap();
    let answer = wire.read_answer("POST").await.unwrap();
    assert_eq!((answer.status(), answer.field("location").as_str()), (308, "https://www.ep.com/p"));
}

#[tokio::test]
async fn it_is_refused_or_served_as_the_host_says() {
    let refusing = door(Setup::default(), PlainHttp::Refuse, "").await;
    let answer = ask(&refusing, "www.ep.com", "/", "").await;
    assert_eq!((answer.status(), answer.reason().as_str()), (403, "PlainHttp"));
    assert!(refusing.backend.requests().is_empty());
    let serving = door(Setup::default(), PlainHttp::Serve, "").await;
    assert_eq!(ask(&serving, "www.ep.com", "/", "").await.text(), "served");
    assert_eq!(serving.backend.last().unwrap().field("x-forwarded-proto"), "http");
}

#[tokio::test]
async fn what_a_trusted_proxy_calls_https_is_https() {
    for plain_http in [PlainHttp::Redirect, PlainHttp::Refuse] {
        let door = door(Setup::default(), plain_http, "trustedProxies: [127.0.0.0/8]").await;
        let fields = "X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: https\r\n";
        assert_eq!(ask(&door, "www.ep.com", "/", fields).await.text(), "served");
        let fields = "X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: http\r\n";
        assert_ne!(ask(&door, "www.ep.com", "/", fields).await.status(), 200);
    }
    // Of anybody else it is not believed.
    let door = door(Setup::default(), PlainHttp::Redirect, "").await;
    assert_eq!(ask(&door, "www.ep.com", "/", "X-Forwarded-Proto: https\r\n").await.status(), 308);
}

#[tokio::test]
async fn https_by_a_proxys_word_does_not_stand_for_a_certificate() {
    let (door, pair) = Door::with_one_host(Setup::default()).await;
    let roots = Authority::new("partners").unwrap().authorities().ok();
    for (mode, status) in
        [(ClientCertificateMode::Require, 403), (ClientCertificateMode::Optional, 200)]
    {
        let clients = ClientCertificates { authorities: vec![], mode, roots: roots.clone() };
        let client_certificates = Some(Arc::new(clients));
        let tls = HostTls { client_certificates, ..pair.host("one").unwrap() };
        door.serve_with("trustedProxies: [127.0.0.0/8]", &[("www.ep.com", tls)]).await;
        let fields = "X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: https\r\n";
        assert_eq!(ask(&door, "www.ep.com", "/", fields).await.status(), status, "{mode:?}");
    }
}

//! What a WebSocket depends on.

use super::*;

#[tokio::test]
async fn what_a_websocket_over_http_2_depends_on_is_explained() {
    let backend = backend().await;
    for (protocol, otherwise) in [
        ("http", None),
        ("kubernetes.io/h2c", Some("otherwise the response is 501")),
        ("https", Some("otherwise it goes over HTTP/1.1")),
    ] {
        let app = route("app", "backends: [{service: {name: app, port: 80}}]");
        let services = service("app", protocol, &[backend.address()]);
        let edge = Edge::start(&[front_door(""), services.clone(), app.clone()].concat()).await;
        let compiled = edge.unwrap().serve(&[front_door(""), services, app].concat()).await;
        let compiled = compiled.unwrap();
        for (headers, is_handshake) in
            [(&[("connection", "upgrade"), ("upgrade", "websocket")][..], true), (&[], false)]
        {
            let case = Case { method: "GET", target: "/", origin: None, headers };
            let notes = explained(&compiled, &case).notes.join("\n");
            let expected = otherwise.filter(|_| is_handshake);
            assert_eq!(notes.contains("extended CONNECT"), expected.is_some(), "{notes}");
            assert!(notes.contains(expected.unwrap_or_default()), "{notes}");
        }
    }
}

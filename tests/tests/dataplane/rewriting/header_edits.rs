//! `requestHeaders` and `responseHeaders`.

use portico_tests::{
    backend::{Backend, front_door, one_route, route},
    edge::Edge,
    wire::{ask, get},
};

const EDITS: &str = "\
requestHeaders:
  remove: [x-gone, x-both, authorization]
  set:
  - {name: x-key, valueFrom: {secretKeyRef: {name: key, key: token}}}
  - {name: x-both, value: set}
  - {name: x-forwarded-proto, value: gopher}
  add: [{name: x-both, value: added}, {name: x-many, value: '3'}]
responseHeaders:
  remove: [server, x-powered-by]
  set: [{name: x-both, value: set}]
  add: [{name: x-both, value: added}, {name: set-cookie, value: edge=1}]";

const SECRET: &str = "---\napiVersion: v1\nkind: Secret\nmetadata: {name: key, namespace: web}\nstringData: {token: s3cr3t}\n";

#[tokio::test]
async fn edits_run_remove_set_add() {
    let backend = Backend::answering(
        "HTTP/1.1 200 OK\r\nServer: x\r\nX-Powered-By: a\r\nX-Powered-By: b\r\nX-Both: theirs\r\nSet-Cookie: a=1\r\nContent-Length: 0\r\n\r\n",
    )
    .await
    .unwrap();
    let manifests = one_route(backend.address(), EDITS) + SECRET;
    let edge = Edge::start(&manifests).await.unwrap();
    let fields = "X-Gone: 1\r\nx-gone: 2\r\nX-Both: mine\r\nX-Many: 1\r\nX-Many: 2\r\nX-Key: mine\r\nAuthorization: Basic eA==\r\n";
    let answer = ask(edge.address(), get("/", fields)).await.unwrap();
    let got = backend.request().unwrap();
    assert_eq!(got.fields("x-gone"), [""; 0]);
    assert_eq!(got.fields("authorization"), [""; 0]);
    assert_eq!(got.fields("x-key"), ["s3cr3t"]);
    assert_eq!(got.fields("x-both"), ["set", "added"]);
    assert_eq!(got.fields("x-many"), ["1", "2", "3"]);
    assert_eq!(got.fields("x-forwarded-proto"), ["gopher"]);
    assert_eq!(answer.fields("server"), [""; 0]);
    assert_eq!(answer.fields("x-powered-by"), [""; 0]);
    assert_eq!(answer.fields("x-both"), ["set", "added"]);
    assert_eq!(answer.fields("set-cookie"), ["a=1", "edge=1"]);
}

#[tokio::test]
async fn the_edges_own_answers_are_edited_too() {
    let manifests = [
        front_door(""),
        route(
            "to",
            "matches: [{path: /to}]\nredirect: {path: /new}\nresponseHeaders: {set: [{name: cache-control, value: no-store}]}",
        ),
        route(
            "fixed",
            "matches: [{path: /fixed}]\nrespond: {status: 410, body: gone}\nresponseHeaders: {add: [{name: x-a, value: b}]}",
        ),
    ];
    let edge = Edge::start(&manifests.concat()).await.unwrap();
    let answer = ask(edge.address(), get("/to", "")).await.unwrap();
    assert_eq!((answer.status(), answer.field("cache-control")), (302, "no-store".into()));
    let answer = ask(edge.address(), get("/fixed", "")).await.unwrap();
    assert_eq!(
        (answer.status(), answer.field("x-a"), answer.text()),
        (410, "b".into(), "gone".into())
    );
}

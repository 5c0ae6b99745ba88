//! The admin port's page and its data, over sockets: `portico serve` as a process of its own.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod events;
mod explain;
mod failures;
mod history;
mod page;
mod report;
mod routes;

use portico_tests::{
    backend::{Backend, Reply, front_door, route, service},
    serve::Serve,
    wire::{Message, PATIENCE, Wire, get},
};
use serde_json::Value;
use std::time::Instant;

/// A secret that a Route adds to requests.
const SECRET: &str = "s3cr3t-value-of-a-key";

/// A Route `app` for everything but `/broken`, `/gone` and `/cross`, to one backend that answers
/// `/fail` with a 500 and `/cut` with half a response; a Route that is not accepted; one whose
/// Service has no endpoint; one with a CORS policy.
struct Site {
    serve: Serve,
    _backend: Backend,
}

impl Site {
    async fn start(flags: &[&str]) -> Self {
        let backend = Backend::scripted(|request| match request.target() {
            "/fail" | "/fail?token=secret" => {
                Reply::raw("HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n")
            }
            "/cut?token=secret" => {
                Reply::raw("HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf").then_close()
            }
            _ => Reply::ok("hello"),
        });
        let backend = backend.await.unwrap();
        let secret = "---\napiVersion: v1\nkind: Secret\nmetadata: {name: key, namespace: web}\n";
        let manifests = [
            front_door(""),
            service("app", "http", &[backend.address()]),
            service("gone", "http", &[]),
            format!("{secret}stringData: {{token: {SECRET}}}\n"),
            route(
                "app",
                "backends: [{service: {name: app, port: 80}}]\nrequestHeaders: {set: [{name: x-key, valueFrom: {secretKeyRef: {name: key, key: token}}}]}",
            ),
            route(
                "broken",
                "matches: [{path: /broken/*}]\nbackends: [{service: {name: app, port: 80, weight: 1}}]",
            ),
            route(
                "gone",
                "matches: [{path: /gone}]\nbackends: [{service: {name: gone, port: 80}}]",
            ),
            route(
                "cross",
                "matches: [{path: /cross}]\nbackends: [{service: {name: app, port: 80}}]\ncors: {allowOrigins: ['https://app.example.com'], allowMethods: [PUT]}",
            ),
        ];
        let serve = Serve::start(&manifests.concat(), flags).unwrap();
        Self { serve, _backend: backend }
    }

    /// A request to the front door; its status.
    async fn request(&self, method: &str, target: &str, fields: &str) -> u16 {
        let mut wire = Wire::connect(self.serve.http).await.unwrap();
        let request = format!("{method} {target} HTTP/1.1\r\nHost: www.ep.com\r\n{fields}\r\n");
        wire.send(request).await.unwrap();
        wire.read_answer(method).await.unwrap().status()
    }

    /// A request to the admin port.
    async fn ask(&self, request: &str) -> Message {
        let mut wire = Wire::connect(self.serve.admin).await.unwrap();
        wire.send(request).await.unwrap();
        wire.read_answer("GET").await.unwrap()
    }

    /// A page of the admin port.
    async fn page(&self, path: &str) -> Message {
        self.ask(&format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n")).await
    }

    async fn json(&self, path: &str) -> Value {
        let page = self.page(path).await;
        assert_eq!((page.status(), page.field("content-type").as_str()), (200, "application/json"));
        serde_json::from_str(&page.text()).unwrap()
    }

    /// Waits until `/api/routes` shows what `find` finds.
    async fn becomes<T>(&self, what: &str, find: impl Fn(&Value) -> Option<T>) -> T {
        let start = Instant::now();
        loop {
            let shown = self.json("/api/routes").await;
            if let Some(found) = find(&shown) {
                return found;
            }
            assert!(start.elapsed() < PATIENCE, "{what}: {shown:#}");
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    }
}

/// The Route of this name.
fn row(shown: &Value, name: &str) -> Value {
    let routes = shown["routes"].as_array().unwrap();
    routes.iter().find(|route| route["name"] == name).cloned().unwrap_or_default()
}

#[tokio::test]
async fn an_unknown_page_lists_those_that_there_are() {
    let site = Site::start(&[]).await;
    let unknown = site.ask(&get("/nowhere", "")).await;
    assert_eq!(unknown.status(), 404);
    for page in
        ["/api/routes", "/api/failures", "/api/events", "/api/explain", "/report", "/debug/table"]
    {
        assert!(unknown.text().contains(page), "{page}: {}", unknown.text());
    }
}

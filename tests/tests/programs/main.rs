//! The binary as other programs meet it: curl, OpenSSL, Prometheus, collectors, clients that send
//! garbage, signals.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod curl;
mod endpoint_changes;
mod garbage;
mod openssl;
mod program;
mod prometheus;
mod signals;
mod telemetry;

use portico_tests::{
    backend::{Backend, route, service},
    serve::Serve,
    tls::{Authority, Pair},
};
use std::path::PathBuf;
use tempfile::TempDir;

/// www.ep.com and api.ep.com share a Secret; old.ep.com takes TLS 1.3 alone, and has another.
const FRONT_DOORS: &str = "---
apiVersion: portico.dev/v1alpha1
kind: FrontDoor
metadata: {name: ep, namespace: web}
spec:
  hosts:
  - {name: www.ep.com, tls: {secretRef: {name: one}}}
  - {name: api.ep.com, tls: {secretRef: {name: one}}}
---
apiVersion: portico.dev/v1alpha1
kind: FrontDoor
metadata: {name: strict, namespace: web}
spec:
  hosts: [{name: strict.ep.com, tls: {secretRef: {name: two}}}]
  tls: {minVersion: VersionTLS13}
";

/// `portico serve` with these hosts, and one backend for all of them.
struct Site {
    serve: Serve,
    backend: Backend,
    authority: PathBuf,
    _folder: TempDir,
}

impl Site {
    async fn start(backend: Backend) -> Self {
        let authority = Authority::new("Portico's tests").unwrap();
        let one = authority.issue(&["www.ep.com", "api.ep.com"]).unwrap();
        let two = authority.issue(&["strict.ep.com"]).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ca.pem");
        std::fs::write(&file, authority.pem()).unwrap();
        let serve = Serve::start(&manifests(&backend, &one, &two), &[]).unwrap();
        Self { serve, backend, authority: file, _folder: folder }
    }
}

fn manifests(backend: &Backend, one: &Pair, two: &Pair) -> String {
    let to = "backends: [{service: {name: app, port: 80}}]";
    let strict = format!("frontDoorRef: {{name: strict}}\n{to}");
    let strict = route("strict", &strict).replacen("  frontDoorRef: {name: ep}\n", "", 1);
    [
        FRONT_DOORS.to_owned(),
        one.secret("one"),
        two.secret("two"),
        service("app", "http", &[backend.address()]),
        route("app", to),
        strict,
    ]
    .concat()
}

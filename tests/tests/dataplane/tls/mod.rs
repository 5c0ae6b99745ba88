//! TLS at the door.

mod client_certificates;
mod hostile;
mod http2;
mod lifecycle;
mod manifests;
mod names;
mod plain_http;
mod requests;
mod sessions;

use portico_dataplane::{config::Limits, table::HostTls};
use portico_tests::{
    backend::{Backend, route, service},
    edge::{Edge, Setup},
    tls::{Authority, Client, Pair},
    wire::{Message, PATIENCE, Wire},
};
use std::time::{Duration, Instant};

/// Time enough for the edge to do wrong.
const SHORT: Duration = Duration::from_millis(100);
const LONG: Duration = Duration::from_secs(600);

const GET: &str = "GET / HTTP/1.1\r\nHost: www.ep.com\r\n\r\n";

/// Manifests that forward everything of these hosts to a backend; `spec` is the rest of the
/// FrontDoor's.
fn manifests_of(backend: &Backend, hosts: &[&str], spec: &str) -> String {
    let hosts: Vec<_> = hosts.iter().map(|host| format!("{{name: '{host}'}}")).collect();
    let door = format!(
        "---\napiVersion: portico.dev/v1alpha1\nkind: FrontDoor\nmetadata: {{name: ep, namespace: web}}\nspec:\n  hosts: [{}]\n  {spec}\n",
        hosts.join(", ")
    );
    let app = route("app", "backends: [{service: {name: app, port: 80}}]");
    [door, service("app", "http", &[backend.address()]), app].concat()
}

/// An edge with TLS for some hosts.
struct Door {
    edge: Edge,
    backend: Backend,
    authority: Authority,
    hosts: Vec<&'static str>,
}

impl Door {
    async fn open(setup: Setup, hosts: &[&'static str]) -> Self {
        let backend = Backend::saying("served").await.unwrap();
        let hosts = hosts.to_vec();
        let edge = Edge::start_with(setup, &manifests_of(&backend, &hosts, "")).await.unwrap();
        Self { edge, backend, authority: Authority::new("test").unwrap(), hosts }
    }

    /// www.ep.com with a certificate.
    async fn with_one_host(setup: Setup) -> (Self, Pair) {
        let door = Self::open(setup, &["www.ep.com"]).await;
        let pair = door.authority.issue(&["www.ep.com"]).unwrap();
        door.serve(&[("www.ep.com", pair.host("one").unwrap())]).await;
        (door, pair)
    }

    /// Gives these hosts TLS, and the others none.
    async fn serve(&self, tls: &[(&str, HostTls)]) {
        self.serve_with("", tls).await;
    }

    /// The same with more of the FrontDoor's spec.
    async fn serve_with(&self, spec: &str, tls: &[(&str, HostTls)]) {
        let manifests = manifests_of(&self.backend, &self.hosts, spec);
        self.edge.serve_tls(&manifests, tls).await.unwrap();
    }

    /// How many handshakes ended like this.
    async fn handshakes(&self, result: &str, version: &str) -> u64 {
        let sample =
            format!("portico_tls_handshakes_total{{result=\"{result}\",version=\"{version}\"}}");
        self.edge.metric(&sample).await.unwrap_or(0)
    }

    /// Waits until a handshake has ended like this.
    async fn counts(&self, result: &str) {
        let start = Instant::now();
        while self.handshakes(result, "").await == 0 {
            assert!(start.elapsed() < PATIENCE, "no {result}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

/// The answer to a GET of this host on a connection.
async fn get(wire: &mut Wire, host: &str) -> Message {
    wire.send(format!("GET /a?b HTTP/1.1\r\nHost: {host}\r\n\r\n")).await.unwrap();
    wire.read_answer("GET").await.unwrap()
}

/// The alert that ended a handshake.
fn alert(error: &anyhow::Error) -> String {
    format!("{error:#}")
}

fn limits(limits: Limits) -> Setup {
    Setup { limits, ..Setup::default() }
}

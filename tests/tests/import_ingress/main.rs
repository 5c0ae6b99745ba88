//! What `portico import ingress` claims to keep is kept: each Ingress is imported and served, and
//! nginx runs the configuration that ingress-nginx generates for it. Both are asked the same
//! requests, and answer the same.
#![allow(clippy::panic, clippy::unwrap_used)]

mod access;
mod canaries;
mod folder;
mod forwarding;
mod nginx;
mod paths;
mod redirects;

use nginx::Nginx;
use portico::import::{Controller, Source, Verdict, ingress};
use portico_tests::{
    backend::{Backend, Reply, service},
    binary::is_here,
    edge::Edge,
    wire::{Message, ask},
};
use std::net::{SocketAddr, TcpListener};

/// The Services of a [`Case`] that answer with what they got, beside `slow` and `flaky`.
const SERVICES: [&str; 4] = ["web", "app", "next", "other"];

/// An Ingress, what ingress-nginx makes of it, and what both answer.
struct Case {
    /// Annotations of Ingress `web/main`, without their prefix, a line each.
    annotations: &'static str,
    /// The rest of it, indented by two.
    spec: &'static str,
    /// Further documents.
    more: &'static str,
    /// The `server` blocks that are generated for it, which `listen LISTEN;`.
    nginx: &'static str,
    /// Fields of responses that are shown.
    shown: &'static [&'static str],
    /// Fields of requests, as backends get them, that are shown.
    sent: &'static [&'static str],
    /// Requests, and the answers to them.
    asked: &'static [(&'static str, &'static str)],
}

/// Nothing.
const CASE: Case =
    Case { annotations: "", spec: "", more: "", nginx: "", shown: &[], sent: &[], asked: &[] };

/// A rule of www.ep.com for all its paths.
const ALL: &str = "  rules:
  - host: www.ep.com
    http:
      paths:
      - {path: /, pathType: Prefix, backend: {service: {name: app, port: {number: 80}}}}
";

impl Case {
    fn documents(&self) -> String {
        let annotations: String = self
            .annotations
            .lines()
            .map(|line| format!("    nginx.ingress.kubernetes.io/{}\n", line.trim()))
            .collect();
        format!(
            "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata:\n  name: main\n  namespace: web\n  annotations:\n    kubernetes.io/ingress.class: nginx\n{annotations}spec:\n{}{}",
            self.spec, self.more
        )
    }

    /// What is imported; none of its annotations is dropped.
    fn imported(&self) -> String {
        let values = portico::files::values(&self.documents()).unwrap();
        let sources: Vec<_> =
            values.into_iter().map(|value| Source { file: "-".to_owned(), value }).collect();
        let imported = ingress(&sources, Controller::Nginx);
        for entry in &imported.report {
            let is_lost = entry.verdict == Verdict::Dropped && entry.source.starts_with("Ingress");
            assert!(!is_lost, "{entry:?}");
        }
        imported.files().unwrap().into_iter().map(|file| file.text).collect()
    }

    /// Asks both.
    async fn run(&self) {
        if !is_here("nginx", "nginx") {
            return;
        }
        let services = Services::start(&SERVICES, "flaky").await;
        let imported = self.imported();
        let manifests: String = services
            .endpoints
            .iter()
            .map(|(name, endpoints)| service(name, "http", endpoints))
            .collect();
        let edge = Edge::start(&(imported.clone() + &manifests)).await.unwrap();
        let nginx = Nginx::start(self.nginx, &services.endpoints).await.unwrap();
        for (request, expected) in self.asked {
            for (who, address) in [("nginx", nginx.address()), ("Portico", edge.address())] {
                let answer = self.said(&send(address, request).await);
                assert_eq!(answer, *expected, "{who}, {request}\n{imported}");
            }
        }
    }

    /// What there is to say of an answer.
    fn said(&self, answer: &Message) -> String {
        let mut said = answer.status().to_string();
        let location = answer.field("location");
        if !location.is_empty() {
            said += &format!(" {location}");
        } else if answer.status() == 200 {
            let body = answer.text();
            let mut lines = body.lines();
            said += &format!(" {}", lines.next().unwrap());
            let sent: Vec<_> = lines.filter_map(|line| line.split_once(": ")).collect();
            for name in self.sent {
                let of_name = sent.iter().filter(|(it, _)| it.eq_ignore_ascii_case(name));
                let values: Vec<_> = of_name.map(|(_, value)| *value).collect();
                said += &format!(" {name}={}", values.join(","));
            }
        }
        for name in self.shown {
            said += &format!(" {name}={}", answer.field(name));
        }
        said
    }
}

/// Services of namespace `web`, and what answers there.
struct Services {
    endpoints: Vec<(&'static str, Vec<SocketAddr>)>,
    backends: Vec<Backend>,
    _slow: TcpListener,
}

impl Services {
    /// Those that answer with what they got; `slow`, which does not answer; and a flaky one, with one
    /// endpoint of two that answers 503 to everything.
    async fn start(echoing: &[&'static str], flaky: &'static str) -> Self {
        // Takes connections, and says nothing.
        let slow = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoints = vec![("slow", vec![slow.local_addr().unwrap()])];
        let mut services = Self { endpoints, backends: Vec::new(), _slow: slow };
        for &name in echoing {
            services.add(name, vec![Backend::scripted(move |it| echo(name, it)).await.unwrap()]);
        }
        let broken =
            Backend::answering("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n").await.unwrap();
        let good = Backend::scripted(move |it| echo(flaky, it)).await.unwrap();
        services.add(flaky, vec![broken, good]);
        services
    }

    fn add(&mut self, name: &'static str, backends: Vec<Backend>) {
        self.endpoints.push((name, backends.iter().map(Backend::address).collect()));
        self.backends.extend(backends);
    }
}

/// The answer to `METHOD host/path; Field: value`.
async fn send(address: SocketAddr, request: &str) -> Message {
    let mut parts = request.split("; ");
    let line = parts.next().unwrap();
    let (method, url) = line.split_once(' ').unwrap_or(("GET", line));
    let at = url.find('/').unwrap();
    let (host, target) = (&url[..at], &url[at..]);
    let fields: String = parts.map(|field| format!("{field}\r\n")).collect();
    let message =
        format!("{method} {target} HTTP/1.1\r\nHost: {host}\r\n{fields}Connection: close\r\n\r\n");
    ask(address, message).await.unwrap()
}

/// Says which Service got what.
fn echo(name: &str, request: &Message) -> Reply {
    let fields: String =
        request.lines().map(|(name, value)| format!("{name}: {value}\n")).collect();
    Reply::ok(&format!("{name} {}\n{fields}", request.target()))
}

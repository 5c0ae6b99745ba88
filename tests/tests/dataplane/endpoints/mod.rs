//! Endpoints of a backend: which ones get requests, what takes one out, and what is shown of them.

mod ejection;
mod faults;
mod latency;
mod shown;

use portico_dataplane::{
    serve::{EndpointState, ShownEndpoint},
    table::{Ejection, Selection},
};
use portico_tests::{
    backend::{Backend, Reply, front_door, route, service},
    edge::{Edge, Setup},
    wire::{PATIENCE, ask, get},
};
use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

const FAILED: &str = "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n";
const FINE: &str = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

/// A backend that answers 500 while it is told to.
struct Moody {
    backend: Backend,
    fails: Arc<AtomicBool>,
}

impl Moody {
    async fn start(fails: bool) -> Self {
        let fails = Arc::new(AtomicBool::new(fails));
        let mood = fails.clone();
        let script =
            move |_: &_| Reply::raw(if mood.load(Ordering::SeqCst) { FAILED } else { FINE });
        Self { backend: Backend::scripted(script).await.unwrap(), fails }
    }

    fn address(&self) -> SocketAddr {
        self.backend.address()
    }

    fn set(&self, fails: bool) {
        self.fails.store(fails, Ordering::SeqCst);
    }

    fn count(&self) -> usize {
        self.backend.requests().len()
    }
}

/// One Route over one Service with these endpoints.
fn app(endpoints: &[SocketAddr]) -> String {
    let app = route("app", "backends: [{service: {name: app, port: 80}}]");
    [front_door(""), service("app", "http", endpoints), app].concat()
}

/// A Route that ejects after so many errors, for a minute at first.
fn ejecting(errors: u32) -> Selection {
    let ejection = Ejection { errors, time: Duration::from_secs(60), ..Ejection::default() };
    Selection { ejection, ..Selection::default() }
}

async fn edge(manifests: &str, selection: &Selection) -> Edge {
    let edge = Edge::start_with(Setup { workers: 2, ..Setup::default() }, manifests).await.unwrap();
    edge.serve_selecting(manifests, selection).await.unwrap();
    edge
}

/// Sends requests, each on a connection of its own, so that all workers take part; how many of them
/// the answer was this.
async fn send(edge: &Edge, count: usize, status: u16) -> usize {
    let mut matching = 0;
    for _ in 0..count {
        let answer = ask(edge.address(), get("/", "")).await.unwrap();
        matching += usize::from(answer.status() == status);
    }
    matching
}

/// What is shown of the endpoint at an address.
pub(crate) fn shown(edge: &Edge, address: SocketAddr) -> ShownEndpoint {
    let endpoints = edge.dataplane.backends().into_iter().flat_map(|backend| backend.endpoints);
    endpoints.into_iter().find(|endpoint| endpoint.address == address).unwrap()
}

fn is_ejected(edge: &Edge, address: SocketAddr) -> bool {
    shown(edge, address).state == EndpointState::Ejected
}

/// Waits until something is so.
async fn until(mut is_so: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.expect("it never was");
}

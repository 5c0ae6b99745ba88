//! Active checks: what is asked, how often, and what comes of the answers.

mod protocols;
mod schedule;

use crate::endpoints::shown;
use portico_dataplane::{
    serve::EndpointState,
    table::{CheckMethod, HealthCheck, Selection},
};
use portico_tests::{
    backend::{Backend, Reply, Stage, front_door, route, service},
    edge::{Edge, Setup},
    wire::{Message, PATIENCE, ask, get},
};
use std::{
    collections::HashSet,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU16, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::time::sleep;

const INTERVAL: Duration = Duration::from_millis(100);

/// Checks of `/healthz` that take as long as a test can wait.
pub(crate) fn block() -> HealthCheck {
    HealthCheck {
        path: "/healthz".to_owned(),
        method: CheckMethod::Get,
        host: None,
        interval: INTERVAL,
        timeout: Duration::from_secs(2),
        healthy_after: 2.try_into().unwrap(),
        unhealthy_after: 3.try_into().unwrap(),
        expect: vec![200..=399],
    }
}

fn select(block: HealthCheck) -> Arc<Selection> {
    Arc::new(Selection { health: Some(Arc::new(block)), ..Selection::default() })
}

/// Routes to a Service with these endpoints, named and with their paths.
fn manifests(endpoints: &[SocketAddr], routes: &[(&str, &str)]) -> String {
    let to = |(name, path): &(&str, &str)| {
        let matches = format!("matches: [{{path: '{path}'}}]");
        route(name, &format!("{matches}\nbackends: [{{service: {{name: app, port: 80}}}}]"))
    };
    let routes: String = routes.iter().map(to).collect();
    [front_door(""), service("app", "http", endpoints), routes].concat()
}

/// An edge that checks these endpoints for one Route.
async fn edge(endpoints: &[SocketAddr], block: HealthCheck) -> Edge {
    let edge = Edge::start_with(Setup::default(), &front_door("")).await.unwrap();
    edge.serve_selecting(&manifests(endpoints, &[("app", "/*")]), &select(block)).await.unwrap();
    edge
}

/// A backend that answers requests with its name, and checks with a status that can be changed.
struct Patient {
    backend: Backend,
    status: Arc<AtomicU16>,
}

impl Patient {
    async fn called(name: &'static str) -> Self {
        let status = Arc::new(AtomicU16::new(200));
        let own = status.clone();
        let backend = Backend::scripted(move |request| match request.target() {
            check if check.starts_with("/health") => {
                let status = own.load(Ordering::SeqCst);
                Reply::raw(format!("HTTP/1.1 {status} Says\r\nContent-Length: 0\r\n\r\n"))
            }
            _ => Reply::ok(name),
        });
        Self { backend: backend.await.unwrap(), status }
    }

    fn says(&self, status: u16) {
        self.status.store(status, Ordering::SeqCst);
    }

    fn address(&self) -> SocketAddr {
        self.backend.address()
    }

    /// The checks so far.
    fn checks(&self) -> Vec<Message> {
        let requests = self.backend.requests().into_iter();
        requests.filter(|request| request.target().starts_with("/health")).collect()
    }
}

fn is_healthy(edge: &Edge, address: SocketAddr) -> bool {
    shown(edge, address).state == EndpointState::Healthy
}

/// Waits until the checks of an endpoint fail; what the last one has found.
async fn unhealthy(edge: &Edge, address: SocketAddr) -> String {
    let is_out = async || shown(edge, address).state == EndpointState::Unhealthy;
    until("that it is unhealthy", is_out).await;
    shown(edge, address).reason.unwrap_or_default()
}

/// Waits until they succeed again.
async fn healthy(edge: &Edge, address: SocketAddr) {
    until("that it is healthy", async || is_healthy(edge, address)).await;
}

/// Who answers requests, of 20.
async fn answering(edge: &Edge) -> HashSet<String> {
    let mut names = HashSet::new();
    for _ in 0..20 {
        let answer = ask(edge.address(), get("/", "")).await.unwrap();
        assert_eq!(answer.status(), 200, "{answer:?}");
        names.insert(answer.text());
    }
    names
}

async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let start = Instant::now();
    while !is_so().await {
        assert!(start.elapsed() < PATIENCE, "never: {what}");
        sleep(Duration::from_millis(10)).await;
    }
}

fn names(names: &[&str]) -> HashSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[tokio::test]
async fn an_endpoint_that_fails_its_checks_gets_no_request_until_it_passes_them_again() {
    let (one, other) = (Patient::called("one").await, Patient::called("other").await);
    let edge = edge(&[one.address(), other.address()], block()).await;
    until("both answer", async || answering(&edge).await.len() == 2).await;
    one.says(503);
    assert_eq!(unhealthy(&edge, one.address()).await, "status 503");
    assert!(is_healthy(&edge, other.address()));
    assert_eq!(answering(&edge).await, names(&["other"]));
    one.says(204);
    healthy(&edge, one.address()).await;
    until("both answer again", async || answering(&edge).await.len() == 2).await;
    let count = async |result: &str| {
        let name = "portico_backend_health_checks_total";
        let sample = format!("{name}{{backend=\"web/app:80\",result=\"{result}\"}}");
        edge.metric::<u64>(&sample).await.unwrap()
    };
    assert!(count("failure").await >= 3);
    assert!(count("success").await >= 4);
}

#[tokio::test]
async fn only_so_many_results_in_a_row_count() {
    let patient = Patient::called("one").await;
    let terms = HealthCheck { unhealthy_after: 1000.try_into().unwrap(), ..block() };
    let edge = edge(&[patient.address()], terms).await;
    patient.says(500);
    let before = patient.checks().len();
    until("many checks", async || patient.checks().len() > before + 8).await;
    assert!(is_healthy(&edge, patient.address()));
}

#[tokio::test]
async fn an_endpoint_that_hangs_or_refuses_fails_its_checks() {
    let other = Patient::called("other").await;
    let hanging = Stage::open().await.unwrap();
    let address = hanging.address().unwrap();
    let terms = HealthCheck { timeout: INTERVAL, ..block() };
    let edge = edge(&[address, other.address()], terms).await;
    assert_eq!(unhealthy(&edge, address).await, "BackendTimeout");
    assert_eq!(answering(&edge).await, names(&["other"]));
    drop(hanging);
    // It is out for one reason or the other.
    let back = Backend::scripted_at(address, |_| Reply::ok("back")).await.unwrap();
    healthy(&edge, address).await;
    drop(back);
    unhealthy(&edge, address).await;
}

#[tokio::test]
async fn nothing_is_checked_once_no_route_asks_for_it() {
    let patient = Patient::called("one").await;
    let edge = edge(&[patient.address()], block()).await;
    until("a check", async || !patient.checks().is_empty()).await;
    // The Route stays, and has no checks.
    edge.serve(&manifests(&[patient.address()], &[("app", "/*")])).await.unwrap();
    sleep(INTERVAL * 3).await;
    let before = patient.checks().len();
    sleep(INTERVAL * 10).await;
    assert_eq!(patient.checks().len(), before);
}

#[tokio::test]
async fn draining_ends_the_checks() {
    let patient = Patient::called("one").await;
    let edge = edge(&[patient.address()], block()).await;
    until("a check", async || !patient.checks().is_empty()).await;
    assert!(edge.dataplane.drain(PATIENCE).await);
    let before = patient.checks().len();
    sleep(INTERVAL * 10).await;
    assert_eq!(patient.checks().len(), before);
}

#[tokio::test]
async fn routes_share_the_checks_of_an_endpoint_and_a_new_table_keeps_their_results() {
    let (one, other) = (Patient::called("one").await, Patient::called("other").await);
    let endpoints = [one.address(), other.address()];
    let edge = edge(&endpoints, block()).await;
    one.says(500);
    unhealthy(&edge, one.address()).await;
    let before = other.checks().len();
    let start = Instant::now();
    // The block is equal, and another object.
    let both = manifests(&endpoints, &[("app", "/*"), ("more", "/more/*")]);
    edge.serve_selecting(&both, &select(block())).await.unwrap();
    assert_eq!(answering(&edge).await, names(&["other"]));
    sleep(INTERVAL * 20).await;
    let expected = start.elapsed().as_secs_f64() / INTERVAL.as_secs_f64();
    let checks = other.checks().len() - before;
    assert!((checks as f64) < expected * 1.3 + 2.0, "{checks} checks in {expected} intervals");
    one.says(200);
    healthy(&edge, one.address()).await;
    let backends = edge.dataplane.backends();
    let mut routes: Vec<_> = backends[0].routes.iter().map(ToString::to_string).collect();
    routes.sort();
    assert_eq!((backends.len(), routes), (1, vec!["web/app".to_owned(), "web/more".to_owned()]));
}

//! Which backend, and which of its endpoints, gets a request.

use portico_tests::{
    backend::{Backend, Stage, front_door, one_route, route, service},
    edge::{Edge, Setup},
    wire::{Wire, ask, get},
};
use std::{collections::BTreeMap, net::SocketAddr};

const ROUTE_OF_TWO: &str = "\
backends:
- {service: {name: a, port: 80}, weight: WA, priority: PA}
- {service: {name: b, port: 80}, weight: WB, priority: PB}";

/// A Route over two Services.
fn two(a: &[SocketAddr], b: &[SocketAddr], weights: (u32, u32), priorities: (u32, u32)) -> String {
    let spec = ROUTE_OF_TWO
        .replace("WA", &weights.0.to_string())
        .replace("WB", &weights.1.to_string())
        .replace("PA", &priorities.0.to_string())
        .replace("PB", &priorities.1.to_string());
    [front_door(""), service("a", "http", a), service("b", "http", b), route("app", &spec)].concat()
}

/// Sends `count` requests, each on a connection of its own, so that all workers take part.
async fn send(edge: &Edge, count: usize) -> BTreeMap<String, usize> {
    let mut answers = BTreeMap::new();
    for _ in 0..count {
        let answer = ask(edge.address(), get("/", "")).await.unwrap();
        *answers.entry(answer.text()).or_default() += 1;
    }
    answers
}

#[tokio::test]
async fn shares_follow_the_weights_over_all_workers() {
    let (a, b) = (Backend::saying("a").await.unwrap(), Backend::saying("b").await.unwrap());
    let manifests = two(&[a.address()], &[b.address()], (90, 10), (0, 0));
    let edge =
        Edge::start_with(Setup { workers: 2, ..Setup::default() }, &manifests).await.unwrap();
    let answers = send(&edge, 1000).await;
    assert!((80..=120).contains(&answers["b"]), "{answers:?}");
    assert_eq!(answers["a"] + answers["b"], 1000);
}

#[tokio::test]
async fn few_requests_are_spread_as_evenly_as_can_be() {
    let (a, b) = (Backend::saying("a").await.unwrap(), Backend::saying("b").await.unwrap());
    let edge = Edge::start(&two(&[a.address()], &[b.address()], (1, 1), (0, 0))).await.unwrap();
    let answers = send(&edge, 20).await;
    assert!((8..=12).contains(&answers["a"]), "{answers:?}");
}

#[tokio::test]
async fn weight_0_takes_nothing() {
    let (a, b) = (Backend::saying("a").await.unwrap(), Backend::saying("b").await.unwrap());
    for priorities in [(0, 0), (0, 1)] {
        let manifests = two(&[a.address()], &[b.address()], (0, 1), priorities);
        let edge = Edge::start(&manifests).await.unwrap();
        assert_eq!(send(&edge, 50).await["b"], 50, "{priorities:?}");
    }
    let manifests = two(&[a.address()], &[], (0, 1), (0, 0));
    let edge = Edge::start(&manifests).await.unwrap();
    let answer = ask(edge.address(), get("/", "")).await.unwrap();
    assert_eq!((answer.status(), answer.reason()), (503, "NoEndpoint".into()));
}

#[tokio::test]
async fn the_next_priority_takes_over_when_no_endpoint_is_left() {
    let (a, b) = (Backend::saying("a").await.unwrap(), Backend::saying("b").await.unwrap());
    let (with, none) = ([a.address()], []);
    let manifests = |a: &[SocketAddr]| two(a, &[b.address()], (1, 100), (3, 7));
    let edge = Edge::start(&manifests(&with)).await.unwrap();
    assert_eq!(send(&edge, 10).await["a"], 10);
    edge.serve(&manifests(&none)).await.unwrap();
    assert_eq!(send(&edge, 10).await["b"], 10);
    edge.serve(&manifests(&with)).await.unwrap();
    assert_eq!(send(&edge, 10).await["a"], 10);
}

#[tokio::test]
async fn all_endpoints_are_used_alike() {
    let mut backends = Vec::new();
    for name in ["0", "1", "2"] {
        backends.push(Backend::saying(name).await.unwrap());
    }
    let endpoints: Vec<_> = backends.iter().map(Backend::address).collect();
    let app = route("app", "backends: [{service: {name: app, port: 80}}]");
    let manifests = [front_door(""), service("app", "http", &endpoints), app].concat();
    let edge = Edge::start(&manifests).await.unwrap();
    let answers = send(&edge, 300).await;
    assert!(
        answers.len() == 3 && answers.values().all(|count| (90..=110).contains(count)),
        "{answers:?}"
    );
}

/// A page that always asks for two things in turn must not leave half of the pods idle.
#[tokio::test]
async fn endpoints_are_used_alike_however_requests_alternate() {
    let mut backends = Vec::new();
    for name in ["a0", "a1", "b0", "b1"] {
        backends.push(Backend::saying(name).await.unwrap());
    }
    let at = |n: usize| backends[n].address();
    let manifests = [
        front_door(""),
        service("a", "http", &[at(0), at(1)]),
        service("b", "http", &[at(2), at(3)]),
        route("a", "matches: [{path: /a}]\nbackends: [{service: {name: a, port: 80}}]"),
        route("b", "matches: [{path: /b}]\nbackends: [{service: {name: b, port: 80}}]"),
        route(
            "both",
            "matches: [{path: /both}]\nbackends: [{service: {name: a, port: 80}}, {service: {name: b, port: 80}}]",
        ),
    ];
    let edge = Edge::start(&manifests.concat()).await.unwrap();
    for targets in [["/a", "/b"], ["/both", "/both"]] {
        let mut answers = BTreeMap::<_, usize>::new();
        for _ in 0..100 {
            for target in targets {
                let answer = ask(edge.address(), get(target, "")).await.unwrap();
                *answers.entry(answer.text()).or_default() += 1;
            }
        }
        let even = answers.len() == 4 && answers.values().all(|count| (40..=60).contains(count));
        assert!(even, "{targets:?}: {answers:?}");
    }
}

#[tokio::test]
async fn an_endpoint_that_refuses_is_passed_over() {
    let backend = Backend::saying("ok").await.unwrap();
    let dead = Stage::open().await.unwrap().address().unwrap();
    let app = route("app", "backends: [{service: {name: app, port: 80}}]");
    let services = service("app", "http", &[dead, backend.address()]);
    let edge = Edge::start(&[front_door(""), services, app].concat()).await.unwrap();
    for _ in 0..20 {
        let request = "POST / HTTP/1.1\r\nHost: www.ep.com\r\nContent-Length: 4\r\n\r\nbody";
        assert_eq!(ask(edge.address(), request).await.unwrap().status(), 200);
    }
    assert_eq!(backend.requests().len(), 20);
}

#[tokio::test]
async fn a_connection_is_not_kept_for_an_endpoint_that_is_gone() {
    let (old, new) = (Backend::saying("old").await.unwrap(), Backend::saying("new").await.unwrap());
    let edge = Edge::start(&one_route(old.address(), "")).await.unwrap();
    let mut client = Wire::connect(edge.address()).await.unwrap();
    for (backend, says) in [(&old, "old"), (&new, "new"), (&old, "old")] {
        edge.serve(&one_route(backend.address(), "")).await.unwrap();
        client.send(get("/", "")).await.unwrap();
        assert_eq!(client.read_answer("GET").await.unwrap().text(), says);
    }
}

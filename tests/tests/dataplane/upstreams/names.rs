//! External names: which addresses are dialled, and for how long what a name server says holds.

use super::{black_hole_at, is, nobody, outcome};
use hickory_resolver::proto::op::ResponseCode;
use portico_dataplane::serve::ShownBackend;
use portico_tests::{
    backend::{Backend, Reply, front_door, route},
    edge::{Edge, Setup},
    name_server::{NameServer, Says},
    wire::{PATIENCE, ask, get},
};
use std::{
    collections::HashSet,
    net::{IpAddr, SocketAddr},
    time::{Duration, Instant},
};
use tokio::time::sleep;

const NAME: &str = "app.test";

/// Backends at the same port of 127.0.0.`first` and the following addresses, each of which answers
/// with its address.
async fn neighbours(first: u8, count: u8) -> Vec<Backend> {
    'port: loop {
        let mut backends: Vec<Backend> = Vec::new();
        for last in first..first + count {
            let port = backends.first().map_or(0, |first| first.address().port());
            let address = SocketAddr::from(([127, 0, 0, last], port));
            let text = address.ip().to_string();
            match Backend::scripted_at(address, move |_| Reply::ok(&text)).await {
                Ok(backend) => backends.push(backend),
                // Somebody else has the port there.
                Err(_) => continue 'port,
            }
        }
        return backends;
    }
}

fn ips(backends: &[Backend]) -> Vec<IpAddr> {
    backends.iter().map(|backend| backend.address().ip()).collect()
}

/// A Route to the name at this port.
fn manifests(port: u16, spec: &str) -> String {
    let to = format!("backends: [{{external: {{url: 'http://{NAME}:{port}'}}}}]\n{spec}");
    front_door("") + &route("app", &to)
}

fn setup(names: &NameServer) -> Setup {
    Setup {
        allow_external: vec!["127.0.0.0/8"],
        name_servers: vec![names.address()],
        ..Setup::default()
    }
}

async fn start(names: &NameServer, port: u16, spec: &str) -> Edge {
    Edge::start_with(setup(names), &manifests(port, spec)).await.unwrap()
}

/// Who has answered.
async fn answered(edge: &Edge) -> String {
    let answer = ask(edge.address(), get("/", "")).await.unwrap();
    assert_eq!(answer.status(), 200, "{answer:?}");
    answer.text()
}

/// Asks until so many have answered.
async fn all_of(edge: &Edge, count: usize) -> HashSet<String> {
    let (mut seen, start) = (HashSet::new(), Instant::now());
    while seen.len() < count {
        assert!(start.elapsed() < PATIENCE, "{seen:?}");
        seen.insert(answered(edge).await);
    }
    seen
}

async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let start = Instant::now();
    while !is_so().await {
        assert!(start.elapsed() < PATIENCE, "never: {what}");
        sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn all_addresses_of_a_name_are_used_and_requests_look_nothing_up() {
    let names = NameServer::start().await.unwrap();
    let backends = neighbours(1, 3).await;
    let port = backends[0].address().port();
    names.say(NAME, Says::Addresses(ips(&backends), 3600));
    let edge = start(&names, port, "").await;
    let seen = all_of(&edge, 3).await;
    assert!(seen.contains("127.0.0.2"), "{seen:?}");
    for _ in 0..20 {
        answered(&edge).await;
    }
    assert_eq!(names.asked(NAME), 1);
}

/// The only backend, as `/debug/backends` shows it.
fn shown(edge: &Edge) -> ShownBackend {
    edge.dataplane.backends().pop().unwrap()
}

/// The addresses that it shows.
fn addresses(edge: &Edge) -> Vec<String> {
    let endpoints = shown(edge).endpoints;
    endpoints.iter().map(|endpoint| endpoint.address.ip().to_string()).collect()
}

#[tokio::test]
async fn a_change_moves_traffic_when_the_ttl_is_over() {
    let names = NameServer::start().await.unwrap();
    let backends = neighbours(1, 2).await;
    let port = backends[0].address().port();
    names.resolve(NAME, &["127.0.0.1"]);
    let edge = start(&names, port, "").await;
    assert_eq!(answered(&edge).await, "127.0.0.1");
    assert_eq!(addresses(&edge), ["127.0.0.1"]);
    names.resolve(NAME, &["127.0.0.2"]);
    until("the new address", async || answered(&edge).await == "127.0.0.2").await;
    let before = backends[0].requests().len();
    for _ in 0..5 {
        assert_eq!(answered(&edge).await, "127.0.0.2");
    }
    assert_eq!(backends[0].requests().len(), before);
    let healthy =
        format!("portico_backend_endpoints{{backend=\"http://{NAME}:{port}\",state=\"healthy\"}}");
    assert_eq!(addresses(&edge), ["127.0.0.2"]);
    assert_eq!(edge.metric::<u64>(&healthy).await.unwrap(), 1);
    names.resolve(NAME, &["127.0.0.1", "127.0.0.2"]);
    all_of(&edge, 2).await;
    assert_eq!(addresses(&edge), ["127.0.0.1", "127.0.0.2"]);
    assert_eq!(edge.metric::<u64>(&healthy).await.unwrap(), 2);
}

#[tokio::test]
async fn it_is_shown_since_when_a_name_does_not_resolve() {
    let names = NameServer::start().await.unwrap();
    let backends = neighbours(1, 1).await;
    let edge = start(&names, backends[0].address().port(), "").await;
    assert_eq!(outcome(&edge).await, is(502, "NameNotResolved"));
    let since = shown(&edge).unresolved_since.unwrap();
    assert!(since.elapsed().unwrap() < PATIENCE && addresses(&edge).is_empty());
    names.resolve(NAME, &["127.0.0.1"]);
    until("the name", async || outcome(&edge).await.0 == 200).await;
    assert_eq!(shown(&edge).unresolved_since, None);
    names.say(NAME, Says::Error(ResponseCode::ServFail));
    until("that it is shown", async || shown(&edge).unresolved_since.is_some()).await;
    let begins = shown(&edge).unresolved_since;
    let asked = names.asked(NAME);
    until("further look-ups", async || names.asked(NAME) >= asked + 2).await;
    // The same time, as far as clocks allow, and its last address still serves.
    let drift = shown(&edge).unresolved_since.unwrap().duration_since(begins.unwrap());
    assert!(drift.unwrap_or_else(|error| error.duration()) < Duration::from_secs(1));
    assert_eq!(
        (addresses(&edge), answered(&edge).await),
        (vec!["127.0.0.1".into()], "127.0.0.1".into())
    );
    let json = serde_json::to_value(shown(&edge)).unwrap();
    assert!(json["unresolvedSince"].as_str().is_some_and(|at| at.ends_with('Z')), "{json}");
}

#[tokio::test]
async fn a_name_that_stops_resolving_keeps_its_addresses_for_a_while() {
    let gone = Says::Addresses(Vec::new(), 1);
    for stops in [
        Says::Error(ResponseCode::NXDomain),
        Says::Error(ResponseCode::ServFail),
        Says::Error(ResponseCode::Refused),
        gone,
    ] {
        let names = NameServer::start().await.unwrap();
        let backends = neighbours(1, 2).await;
        names.resolve(NAME, &["127.0.0.1"]);
        let edge = start(&names, backends[0].address().port(), "").await;
        assert_eq!(answered(&edge).await, "127.0.0.1");
        names.say(NAME, stops.clone());
        let asked = names.asked(NAME);
        until("look-ups that find nothing", async || names.asked(NAME) >= asked + 2).await;
        assert_eq!(answered(&edge).await, "127.0.0.1", "{stops:?}");
        names.resolve(NAME, &["127.0.0.2"]);
        until("another address", async || answered(&edge).await == "127.0.0.2").await;
    }
}

#[tokio::test]
async fn a_name_that_begins_to_resolve_is_found_without_a_request_that_asks() {
    let names = NameServer::start().await.unwrap();
    let backends = neighbours(1, 1).await;
    let edge = start(&names, backends[0].address().port(), "").await;
    assert_eq!(outcome(&edge).await, is(502, "NameNotResolved"));
    names.resolve(NAME, &["127.0.0.1"]);
    until("the name", async || outcome(&edge).await.0 == 200).await;
}

#[tokio::test]
async fn a_name_server_that_is_silent_costs_the_first_request_its_connect_timeout() {
    let names = NameServer::start().await.unwrap();
    names.say(NAME, Says::Nothing);
    let edge = start(&names, nobody().await.port(), "timeouts: {connect: 200ms}").await;
    let start = Instant::now();
    assert_eq!(outcome(&edge).await, is(502, "NameNotResolved"));
    assert!(start.elapsed() >= Duration::from_millis(150));
}

#[tokio::test]
async fn answers_come_in_many_shapes() {
    let backends = neighbours(1, 3).await;
    let port = backends[0].address().port();
    let own = ips(&backends);
    for (says, others) in [
        (Says::TooLong(own.clone(), 60), None),
        (Says::Alias("cdn.test", 60), Some(("cdn.test", Says::Alias("pop.test", 60)))),
        // Nobody answers for IPv6.
        (Says::OneFamily(own.clone(), 60), None),
    ] {
        let names = NameServer::start().await.unwrap();
        names.say("pop.test", Says::Addresses(own.clone(), 60));
        names.say(NAME, says);
        if let Some((name, says)) = others {
            names.say(name, says);
        }
        let edge = start(&names, port, "").await;
        all_of(&edge, 3).await;
    }
}

#[tokio::test]
async fn addresses_that_are_not_allowed_are_never_dialled() {
    let backends = neighbours(1, 2).await;
    let port = backends[0].address().port();
    let names = NameServer::start().await.unwrap();
    names.resolve(NAME, &["127.0.0.1", "127.0.0.2", "169.254.169.254", "10.0.0.1"]);
    let setup = Setup { allow_external: vec!["127.0.0.2"], ..setup(&names) };
    let edge = Edge::start_with(setup, &manifests(port, "")).await.unwrap();
    for _ in 0..20 {
        assert_eq!(answered(&edge).await, "127.0.0.2");
    }
    assert_eq!(backends[0].connections(), 0);
    // An attacker may have the name resolve to something else later.
    names.resolve(NAME, &["127.0.0.1"]);
    until("that it is refused", async || outcome(&edge).await == is(502, "AddressNotAllowed"))
        .await;
    assert_eq!(backends[0].connections(), 0);
}

#[tokio::test]
async fn a_name_is_forgotten_with_the_last_route_that_has_it() {
    let names = NameServer::start().await.unwrap();
    let backends = neighbours(1, 1).await;
    let port = backends[0].address().port();
    names.resolve(NAME, &["127.0.0.1"]);
    let edge = start(&names, port, "").await;
    let asked = names.asked(NAME);
    until("that it is looked up again", async || names.asked(NAME) > asked + 1).await;
    edge.serve(&front_door("")).await.unwrap();
    // One may be under way.
    sleep(Duration::from_millis(500)).await;
    let asked = names.asked(NAME);
    sleep(Duration::from_secs(3)).await;
    assert_eq!(names.asked(NAME), asked);
}

#[tokio::test]
async fn an_address_that_refuses_costs_no_request() {
    let names = NameServer::start().await.unwrap();
    let backends = neighbours(1, 1).await;
    let port = backends[0].address().port();
    // Nobody listens on the others, and some machines have no IPv6.
    names.resolve(NAME, &["127.0.0.1", "127.0.0.2", "127.0.0.3", "::1"]);
    let setup = Setup { allow_external: vec!["127.0.0.0/8", "::1"], ..setup(&names) };
    let edge = Edge::start_with(setup, &manifests(port, "")).await.unwrap();
    for _ in 0..20 {
        assert_eq!(answered(&edge).await, "127.0.0.1");
    }
}

#[tokio::test]
async fn an_address_that_is_a_black_hole_costs_no_request_its_connect_timeout() {
    for (hole, others) in [("127.0.0.1:0", &["127.0.0.2"][..]), ("[::1]:0", &["127.0.0.2"])] {
        let Ok((_listener, _waiting, hole)) = black_hole_at(hole).await else {
            assert!(hole.starts_with('['), "only IPv6 may be missing");
            continue;
        };
        let there = SocketAddr::from(([127, 0, 0, 2], hole.port()));
        // A connection for each request.
        let closing = |_: &_| Reply::ok("there").then_close();
        let backend = Backend::scripted_at(there, closing).await.unwrap();
        let names = NameServer::start().await.unwrap();
        names.resolve(NAME, &[&[&*hole.ip().to_string()], others].concat());
        let setup = Setup { allow_external: vec!["127.0.0.0/8", "::1"], ..setup(&names) };
        let manifests = manifests(hole.port(), "timeouts: {connect: 15s}");
        let edge = Edge::start_with(setup, &manifests).await.unwrap();
        let start = Instant::now();
        for _ in 0..20 {
            assert_eq!(answered(&edge).await, "there");
        }
        // Each one that tried the hole alone would take as long.
        assert!(start.elapsed() < Duration::from_secs(15), "{:?}", start.elapsed());
        assert_eq!(backend.requests().len(), 20);
    }
}

//! A table that changes under running requests.

use portico_tests::{
    backend::{Backend, Stage, front_door, one_route, route, service},
    edge::{Edge, Setup},
    wire::Wire,
};
use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: www.ep.com\r\n\r\n")
}

async fn ask(wire: &mut Wire, path: &str) -> (u16, String) {
    wire.send(get(path)).await.unwrap();
    let answer = wire.read_answer("GET").await.unwrap();
    (answer.status(), answer.text())
}

/// A Route that never changes, and one that says how often it did; in every third version the second
/// is gone.
fn version(stable: &str, number: usize) -> String {
    let changing = format!("matches: [{{path: /changing}}]\nrespond: {{body: v{number}}}");
    let changing = if number % 3 == 2 { String::new() } else { route("changing", &changing) };
    format!("{}{stable}{changing}", front_door(""))
}

#[tokio::test]
async fn no_request_on_an_untouched_route_fails_while_others_change() {
    let backend = Backend::saying("stable").await.unwrap();
    let spec = "matches: [{path: /stable}]\nbackends: [{service: {name: app, port: 80}}]";
    let stable = service("app", "http", &[backend.address()]) + &route("stable", spec);
    let setup = Setup { workers: 2, ..Setup::default() };
    let edge = Edge::start_with(setup, &version(&stable, 0)).await.unwrap();
    let (over, served) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let clients: Vec<_> = (0..4)
        .map(|_| {
            let (address, over, served) = (edge.address(), over.clone(), served.clone());
            tokio::spawn(async move {
                let mut kept = Wire::connect(address).await.unwrap();
                while !over.load(Ordering::Relaxed) {
                    let mut fresh = Wire::connect(address).await.unwrap();
                    for wire in [&mut kept, &mut fresh] {
                        assert_eq!(ask(wire, "/stable").await, (200, "stable".into()));
                        served.fetch_add(1, Ordering::Relaxed);
                    }
                }
            })
        })
        .collect();
    let mut kept = Wire::connect(edge.address()).await.unwrap();
    for number in 1..60 {
        // Every version meets requests.
        let before = served.load(Ordering::Relaxed);
        edge.serve(&version(&stable, number)).await.unwrap();
        let mut fresh = Wire::connect(edge.address()).await.unwrap();
        for wire in [&mut kept, &mut fresh] {
            let (status, text) = ask(wire, "/changing").await;
            if number % 3 == 2 {
                assert_eq!(status, 404, "{number}");
            } else {
                assert_eq!((status, text), (200, format!("v{number}")));
            }
        }
        while served.load(Ordering::Relaxed) == before && !clients.iter().any(|c| c.is_finished()) {
            tokio::task::yield_now().await;
        }
    }
    over.store(true, Ordering::Relaxed);
    for client in clients {
        client.await.unwrap();
    }
}

#[tokio::test]
async fn a_request_in_flight_keeps_the_table_that_it_began_with() {
    let stage = Stage::open().await.unwrap();
    let table = |name: &str| {
        let spec = format!("responseHeaders: {{set: [{{name: x-table, value: {name}}}]}}");
        one_route(stage.address().unwrap(), &spec)
    };
    let edge = Edge::start(&table("old")).await.unwrap();
    let mut client = Wire::connect(edge.address()).await.unwrap();
    client.send(get("/")).await.unwrap();
    let mut backend = stage.accept().await.unwrap();
    backend.read_request().await.unwrap().unwrap();

    edge.serve(&table("new")).await.unwrap();
    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n";
    backend.send(answer).await.unwrap();
    assert_eq!(client.read_head().await.unwrap().unwrap().field("x-table"), "old");
    // The body goes on, whatever becomes of the Route.
    edge.serve(&front_door("")).await.unwrap();
    backend.send("ok").await.unwrap();
    assert_eq!(client.read(2).await.unwrap(), b"ok");
    assert_eq!(ask(&mut client, "/").await.0, 404);

    edge.serve(&table("new")).await.unwrap();
    client.send(get("/")).await.unwrap();
    // The connection to the backend has outlived the tables.
    backend.read_request().await.unwrap().unwrap();
    backend.send(format!("{answer}ok")).await.unwrap();
    assert_eq!(client.read_answer("GET").await.unwrap().field("x-table"), "new");
}

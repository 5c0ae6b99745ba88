//! The cookie that keeps a client with an endpoint.

use crate::{assert_problem, upstreams::nobody};
use portico_tests::{
    backend::{Backend, Stage, front_door, route, service},
    edge::{Edge, Setup},
    wire::{Message, Wire, ask, get},
};
use std::{collections::BTreeSet, net::SocketAddr};

const COOKIE: &str = "portico-affinity";

fn sticky(endpoints: &[SocketAddr], affinity: &str, more: &str) -> String {
    let spec = format!(
        "backends: [{{service: {{name: app, port: 80}}}}]\naffinity: {{{affinity}}}\n{more}"
    );
    [front_door(""), service("app", "http", endpoints), route("app", &spec)].concat()
}

async fn backends(count: usize) -> Vec<Backend> {
    let names = ["0", "1", "2", "3", "4"];
    let mut all = Vec::new();
    for name in &names[..count] {
        all.push(Backend::saying(name).await.unwrap());
    }
    all
}

fn addresses(backends: &[Backend]) -> Vec<SocketAddr> {
    backends.iter().map(Backend::address).collect()
}

/// The answer to a client that sends these cookies.
async fn visit(edge: &Edge, cookies: &str) -> Message {
    let line = if cookies.is_empty() { String::new() } else { format!("Cookie: {cookies}\r\n") };
    ask(edge.address(), get("/", &line)).await.unwrap()
}

/// The cookie that an answer sets, as the client sends it, and its attributes.
fn set(answer: &Message) -> Option<(String, String)> {
    let lines = answer.fields("set-cookie");
    let own: Vec<_> = lines.iter().filter(|line| line.starts_with(COOKIE)).collect();
    assert!(own.len() <= 1, "{lines:?}");
    let (pair, attributes) = own.first()?.split_once("; ")?;
    Some((pair.to_owned(), attributes.to_owned()))
}

fn session(answer: &Message) -> String {
    set(answer).expect("a cookie").0
}

#[tokio::test]
async fn a_client_stays_with_its_endpoint_whichever_worker_or_replica_it_meets() {
    let all = backends(4).await;
    let manifests = sticky(&addresses(&all), "", "");
    let start = || Edge::start_with(Setup { workers: 2, ..Setup::default() }, &manifests);
    let (one, other) = (start().await.unwrap(), start().await.unwrap());
    let mut homes = BTreeSet::new();
    for _ in 0..20 {
        let first = visit(&one, "").await;
        let (cookie, attributes) = set(&first).unwrap();
        assert_eq!(attributes, "Path=/; HttpOnly; SameSite=Lax");
        homes.insert((first.text(), cookie.clone()));
        for edge in [&one, &other, &one, &other] {
            let next = visit(edge, &cookie).await;
            assert_eq!((next.text(), set(&next)), (first.text(), None));
        }
    }
    // Each endpoint has one cookie.
    let cookies: BTreeSet<_> = homes.iter().map(|(_, cookie)| cookie).collect();
    assert!(homes.len() > 1 && homes.len() <= 4 && cookies.len() == homes.len(), "{homes:?}");
}

#[tokio::test]
async fn what_the_cookie_holds_depends_on_the_front_doors_uid() {
    let all = backends(1).await;
    let manifests = sticky(&addresses(&all), "", "");
    let with_uid = |uid: &str| {
        manifests.replacen(
            "{name: ep, namespace: web}",
            &format!("{{name: ep, namespace: web, uid: {uid}}}"),
            1,
        )
    };
    let mut cookies = BTreeSet::new();
    for manifests in [manifests.clone(), with_uid("a"), with_uid("b"), with_uid("a")] {
        let edge = Edge::start(&manifests).await.unwrap();
        let cookie = session(&visit(&edge, "").await);
        assert!(!cookie.contains("app") && !cookie.contains("127"), "{cookie}");
        cookies.insert(cookie);
    }
    assert_eq!(cookies.len(), 3);
}

#[tokio::test]
async fn backends_never_get_it() {
    let all = backends(2).await;
    let manifests = sticky(&addresses(&all), "", "matches: [{path: /*}]").to_string()
        + &route(
            "other",
            "backends: [{service: {name: app, port: 80}}]\nmatches: [{path: /other}]",
        );
    let edge = Edge::start(&manifests).await.unwrap();
    let cookie = session(&visit(&edge, "").await);
    let seen = || -> Vec<Message> { all.iter().flat_map(Backend::take).collect() };
    seen();
    for (cookies, left) in [
        (format!("a=b; {cookie}; c=\"d e\""), vec!["a=b; c=\"d e\""]),
        (format!("{cookie}; a=b"), vec!["a=b"]),
        (format!("{cookie}; {COOKIE}=x"), vec![]),
        (format!("x{cookie}"), vec![&*format!("x{cookie}").leak()]),
    ] {
        for target in ["/", "/other"] {
            let request = get(target, &format!("Cookie: {cookies}\r\nCookie: {COOKIE}=2; z=1\r\n"));
            ask(edge.address(), request).await.unwrap();
            let expected: Vec<_> = left.iter().copied().chain(["z=1"]).collect();
            assert_eq!(seen()[0].fields("cookie"), expected, "{target} {cookies}");
        }
    }
}

#[tokio::test]
async fn it_is_renewed_where_it_has_an_age_and_secure_over_https() {
    let all = backends(2).await;
    let manifests = sticky(&addresses(&all), "maxAge: 2m, cookie: home", "").replacen(
        "hosts:",
        "trustedProxies: [127.0.0.1/32]\n  hosts:",
        1,
    );
    let edge = Edge::start(&manifests).await.unwrap();
    let line = |answer: &Message| answer.field("set-cookie");
    let first = visit(&edge, "").await;
    let (cookie, attributes) =
        line(&first).split_once("; ").map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    assert!(cookie.starts_with("home="));
    assert_eq!(attributes, "Path=/; HttpOnly; SameSite=Lax; Max-Age=120");
    for _ in 0..4 {
        let next = visit(&edge, &cookie).await;
        assert_eq!((next.text(), line(&next)), (first.text(), format!("{cookie}; {attributes}")));
    }
    let request = get("/", &format!("X-Forwarded-Proto: https\r\nCookie: {cookie}\r\n"));
    let https = ask(edge.address(), request).await.unwrap();
    assert_eq!(line(&https), format!("{cookie}; {attributes}; Secure"));
}

#[tokio::test]
async fn it_is_not_set_on_what_the_edge_answers_itself() {
    let manifests = sticky(&[nobody().await], "maxAge: 1h", "");
    let edge = Edge::start(&manifests).await.unwrap();
    let answer = visit(&edge, "").await;
    assert_problem(&answer, 502, "ConnectFailed");
    assert_eq!(answer.fields("set-cookie"), [""; 0]);
}

#[tokio::test]
async fn a_backends_own_cookie_of_the_name_does_not_take_its_place() {
    let backend = Backend::answering(format!(
        "HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nSet-Cookie: {COOKIE}=theirs\r\nContent-Length: 0\r\n\r\n"
    ));
    let backend = backend.await.unwrap();
    let edge = Edge::start(&sticky(&[backend.address()], "", "")).await.unwrap();
    let first = visit(&edge, "").await;
    assert_eq!(first.fields("set-cookie").len(), 2);
    assert_ne!(session(&first), format!("{COOKIE}=theirs"));
    assert_eq!(visit(&edge, &session(&first)).await.fields("set-cookie"), ["a=b"]);
}

#[tokio::test]
async fn an_endpoint_that_is_gone_or_out_is_replaced_by_another() {
    let all = backends(3).await;
    let edge = Edge::start(&sticky(&addresses(&all), "", "")).await.unwrap();
    let first = visit(&edge, "").await;
    let home: usize = first.text().parse().unwrap();
    let others = all.iter().enumerate().filter(|(index, _)| *index != home);
    let left: Vec<_> = others.map(|(_, backend)| backend.address()).collect();
    edge.serve(&sticky(&left, "", "")).await.unwrap();
    let moved = visit(&edge, &session(&first)).await;
    assert_ne!(moved.text(), first.text());
    assert_eq!(visit(&edge, &session(&moved)).await.text(), moved.text());
    // What is no id at all, or is one beside another.
    for unknown in
        [format!("{COOKIE}=x"), format!("{COOKIE}=AAAAAAAAAAAAAAAA"), format!("{COOKIE}=")]
    {
        assert!(set(&visit(&edge, &unknown).await).is_some());
        let both = visit(&edge, &format!("{unknown}; {}", session(&moved))).await;
        assert_eq!((both.text(), set(&both)), (moved.text(), None));
    }
}

#[tokio::test]
async fn an_endpoint_that_accepts_no_connection_is_replaced_by_another() {
    let all = backends(2).await;
    let edge = Edge::start(&sticky(&addresses(&all), "", "")).await.unwrap();
    let first = visit(&edge, "").await;
    let home: usize = first.text().parse().unwrap();
    let mut all: Vec<_> = all.into_iter().map(Some).collect();
    drop(all[home].take());
    // Its listener closes with its task.
    let moved = loop {
        let answer = visit(&edge, &session(&first)).await;
        assert_eq!(answer.status(), 200);
        if answer.text() != first.text() && set(&answer).is_some() {
            break answer;
        }
        tokio::task::yield_now().await;
    };
    assert_ne!(session(&moved), session(&first));
    assert_eq!(visit(&edge, &session(&moved)).await.text(), moved.text());
}

#[tokio::test]
async fn weight_is_for_new_sessions_and_priority_for_all() {
    let (a, b) = (Backend::saying("a").await.unwrap(), Backend::saying("b").await.unwrap());
    let manifests = |weight: u32, priority: u32, endpoints: &[SocketAddr]| {
        let spec = format!(
            "backends:\n- {{service: {{name: a, port: 80}}, weight: {weight}, priority: {priority}}}\n- {{service: {{name: b, port: 80}}, priority: 1}}\naffinity: {{}}"
        );
        let services = service("a", "http", endpoints) + &service("b", "http", &[b.address()]);
        [front_door(""), services, route("app", &spec)].concat()
    };
    let edge = Edge::start(&manifests(1, 0, &[a.address()])).await.unwrap();
    let first = visit(&edge, "").await;
    assert_eq!(first.text(), "a");
    for priority in [0, 1] {
        edge.serve(&manifests(0, priority, &[a.address()])).await.unwrap();
        assert_eq!(visit(&edge, &session(&first)).await.text(), "a", "{priority}");
        for _ in 0..5 {
            assert_eq!(visit(&edge, "").await.text(), "b", "{priority}");
        }
    }
    // Away, and back: its priority comes first.
    edge.serve(&manifests(1, 0, &[])).await.unwrap();
    let moved = visit(&edge, &session(&first)).await;
    assert_eq!(moved.text(), "b");
    assert_eq!(visit(&edge, &session(&moved)).await.text(), "b");
    edge.serve(&manifests(1, 0, &[a.address()])).await.unwrap();
    let back = visit(&edge, &session(&moved)).await;
    assert_eq!((back.text(), session(&back)), ("a".to_owned(), session(&first)));
}

#[tokio::test]
async fn it_comes_before_a_hash() {
    let all = backends(4).await;
    let more = "balance: {policy: Hash, hash: {\"on\": Header, name: x-user}}";
    let edge = Edge::start(&sticky(&addresses(&all), "", more)).await.unwrap();
    let first = visit(&edge, "").await;
    for user in 0..20 {
        let fields = format!("X-User: {user}\r\nCookie: {}\r\n", session(&first));
        let answer = ask(edge.address(), get("/", &fields)).await.unwrap();
        assert_eq!(answer.text(), first.text());
    }
}

#[tokio::test]
async fn it_waits_for_a_full_endpoint() {
    let (stage, other) = (Stage::open().await.unwrap(), Backend::saying("other").await.unwrap());
    let endpoints = [stage.address().unwrap(), other.address()];
    let more = "limits: {requests: 1, queue: 1, queueTime: 20s}";
    let edge = Edge::start(&sticky(&endpoints, "", more)).await.unwrap();
    let ok = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nhome";
    // Until a client has its session with the first.
    let (mut client, mut home) = loop {
        let mut client = Wire::connect(edge.address()).await.unwrap();
        client.send(get("/", "")).await.unwrap();
        tokio::select! {
            answer = client.read_answer("GET") => assert_eq!(answer.unwrap().text(), "other"),
            home = stage.accept() => break (client, home.unwrap()),
        }
    };
    home.read_request().await.unwrap().unwrap();
    home.send(ok).await.unwrap();
    let cookie = session(&client.read_answer("GET").await.unwrap());
    let request = get("/", &format!("Cookie: {cookie}\r\n"));
    client.send(&request).await.unwrap();
    home.read_request().await.unwrap().unwrap();
    let mut waiting = Wire::connect(edge.address()).await.unwrap();
    waiting.send(&request).await.unwrap();
    let early = tokio::time::timeout(std::time::Duration::from_millis(300), waiting.read_head());
    assert!(early.await.is_err());
    // Where too many wait, it goes elsewhere, and stays there.
    let beyond = ask(edge.address(), &request).await.unwrap();
    assert_eq!(beyond.text(), "other");
    assert!(set(&beyond).is_some());
    home.send(ok).await.unwrap();
    client.read_answer("GET").await.unwrap();
    home.read_request().await.unwrap().unwrap();
    home.send(ok).await.unwrap();
    let answer = waiting.read_answer("GET").await.unwrap();
    assert_eq!((answer.text().as_str(), set(&answer)), ("home", None));
}

#[tokio::test]
async fn a_session_that_was_tried_elsewhere_once_is_not_moved() {
    let breaking = Stage::open().await.unwrap();
    let other = Backend::saying("other").await.unwrap();
    let endpoints = [breaking.address().unwrap(), other.address()];
    let edge = Edge::start(&sticky(&endpoints, "", "retry: {attempts: 1}")).await.unwrap();
    let (mut client, mut home) = loop {
        let mut client = Wire::connect(edge.address()).await.unwrap();
        client.send(get("/", "")).await.unwrap();
        tokio::select! {
            answer = client.read_answer("GET") => assert_eq!(answer.unwrap().text(), "other"),
            home = breaking.accept() => break (client, home.unwrap()),
        }
    };
    home.read_request().await.unwrap().unwrap();
    home.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await.unwrap();
    let cookie = session(&client.read_answer("GET").await.unwrap());
    drop(home);
    client.send(get("/", &format!("Cookie: {cookie}\r\n"))).await.unwrap();
    // A fresh connection, which breaks too.
    drop(breaking.accept().await.unwrap());
    let answer = client.read_answer("GET").await.unwrap();
    assert_eq!((answer.text().as_str(), set(&answer)), ("other", None));
}

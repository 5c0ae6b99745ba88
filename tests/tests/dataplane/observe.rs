//! What an operator sees of the traffic: a line and a count for every request, whatever became of
//! it.

mod backends;
mod cors;
mod requests;
mod tls;

use portico_tests::{
    backend::{Backend, Reply, Stage, front_door, one_route, route, service},
    edge::{self, Edge},
    wire::{PATIENCE, Wire, ask, get, post},
};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    io::Write,
    sync::{Mutex, MutexGuard, OnceLock},
    time::{Duration, Instant},
};

/// The access log of this whole process, and what the dataplane says beside it, line by line.
static LINES: Mutex<Vec<Value>> = Mutex::new(Vec::new());

struct Sink;

impl Write for Sink {
    fn write(&mut self, line: &[u8]) -> std::io::Result<usize> {
        LINES.lock().unwrap().push(serde_json::from_slice(line).unwrap());
        Ok(line.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Turns the logs on, as `--log-format json` does.
fn log() {
    static ON: OnceLock<()> = OnceLock::new();
    ON.get_or_init(|| {
        let own = tracing_subscriber::EnvFilter::new("off,portico_dataplane=info");
        let json = tracing_subscriber::fmt().json().flatten_event(true);
        json.with_env_filter(own).with_writer(|| Sink).init();
        edge::log_requests();
    });
}

/// All lines so far.
fn all_lines() -> MutexGuard<'static, Vec<Value>> {
    let mut lines = LINES.lock().unwrap();
    let requests = edge::logged_requests();
    let new = requests.split_inclusive(|byte| *byte == b'\n');
    lines.extend(new.map(|line| serde_json::from_slice::<Value>(line).unwrap()));
    lines
}

/// Looks until there is something to see: counts and lines follow the end of an answer.
async fn eventually<T>(mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(seen) = look().await {
            return seen;
        }
        assert!(start.elapsed() < PATIENCE, "never seen");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// The lines of one request.
async fn lines(id: &str) -> Vec<Value> {
    let of = |line: &&Value| line["target"] == "access" && line["request_id"] == id;
    eventually(async || {
        let lines: Vec<_> = all_lines().iter().filter(of).cloned().collect();
        (!lines.is_empty()).then_some(lines)
    })
    .await
}

/// The one line of a request that has been answered.
async fn line(edge: &Edge, request: &str) -> Value {
    let answer = ask(edge.address(), request).await.unwrap();
    let mut lines = lines(&answer.field("x-request-id")).await;
    assert_eq!(lines.len(), 1, "{lines:?}");
    lines.remove(0)
}

/// What a line says was sent to backends and received.
fn upstream_bytes(line: &Value) -> [u64; 2] {
    ["sent", "received"].map(|way| line[format!("upstream_bytes_{way}")].as_u64().unwrap())
}

#[tokio::test]
async fn the_access_line_tells_what_is_documented() {
    log();
    let backend = Backend::saying("four").await.unwrap();
    let spec = "matches: [{path: /a/*}]\nbackends: [{service: {name: app, port: 80}}]";
    let app = route("app", &format!("{spec}\ncors: {{allowOrigins: ['https://a.example']}}"));
    let app = app
        + "  rules: [{name: none, when: [{scheme: Https}], stop: true}, {name: own, stop: true}]\n";
    let trusting = front_door("trustedProxies: [127.0.0.0/8]\nrules: [{name: all, stop: true}]");
    let manifests = [trusting, service("app", "http", &[backend.address()]), app].concat();
    let edge = Edge::start(&manifests).await.unwrap();
    let fields = "User-Agent: curl/8.0 \"x\"\r\nX-Forwarded-For: 203.0.113.7\r\nX-Request-Id: a-line-of-its-own\r\nOrigin: https://a.example\r\n";
    let request = post("/a/./%62?token=s3cr3t", fields, "123");
    let line = line(&edge, &request.replace("www", "WWW")).await;
    for (name, value) in [
        ("target", "access"),
        ("level", "INFO"),
        ("route", "web/app"),
        ("backend", "web/app:80"),
        ("client", "203.0.113.7"),
        ("method", "POST"),
        ("host", "www.ep.com"),
        ("path", "/a/b"),
        ("version", "HTTP/1.1"),
        ("user_agent", "curl/8.0 \"x\""),
        ("reason", ""),
        ("cors", "allowed"),
        ("rules", "all,own"),
        ("request_id", "a-line-of-its-own"),
    ] {
        assert_eq!(line[name], value, "{name}: {line}");
    }
    assert_eq!(line["endpoint"], backend.address().to_string());
    assert_eq!(line["status"], 200);
    assert_eq!((&line["bytes_in"], &line["bytes_out"]), (&3.into(), &4.into()));
    assert_eq!((upstream_bytes(&line), &line["tries"]), ([3, 4], &1.into()));
    let (whole, upstream) = (line["duration_ms"].as_f64(), line["upstream_ms"].as_f64());
    assert!(whole.unwrap() >= upstream.unwrap() && upstream.unwrap() > 0.0, "{line}");
    assert!(!line.to_string().contains("s3cr3t"), "{line}");

    // The documentation names the same fields.
    let documented = include_str!("../../../docs/observe.md");
    let table = documented.split("## ").find(|part| part.starts_with("Access log")).unwrap();
    let rows = table.lines().filter_map(|row| row.strip_prefix("| `")?.split(" |").next());
    let named: BTreeSet<_> =
        rows.flat_map(|names| names.split(", ")).map(|name| name.trim_matches('`')).collect();
    let own = ["timestamp", "level", "target"];
    let said: BTreeSet<_> = line
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .filter(|name| !own.contains(name))
        // Only where there is one.
        .chain(["client_cert", "panic"])
        .collect();
    assert_eq!(said, named);
}

#[tokio::test]
async fn refused_requests_have_their_line_too() {
    log();
    let backend = Backend::saying("ok").await.unwrap();
    let edge = Edge::start(&one_route(backend.address(), "matches: [{path: /a}]")).await.unwrap();
    for (request, told) in [
        (get("/none", ""), ["GET", "www.ep.com", "/none", "404", "NoRoute"]),
        (get("/%zz?q", ""), ["GET", "www.ep.com", "-", "400", "InvalidPath"]),
        (get("/a", "").replace("www.ep.com", "a b"), ["GET", "-", "-", "400", "InvalidHost"]),
        (get("/a", "").replace("www.", "x."), ["GET", "x.ep.com", "/a", "404", "NoHost"]),
        (get("/a", "Via: 1.1 portico-test\r\n"), ["GET", "www.ep.com", "/a", "508", "Loop"]),
        (get("/a", " folded\r\n"), ["-", "-", "-", "400", "MalformedHead"]),
    ] {
        let line = line(&edge, &request).await;
        let text = |name: &str| line[name].as_str().map_or(line[name].to_string(), str::to_owned);
        assert_eq!(["method", "host", "path", "status", "reason"].map(text), told, "{request}");
        let route = if told[4] == "Loop" { "web/app" } else { "-" };
        assert_eq!(
            ["route", "backend", "client"].map(text),
            [route, "-", "127.0.0.1"],
            "{request}"
        );
    }
}

#[tokio::test]
async fn a_client_that_leaves_has_its_line() {
    log();
    let stage = Stage::open().await.unwrap();
    let edge = Edge::start(&one_route(stage.address().unwrap(), "")).await.unwrap();
    for (answer, status) in [("", 499), ("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", 200)] {
        let mut client = Wire::connect(edge.address()).await.unwrap();
        client.send(get("/", "")).await.unwrap();
        let mut backend = stage.accept().await.unwrap();
        let request = backend.read_request().await.unwrap().unwrap();
        backend.send(answer).await.unwrap();
        if !answer.is_empty() {
            client.read_head().await.unwrap().unwrap();
            assert_eq!(client.read(4).await.unwrap(), b"half");
        }
        drop(client);
        let lines = lines(&request.field("x-request-id")).await;
        assert_eq!(lines.len(), 1);
        assert_eq!(lines[0]["status"], status, "{}", lines[0]);
        assert_eq!(lines[0]["reason"], "ClientClosed", "{}", lines[0]);
    }
}

#[tokio::test]
async fn an_answer_that_ends_with_the_clients_broken_body_is_not_the_backends_fault() {
    log();
    let stage = Stage::open().await.unwrap();
    let edge = Edge::start(&one_route(stage.address().unwrap(), "")).await.unwrap();
    let mut client = Wire::connect(edge.address()).await.unwrap();
    let head = "POST / HTTP/1.1\r\nHost: www.ep.com\r\nTransfer-Encoding: chunked\r\n\r\n";
    client.send(head).await.unwrap();
    let mut backend = stage.accept().await.unwrap();
    let request = backend.read_head().await.unwrap().unwrap();
    backend.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf").await.unwrap();
    client.read_head().await.unwrap().unwrap();
    assert_eq!(client.read(4).await.unwrap(), b"half");
    client.send("no chunk\r\n").await.unwrap();
    let line = lines(&request.field("x-request-id")).await.remove(0);
    assert_eq!((&line["status"], &line["reason"]), (&200.into(), &"BodyBroken".into()), "{line}");
}

/// All samples, each `name{labels}` with its value. Fails on what is not the Prometheus text format.
async fn metrics(edge: &Edge) -> BTreeMap<String, f64> {
    let mut text = String::new();
    edge.dataplane.encode_metrics(&mut text).await;
    assert!(text.ends_with('\n'));
    let (mut samples, mut families) = (BTreeMap::new(), BTreeMap::new());
    for line in text.lines() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            assert!(help.split_once(' ').unwrap().1.len() > 10, "{line}");
        } else if let Some(family) = line.strip_prefix("# TYPE ") {
            let (name, kind) = family.split_once(' ').unwrap();
            assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
            assert!(families.insert(name.to_owned(), kind).is_none(), "twice: {line}");
        } else {
            let (sample, value) = line.rsplit_once(' ').unwrap();
            let (name, labels) = sample.split_once('{').unwrap_or((sample, "}"));
            let family =
                ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end));
            let family = family.filter(|f| families.get(*f) == Some(&"histogram")).unwrap_or(name);
            assert!(families.contains_key(family), "no TYPE before {line}");
            let labels = labels.strip_suffix('}').unwrap();
            for label in labels.split(',').filter(|label| !label.is_empty()) {
                let (name, value) = label.split_once('=').unwrap();
                assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{line}");
                assert!(
                    value.len() >= 2 && value.starts_with('"') && value.ends_with('"'),
                    "{line}"
                );
            }
            assert!(
                samples.insert(sample.to_owned(), value.parse().unwrap()).is_none(),
                "twice: {line}"
            );
        }
    }
    samples
}

fn requests(route: &str, code: u16, reason: &str) -> String {
    format!("portico_requests_total{{route=\"{route}\",code=\"{code}\",reason=\"{reason}\"}}")
}

/// Waits until a sample has this value.
async fn counts(edge: &Edge, sample: &str, value: f64) -> BTreeMap<String, f64> {
    eventually(async || {
        let metrics = metrics(edge).await;
        (metrics.get(sample) == Some(&value)).then_some(metrics)
    })
    .await
}

#[tokio::test]
async fn every_request_is_counted_by_route_code_and_reason() {
    let backend = Backend::scripted(|request| match request.target() {
        "/app/missing" => Reply::raw("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"),
        "/app/half" => Reply::raw("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf").then_close(),
        "/app/garbage" => Reply::raw("nonsense\r\n\r\n").then_close(),
        _ => Reply::ok("ok"),
    });
    let backend = backend.await.unwrap();
    let dead = Stage::open().await.unwrap().address().unwrap();
    let manifests = [
        front_door(""),
        service("app", "http", &[backend.address()]),
        service("dead", "http", &[dead]),
        route("app", "matches: [{path: /app/*}]\nbackends: [{service: {name: app, port: 80}}]"),
        route("dead", "matches: [{path: /dead}]\nbackends: [{service: {name: dead, port: 80}}]"),
        route(
            "none",
            "matches: [{path: /nowhere}]\nbackends: [{service: {name: nowhere, port: 80}}]",
        ),
        route("to", "matches: [{path: /to}]\nredirect: {path: /app/}"),
        route("fixed", "matches: [{path: /fixed}]\nrespond: {status: 418}"),
    ];
    let edge = Edge::start(&manifests.concat()).await.unwrap();
    let cases = [
        ("/app/", "web/app", 200, "", 3.0),
        ("/app/missing", "web/app", 404, "", 1.0),
        ("/app/half", "web/app", 200, "BackendBroken", 1.0),
        ("/app/garbage", "web/app", 502, "BackendMalformed", 1.0),
        ("/dead", "web/dead", 502, "ConnectFailed", 2.0),
        ("/nowhere", "web/none", 503, "NoEndpoint", 1.0),
        ("/to", "web/to", 302, "", 1.0),
        ("/fixed", "web/fixed", 418, "", 1.0),
        ("/other", "-", 404, "NoRoute", 1.0),
        ("/%00", "-", 400, "InvalidPath", 1.0),
    ];
    for (target, _, _, _, times) in &cases {
        for _ in 0..(*times as usize) {
            ask(edge.address(), get(target, "")).await.unwrap();
        }
    }
    ask(edge.address(), get("/", "Transfer-Encoding: gzip\r\n")).await.unwrap();
    for (_, route, code, reason, times) in cases {
        counts(&edge, &requests(route, code, reason), times).await;
    }
    let seen = counts(&edge, &requests("-", 501, "UnknownTransferCoding"), 1.0).await;
    assert_eq!(seen["portico_request_duration_seconds_count{route=\"web/app\"}"], 6.0);
    assert_eq!(seen["portico_request_duration_seconds_bucket{route=\"web/app\",le=\"+Inf\"}"], 6.0);
    assert!(seen["portico_request_duration_seconds_sum{route=\"web/app\"}"] > 0.0);
}

#[tokio::test]
async fn buckets_grow_with_their_bounds() {
    let backend = Backend::saying("ok").await.unwrap();
    let edge = Edge::start(&one_route(backend.address(), "")).await.unwrap();
    ask(edge.address(), get("/", "")).await.unwrap();
    let seen =
        counts(&edge, "portico_request_duration_seconds_count{route=\"web/app\"}", 1.0).await;
    let start = "portico_request_duration_seconds_bucket{route=\"web/app\",le=\"";
    let mut buckets: Vec<(f64, f64)> = seen
        .iter()
        .filter_map(|(sample, count)| {
            let bound = sample.strip_prefix(start)?.strip_suffix("\"}").unwrap();
            Some((bound.parse().unwrap(), *count))
        })
        .collect();
    buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
    assert!(buckets.len() > 5 && buckets.is_sorted_by_key(|(_, count)| *count), "{buckets:?}");
    assert_eq!(buckets.last(), Some(&(f64::INFINITY, 1.0)));
}

#[tokio::test]
async fn connections_and_tries_are_counted() {
    let backend = Backend::saying("ok").await.unwrap();
    let dead = Stage::open().await.unwrap().address().unwrap();
    let manifests = [
        front_door(""),
        service("app", "http", &[backend.address()]),
        service("dead", "http", &[dead]),
        route("app", "matches: [{path: /app}]\nbackends: [{service: {name: app, port: 80}}]"),
        route("dead", "matches: [{path: /dead}]\nbackends: [{service: {name: dead, port: 80}}]"),
    ];
    let edge = Edge::start(&manifests.concat()).await.unwrap();
    let mut client = Wire::connect(edge.address()).await.unwrap();
    for target in ["/app", "/app", "/app", "/dead"] {
        client.send(get(target, "")).await.unwrap();
        client.read_answer("GET").await.unwrap();
    }
    let seen = counts(&edge, &requests("web/dead", 502, "ConnectFailed"), 1.0).await;
    assert_eq!(seen["portico_connections"], 1.0);
    assert_eq!(seen["portico_upstream_idle_connections"], 1.0);
    for (name, app, dead) in [
        ("connects", 1.0, 0.0),
        ("connect_failures", 0.0, 1.0),
        ("reused", 2.0, 0.0),
        ("retries", 0.0, 0.0),
    ] {
        let of = |backend| seen[&format!("portico_upstream_{name}_total{{backend=\"{backend}\"}}")];
        assert_eq!((of("web/app:80"), of("web/dead:80")), (app, dead), "{name}");
    }
    // The label is a name of the table, and goes with it: nothing that a peer sends makes one.
    for host in ["a", "b"] {
        ask(edge.address(), get("/app", "").replace("www.", host)).await.unwrap();
    }
    edge.serve(&(front_door("") + &route("other", "respond: {}"))).await.unwrap();
    eventually(async || {
        let metrics = metrics(&edge).await;
        let labelled = |name: &String| name.starts_with("portico_upstream_") && name.contains('{');
        (!metrics.keys().any(labelled)).then_some(())
    })
    .await;
    drop(client);
    counts(&edge, "portico_connections", 0.0).await;
}

#[tokio::test]
async fn counts_of_a_route_that_is_gone_go_too() {
    let backend = Backend::saying("ok").await.unwrap();
    let edge = Edge::start(&one_route(backend.address(), "")).await.unwrap();
    ask(edge.address(), get("/", "")).await.unwrap();
    counts(&edge, &requests("web/app", 200, ""), 1.0).await;
    edge.serve(&(front_door("") + &route("other", "respond: {}"))).await.unwrap();
    ask(edge.address(), get("/", "")).await.unwrap();
    let seen = counts(&edge, &requests("web/other", 200, ""), 1.0).await;
    assert!(seen.keys().all(|sample| !sample.contains("web/app")), "{seen:?}");
}

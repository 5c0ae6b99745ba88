//! Endpoints that change a thousand times a second, under load: nothing fails, what is known of the
//! others is kept, and it costs no more than so much CPU.

use portico_tests::{
    backend::{Backend, Reply, front_door, route, service},
    serve::Serve,
    wire::{Message, Wire, get},
};
use serde_json::Value;
use std::{
    env, fs,
    net::SocketAddr,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

/// How many Services have endpoints that change, and how many endpoints each has.
const SERVICES: usize = 20;
const ENDPOINTS: usize = 10;
/// A change each so often.
const PACE: Duration = Duration::from_millis(1);
/// The share of one core that the process may use at most, the load included. Tables are made no
/// more than a few times a second, however many changes there are.
const MAX_CPU: f64 = 1.5;
/// How long a request is held. A backend of the tests waits no longer than 20 s for the next one.
const MAX_HELD: Duration = Duration::from_secs(10);

/// How long it goes on.
fn time() -> Duration {
    let seconds = env::var("ENDPOINT_CHANGES_SECONDS");
    Duration::from_secs(seconds.map_or(3, |seconds| seconds.parse().unwrap()))
}

fn checked(spec: &str) -> String {
    format!("health: {{path: /healthz, interval: 1s}}\n{spec}")
}

/// A backend that answers requests and checks with these statuses, and never what is held.
async fn backend(address: &str, request: u16, check: u16) -> Backend {
    let script = move |message: &Message| match message.target() {
        "/healthz" => answer(check),
        "/steady/held" => Reply::raw("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"),
        _ => answer(request),
    };
    Backend::scripted_at(address.parse().unwrap(), script).await.unwrap()
}

fn answer(status: u16) -> Reply {
    Reply::raw(format!("HTTP/1.1 {status} Says\r\nContent-Length: 0\r\n\r\n"))
}

/// A Route of its own for each Service whose endpoints change, and one whose endpoints stay.
fn manifests(steady: &[SocketAddr]) -> String {
    let to = |name: &str, more: &str| {
        let spec = format!(
            "matches: [{{path: /{name}/*}}]\nbackends: [{{service: {{name: {name}, port: 80}}}}]"
        );
        route(name, &checked(&format!("{spec}\n{more}")))
    };
    let mut text = front_door("") + &service("steady", "http", steady);
    text += &to("steady", "ejection: {errors: 1, time: 10m, maxTime: 10m}");
    for number in 0..SERVICES {
        let name = format!("s{number}");
        text += &(service(&name, "http", &[]) + &to(&name, ""));
    }
    text
}

/// The endpoints of a Service, all but one.
fn slice(service: usize, without: usize, port: u16) -> String {
    let all = (0..ENDPOINTS).filter(|endpoint| *endpoint != without);
    let endpoints: Vec<_> =
        all.map(|endpoint| format!("{{addresses: [127.0.{service}.{}]}}", endpoint + 1)).collect();
    format!(
        "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {{name: s{service}-1, namespace: web, labels: {{kubernetes.io/service-name: s{service}}}}}\naddressType: IPv4\nports: [{{name: main, port: {port}}}]\nendpoints: [{}]\n",
        endpoints.join(", ")
    )
}

/// Writes a slice as a whole.
fn write(to: &Path, beside: &Path, service: usize, text: &str) {
    let file = beside.join("slice.yaml");
    fs::write(&file, text).unwrap();
    fs::rename(&file, to.join(format!("slice-{service}.yaml"))).unwrap();
}

/// A client's requests; how many there were.
async fn ask(address: SocketAddr, paths: Vec<String>, is_over: Arc<AtomicBool>) -> usize {
    let (mut wire, mut count) = (Wire::connect(address).await.unwrap(), 0);
    while !is_over.load(Ordering::Relaxed) {
        let path = &paths[count % paths.len()];
        wire.send(get(path, "")).await.unwrap();
        let answer = wire.read_answer("GET").await.unwrap();
        assert_eq!(answer.status(), 200, "{path}, request {count}: {answer:?}");
        count += 1;
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    count
}

/// What `/debug/backends` says of an endpoint of the Service whose endpoints stay.
fn shown(serve: &Serve, address: SocketAddr) -> Value {
    let page = serve.admin("/debug/backends").unwrap();
    let json: Value = serde_json::from_str(page.split_once("\r\n\r\n").unwrap().1).unwrap();
    let backends = json.as_array().unwrap();
    let steady = backends.iter().find(|one| one["name"] == "web/steady:80").unwrap();
    let endpoints = steady["endpoints"].as_array().unwrap();
    endpoints.iter().find(|one| one["address"] == address.to_string()).unwrap().clone()
}

/// The second of the day of a time in RFC 3339.
fn second(at: &Value) -> u32 {
    let time = at.as_str().unwrap().split_once('T').unwrap().1;
    time[.."00:00:00".len()].split(':').fold(0, |sum, part| sum * 60 + part.parse::<u32>().unwrap())
}

/// Waits until an endpoint is in this state; since when it is.
async fn becomes(serve: &Serve, address: SocketAddr, state: &str) -> u32 {
    let start = Instant::now();
    loop {
        let seen = shown(serve, address);
        if seen["state"] == state {
            return second(&seen["since"]);
        }
        assert!(start.elapsed() < Duration::from_secs(30), "{seen}");
        let mut wire = Wire::connect(serve.http).await.unwrap();
        wire.send(get("/steady/x", "")).await.unwrap();
        wire.read_answer("GET").await.unwrap();
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::print_stdout, reason = "it is measured as well")]
#[allow(clippy::too_many_lines)] // One run, seen from all sides.
async fn endpoints_may_change_a_thousand_times_a_second() {
    let here = "127.0.0.1:0";
    let (one, other) = (backend(here, 200, 200).await, backend(here, 200, 200).await);
    let (failing, ill) = (backend(here, 500, 200).await, backend(here, 200, 500).await);
    let all = backend("0.0.0.0:0", 200, 200).await;
    let steady = [&one, &other, &failing, &ill].map(Backend::address);
    let serve = Arc::new(Serve::start(&manifests(&steady), &[]).unwrap());
    let (beside, port) = (tempfile::tempdir().unwrap(), all.address().port());
    for number in 0..SERVICES {
        write(serve.folder(), beside.path(), number, &slice(number, 0, port));
    }
    let name = |number| {
        format!("portico_backend_endpoints{{backend=\"web/s{number}:80\",state=\"healthy\"}}")
    };
    for number in 0..SERVICES {
        serve.becomes(&name(number), |count| count == (ENDPOINTS - 1) as f64).unwrap();
    }
    let ejected = becomes(&serve, failing.address(), "ejected").await;
    let unhealthy = becomes(&serve, ill.address(), "unhealthy").await;
    let (is_over, changes) = (Arc::<AtomicBool>::default(), Arc::<AtomicUsize>::default());
    let mut clients = Vec::new();
    for number in 0..4 {
        let paths = match number % 2 {
            0 => vec!["/steady/x".to_owned()],
            _ => (0..SERVICES).map(|number| format!("/s{number}/x")).collect(),
        };
        clients.push(tokio::spawn(ask(serve.http, paths, is_over.clone())));
    }
    let checks = || one.requests().iter().filter(|seen| seen.target() == "/healthz").count();
    let (checked, cpu) = (checks(), serve.cpu().unwrap());
    let tables = serve.metric("portico_table_generation").unwrap();
    let start = Instant::now();
    let storm = {
        let (serve, is_over, changes) = (serve.clone(), is_over.clone(), changes.clone());
        thread::spawn(move || {
            for number in 0.. {
                if is_over.load(Ordering::Relaxed) {
                    return;
                }
                let (service, without) = (number % SERVICES, number / SERVICES % ENDPOINTS);
                let text = slice(service, without, port);
                write(serve.folder(), beside.path(), service, &text);
                changes.fetch_add(1, Ordering::Relaxed);
                let next = PACE * (number + 1) as u32;
                thread::sleep(next.saturating_sub(start.elapsed()));
            }
        })
    };
    let while_held = time().min(MAX_HELD);
    tokio::time::sleep(time() - while_held).await;
    let mut held = Wire::connect(serve.http).await.unwrap();
    held.send(get("/steady/held", "")).await.unwrap();
    held.read_head().await.unwrap().unwrap();
    tokio::time::sleep(while_held).await;
    let took = start.elapsed().as_secs_f64();
    let cpu = (serve.cpu().unwrap() - cpu).as_secs_f64() / took;
    let checked = checks() - checked;
    is_over.store(true, Ordering::Relaxed);
    storm.join().unwrap();
    let mut requests = 0;
    for client in clients {
        requests += client.await.unwrap();
    }
    let tables = serve.metric("portico_table_generation").unwrap() - tables;
    let changes = changes.load(Ordering::Relaxed);
    println!(
        "{changes} changes and {requests} requests in {took:.1} s, none failed; {tables} tables; {:.0}% of a core; {checked} checks of an endpoint",
        cpu * 100.0
    );
    assert!(changes as f64 > 100.0 * took && requests as f64 > 100.0 * took && tables > took);
    assert!(cpu < MAX_CPU, "{cpu}");
    // Checks go on at their pace, and what they and requests have found is kept.
    assert!((checked as f64) < took * 1.3 + 2.0 && checked as f64 + 2.0 > took * 0.7, "{checked}");
    // The same time, as far as clocks allow.
    let drift = becomes(&serve, failing.address(), "ejected").await.abs_diff(ejected);
    assert!(drift <= 1, "{drift}");
    let drift = becomes(&serve, ill.address(), "unhealthy").await.abs_diff(unhealthy);
    assert!(drift <= 1, "{drift}");
    assert_eq!(shown(&serve, failing.address())["ejections"], 1);
    let in_flight = |at| shown(&serve, at)["inFlight"].as_u64().unwrap();
    assert_eq!(in_flight(one.address()) + in_flight(other.address()), 1);
}

//! The faults of one endpoint of three, as its clients meet them, as the endpoints see them, and as
//! metrics and `/debug/backends` tell.

use super::{super::upstreams::nobody, *};
use crate::upstreams::black_hole;
use portico_tests::{tls::Authority, wire::Wire};
use std::{collections::BTreeMap, sync::atomic::AtomicUsize};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

const HALF: &str = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf";
const REQUESTS: usize = 60;

/// What an endpoint does with a request that it has read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Does {
    /// It answers.
    Answers,
    /// It resets the connection before a head, or closes it.
    Resets,
    Closes,
    /// The same in the middle of the body.
    ResetsHalfway,
    ClosesHalfway,
    /// It says nothing, or nothing more.
    Hangs,
    HangsHalfway,
    /// It answers 500.
    Fails,
    /// It answers, and closes its side of the connection: what is sent on it then gets no answer.
    HalfCloses,
}

/// A running endpoint, and how many requests it got.
struct Endpoint {
    address: SocketAddr,
    count: Arc<AtomicUsize>,
}

impl Endpoint {
    async fn start(does: Does) -> Self {
        Self::start_with(does, None).await
    }

    async fn start_with(does: Does, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, count) = (listener.local_addr().unwrap(), Arc::<AtomicUsize>::default());
        let counted = count.clone();
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(connection(socket, does, tls.clone(), counted.clone()));
            }
        });
        Self { address, count }
    }

    /// One at an address that has nothing to count.
    fn at(address: SocketAddr) -> Self {
        Self { address, count: Arc::default() }
    }

    fn count(&self) -> usize {
        self.count.load(Ordering::SeqCst)
    }
}

async fn connection(
    socket: TcpStream,
    does: Does,
    tls: Option<TlsAcceptor>,
    count: Arc<AtomicUsize>,
) {
    if matches!(does, Does::Resets | Does::ResetsHalfway) {
        socket.set_zero_linger().unwrap();
    }
    let mut wire = match tls {
        None => Wire::new(socket),
        Some(acceptor) => match acceptor.accept(socket).await {
            Ok(stream) => Wire::new(stream),
            Err(_) => return,
        },
    };
    while let Ok(Some(_)) = wire.read_request().await {
        count.fetch_add(1, Ordering::SeqCst);
        let sent = match does {
            Does::Answers | Does::HalfCloses => FINE,
            Does::Resets | Does::Closes => return,
            Does::ResetsHalfway | Does::ClosesHalfway | Does::HangsHalfway => HALF,
            Does::Hangs => return std::future::pending().await,
            Does::Fails => FAILED,
        };
        if wire.send(sent).await.is_err() {
            return;
        }
        match does {
            Does::Answers | Does::Fails | Does::Resets | Does::Closes | Does::Hangs => {}
            Does::ClosesHalfway => return,
            // The half has to arrive first.
            Does::ResetsHalfway => return tokio::time::sleep(Duration::from_millis(50)).await,
            Does::HangsHalfway => return std::future::pending().await,
            Does::HalfCloses => {
                wire.shut().await.unwrap();
                let _ = wire.read_to_end().await;
                return;
            }
        }
    }
}

/// What is known of a fault.
#[derive(Default)]
struct Expected {
    /// After so many failures in a row the endpoint is ejected.
    errors: u32,
    /// What clients get of which that is not a whole 200, and how many.
    clients: &'static [(&'static str, usize)],
    /// How many requests the endpoint gets, if that is certain.
    endpoint: Option<usize>,
    /// The labels of the metric of requests that have failed, and of retries, and how many.
    failed: Option<(&'static str, u64)>,
    retried: Option<(&'static str, u64)>,
    /// Why it is ejected, if it is.
    reason: Option<&'static str>,
}

/// No connection comes about: one request is sent elsewhere, and no other goes there.
const NO_CONNECTION: Expected = Expected {
    errors: 1,
    clients: &[],
    endpoint: Some(0),
    failed: None,
    retried: Some(("ConnectFailure", 1)),
    reason: Some("no connection"),
};

/// Three endpoints, of which the first one has the fault.
fn manifests(endpoints: &[&Endpoint], protocol: &str, tls: &str) -> String {
    let addresses: Vec<_> = endpoints.iter().map(|endpoint| endpoint.address).collect();
    let spec = format!(
        "backends: [{{service: {{name: app, port: 80}}{tls}}}]\ntimeouts: {{connect: 1s, request: 1s, idle: 1s}}"
    );
    [front_door(""), service("app", protocol, &addresses), route("app", &spec)].concat()
}

async fn meets(faulty: Endpoint, good: [Endpoint; 2], manifests: &str, expected: Expected) {
    let edge = edge(manifests, &ejecting(expected.errors)).await;
    let mut clients = BTreeMap::<String, usize>::new();
    for _ in 0..REQUESTS {
        let answer = ask(edge.address(), get("/", "")).await.unwrap();
        let whole = if answer.complete { "" } else { ", not whole" };
        let seen = format!("{}{whole} {}", answer.status(), answer.reason());
        *clients.entry(seen.trim_end().to_owned()).or_default() += 1;
    }
    // What clients saw.
    let served = clients.remove("200").unwrap_or_default();
    let failed: Vec<_> = clients.iter().map(|(what, count)| (what.as_str(), *count)).collect();
    assert_eq!(failed, expected.clients);
    assert_eq!(served + failed.iter().map(|(_, count)| count).sum::<usize>(), REQUESTS);
    // What the endpoints saw.
    if let Some(count) = expected.endpoint {
        assert_eq!(faulty.count(), count);
    }
    let others: usize = good.iter().map(Endpoint::count).sum();
    assert!(good.iter().all(|one| one.count() > 0));
    if expected.reason.is_some() {
        assert_eq!(others, served);
    }
    // What the metrics say.
    let requests = |labels: &str| format!("portico_requests_total{{route=\"web/app\",{labels}}}");
    let retries =
        |reason| format!("portico_retries_total{{route=\"web/app\",reason=\"{reason}\"}}");
    let mut samples = vec![(requests("code=\"200\",reason=\"\""), served as u64)];
    samples.extend(expected.failed.map(|(labels, count)| (requests(labels), count)));
    samples.extend(expected.retried.map(|(reason, count)| (retries(reason), count)));
    let out = u64::from(expected.reason.is_some());
    for (sample, count) in [
        ("portico_backend_ejections_total{backend=\"web/app:80\"}", out),
        ("portico_backend_endpoints{backend=\"web/app:80\",state=\"ejected\"}", out),
        ("portico_backend_endpoints{backend=\"web/app:80\",state=\"healthy\"}", 3 - out),
    ] {
        samples.push((sample.to_owned(), count));
    }
    for (sample, count) in samples {
        // A request is counted when its response has been sent.
        let is_so = async || edge.metric::<u64>(&sample).await.is_ok_and(|value| value == count);
        let counted = tokio::time::timeout(PATIENCE, async { while !is_so().await {} }).await;
        assert!(
            counted.is_ok(),
            "{sample} is {:?}, not {count}",
            edge.metric::<u64>(&sample).await
        );
    }
    // What operators see, which is what clients meet from then on.
    let seen = shown(&edge, faulty.address);
    let state = match expected.reason {
        Some(_) => EndpointState::Ejected,
        None => EndpointState::Healthy,
    };
    assert_eq!((seen.state, seen.reason.as_deref()), (state, expected.reason));
    assert!(good.iter().all(|one| shown(&edge, one.address).state == EndpointState::Healthy));
    let before = faulty.count();
    assert_eq!(send(&edge, 20, 200).await, 20);
    assert_eq!(faulty.count() == before, expected.reason.is_some());
}

async fn plain(faulty: Endpoint, expected: Expected) {
    let good = [Endpoint::start(Does::Answers).await, Endpoint::start(Does::Answers).await];
    let manifests = manifests(&[&faulty, &good[0], &good[1]], "http", "");
    meets(faulty, good, &manifests, expected).await;
}

#[tokio::test]
async fn one_that_refuses_connections_costs_no_answer() {
    plain(Endpoint::at(nobody().await), NO_CONNECTION).await;
}

#[tokio::test]
async fn one_that_is_a_black_hole_costs_no_answer() {
    let (_listener, _waiting, hole) = black_hole().await;
    let good = [Endpoint::start(Does::Answers).await, Endpoint::start(Does::Answers).await];
    let faulty = Endpoint::at(hole);
    let manifests = manifests(&[&faulty, &good[0], &good[1]], "http", "");
    let patient = manifests.replace("connect: 1s, request: 1s", "connect: 300ms, request: 10s");
    meets(faulty, good, &patient, NO_CONNECTION).await;
}

#[tokio::test]
async fn one_that_ends_connections_before_the_head_costs_no_answer() {
    for does in [Does::Resets, Does::Closes] {
        let expected = Expected {
            errors: 3,
            clients: &[],
            endpoint: Some(3),
            failed: None,
            retried: Some(("Reset", 3)),
            reason: Some("no complete response"),
        };
        plain(Endpoint::start(does).await, expected).await;
    }
}

#[tokio::test]
async fn one_that_ends_connections_in_the_body_breaks_off_what_it_began() {
    for does in [Does::ResetsHalfway, Does::ClosesHalfway] {
        let expected = Expected {
            errors: 3,
            clients: &[("200, not whole", 3)],
            endpoint: Some(3),
            failed: Some(("code=\"200\",reason=\"BackendBroken\"", 3)),
            retried: None,
            reason: Some("no complete response"),
        };
        plain(Endpoint::start(does).await, expected).await;
    }
}

#[tokio::test]
async fn one_that_sends_no_head_costs_each_request_its_timeout() {
    let expected = Expected {
        errors: 2,
        clients: &[("504 BackendTimeout", 2)],
        endpoint: Some(2),
        failed: Some(("code=\"504\",reason=\"BackendTimeout\"", 2)),
        retried: None,
        reason: Some("no response in time"),
    };
    plain(Endpoint::start(Does::Hangs).await, expected).await;
}

#[tokio::test]
async fn one_that_stops_in_the_body_breaks_off_what_it_began() {
    let expected = Expected {
        errors: 2,
        clients: &[("200, not whole", 2)],
        endpoint: Some(2),
        failed: Some(("code=\"200\",reason=\"BackendTimeout\"", 2)),
        retried: None,
        reason: Some("no response in time"),
    };
    plain(Endpoint::start(Does::HangsHalfway).await, expected).await;
}

#[tokio::test]
async fn one_that_answers_500_is_heard_until_it_has_done_so_too_often() {
    let expected = Expected {
        errors: 4,
        clients: &[("500", 4)],
        endpoint: Some(4),
        failed: Some(("code=\"500\",reason=\"\"", 4)),
        retried: None,
        reason: Some("status 500"),
    };
    plain(Endpoint::start(Does::Fails).await, expected).await;
}

#[tokio::test]
async fn one_that_closes_its_side_of_idle_connections_costs_nothing() {
    let expected = Expected { errors: 3, ..Expected::default() };
    plain(Endpoint::start(Does::HalfCloses).await, expected).await;
}

#[tokio::test]
async fn one_with_the_wrong_certificate_gets_nothing_and_costs_no_answer() {
    let (own, other) = (Authority::new("own").unwrap(), Authority::new("other").unwrap());
    let start = async |authority: &Authority| {
        let acceptor = authority.issue(&["app.internal"]).unwrap().acceptor(None).unwrap();
        Endpoint::start_with(Does::Answers, Some(acceptor)).await
    };
    let faulty = start(&other).await;
    let good = [start(&own).await, start(&own).await];
    let tls = ", tls: {serverName: app.internal, caRef: {kind: ConfigMap, name: own}}";
    let manifests = manifests(&[&faulty, &good[0], &good[1]], "https", tls);
    meets(faulty, good, &(manifests + &own.config_map("own")), NO_CONNECTION).await;
}

/// A listener that is gone and comes back, under `/debug/backends`.
#[tokio::test]
async fn one_that_accepts_no_connection_for_a_while_is_passed_over_and_shown_so() {
    let (good, gone) = (Endpoint::start(Does::Answers).await, nobody().await);
    let edge = edge(&app(&[gone, good.address]), &ejecting(1000)).await;
    until(async || {
        assert_eq!(send(&edge, 1, 200).await, 1);
        shown(&edge, gone).state == EndpointState::BackingOff
    })
    .await;
    let seen = shown(&edge, gone);
    assert!(seen.reason.is_some_and(|why| why.contains("to connect")));
    let sample = "portico_backend_endpoints{backend=\"web/app:80\",state=\"backingOff\"}";
    assert_eq!(edge.metric::<u64>(sample).await.unwrap(), 1);
    let _back = Backend::scripted_at(gone, |_| Reply::raw(FINE)).await.unwrap();
    until(async || {
        assert_eq!(send(&edge, 1, 200).await, 1);
        shown(&edge, gone).state == EndpointState::Healthy
    })
    .await;
}

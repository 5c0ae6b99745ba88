//! What an OpenTelemetry collector gets.

use opentelemetry_proto::tonic::{
    metrics::v1::{AggregationTemporality, metric::Data, number_data_point::Value},
    trace::v1::{Span, span::SpanKind, status::StatusCode},
};
use portico_tests::{
    backend::{Backend, Reply, Stage, front_door, one_route, route},
    collector::{Collector, TAKEN, attributes},
    serve::Serve,
    wire::{ask, get},
};
use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicUsize, Ordering},
};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const SPAN: &str = "b7ad6b7169203331";

fn hex(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(bytes)
}

fn by_kind(spans: &[Span], kind: SpanKind) -> &Span {
    let mut of_kind = spans.iter().filter(|span| span.kind == i32::from(kind));
    let first = of_kind.next().expect("none of that kind");
    assert!(of_kind.next().is_none(), "{spans:?}");
    first
}

/// A front door that responds by itself.
fn local(status: u16) -> String {
    front_door("") + &route("app", &format!("respond: {{status: {status}}}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sampled_request_is_a_tree_of_spans() {
    let collector = Collector::start().await.unwrap();
    let backend = Backend::saying("served").await.unwrap();
    let manifests = one_route(backend.address(), "matches: [{path: /api/*}]");
    let flags = [&*collector.flag(), "--trace-sample-ratio=0"];
    let serve = Serve::start(&manifests, &flags).unwrap();
    let fields = format!(
        "traceparent: 00-{TRACE}-{SPAN}-01\r\ntracestate: a=1\r\nUser-Agent: test/1\r\nAuthorization: secret\r\n"
    );
    let answer = ask(serve.http, get("/api/a?token=secret", &fields)).await.unwrap();
    let spans = collector.waits_for(2).await.unwrap();
    let (server, client) = (by_kind(&spans, SpanKind::Server), by_kind(&spans, SpanKind::Client));
    for span in [server, client] {
        assert_eq!((hex(&span.trace_id), &*span.trace_state), (TRACE.to_owned(), "a=1"));
        assert!(span.start_time_unix_nano < span.end_time_unix_nano, "{span:?}");
        assert_eq!(span.status, None);
    }
    assert_eq!((hex(&server.parent_span_id), &*server.name), (SPAN.to_owned(), "GET /api/*"));
    assert_eq!((&client.parent_span_id, &*client.name), (&server.span_id, "GET"));
    assert_eq!((server.flags, client.flags), (0x301, 0x101));
    assert!(server.start_time_unix_nano <= client.start_time_unix_nano);
    assert!(client.end_time_unix_nano <= server.end_time_unix_nano);

    let got = backend.request().unwrap();
    let id = answer.field("x-request-id");
    assert_eq!(got.field("traceparent"), format!("00-{TRACE}-{}-01", hex(&client.span_id)));
    assert_eq!(got.field("x-request-id"), id);
    assert_eq!(serve.request("/api/a").unwrap()["request_id"], *id);

    check_attributes(server, client, &id, &backend);
    let messages = collector.traces().unwrap();
    let resource = messages[0].resource_spans[0].resource.as_ref().unwrap();
    let process = attributes(&resource.attributes).unwrap();
    assert_eq!(process["service.name"], "portico");
    assert_eq!(process["service.version"], env!("CARGO_PKG_VERSION"));
    assert!(process["service.instance.id"].len() > 8);
    assert!(!format!("{messages:?}").contains("secret"));
}

/// The attributes of that request and of its try.
fn check_attributes(server: &Span, client: &Span, id: &str, backend: &Backend) {
    let said = attributes(&server.attributes).unwrap();
    assert!(said["network.peer.port"].parse::<u16>().unwrap() > 0);
    for (name, value) in [
        ("http.request.method", "GET"),
        ("http.response.status_code", "200"),
        ("http.route", "/api/*"),
        ("http.request.body.size", "0"),
        ("http.response.body.size", "6"),
        ("url.scheme", "http"),
        ("url.path", "/api/a"),
        ("server.address", "www.ep.com"),
        ("server.port", "80"),
        ("network.protocol.version", "1.1"),
        ("network.peer.address", "127.0.0.1"),
        ("client.address", "127.0.0.1"),
        ("user_agent.original", "test/1"),
        ("portico.route", "web/app"),
        ("portico.request_id", id),
    ] {
        assert_eq!(said[name], value, "{name}");
    }
    assert_eq!(said.len(), 16, "{said:?}");
    let said = attributes(&client.attributes).unwrap();
    let port = backend.address().port().to_string();
    for (name, value) in [
        ("http.request.method", "GET"),
        ("http.response.status_code", "200"),
        ("url.full", "http://www.ep.com/api/a"),
        ("server.address", "127.0.0.1"),
        ("server.port", &port),
        ("portico.backend", "web/app:80"),
    ] {
        assert_eq!(said[name], value, "{name}");
    }
    assert_eq!(said.len(), 6, "{said:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_the_traces_that_begin_here_none_or_all_are_sampled_exactly() {
    for (share, sampled) in [("0", 0), ("1", 20)] {
        let collector = Collector::start().await.unwrap();
        let flags = [collector.flag(), format!("--trace-sample-ratio={share}")];
        let mut serve = Serve::start(&local(204), &flags.each_ref().map(|flag| &**flag)).unwrap();
        for number in 0..20 {
            ask(serve.http, get(&format!("/{number}"), "")).await.unwrap();
        }
        // The client's flag comes before the share, whatever that is.
        let parent = |sampled| format!("traceparent: 00-{TRACE}-{SPAN}-0{sampled}\r\n");
        ask(serve.http, get("/sampled", &parent(1))).await.unwrap();
        ask(serve.http, get("/unsampled", &parent(0))).await.unwrap();
        serve.signal("TERM").unwrap();
        assert_eq!(serve.ended().unwrap().code(), Some(0));
        let spans = collector.spans().unwrap();
        assert_eq!(spans.len(), sampled + 1);
        let traces: BTreeSet<_> = spans.iter().map(|span| &span.trace_id).collect();
        assert_eq!(traces.len(), sampled + 1);
        let paths =
            spans.iter().map(|span| attributes(&span.attributes).unwrap()["url.path"].clone());
        let paths: BTreeSet<_> = paths.collect();
        assert!(paths.contains("/sampled") && !paths.contains("/unsampled"), "{paths:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_a_servers_error_is_one() {
    let collector = Collector::start().await.unwrap();
    let gone = Stage::open().await.unwrap().address().unwrap();
    let manifests = one_route(gone, "matches: [{path: /gone}]")
        + &route("busy", "matches: [{path: /busy}]\nrespond: {status: 503}");
    let flags = [&*collector.flag(), "--trace-sample-ratio=1"];
    let serve = Serve::start(&manifests, &flags).unwrap();
    let mut seen = 0;
    for (path, status, error, reason) in [
        ("/gone", "502", Some("ConnectFailed"), Some("ConnectFailed")),
        ("/busy", "503", Some("503"), None),
        ("/nowhere", "404", None, Some("NoRoute")),
    ] {
        ask(serve.http, get(path, "")).await.unwrap();
        serve.request(path).unwrap();
        let count = seen + if path == "/gone" { 2 } else { 1 };
        let spans = collector.waits_for(count).await.unwrap();
        let new = &spans[seen..];
        seen = count;
        let server = by_kind(new, SpanKind::Server);
        let said = attributes(&server.attributes).unwrap();
        assert_eq!(said["http.response.status_code"], status);
        assert_eq!(said.get("error.type").map(String::as_str), error);
        assert_eq!(said.get("portico.reason").map(String::as_str), reason);
        let code = server.status.as_ref().map(|status| status.code);
        assert_eq!(code, error.map(|_| StatusCode::Error.into()));
        if path == "/gone" {
            let client = by_kind(new, SpanKind::Client);
            let said = attributes(&client.attributes).unwrap();
            assert_eq!(said["error.type"], "ConnectFailed");
            assert_eq!(client.status.as_ref().unwrap().code, i32::from(StatusCode::Error));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_collector_requests_go_on_and_spans_are_sent_when_it_is_back() {
    let address = Stage::open().await.unwrap().address().unwrap();
    let endpoint = format!("--otlp-endpoint=http://{address}/");
    let serve = Serve::start(&local(204), &[&*endpoint, "--trace-sample-ratio=1"]).unwrap();
    for _ in 0..3 {
        assert_eq!(ask(serve.http, get("/", "")).await.unwrap().status(), 204);
    }
    let is_failure = |line: &serde_json::Value| {
        line["message"].as_str().is_some_and(|text| text.starts_with("spans can't be sent to"))
    };
    let line = serve.logged("a warning", is_failure).unwrap();
    assert!(line["message"].as_str().unwrap().contains("refused"), "{line}");
    let collector = Collector::start_at(address).await.unwrap();
    collector.waits_for(3).await.unwrap();
    serve.logged("good news", |line| line["message"] == "sending spans works again").unwrap();
    assert_eq!(serve.log().iter().filter(|line| is_failure(line)).count(), 1);
    assert_eq!(
        serve.becomes("portico_trace_requests_total{result=\"sent\"}", |it| it > 2.0).unwrap(),
        3.0
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_collector_refuses_is_dropped_and_what_it_is_too_busy_for_is_sent_again() {
    static ASKED: AtomicUsize = AtomicUsize::new(0);
    let collector = Collector::scripted(|_| match ASKED.fetch_add(1, Ordering::SeqCst) {
        0 => Reply::raw("HTTP/1.1 400 No\r\nContent-Length: 7\r\n\r\ntoo old"),
        1 => Reply::raw("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"),
        _ => Reply::raw(TAKEN),
    });
    let collector = collector.await.unwrap();
    let serve = Serve::start(&local(204), &[&*collector.flag(), "--trace-sample-ratio=1"]).unwrap();
    ask(serve.http, get("/", "")).await.unwrap();
    serve.becomes("portico_trace_requests_total{result=\"failed\"}", |it| it > 0.0).unwrap();
    let is_refusal = |line: &serde_json::Value| {
        let message = line["message"].as_str();
        message.is_some_and(|text| text.ends_with(": 400 Bad Request too old"))
    };
    serve.logged("the collector's reason", is_refusal).unwrap();
    ask(serve.http, get("/", "")).await.unwrap();
    serve.becomes("portico_trace_requests_total{result=\"sent\"}", |it| it > 0.0).unwrap();
    let messages = collector.traces().unwrap();
    assert_eq!(messages.len(), 3);
    assert_ne!(messages[0], messages[1]);
    assert_eq!(messages[1], messages[2]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_spans_are_sent_before_the_process_ends() {
    let collector = Collector::start().await.unwrap();
    let flags = [&*collector.flag(), "--trace-sample-ratio=1"];
    let mut serve = Serve::start(&local(204), &flags).unwrap();
    ask(serve.http, get("/", "")).await.unwrap();
    serve.signal("TERM").unwrap();
    assert_eq!(serve.ended().unwrap().code(), Some(0));
    assert_eq!(collector.spans().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_that_never_responds_holds_nobody_up() {
    let silent = Stage::open().await.unwrap();
    let endpoint = format!("--otlp-endpoint=http://{}", silent.address().unwrap());
    let mut serve = Serve::start(&local(204), &[&*endpoint, "--trace-sample-ratio=1"]).unwrap();
    ask(serve.http, get("/", "")).await.unwrap();
    let mut connection = silent.accept().await.unwrap();
    connection.read_request().await.unwrap().unwrap();
    assert_eq!(ask(serve.http, get("/", "")).await.unwrap().status(), 204);
    serve.signal("TERM").unwrap();
    assert_eq!(serve.ended().unwrap().code(), Some(0));
    serve
        .logged("a warning", |line| {
            line["message"] == "the last spans were not sent: the collector takes too long"
        })
        .unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn metrics_are_those_of_the_admin_port() {
    let collector = Collector::start().await.unwrap();
    let backend = Backend::saying("served").await.unwrap();
    let mut serve = Serve::start(&one_route(backend.address(), ""), &[&*collector.flag()]).unwrap();
    for _ in 0..3 {
        // Cross-origin, it would need a preflight.
        let page = "Origin: http://www.ep.com\r\nX-Api-Key: a\r\n";
        ask(serve.http, get("/", page)).await.unwrap();
    }
    ask(serve.http, "GET / HTTP/1.1\r\nHost: other\r\n\r\n").await.unwrap();
    serve.becomes("portico_requests_total", |it| it > 3.0).unwrap();
    // The last ones are sent at the end.
    serve.signal("TERM").unwrap();
    assert_eq!(serve.ended().unwrap().code(), Some(0));
    let message = collector.metrics().unwrap().pop().unwrap();
    let [resource] = &message.resource_metrics[..] else { panic!("{message:?}") };
    let process = attributes(&resource.resource.as_ref().unwrap().attributes).unwrap();
    assert_eq!(process["service.name"], "portico");
    let [scope] = &resource.scope_metrics[..] else { panic!("{resource:?}") };
    let metric = |name: &str| {
        let found = scope.metrics.iter().find(|metric| metric.name == name);
        found.and_then(|metric| metric.data.clone()).expect(name)
    };

    let Data::Histogram(durations) = metric("http.server.request.duration") else { panic!() };
    assert_eq!(durations.aggregation_temporality, i32::from(AggregationTemporality::Cumulative));
    let counts = durations.data_points.iter().map(|point| {
        assert_eq!(point.bucket_counts.len(), point.explicit_bounds.len() + 1);
        assert_eq!(point.bucket_counts.iter().sum::<u64>(), point.count);
        assert!(point.start_time_unix_nano < point.time_unix_nano);
        let route = attributes(&point.attributes).unwrap()["portico.route"].clone();
        // What Portico answers itself takes no time that its clock would see.
        assert_eq!(point.sum.unwrap() > 0.0, route == "web/app");
        (route, point.count)
    });
    assert_eq!(counts.collect::<Vec<_>>(), [("-".to_owned(), 1), ("web/app".to_owned(), 3)]);

    let sum = |name: &str| {
        let Data::Sum(sum) = metric(name) else { panic!("{name}") };
        assert_eq!(sum.aggregation_temporality, i32::from(AggregationTemporality::Cumulative));
        let points = sum.data_points.iter().map(|point| {
            let labels = attributes(&point.attributes).unwrap();
            let labels: Vec<_> =
                labels.into_iter().map(|(name, it)| format!("{name}={it}")).collect();
            (labels.join(" "), point.value.unwrap())
        });
        (sum.is_monotonic, points.collect::<Vec<_>>())
    };
    let requests = [
        ("portico.code=404 portico.reason=NoHost portico.route=-".to_owned(), Value::AsInt(1)),
        ("portico.code=200 portico.route=web/app".to_owned(), Value::AsInt(3)),
    ];
    assert_eq!(sum("portico.requests"), (true, requests.to_vec()));
    let avoided = ("portico.route=web/app".to_owned(), Value::AsInt(3));
    assert_eq!(sum("portico.cors.preflights_avoided"), (true, vec![avoided]));
    let (is_monotonic, saved) = sum("portico.cors.saved_round_trip");
    assert!(is_monotonic && matches!(saved[..], [(_, Value::AsDouble(_))]), "{saved:?}");
    let (is_monotonic, open) = sum("portico.connections");
    assert!(!is_monotonic && matches!(open[..], [(_, Value::AsInt(_))]), "{open:?}");
}

//! W3C Trace Context, between a client and a backend.

use super::{Recorder, SPAN, TRACE, parent, parts};
use crate::{forwarding, http2};
use http::{Request, Version};
use portico_dataplane::trace::Parents;
use portico_tests::{
    backend::{Backend, Stage, one_route},
    edge::Edge,
    wire::{Message, Wire, ask, get},
};

/// The request that a backend gets for one with these fields.
async fn forwarded(edge: &Edge, backend: &Backend, fields: &str) -> Message {
    assert_eq!(ask(edge.address(), get("/", fields)).await.unwrap().status(), 200);
    backend.last().unwrap()
}

#[tokio::test]
async fn contexts_pass_unchanged_while_tracing_is_off() {
    let (edge, backend) = forwarding().await;
    for fields in [
        String::new(),
        parent("01"),
        parent("01") + &parent("00") + "tracestate: a=1\r\nTraceState: b=2\r\n",
        "traceparent: nonsense\r\ntracestate: a=1\r\n".to_owned(),
    ] {
        let got = forwarded(&edge, &backend, &fields).await;
        let is_traces = |line: &str| line.to_ascii_lowercase().starts_with("trace");
        let lines = |head: &str| {
            let lines = head.split("\r\n").filter(|line| is_traces(line));
            lines.map(str::to_ascii_lowercase).collect::<Vec<_>>()
        };
        assert_eq!(lines(&got.head), lines(&fields));
    }
}

#[tokio::test]
async fn a_trace_goes_on_with_the_state_of_its_client() {
    let backend = Backend::saying("ok").await.unwrap();
    let manifests = one_route(backend.address(), "");
    let (edge, recorder) = Recorder::edge(&manifests, 0.0, Parents::Follow).await;
    for (flags, sent) in [("01", "01"), ("03", "03"), ("00", "00"), ("02", "02"), ("ff", "03")] {
        let state = "tracestate: a=1,b=2\r\ntracestate: c=3\r\n";
        let got = forwarded(&edge, &backend, &(parent(flags) + state)).await;
        let [trace, span, flags] = parts(&got.field("traceparent"));
        assert_eq!((&*trace, &*flags), (TRACE, sent));
        assert_ne!(span, SPAN);
        assert_eq!(got.fields("tracestate"), ["a=1,b=2", "c=3"]);
    }
    // The client's flag decides, and not the share.
    let spans = recorder.take(3).await;
    for span in &spans {
        assert_eq!(span.context.trace_id.to_string(), TRACE);
        assert_eq!(span.parent.unwrap().to_string(), SPAN);
        assert_eq!(span.trace_state, "a=1,b=2,c=3");
    }
}

#[tokio::test]
async fn a_context_of_a_version_to_come_is_continued_in_this_one() {
    let backend = Backend::saying("ok").await.unwrap();
    let manifests = one_route(backend.address(), "");
    let (edge, _recorder) = Recorder::edge(&manifests, 0.0, Parents::Follow).await;
    let fields = format!("traceparent: cc-{TRACE}-{SPAN}-01-what-will-be\r\n");
    let got = forwarded(&edge, &backend, &fields).await;
    let [trace, _, flags] = parts(&got.field("traceparent"));
    assert_eq!((&*trace, &*flags), (TRACE, "01"));
}

#[tokio::test]
async fn without_a_valid_context_a_trace_begins_without_state() {
    let backend = Backend::saying("ok").await.unwrap();
    let manifests = one_route(backend.address(), "");
    let (edge, recorder) = Recorder::edge(&manifests, 1.0, Parents::Follow).await;
    let zeros = format!("traceparent: 00-{}-{SPAN}-01\r\n", "0".repeat(32));
    let ff = format!("traceparent: ff-{TRACE}-{SPAN}-01\r\n");
    let upper = format!("traceparent: 00-{}-{SPAN}-01\r\n", TRACE.to_uppercase());
    let two = parent("01") + &parent("01");
    let mut traces = Vec::new();
    for fields in ["", "traceparent: \r\n", &zeros, &ff, &upper, &two] {
        let got = forwarded(&edge, &backend, &format!("{fields}tracestate: a=1\r\n")).await;
        let [trace, span, flags] = parts(&got.field("traceparent"));
        assert_eq!(flags, "03", "{fields}");
        assert_eq!(got.fields("tracestate"), [""; 0], "{fields}");
        let recorded = recorder.one().await;
        assert_eq!((recorded.context.trace_id.to_string(), recorded.parent), (trace.clone(), None));
        // The backend is called by the try.
        assert_eq!(recorded.tries[0].span_id.to_string(), span);
        assert_eq!(recorded.trace_state, "");
        traces.push(trace);
    }
    traces.sort_unstable();
    traces.dedup();
    assert_eq!(traces.len(), 6);
    assert!(!traces.iter().any(|trace| trace == TRACE));
}

#[tokio::test]
async fn a_trace_that_is_not_sampled_is_passed_on_without_spans() {
    let backend = Backend::saying("ok").await.unwrap();
    let manifests = one_route(backend.address(), "");
    let (edge, recorder) = Recorder::edge(&manifests, 0.0, Parents::Follow).await;
    let [.., flags] = parts(&forwarded(&edge, &backend, "").await.field("traceparent"));
    assert_eq!(flags, "02");
    // The only span is that of the one that is.
    forwarded(&edge, &backend, &parent("01")).await;
    assert_eq!(recorder.one().await.parent.unwrap().to_string(), SPAN);
}

#[tokio::test]
async fn clients_contexts_can_be_ignored() {
    let backend = Backend::saying("ok").await.unwrap();
    let manifests = one_route(backend.address(), "");
    let (edge, recorder) = Recorder::edge(&manifests, 0.0, Parents::Ignore).await;
    let got = forwarded(&edge, &backend, &(parent("01") + "tracestate: a=1\r\n")).await;
    let [trace, _, flags] = parts(&got.field("traceparent"));
    assert_ne!(trace, TRACE);
    assert_eq!((&*flags, got.fields("tracestate").len()), ("02", 0));
    assert_eq!(recorder.0.take().0.len(), 0);
}

#[tokio::test]
async fn a_route_has_the_last_word() {
    let backend = Backend::saying("ok").await.unwrap();
    let spec = "requestHeaders: {remove: [traceparent], set: [{name: tracestate, value: a=1}]}";
    let manifests = one_route(backend.address(), spec);
    let (edge, _recorder) = Recorder::edge(&manifests, 1.0, Parents::Follow).await;
    let got = forwarded(&edge, &backend, &parent("01")).await;
    assert_eq!((got.fields("traceparent").len(), got.field("tracestate")), (0, "a=1".to_owned()));
}

#[tokio::test]
async fn http2_is_no_different() {
    let backend = Backend::saying("ok").await.unwrap();
    let manifests = one_route(backend.address(), "");
    let (edge, recorder) = Recorder::edge(&manifests, 0.0, Parents::Follow).await;
    let request = Request::get("http://www.ep.com/")
        .version(Version::HTTP_2)
        .header("traceparent", format!("00-{TRACE}-{SPAN}-01"))
        .header("tracestate", "a=1");
    let sender = http2::connect(&edge).await;
    let request = request.body(()).unwrap();
    let answer = http2::ask_whole(&sender, request, b"", http::HeaderMap::new()).await;
    assert_eq!(answer.status, 200);
    let got = backend.request().unwrap();
    let [trace, span, _] = parts(&got.field("traceparent"));
    assert_eq!((&*trace, got.field("tracestate")), (TRACE, "a=1".to_owned()));
    let recorded = recorder.one().await;
    assert_eq!(recorded.version, Some(Version::HTTP_2));
    assert_eq!(recorded.tries[0].span_id.to_string(), span);
}

#[tokio::test]
async fn a_websocket_is_a_request_of_its_trace_until_it_ends() {
    let stage = Stage::open().await.unwrap();
    let manifests = one_route(stage.address().unwrap(), "");
    let (edge, recorder) = Recorder::edge(&manifests, 0.0, Parents::Follow).await;
    let mut client = Wire::connect(edge.address()).await.unwrap();
    let ask = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n";
    client.send(get("/socket", &(parent("01") + ask))).await.unwrap();
    let mut backend = stage.accept().await.unwrap();
    let got = backend.read_request().await.unwrap().unwrap();
    let switch = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
    backend.send(switch).await.unwrap();
    assert_eq!(client.read_answer("GET").await.unwrap().status(), 101);
    client.send("ping").await.unwrap();
    assert_eq!(backend.read(4).await.unwrap(), b"ping");
    assert_eq!(recorder.0.take().0.len(), 0);
    drop((client, backend));
    let recorded = recorder.one().await;
    assert_eq!(recorded.status, Some(101));
    assert_eq!((recorded.received, recorded.reason), (4, ""));
    assert_eq!(parts(&got.field("traceparent"))[1], recorded.tries[0].span_id.to_string());
}

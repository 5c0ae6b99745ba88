//! The trace of a request while it is served.

use super::{
    Tracer,
    context::{SpanContext, SpanId, TRACEPARENT, TRACESTATE},
    span::{RequestSpan, TrySpan},
};
use crate::{
    path::PathPattern,
    table::{ObjectName, Scheme},
};
use http::{HeaderMap, HeaderValue, Method, Version, header};
use std::{
    net::{IpAddr, SocketAddr},
    rc::Rc,
    time::Duration,
};

/// How much of a text that a peer chooses freely is kept, in bytes.
const MAX_TEXT_BYTES: usize = 512;
/// The same of a method.
const MAX_METHOD_BYTES: usize = 32;
/// The same of `tracestate`, which nobody has to pass on beyond that (§3.3.1.5); what is longer is
/// left out of the span.
const MAX_STATE_BYTES: usize = 512;

/// The trace of a request.
#[derive(Debug)]
pub(crate) struct RequestTrace {
    context: SpanContext,
    /// Whether it continues a trace, whose `tracestate` passes then.
    has_parent: bool,
    /// What is recorded, if it is sampled.
    recorded: Option<Box<Recorded>>,
}

#[derive(Debug)]
struct Recorded {
    tracer: Rc<Tracer>,
    span: RequestSpan,
    /// The id of the try to come, and what is known of the one that has begun.
    next: SpanId,
    current: Option<TrySpan>,
}

/// What is known of a request once it has been decided what happens to it.
pub(crate) struct Arrival<'r> {
    pub(crate) peer: SocketAddr,
    pub(crate) scheme: Scheme,
    /// `None` if the host is not valid: then nothing else of the head is sure to be the request's.
    pub(crate) host: Option<&'r str>,
    pub(crate) port: Option<u16>,
    pub(crate) method: &'r Method,
    pub(crate) path: Option<&'r str>,
    pub(crate) version: Version,
    pub(crate) headers: &'r HeaderMap,
    pub(crate) pattern: Option<&'r PathPattern>,
}

/// A try that begins.
#[derive(Clone, Copy)]
pub(crate) struct Started<'r> {
    pub(crate) backend: &'r str,
    pub(crate) scheme: Scheme,
    pub(crate) host: &'r HeaderValue,
    pub(crate) path: &'r str,
    pub(crate) endpoint: SocketAddr,
    /// After the request began.
    pub(crate) at: Duration,
}

/// What came of a try.
pub(crate) struct TryEnd {
    /// Another address of a name may have been faster than that at which it began.
    pub(crate) endpoint: SocketAddr,
    pub(crate) status: Option<u16>,
    pub(crate) reason: &'static str,
    /// After the request began.
    pub(crate) at: Duration,
}

/// What is known of a request when its response has ended.
pub(crate) struct Ended<'r> {
    pub(crate) duration: Duration,
    pub(crate) request_id: &'r str,
    pub(crate) client: IpAddr,
    pub(crate) route: Option<&'r ObjectName>,
    pub(crate) status: Option<u16>,
    pub(crate) reason: &'static str,
    /// Whether the reason is an error of the server.
    pub(crate) is_server_error: bool,
    pub(crate) cors: Option<String>,
    pub(crate) received: u64,
    pub(crate) sent: u64,
}

impl RequestTrace {
    /// The trace of a request that has just arrived.
    pub(super) fn new(
        tracer: &Rc<Tracer>,
        context: SpanContext,
        parent: Option<SpanContext>,
        headers: &HeaderMap,
    ) -> Self {
        let recorded = context.flags.sampled.then(|| {
            let trace_state = parent.map(|_| trace_state(headers)).unwrap_or_default();
            let parent = parent.map(|parent| parent.span_id);
            let span = RequestSpan::new(context, parent, trace_state);
            let next = context.span_id;
            Box::new(Recorded { tracer: tracer.clone(), span, next, current: None })
        });
        Self { context, has_parent: parent.is_some(), recorded }
    }

    /// Whether its spans are recorded.
    pub(crate) fn is_recorded(&self) -> bool {
        self.recorded.is_some()
    }

    /// The `traceparent` that the next try's backend gets: each try is a span of its own, if they
    /// are recorded.
    pub(crate) fn next_try(&mut self) -> HeaderValue {
        let Some(recorded) = &mut self.recorded else { return self.context.field() };
        let context = self.context.child();
        recorded.next = context.span_id;
        context.field()
    }

    /// Removes the client's context from a head, as far as another takes its place. Without a
    /// `traceparent` that is valid, a `tracestate` says nothing (§4.2).
    pub(crate) fn remove_replaced(&self, headers: &mut HeaderMap) {
        headers.remove(TRACEPARENT);
        if !self.has_parent {
            headers.remove(TRACESTATE);
        }
    }

    /// Notes what is known of the request.
    pub(crate) fn arrived(&mut self, arrival: Arrival<'_>) {
        let Some(Recorded { span, .. }) = self.recorded.as_deref_mut() else { return };
        span.peer = Some(arrival.peer);
        span.scheme = arrival.scheme;
        let Some(host) = arrival.host else { return };
        (span.host, span.port) = (Some(cut(host)), arrival.port);
        (span.method, span.version) = (short(arrival.method), Some(arrival.version));
        span.path = arrival.path.map(cut);
        let user_agent = arrival.headers.get(header::USER_AGENT);
        span.user_agent = user_agent.map(|value| cut(&String::from_utf8_lossy(value.as_bytes())));
        span.pattern = arrival.pattern.map(ToString::to_string);
    }

    /// Notes that a try begins.
    pub(crate) fn try_begins(&mut self, started: Started<'_>) {
        let Some(recorded) = &mut self.recorded else { return };
        let Started { backend, scheme, host, path, endpoint, at } = started;
        let host = host.to_str().unwrap_or_default();
        recorded.current = Some(TrySpan {
            span_id: recorded.next,
            start: at,
            duration: Duration::ZERO,
            backend: cut(backend),
            url: cut(&format!("{}://{host}{path}", scheme.as_str())),
            endpoint,
            status: None,
            reason: "",
        });
    }

    /// Notes what came of it.
    pub(crate) fn try_ended(&mut self, end: TryEnd) {
        if let Some(recorded) = &mut self.recorded {
            recorded.try_ended(end);
        }
    }

    /// Hands its span on, if it is recorded.
    pub(crate) fn end(self, ended: Ended<'_>) {
        let Some(mut recorded) = self.recorded else { return };
        // The client has left meanwhile.
        if let Some(endpoint) = recorded.current.as_ref().map(|current| current.endpoint) {
            let (reason, at) = (ended.reason, ended.duration);
            recorded.try_ended(TryEnd { endpoint, status: None, reason, at });
        }
        let Recorded { tracer, span, .. } = *recorded;
        tracer.finish(RequestSpan {
            duration: ended.duration,
            request_id: ended.request_id.to_owned(),
            client: Some(ended.client),
            route: ended.route.cloned(),
            status: ended.status,
            reason: ended.reason,
            is_server_error: ended.is_server_error,
            cors: ended.cors,
            received: ended.received,
            sent: ended.sent,
            ..span
        });
    }
}

impl Recorded {
    fn try_ended(&mut self, end: TryEnd) {
        if let Some(span) = self.current.take() {
            let TryEnd { endpoint, status, reason, at } = end;
            let duration = at.saturating_sub(span.start);
            self.span.tries.push(TrySpan { endpoint, status, reason, duration, ..span });
        }
    }
}

/// The `tracestate` of a request, whose fields are one list (§3.3.1.1).
fn trace_state(headers: &HeaderMap) -> String {
    let fields = headers.get_all(TRACESTATE).iter().filter_map(|value| value.to_str().ok());
    let mut list = String::new();
    for field in fields.filter(|field| !field.is_empty()) {
        if !list.is_empty() {
            list.push(',');
        }
        list.push_str(field);
        if list.len() > MAX_STATE_BYTES {
            return String::new();
        }
    }
    list
}

/// A method without what nobody shows of it.
fn short(method: &Method) -> Option<Method> {
    match method.as_str().as_bytes().get(..MAX_METHOD_BYTES) {
        Some(start) => Method::from_bytes(start).ok(),
        None => Some(method.clone()),
    }
}

fn cut(text: &str) -> String {
    text[..text.floor_char_boundary(MAX_TEXT_BYTES)].to_owned()
}

#[cfg(test)]
#[allow(clippy::panic, clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::trace::{Parents, SampleRatio, Spans, Tracing};
    use std::sync::Arc;

    #[test]
    fn what_peers_choose_is_bounded() {
        let sampled = SampleRatio::new(1.0).unwrap();
        let spans = Arc::new(Spans::new(|| {}));
        let tracing = Tracing { sampled, parents: Parents::Follow, spans: spans.clone() };
        let (tracer, long) = (tracing.of_worker(), "é".repeat(5_000));
        let mut headers = HeaderMap::new();
        let parent =
            HeaderValue::from_static("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
        headers.insert(TRACEPARENT, parent);
        headers.insert(TRACESTATE, HeaderValue::from_static("a=1"));
        headers.append(TRACESTATE, HeaderValue::try_from("b".repeat(600)).unwrap());
        headers.insert(header::USER_AGENT, HeaderValue::from_bytes(long.as_bytes()).unwrap());
        let mut trace = tracer.trace(&headers);
        trace.arrived(Arrival {
            peer: ([10, 0, 0, 1], 5).into(),
            scheme: Scheme::Http,
            host: Some(&long),
            port: None,
            method: &Method::from_bytes(&[b'M'; 8_000]).unwrap(),
            path: Some(&long),
            version: Version::HTTP_11,
            headers: &headers,
            pattern: None,
        });
        trace.try_begins(Started {
            backend: &long,
            scheme: Scheme::Http,
            host: &HeaderValue::from_static("ep.com"),
            path: &long,
            endpoint: ([10, 0, 0, 2], 80).into(),
            at: Duration::ZERO,
        });
        trace.end(Ended {
            duration: Duration::from_secs(1),
            request_id: "id",
            client: [10, 0, 0, 1].into(),
            route: None,
            status: None,
            reason: "ClientClosed",
            is_server_error: false,
            cors: None,
            received: 0,
            sent: 0,
        });
        let (taken, _) = spans.take();
        let [span] = &taken[..] else { panic!("{taken:?}") };
        assert_eq!(span.trace_state, "");
        assert_eq!(span.method.as_ref().unwrap().as_str().len(), MAX_METHOD_BYTES);
        // The try ends with its request.
        let [only] = &span.tries[..] else { panic!("{span:?}") };
        assert_eq!((only.duration.as_secs(), only.reason), (1, "ClientClosed"));
        let texts = [&span.host, &span.path, &span.user_agent].map(|text| text.as_ref().unwrap());
        for text in texts.into_iter().chain([&only.backend, &only.url]) {
            assert!((MAX_TEXT_BYTES - 1..=MAX_TEXT_BYTES).contains(&text.len()), "{text}");
        }
    }
}

//! Spans as OTLP has them, with attributes named by OpenTelemetry's semantic conventions for HTTP.

use super::attributes::{nanos, number, scope, text};
use http::{Method, Version};
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::KeyValue,
    resource::v1::Resource,
    trace::v1::{ResourceSpans, ScopeSpans, Span, Status, span::SpanKind, status::StatusCode},
};
use portico_dataplane::trace::{RequestSpan, SpanContext, SpanId, TrySpan};
use std::time::SystemTime;

/// In a span's flags: it is known whether its parent is in another process.
const HAS_IS_REMOTE: u32 = 0x100;
/// It is.
const IS_REMOTE: u32 = 0x200;

/// The methods that the conventions know; others are `_OTHER`.
const METHODS: [Method; 9] = [
    Method::GET,
    Method::POST,
    Method::PUT,
    Method::DELETE,
    Method::HEAD,
    Method::OPTIONS,
    Method::PATCH,
    Method::TRACE,
    Method::CONNECT,
];

/// The message with these requests and their tries.
pub(super) fn message(resource: &Resource, requests: &[RequestSpan]) -> ExportTraceServiceRequest {
    let spans = requests.iter().flat_map(|request| {
        let tries = request.tries.iter().enumerate();
        let tries = tries.map(|(index, one)| client_span(request, one, index));
        std::iter::once(server_span(request)).chain(tries)
    });
    let scope_spans =
        ScopeSpans { scope: Some(scope()), spans: spans.collect(), ..ScopeSpans::default() };
    let resource_spans = ResourceSpans {
        resource: Some(resource.clone()),
        scope_spans: vec![scope_spans],
        ..ResourceSpans::default()
    };
    ExportTraceServiceRequest { resource_spans: vec![resource_spans] }
}

fn server_span(request: &RequestSpan) -> Span {
    let method = request.method.as_ref().map_or("HTTP", |method| known(method).unwrap_or("HTTP"));
    let name = match &request.pattern {
        Some(pattern) => format!("{method} {pattern}"),
        None => method.to_owned(),
    };
    let parent_flags = request.parent.map_or(HAS_IS_REMOTE, |_| HAS_IS_REMOTE | IS_REMOTE);
    let times = (request.start, request.start + request.duration);
    let is_error = request.is_server_error || request.status.is_some_and(|status| status >= 500);
    let error = is_error.then(|| cause(request.reason, request.status));
    let mut attributes = method_attributes(request.method.as_ref());
    attributes.push(text("url.scheme", request.scheme.as_str()));
    attributes.push(text("portico.request_id", &*request.request_id));
    attributes.extend(request.path.as_ref().map(|path| text("url.path", path)));
    attributes.extend(request.host.as_ref().map(|host| text("server.address", bare(host))));
    attributes.extend(request.port.map(|port| number("server.port", port)));
    attributes.extend(request.version.map(|it| text("network.protocol.version", version(it))));
    attributes.extend(request.client.map(|client| text("client.address", client.to_string())));
    if let Some(peer) = request.peer {
        attributes.push(text("network.peer.address", peer.ip().to_canonical().to_string()));
        attributes.push(number("network.peer.port", peer.port()));
    }
    attributes.extend(request.user_agent.as_ref().map(|it| text("user_agent.original", it)));
    attributes.extend(request.pattern.as_ref().map(|pattern| text("http.route", pattern)));
    attributes.extend(request.route.as_ref().map(|it| text("portico.route", it.to_string())));
    attributes.extend(status_attribute(request.status));
    if !request.reason.is_empty() {
        attributes.push(text("portico.reason", request.reason));
    }
    attributes.extend(request.cors.as_ref().map(|cors| text("portico.cors", cors)));
    attributes.push(number("http.request.body.size", request.received));
    attributes.push(number("http.response.body.size", request.sent));
    attributes.extend(error.as_ref().map(|error| text("error.type", error)));
    Span {
        parent_span_id: request.parent.map(|id| id.bytes().to_vec()).unwrap_or_default(),
        kind: SpanKind::Server.into(),
        flags: parent_flags | u32::from(request.context.flags.byte()),
        name,
        attributes,
        ..span(request, request.context.span_id, times, error.is_some())
    }
}

/// A try's span: the `index`-th of its request.
fn client_span(request: &RequestSpan, one: &TrySpan, index: usize) -> Span {
    let start = request.start + one.start;
    // To a client, a 4xx is an error too.
    let is_error = one.status.is_none_or(|status| status >= 400);
    let error = is_error.then(|| cause(one.reason, one.status));
    let method = request.method.as_ref();
    let mut attributes = method_attributes(method);
    attributes.push(text("url.full", &*one.url));
    attributes.push(text("server.address", one.endpoint.ip().to_string()));
    attributes.push(number("server.port", one.endpoint.port()));
    attributes.push(text("portico.backend", &*one.backend));
    attributes.extend(status_attribute(one.status));
    if index > 0 {
        attributes.push(number("http.request.resend_count", index));
    }
    attributes.extend(error.as_ref().map(|error| text("error.type", error)));
    Span {
        parent_span_id: request.context.span_id.bytes().to_vec(),
        kind: SpanKind::Client.into(),
        flags: HAS_IS_REMOTE | u32::from(request.context.flags.byte()),
        name: method.and_then(known).unwrap_or("HTTP").to_owned(),
        attributes,
        ..span(request, one.span_id, (start, start + one.duration), error.is_some())
    }
}

/// What spans of both kinds have.
fn span(
    request: &RequestSpan,
    id: SpanId,
    (start, end): (SystemTime, SystemTime),
    is_error: bool,
) -> Span {
    let SpanContext { trace_id, .. } = request.context;
    Span {
        trace_id: trace_id.bytes().to_vec(),
        span_id: id.bytes().to_vec(),
        trace_state: request.trace_state.clone(),
        start_time_unix_nano: nanos(start),
        end_time_unix_nano: nanos(end),
        // Without an error, it is for others to say that all went well.
        status: is_error.then(|| Status { code: StatusCode::Error.into(), ..Status::default() }),
        ..Span::default()
    }
}

/// `error.type`: the reason, or else the status.
fn cause(reason: &str, status: Option<u16>) -> String {
    match (reason, status) {
        ("", Some(status)) => status.to_string(),
        ("", None) => "_OTHER".to_owned(),
        (reason, _) => reason.to_owned(),
    }
}

fn known(method: &Method) -> Option<&'static str> {
    METHODS.iter().find(|known| *known == method).map(Method::as_str)
}

fn method_attributes(method: Option<&Method>) -> Vec<KeyValue> {
    let name = "http.request.method";
    match method.map(|method| known(method).ok_or(method)) {
        Some(Ok(known)) => vec![text(name, known)],
        Some(Err(other)) => {
            vec![text(name, "_OTHER"), text("http.request.method_original", other.as_str())]
        }
        None => vec![text(name, "_OTHER")],
    }
}

fn status_attribute(status: Option<u16>) -> Option<KeyValue> {
    status.map(|status| number("http.response.status_code", status))
}

/// An IPv6 address without its brackets.
fn bare(host: &str) -> &str {
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
}

fn version(version: Version) -> &'static str {
    match version {
        Version::HTTP_10 => "1.0",
        Version::HTTP_2 => "2",
        _ => "1.1",
    }
}

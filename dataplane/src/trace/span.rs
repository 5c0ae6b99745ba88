//! Spans of requests that have ended.

use super::context::{SpanContext, SpanId};
use crate::table::{ObjectName, Scheme};
use http::{Method, Version};
use std::{
    net::{IpAddr, SocketAddr},
    time::{Duration, SystemTime},
};

/// A request that has ended: a span of kind server. What a peer chooses freely is cut to a length.
#[derive(Clone, Debug)]
pub struct RequestSpan {
    /// Its ids.
    pub context: SpanContext,
    /// The span that sent it, if it said so.
    pub parent: Option<SpanId>,
    /// Its `tracestate`.
    pub trace_state: String,
    /// When its head was complete.
    pub start: SystemTime,
    /// From then until its response had ended.
    pub duration: Duration,
    /// `X-Request-Id`.
    pub request_id: String,
    /// The other end of the connection.
    pub peer: Option<SocketAddr>,
    /// The client's address, as reported by a trusted proxy if there is one.
    pub client: Option<IpAddr>,
    /// The scheme that the client used.
    pub scheme: Scheme,
    /// The method; `None`, like the host, if the request was refused before it was known.
    pub method: Option<Method>,
    /// The requested host.
    pub host: Option<String>,
    /// The port that the client dialled, if that is known.
    pub port: Option<u16>,
    /// The normalised path, without the query, which may contain secrets.
    pub path: Option<String>,
    /// The version of HTTP.
    pub version: Option<Version>,
    /// `User-Agent`.
    pub user_agent: Option<String>,
    /// The Route that won.
    pub route: Option<ObjectName>,
    /// The pattern of its path that fits.
    pub pattern: Option<String>,
    /// The status of the response; `None` if the client left before it.
    pub status: Option<u16>,
    /// Why Portico responded itself or gave up; empty for a whole response of a backend.
    pub reason: &'static str,
    /// Whether that reason is an error of the server, and not the client's.
    pub is_server_error: bool,
    /// The verdict of a CORS policy.
    pub cors: Option<String>,
    /// Bytes of the request's body.
    pub received: u64,
    /// Bytes of the response's body.
    pub sent: u64,
    /// How often it was sent to a backend, and what came of it.
    pub tries: Vec<TrySpan>,
}

impl RequestSpan {
    /// A request that begins now, of which nothing else is known.
    pub(super) fn new(context: SpanContext, parent: Option<SpanId>, trace_state: String) -> Self {
        Self {
            context,
            parent,
            trace_state,
            start: SystemTime::now(),
            duration: Duration::ZERO,
            request_id: String::new(),
            peer: None,
            client: None,
            scheme: Scheme::Http,
            method: None,
            host: None,
            port: None,
            path: None,
            version: None,
            user_agent: None,
            route: None,
            pattern: None,
            status: None,
            reason: "",
            is_server_error: false,
            cors: None,
            received: 0,
            sent: 0,
            tries: Vec::new(),
        }
    }

    /// A new trace that is sampled, with nothing else.
    #[cfg(test)]
    pub(super) fn sample() -> Self {
        let sampled = super::SampleRatio::new(1.0).unwrap_or_else(|| unreachable!());
        Self::new(SpanContext::root(sampled), None, String::new())
    }
}

/// A try to get a response from a backend, until its head: a span of kind client, and a child of its
/// request's.
#[derive(Clone, Debug)]
pub struct TrySpan {
    /// Its id.
    pub span_id: SpanId,
    /// When it began, after the request did.
    pub start: Duration,
    /// How long it took.
    pub duration: Duration,
    /// The backend's name.
    pub backend: String,
    /// The URL that it got, without the query.
    pub url: String,
    /// The endpoint.
    pub endpoint: SocketAddr,
    /// The status of the response; `None` if there was none.
    pub status: Option<u16>,
    /// Why there was none; otherwise empty.
    pub reason: &'static str,
}

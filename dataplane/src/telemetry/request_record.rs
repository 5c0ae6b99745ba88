//! One request's record: counted and logged when its response has ended, however it ends.

use super::{RouteStats, cors};
use crate::{cors::Verdict, refusal::Refusal};
use http::{HeaderValue, Method, StatusCode, Version};
use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};

/// The status that is counted if the client left before the response.
const CLIENT_CLOSED: u16 = 499;

/// What is known so far about one request.
#[derive(Debug)]
pub(crate) struct RequestRecord {
    /// When its head was complete.
    pub(crate) start: Instant,
    /// When its response ended; `None`: when the record is dropped.
    pub(crate) ended: Option<Instant>,
    /// Its Route's counters.
    pub(crate) route: Rc<RouteStats>,
    /// `X-Request-Id`.
    pub(crate) id: HeaderValue,
    /// The client's address, as reported by a trusted proxy if there is one.
    pub(crate) client: IpAddr,
    /// The response's status.
    pub(crate) status: Option<StatusCode>,
    /// Why Portico answered the request itself or gave up.
    pub(crate) refusal: Option<Refusal>,
    /// The CORS policy's verdict.
    pub(crate) cors: Option<Verdict>,
    /// From sending the request to receiving the response's head.
    pub(crate) upstream: Option<Duration>,
    /// Bytes received of the request's body.
    pub(crate) received: u64,
    /// Bytes sent of the response's body.
    pub(crate) sent: u64,
    /// Whether the whole response has been handed on.
    pub(crate) complete: bool,
    /// Fields that only the access log shows; `None` if it is off.
    pub(crate) log: Option<AccessLogFields>,
}

/// Fields that only the access log shows; `None` if the request was refused before they were known.
#[derive(Debug, Default)]
pub(crate) struct AccessLogFields {
    /// The method.
    pub(crate) method: Option<Method>,
    /// The host.
    pub(crate) host: Option<String>,
    /// The path without query.
    pub(crate) path: Option<String>,
    /// The version of HTTP.
    pub(crate) version: Option<Version>,
    /// The subject of the client's certificate, if it has one.
    pub(crate) client_cert: Option<Arc<str>>,
    /// The selected backend.
    pub(crate) backend: Option<String>,
    /// The address of its endpoint that was tried last.
    pub(crate) endpoint: Option<SocketAddr>,
    /// Whether all endpoints were out, and so all were used.
    pub(crate) panic: bool,
}

/// Whether the access log is on.
fn access_log_is_on() -> bool {
    tracing::enabled!(target: "access", tracing::Level::INFO)
}

impl RequestRecord {
    /// A request whose head has just been read.
    pub(crate) fn new(
        start: Instant,
        route: Rc<RouteStats>,
        id: HeaderValue,
        client: IpAddr,
    ) -> Self {
        Self {
            start,
            ended: None,
            route,
            id,
            client,
            status: None,
            refusal: None,
            cors: None,
            upstream: None,
            received: 0,
            sent: 0,
            complete: false,
            log: access_log_is_on().then(AccessLogFields::default),
        }
    }

    /// The backend that was selected, if the access log is on.
    pub(crate) fn backend(&self) -> &str {
        self.log.as_ref().and_then(|fields| fields.backend.as_deref()).unwrap_or("-")
    }

    /// Logs which rule the response of `backend` breaks, unless its Route has logged many of late.
    pub(crate) fn malformed(&self, backend: &str, rule: impl fmt::Display) {
        if self.route.may_log(Instant::now()) {
            tracing::info!(
                route = self.route.name.as_ref().map(tracing::field::display),
                backend,
                %rule,
                request_id = %self.id.to_str().unwrap_or("-"),
                "a backend's response is malformed"
            );
        }
    }

    fn reason(&self) -> &'static str {
        match (self.refusal, self.complete) {
            (Some(refusal), _) => refusal.reason(),
            (None, true) => "",
            (None, false) => "ClientClosed",
        }
    }

    fn write_log(&self, status: u16, reason: &str, duration: Duration) {
        let Some(fields) = &self.log else { return };
        let route = self.route.name.as_ref().map(ToString::to_string);
        tracing::info!(
            target: "access",
            route = route.as_deref().unwrap_or("-"),
            backend = fields.backend.as_deref().unwrap_or("-"),
            endpoint = fields.endpoint.map(tracing::field::display),
            panic = fields.panic.then_some(true),
            client = %self.client,
            method = fields.method.as_ref().map_or("-", Method::as_str),
            host = fields.host.as_deref().unwrap_or("-"),
            path = fields.path.as_deref().unwrap_or("-"),
            version = fields.version.map_or("-", version),
            client_cert = fields.client_cert.as_deref(),
            status,
            reason,
            cors = self.cors.map(|verdict| tracing::field::display(cors::VerdictLabel(verdict))),
            bytes_in = self.received,
            bytes_out = self.sent,
            duration_ms = millis(duration),
            upstream_ms = self.upstream.map(millis),
            request_id = %self.id.to_str().unwrap_or("-"),
        );
    }
}

/// A version as the log names it.
fn version(version: Version) -> &'static str {
    match version {
        Version::HTTP_10 => "HTTP/1.0",
        Version::HTTP_2 => "HTTP/2",
        _ => "HTTP/1.1",
    }
}

fn millis(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}

impl Drop for RequestRecord {
    fn drop(&mut self) {
        let ended = self.ended.unwrap_or_else(Instant::now);
        let duration = ended.saturating_duration_since(self.start);
        let status = self.status.map_or(CLIENT_CLOSED, |status| status.as_u16());
        let reason = self.reason();
        self.route.count(status, reason, self.cors, duration);
        self.write_log(status, reason, duration);
    }
}

//! One request's record: counted and logged when its response has ended, however it ends.

use super::{FailedRequest, RouteStats, cors};
use crate::{
    access_log::{Entry, Noted, WorkerLog},
    cors::Verdict,
    refusal::Refusal,
    trace::{Ended, RequestTrace},
};
use http::{HeaderValue, StatusCode};
use std::{
    fmt,
    net::IpAddr,
    rc::Rc,
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
    /// How often it was sent, or would have been had there been a connection.
    pub(crate) tries: u32,
    /// Bytes received of the request's body.
    pub(crate) received: u64,
    /// Bytes sent of the response's body.
    pub(crate) sent: u64,
    /// Bytes of the request's body sent to backends, by all tries.
    pub(crate) upstream_sent: u64,
    /// Bytes received of the body of the backend's response.
    pub(crate) upstream_received: u64,
    /// Whether it has become a tunnel, through which everything passes as it comes.
    pub(crate) is_tunnel: bool,
    /// Whether the whole response has been handed on.
    pub(crate) complete: bool,
    /// What only the access log shows; `None` if it is off.
    pub(crate) log: Option<Noted>,
    /// The trace that it belongs to; `None` if requests are not traced.
    pub(crate) trace: Option<Box<RequestTrace>>,
}

impl RequestRecord {
    /// A request whose head has just been read.
    pub(crate) fn new(
        start: Instant,
        route: Rc<RouteStats>,
        id: HeaderValue,
        client: IpAddr,
        log: Option<&Rc<WorkerLog>>,
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
            tries: 0,
            received: 0,
            sent: 0,
            upstream_sent: 0,
            upstream_received: 0,
            is_tunnel: false,
            complete: false,
            log: log.map(Noted::new),
            trace: None,
        }
    }

    /// The backend that was selected, if the access log is on.
    pub(crate) fn backend(&self) -> &str {
        self.log.as_ref().and_then(Noted::backend).unwrap_or("-")
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

    /// Keeps it among the last failed requests, with what is known of its method, host and path.
    #[cold]
    pub(crate) fn failed(&self, request: [Option<&str>; 3], status: StatusCode) {
        let (id, route) = (self.id.to_str().unwrap_or("-"), self.route.name.as_ref());
        let reason = self.refusal.map(Refusal::reason);
        let failed = FailedRequest::now(id, route, request, status.as_u16(), reason);
        self.route.failures.push(failed);
    }

    /// The response has begun, but does not reach the client whole, because of this.
    pub(crate) fn broke_off(&mut self, refusal: Refusal) {
        self.refusal = Some(refusal);
        // A 5xx has failed already.
        if let Some(status) = self.status.filter(|status| !status.is_server_error()) {
            let request = self.log.as_ref().map(Noted::method_host_path);
            self.failed(request.unwrap_or_default(), status);
        }
    }

    fn reason(&self) -> &'static str {
        match (self.refusal, self.complete) {
            (Some(refusal), _) => refusal.reason(),
            (None, true) => "",
            (None, false) => "ClientClosed",
        }
    }

    fn write_log(&self, status: u16, reason: &str, ended: Instant) {
        let Some(noted) = &self.log else { return };
        let (upstream_bytes_sent, upstream_bytes_received) = match self.is_tunnel {
            true => (self.received, self.sent),
            false => (self.upstream_sent, self.upstream_received),
        };
        let entry = Entry {
            route: self.route.name.as_ref(),
            client: self.client,
            status,
            reason,
            cors: self.cors.map(cors::log_label),
            bytes_in: self.received,
            bytes_out: self.sent,
            duration: ended.saturating_duration_since(self.start),
            upstream: self.upstream,
            upstream_bytes_sent,
            upstream_bytes_received,
            tries: self.tries,
            request_id: self.id.to_str().unwrap_or("-"),
            ..Entry::default()
        };
        noted.write(ended, entry);
    }
}

impl RequestRecord {
    fn end_trace(&self, trace: RequestTrace, reason: &'static str, duration: Duration) {
        let fault = self.refusal.map(Refusal::status);
        trace.end(Ended {
            duration,
            request_id: self.id.to_str().unwrap_or("-"),
            client: self.client,
            route: self.route.name.as_ref(),
            status: self.status.map(|status| status.as_u16()),
            reason,
            is_server_error: fault.is_some_and(|status| status.is_server_error()),
            cors: self.cors.map(|verdict| cors::log_label(verdict).concat()),
            received: self.received,
            sent: self.sent,
        });
    }
}

impl Drop for RequestRecord {
    fn drop(&mut self) {
        let ended = self.ended.unwrap_or_else(Instant::now);
        let duration = ended.saturating_duration_since(self.start);
        let status = self.status.map_or(CLIENT_CLOSED, |status| status.as_u16());
        let reason = self.reason();
        self.route.count(status, reason, self.cors, duration);
        self.write_log(status, reason, ended);
        if let Some(trace) = self.trace.take() {
            self.end_trace(*trace, reason, duration);
        }
    }
}

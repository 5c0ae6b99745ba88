//! The loop of an exchange: take or open a connection, send, and possibly send again.

use super::{
    UpstreamBody, UpstreamResponse, Upstreams,
    body::Kind,
    connect::Connector,
    error::{Phase, UpstreamError},
    http1::Http1Body,
    http2::{ConnectionId, Http2Connections},
    obtain::{Connection, Obtained, Way, prefers_http1},
};
use crate::{
    endpoint::Candidates,
    request::{Deadline, RequestBody},
    table::{Backend, Timeouts},
    telemetry::UpstreamStats,
};
use http::{Method, StatusCode, header, request::Parts};
use hyper::body::Body;
use std::{
    cell::Cell,
    future::{Future, poll_fn},
    pin::pin,
    rc::Rc,
    task::Poll,
    time::{Duration, Instant},
};

/// How often a request is sent again after the backend has refused to process it (RFC 9113 §8.7).
const MAX_REFUSALS: usize = 3;

impl Upstreams {
    /// Without connections yet. Responses have at most `max_fields` fields.
    pub(crate) fn new(max_fields: usize) -> Self {
        Self {
            connector: Connector::new(),
            max_fields,
            pool: Rc::default(),
            http2: Http2Connections::default(),
            stats: UpstreamStats::default(),
        }
    }

    /// Sends a request to an endpoint of `backend`: the chosen one of `candidates` or, where that has
    /// no connection and another has one sooner, that one; the response's head must arrive before the
    /// deadline. A request is sent once, with two exceptions: a safe one without a body is sent
    /// again if a pooled connection turns out to be closed (RFC 9112 §9.3.1), and any is if the
    /// backend says that it did not process it (RFC 9113 §6.8, §8.7). The body determines its own
    /// framing, whatever the head says. The header map in `head` is reused for the response; where
    /// the error says that nothing was sent, `head` and `body` are unchanged.
    pub(crate) async fn send(
        &self,
        backend: &Backend,
        candidates: &Candidates<'_>,
        head: &mut Parts,
        body: &mut RequestBody,
        deadline: &Deadline,
        timeouts: &Timeouts,
    ) -> Result<UpstreamResponse, UpstreamError> {
        let (stale, refusals, refused_by) = (0, 0, None);
        let Some(endpoint) = candidates.all().get(candidates.taken()) else {
            return Err(Phase::Connect.into());
        };
        let is_late = Cell::new(false);
        let is_upgrade = head.headers.contains_key(header::UPGRADE);
        let needs_http1 = is_upgrade || prefers_http1(backend, head);
        let way = Way {
            backend,
            endpoint,
            candidates,
            timeouts,
            is_upgrade,
            needs_http1,
            stale,
            refusals,
            refused_by,
            is_late: &is_late,
        };
        within(deadline, &is_late, self.exchange(way, head, body)).await
    }

    async fn exchange(
        &self,
        mut way: Way<'_>,
        head: &mut Parts,
        body: &mut RequestBody,
    ) -> Result<UpstreamResponse, UpstreamError> {
        let mut connecting = Duration::ZERO;
        loop {
            let obtained = match self.pooled(&way) {
                Some(connection) => Obtained::Reused(connection),
                None => {
                    let began = Instant::now();
                    // Boxed, so that requests over pooled connections don't carry a connector's
                    // state.
                    let obtained = Box::pin(self.obtain(&mut way)).await?;
                    connecting += began.elapsed();
                    obtained
                }
            };
            let (connection, is_reused) = match obtained {
                Obtained::Reused(connection) => (connection, true),
                Obtained::Opened(connection) => (connection, false),
            };
            let is_repeatable = is_repeatable(head, body);
            let id = connection.http2_id();
            let error = match connection.exchange(head, body, self.max_fields).await {
                Ok(response) => return Ok(UpstreamResponse { connecting, ..response }),
                Err(error) => error,
            };
            if error.is_unprocessed() {
                if way.refusals == MAX_REFUSALS {
                    return Err(error);
                }
                (way.refusals, way.refused_by) = (way.refusals + 1, id);
            } else if is_reused && error.may_send_again(is_repeatable) {
                way.stale += 1;
            } else {
                if !is_reused && matches!(error.phase(), Phase::Tls(_)) {
                    self.has_failed(&way, error.phase());
                }
                return Err(error);
            }
            self.stats.retried();
        }
    }

    /// Closes connections that are dead or have been idle too long. Called periodically.
    pub(crate) fn evict_idle(&self) {
        self.pool.evict_idle();
        self.http2.evict();
        self.connector.evict();
    }

    /// How many connections are idle.
    pub(crate) fn idle(&self) -> usize {
        self.pool.len() + self.http2.idle()
    }
}

impl Connection {
    /// Identifies an HTTP/2 connection.
    fn http2_id(&self) -> Option<ConnectionId> {
        match self {
            Self::Http1(_) => None,
            Self::Http2(http2) => Some(http2.id()),
        }
    }

    /// Sends a request and waits for the head of its response.
    async fn exchange(
        self,
        head: &mut Parts,
        body: &mut RequestBody,
        max_fields: usize,
    ) -> Result<UpstreamResponse, UpstreamError> {
        let connecting = Duration::ZERO;
        let http1 = match self {
            Self::Http2(http2) => {
                let (address, refused) = (http2.address(), http2.refused());
                // Boxed, so that requests over HTTP/1.1 don't carry its state.
                let response = Box::pin(http2.send(head, body, max_fields)).await;
                let response = response.map_err(|error| error.in_handshake(refused.get()))?;
                let response = response.map(|body| UpstreamBody(Kind::Http2(Box::new(body))));
                return Ok(UpstreamResponse { response, address, connecting, upgraded: None });
            }
            Self::Http1(http1) => http1,
        };
        let address = http1.address;
        let (response, http1) = http1.send(head, body).await?;
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            let response = response.map(|()| UpstreamBody(Kind::Empty));
            let upgraded = Some(Box::new(http1.into_stream()));
            return Ok(UpstreamResponse { response, address, connecting, upgraded });
        }
        let response = response.map(|()| UpstreamBody(Kind::Http1(Http1Body::new(http1))));
        Ok(UpstreamResponse { response, address, connecting, upgraded: None })
    }
}

/// What comes of a request, or that its deadline has passed first, which `is_late` tells those that
/// are cut off.
async fn within<T>(
    deadline: &Deadline,
    is_late: &Cell<bool>,
    trying: impl Future<Output = Result<T, UpstreamError>>,
) -> Result<T, UpstreamError> {
    let mut trying = pin!(trying);
    poll_fn(|cx| match trying.as_mut().poll(cx) {
        Poll::Pending if deadline.poll_expired(cx) => {
            is_late.set(true);
            Poll::Ready(Err(Phase::Deadline.into()))
        }
        polled => polled,
    })
    .await
}

/// Whether a request may be sent twice: its method is safe (RFC 9110 §9.2.1) and it has no body.
fn is_repeatable(head: &Parts, body: &RequestBody) -> bool {
    matches!(head.method, Method::GET | Method::HEAD | Method::OPTIONS) && body.is_end_stream()
}

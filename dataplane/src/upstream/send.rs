//! The loop of an exchange: take or open a connection, send, and possibly send again.

use super::{
    Bounds, Caller, RequestToSend, Tunnel, UpstreamBody, UpstreamResponse, Upstreams,
    body::Kind,
    connect::{Connector, within},
    error::{Phase, UpstreamError},
    http1::Http1Body,
    http2::{Connected, ConnectionId, Http2, Http2Connections},
    interim::Interims,
    obtain::{Connection, Obtained, Way},
};
use crate::{
    endpoint::{Candidates, Reclaim},
    run_queue::RunQueue,
    table::{Backend, Protocol},
    telemetry::UpstreamStats,
};
use bytes::Bytes;
use http::{Method, Response, StatusCode, header};
use hyper::body::Body;
use std::{
    cell::Cell,
    future::{Future, poll_fn},
    net::SocketAddr,
    pin::pin,
    rc::Rc,
    sync::Arc,
    task::Poll,
    time::{Duration, Instant},
};

/// How often a request is sent again after the backend has refused to process it (RFC 9113 §8.7).
const MAX_REFUSALS: usize = 3;

impl Upstreams {
    /// Without connections yet. Responses have at most `max_fields` fields. Of those over HTTP/2,
    /// clients may leave `window_bytes` unread beside the smallest windows.
    pub(crate) fn new(max_fields: usize, window_bytes: usize) -> Self {
        Self::sharing(max_fields, window_bytes, Arc::default(), Rc::default())
    }

    /// The same, where `reclaim` asks all workers for an idle connection, and connections of HTTP/2
    /// are served in the order of `run_queue`.
    pub(crate) fn sharing(
        max_fields: usize,
        window_bytes: usize,
        reclaim: Arc<Reclaim>,
        run_queue: Rc<RunQueue>,
    ) -> Self {
        Self {
            connector: Connector::new(),
            reclaim,
            max_fields,
            pool: Rc::default(),
            http2: Http2Connections::new(window_bytes, run_queue),
            stats: UpstreamStats::default(),
        }
    }

    /// Sends a request to an endpoint of `backend`: the chosen one of `candidates` or, where that has
    /// no connection and another has one sooner, that one; the response's head must arrive before the
    /// caller's deadline. A request is sent once, with two exceptions: a safe one without a body is
    /// sent again if a pooled connection turns out to be closed (RFC 9112 §9.3.1), and any is if the
    /// backend says that it did not process it (RFC 9113 §6.8, §8.7). Where the error says that
    /// nothing was sent, head and body are unchanged.
    pub(crate) async fn send(
        &self,
        backend: &Backend,
        candidates: &Candidates<'_>,
        mut request: RequestToSend<'_>,
        caller: Caller<'_>,
        bounds: impl Into<Bounds<'_>>,
    ) -> Result<Box<UpstreamResponse>, UpstreamError> {
        let (stale, refusals, refused_by) = (0, 0, None);
        let Some(endpoint) = candidates.all().get(candidates.taken()) else {
            return Err(Phase::Connect.into());
        };
        let is_late = Cell::new(false);
        let is_upgrade = request.head.headers.contains_key(header::UPGRADE);
        let mut way = Way {
            backend,
            endpoint,
            candidates,
            bounds: bounds.into(),
            on_interim: caller.on_interim,
            is_upgrade,
            needs_http1: false,
            stale,
            refusals,
            refused_by,
            is_late: &is_late,
        };
        let mut sending = pin!(self.exchange(&mut way, &mut request));
        poll_fn(|cx| match sending.as_mut().poll(cx) {
            Poll::Pending if caller.deadline.poll_expired(cx) => {
                is_late.set(true);
                Poll::Ready(Err(Phase::Deadline.into()))
            }
            polled => polled,
        })
        .await
    }

    async fn exchange(
        &self,
        way: &mut Way<'_>,
        request: &mut RequestToSend<'_>,
    ) -> Result<Box<UpstreamResponse>, UpstreamError> {
        let mut connecting = Duration::ZERO;
        loop {
            let obtained = match self.pooled(way) {
                Some(connection) => Obtained::Reused(connection),
                None => {
                    let began = Instant::now();
                    // Boxed, so that requests over pooled connections don't carry a connector's
                    // state.
                    let obtained = Box::pin(self.obtain(way)).await?;
                    connecting += began.elapsed();
                    obtained
                }
            };
            let (connection, is_reused) = match obtained {
                Obtained::Reused(connection) => (connection, true),
                Obtained::Opened(connection) => (connection, false),
            };
            if way.is_upgrade && !self.carries_upgrade(&connection, way).await? {
                // What HTTP/2 does not carry, HTTP/1.1 may, where TLS can choose it.
                match way.backend.protocol {
                    Protocol::Https(_) if !way.needs_http1 => way.needs_http1 = true,
                    Protocol::Http1 | Protocol::H2c | Protocol::Https(_) => {
                        return Err(Phase::Upgrade.into());
                    }
                }
                continue;
            }
            let is_repeatable = is_repeatable(request);
            let id = connection.http2_id();
            let error = match connection.exchange(request, self.max_fields, way).await {
                Ok(mut response) => {
                    response.connecting = connecting;
                    return Ok(response);
                }
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
                    self.has_failed(way, error.phase());
                }
                return Err(error);
            }
            self.stats.retried(&way.backend.name);
        }
    }

    /// Whether a connection carries a WebSocket: over HTTP/2 as an extended CONNECT, which the
    /// backend must have announced (RFC 8441 §3).
    async fn carries_upgrade(&self, connection: &Connection, way: &Way<'_>) -> Result<bool, Phase> {
        match connection {
            Connection::Http1(_) => Ok(true),
            // Boxed, so that other requests don't carry its state.
            Connection::Http2(http2) => {
                Box::pin(within(way.bounds.timeouts.connect, http2.takes_connect())).await?
            }
        }
    }

    /// Closes connections that are dead or have been idle too long. Called periodically.
    pub(crate) fn evict_idle(&self) {
        self.pool.evict_idle();
        self.http2.evict();
        self.connector.evict();
    }

    /// Closes idle connections that another worker waits for.
    pub(crate) fn give_up_wanted(&self) {
        self.pool.give_up_wanted();
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
        request: &mut RequestToSend<'_>,
        max_fields: usize,
        way: &Way<'_>,
    ) -> Result<Box<UpstreamResponse>, UpstreamError> {
        let address = way.endpoint.address();
        let mut interims = Interims::new(address, way.on_interim);
        let http1 = match self {
            Self::Http2(http2) if way.is_upgrade => {
                return Box::pin(connect(http2, request, max_fields, &mut interims)).await;
            }
            Self::Http2(http2) => {
                let refused = http2.refused();
                // Boxed, so that requests over HTTP/1.1 don't carry its state.
                let response = Box::pin(http2.send(request, max_fields, &mut interims)).await;
                let response = response.map_err(|error| error.in_handshake(refused.get()))?;
                let response = response.map(|body| UpstreamBody(Kind::Http2(Box::new(body))));
                return Ok(UpstreamResponse::new(response, address));
            }
            Self::Http1(http1) => http1,
        };
        let (response, http1) = http1.send(request, &mut interims).await?;
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            let (stream, read) = http1.into_stream();
            return Ok(UpstreamResponse::upgraded(response, address, Box::new(stream), read));
        }
        let response = response.map(|()| UpstreamBody(Kind::Http1(Http1Body::new(http1))));
        Ok(UpstreamResponse::new(response, address))
    }
}

impl UpstreamResponse {
    /// A response from this address, whose request had a connection at once. Boxed, since it is
    /// handed on many times.
    fn new(response: Response<UpstreamBody>, address: SocketAddr) -> Box<Self> {
        Box::new(Self { response, address, connecting: Duration::ZERO, upgraded: None })
    }

    /// A 101, and the stream that follows, of which this has been read.
    fn upgraded(
        response: Response<()>,
        address: SocketAddr,
        tunnel: Tunnel,
        read: Bytes,
    ) -> Box<Self> {
        let mut upgraded = Self::new(response.map(|()| UpstreamBody(Kind::Empty)), address);
        upgraded.upgraded = Some((tunnel, read));
        upgraded
    }
}

/// Sends the handshake of a WebSocket over HTTP/2, and waits for the head of its response.
async fn connect(
    http2: Http2,
    request: &RequestToSend<'_>,
    max_fields: usize,
    interims: &mut Interims<'_>,
) -> Result<Box<UpstreamResponse>, UpstreamError> {
    let (address, refused) = (http2.address(), http2.refused());
    let connected = http2.connect(request, max_fields, interims).await;
    match connected.map_err(|error| error.in_handshake(refused.get()))? {
        Connected::Tunnel(response, tunnel) => {
            let tunnel = Box::new(tunnel);
            Ok(UpstreamResponse::upgraded(response, address, tunnel, Bytes::new()))
        }
        Connected::Declined(response) => {
            let response = response.map(|body| UpstreamBody(Kind::Http2(Box::new(body))));
            Ok(UpstreamResponse::new(response, address))
        }
    }
}

/// Whether a request may be sent twice: its method is safe (RFC 9110 §9.2.1) and it has no body.
fn is_repeatable(request: &RequestToSend<'_>) -> bool {
    matches!(request.head.method, Method::GET | Method::HEAD | Method::OPTIONS)
        && request.body.is_end_stream()
}

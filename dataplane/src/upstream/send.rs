//! The loop of an exchange: take or open a connection, send, and possibly send again.

use super::{
    Backoff, UpstreamBody, UpstreamResponse, Upstreams,
    backoff::Use,
    body::Kind,
    connect::Connector,
    error::{Phase, UpstreamError},
    http1::{Http1, Http1Body},
    http2::{ConnectionId, Http2, Http2Connections, Turn},
    pool::Key,
};
use crate::{
    address_guard::AddressGuard,
    request::{Deadline, RequestBody},
    table::{Backend, Protocol, Target, Timeouts},
    telemetry::UpstreamStats,
};
use http::{Method, StatusCode, request::Parts};
use hyper::body::Body;
use std::{
    cell::Cell,
    future::{Future, poll_fn},
    net::SocketAddr,
    pin::pin,
    rc::Rc,
    sync::Arc,
    task::Poll,
    time::Instant,
};

/// How many addresses are dialled before a request fails.
const MAX_DIALS: usize = 3;

/// How many pooled connections may turn out to be closed before a new one is made.
const MAX_STALE: usize = 2;

/// How often a request is sent again after the backend has refused to process it (RFC 9113 §8.7).
const MAX_REFUSALS: usize = 3;

/// A connection that a request can be sent over.
enum Connection {
    Http1(Box<Http1>),
    Http2(Http2),
}

/// How a request came by its connection.
enum Obtained {
    /// It existed, and may turn out to be closed.
    Reused(Connection),
    /// It was opened for the request.
    Opened(Connection),
}

/// A request's way to a backend's endpoints.
struct Way<'r> {
    backend: &'r Backend,
    /// Where the order of the endpoints begins.
    point: u64,
    timeouts: &'r Timeouts,
    /// How many pooled connections have turned out to be closed.
    stale: usize,
    /// How often the request has been refused unprocessed, and by which connection last.
    refusals: usize,
    refused_by: Option<ConnectionId>,
    /// Whether the request has timed out.
    is_late: &'r Cell<bool>,
}

impl<'r> Way<'r> {
    /// How it uses the backend.
    fn used(&self) -> Use<'r> {
        Use {
            backend: &self.backend.name,
            protocol: self.backend.protocol,
            connect: self.timeouts.connect,
            request: self.timeouts.request,
        }
    }
}

impl Upstreams {
    /// Without connections yet. Responses have at most `max_fields` fields. Fails if TLS can't be
    /// set up.
    pub(crate) fn new(
        guard: AddressGuard,
        max_fields: usize,
        backoff: Arc<Backoff>,
    ) -> Result<Self, rustls::Error> {
        Ok(Self {
            connector: Connector::new(guard)?,
            backoff,
            max_fields,
            pool: Rc::default(),
            http2: Http2Connections::default(),
            stats: UpstreamStats::default(),
        })
    }

    /// Sends a request to the endpoint of `backend` at `point` of a sequence, or to the next one
    /// that accepts a connection; the response's head must arrive before the deadline. A request
    /// is sent once, with two exceptions: a safe one without a body is sent again if a pooled
    /// connection turns out to be closed (RFC 9112 §9.3.1), and any is if the backend says that it
    /// did not process it (RFC 9113 §6.8, §8.7). The body determines its own framing, whatever the
    /// head says. The header map in `head` is reused for the response.
    pub(crate) async fn send(
        &self,
        backend: &Backend,
        point: u64,
        head: &mut Parts,
        mut body: RequestBody,
        deadline: &Deadline,
        timeouts: &Timeouts,
    ) -> Result<UpstreamResponse, UpstreamError> {
        let (stale, refusals, refused_by) = (0, 0, None);
        let is_late = Cell::new(false);
        let way = Way { backend, point, timeouts, stale, refusals, refused_by, is_late: &is_late };
        let mut sending = pin!(self.exchange(way, head, &mut body));
        poll_fn(|cx| match sending.as_mut().poll(cx) {
            Poll::Pending if deadline.poll_expired(cx) => {
                is_late.set(true);
                Poll::Ready(Err(Phase::Deadline.into()))
            }
            polled => polled,
        })
        .await
    }

    async fn exchange(
        &self,
        mut way: Way<'_>,
        head: &mut Parts,
        body: &mut RequestBody,
    ) -> Result<UpstreamResponse, UpstreamError> {
        loop {
            let obtained = match self.pooled(&way) {
                Some(connection) => Obtained::Reused(connection),
                // Boxed, so that requests over pooled connections don't carry a connector's state.
                None => Box::pin(self.connect(&way)).await?,
            };
            let (connection, is_reused) = match obtained {
                Obtained::Reused(connection) => (connection, true),
                Obtained::Opened(connection) => (connection, false),
            };
            let is_repeatable = is_repeatable(head, body);
            let id = connection.http2_id();
            let error = match connection.exchange(head, body, self.max_fields).await {
                Ok(response) => return Ok(response),
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
                return Err(error);
            }
            self.stats.retried();
        }
    }

    /// An existing connection to the endpoint that is tried first.
    fn pooled(&self, way: &Way<'_>) -> Option<Connection> {
        match &way.backend.target {
            Target::Endpoints(endpoints) => {
                let address = self.backoff.first(endpoints, way.used(), way.point)?;
                self.take(way, &endpoint_key(way.backend.protocol, address))
            }
            Target::External { .. } => self.take(way, &external_key(way.backend)),
        }
    }

    /// An existing connection.
    fn take(&self, way: &Way<'_>, key: &Key) -> Option<Connection> {
        if way.stale >= MAX_STALE {
            return None;
        }
        let taken = match (way.backend.protocol, key) {
            (Protocol::H2c, Key::Endpoint(address, _)) => {
                self.http2.get(*address, way.refused_by).map(Connection::Http2)
            }
            (Protocol::H2c, Key::External(_)) => None,
            (Protocol::Http1 | Protocol::Https | Protocol::HttpsUnverified, key) => {
                self.pool.take(key).map(Connection::Http1)
            }
        };
        if taken.is_some() {
            self.stats.reused();
        }
        taken
    }

    /// Opens a connection to one of the backend's addresses, or takes an existing one to the
    /// address whose turn it is.
    async fn connect(&self, way: &Way<'_>) -> Result<Obtained, UpstreamError> {
        let backend = way.backend;
        let resolved;
        let (addresses, external) = match &backend.target {
            Target::Endpoints(endpoints) => (&**endpoints, None),
            Target::External { host, port } => {
                let resolving = self.connector.resolve(host, *port).await;
                resolved = resolving.inspect_err(|why| self.has_no_address(backend, *why))?;
                (&*resolved, Some(external_key(backend)))
            }
        };
        let mut failure = Phase::Choose;
        for address in
            self.backoff.order(addresses, way.used(), way.point).into_iter().take(MAX_DIALS)
        {
            let key = match &external {
                Some(key) => key.clone(),
                None => endpoint_key(backend.protocol, address),
            };
            let obtained = match backend.protocol {
                Protocol::H2c => self.share(way, address, key).await,
                Protocol::Http1 | Protocol::Https | Protocol::HttpsUnverified => {
                    self.open(way, address, key, external.is_none()).await
                }
            };
            match obtained {
                Ok(obtained) => return Ok(obtained),
                Err(why) => failure = why,
            }
        }
        Err(failure.into())
    }

    /// Records that no address of an external backend can be dialled.
    fn has_no_address(&self, backend: &Backend, why: Phase) {
        self.stats.connected(false);
        if self.backoff.logs_no_address(&backend.name, Instant::now()) {
            let why = why.refusal().reason();
            tracing::warn!(backend = backend.name, why, "can't find an address for a backend");
        }
    }

    /// Connects to an address, and records the outcome.
    async fn dial(&self, way: &Way<'_>, address: SocketAddr) -> Result<super::Stream, Phase> {
        let backend = way.backend;
        let attempt = self.backoff.attempt(&self.stats, way.used(), address, way.is_late);
        let dialled = self.connector.connect(backend, address, way.timeouts.connect).await;
        match &dialled {
            Ok(_) => attempt.succeeded(),
            Err(why) => attempt.failed(*why),
        }
        dialled
    }

    /// An HTTP/1.1 connection to an address: an idle one if `may_reuse`, else a new one. After an
    /// error another address may be tried.
    async fn open(
        &self,
        way: &Way<'_>,
        address: SocketAddr,
        key: Key,
        may_reuse: bool,
    ) -> Result<Obtained, Phase> {
        if may_reuse && let Some(connection) = self.take(way, &key) {
            return Ok(Obtained::Reused(connection));
        }
        let stream = self.dial(way, address).await?;
        let http1 = Http1::new(stream, address, self.pool.handle(key), self.max_fields);
        Ok(Obtained::Opened(Connection::Http1(http1)))
    }

    /// The same for HTTP/2, whose connections are shared: waits for one that is being opened.
    async fn share(&self, way: &Way<'_>, address: SocketAddr, key: Key) -> Result<Obtained, Phase> {
        loop {
            if let Some(connection) = self.take(way, &key) {
                return Ok(Obtained::Reused(connection));
            }
            match self.http2.openings.turn(address) {
                Turn::Theirs(opening) => opening.ended().await?,
                Turn::Ours(opener) => {
                    let stream = self.dial(way, address).await;
                    let stream = stream.inspect_err(|why| opener.failed(*why))?;
                    let http2 = self.http2.handshake(stream, address, self.max_fields).await?;
                    return Ok(Obtained::Opened(Connection::Http2(http2)));
                }
            }
        }
    }

    /// Closes connections that are dead or have been idle too long. Called periodically.
    pub(crate) fn evict_idle(&self) {
        self.pool.evict_idle();
        self.http2.evict();
        self.backoff.forget_stale();
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
        let http1 = match self {
            Self::Http2(http2) => {
                let address = http2.address();
                // Boxed, so that requests over HTTP/1.1 don't carry its state.
                let response = Box::pin(http2.send(head, body, max_fields)).await?;
                let response = response.map(|body| UpstreamBody(Kind::Http2(Box::new(body))));
                return Ok(UpstreamResponse { response, address, upgraded: None });
            }
            Self::Http1(http1) => http1,
        };
        let address = http1.address;
        let (response, http1) = http1.send(head, body).await?;
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            let response = response.map(|()| UpstreamBody(Kind::Empty));
            let upgraded = Some(Box::new(http1.into_stream()));
            return Ok(UpstreamResponse { response, address, upgraded });
        }
        let response = response.map(|()| UpstreamBody(Kind::Http1(Http1Body::new(http1))));
        Ok(UpstreamResponse { response, address, upgraded: None })
    }
}

/// Whether a request may be sent twice: its method is safe (RFC 9110 §9.2.1) and it has no body.
fn is_repeatable(head: &Parts, body: &RequestBody) -> bool {
    matches!(head.method, Method::GET | Method::HEAD | Method::OPTIONS) && body.is_end_stream()
}

/// The pool's key for an endpoint.
fn endpoint_key(protocol: Protocol, address: SocketAddr) -> Key {
    Key::Endpoint(address, protocol == Protocol::HttpsUnverified)
}

/// The pool's key for an external backend, whatever its address.
fn external_key(backend: &Backend) -> Key {
    Key::External(backend.name.as_str().into())
}

//! The loop of an exchange: take or open a connection, send, and possibly send again.

use super::{
    UpstreamBody, UpstreamResponse, Upstreams,
    body::Kind,
    connect::Connector,
    error::{Phase, UpstreamError},
    http1::{Http1, Http1Body},
    http2::{Http2, Http2Connections},
    pool::Key,
};
use crate::{
    address_guard::AddressGuard,
    balance,
    refusal::Refusal,
    request::{Deadline, RequestBody},
    table::{Backend, Protocol, Target, Timeouts},
    telemetry::UpstreamStats,
};
use http::{Method, StatusCode, request::Parts};
use hyper::body::Body;
use std::{
    future::{Future, poll_fn},
    pin::pin,
    rc::Rc,
    task::Poll,
};

/// A connection that a request can be sent over.
enum Connection {
    Http1(Box<Http1>),
    Http2(Http2),
}

impl Upstreams {
    /// Without connections yet. Fails if TLS can't be set up.
    pub(crate) fn new(guard: AddressGuard) -> Result<Self, rustls::Error> {
        Ok(Self {
            connector: Connector::new(guard)?,
            pool: Rc::default(),
            http2: Http2Connections::default(),
            stats: UpstreamStats::default(),
        })
    }

    /// Sends a request to the endpoint of `backend` at `point` of a sequence; the response's head
    /// must arrive before the deadline. A request is sent once, except that a safe one without a
    /// body is sent again if a pooled connection turns out to be closed (RFC 9112 §9.3.1). The body
    /// determines its own framing, whatever the head says. The header map in `head` is reused for
    /// the response.
    pub(crate) async fn send(
        &self,
        backend: &Backend,
        point: u64,
        head: &mut Parts,
        mut body: RequestBody,
        deadline: &Deadline,
        timeouts: &Timeouts,
    ) -> Result<UpstreamResponse, Refusal> {
        let mut sending = pin!(self.exchange(backend, point, head, &mut body, timeouts));
        let sent = poll_fn(|cx| match sending.as_mut().poll(cx) {
            Poll::Pending if deadline.poll_expired(cx) => Poll::Ready(Err(Phase::Deadline.into())),
            polled => polled,
        });
        sent.await.map_err(|error| error.into_refusal(&backend.name))
    }

    async fn exchange(
        &self,
        backend: &Backend,
        point: u64,
        head: &mut Parts,
        body: &mut RequestBody,
        timeouts: &Timeouts,
    ) -> Result<UpstreamResponse, UpstreamError> {
        let mut key = key(backend, point).ok_or(Phase::Choose)?;
        let mut pooled = self.take(backend.protocol, &key);
        loop {
            let is_pooled = pooled.is_some();
            let connection = match pooled.take() {
                Some(connection) => connection,
                // Boxed, so that requests over pooled connections don't carry a connector's state.
                None => Box::pin(self.connect(backend, point, &mut key, timeouts)).await?,
            };
            let is_repeatable = is_repeatable(head, body);
            match connection.exchange(head, body).await {
                Err(error) if is_pooled && error.may_send_again(is_repeatable) => {
                    self.stats.retried();
                }
                result => return result,
            }
        }
    }

    /// An existing connection.
    fn take(&self, protocol: Protocol, key: &Key) -> Option<Connection> {
        let taken = match (protocol, key) {
            (Protocol::H2c, Key::Endpoint(address, _)) => {
                self.http2.get(*address).map(Connection::Http2)
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

    /// Opens a connection; updates `key` to the endpoint that accepted it.
    async fn connect(
        &self,
        backend: &Backend,
        point: u64,
        key: &mut Key,
        timeouts: &Timeouts,
    ) -> Result<Connection, UpstreamError> {
        let connected = self.connector.connect(backend, point, timeouts.connect).await;
        self.stats.connected(connected.is_ok());
        let (stream, address) = connected?;
        if let Key::Endpoint(endpoint, _) = key {
            *endpoint = address;
        }
        match backend.protocol {
            Protocol::H2c => self.http2.handshake(stream, address).await.map(Connection::Http2),
            Protocol::Http1 | Protocol::Https | Protocol::HttpsUnverified => {
                let handle = self.pool.handle(key.clone());
                Ok(Connection::Http1(Http1::new(stream, address, handle)))
            }
        }
    }

    /// Closes connections that are dead or have been idle too long. Called periodically.
    pub(crate) fn evict_idle(&self) {
        self.pool.evict_idle();
        self.http2.evict_closed();
    }

    /// How many pooled connections are idle.
    pub(crate) fn idle(&self) -> usize {
        self.pool.len()
    }
}

impl Connection {
    /// Sends a request and waits for the head of its response.
    async fn exchange(
        self,
        head: &mut Parts,
        body: &mut RequestBody,
    ) -> Result<UpstreamResponse, UpstreamError> {
        let http1 = match self {
            Self::Http2(http2) => return http2.send(head, body).await,
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

/// The pool's key for a backend; for endpoints, that of the first in order.
fn key(backend: &Backend, point: u64) -> Option<Key> {
    match &backend.target {
        Target::Endpoints(endpoints) => {
            let first = balance::order(point, endpoints.len()).next()?;
            let address = *endpoints.get(first)?;
            Some(Key::Endpoint(address, backend.protocol == Protocol::HttpsUnverified))
        }
        Target::External { .. } => Some(Key::External(backend.name.as_str().into())),
    }
}

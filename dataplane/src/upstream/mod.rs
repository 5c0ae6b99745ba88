//! The way to backends: one small interface, [`Upstreams::send`], over pooled HTTP/1.1, HTTP/2 and
//! new connections. A worker's own; nothing is shared between threads.

mod dial;
mod h2c;
pub(crate) mod http1;
mod pool;
mod stream;
mod tls;

pub(crate) use stream::Stream;

use crate::{
    connection::ConnState,
    guard::AddressGuard,
    observe::UpstreamStats,
    proxy::RequestBody,
    refusal::Refusal,
    table::{Backend, Protocol, Target, Timeouts},
};
use bytes::Bytes;
use dial::Dialler;
use h2c::H2c;
use http::{Method, Response, StatusCode, request::Parts};
use http1::{Http1, Http1Body};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use pool::{Key, Pool};
use std::{
    cell::Cell,
    error::Error,
    future::{Future, poll_fn},
    net::SocketAddr,
    pin::{Pin, pin},
    rc::Rc,
    task::{Context, Poll},
};

/// Why an exchange failed; for logs alone.
pub(crate) type BoxError = Box<dyn Error + Send + Sync>;

/// A worker's connections to all backends.
pub(crate) struct Upstreams {
    dialler: Dialler,
    pool: Rc<Pool>,
    h2c: H2c,
    turn: Cell<u64>,
    /// What is counted of tries and connections.
    pub(crate) stats: UpstreamStats,
}

/// A backend's answer.
pub(crate) struct Answer {
    /// Its head, and its body as it comes.
    pub(crate) response: Response<UpstreamBody>,
    /// The address that gave it.
    pub(crate) address: SocketAddr,
    /// After a 101 to an upgrade: the stream, and what was read from it behind the head.
    pub(crate) upgraded: Option<Box<(Stream, Bytes)>>,
}

/// A request that got no answer.
struct SendError {
    /// Whether nothing of the request has been sent, and its body is as it was.
    unsent: bool,
    /// Whether no byte of an answer has come.
    unanswered: bool,
    source: Option<BoxError>,
}

/// Whether a request may go out again that may have gone out already.
fn is_repeatable(head: &Parts, body: &RequestBody) -> bool {
    matches!(head.method, Method::GET | Method::HEAD | Method::OPTIONS) && body.is_end_stream()
}

impl Upstreams {
    /// No connections yet.
    pub(crate) fn new(guard: AddressGuard) -> Result<Self, rustls::Error> {
        Ok(Self {
            dialler: Dialler::new(guard)?,
            pool: Rc::default(),
            h2c: H2c::default(),
            turn: Cell::new(0),
            stats: UpstreamStats::default(),
        })
    }

    /// Sends a request to one endpoint of `backend`; the answer's head must come before the
    /// client connection's alarm. A request goes out once, except that a safe one without a body is
    /// sent again where a pooled connection turns out to have been closed. The framing of its body
    /// is the body's own, whatever its head says. The answer's headers take the room of those in
    /// `head`.
    pub(crate) async fn send(
        &self,
        backend: &Backend,
        head: &mut Parts,
        mut body: RequestBody,
        client: &ConnState,
        timeouts: &Timeouts,
    ) -> Result<Answer, Refusal> {
        let sending = async {
            let turn = self.next_turn();
            match backend.protocol {
                Protocol::H2c => self.send_h2c(backend, turn, head, &mut body, timeouts).await,
                Protocol::Http1 | Protocol::Https | Protocol::HttpsUnverified => {
                    self.send_http1(backend, turn, head, &mut body, timeouts).await
                }
            }
        };
        let mut sending = pin!(sending);
        poll_fn(|cx| match sending.as_mut().poll(cx) {
            Poll::Pending if client.alarm.poll_expired(cx) => {
                Poll::Ready(Err(Refusal::BackendTimeout))
            }
            polled => polled,
        })
        .await
    }

    /// Where among a backend's endpoints the next request begins. Steps by the fraction of √2 fall
    /// evenly on all endpoints, in any regular pick of the requests too, and do not keep step with
    /// those by which the backend itself is picked.
    fn next_turn(&self) -> u64 {
        const STEP: u64 = 0x6a09_e667_f3bc_c909;
        let turn = self.turn.get().wrapping_add(STEP);
        self.turn.set(turn);
        turn
    }

    /// Closes what is dead or long unused. Called now and then.
    pub(crate) fn sweep(&self) {
        self.pool.sweep();
        self.h2c.sweep();
    }

    /// How many connections are idle in the pool.
    pub(crate) fn idle(&self) -> usize {
        self.pool.len()
    }

    async fn send_http1(
        &self,
        backend: &Backend,
        turn: u64,
        head: &mut Parts,
        body: &mut RequestBody,
        timeouts: &Timeouts,
    ) -> Result<Answer, Refusal> {
        let mut key = key(backend, turn).ok_or(Refusal::NoEndpoint)?;
        if let Some(http1) = self.pool.take(&key) {
            self.stats.reused();
            let repeatable = is_repeatable(head, body);
            match exchange(http1, head, body).await {
                Ok(answer) => return Ok(answer),
                Err(error) if error.unsent || (repeatable && error.unanswered) => {}
                Err(_) => return Err(Refusal::BackendBroken),
            }
            self.stats.retried();
        }
        // Boxed, so that requests over pooled connections don't carry a dialler's state around.
        let (stream, address) = Box::pin(self.connect(backend, turn, timeouts)).await?;
        if let Key::Endpoint(endpoint, _) = &mut key {
            *endpoint = address;
        }
        let http1 = Http1::new(stream, address, self.pool.home(key));
        exchange(http1, head, body).await.map_err(|error| {
            tracing::debug!(backend = %backend.name, %address, error = ?error.source, "no answer");
            Refusal::BackendBroken
        })
    }

    async fn connect(
        &self,
        backend: &Backend,
        turn: u64,
        timeouts: &Timeouts,
    ) -> Result<(Stream, SocketAddr), Refusal> {
        let dialled = self.dialler.dial(backend, turn, timeouts.connect).await;
        self.stats.connected(dialled.is_ok());
        dialled
    }

    async fn send_h2c(
        &self,
        backend: &Backend,
        turn: u64,
        head: &mut Parts,
        body: &mut RequestBody,
        timeouts: &Timeouts,
    ) -> Result<Answer, Refusal> {
        let Some(Key::Endpoint(address, _)) = key(backend, turn) else {
            return Err(Refusal::NoEndpoint);
        };
        if let Some(mut sender) = self.h2c.get(address) {
            self.stats.reused();
            let repeatable = is_repeatable(head, body);
            match h2c::send(&mut sender, address, head, body).await {
                Ok(answer) => return Ok(answer),
                Err(error) if error.unsent || (repeatable && error.unanswered) => {}
                Err(_) => return Err(Refusal::BackendBroken),
            }
            self.stats.retried();
        }
        let (stream, address) = self.connect(backend, turn, timeouts).await?;
        let mut sender = self.h2c.handshake(stream, address).await?;
        h2c::send(&mut sender, address, head, body).await.map_err(|error| {
            tracing::debug!(backend = %backend.name, %address, error = ?error.source, "no answer");
            Refusal::BackendBroken
        })
    }
}

/// Sends a request over a connection, and waits for the head of its answer.
async fn exchange(
    http1: Box<Http1>,
    head: &mut Parts,
    body: &mut RequestBody,
) -> Result<Answer, SendError> {
    let address = http1.address;
    let (response, http1) = http1.send(head, body).await?;
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        let response = response.map(|()| UpstreamBody(Kind::Empty));
        return Ok(Answer { response, address, upgraded: Some(Box::new(http1.into_stream())) });
    }
    let response = response.map(|()| UpstreamBody(Kind::Http1(Http1Body::new(http1))));
    Ok(Answer { response, address, upgraded: None })
}

/// What the pool keeps the connections of a backend by; of its endpoints that whose turn it is.
fn key(backend: &Backend, turn: u64) -> Option<Key> {
    match &backend.target {
        Target::Endpoints(endpoints) => {
            let address = *endpoints.get(dial::place(turn, endpoints.len()))?;
            Some(Key::Endpoint(address, backend.protocol == Protocol::HttpsUnverified))
        }
        Target::External { .. } => Some(Key::External(backend.name.as_str().into())),
    }
}

/// The body of a backend's answer.
pub(crate) struct UpstreamBody(Kind);

enum Kind {
    Http1(Http1Body),
    Http2(Incoming),
    Empty,
}

impl Body for UpstreamBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match &mut self.get_mut().0 {
            Kind::Http1(body) => body.poll_frame(cx),
            Kind::Http2(body) => Pin::new(body).poll_frame(cx).map_err(BoxError::from),
            Kind::Empty => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Kind::Http1(body) => body.is_end_stream(),
            Kind::Http2(body) => body.is_end_stream(),
            Kind::Empty => true,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Http1(body) => body.size_hint(),
            Kind::Http2(body) => body.size_hint(),
            Kind::Empty => SizeHint::with_exact(0),
        }
    }
}

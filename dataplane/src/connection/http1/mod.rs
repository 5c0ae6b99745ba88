//! A client's HTTP/1.1 connection: its guarded stream, hyper's server on top while there is
//! something to parse or to write, its timers, and the tunnel after an upgrade.

mod buffers;
pub(crate) mod chunks;
pub(crate) mod head;
mod head_guard;
mod interim;
mod state;
mod timers;

use super::{
    registry::{Activity, ConnectionHandle},
    rtt::RoundTrip,
    tunnel,
};
use crate::{
    config::Limits,
    proxy::{self, Peer, Shared},
    refusal::Refusal,
    request::Incoming,
};
use bytes::Bytes;
use head_guard::{Begun, HeadGuard};
use http::Request;
use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use state::ConnState;
use std::{future::poll_fn, io, pin::Pin, rc::Rc, task::Poll, time::Duration};
use timers::{Timer, Timers};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Room in hyper's buffer beside the largest head: it reads more while a head is incomplete.
const BUFFER_SLACK_BYTES: usize = 8 * 1024;

/// hyper's default limit for the fields of a head.
const HYPER_MAX_FIELDS: usize = 100;

/// How long a closed stream is still read.
const LINGER_TIMEOUT: Duration = Duration::from_secs(2);

/// Serves one connection to its end, unless its client speaks HTTP/2: then returns the stream,
/// what has been read from it, and its peer.
pub(super) fn serve<T>(
    shared: Rc<Shared>,
    handle: Rc<ConnectionHandle>,
    io: T,
    peer: Peer,
) -> impl Future<Output = Option<(T, Vec<u8>, Peer)>> + use<T>
where
    T: AsyncRead + AsyncWrite + RoundTrip + Unpin + 'static,
{
    let state = begin(&shared, peer, handle);
    let guard = HeadGuard::new(io, shared.limits.clone(), state.clone());
    async move {
        let (io, read) = run(shared, guard, state.clone()).await?;
        // All else that shared the state has ended.
        Some((io, read, Rc::into_inner(state)?.into_peer()))
    }
}

/// Refuses whatever comes over a connection.
pub(super) async fn refuse<T>(
    shared: Rc<Shared>,
    handle: Rc<ConnectionHandle>,
    io: T,
    peer: Peer,
    refusal: Refusal,
) where
    T: AsyncRead + AsyncWrite + RoundTrip + Unpin + 'static,
{
    let state = begin(&shared, peer, handle);
    let mut guard = HeadGuard::new(io, shared.limits.clone(), state.clone());
    guard.refuse(refusal);
    run(shared, guard, state).await;
}

fn begin(shared: &Shared, peer: Peer, handle: Rc<ConnectionHandle>) -> Rc<ConnState> {
    let state = Rc::new(ConnState::new(peer, shared.limits.idle_timeout, handle));
    state.account();
    state
}

/// How a connection has ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ended {
    /// Without an error.
    Cleanly,
    /// With one.
    Failed,
    /// At once: the rest does not matter.
    Dropped,
    /// It goes on as HTTP/2.
    AsHttp2,
}

impl Ended {
    /// As hyper's connection has.
    fn by_hyper(result: hyper::Result<()>) -> Self {
        result.map_or(Self::Failed, |()| Self::Cleanly)
    }

    /// Where no head has arrived.
    fn before_head(begun: io::Result<Begun>) -> Self {
        begun.map_or(Self::Failed, |begun| match begun {
            Begun::Http2 => Self::AsHttp2,
            Begun::Head | Begun::Closed => Self::Cleanly,
        })
    }
}

/// hyper's server for one connection.
fn http(limits: &Limits) -> http1::Builder {
    let mut builder = http1::Builder::new();
    // Escaping a query can make a head longer than it may be.
    let largest_head = limits.head_bytes + 2 * limits.uri_bytes;
    builder.max_buf_size(largest_head + BUFFER_SLACK_BYTES);
    // The guard counts the fields. Up to its default limit hyper needs no allocation for them.
    if limits.head_fields > HYPER_MAX_FIELDS {
        builder.max_headers(limits.head_fields);
    }
    builder
}

async fn run<T>(
    shared: Rc<Shared>,
    guard: HeadGuard<T>,
    state: Rc<ConnState>,
) -> Option<(T, Vec<u8>)>
where
    T: AsyncRead + AsyncWrite + RoundTrip + Unpin + 'static,
{
    let limits = &shared.limits;
    let respond = |request: Request<hyper::body::Incoming>| {
        let (head, body) = request.into_parts();
        proxy::handle(shared.clone(), state.clone(), Box::new(head), Incoming::Http1(body))
    };
    // One of the two: without hyper a connection is parked.
    let mut parked = Some(guard);
    let mut parsing = None;
    let apart = |http: http1::Connection<_, _>| {
        let parts = http.into_parts();
        (TokioIo::into_inner(parts.io), parts.read_buf)
    };
    let mut timers = Timers::new(&state, limits);
    let ended = poll_fn(|cx| {
        state.begin_poll(cx.waker());
        loop {
            if state.gives_way() {
                return Poll::Ready(Ended::Dropped);
            }
            let must_end = state.must_end();
            if let Some(guard) = &mut parked {
                match guard.poll_parked(cx) {
                    _ if must_end => return Poll::Ready(Ended::Cleanly),
                    Poll::Ready(Ok(Begun::Head)) => state.set_hyper(true),
                    Poll::Ready(begun) => return Poll::Ready(Ended::before_head(begun)),
                    Poll::Pending => {}
                }
            }
            if let Some(guard) = parked.take_if(|_| state.buffers.has_hyper.get()) {
                let service = service_fn(&respond);
                parsing = Some(http(limits).serve_connection(TokioIo::new(guard), service));
            }
            if let Some(http) = &mut parsing {
                if must_end {
                    Pin::new(&mut *http).graceful_shutdown();
                }
                if let Poll::Ready(result) = Pin::new(http).poll(cx) {
                    return Poll::Ready(Ended::by_hyper(result));
                }
            }
            match timers.poll(cx) {
                Timer::Running => return Poll::Pending,
                Timer::PollAgain => {}
                Timer::Park => {
                    state.set_hyper(false);
                    let (guard, read) = parsing.take().map(apart).unzip();
                    parked = guard;
                    // Never: hyper waits for a head, and has parsed all that it has read.
                    if read.is_some_and(|read: Bytes| !read.is_empty()) {
                        return Poll::Ready(Ended::Failed);
                    }
                }
                Timer::Over => return Poll::Ready(Ended::Dropped),
            }
        }
    })
    .await;
    let stream = parked.map(|guard| (guard, Bytes::new())).or_else(|| parsing.map(apart));
    leave(stream.filter(|_| ended != Ended::Dropped)?, ended, &state).await
}

/// What comes after HTTP/1.1; returns the stream if that is HTTP/2.
async fn leave<T>(
    (guard, read): (HeadGuard<T>, Bytes),
    ended: Ended,
    state: &ConnState,
) -> Option<(T, Vec<u8>)>
where
    T: AsyncRead + AsyncWrite + Unpin,
{
    if ended == Ended::AsHttp2 {
        return Some(guard.into_parts());
    }
    state.handle.set_activity(Activity::Busy, state.request.deadline.now());
    // Boxed, so that a connection does not take the memory of its end from the beginning.
    Box::pin(end(guard, read, ended == Ended::Cleanly, state)).await;
    None
}

/// What comes after HTTP: a tunnel, or the close. `read` is what hyper has read and not parsed, and
/// `is_clean` whether HTTP has ended without an error.
async fn end<T>(guard: HeadGuard<T>, read: Bytes, is_clean: bool, state: &ConnState)
where
    T: AsyncRead + AsyncWrite + Unpin,
{
    let unread = !is_clean || guard.has_unread() || !read.is_empty();
    let is_shut = state.is_shut.get();
    let (io, held) = guard.into_parts();
    match state.upgraded.take() {
        Some(upgraded) => {
            let read = [read, Bytes::from(held)];
            tunnel::run(upgraded, io, read, &state.request.deadline).await;
        }
        None => close(io, is_shut, unread).await,
    }
}

/// Closes a stream, whose sending side may be closed already. If the client may still be sending
/// bytes that nobody will read, some are read and dropped first, or a reset could destroy the
/// response (RFC 9112 §9.6).
async fn close<T: AsyncRead + AsyncWrite + Unpin>(mut io: T, is_shut: bool, linger: bool) {
    if is_shut && !linger {
        return;
    }
    let closing = async {
        if (is_shut || io.shutdown().await.is_ok()) && linger {
            let mut sink = vec![0; 4096];
            while matches!(io.read(&mut sink).await, Ok(read) if read > 0) {}
        }
    };
    // Either way it is over: the client has stopped sending, or its time is up.
    let _ = tokio::time::timeout(LINGER_TIMEOUT, closing).await;
}

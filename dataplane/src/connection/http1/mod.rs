//! A client's HTTP/1.1 connection: its guarded stream, hyper's server on top while there is
//! something to parse or to write, its timers, and the tunnel after an upgrade.

mod buffers;
pub(crate) mod chunks;
pub(crate) mod head;
mod head_guard;
mod state;
mod timers;

use super::{
    registry::{Activity, Draining, Registered},
    rtt::RoundTrip,
    tunnel,
};
use crate::{
    config::Limits,
    proxy::{self, Shared},
};
use bytes::Bytes;
use head_guard::HeadGuard;
use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use state::ConnState;
use std::{future::poll_fn, net::SocketAddr, pin::Pin, rc::Rc, task::Poll, time::Duration};
use timers::{Timer, Timers};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Room in hyper's buffer beside the largest head: it reads more while a head is incomplete.
const BUFFER_SLACK_BYTES: usize = 8 * 1024;

/// hyper's default limit for the fields of a head.
const HYPER_MAX_FIELDS: usize = 100;

/// How long a closed stream is still read.
const LINGER_TIMEOUT: Duration = Duration::from_secs(2);

/// Serves one connection to its end.
pub(super) fn serve<T>(
    shared: Rc<Shared>,
    registered: Registered,
    io: T,
    peer: SocketAddr,
) -> impl Future<Output = ()> + use<T>
where
    T: AsyncRead + AsyncWrite + RoundTrip + Unpin + 'static,
{
    let handle = registered.handle.clone();
    let state = Rc::new(ConnState::new(peer, shared.limits.idle_timeout, handle));
    state.account();
    async move {
        run(shared, io, state).await;
        drop(registered);
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

async fn run<T>(shared: Rc<Shared>, io: T, state: Rc<ConnState>)
where
    T: AsyncRead + AsyncWrite + RoundTrip + Unpin + 'static,
{
    let limits = &shared.limits;
    let respond = |request| proxy::handle(shared.clone(), state.clone(), request);
    // One of the two: without hyper a connection is parked.
    let mut parked = Some(HeadGuard::new(io, limits.clone(), state.clone()));
    let mut parsing = None;
    let mut timers = Timers::new(&state, limits);
    let ended = poll_fn(|cx| {
        state.begin_poll(cx.waker());
        loop {
            let must_end = match state.handle.draining() {
                Draining::No => false,
                Draining::AfterRequest => state.in_flight.get(),
                Draining::Now => true,
                // A request may have begun in the meantime.
                Draining::GiveWay if state.activity() == Activity::Busy => state.in_flight.get(),
                Draining::GiveWay => return Poll::Ready(None),
            };
            if let Some(guard) = &mut parked {
                if must_end {
                    return Poll::Ready(Some(true));
                }
                match guard.poll_parked(cx) {
                    Poll::Ready(Ok(true)) => state.set_hyper(true),
                    Poll::Ready(ended) => return Poll::Ready(Some(ended.is_ok())),
                    Poll::Pending => {}
                }
            }
            if state.buffers.has_hyper.get()
                && let Some(guard) = parked.take()
            {
                let service = service_fn(&respond);
                parsing = Some(http(limits).serve_connection(TokioIo::new(guard), service));
            }
            if let Some(http) = &mut parsing {
                if must_end {
                    Pin::new(&mut *http).graceful_shutdown();
                }
                if let Poll::Ready(result) = Pin::new(http).poll(cx) {
                    return Poll::Ready(Some(result.is_ok()));
                }
            }
            match timers.poll(cx) {
                Timer::Running => return Poll::Pending,
                Timer::PollAgain => {}
                Timer::Park => {
                    state.set_hyper(false);
                    let parts = parsing.take().map(http1::Connection::into_parts);
                    // hyper waits for a head, so that it has parsed everything that it has read.
                    parked = parts.map(|parts| parts.io.into_inner());
                }
                Timer::Over => return Poll::Ready(None),
            }
        }
    })
    .await;
    let Some(is_clean) = ended else { return };
    state.handle.set_activity(Activity::Busy, state.request.deadline.now());
    let (guard, read) = match (parked, parsing) {
        (Some(guard), _) => (guard, Bytes::new()),
        (None, Some(http)) => {
            let parts = http.into_parts();
            (parts.io.into_inner(), parts.read_buf)
        }
        (None, None) => return,
    };
    let unread = !is_clean || guard.has_unread() || !read.is_empty();
    let (io, held) = guard.into_parts();
    // Boxed, so that a connection does not take the memory of its end from the beginning.
    match state.upgraded.take() {
        Some(upgraded) => {
            let read = [read, Bytes::from(held)];
            Box::pin(tunnel::run(upgraded, io, read, &state.request.deadline)).await;
        }
        None => Box::pin(close(io, unread)).await,
    }
}

/// Closes a stream. If the client may still be sending bytes that nobody will read, some are read
/// and dropped first, or a reset could destroy the response (RFC 9112 §9.6).
async fn close<T: AsyncRead + AsyncWrite + Unpin>(mut io: T, linger: bool) {
    if io.shutdown().await.is_err() || !linger {
        return;
    }
    let drain = async {
        let mut sink = [0; 4096];
        while matches!(io.read(&mut sink).await, Ok(read) if read > 0) {}
    };
    // Either way it is over: the client has stopped sending, or its time is up.
    let _ = tokio::time::timeout(LINGER_TIMEOUT, drain).await;
}

//! A client's HTTP/1.1 connection: its guarded stream, hyper's server on top, its timers, and the
//! tunnel after an upgrade.

pub(crate) mod chunks;
pub(crate) mod head;
mod head_guard;
mod state;

use super::{
    registry::{Draining, Registry},
    rtt::RoundTrip,
    tunnel,
};
use crate::proxy::{self, Shared};
use bytes::Bytes;
use head_guard::HeadGuard;
use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use state::ConnState;
use std::{
    future::poll_fn,
    net::SocketAddr,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
    time::Duration,
};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// hyper's buffers: enough for the largest head, small enough for large bodies to stay in cache.
const BUFFER_BYTES: usize = 128 * 1024;

/// hyper's default limit for the fields of a head.
const HYPER_MAX_FIELDS: usize = 100;

/// Timeout for writing the response to a refused head.
const REFUSAL_WRITE_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a closed stream is still read.
const LINGER_TIMEOUT: Duration = Duration::from_secs(2);

/// Serves one connection to its end. It is registered by the call, not by the first poll.
pub(super) fn serve<T>(
    shared: Rc<Shared>,
    registry: &Rc<Registry>,
    io: T,
    peer: SocketAddr,
) -> impl Future<Output = ()> + use<T>
where
    T: AsyncRead + AsyncWrite + RoundTrip + Unpin + 'static,
{
    let state = Rc::new(ConnState::new(peer, shared.limits.idle_timeout));
    let registered = registry.register(&state.handle);
    async move {
        run(shared, io, state).await;
        drop(registered);
    }
}

async fn run<T>(shared: Rc<Shared>, io: T, state: Rc<ConnState>)
where
    T: AsyncRead + AsyncWrite + RoundTrip + Unpin + 'static,
{
    let limits = shared.limits.clone();
    let guard = TokioIo::new(HeadGuard::new(io, limits.clone(), state.clone()));
    let service = service_fn(|request| proxy::handle(shared.clone(), state.clone(), request));
    let mut builder = http1::Builder::new();
    builder.max_buf_size(BUFFER_BYTES.max(limits.head_bytes * 2));
    // The guard counts the fields. Up to its default limit hyper needs no allocation for them.
    if limits.head_fields > HYPER_MAX_FIELDS {
        builder.max_headers(limits.head_fields);
    }
    let mut http = builder.serve_connection(guard, service);

    state.request.deadline.set(Some(limits.idle_timeout));
    let mut timers =
        Timers { state: &state, header_timeout: limits.header_timeout, in_head: false };
    let ended = poll_fn(|cx| {
        state.remember(cx.waker());
        state.request.deadline.tick();
        loop {
            let must_end = match state.handle.draining() {
                Draining::No => false,
                Draining::AfterRequest => state.in_flight.get(),
                Draining::Now => true,
            };
            if must_end {
                Pin::new(&mut http).graceful_shutdown();
            }
            if let Poll::Ready(result) = Pin::new(&mut http).poll(cx) {
                return Poll::Ready(Some(result.is_ok()));
            }
            match timers.poll(cx) {
                Timer::Running => return Poll::Pending,
                Timer::PollAgain => {}
                Timer::Over => return Poll::Ready(None),
            }
        }
    })
    .await;
    let Some(is_clean) = ended else { return };
    let parts = http.into_parts();
    let guard = parts.io.into_inner();
    let unread = !is_clean || guard.has_unread() || !parts.read_buf.is_empty();
    let (io, held) = guard.into_parts();
    let upgraded = state.upgraded.take();
    match upgraded {
        Some(upgraded) => {
            let read = [parts.read_buf, Bytes::from(held)];
            tunnel::run(upgraded, io, read, &state.request.deadline).await;
        }
        None => close(io, unread).await,
    }
}

/// The state of a connection's timers.
enum Timer {
    /// No timeout has fired.
    Running,
    /// A timeout fired and was recorded; poll again.
    PollAgain,
    /// A timeout fired, and the connection can only be closed.
    Over,
}

struct Timers<'c> {
    state: &'c ConnState,
    header_timeout: Duration,
    in_head: bool,
}

impl Timers<'_> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Timer {
        let in_head = self.state.mid_head.get() && !self.state.in_flight.get();
        if in_head != self.in_head {
            self.in_head = in_head;
            if in_head {
                self.state.request.deadline.set(Some(self.header_timeout));
            }
        }
        if !self.state.request.deadline.poll_expired(cx) {
            return Timer::Running;
        }
        if !in_head || self.state.head_expired.replace(true) {
            // Idle for too long, or a response can't be written, even the one to a late head.
            return Timer::Over;
        }
        self.state.request.deadline.set(Some(REFUSAL_WRITE_TIMEOUT));
        Timer::PollAgain
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_late_head_whose_refusal_can_not_leave_ends_its_connection() {
        let state = ConnState::new(([127, 0, 0, 1], 1).into(), REFUSAL_WRITE_TIMEOUT);
        let mut timers = Timers { state: &state, header_timeout: Duration::ZERO, in_head: false };
        let late = async |timers: &mut Timers<'_>| {
            poll_fn(|cx| match timers.poll(cx) {
                Timer::Running => Poll::Pending,
                late => Poll::Ready(late),
            })
            .await
        };
        state.mid_head.set(true);
        assert!(matches!(late(&mut timers).await, Timer::PollAgain));
        // The client reads nothing, so hyper does not read either.
        state.request.deadline.set(Some(Duration::ZERO));
        assert!(matches!(late(&mut timers).await, Timer::Over));
    }
}

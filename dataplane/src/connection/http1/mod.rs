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
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    time::{Sleep, sleep},
};

/// hyper's buffers: enough for the largest head, small enough for large bodies to stay in cache.
const BUFFER_BYTES: usize = 128 * 1024;

/// hyper's default limit for the fields of a head.
const HYPER_MAX_FIELDS: usize = 100;

/// How long a response may pause once its client has closed its sending side: a client that has
/// left looks the same until something is written to it.
const HALF_CLOSED_TIMEOUT: Duration = Duration::from_secs(10);

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
    let mut timers = Timers::new(&state, limits.header_timeout);
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
    /// Runs while the client's sending side is closed; restarted by each write, of which there
    /// were so many.
    half_closed: Option<(u64, Pin<Box<Sleep>>)>,
}

impl<'c> Timers<'c> {
    fn new(state: &'c ConnState, header_timeout: Duration) -> Self {
        Self { state, header_timeout, in_head: false, half_closed: None }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Timer {
        if self.state.is_half_closed() && self.is_half_closed_for_long(cx) {
            return Timer::Over;
        }
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

impl Timers<'_> {
    /// Whether nothing has been written for too long to a client whose sending side is closed.
    fn is_half_closed_for_long(&mut self, cx: &mut Context<'_>) -> bool {
        let now_written = self.state.writes.get();
        let restarted = || (now_written, Box::pin(sleep(HALF_CLOSED_TIMEOUT)));
        let (written, timer) = self.half_closed.get_or_insert_with(restarted);
        if *written != now_written {
            (*written, *timer) = restarted();
        }
        timer.as_mut().poll(cx).is_ready()
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
        let mut timers = Timers::new(&state, Duration::ZERO);
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

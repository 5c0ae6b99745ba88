//! One client connection: its stream, watched; hyper's HTTP/1 server over it; its timers; and what
//! follows when it leaves HTTP.

mod alarm;
pub(crate) mod chunks;
mod guard;
pub(crate) mod head;
mod peer;
mod round_trip;
mod state;
mod tunnel;

pub(crate) use alarm::Alarm;
pub(crate) use peer::{KnownHost, Peer};
pub(crate) use state::{ConnState, Draining, Upgrade};
pub(crate) use tunnel::Tunnel;

use crate::{proxy, serve::Worker};
use bytes::Bytes;
use guard::Guard;
use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use round_trip::RoundTrip;
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
const BUFFER: usize = 128 * 1024;

/// How many fields hyper takes in a head if it is not told otherwise.
const HYPER_FIELDS: usize = 100;

/// How long a refused head's answer may take to leave.
const PARTING: Duration = Duration::from_secs(5);

/// Serves one HTTP/1 connection to its end. It counts from now on, not from the first poll.
pub(crate) fn serve<T>(worker: Rc<Worker>, io: T, peer: SocketAddr) -> impl Future<Output = ()>
where
    T: AsyncRead + AsyncWrite + RoundTrip + Unpin + 'static,
{
    let state = Rc::new(ConnState::new(peer, worker.limits.idle_timeout));
    let registered = worker.register(&state);
    async move {
        run(worker, io, state).await;
        drop(registered);
    }
}

async fn run<T>(worker: Rc<Worker>, io: T, state: Rc<ConnState>)
where
    T: AsyncRead + AsyncWrite + RoundTrip + Unpin + 'static,
{
    let limits = worker.limits.clone();
    let guard = TokioIo::new(Guard::new(io, limits.clone(), state.clone()));
    let service = service_fn(|request| proxy::handle(worker.clone(), state.clone(), request));
    let mut builder = http1::Builder::new();
    builder.max_buf_size(BUFFER.max(limits.head_bytes * 2));
    // The guard counts the fields. Up to its own bound hyper needs no allocation for them.
    if limits.head_fields > HYPER_FIELDS {
        builder.max_headers(limits.head_fields);
    }
    let mut http = builder.serve_connection(guard, service);

    state.alarm.set(Some(limits.idle_timeout));
    let mut timers =
        Timers { state: &state, header_timeout: limits.header_timeout, in_head: false };
    let ended = poll_fn(|cx| {
        state.remember(cx.waker());
        state.alarm.tick();
        loop {
            let ends = match state.draining.get() {
                Draining::No => false,
                Draining::AfterRequest => state.in_flight.get(),
                Draining::Now => true,
            };
            if ends {
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
    let Some(well) = ended else { return };
    let parts = http.into_parts();
    let guard = parts.io.into_inner();
    let unread = !well || guard.has_unread() || !parts.read_buf.is_empty();
    let (io, held) = guard.into_parts();
    let tunnel = state.tunnel.take();
    match tunnel {
        Some(tunnel) => tunnel.run(io, [parts.read_buf, Bytes::from(held)], &state).await,
        None => close(io, unread).await,
    }
}

/// What a connection's timer says.
enum Timer {
    /// Nothing is late.
    Running,
    /// Something is late, and whoever is concerned has been told.
    PollAgain,
    /// Something is late, and nobody can answer any more.
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
                self.state.alarm.set(Some(self.header_timeout));
            }
        }
        if !self.state.alarm.poll_expired(cx) {
            return Timer::Running;
        }
        if !in_head || self.state.head_expired.replace(true) {
            // Idle for too long; or an answer that can't leave, even that to a late head.
            return Timer::Over;
        }
        self.state.alarm.set(Some(PARTING));
        Timer::PollAgain
    }
}

/// Closes a stream. Where the client may still be sending what is not going to be read, some of it
/// is read and dropped first, or the answer could be lost to a reset (RFC 9112 §9.6).
async fn close<T: AsyncRead + AsyncWrite + Unpin>(mut io: T, linger: bool) {
    const LINGER: Duration = Duration::from_secs(2);
    if io.shutdown().await.is_err() || !linger {
        return;
    }
    let drain = async {
        let mut sink = [0; 4096];
        while matches!(io.read(&mut sink).await, Ok(read) if read > 0) {}
    };
    // Over either way: the client has stopped, or has had its time.
    let _ = tokio::time::timeout(LINGER, drain).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_late_head_whose_refusal_can_not_leave_ends_its_connection() {
        let state = ConnState::new(([127, 0, 0, 1], 1).into(), PARTING);
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
        // The client reads nothing, so hyper does not either.
        state.alarm.set(Some(Duration::ZERO));
        assert!(matches!(late(&mut timers).await, Timer::Over));
    }
}

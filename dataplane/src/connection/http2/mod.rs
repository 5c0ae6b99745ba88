//! A client's HTTP/2 connection (RFC 9113): its guarded stream, the library's server on top, and its
//! requests, which one task serves side by side.

mod date;
mod exchange;
mod frames;
mod guard;
mod head;
mod inbox;
mod outgoing;
mod state;
mod stream;
mod timers;
mod tunnel;
mod unsent;
mod websocket;
mod windows;

use super::{
    registry::{ConnectionHandle, Draining},
    rtt::RoundTrip,
};
use crate::{
    config::Limits,
    proxy::{Peer, Shared},
};
use bytes::Bytes;
use futures_util::{StreamExt, future::LocalBoxFuture, stream::FuturesUnordered};
use guard::FrameGuard;
use h2::{
    Reason,
    server::{Builder, Connection},
};
use state::ConnState;
use std::{
    future::{Future, poll_fn},
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};
use timers::{Timer, Timers};
use tokio::io::{AsyncRead, AsyncWrite};
use windows::{CONNECTION_WINDOW, MAX_STREAMS, MIN_STREAM_WINDOW, Windows};

/// How much of a response the library holds until it is written.
const SEND_BUFFER_BYTES: usize = 64 * 1024;

/// What small DATA frames may cost in bookkeeping, in bytes per connection, until they are read:
/// more than can be read in one turn.
const SMALL_FRAMES_BUDGET: usize = CONNECTION_WINDOW as usize;

/// How many streams that were reset here are remembered for a second, in which what still arrives
/// on them is dropped.
const MAX_RESET_STREAMS: usize = 1024;

/// How many requests begin or end before other connections have their turn.
const TURN_STREAMS: usize = 32;

/// What the list of a head's fields may be longer than is allowed, before the library refuses it by
/// itself.
const HEAD_SLACK: usize = 4;

/// The largest list of fields that the library is asked to hold.
const MAX_HEAD_LIST_BYTES: usize = 1024 * 1024;

/// The library's server for one connection.
fn builder(limits: &Limits) -> Builder {
    let mut builder = Builder::new();
    let head_list = limits.head_bytes.saturating_mul(HEAD_SLACK).min(MAX_HEAD_LIST_BYTES);
    builder
        .max_concurrent_streams(MAX_STREAMS)
        .enable_connect_protocol()
        .initial_window_size(MIN_STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buffer_size(SEND_BUFFER_BYTES)
        .data_frame_budget(SMALL_FRAMES_BUDGET)
        .max_concurrent_reset_streams(MAX_RESET_STREAMS)
        .max_pending_accept_reset_streams(MAX_STREAMS as usize)
        // How often streams are reset is limited with everything else that makes mere work.
        .max_local_error_reset_streams(None)
        .max_header_list_size(u32::try_from(head_list).unwrap_or(u32::MAX));
    builder
}

/// Serves a connection to its end. `read` is what was read from it before HTTP/2 was chosen.
pub(super) async fn serve<T>(
    shared: Rc<Shared>,
    handle: Rc<ConnectionHandle>,
    peer: Peer,
    io: T,
    read: Bytes,
) where
    T: AsyncRead + AsyncWrite + RoundTrip + Unpin + 'static,
{
    let state = Rc::new(ConnState::new(peer, handle));
    state.account();
    let guard = FrameGuard::new(io, read, state.clone());
    let mut opening = builder(&shared.limits).handshake(guard);
    state.deadline.set(Some(shared.limits.header_timeout));
    let opened = poll_fn(|cx| {
        state.begin_poll(cx.waker());
        match Pin::new(&mut opening).poll(cx) {
            Poll::Ready(opened) => Poll::Ready(opened.ok()),
            Poll::Pending if state.handle.draining() == Draining::Now => Poll::Ready(None),
            Poll::Pending if state.deadline.poll_expired(cx) => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    });
    let Some(connection) = opened.await else { return };
    drop(opening);
    let timers = Timers::new(state.clone(), &shared.limits);
    let streams = FuturesUnordered::new();
    let windows = Windows::new();
    let mut server = Server { shared, state, connection, streams, timers, windows };
    poll_fn(|cx| server.poll(cx)).await;
}

/// An open connection.
struct Server<T> {
    shared: Rc<Shared>,
    state: Rc<ConnState>,
    // Its requests end before it does.
    streams: FuturesUnordered<LocalBoxFuture<'static, ()>>,
    connection: Connection<FrameGuard<T>, Bytes>,
    timers: Timers,
    windows: Windows,
}

impl<T> Server<T>
where
    T: AsyncRead + AsyncWrite + RoundTrip + Unpin + 'static,
{
    /// Ready when the connection has ended.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.state.begin_poll(cx.waker());
        if self.state.gives_way() {
            self.abort(Reason::NO_ERROR);
            // What can be written at once is.
            let _ = self.connection.poll_closed(cx);
            return Poll::Ready(());
        }
        loop {
            if self.state.handle.draining() != Draining::No {
                self.close();
            }
            self.adapt_body_window();
            if self.serve(cx).is_ready() {
                return Poll::Ready(());
            }
            if self.state.is_flooded.take() {
                self.abort(Reason::ENHANCE_YOUR_CALM);
                continue;
            }
            self.state.account();
            self.adapt_connection_window();
            match self.timers.poll(cx) {
                Timer::Running => return Poll::Pending,
                Timer::Idle => self.close(),
                Timer::Unread | Timer::Unanswered => self.abort(Reason::NO_ERROR),
                Timer::Head => self.abort(Reason::ENHANCE_YOUR_CALM),
                Timer::Over => return Poll::Ready(()),
            }
        }
    }

    /// Takes new requests and goes on with all of them; ready when the connection has ended.
    fn serve(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut left = TURN_STREAMS;
        while left > 0 {
            match self.connection.poll_accept(cx) {
                Poll::Ready(Some(Ok((_, mut respond)))) if self.timers.must_refuse() => {
                    // The client may send it again, elsewhere (RFC 9113 §8.7).
                    respond.send_reset(Reason::REFUSED_STREAM);
                    left -= 1;
                }
                Poll::Ready(Some(Ok((request, respond)))) => {
                    let shared = self.shared.clone();
                    let served = exchange::serve(shared, &self.state, request, respond);
                    self.streams.push(Box::pin(served));
                    left -= 1;
                }
                Poll::Ready(Some(Err(error))) => {
                    tracing::debug!(%error, "a client's HTTP/2 connection failed");
                    return Poll::Ready(());
                }
                Poll::Ready(None) => return Poll::Ready(()),
                Poll::Pending => {
                    let ended = self.go_on(cx, left);
                    if ended == 0 {
                        return Poll::Pending;
                    }
                    // Each that ends may let the connection end.
                    left -= ended;
                }
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Tells the client of another window for each body, if it has acknowledged the last one.
    fn adapt_body_window(&mut self) {
        let (bodies, is_awaited) = (self.state.bodies.get(), self.state.is_body_awaited.take());
        if let Some(window) = self.windows.next(bodies, is_awaited)
            && self.connection.set_initial_window_size(window).is_ok()
        {
            self.windows.set(window);
        }
    }

    /// Tells the client of another window for the connection, which is polled again then.
    fn adapt_connection_window(&mut self) {
        if let Some(window) = self.windows.of_connection(self.state.waiting.get()) {
            self.connection.set_target_window_size(window);
        }
    }

    /// Goes on with requests until at most so many have ended; returns how many have. What they send
    /// is written together, when the connection is polled next.
    fn go_on(&mut self, cx: &mut Context<'_>, most: usize) -> usize {
        let mut ended = 0;
        while ended < most && self.streams.poll_next_unpin(cx) == Poll::Ready(Some(())) {
            ended += 1;
        }
        ended
    }

    /// Takes no more requests, and ends with those that there are (RFC 9113 §6.8).
    fn close(&mut self) {
        self.connection.graceful_shutdown();
        self.timers.closes();
    }

    /// Ends at once, with all requests.
    fn abort(&mut self, reason: Reason) {
        self.streams.clear();
        self.connection.abrupt_shutdown(reason);
        self.timers.aborts();
    }
}

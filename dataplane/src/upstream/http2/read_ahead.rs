//! The body of a response as it arrives, whether its client reads or not. h2 counts the small DATA
//! frames of a connection that nobody has taken, and would end the connection with all of its
//! streams when there are too many. The connection's task therefore takes them at once. So they
//! cost no more than their bytes, which the stream's window bounds: the backend may send as much
//! again only once the client has read.

use super::super::error::of_http2;
use crate::request::{BoxError, Pace};
use bytes::{Bytes, BytesMut};
use h2::RecvStream;
use http::HeaderMap;
use hyper::body::Frame;
use std::{
    cell::RefCell,
    collections::VecDeque,
    mem,
    rc::{Rc, Weak},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker, ready},
    time::Instant,
};

/// The length from which on data is kept as it arrived. What is shorter would keep a larger buffer
/// of the connection alive, and is copied.
const MIN_KEPT_BYTES: usize = 4 * 1024;

/// Up to how many bytes of short data are joined.
const MAX_JOINED_BYTES: usize = 16 * 1024;

/// The responses of a connection of which more may come.
#[derive(Default)]
pub(super) struct Arriving(RefCell<Vec<Weak<RefCell<Incoming>>>>);

impl Arriving {
    /// Takes what has arrived; whether a client that reads fast has waited for more. Called after
    /// the connection has read.
    pub(super) fn read(&self) -> bool {
        let mut is_awaited = false;
        self.0.borrow_mut().retain(|incoming| {
            incoming.upgrade().is_some_and(|incoming| {
                let mut incoming = incoming.borrow_mut();
                is_awaited |= mem::take(&mut incoming.is_awaited);
                incoming.read()
            })
        });
        is_awaited
    }
}

/// The data and trailers of a response.
pub(super) struct ReadAhead(Rc<RefCell<Incoming>>);

impl ReadAhead {
    /// Takes what has arrived. Of what still may, `arriving` takes care.
    pub(super) fn new(stream: RecvStream, arriving: &Arriving) -> Self {
        Self::with_pace(stream, arriving, Some(Pace::new(Instant::now())))
    }

    /// The same of a tunnel, which may last for days: it gets no larger window.
    pub(super) fn of_tunnel(stream: RecvStream, arriving: &Arriving) -> Self {
        Self::with_pace(stream, arriving, None)
    }

    fn with_pace(stream: RecvStream, arriving: &Arriving, pace: Option<Pace>) -> Self {
        let end = if stream.is_end_stream() { End::Nothing } else { End::Unknown };
        let signal = Arc::<Signal>::default();
        let waker = signal.clone().into();
        let unread = Unread::default();
        let mut incoming = Incoming { stream, unread, pace, is_awaited: false, end, signal, waker };
        let may_have_more = incoming.read();
        let incoming = Rc::new(RefCell::new(incoming));
        if may_have_more {
            arriving.0.borrow_mut().push(Rc::downgrade(&incoming));
        }
        Self(incoming)
    }

    /// The next frame for the client.
    pub(super) fn poll_frame(
        &self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let incoming = &mut *self.0.borrow_mut();
        // Only where the connection has ended something is left.
        incoming.read();
        if let Some(data) = incoming.unread.pop() {
            // Fails only if more is released than has arrived.
            let _ = incoming.stream.flow_control().release_capacity(data.len());
            if let Some(pace) = &mut incoming.pace {
                pace.read(data.len());
            }
            return Poll::Ready(Some(Ok(Frame::data(data))));
        }
        match mem::replace(&mut incoming.end, End::Nothing) {
            End::Unknown => {
                incoming.end = End::Unknown;
                let pace = &mut incoming.pace;
                incoming.is_awaited =
                    pace.as_mut().is_some_and(|pace| pace.is_fast(Instant::now()));
                incoming.signal.set_client(cx.waker());
                Poll::Pending
            }
            End::Trailers(trailers) => Poll::Ready(Some(Ok(Frame::trailers(trailers)))),
            End::Failed(error) => Poll::Ready(Some(Err(error))),
            End::Nothing => Poll::Ready(None),
        }
    }

    /// Whether the client has got everything.
    pub(super) fn is_end_stream(&self) -> bool {
        let incoming = self.0.borrow();
        incoming.unread.is_empty() && matches!(incoming.end, End::Nothing)
    }
}

struct Incoming {
    stream: RecvStream,
    unread: Unread,
    /// How fast the client takes it; `None` if that does not matter.
    pace: Option<Pace>,
    /// Whether it waits for more although that is fast.
    is_awaited: bool,
    end: End,
    signal: Arc<Signal>,
    /// Wakes the signal.
    waker: Waker,
}

/// What comes after the data that has arrived.
enum End {
    /// More of it, or the end.
    Unknown,
    Trailers(HeaderMap),
    Failed(BoxError),
    Nothing,
}

impl Incoming {
    /// Takes what has arrived; `false` if that is all.
    fn read(&mut self) -> bool {
        if matches!(self.end, End::Unknown) && !self.signal.is_awaited.swap(true, Ordering::Relaxed)
        {
            let waker = self.waker.clone();
            return self.poll_end(&mut Context::from_waker(&waker)).is_pending();
        }
        matches!(self.end, End::Unknown)
    }

    /// Takes what has arrived; ready at the end.
    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while matches!(self.end, End::Unknown) {
            self.end = match ready!(self.stream.poll_data(cx)) {
                Some(Ok(data)) => {
                    self.unread.push(data);
                    if self.stream.is_end_stream() { End::Nothing } else { End::Unknown }
                }
                // A reset without an error asks for no more of the request, but does not end the
                // response (RFC 9113 §8.1): only END_STREAM does, and there was none.
                Some(Err(error)) => End::Failed(of_http2(error)),
                None => match ready!(self.stream.poll_trailers(cx)) {
                    Ok(trailers) => trailers.map_or(End::Nothing, End::Trailers),
                    Err(error) => End::Failed(of_http2(error)),
                },
            };
        }
        Poll::Ready(())
    }
}

/// Tells that something has arrived.
#[derive(Default)]
struct Signal {
    /// Whether it will be told: everything that has arrived has been taken.
    is_awaited: AtomicBool,
    /// The task that waits for more.
    client: Mutex<Option<Waker>>,
}

impl Signal {
    fn set_client(&self, waker: &Waker) {
        match &mut *self.client.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(client) => client.clone_from(waker),
            none => *none = Some(waker.clone()),
        }
    }
}

impl Wake for Signal {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.is_awaited.store(false, Ordering::Relaxed);
        if let Some(client) = &*self.client.lock().unwrap_or_else(PoisonError::into_inner) {
            client.wake_by_ref();
        }
    }
}

/// Data that the client has not taken.
#[derive(Default)]
struct Unread {
    pieces: VecDeque<Bytes>,
    /// Short data, joined; comes after the pieces.
    joined: BytesMut,
}

impl Unread {
    fn push(&mut self, data: Bytes) {
        let is_kept = data.len() >= MIN_KEPT_BYTES;
        if is_kept || self.joined.len() + data.len() > MAX_JOINED_BYTES {
            let joined = self.take_joined();
            self.pieces.extend(joined);
        }
        if is_kept {
            self.pieces.push_back(data);
        } else {
            self.joined.extend_from_slice(&data);
        }
    }

    fn pop(&mut self) -> Option<Bytes> {
        self.pieces.pop_front().or_else(|| self.take_joined())
    }

    fn take_joined(&mut self) -> Option<Bytes> {
        Some(mem::take(&mut self.joined).freeze()).filter(|joined| !joined.is_empty())
    }

    fn is_empty(&self) -> bool {
        self.pieces.is_empty() && self.joined.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How much is allocated for some data, and what it is.
    fn kept(data: &[Bytes]) -> (usize, Vec<u8>) {
        let mut unread = Unread::default();
        data.iter().cloned().for_each(|data| unread.push(data));
        let mut bytes = unread.joined.capacity();
        bytes += unread.pieces.capacity() * size_of::<Bytes>();
        let mut all = Vec::new();
        while let Some(piece) = unread.pop() {
            bytes += piece.len();
            all.extend(piece);
        }
        assert!(unread.is_empty());
        (bytes, all)
    }

    #[test]
    fn data_keeps_its_order_and_costs_little_more_than_its_bytes_however_short_it_is() {
        const TOTAL: usize = 64 * 1024;
        let all: Bytes = (0..TOTAL).map(|n| (n % 251) as u8).collect();
        for lengths in [&[1][..], &[7], &[MIN_KEPT_BYTES - 1], &[MIN_KEPT_BYTES], &[1, 9000, 100]] {
            let (mut rest, mut data) = (all.clone(), Vec::new());
            for length in lengths.iter().cycle() {
                data.push(rest.split_to((*length).min(rest.len())));
                if rest.is_empty() {
                    break;
                }
            }
            let (bytes, got) = kept(&data);
            assert!(got == all, "{lengths:?}");
            assert!(bytes <= TOTAL + 2 * MAX_JOINED_BYTES, "{lengths:?}: {bytes}");
        }
    }
}

//! Turns of a connection of HTTP/2. Its frames are handled as they are read, and nothing else would
//! end a turn while more of them wait. How much work a kilobyte of them is, nobody knows before.

use super::SLICE;
use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};
use tokio::io::{AsyncRead, ReadBuf};

/// How much is read in a turn at most: two of the largest frames.
const MAX_BYTES: usize = 32 * 1024;

/// How much is read in a turn at least: about a hundred of the smallest frames.
const MIN_BYTES: usize = 1024;

/// How much of a stream is read in a turn: what takes about a [`SLICE`], by what the last turn took.
#[derive(Debug)]
pub(crate) struct ReadTurn {
    begun: Option<Instant>,
    read: usize,
    limit: usize,
}

impl Default for ReadTurn {
    fn default() -> Self {
        Self { begun: None, read: 0, limit: MAX_BYTES }
    }
}

impl ReadTurn {
    /// Reads within the turn. At its end this is pending, and the task is woken.
    pub(crate) fn poll_read<T: AsyncRead + Unpin>(
        &mut self,
        io: &mut T,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let left = self.left();
        if left == 0 {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let before = buf.filled().len();
        let polled = match buf.remaining() <= left {
            true => Pin::new(io).poll_read(cx, buf),
            false => {
                let mut part = ReadBuf::new(buf.initialize_unfilled_to(left));
                let polled = Pin::new(io).poll_read(cx, &mut part);
                let read = part.filled().len();
                buf.advance(read);
                polled
            }
        };
        if polled.is_pending() {
            self.end();
        }
        ready!(polled)?;
        self.read += buf.filled().len() - before;
        Poll::Ready(Ok(()))
    }

    /// How much may be read now; 0 at the end of the turn.
    fn left(&mut self) -> usize {
        let begun = *self.begun.get_or_insert_with(Instant::now);
        let left = self.limit.saturating_sub(self.read);
        if left == 0 || (self.read > 0 && begun.elapsed() >= SLICE) {
            self.end();
            return 0;
        }
        left
    }

    fn end(&mut self) {
        if let Some(begun) = self.begun.take() {
            self.adapt(begun.elapsed());
        }
    }

    /// What was read has taken so long.
    fn adapt(&mut self, time: Duration) {
        let in_slice = self.read as f64 * SLICE.as_secs_f64() / time.as_secs_f64().max(1e-9);
        if self.read > 0 {
            // A cast from a float saturates.
            self.limit = (in_slice as usize).min(self.limit * 2).clamp(MIN_BYTES, MAX_BYTES);
        }
        self.read = 0;
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::future::poll_fn;

    #[tokio::test]
    async fn a_stream_that_always_has_more_is_left_now_and_then() {
        let (mut turn, mut turns) = (ReadTurn::default(), 0);
        let total = poll_fn(|cx| {
            turns += 1;
            let mut read = 0;
            let mut bytes = [0; 1000];
            loop {
                let mut buf = ReadBuf::new(&mut bytes);
                if turn.poll_read(&mut tokio::io::repeat(0), cx, &mut buf)?.is_pending() {
                    break;
                }
                read += buf.filled().len();
            }
            assert!((1..=MAX_BYTES).contains(&read), "{read}");
            if turns == 3 { Poll::Ready(io::Result::Ok(read)) } else { Poll::Pending }
        });
        assert!(total.await.unwrap() >= MIN_BYTES);
    }

    #[test]
    fn as_much_is_read_as_fits_into_a_slice() {
        let mut turn = ReadTurn::default();
        for (read, slices, limit) in [
            (32 * 1024, 20, 1638),
            (1638, 10, MIN_BYTES),
            (1024, 0, 2048),
            (2048, 0, 4096),
            (4096, 2, 2048),
            (0, 9, 2048),
        ] {
            turn.read = read;
            turn.adapt(SLICE * slices);
            assert_eq!((turn.limit, turn.read), (limit, 0), "{read} in {slices}");
        }
        (0..9).for_each(|_| {
            turn.read = turn.limit;
            turn.adapt(SLICE / 10);
        });
        assert_eq!(turn.limit, MAX_BYTES);
    }
}

//! A connection that has left HTTP (RFC 9110 §7.8): bytes pass both ways.

use super::{Alarm, ConnState};
use crate::{telemetry::RequestRecord, upstream::Stream};
use bytes::Bytes;
use std::{
    future::{Future, poll_fn},
    io,
    pin::{Pin, pin},
    task::{Context, Poll},
    time::Duration,
};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf, copy_bidirectional};

/// The backend's end of an upgraded connection.
#[derive(Debug)]
pub(crate) struct Tunnel {
    /// Its stream.
    pub(crate) io: Stream,
    /// What was read from it behind the answer's head.
    pub(crate) read: Bytes,
    /// How long no byte may pass.
    pub(crate) idle: Option<Duration>,
    /// Ends when the tunnel does: the request's record.
    pub(crate) record: Box<RequestRecord>,
}

impl Tunnel {
    /// Passes bytes until one side is done or nothing passes for too long.
    pub(crate) async fn run<T>(mut self, mut client: T, read: [Bytes; 2], state: &ConnState)
    where
        T: AsyncRead + AsyncWrite + Unpin,
    {
        let early: u64 = read.iter().map(|bytes| bytes.len() as u64).sum();
        let mut passed = (early, self.read.len() as u64);
        if self.pass_early(&mut client, &read).await.is_ok() {
            state.alarm.tick();
            state.alarm.set(self.idle);
            let mut client = Watched { io: client, alarm: &state.alarm, idle: self.idle, read: 0 };
            let mut backend =
                Watched { io: &mut self.io, alarm: &state.alarm, idle: self.idle, read: 0 };
            {
                let mut copy = pin!(copy_bidirectional(&mut client, &mut backend));
                poll_fn(|cx| {
                    state.alarm.tick();
                    match copy.as_mut().poll(cx) {
                        Poll::Ready(_) => Poll::Ready(()),
                        Poll::Pending if state.alarm.poll_expired(cx) => Poll::Ready(()),
                        Poll::Pending => Poll::Pending,
                    }
                })
                .await;
            }
            passed = (passed.0 + client.read, passed.1 + backend.read);
        }
        (self.record.received, self.record.sent) = passed;
        self.record.complete = true;
    }

    async fn pass_early<T>(&mut self, client: &mut T, read: &[Bytes; 2]) -> io::Result<()>
    where
        T: AsyncWrite + Unpin,
    {
        for bytes in read {
            self.io.write_all(bytes).await?;
        }
        client.write_all(&self.read).await
    }
}

/// A stream whose bytes keep an alarm quiet.
struct Watched<'a, T> {
    io: T,
    alarm: &'a Alarm,
    idle: Option<Duration>,
    read: u64,
}

impl<T: AsyncRead + Unpin> AsyncRead for Watched<'_, T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.io).poll_read(cx, buf);
        let read = buf.filled().len() - before;
        if read > 0 {
            self.read += read as u64;
            self.alarm.set(self.idle);
        }
        polled
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Watched<'_, T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

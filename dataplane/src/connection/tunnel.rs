//! A connection that has switched protocols (RFC 9110 §7.8): bytes pass both ways.

use crate::{proxy::Upgraded, request::Deadline};
use bytes::Bytes;
use std::{
    future::{Future, poll_fn},
    io,
    pin::{Pin, pin},
    task::{Context, Poll},
    time::Duration,
};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf, copy_bidirectional};

/// How long a client may take to end its side when the backend has ended. A WebSocket is closed by
/// its server (RFC 6455 §7.1.1), and over HTTP/2 some browsers leave their side of the stream open.
const FAREWELL: Duration = Duration::from_secs(5);

/// Copies bytes until one side closes or nothing arrives for too long. `read` is what has already
/// been read from the client.
pub(super) async fn run<T>(
    mut backend: Upgraded,
    mut client: T,
    read: [Bytes; 2],
    deadline: &Deadline,
) where
    T: AsyncRead + AsyncWrite + Unpin,
{
    // Counted as they pass: the tunnel may be dropped.
    backend.record.received = read.iter().map(|bytes| bytes.len() as u64).sum();
    backend.record.sent = backend.read.len() as u64;
    backend.record.is_tunnel = true;
    deadline.tick();
    deadline.set(backend.idle);
    let early = until(deadline, pass_early(&mut backend, &mut client, &read)).await;
    if matches!(early, Some(Ok(()))) {
        deadline.set(backend.idle);
        let Upgraded { io, record, idle, .. } = &mut backend;
        let (record, idle) = (&mut **record, *idle);
        let farewell = Some(idle.map_or(FAREWELL, |idle| idle.min(FAREWELL)));
        let read = &mut record.received;
        let mut client = Watched { io: client, deadline, idle, after_end: farewell, read };
        let read = &mut record.sent;
        let mut upstream = Watched { io, deadline, idle, after_end: idle, read };
        // Either way it is over.
        let _ = until(deadline, copy_bidirectional(&mut client, &mut upstream)).await;
    }
    backend.record.complete = true;
}

/// The future's output; `None` if the deadline passes first.
async fn until<F: Future>(deadline: &Deadline, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    poll_fn(|cx| {
        deadline.tick();
        match future.as_mut().poll(cx) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending if deadline.poll_expired(cx) => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

async fn pass_early<T>(backend: &mut Upgraded, client: &mut T, read: &[Bytes; 2]) -> io::Result<()>
where
    T: AsyncWrite + Unpin,
{
    for bytes in read {
        backend.io.write_all(bytes).await?;
    }
    client.write_all(&backend.read).await
}

/// A stream that moves a deadline on each read.
struct Watched<'a, T> {
    io: T,
    deadline: &'a Deadline,
    idle: Option<Duration>,
    /// The same once it has been told that nothing more will be written to it.
    after_end: Option<Duration>,
    read: &'a mut u64,
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
            *self.read += read as u64;
            self.deadline.set(self.idle);
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
        let polled = Pin::new(&mut self.io).poll_shutdown(cx);
        if polled.is_ready() {
            self.idle = self.after_end;
            self.deadline.set(self.idle);
        }
        polled
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn nothing_outlasts_the_deadline() {
        let deadline = Deadline::new();
        deadline.set(Some(Duration::from_millis(1)));
        assert_eq!(until(&deadline, std::future::pending::<()>()).await, None);
        assert_eq!(until(&deadline, std::future::ready(1)).await, Some(1));
    }
}

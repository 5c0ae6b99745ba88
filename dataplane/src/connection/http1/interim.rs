//! Interim responses (RFC 9110 §15.2), which hyper's server can't send: they are written between its
//! messages.

use http::Response;
use hyper::ext::ReasonPhrase;
use std::{
    cell::{Cell, RefCell},
    io::{self, Write},
    pin::Pin,
    task::{Context, Poll, ready},
};
use tokio::io::AsyncWrite;

/// How many bytes may wait to be written.
const MAX_WAITING_BYTES: usize = 16 * 1024;

/// Interim responses that wait to be written.
#[derive(Debug, Default)]
pub(super) struct Interims {
    bytes: RefCell<Vec<u8>>,
    /// How many of them have been written.
    written: Cell<usize>,
}

impl Interims {
    /// How many bytes wait.
    pub(super) fn len(&self) -> usize {
        self.bytes.borrow().len() - self.written.get()
    }

    /// Adds one, if there is room for it.
    pub(super) fn push(&self, response: &Response<()>) {
        let mut bytes = self.bytes.borrow_mut();
        let before = bytes.len();
        // Writing to memory can't fail.
        let _ = write_head(&mut bytes, response);
        if bytes.len() > MAX_WAITING_BYTES {
            bytes.truncate(before);
            bytes.shrink_to_fit();
        }
    }

    /// Writes all of them.
    pub(super) fn poll_write<T: AsyncWrite + Unpin>(
        &self,
        io: &mut T,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        let mut bytes = self.bytes.borrow_mut();
        while self.written.get() < bytes.len() {
            let rest = &bytes[self.written.get()..];
            let written = ready!(Pin::new(&mut *io).poll_write(cx, rest))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.written.set(self.written.get() + written);
        }
        *bytes = Vec::new();
        self.written.set(0);
        Poll::Ready(Ok(()))
    }
}

fn write_head(to: &mut Vec<u8>, response: &Response<()>) -> io::Result<()> {
    let status = response.status();
    write!(to, "HTTP/1.1 {} ", status.as_str())?;
    to.extend_from_slice(match response.extensions().get::<ReasonPhrase>() {
        Some(reason) => reason.as_bytes(),
        None => status.canonical_reason().unwrap_or_default().as_bytes(),
    });
    to.extend_from_slice(b"\r\n");
    for (name, value) in response.headers() {
        write!(to, "{name}: ")?;
        to.extend_from_slice(value.as_bytes());
        to.extend_from_slice(b"\r\n");
    }
    to.extend_from_slice(b"\r\n");
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use http::{HeaderValue, header::LINK};
    use std::task::Waker;

    fn hint(link: &str) -> Response<()> {
        let link = HeaderValue::from_str(link).unwrap();
        Response::builder().status(103).header(LINK, link).body(()).unwrap()
    }

    /// What is written to a client that reads everything.
    fn written(interims: &Interims) -> Vec<u8> {
        let (mut all, mut cx) = (Vec::new(), Context::from_waker(Waker::noop()));
        assert!(interims.poll_write(&mut all, &mut cx).is_ready());
        assert_eq!(interims.len(), 0);
        all
    }

    #[test]
    fn they_are_written_once_and_in_order() {
        let interims = Interims::default();
        for _ in 0..2 {
            interims.push(&hint("</a.css>"));
            interims.push(&hint("</b.css>"));
            let all = written(&interims);
            let head = |path: &str| format!("HTTP/1.1 103 Early Hints\r\nlink: <{path}>\r\n\r\n");
            assert_eq!(String::from_utf8(all).unwrap(), head("/a.css") + &head("/b.css"));
        }
        assert!(written(&interims).is_empty());
    }

    #[test]
    fn what_waits_is_bounded() {
        let interims = Interims::default();
        let link = "x".repeat(MAX_WAITING_BYTES / 3);
        for _ in 0..5 {
            interims.push(&hint(&link));
        }
        assert!(interims.len() <= MAX_WAITING_BYTES);
        // Those that fit are whole.
        assert_eq!(written(&interims).iter().filter(|byte| **byte == b'x').count(), 2 * link.len());
    }
}

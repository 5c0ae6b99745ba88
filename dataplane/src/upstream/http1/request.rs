//! A request on its way to a backend: its head, and its body as it comes from the client, with new
//! framing (RFC 9112 §6).

use super::super::RequestToSend;
use crate::request::{AddedFields, RequestBody, write_field};
use bytes::{Buf, Bytes};
use http::{HeaderMap, HeaderName, header, request::Parts};
use hyper::body::{Body, Frame};
use std::{
    io::{self, IoSlice, Write},
    mem,
    pin::Pin,
    task::{Context, Poll, ready},
};
use tokio::io::AsyncWrite;

/// A request that is being sent.
#[derive(Default)]
pub(super) struct Outgoing {
    /// Written first: a head, a chunk's size, trailer fields.
    prefix: Vec<u8>,
    /// How much of `prefix` has been written.
    prefix_written: usize,
    /// Written next: a piece of the body.
    data: Bytes,
    /// Written last: the end of the chunk.
    suffix: &'static [u8],
    body: RequestBody,
    coding: Coding,
    state: State,
}

/// How the body is framed (RFC 9112 §6).
#[derive(Default)]
enum Coding {
    /// Nothing more is to come.
    #[default]
    Ended,
    /// By length, with so many bytes to come.
    Length(u64),
    /// Chunked; the fields that `Trailer` announces may follow.
    Chunked(Vec<HeaderName>),
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum State {
    /// Nothing has been written, or taken from the body.
    Fresh,
    /// Something has been.
    Begun,
    /// The backend has all of it.
    #[default]
    Done,
    /// The backend stopped reading. Its response can still be read.
    Refused,
}

impl Outgoing {
    /// Starts a request, whose body it takes.
    pub(super) fn begin(&mut self, request: &mut RequestToSend<'_>) {
        let body = mem::take(request.body);
        self.coding = match (body.is_end_stream(), body.size_hint().exact()) {
            (true, _) => Coding::Ended,
            (false, Some(length)) => Coding::Length(length),
            (false, None) => Coding::Chunked(announced(&request.head.headers)),
        };
        self.prefix.clear();
        (self.prefix_written, self.data, self.suffix) = (0, Bytes::new(), b"");
        self.body = body;
        self.state = State::Fresh;
        self.write_head(request.head, request.added);
    }

    /// Keeps room for at most `limit` bytes of the next head.
    pub(super) fn shrink(&mut self, limit: usize) {
        self.prefix.shrink_to(limit);
    }

    #[cfg(test)]
    pub(super) fn head_capacity(&self) -> usize {
        self.prefix.capacity()
    }

    /// Whether the whole request has been sent.
    pub(super) fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// The body, if nothing of the request has been sent.
    pub(super) fn take_unsent(&mut self) -> Option<RequestBody> {
        (self.state == State::Fresh).then(|| mem::replace(&mut self.body, RequestBody::empty()))
    }

    /// Sends what is available. An error is the body's, or means that nothing could be sent; if the
    /// backend stops reading later, it may have sent a response that says why.
    pub(super) fn poll_send(
        &mut self,
        io: &mut (impl AsyncWrite + Unpin),
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        if matches!(self.state, State::Done | State::Refused) {
            return Poll::Ready(Ok(()));
        }
        loop {
            self.fill(cx)?;
            let is_waiting = self.is_written();
            match ready!(self.poll_write_all(io, cx)) {
                Err(error) if self.state == State::Fresh => return Poll::Ready(Err(error)),
                Err(_) => break self.state = State::Refused,
                Ok(()) if matches!(self.coding, Coding::Ended) => break self.state = State::Done,
                // The body's next piece wakes the task.
                Ok(()) if is_waiting => return Poll::Pending,
                Ok(()) => {}
            }
        }
        self.body = RequestBody::empty();
        Poll::Ready(Ok(()))
    }

    /// Whether everything buffered has been written.
    fn is_written(&self) -> bool {
        self.prefix_written == self.prefix.len() && self.data.is_empty() && self.suffix.is_empty()
    }

    /// Writes everything buffered.
    fn poll_write_all(
        &mut self,
        io: &mut (impl AsyncWrite + Unpin),
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        while !self.is_written() {
            let written = ready!(self.poll_write(io, cx))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.state = State::Begun;
            self.advance(written);
        }
        self.prefix.clear();
        self.prefix_written = 0;
        Pin::new(io).poll_flush(cx)
    }

    fn poll_write(
        &self,
        io: &mut (impl AsyncWrite + Unpin),
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        let (io, prefix) = (Pin::new(io), &self.prefix[self.prefix_written..]);
        if self.data.is_empty() && self.suffix.is_empty() {
            return io.poll_write(cx, prefix);
        }
        let all = [IoSlice::new(prefix), IoSlice::new(&self.data), IoSlice::new(self.suffix)];
        io.poll_write_vectored(cx, &all)
    }

    fn advance(&mut self, written: usize) {
        let prefix = written.min(self.prefix.len() - self.prefix_written);
        self.prefix_written += prefix;
        let data = (written - prefix).min(self.data.len());
        self.data.advance(data);
        self.suffix = &self.suffix[written - prefix - data..];
    }

    /// Takes the next piece of the body if none is waiting to be written.
    fn fill(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        while self.data.is_empty()
            && self.suffix.is_empty()
            && !matches!(self.coding, Coding::Ended)
        {
            match Pin::new(&mut self.body).poll_frame(cx) {
                Poll::Pending => break,
                Poll::Ready(None) => self.end()?,
                Poll::Ready(Some(frame)) => {
                    self.state = State::Begun;
                    let is_last = self.body.is_end_stream();
                    self.push(frame.map_err(io::Error::other)?, is_last)?;
                }
            }
        }
        Ok(())
    }

    fn push(&mut self, frame: Frame<Bytes>, is_last: bool) -> io::Result<()> {
        match frame.into_data() {
            Ok(data) if data.is_empty() => Ok(()),
            Ok(data) => {
                match &mut self.coding {
                    Coding::Length(left) => {
                        *left = left.checked_sub(data.len() as u64).ok_or_else(wrong_length)?;
                    }
                    Coding::Chunked(_) => {
                        write!(self.prefix, "{:x}\r\n", data.len())?;
                        self.suffix = b"\r\n";
                    }
                    Coding::Ended => return Err(wrong_length()),
                }
                self.data = data;
                if is_last { self.end() } else { Ok(()) }
            }
            Err(frame) => match (frame.into_trailers(), &self.coding) {
                (Ok(trailers), Coding::Chunked(announced)) => {
                    write_trailers(&mut self.prefix, &trailers, announced);
                    self.coding = Coding::Ended;
                    Ok(())
                }
                // Only a chunked body can have trailer fields (RFC 9112 §7.1.2), and hyper has no
                // other frames.
                (Ok(_) | Err(_), _) => Ok(()),
            },
        }
    }

    fn end(&mut self) -> io::Result<()> {
        match mem::take(&mut self.coding) {
            Coding::Length(1..) => Err(wrong_length()),
            Coding::Length(0) | Coding::Ended => Ok(()),
            Coding::Chunked(_) if self.data.is_empty() => {
                self.prefix.extend_from_slice(b"0\r\n\r\n");
                Ok(())
            }
            Coding::Chunked(_) => {
                self.suffix = b"\r\n0\r\n\r\n";
                Ok(())
            }
        }
    }

    /// Writes the head, with the body's own framing fields instead of those in `head`.
    fn write_head(&mut self, head: &Parts, added: &AddedFields) {
        let prefix = &mut self.prefix;
        for part in [head.method.as_str(), " ", head.uri.path()] {
            prefix.extend_from_slice(part.as_bytes());
        }
        if let Some(query) = head.uri.query() {
            prefix.push(b'?');
            prefix.extend_from_slice(query.as_bytes());
        }
        prefix.extend_from_slice(b" HTTP/1.1\r\n");
        let mut has_length = false;
        for (name, value) in &head.headers {
            if *name == header::CONTENT_LENGTH {
                has_length = true;
            } else if *name != header::TRANSFER_ENCODING {
                write_field(prefix, name, value);
            }
        }
        added.write(prefix);
        match self.coding {
            Coding::Ended if has_length => prefix.extend_from_slice(b"content-length: 0\r\n"),
            Coding::Ended => {}
            Coding::Length(length) => {
                // Writing to memory can't fail.
                let _ = write!(prefix, "content-length: {length}\r\n");
            }
            Coding::Chunked(_) => prefix.extend_from_slice(b"transfer-encoding: chunked\r\n"),
        }
        prefix.extend_from_slice(b"\r\n");
    }
}

/// Writes the last chunk and the announced trailer fields, except those forbidden in trailers (RFC
/// 9110 §6.5.1).
fn write_trailers(to: &mut Vec<u8>, trailers: &HeaderMap, announced: &[HeaderName]) {
    to.extend_from_slice(b"0\r\n");
    for (name, value) in trailers {
        if announced.contains(name) {
            write_field(to, name, value);
        }
    }
    to.extend_from_slice(b"\r\n");
}

/// Fields for framing, routing, authentication or content: never allowed as trailers (RFC 9110
/// §6.5.1).
const NO_TRAILERS: [HeaderName; 12] = [
    header::AUTHORIZATION,
    header::CACHE_CONTROL,
    header::CONTENT_ENCODING,
    header::CONTENT_LENGTH,
    header::CONTENT_RANGE,
    header::CONTENT_TYPE,
    header::HOST,
    header::MAX_FORWARDS,
    header::SET_COOKIE,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
];

/// The names that `Trailer` announces (RFC 9110 §6.6.2).
fn announced(headers: &HeaderMap) -> Vec<HeaderName> {
    let lines = headers.get_all(header::TRAILER).iter();
    lines
        .flat_map(|line| line.as_bytes().split(|byte| *byte == b','))
        .filter_map(|name| HeaderName::from_bytes(name.trim_ascii()).ok())
        .filter(|name| !NO_TRAILERS.contains(name))
        .collect()
}

fn wrong_length() -> io::Error {
    io::Error::other("a body is not as long as announced")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;

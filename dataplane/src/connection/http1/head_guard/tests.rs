//! The guard against a parser that reads the whole stream at once, with any division into pieces.

mod begun;
mod generate;
mod stand_in;

use super::*;
use crate::{connection::rtt::RoundTrip, proxy::Downstream};
use generate::{limits, plain_streams, sizes, streams};
use http_body_util::{BodyExt, Empty};
use hyper::{Request, Response, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use proptest::prelude::*;
use std::{cell::RefCell, collections::VecDeque, convert::Infallible, task::Waker, time::Duration};
use tokio::io::AsyncWrite;

/// What a client sends, piece by piece; each piece is followed by a pending read.
struct Pieces {
    pieces: VecDeque<Vec<u8>>,
    rest: bool,
}

impl Pieces {
    fn new(stream: &[u8], sizes: &[usize]) -> Self {
        let (mut pieces, mut stream) = (VecDeque::new(), stream);
        for size in sizes.iter().cycle() {
            if stream.is_empty() {
                break;
            }
            let (piece, rest) = stream.split_at((*size).min(stream.len()));
            pieces.push_back(piece.to_vec());
            stream = rest;
        }
        Self { pieces, rest: false }
    }
}

impl RoundTrip for Pieces {
    fn round_trip(&self) -> Option<Duration> {
        None
    }
}

impl AsyncRead for Pieces {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.rest = !self.rest;
        if self.rest {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        if let Some(mut piece) = self.pieces.pop_front() {
            let here = piece.len().min(buf.remaining());
            buf.put_slice(&piece[..here]);
            if here < piece.len() {
                self.pieces.push_front(piece.split_off(here));
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Pieces {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// The reference parser's result for a whole stream.
#[derive(Debug, Default)]
struct Reading {
    /// How much of it may be served.
    allowed: usize,
    /// Request line and body of each complete request.
    requests: Vec<(String, Vec<u8>)>,
    refused: bool,
    broken: bool,
}

fn read(stream: &[u8], limits: &Limits) -> Reading {
    let mut reading = Reading::default();
    loop {
        let rest = &stream[reading.allowed..];
        let (lines, whole) = match head(rest, limits) {
            Ok(head) => head,
            Err(()) => return Reading { refused: true, ..reading },
        };
        let Some(body) = whole else { return reading };
        reading.allowed += body;
        let rest = &rest[body..];
        let (taken, content) = match framing(&lines) {
            None => chunks(rest),
            Some(length) if length <= rest.len() => (length, Some(rest[..length].to_vec())),
            Some(_) => (rest.len(), None),
        };
        reading.allowed += taken;
        let Some(content) = content else {
            reading.broken = framing(&lines).is_none() && taken < rest.len();
            return reading;
        };
        reading.requests.push((escaped(&lines[0]), content));
    }
}

/// Text with the only query that needs it escaped.
fn escaped(text: &str) -> String {
    text.replace("?\"<>%", "?%22%3C%3E%")
}

/// The lines of a head so far, and where its body begins, if it is complete.
fn head(bytes: &[u8], limits: &Limits) -> Result<(Vec<String>, Option<usize>), ()> {
    let (mut lines, mut at) = (Vec::<String>::new(), 0);
    while let Some(length) = bytes[at..].iter().position(|byte| *byte == b'\n') {
        let line = String::from_utf8_lossy(&bytes[at..at + length]).into_owned();
        at += length + 1;
        let line = line.strip_suffix('\r').ok_or(())?;
        if at > limits.head_bytes {
            return Err(());
        } else if !line.is_empty() {
            lines.push(line.to_owned());
            check(&lines, limits)?;
        } else if !lines.is_empty() {
            let one_zero = lines[0].ends_with(" HTTP/1.0");
            let framings = fields(&lines, "content-length").len() + usize::from(one_zero);
            let ambiguous = !fields(&lines, "transfer-encoding").is_empty() && framings > 0;
            return if ambiguous { Err(()) } else { Ok((lines, Some(at))) };
        }
    }
    let long_line = lines.is_empty() && bytes.len() - at > limits.uri_bytes + 1;
    if long_line || bytes.len() >= limits.head_bytes { Err(()) } else { Ok((lines, None)) }
}

fn check(lines: &[String], limits: &Limits) -> Result<(), ()> {
    let target = lines[0].split(' ').skip(1);
    let is_valid = lines[0].matches(' ').count() > 1
        && !lines[0].starts_with(' ')
        && lines[0].len() <= limits.uri_bytes
        && !lines[0].starts_with("CONNECT ")
        && !target.collect::<String>().contains('#')
        && lines.len() - 1 <= limits.head_fields
        && lines[1..].iter().all(|line| {
            let name = line.split_once(':').map(|(name, _)| name);
            name.is_some_and(|name| !name.is_empty() && name == name.trim_matches([' ', '\t']))
        })
        && match &fields(lines, "content-length")[..] {
            [] => true,
            [length] => length.parse::<u64>().is_ok() && !length.starts_with('+'),
            [_, ..] => false,
        }
        && match &fields(lines, "transfer-encoding")[..] {
            [] => true,
            [coding] => coding.eq_ignore_ascii_case("chunked"),
            [_, ..] => false,
        };
    if is_valid { Ok(()) } else { Err(()) }
}

fn fields<'l>(lines: &'l [String], name: &str) -> Vec<&'l str> {
    let fields = lines[1..].iter().filter_map(|line| line.split_once(':'));
    let named = fields.filter(|(known, _)| known.eq_ignore_ascii_case(name));
    named.map(|(_, value)| value.trim_matches([' ', '\t'])).collect()
}

/// The body's length; `None` if it is chunked.
fn framing(lines: &[String]) -> Option<usize> {
    if !fields(lines, "transfer-encoding").is_empty() {
        return None;
    }
    fields(lines, "content-length").first().map_or(Some(0), |length| length.parse().ok())
}

/// How much of `bytes` is a chunked body, and the body if it is complete.
fn chunks(bytes: &[u8]) -> (usize, Option<Vec<u8>>) {
    let (mut scan, mut taken) = (ChunkScan::default(), 0);
    let seen = loop {
        let (used, seen) = scan.advance(&bytes[taken..bytes.len().min(taken + 1)]);
        taken += used;
        if seen != Progress::Part || taken == bytes.len() {
            break seen;
        }
    };
    if seen != Progress::End {
        return (taken, None);
    }
    let (mut text, mut content) = (&bytes[..taken], Vec::new());
    loop {
        let line = text.iter().position(|byte| *byte == b'\r').unwrap_or(text.len());
        let size = String::from_utf8_lossy(&text[..line]);
        let size = size.split([';', ' ', '\t']).next().unwrap_or_default();
        let size = usize::from_str_radix(size, 16).unwrap_or(0);
        if size == 0 {
            return (taken, Some(content));
        }
        content.extend_from_slice(&text[line + 2..line + 2 + size]);
        text = &text[line + 2 + size + 2..];
    }
}

/// What the guard hands on of a stream in pieces, and whether it ends with an error. An upgrade is
/// declined as soon as there is nothing else to do.
fn deliver(io: Pieces, limits: Limits, buffers: &[usize]) -> (Vec<u8>, bool) {
    let state = Rc::new(ConnState::alone(Duration::from_secs(1)));
    // Each piece is followed by one pending read; after a refused head all reads are pending.
    let max_quiet = io.pieces.len() + 4;
    let mut guard = HeadGuard::new(io, Arc::new(limits), state.clone());
    let mut cx = Context::from_waker(Waker::noop());
    let (mut delivered, mut quiet) = (Vec::new(), 0);
    for size in buffers.iter().cycle() {
        let mut buffer = vec![0; *size];
        let mut buffer = ReadBuf::new(&mut buffer);
        match Pin::new(&mut guard).poll_read(&mut cx, &mut buffer) {
            Poll::Ready(Err(_)) => return (delivered, true),
            Poll::Ready(Ok(())) if buffer.filled().is_empty() => break,
            Poll::Ready(Ok(())) => {
                delivered.extend_from_slice(buffer.filled());
                quiet = 0;
            }
            Poll::Pending if quiet == max_quiet => break,
            Poll::Pending if quiet == 2 && state.upgrade.get() == Upgrade::Offered => {
                state.upgrade.set(Upgrade::None);
                quiet = 0;
            }
            Poll::Pending => quiet += 1,
        }
    }
    (delivered, false)
}

/// What hyper reads from a stream behind the guard: the requests that it parses, and their bodies
/// if complete.
async fn parse_with_hyper(io: Pieces, limits: Limits) -> Vec<(String, Option<Vec<u8>>)> {
    let state = Rc::new(ConnState::alone(Duration::from_secs(1)));
    let seen = RefCell::new(Vec::new());
    let service = service_fn(|request: Request<Incoming>| {
        let (head, body) = request.into_parts();
        let (state, seen) = (state.clone(), &seen);
        async move {
            state.begin();
            if state.upgrade.replace(Upgrade::None) == Upgrade::Offered {
                state.wake();
            }
            let host = head.headers.get("host").map(http::HeaderValue::as_bytes);
            if state.take_refused(host).is_none() {
                let line = format!("{} {} {:?}", head.method, head.uri, head.version);
                let body = body.collect().await.ok().map(|body| body.to_bytes().to_vec());
                seen.borrow_mut().push((line, body));
            }
            state.end();
            Ok::<_, Infallible>(Response::new(Empty::<&[u8]>::new()))
        }
    });
    let guard = HeadGuard::new(io, Arc::new(limits), state.clone());
    let mut http = http1::Builder::new().serve_connection(TokioIo::new(guard), service);
    let served = std::future::poll_fn(|cx| {
        state.remember(cx.waker());
        Pin::new(&mut http).poll(cx)
    });
    // The test does not depend on how it ends.
    let _ = served.await;
    drop(http);
    seen.into_inner()
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map(|runtime| runtime.block_on(future)).unwrap_or_else(|error| panic!("{error}"))
}

proptest! {
    #[test]
    fn a_stream_in_any_pieces_is_handed_on_until_it_must_not_be_served(
        stream in streams(), limits in limits(), pieces in sizes(), buffers in sizes(),
    ) {
        let reading = read(stream.as_bytes(), &limits);
        let io = Pieces::new(stream.as_bytes(), &pieces);
        let (delivered, broken) = block_on(async { deliver(io, limits, &buffers) });
        let mut expected = escaped(&stream[..reading.allowed]).into_bytes();
        if reading.refused {
            expected.extend_from_slice(STAND_IN);
        }
        let readable = String::from_utf8_lossy(&delivered).into_owned();
        prop_assert_eq!(delivered, expected, "{:?}, not {:?}", readable, reading);
        prop_assert_eq!(broken, reading.broken);
    }

    #[test]
    fn hyper_parses_no_stream_differently(
        stream in streams(), limits in limits(), pieces in sizes(),
    ) {
        let reading = read(stream.as_bytes(), &limits);
        let parsed = block_on(parse_with_hyper(Pieces::new(stream.as_bytes(), &pieces), limits));
        for (nth, (line, body)) in parsed.iter().enumerate() {
            match (body, reading.requests.get(nth)) {
                (Some(body), Some(expected)) => prop_assert_eq!((line, body), (&expected.0, &expected.1)),
                // Nothing follows an incomplete body.
                (None, _) => prop_assert_eq!(nth + 1, parsed.len()),
                (Some(_), None) => prop_assert!(false, "{:?} is in no {:?}", line, reading),
            }
        }
    }

    #[test]
    fn hyper_parses_every_plain_stream(
        stream in plain_streams(), limits in limits(), pieces in sizes(),
    ) {
        let reading = read(stream.as_bytes(), &limits);
        let parsed = block_on(parse_with_hyper(Pieces::new(stream.as_bytes(), &pieces), limits));
        let parsed: Vec<_> =
            parsed.into_iter().map(|(line, body)| (line, body.unwrap_or_default())).collect();
        prop_assert_eq!(parsed, reading.requests);
    }
}

#[tokio::test]
async fn an_unfinished_head_holds_little_more_than_its_length() {
    let head = format!("GET / HTTP/1.1\r\nX: {}", "x".repeat(60_000));
    for size in [1000, 1460, 4096, usize::MAX] {
        let state = Rc::new(ConnState::alone(Duration::from_secs(1)));
        let io = Pieces::new(head.as_bytes(), &[size]);
        let mut guard = HeadGuard::new(io, Arc::new(Limits::default()), state.clone());
        let mut cx = Context::from_waker(Waker::noop());
        while guard.held.len() < head.len() {
            assert!(guard.poll_parked(&mut cx).is_pending());
        }
        assert!(guard.held.capacity() < head.len() + 2 * READ_BYTES, "{size}");
        assert_eq!(state.buffers.held.get(), guard.held.capacity());
    }
}

#[tokio::test]
async fn requests_in_a_row_never_fill_the_buffer_that_they_are_read_into() {
    let stream = "GET / HTTP/1.1\r\nHost: a\r\n\r\n".repeat(100);
    for room in [1, 2, 28, 29, 290, 2900] {
        let state = Rc::new(ConnState::alone(Duration::from_secs(1)));
        let io = Pieces::new(stream.as_bytes(), &[usize::MAX]);
        let mut guard = HeadGuard::new(io, Arc::new(Limits::default()), state.clone());
        let mut cx = Context::from_waker(Waker::noop());
        let mut delivered = Vec::new();
        loop {
            while state.is_busy() {
                state.begin();
                state.end();
            }
            let mut buffer = vec![0; room];
            let mut buffer = ReadBuf::new(&mut buffer);
            match Pin::new(&mut guard).poll_read(&mut cx, &mut buffer) {
                Poll::Ready(Ok(())) if buffer.filled().is_empty() => break,
                Poll::Ready(read) => assert!(read.is_ok()),
                Poll::Pending => continue,
            }
            assert!(room == 1 || buffer.filled().len() < room, "{room}");
            delivered.extend_from_slice(buffer.filled());
        }
        assert_eq!(String::from_utf8_lossy(&delivered), stream, "{room}");
    }
}

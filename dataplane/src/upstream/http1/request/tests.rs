//! Requests as they are written to a backend.

use super::*;
use std::task::Waker;

/// Accepts a few bytes at a time, which may span several slices.
struct PartialWrites {
    at_a_time: usize,
    written: Vec<u8>,
}

impl AsyncWrite for PartialWrites {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let len = bytes.len().min(self.at_a_time);
        self.written.extend_from_slice(&bytes[..len]);
        Poll::Ready(Ok(len))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let all = slices.iter().flat_map(|slice| slice.iter().copied()).collect::<Vec<_>>();
        self.poll_write(cx, &all)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

fn head(fields: &[(&str, &str)]) -> Parts {
    let mut request = http::Request::post("/a?b");
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    request.body(()).unwrap().into_parts().0
}

#[test]
fn partial_writes_send_everything_in_order() {
    let trailers = head(&[("sum", "7"), ("other", "8"), ("host", "a")]).headers;
    let frames = || {
        [
            Frame::data(Bytes::from_static(b"hello ")),
            Frame::data(Bytes::new()),
            Frame::data(Bytes::from_static(b"world, here I am")),
            Frame::trailers(trailers.clone()),
        ]
    };
    let mut added = AddedFields::default();
    added.push(HeaderName::from_static("via"), http::HeaderValue::from_static("1.1 a"));
    for at_a_time in 1..60 {
        let mut io = PartialWrites { at_a_time, written: Vec::new() };
        let mut cx = Context::from_waker(Waker::noop());
        let mut outgoing = Outgoing::default();
        outgoing.begin(&mut RequestToSend {
            head: &mut head(&[("x", "y"), ("content-length", "9")]),
            added: &added,
            body: &mut RequestBody::empty(),
        });
        let announces = head(&[("trailer", "a, Sum,Host")]);
        outgoing.coding = Coding::Chunked(announced(&announces.headers));
        for frame in frames() {
            outgoing.push(frame, false).unwrap();
            assert!(outgoing.poll_write_all(&mut io, &mut cx).is_ready());
        }
        assert!(matches!(outgoing.coding, Coding::Ended));
        let expected = "POST /a?b HTTP/1.1\r\nx: y\r\nvia: 1.1 a\r\ncontent-length: 0\r\n\r\n6\r\nhello \r\n\
                        10\r\nworld, here I am\r\n0\r\nsum: 7\r\n\r\n";
        assert_eq!(String::from_utf8(io.written).unwrap(), expected, "{at_a_time}");
    }
}

#[test]
fn a_body_is_as_long_as_announced_or_an_error() {
    let data = || Frame::data(Bytes::from_static(b"abc"));
    for (length, is_last, is_valid) in
        [(3, true, true), (4, false, true), (4, true, false), (2, false, false), (2, true, false)]
    {
        let coding = Coding::Length(length);
        let mut outgoing = Outgoing { coding, ..Outgoing::default() };
        assert_eq!(outgoing.push(data(), is_last).is_ok(), is_valid, "{length} {is_last}");
    }
    let mut outgoing = Outgoing { coding: Coding::Length(1), ..Outgoing::default() };
    assert!(outgoing.end().is_err());
}

#[test]
fn the_last_chunk_follows_the_data_at_once() {
    for (data, is_last, expected) in
        [("abc", true, "3\r\nabc\r\n0\r\n\r\n"), ("", false, "0\r\n\r\n")]
    {
        let mut io = PartialWrites { at_a_time: 9, written: Vec::new() };
        let mut outgoing = Outgoing { coding: Coding::Chunked(vec![]), ..Outgoing::default() };
        outgoing.push(Frame::data(data.into()), is_last).unwrap();
        if !is_last {
            outgoing.end().unwrap();
        }
        let mut cx = Context::from_waker(Waker::noop());
        assert!(outgoing.poll_write_all(&mut io, &mut cx).is_ready());
        assert_eq!(String::from_utf8(io.written).unwrap(), expected);
    }
}

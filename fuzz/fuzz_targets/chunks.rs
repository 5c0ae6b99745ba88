//! A request's chunked body ends at the same place however it arrives, and where hyper ends it: or
//! one client's body becomes another's request. The decoder of responses agrees too.

#![no_main]

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::{
    Request, Response,
    body::Incoming,
    rt::{Read, ReadBufCursor, Write},
    server::conn::http1,
    service::service_fn,
};
use libfuzzer_sys::fuzz_target;
use portico_dataplane::fuzzing::{BodyEnd, backend_response, request_chunks};
use std::{
    cell::Cell,
    convert::Infallible,
    io,
    pin::Pin,
    task::{Context, Poll, Waker},
};

const REQUEST: &[u8] = b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n";
const RESPONSE: &[u8] = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";

fuzz_target!(|body: &[u8]| {
    let end = request_chunks([body]);
    for step in [1, 2, 7] {
        assert_eq!(request_chunks(body.chunks(step)), end);
    }
    let by_hyper = end_by_hyper(body);
    let response = backend_response([RESPONSE, body], false);
    let by_responses = response.complete.then(|| body.len() - response.rest.len());
    for other in [by_hyper, by_responses] {
        match end {
            // Others may find more to object to, but no other end.
            BodyEnd::At(end) => assert!(other.is_none_or(|other| other == end)),
            BodyEnd::Open => assert_eq!(other, None),
            // Nothing behind a byte that is malformed reaches anyone.
            BodyEnd::Malformed(good) => assert!(other.is_none_or(|other| other > good)),
        }
    }
});

/// How many bytes hyper's server takes for the body; `None` where the body is not whole, or bad.
fn end_by_hyper(body: &[u8]) -> Option<usize> {
    let client = Client { unread: [REQUEST, body].concat(), read: 0 };
    let whole = Cell::new(false);
    let service = service_fn(|request: Request<Incoming>| async {
        whole.set(request.into_body().collect().await.is_ok());
        Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new()))
    });
    let mut connection = http1::Builder::new().keep_alive(false).serve_connection(client, service);
    let mut context = Context::from_waker(Waker::noop());
    // Now and then it lets others have a turn.
    while Pin::new(&mut connection).poll(&mut context).is_pending() {}
    let parts = connection.into_parts();
    let taken = parts.io.read - parts.read_buf.len();
    whole.get().then(|| taken - REQUEST.len())
}

/// A client that has sent everything, and takes every answer.
struct Client {
    unread: Vec<u8>,
    read: usize,
}

impl Read for Client {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        mut buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let here = buffer.remaining().min(self.unread.len() - self.read);
        buffer.put_slice(&self.unread[self.read..][..here]);
        self.read += here;
        Poll::Ready(Ok(()))
    }
}

impl Write for Client {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

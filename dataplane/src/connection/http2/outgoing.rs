//! A response on its way to the client. Its body is read from the backend only as fast as the
//! client makes room for it.

use super::{super::tunnel, date, stream::Stream, tunnel::Tunnel, websocket};
use crate::{
    proxy::{ResponseBody, Upgraded},
    refusal::Refusal,
};
use bytes::Bytes;
use h2::{Reason, SendStream};
use http::{HeaderName, HeaderValue, Method, Response, StatusCode, header, response::Parts};
use hyper::body::{Body, Frame};
use std::{
    cell::RefCell,
    future::{Future, poll_fn},
    pin::{Pin, pin},
    rc::Rc,
    task::{Context, Poll, ready},
};

/// A response that cannot be sent to its end. Its stream is reset when it is dropped, which leaves
/// its head (CANCEL, RFC 9113 §7): a reset that took the head back would make clients send the
/// request again.
struct CutOff;

/// Fields that HTTP/2 has no use for (RFC 9113 §8.2.2).
const NOT_IN_HTTP_2: [HeaderName; 5] = [
    header::CONNECTION,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
];

/// Sends a response to a request of this method, as far as that is possible.
pub(super) async fn send(
    stream: &Rc<Stream>,
    method: &Method,
    response: Response<ResponseBody<Stream>>,
) {
    let (mut head, body) = response.into_parts();
    if let Some(upgraded) = stream.upgraded.take() {
        // Boxed, so that other responses don't carry its state.
        return Box::pin(pass_websocket(stream, head, upgraded)).await;
    }
    let (is_head, is_empty) = (method == Method::HEAD, has_no_content(head.status));
    let length = body.size_hint().exact().filter(|length| !is_head || *length > 0);
    let left = complete(&mut head, length);
    let has_content = !is_head && !is_empty;
    let is_whole = !has_content || (body.is_end_stream() && left.unwrap_or(0) == 0);
    let sender = begin(stream, head, is_whole);
    let Some(sender) = sender.filter(|_| !is_whole) else { return };
    let data = Bytes::new();
    let mut outgoing = Outgoing { stream, sender, body, data, is_last: false, left };
    let _ = poll_fn(|cx| outgoing.poll_send(cx)).await;
}

/// Sends the head of a response, after which the client is not asked for its body.
fn begin(stream: &Stream, head: Parts, is_whole: bool) -> Option<SendStream<Bytes>> {
    stream.begin_response();
    let mut respond = stream.respond.borrow_mut();
    let sent = respond.send_response(Response::from_parts(head, ()), is_whole);
    // Fails if the stream has ended.
    sent.inspect_err(|_| respond.send_reset(Reason::INTERNAL_ERROR)).ok()
}

/// Accepts a WebSocket, and passes on what follows both ways.
async fn pass_websocket(stream: &Rc<Stream>, mut head: Parts, upgraded: Upgraded) {
    websocket::accept(&mut head);
    complete(&mut head, None);
    let Some(sender) = begin(stream, head, false) else { return };
    let sender = Rc::new(RefCell::new(sender));
    let client = Tunnel::new(stream.clone(), sender.clone());
    let run = tunnel::run(upgraded, client, [Bytes::new(), Bytes::new()], &stream.request.deadline);
    let mut run = pin!(run);
    poll_fn(|cx| {
        stream.read_ahead(cx);
        // A client may have ended its side and leave later.
        if sender.borrow_mut().poll_reset(cx).is_ready() {
            return Poll::Ready(());
        }
        run.as_mut().poll(cx)
    })
    .await;
    // Without an end, what has been handed on would be dropped. Fails if there is one.
    let _ = sender.borrow_mut().send_data(Bytes::new(), true);
}

/// Whether no response with this status has content (RFC 9110 §6.4.1).
fn has_no_content(status: StatusCode) -> bool {
    status.is_informational()
        || [StatusCode::NO_CONTENT, StatusCode::NOT_MODIFIED].contains(&status)
}

/// Makes a head that of an HTTP/2 response, which tells this length unless it tells one already;
/// returns the length that it tells.
fn complete(head: &mut Parts, length: Option<u64>) -> Option<u64> {
    let headers = &mut head.headers;
    for name in NOT_IN_HTTP_2 {
        headers.remove(name);
    }
    headers.entry(header::DATE).or_insert_with(date::now);
    if has_no_content(head.status) {
        // What it would be, a 304 may tell, and does not over HTTP/1.1 either.
        headers.remove(header::CONTENT_LENGTH);
        return None;
    }
    if let Some(length) = headers.get(header::CONTENT_LENGTH) {
        return length.to_str().ok()?.parse().ok();
    }
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length?));
    length
}

/// A body that is being sent.
struct Outgoing<'s> {
    stream: &'s Rc<Stream>,
    sender: SendStream<Bytes>,
    body: ResponseBody<Stream>,
    /// What has been read from the body and not handed on.
    data: Bytes,
    /// Whether nothing follows it.
    is_last: bool,
    /// The length of what has not been read, if the head tells.
    left: Option<u64>,
}

impl Outgoing<'_> {
    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), CutOff>> {
        self.stream.request.deadline.tick();
        self.stream.read_ahead(cx);
        if self.sender.poll_reset(cx).is_ready() {
            // The stream has ended already.
            return Poll::Ready(Err(CutOff));
        }
        loop {
            if !self.data.is_empty() {
                ready!(self.poll_hand_on(cx))?;
                continue;
            }
            if self.is_last {
                return Poll::Ready(Ok(()));
            }
            match ready!(Pin::new(&mut self.body).poll_frame(cx)) {
                Some(Ok(frame)) => self.take(frame)?,
                Some(Err(_)) => return Poll::Ready(Err(CutOff)),
                None => self.end(None)?,
            }
        }
    }

    /// Hands on as much data as the client has room for.
    fn poll_hand_on(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), CutOff>> {
        self.sender.reserve_capacity(self.data.len());
        let room = self.sender.capacity();
        if room == 0 {
            return match self.sender.poll_capacity(cx) {
                Poll::Ready(Some(Ok(_))) => Poll::Ready(Ok(())),
                Poll::Ready(Some(Err(_)) | None) => Poll::Ready(Err(CutOff)),
                Poll::Pending if self.stream.request.deadline.poll_expired(cx) => {
                    Poll::Ready(Err(CutOff))
                }
                Poll::Pending => {
                    self.stream.set_stalled(true);
                    Poll::Pending
                }
            };
        }
        let piece = self.data.split_to(room.min(self.data.len()));
        let is_last = self.is_last && self.data.is_empty();
        let length = piece.len();
        self.sender.send_data(piece, is_last).map_err(|_| CutOff)?;
        self.stream.hand_on(length);
        let state = &self.stream.request;
        state.deadline.set(state.response_idle.get());
        self.stream.hold(self.data.len());
        self.stream.set_stalled(false);
        Poll::Ready(Ok(()))
    }

    /// Takes a frame of the body. One that is longer than the head tells is not sent.
    fn take(&mut self, frame: Frame<Bytes>) -> Result<(), CutOff> {
        let data = match frame.into_data() {
            Ok(data) => data,
            Err(frame) => return self.end(frame.into_trailers().ok()),
        };
        // It is held here, and by the library only as far as the client has room for it.
        self.stream.request.unwritten.set(0);
        self.left = match self.left {
            Some(left) => match left.checked_sub(data.len() as u64) {
                Some(left) => Some(left),
                None => return Err(self.cut_off(Refusal::BackendMalformed)),
            },
            None => None,
        };
        self.stream.hold(data.len());
        if self.body.is_end_stream() {
            if data.is_empty() {
                return self.end(None);
            }
            self.is_last = self.left.is_none_or(|left| left == 0);
        }
        self.data = data;
        Ok(())
    }

    /// Ends the body, unless it is shorter than the head tells.
    fn end(&mut self, trailers: Option<http::HeaderMap>) -> Result<(), CutOff> {
        if self.left.is_some_and(|left| left > 0) {
            return Err(self.cut_off(Refusal::BackendBroken));
        }
        let sent = match trailers {
            Some(trailers) => self.sender.send_trailers(trailers),
            None => self.sender.send_data(Bytes::new(), true),
        };
        self.is_last = sent.is_ok();
        sent.map_err(|_| CutOff)
    }

    /// The body is not what its head tells.
    fn cut_off(&mut self, refusal: Refusal) -> CutOff {
        self.body.cut_off(Some(refusal));
        CutOff
    }
}

impl Drop for Outgoing<'_> {
    /// Whatever has not been handed on does not reach the client.
    fn drop(&mut self) {
        if !self.is_last || !self.data.is_empty() {
            self.body.cut_off(None);
        }
    }
}

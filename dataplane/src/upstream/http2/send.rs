//! A request over HTTP/2, until the head of its response.

use super::{
    super::{
        RequestToSend,
        error::{Fate, Malformed, Phase, UpstreamError, of_http2},
        interim::Interims,
        too_many_fields,
    },
    Http2,
    body::Http2Body,
    io::end_data,
    outgoing::Outgoing,
    tunnel::Tunnel,
    websocket,
};
use crate::request::{BoxError, RequestBody};
use bytes::Bytes;
use h2::{Reason, RecvStream, SendStream, client::ResponseFuture};
use http::{HeaderName, HeaderValue, Request, Response, Version, header};
use hyper::body::Body;
use std::{
    future::{Future, poll_fn},
    mem,
    pin::Pin,
    task::{Context, Poll},
};

/// Fields that HTTP/2 has no use for (RFC 9113 §8.2.2); the authority is in the target (§8.3.1).
const NOT_IN_HTTP_2: [HeaderName; 6] = [
    header::HOST,
    header::CONNECTION,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
];

/// What has become of an extended CONNECT.
pub(in super::super) enum Connected {
    /// The backend has accepted it: the response to the handshake, and what follows.
    Tunnel(Response<()>, Tunnel),
    /// The backend has declined it, with this response.
    Declined(Response<Http2Body>),
}

impl Http2 {
    /// Sends a request and waits for the head of its response, of at most `max_fields` fields. The
    /// rest of the body is sent while the response's body is read. The head is unchanged, and so is
    /// the body after an error that counts as unsent or unprocessed.
    pub(in super::super) async fn send(
        self,
        request: &mut RequestToSend<'_>,
        max_fields: usize,
        interims: &mut Interims<'_>,
    ) -> Result<Response<Http2Body>, UpstreamError> {
        let is_whole = request.body.is_end_stream();
        let (response, stream) = self.begin(http2_request(request), is_whole).await?;
        let body = &mut *request.body;
        let sent_body = mem::take(body);
        let outgoing = Outgoing::new(sent_body, stream);
        let exchange = Exchange { response, outgoing, interims, max_fields };
        let (response, outgoing) = exchange.head(body).await?;
        Ok(self.responded(response, outgoing))
    }

    /// Sends the handshake of a WebSocket as an extended CONNECT, which the backend
    /// [takes](Self::takes_connect), and waits for the head of its response.
    pub(in super::super) async fn connect(
        self,
        request: &RequestToSend<'_>,
        max_fields: usize,
        interims: &mut Interims<'_>,
    ) -> Result<Connected, UpstreamError> {
        let mut request = http2_request(request);
        let accept = websocket::begin(&mut request).ok_or(Phase::Upgrade)?;
        let (response, mut stream) = self.begin(request, false).await?;
        let exchange = Exchange { response, outgoing: Outgoing::nothing(), interims, max_fields };
        let (response, outgoing) = exchange.head(&mut RequestBody::empty()).await?;
        if response.status().is_success() {
            let (mut head, incoming) = response.into_parts();
            websocket::accept(&mut head, accept);
            let tunnel = Tunnel::new(stream, incoming, self);
            return Ok(Connected::Tunnel(Response::from_parts(head, ()), tunnel));
        }
        // An error is a stream that has ended, which its response tells.
        let _ = end_data(&mut stream);
        Ok(Connected::Declined(self.responded(response, outgoing)))
    }

    /// Sends a request's head once the connection has room for it.
    async fn begin(
        &self,
        request: Request<()>,
        is_whole: bool,
    ) -> Result<(ResponseFuture, SendStream<Bytes>), UpstreamError> {
        let unsent = |error| UpstreamError::exchange(Fate::Unsent, of_http2(error));
        let mut sender = self.0.sender.clone();
        poll_fn(|cx| sender.poll_ready(cx)).await.map_err(unsent)?;
        sender.send_request(request, is_whole).map_err(unsent)
    }

    fn responded(self, response: Response<RecvStream>, outgoing: Outgoing) -> Response<Http2Body> {
        let (mut head, stream) = response.into_parts();
        // h2 refuses lengths that are invalid or differ; one that is repeated is passed on once.
        let length = head.headers.get(header::CONTENT_LENGTH).cloned();
        if let Some(length) = &length {
            head.headers.insert(header::CONTENT_LENGTH, length.clone());
        }
        let length = length.and_then(|length| length.to_str().ok()?.parse().ok());
        Response::from_parts(head, Http2Body::new(outgoing, stream, length, self))
    }
}

/// A request whose response has not begun.
struct Exchange<'e, 'r> {
    response: ResponseFuture,
    outgoing: Outgoing,
    interims: &'e mut Interims<'r>,
    /// Limit for the number of fields in a head.
    max_fields: usize,
}

/// Why a response does not begin.
enum Failure {
    /// The stream or its connection has ended.
    Stream(h2::Error),
    /// The request's body has failed, or there are too many interim responses.
    Other(BoxError),
}

impl Exchange<'_, '_> {
    /// Waits for the response's head, and returns what is left of the request. Gives `body` back if
    /// the backend did nothing with it.
    async fn head(
        mut self,
        body: &mut RequestBody,
    ) -> Result<(Response<RecvStream>, Outgoing), UpstreamError> {
        let response = match poll_fn(|cx| self.poll_head(cx)).await {
            Ok(response) => response,
            Err(Failure::Stream(error)) => return Err(self.failed(error, body)),
            Err(Failure::Other(error)) => {
                return Err(UpstreamError::exchange(Fate::Answered, error));
            }
        };
        self.outgoing.commit();
        if response.headers().len() > self.max_fields {
            let error = too_many_fields(self.max_fields);
            return Err(UpstreamError::exchange(Fate::Answered, error));
        }
        Ok((response, self.outgoing))
    }

    fn poll_head(&mut self, cx: &mut Context<'_>) -> Poll<Result<Response<RecvStream>, Failure>> {
        if let Poll::Ready(Err(error)) = self.outgoing.poll_send(cx) {
            return Poll::Ready(Err(Failure::Other(error)));
        }
        while let Poll::Ready(Some(interim)) = self.response.poll_informational(cx) {
            let interim = interim.map_err(Failure::Stream)?;
            self.receive(interim).map_err(|malformed| Failure::Other(malformed.into()))?;
        }
        Pin::new(&mut self.response).poll(cx).map_err(Failure::Stream)
    }

    fn receive(&mut self, interim: Response<()>) -> Result<(), Malformed> {
        if interim.headers().len() > self.max_fields {
            return Err(too_many_fields(self.max_fields));
        }
        self.interims.receive(interim)
    }

    /// What has become of the request; gives its body back if the backend did nothing with it.
    fn failed(mut self, error: h2::Error, body: &mut RequestBody) -> UpstreamError {
        let is_refused = error.is_reset() && error.reason() == Some(Reason::REFUSED_STREAM);
        // h2 reports a GOAWAY to the streams above its last one only.
        let fate = if error.is_remote() && (is_refused || error.is_go_away()) {
            match self.outgoing.take_whole() {
                Some(whole) => {
                    *body = whole;
                    Fate::Unprocessed
                }
                None => Fate::Answered,
            }
        } else if error.is_reset() || self.interims.has_begun() {
            Fate::Answered
        } else {
            // The connection has ended.
            Fate::Unanswered
        };
        UpstreamError::exchange(fate, of_http2(error))
    }
}

/// The request as HTTP/2 carries it; the body determines its length, whatever the head says.
fn http2_request(outgoing: &RequestToSend<'_>) -> Request<()> {
    let RequestToSend { head, added, body } = outgoing;
    let mut request = Request::new(());
    *request.method_mut() = head.method.clone();
    *request.uri_mut() = head.uri.clone();
    *request.version_mut() = Version::HTTP_2;
    let headers = request.headers_mut();
    *headers = head.headers.clone();
    headers.extend(added.iter().map(|(name, value)| (name.clone(), value.clone())));
    for name in NOT_IN_HTTP_2 {
        headers.remove(name);
    }
    let has_length = headers.contains_key(header::CONTENT_LENGTH);
    match body.size_hint().exact() {
        Some(0) if !has_length => {}
        Some(length) => {
            headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
        }
        None => {
            headers.remove(header::CONTENT_LENGTH);
        }
    }
    request
}

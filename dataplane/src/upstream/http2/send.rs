//! A request over HTTP/2, until the head of its response.

use super::{
    super::{
        MAX_INTERIM,
        error::{Fate, UpstreamError, of_http2},
        too_many_fields, too_many_interim,
    },
    Http2,
    body::Http2Body,
    outgoing::Outgoing,
};
use crate::request::{BoxError, RequestBody};
use h2::{Reason, RecvStream, client::ResponseFuture};
use http::{HeaderName, HeaderValue, Request, Response, Version, header, request::Parts};
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

impl Http2 {
    /// Sends a request and waits for the head of its response, of at most `max_fields` fields. The
    /// rest of the body is sent while the response's body is read. `head` is unchanged, and so is
    /// `body` after an error that counts as unsent or unprocessed.
    pub(in super::super) async fn send(
        self,
        head: &Parts,
        body: &mut RequestBody,
        max_fields: usize,
    ) -> Result<Response<Http2Body>, UpstreamError> {
        let unsent = |error| UpstreamError::exchange(Fate::Unsent, of_http2(error));
        let mut sender = self.0.sender.clone();
        poll_fn(|cx| sender.poll_ready(cx)).await.map_err(unsent)?;
        let request = request(head, body);
        let (response, stream) =
            sender.send_request(request, body.is_end_stream()).map_err(unsent)?;
        let sent_body = mem::replace(body, RequestBody::empty());
        let mut exchange =
            Exchange { response, outgoing: Outgoing::new(sent_body, stream), interim: 0 };
        let response = match poll_fn(|cx| exchange.poll_head(cx)).await {
            Ok(response) => response,
            Err(Failure::Stream(error)) => return Err(exchange.failed(error, body)),
            Err(Failure::Other(error)) => {
                return Err(UpstreamError::exchange(Fate::Answered, error));
            }
        };
        exchange.outgoing.commit();
        if response.headers().len() > max_fields {
            return Err(UpstreamError::exchange(Fate::Answered, too_many_fields(max_fields)));
        }
        Ok(self.responded(response, exchange.outgoing))
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
struct Exchange {
    response: ResponseFuture,
    outgoing: Outgoing,
    /// How many interim responses have arrived.
    interim: usize,
}

/// Why a response does not begin.
enum Failure {
    /// The stream or its connection has ended.
    Stream(h2::Error),
    /// The request's body has failed, or there are too many interim responses.
    Other(BoxError),
}

impl Exchange {
    fn poll_head(&mut self, cx: &mut Context<'_>) -> Poll<Result<Response<RecvStream>, Failure>> {
        if let Poll::Ready(Err(error)) = self.outgoing.poll_send(cx) {
            return Poll::Ready(Err(Failure::Other(error)));
        }
        // Interim responses are dropped: nothing here asked for one (RFC 9110 §15.2).
        while let Poll::Ready(Some(interim)) = self.response.poll_informational(cx) {
            if let Err(error) = interim {
                return Poll::Ready(Err(Failure::Stream(error)));
            }
            self.interim += 1;
            if self.interim > MAX_INTERIM {
                return Poll::Ready(Err(Failure::Other(too_many_interim().into())));
            }
        }
        Pin::new(&mut self.response).poll(cx).map_err(Failure::Stream)
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
        } else if error.is_reset() || self.interim > 0 {
            Fate::Answered
        } else {
            // The connection has ended.
            Fate::Unanswered
        };
        UpstreamError::exchange(fate, of_http2(error))
    }
}

/// The request as HTTP/2 carries it; the body determines its length, whatever the head says.
fn request(head: &Parts, body: &RequestBody) -> Request<()> {
    let mut request = Request::new(());
    *request.method_mut() = head.method.clone();
    *request.uri_mut() = head.uri.clone();
    *request.version_mut() = Version::HTTP_2;
    let headers = request.headers_mut();
    *headers = head.headers.clone();
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

//! Responses of the admin port.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode, header};
use http_body_util::Full;
use hyper::body::{Body, Frame, SizeHint};
use serde::Serialize;
use std::{
    convert::Infallible,
    error::Error,
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};
use tokio::{sync::mpsc, task::spawn_blocking};

/// A response of the admin port.
pub(super) type Response = http::Response<Content>;

/// Its body.
#[derive(Debug)]
pub(super) enum Content {
    /// All at once.
    Whole(Full<Bytes>),
    /// Piece by piece, as they come.
    Events(mpsc::Receiver<Bytes>),
}

impl Body for Content {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.get_mut() {
            Self::Whole(whole) => Pin::new(whole).poll_frame(cx),
            Self::Events(pieces) => pieces.poll_recv(cx).map(|piece| Some(Ok(Frame::data(piece?)))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(whole) => whole.is_end_stream(),
            Self::Events(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(whole) => whole.size_hint(),
            Self::Events(_) => SizeHint::default(),
        }
    }
}

/// The Prometheus text format, which every scraper supports.
pub(super) const METRICS: HeaderValue =
    HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
pub(super) const PLAIN: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
pub(super) const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// What every response says to browsers: nothing of it is kept, guessed at, framed, or given to
/// other sites.
const ALWAYS: [(HeaderName, HeaderValue); 5] = [
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        HeaderValue::from_static("same-origin"),
    ),
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"),
    ),
];

pub(super) fn respond(
    status: StatusCode,
    content_type: HeaderValue,
    body: impl Into<Bytes>,
) -> Response {
    with_content(status, content_type, Content::Whole(Full::new(body.into())))
}

pub(super) fn with_content(
    status: StatusCode,
    content_type: HeaderValue,
    content: Content,
) -> Response {
    let mut response = Response::new(content);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.extend(ALWAYS);
    headers.insert(header::CONTENT_TYPE, content_type);
    response
}

/// Large pages take a while: that is kept off the thread that answers probes.
pub(super) async fn json(page: Arc<impl Serialize + Send + Sync + 'static>) -> Response {
    let json = spawn_blocking(move || serde_json::to_vec_pretty(&*page).map_err(io::Error::from));
    match json.await.unwrap_or_else(|error| Err(error.into())) {
        Ok(json) => respond(StatusCode::OK, JSON, json),
        Err(error) => internal_error(&error),
    }
}

/// A small page, on one line.
pub(super) fn compact_json(status: StatusCode, page: &impl Serialize) -> Response {
    match serde_json::to_vec(page) {
        Ok(json) => respond(status, JSON, json),
        Err(error) => internal_error(&error),
    }
}

pub(super) fn internal_error(error: &dyn Error) -> Response {
    respond(StatusCode::INTERNAL_SERVER_ERROR, PLAIN, format!("{error}\n"))
}

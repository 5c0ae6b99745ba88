//! Requests to another process, bounded in time and size.

use bytes::Bytes;
use http::{Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Empty, LengthLimitError, Limited};
use hyper_util::{
    client::legacy::{
        self,
        connect::{Connect, HttpConnector},
    },
    rt::TokioExecutor,
};
use kube::{Config, client::ConfigExt};
use std::{error::Error, io, iter, time::Duration};
use tokio::time::timeout;

/// How long connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a request may take, from connecting to the last byte: somewhat longer than Prometheus
/// works on a query.
const TIMEOUT: Duration = Duration::from_secs(150);
/// The largest response: that of 10,000 Routes is a tenth of it.
const MAX_BYTES: usize = 64 << 20;

/// Why there is no response.
#[derive(Debug, thiserror::Error)]
pub(super) enum FetchError {
    #[error("nobody listens there")]
    Refused,
    #[error("cannot connect: {0}")]
    Connect(String),
    #[error("no response within {} s", TIMEOUT.as_secs())]
    Timeout,
    #[error("the response is larger than {} MiB", MAX_BYTES >> 20)]
    TooLarge,
    #[error("the response is broken: {0}")]
    Broken(String),
}

/// A client for a few requests.
pub(super) struct Client<C>(legacy::Client<C, Empty<Bytes>>);

fn connector() -> HttpConnector {
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_connect_timeout(Some(CONNECT_TIMEOUT));
    tcp
}

impl Client<HttpConnector> {
    /// A client for plain HTTP.
    pub(super) fn plain() -> Self {
        Self(legacy::Client::builder(TokioExecutor::new()).build(connector()))
    }
}

/// A client for HTTPS, which trusts the authorities that the system trusts.
///
/// # Errors
/// If the system has none.
pub(super) fn secure() -> Result<Client<impl Connect + Clone + Send + Sync + 'static>, FetchError> {
    // The address is given with each request.
    let connector = Config::new(Uri::from_static("https://localhost"))
        .rustls_https_connector_with_connector(connector())
        .map_err(|error| FetchError::Connect(chain(&error)))?;
    Ok(Client(legacy::Client::builder(TokioExecutor::new()).build(connector)))
}

impl<C: Connect + Clone + Send + Sync + 'static> Client<C> {
    /// Gets a page, whatever its status.
    ///
    /// # Errors
    /// If there is no complete response in time.
    pub(super) async fn get(&self, uri: Uri) -> Result<Response<Bytes>, FetchError> {
        timeout(TIMEOUT, self.fetch(uri)).await.unwrap_or(Err(FetchError::Timeout))
    }

    async fn fetch(&self, uri: Uri) -> Result<Response<Bytes>, FetchError> {
        let mut request = Request::new(Empty::new());
        *request.uri_mut() = uri;
        let response = self.0.request(request).await.map_err(|error| {
            let io = causes(&error).find_map(|cause| cause.downcast_ref::<io::Error>());
            match io.map(io::Error::kind) {
                Some(io::ErrorKind::ConnectionRefused) => FetchError::Refused,
                _ if error.is_connect() => FetchError::Connect(chain(&error)),
                _ => FetchError::Broken(chain(&error)),
            }
        })?;
        let (head, body) = response.into_parts();
        match Limited::new(body, MAX_BYTES).collect().await {
            Ok(body) => Ok(Response::from_parts(head, body.to_bytes())),
            Err(error) if error.is::<LengthLimitError>() => Err(FetchError::TooLarge),
            Err(error) => Err(FetchError::Broken(chain(&*error))),
        }
    }
}

/// What a response with this status says of itself: its first line, if it is a short text.
pub(super) fn excuse(status: StatusCode, body: &[u8]) -> String {
    let line = str::from_utf8(body).unwrap_or_default().lines().next().unwrap_or_default();
    let is_text = !line.is_empty() && line.len() <= 400 && !line.starts_with('<');
    if is_text { format!("{status}: {line}") } else { status.to_string() }
}

type Cause<'e> = &'e (dyn Error + 'static);

/// The error itself, and what it is because of.
fn causes<'e>(error: Cause<'e>) -> impl Iterator<Item = Cause<'e>> {
    iter::successors(Some(error), |error: &Cause<'e>| (*error).source())
}

/// An error and its causes, unless they are said already.
fn chain(error: Cause<'_>) -> String {
    let mut parts: Vec<String> = Vec::new();
    for cause in causes(error).map(ToString::to_string) {
        if !parts.iter().any(|part| part.contains(&cause)) {
            parts.push(cause);
        }
    }
    parts.join(": ")
}

//! A client of a collector's HTTP port (OTLP/HTTP with protobuf).

use crate::cli::TelemetrySettings;
use anyhow::Context;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use prost::Message;
use rustls::{
    ClientConfig, RootCertStore,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, pem::PemObject},
};
use std::{error::Error, fmt, path::Path, sync::Arc, time::Duration};
use tokio::time::timeout;

/// How long a collector may take to respond.
const TIMEOUT: Duration = Duration::from_secs(10);
/// How much of its response is read.
const MAX_RESPONSE_BYTES: usize = 64 * 1024;
/// How much of the reason that it gives is shown.
const MAX_REASON_BYTES: usize = 200;
/// The longest `Retry-After` that is waited for.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(30);

/// A client of a collector.
#[derive(Debug)]
pub(super) struct Collector {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    endpoint: String,
    headers: HeaderMap,
}

/// Why a collector has not taken what it was sent.
#[derive(Debug)]
pub(super) struct Failure {
    why: String,
    /// Whether it may be sent again, and how long to wait before at least.
    pub(super) retry: Option<Duration>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.why)
    }
}

impl Failure {
    fn final_one(why: String) -> Self {
        Self { why, retry: None }
    }

    fn passing(why: String) -> Self {
        Self { why, retry: Some(Duration::ZERO) }
    }
}

impl Collector {
    /// The client of that collector; connects when there is something to send.
    pub(super) fn new(settings: &TelemetrySettings) -> anyhow::Result<Self> {
        let roots = match &settings.certificates {
            None => RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() },
            Some(path) => authorities(path).with_context(|| {
                let path = path.display();
                format!(
                    "OTEL_EXPORTER_OTLP_CERTIFICATE={path}: must be a PEM file with certificates"
                )
            })?,
        };
        let tls = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let https =
            HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1();
        let client = Client::builder(TokioExecutor::new()).build(https.build());
        let mut headers = HeaderMap::new();
        let agent = HeaderValue::from_static(concat!("portico/", env!("CARGO_PKG_VERSION")));
        headers.insert(header::USER_AGENT, agent);
        headers.extend(settings.headers.iter().cloned());
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-protobuf"));
        Ok(Self { client, endpoint: settings.endpoint.clone(), headers })
    }

    /// The base of its URLs.
    pub(super) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Sends a message to this path, and returns the response.
    pub(super) async fn send<T: Message + Default>(
        &self,
        path: &str,
        message: &impl Message,
    ) -> Result<T, Failure> {
        let mut request = Request::post(format!("{}{path}", self.endpoint))
            .body(Full::from(message.encode_to_vec()))
            .map_err(|error| Failure::final_one(error.to_string()))?;
        *request.headers_mut() = self.headers.clone();
        match timeout(TIMEOUT, self.exchange(request)).await {
            Ok(Ok(body)) => T::decode(body).map_err(|error| {
                Failure::final_one(format!("its response is not that of a collector: {error}"))
            }),
            Ok(Err(failure)) => Err(failure),
            Err(_) => Err(Failure::passing(format!("no response within {TIMEOUT:?}"))),
        }
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<Bytes, Failure> {
        let failed = |error: &dyn Error| Failure::passing(root_cause(error));
        let response = self.client.request(request).await.map_err(|error| failed(&error))?;
        let (head, body) = response.into_parts();
        let body = Limited::new(body, MAX_RESPONSE_BYTES).collect().await;
        let body = body.map_err(|error| failed(&*error))?.to_bytes();
        if head.status.is_success() {
            return Ok(body);
        }
        // In protobuf, but what it says can be read in it.
        let said: String = String::from_utf8_lossy(&body)
            .chars()
            .filter(|c| !c.is_control())
            .take(MAX_REASON_BYTES)
            .collect();
        Err(Failure {
            why: format!("{} {said}", head.status).trim_end().to_owned(),
            retry: is_retryable(head.status).then(|| retry_after(&head.headers)),
        })
    }
}

/// Whether what got this status may be sent again (OTLP, "Retryable Response Codes").
fn is_retryable(status: StatusCode) -> bool {
    matches!(status.as_u16(), 429 | 502 | 503 | 504)
}

fn retry_after(headers: &HeaderMap) -> Duration {
    let value = headers.get(header::RETRY_AFTER).and_then(|value| value.to_str().ok());
    let seconds = value.and_then(|value| value.trim().parse().ok());
    seconds.map_or(Duration::ZERO, Duration::from_secs).min(MAX_RETRY_AFTER)
}

fn authorities(path: &Path) -> anyhow::Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path)? {
        roots.add(certificate?)?;
    }
    anyhow::ensure!(!roots.is_empty(), "there is none");
    Ok(roots)
}

/// The errors around it only say which library reported it.
fn root_cause(error: &dyn Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

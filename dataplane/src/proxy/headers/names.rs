//! Names of the fields that report who the client is.

use http::HeaderName;

/// `X-Forwarded-For`: the client's address, then each proxy's.
pub(in crate::proxy) const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
/// `X-Forwarded-Proto`: the scheme that the client used.
pub(in crate::proxy) const FORWARDED_PROTO: HeaderName =
    HeaderName::from_static("x-forwarded-proto");
/// `X-Forwarded-Host`: the Host that the client sent.
pub(in crate::proxy) const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
/// `X-Forwarded-Port`: the port that the client dialled.
pub(in crate::proxy) const FORWARDED_PORT: HeaderName = HeaderName::from_static("x-forwarded-port");
/// `X-Real-IP`: the client's address.
pub(in crate::proxy) const REAL_IP: HeaderName = HeaderName::from_static("x-real-ip");
/// `Client-Cert`: the client's certificate (RFC 9440).
pub(in crate::proxy) const CLIENT_CERT: HeaderName = HeaderName::from_static("client-cert");
/// `Client-Cert-Chain`: what else it has presented.
pub(in crate::proxy) const CLIENT_CERT_CHAIN: HeaderName =
    HeaderName::from_static("client-cert-chain");
/// `X-Request-Id`: identifies a request in logs.
pub(in crate::proxy) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

//! Exchanges with backends: one small interface, [`Upstreams::send`], over pooled HTTP/1.1, HTTP/2
//! and new connections. It takes an endpoint of a backend, a head, a body and a deadline, makes one
//! try, and knows nothing of clients. Each worker has its own.

mod body;
mod connect;
mod error;
pub(crate) mod http1;
mod http2;
mod obtain;
mod pool;
mod race;
mod send;
mod stream;
mod tls;
mod tls_failure;

pub(crate) use body::UpstreamBody;
pub(crate) use error::{UpstreamError, broken_rule};
pub(crate) use stream::Stream;

use crate::telemetry::UpstreamStats;
use bytes::Bytes;
use connect::Connector;
use error::Malformed;
use http::Response;
use http1::Http1;
use http2::Http2Connections;
use pool::Pool;
use std::{net::SocketAddr, rc::Rc, time::Duration};

/// Limit for the head of a response, whatever the protocol; also for a single read of HTTP/1.1.
const MAX_HEAD_BYTES: usize = 128 * 1024;

/// Limit for the number of interim responses (RFC 9110 §15.2) to a request.
const MAX_INTERIM: usize = 16;

/// A head with more fields than are allowed.
fn too_many_fields(max: usize) -> Malformed {
    Malformed(format!("a head of more than {max} fields (--max-response-fields)").into())
}

/// More interim responses than are allowed.
fn too_many_interim() -> Malformed {
    Malformed(format!("more than {MAX_INTERIM} interim responses").into())
}

/// A worker's connections to all backends.
pub(crate) struct Upstreams {
    connector: Connector,
    /// Limit for the number of fields in a response's head.
    max_fields: usize,
    pool: Rc<Pool<Http1>>,
    http2: Http2Connections,
    /// Counters of connections and requests.
    pub(crate) stats: UpstreamStats,
}

/// A backend's response.
pub(crate) struct UpstreamResponse {
    /// Its head, and its streaming body.
    pub(crate) response: Response<UpstreamBody>,
    /// The address that sent it.
    pub(crate) address: SocketAddr,
    /// How long the request waited for its connection.
    pub(crate) connecting: Duration,
    /// After a 101: the stream, and bytes read after the head.
    pub(crate) upgraded: Option<Box<(Stream, Bytes)>>,
}

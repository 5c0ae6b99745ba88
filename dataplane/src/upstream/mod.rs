//! Exchanges with backends: one small interface, [`Upstreams::send`], over pooled HTTP/1.1, HTTP/2
//! and new connections. It takes a backend, a head, a body and a deadline, and knows nothing of
//! clients. Each worker has its own; threads share only which endpoints accept no connections.

mod backoff;
mod body;
mod connect;
mod error;
pub(crate) mod http1;
mod http2;
mod interim;
mod obtain;
mod pool;
mod send;
mod stream;
mod tls;
mod tls_failure;

pub(crate) use backoff::Backoff;
pub(crate) use body::UpstreamBody;
pub(crate) use error::{UpstreamError, broken_rule};
pub(crate) use http2::{end_data, poll_read_data, poll_write_data};

use crate::{request::Deadline, telemetry::UpstreamStats};
use bytes::Bytes;
use connect::Connector;
use error::Malformed;
use http::Response;
use http1::Http1;
use http2::Http2Connections;
use interim::OnInterim;
use pool::Pool;
use std::{fmt::Debug, net::SocketAddr, rc::Rc, sync::Arc};
use stream::Stream;
use tokio::io::{AsyncRead, AsyncWrite};

/// Limit for the head of a response, whatever the protocol; also for a single read of HTTP/1.1.
const MAX_HEAD_BYTES: usize = 128 * 1024;

/// A head with more fields than are allowed.
fn too_many_fields(max: usize) -> Malformed {
    Malformed(format!("a head of more than {max} fields (--max-response-fields)").into())
}

/// A worker's connections to all backends.
pub(crate) struct Upstreams {
    connector: Connector,
    /// The endpoints that do not accept connections, as all workers know them.
    backoff: Arc<Backoff>,
    /// Limit for the number of fields in a response's head.
    max_fields: usize,
    pool: Rc<Pool<Http1>>,
    http2: Http2Connections,
    /// Counters of connections and requests.
    pub(crate) stats: UpstreamStats,
}

/// Who waits for an exchange.
#[derive(Clone, Copy)]
pub(crate) struct Caller<'r> {
    /// Until when.
    pub(crate) deadline: &'r Deadline,
    /// What becomes of interim responses.
    pub(crate) on_interim: OnInterim<'r>,
}

/// A backend's response.
pub(crate) struct UpstreamResponse {
    /// Its head, and its streaming body.
    pub(crate) response: Response<UpstreamBody>,
    /// The address that sent it.
    pub(crate) address: SocketAddr,
    /// After a 101: the stream, and bytes read after the head.
    pub(crate) upgraded: Option<(Tunnel, Bytes)>,
}

/// The backend's end of a connection that has left HTTP: a connection, or a stream of one.
pub(crate) type Tunnel = Box<dyn Duplex>;

/// What bytes go through, both ways.
pub(crate) trait Duplex: AsyncRead + AsyncWrite + Debug + Unpin {}

impl<T: AsyncRead + AsyncWrite + Debug + Unpin> Duplex for T {}

//! Exchanges with backends: one small interface, [`Upstreams::send`], over pooled HTTP/1.1, HTTP/2
//! and new connections. It takes an endpoint of a backend, a head, a body and a deadline, makes one
//! try, and knows nothing of clients. Each worker has its own.

mod body;
mod connect;
mod error;
pub(crate) mod http1;
mod http2;
mod interim;
mod obtain;
mod pool;
mod race;
mod send;
mod stream;
mod tls;
mod tls_failure;

pub(crate) use body::UpstreamBody;
pub(crate) use error::{UpstreamError, broken_rule};
pub(crate) use http2::{end_data, poll_read_data, poll_write_data};

use crate::{
    endpoint::Reclaim,
    request::{AddedFields, Deadline, RequestBody},
    table::Timeouts,
    telemetry::UpstreamStats,
};
use bytes::Bytes;
use connect::Connector;
use error::Malformed;
use http::{Response, request::Parts};
use http1::Http1;
use http2::Http2Connections;
use interim::OnInterim;
use pool::Pool;
use std::{fmt::Debug, net::SocketAddr, num::NonZeroU32, rc::Rc, sync::Arc, time::Duration};
use stream::Stream;
use tokio::io::{AsyncRead, AsyncWrite};

/// Limit for the head of a response, whatever the protocol; also for a single read of HTTP/1.1.
const MAX_HEAD_BYTES: usize = 128 * 1024;

/// A head with more fields than are allowed.
fn too_many_fields(max: usize) -> Malformed {
    Malformed(format!("a head of more than {max} fields (--max-response-fields)").into())
}

/// How long a request may take, and how many connections there may be to its endpoint.
#[derive(Clone, Copy)]
pub(crate) struct Bounds<'r> {
    pub(crate) timeouts: &'r Timeouts,
    /// The limit for connections of HTTP/1.1, if there is one; the outer `None`: they do not count.
    pub(crate) connections: Option<Option<NonZeroU32>>,
}

impl<'r> From<&'r Timeouts> for Bounds<'r> {
    /// Connections that do not count.
    fn from(timeouts: &'r Timeouts) -> Self {
        Self { timeouts, connections: None }
    }
}

/// A worker's connections to all backends.
pub(crate) struct Upstreams {
    connector: Connector,
    /// Asks all workers for an idle connection.
    reclaim: Arc<Reclaim>,
    /// Limit for the number of fields in a response's head.
    max_fields: usize,
    pool: Rc<Pool<Http1>>,
    http2: Http2Connections,
    /// Counters of connections and requests.
    pub(crate) stats: UpstreamStats,
}

/// A request to send.
pub(crate) struct RequestToSend<'r> {
    /// Its head. The header map is reused for the response.
    pub(crate) head: &'r mut Parts,
    /// The fields that are sent behind the head's.
    pub(crate) added: &'r AddedFields,
    /// Its body, which determines its own framing, whatever the head says.
    pub(crate) body: &'r mut RequestBody,
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
    /// How long the request waited for its connection.
    pub(crate) connecting: Duration,
    /// After a 101: the stream, and bytes read after the head.
    pub(crate) upgraded: Option<(Tunnel, Bytes)>,
}

/// The backend's end of a connection that has left HTTP: a connection, or a stream of one.
pub(crate) type Tunnel = Box<dyn Duplex>;

/// What bytes go through, both ways.
pub(crate) trait Duplex: AsyncRead + AsyncWrite + Debug + Unpin {}

impl<T: AsyncRead + AsyncWrite + Debug + Unpin> Duplex for T {}

//! Exchanges with backends: one small interface, [`Upstreams::send`], over pooled HTTP/1.1, HTTP/2
//! and new connections. It takes a backend, a head, a body and a deadline, and knows nothing of
//! clients. Each worker has its own; nothing is shared between threads.

mod body;
mod connect;
mod error;
pub(crate) mod http1;
mod http2;
mod pool;
mod send;
mod stream;
mod tls;

pub(crate) use body::UpstreamBody;
pub(crate) use stream::Stream;

use crate::telemetry::UpstreamStats;
use bytes::Bytes;
use connect::Connector;
use http::Response;
use http1::Http1;
use http2::Http2Connections;
use pool::Pool;
use std::{net::SocketAddr, rc::Rc};

/// A worker's connections to all backends.
pub(crate) struct Upstreams {
    connector: Connector,
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
    /// After a 101: the stream, and bytes read after the head.
    pub(crate) upgraded: Option<Box<(Stream, Bytes)>>,
}

//! Workers: a thread each, with its own runtime, listener and pools.

use crate::{config::Config, table::Table};
use std::{io, net::SocketAddr, sync::Arc, time::Duration};
use tokio::sync::watch;

/// A running dataplane.
#[derive(Debug)]
pub struct Dataplane {
    http: SocketAddr,
}

impl Dataplane {
    /// Binds the listeners and starts the workers. Requests are served from the newest table of
    /// `tables`.
    pub fn start(config: Config, _tables: watch::Receiver<Arc<Table>>) -> io::Result<Self> {
        Ok(Self { http: config.http })
    }

    /// The address of the plain HTTP listeners.
    pub fn http_addr(&self) -> SocketAddr {
        self.http
    }

    /// The oldest table generation that any worker still takes new requests with.
    pub fn generation(&self) -> u64 {
        0
    }

    /// Waits until every worker serves generation `generation` or a later one.
    pub async fn serving(&self, _generation: u64) {}

    /// The counters of all workers in the Prometheus text format, appended to `out`.
    pub async fn encode_metrics(&self, _out: &mut String) {}

    /// Closes the listeners at once, then idle connections; waits for requests in flight, for
    /// `timeout` at most. Whether all of them ended.
    pub async fn drain(self, _timeout: Duration) -> bool {
        true
    }
}

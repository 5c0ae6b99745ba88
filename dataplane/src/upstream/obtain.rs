//! How a request comes by a connection: an existing one, or a new one to one of the backend's
//! addresses.

use super::{
    Upstreams,
    backoff::Use,
    connect::within,
    error::{Phase, UpstreamError},
    http1::Http1,
    http2::{ConnectionId, Http2, Opened, Turn},
    interim::OnInterim,
    pool::Key,
    stream::Stream,
    tls_failure::TlsFailure,
};
use crate::table::{Backend, Protocol, Target, Timeouts};
use std::{
    cell::Cell,
    net::SocketAddr,
    time::{Duration, Instant},
};

/// How many addresses are dialled before a request fails.
const MAX_DIALS: usize = 3;

/// How many pooled connections may turn out to be closed before a new one is made.
const MAX_STALE: usize = 2;

/// A connection that a request can be sent over.
pub(super) enum Connection {
    Http1(Box<Http1>),
    Http2(Http2),
}

/// How a request came by its connection.
pub(super) enum Obtained {
    /// It existed, and may turn out to be closed.
    Reused(Connection),
    /// It was opened for the request.
    Opened(Connection),
}

/// A request's way to a backend's endpoints.
pub(super) struct Way<'r> {
    pub(super) backend: &'r Backend,
    /// Where the order of the endpoints begins.
    pub(super) point: u64,
    pub(super) timeouts: &'r Timeouts,
    /// What becomes of interim responses.
    pub(super) on_interim: OnInterim<'r>,
    /// Whether it asks for an upgrade.
    pub(super) is_upgrade: bool,
    /// Whether HTTP/2 is not offered for it: it is a WebSocket, which the backend's HTTP/2 does not
    /// carry.
    pub(super) needs_http1: bool,
    /// How many pooled connections have turned out to be closed.
    pub(super) stale: usize,
    /// How often the request has been refused unprocessed, and by which connection last.
    pub(super) refusals: usize,
    pub(super) refused_by: Option<ConnectionId>,
    /// Whether the request has timed out.
    pub(super) is_late: &'r Cell<bool>,
}

impl<'r> Way<'r> {
    /// How it uses the backend.
    fn used(&self) -> Use<'r> {
        Use {
            backend: &self.backend.name,
            protocol: &self.backend.protocol,
            connect: self.timeouts.connect,
            request: self.timeouts.request,
        }
    }
}

impl Upstreams {
    /// An existing connection to the endpoint that is tried first.
    pub(super) fn pooled(&self, way: &Way<'_>) -> Option<Connection> {
        match &way.backend.target {
            Target::Endpoints(endpoints) => {
                let address = self.backoff.first(endpoints, way.used(), way.point)?;
                self.take(way, &Key::endpoint(address, &way.backend.protocol))
            }
            Target::External { .. } => self.take(way, &external_key(way.backend)),
        }
    }

    /// An existing connection.
    fn take(&self, way: &Way<'_>, key: &Key) -> Option<Connection> {
        if way.stale >= MAX_STALE {
            return None;
        }
        let shared = || self.http2.get(key, way.refused_by).map(Connection::Http2);
        let idle = || self.pool.take(key).map(Connection::Http1);
        let taken = match key.protocol {
            Protocol::Http1 => idle(),
            Protocol::H2c => shared(),
            Protocol::Https(_) if way.needs_http1 => idle(),
            Protocol::Https(_) if self.http2.is_http1_only(key) => idle(),
            Protocol::Https(_) => shared(),
        };
        if taken.is_some() {
            self.stats.reused();
        }
        taken
    }

    /// Opens a connection to one of the backend's addresses, or takes an existing one to the
    /// address whose turn it is.
    pub(super) async fn connect(&self, way: &Way<'_>) -> Result<Obtained, UpstreamError> {
        let backend = way.backend;
        let resolved;
        let (addresses, external) = match &backend.target {
            Target::Endpoints(endpoints) => (&**endpoints, None),
            Target::External { host, port } => {
                let resolving = self.connector.resolve(host, *port).await;
                resolved = resolving.inspect_err(|why| self.has_no_address(backend, *why))?;
                (&*resolved, Some(external_key(backend)))
            }
        };
        let mut failure = Phase::Choose;
        for address in
            self.backoff.order(addresses, way.used(), way.point).into_iter().take(MAX_DIALS)
        {
            let key = match &external {
                Some(key) => key.clone(),
                None => Key::endpoint(address, &backend.protocol),
            };
            match self.obtain(way, address, key).await {
                Ok(obtained) => return Ok(obtained),
                Err(why) => failure = why,
            }
        }
        Err(failure.into())
    }

    /// Records that no address of an external backend can be dialled.
    fn has_no_address(&self, backend: &Backend, why: Phase) {
        self.stats.connected(false);
        if self.backoff.logs_no_address(&backend.name, Instant::now()) {
            let why = why.refusal().reason();
            tracing::warn!(backend = backend.name, why, "can't find an address for a backend");
        }
    }

    /// Connects to an address within `limit`, and records the outcome.
    async fn dial(
        &self,
        way: &Way<'_>,
        address: SocketAddr,
        limit: Option<Duration>,
    ) -> Result<Stream, Phase> {
        let backend = way.backend;
        let attempt = self.backoff.attempt(&self.stats, way.used(), address, way.is_late);
        let dialled = self.connector.connect(backend, address, way.needs_http1, limit).await;
        let dialled = dialled.map_err(|why| match why {
            Phase::Tls(TlsFailure::NoHttpVersion) if way.is_upgrade && way.needs_http1 => {
                Phase::Upgrade
            }
            why => why,
        });
        match &dialled {
            Ok(_) | Err(Phase::Upgrade) => attempt.succeeded(),
            Err(why) => attempt.failed(*why),
        }
        dialled
    }

    /// Records the failure of a connection that seemed to be made.
    pub(super) fn has_failed(&self, way: &Way<'_>, address: SocketAddr, why: Phase) {
        self.backoff.attempt(&self.stats, way.used(), address, way.is_late).failed(why);
    }

    /// A connection to an address: an existing one, or a new one. Where requests share connections,
    /// waits for one that is being opened, for as long as it may take to connect. After an error
    /// another address may be tried.
    async fn obtain(
        &self,
        way: &Way<'_>,
        address: SocketAddr,
        key: Key,
    ) -> Result<Obtained, Phase> {
        let began = Instant::now();
        let left = || way.timeouts.connect.map(|limit| limit.saturating_sub(began.elapsed()));
        let opener = loop {
            if let Some(connection) = self.take(way, &key) {
                return Ok(Obtained::Reused(connection));
            }
            if !self.may_share(way, &key) {
                break None;
            }
            match self.http2.openings.turn(&key, address) {
                Turn::Ours(opener) => break Some(opener),
                Turn::Theirs(opening) => match within(left(), opening.ended()).await?? {
                    Opened::Shared => {}
                    Opened::Http1 => break None,
                },
            }
        };
        let opened = self.open(way, address, key, left()).await;
        if let Some(opener) = opener {
            match &opened {
                Ok(Connection::Http1(_)) => opener.chose_http1(),
                // Those that wait may have more time.
                Ok(Connection::Http2(_)) | Err(Phase::ConnectTimeout) => {}
                Err(why) => opener.failed(*why),
            }
        }
        opened.map(Obtained::Opened)
    }

    /// Whether a new connection may be one that requests share.
    fn may_share(&self, way: &Way<'_>, key: &Key) -> bool {
        match key.protocol {
            Protocol::Http1 => false,
            Protocol::H2c => true,
            Protocol::Https(_) => !way.needs_http1 && !self.http2.is_http1_only(key),
        }
    }

    /// Opens a connection within `limit`.
    async fn open(
        &self,
        way: &Way<'_>,
        address: SocketAddr,
        key: Key,
        limit: Option<Duration>,
    ) -> Result<Connection, Phase> {
        let stream = self.dial(way, address, limit).await?;
        let is_http2 = match key.protocol {
            Protocol::Http1 => false,
            Protocol::H2c => true,
            Protocol::Https(_) => stream.has_chosen_http2(),
        };
        if is_http2 {
            let http2 = self.http2.handshake(stream, address, key, self.max_fields);
            return http2.await.map(Connection::Http2);
        }
        if self.may_share(way, &key) {
            self.http2.has_chosen_http1(key.clone());
        }
        let handle = self.pool.handle(key);
        Ok(Connection::Http1(Http1::new(stream, address, handle, self.max_fields)))
    }
}

/// The pool's key for an external backend, whatever its address.
fn external_key(backend: &Backend) -> Key {
    Key::external(&backend.name, &backend.protocol)
}

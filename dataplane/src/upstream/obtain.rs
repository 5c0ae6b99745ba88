//! How a request comes by a connection to its endpoint: an existing one, or a new one.

use super::{
    Bounds, Upstreams,
    connect::within,
    error::Phase,
    http1::Http1,
    http2::{ConnectionId, Http2, Opened, Turn},
    interim::OnInterim,
    pool::Key,
    race::{DELAY, in_turn, race},
    stream::Stream,
    tls_failure::TlsFailure,
};
use crate::{
    endpoint::{Attempt, Candidates, Endpoint, EndpointKey, Fault, Socket, Use},
    table::{Backend, Protocol},
};
use std::{
    cell::Cell,
    time::{Duration, Instant},
};

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

/// A request's way to an endpoint of a backend.
#[derive(Clone, Copy)]
pub(super) struct Way<'r> {
    pub(super) backend: &'r Backend,
    pub(super) endpoint: &'r Endpoint,
    /// Those that may be taken instead while there is no connection.
    pub(super) candidates: &'r Candidates<'r>,
    pub(super) bounds: Bounds<'r>,
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
    /// Whether attempts to connect that are given up have had their time: the request has timed
    /// out, or another endpoint was faster.
    pub(super) is_late: &'r Cell<bool>,
}

impl<'r> Way<'r> {
    /// How it uses the backend.
    fn used(&self) -> Use<'r> {
        Use {
            backend: &self.backend.name,
            connect: self.bounds.timeouts.connect,
            request: self.bounds.timeouts.request,
        }
    }

    fn key(&self) -> Key {
        Key::endpoint(self.endpoint.address(), &self.endpoint.key().protocol)
    }
}

impl Upstreams {
    /// An existing connection.
    pub(super) fn pooled(&self, way: &Way<'_>) -> Option<Connection> {
        self.take(way, &way.key())
    }

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
            self.stats.reused(&way.backend.name);
        }
        taken
    }

    /// Connects to the endpoint within `limit`, and records the outcome.
    async fn dial(&self, way: &Way<'_>, limit: Option<Duration>) -> Result<Stream, Phase> {
        let attempt = Attempt::begin(way.endpoint, &self.stats, way.used(), way.is_late);
        let EndpointKey { address, protocol } = way.endpoint.key();
        let dialled = self.connector.connect(protocol, *address, way.needs_http1, limit).await;
        let dialled = dialled.map_err(|why| match why {
            Phase::Tls(TlsFailure::NoHttpVersion) if way.is_upgrade && way.needs_http1 => {
                Phase::Upgrade
            }
            why => why,
        });
        match &dialled {
            Ok(_) | Err(Phase::Upgrade) => attempt.succeeded(),
            Err(why) => attempt.failed(fault(*why), why),
        }
        dialled
    }

    /// Records the failure of a connection that seemed to be made.
    pub(super) fn has_failed(&self, way: &Way<'_>, why: Phase) {
        let attempt = Attempt::begin(way.endpoint, &self.stats, way.used(), way.is_late);
        attempt.failed(fault(why), why);
    }

    /// A connection to the endpoint or, where there are other candidates, to the one that has one
    /// first; the way then goes on there. An error has sent nothing of the request.
    pub(super) async fn obtain(&self, way: &mut Way<'_>) -> Result<Obtained, Phase> {
        let all = way.candidates.all();
        let taken = way.candidates.taken();
        let (Some(first), 2..) = (all.get(taken), all.len()) else {
            return self.obtain_from(way).await;
        };
        let others = all.iter().enumerate().filter(|(index, _)| *index != taken);
        let order = in_turn((taken, first), others, |(_, endpoint)| endpoint.address());
        let raced = race(order, DELAY, |(index, endpoint)| {
            let way = Way { endpoint, ..*way };
            async move {
                let obtained = self.obtain_from(&way).await;
                match &obtained {
                    Ok(_) => way.is_late.set(true),
                    Err(why) if why.is_connecting() => way.candidates.refuse(index),
                    Err(_) => {}
                }
                Ok((index, endpoint, obtained?))
            }
        });
        let raced = raced.await;
        way.is_late.set(false);
        // The first one is always tried.
        let (index, endpoint, obtained) = raced.unwrap_or(Err(Phase::Connect))?;
        way.candidates.take(index);
        way.endpoint = endpoint;
        Ok(obtained)
    }

    /// A connection to the endpoint: an existing one, or a new one. Where requests share connections,
    /// waits for one that is being opened, for as long as it may take to connect. An error has sent
    /// nothing of the request.
    async fn obtain_from(&self, way: &Way<'_>) -> Result<Obtained, Phase> {
        let (key, address) = (way.key(), way.endpoint.address());
        let began = Instant::now();
        let left =
            || way.bounds.timeouts.connect.map(|limit| limit.saturating_sub(began.elapsed()));
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
        let opened = self.open(way, key, left()).await;
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
        key: Key,
        limit: Option<Duration>,
    ) -> Result<Connection, Phase> {
        let (began, address) = (Instant::now(), way.endpoint.address());
        let socket = self.socket(way, &key, limit).await?;
        let limit = limit.map(|limit| limit.saturating_sub(began.elapsed()));
        let stream = self.dial(way, limit).await?;
        let is_http2 = match key.protocol {
            Protocol::Http1 => false,
            Protocol::H2c => true,
            Protocol::Https(_) => {
                if !way.needs_http1 {
                    way.endpoint.has_chosen(stream.has_chosen_http2());
                }
                stream.has_chosen_http2()
            }
        };
        if is_http2 {
            let http2 = self.http2.handshake(stream, address, key, self.max_fields);
            return http2.await.map(Connection::Http2);
        }
        if self.may_share(way, &key) {
            self.http2.has_chosen_http1(key.clone());
        }
        let handle = self.pool.handle(key);
        let stream = stream.counted(socket);
        Ok(Connection::Http1(Http1::new(stream, handle, self.max_fields)))
    }

    /// Waits within `limit` until another connection may be opened. One that turns out to be of
    /// HTTP/2 counts no longer then.
    async fn socket(
        &self,
        way: &Way<'_>,
        key: &Key,
        limit: Option<Duration>,
    ) -> Result<Option<Socket>, Phase> {
        match (&key.protocol, way.bounds.connections) {
            (Protocol::H2c, _) | (Protocol::Http1 | Protocol::Https(_), None) => Ok(None),
            (Protocol::Http1 | Protocol::Https(_), Some(connections)) => {
                let opening = Socket::open(way.endpoint.sockets(), connections, &self.reclaim);
                let opened = within(limit, opening).await;
                opened.map(Some).map_err(|_| Phase::Connections)
            }
        }
    }
}

/// Whose failure it is that no connection was made.
fn fault(why: Phase) -> Fault {
    match why {
        Phase::Connect => Fault::Refused,
        Phase::ConnectTimeout => Fault::TimedOut,
        Phase::Connections | Phase::Tls(_) | Phase::Upgrade | Phase::Exchange | Phase::Deadline => {
            Fault::OfUse
        }
    }
}

//! HTTP/2 to backends: with prior knowledge where the Service asks for it (RFC 9113 §3.3), and over
//! TLS where the backend chooses it (§3.2). A connection
//! runs in a task of its own and is shared by up to [`MAX_STREAMS`] requests; where it takes no
//! more, a further one is opened.

mod body;
mod io;
mod opening;
mod outgoing;
mod paced;
mod read_ahead;
mod send;
mod settings;
mod tunnel;
mod websocket;
mod windows;

pub(super) use body::Http2Body;
pub(crate) use io::{end_data, poll_read_data, poll_write_data};
pub(super) use opening::{Opened, Turn};
pub(super) use send::Connected;

use super::{MAX_HEAD_BYTES, Stream, error::Phase, pool::Key, tls_failure::TlsFailure};
use crate::run_queue::RunQueue;
use bytes::Bytes;
use h2::{
    Ping, PingPong,
    client::{Builder, Connection, SendRequest},
};
use opening::Openings;
use paced::Paced;
use read_ahead::Arriving;
use settings::{FirstSettings, SettingsScan};
use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    future::poll_fn,
    net::SocketAddr,
    pin::Pin,
    rc::{Rc, Weak},
    task::{Context, Poll, Waker},
    time::Duration,
};
use tokio::time::{sleep, timeout};
use windows::{CONNECTION_WINDOW, MAX_STREAMS, MIN_STREAM_WINDOW, Wide, Windows, window};

/// Connections per endpoint and worker. Requests beyond wait for a stream.
const MAX_CONNECTIONS: usize = 256;

/// How many streams that were reset here are remembered for a second, in which what still arrives
/// on them is dropped. Clients that leave cause them.
const MAX_RESET_STREAMS: usize = 4096;

/// How often a connection with open streams is pinged, and how long the response may take (RFC 9113
/// §6.7).
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(20);

/// How many evictions a connection without streams survives: 55 s with one every 5 s.
const MAX_IDLE_EVICTIONS: u64 = 11;

/// The HTTP/2 connections of a worker.
#[derive(Default)]
pub(super) struct Http2Connections {
    by_key: RefCell<HashMap<Key, Vec<Rc<Shared>>>>,
    /// Those that are being opened.
    pub(super) openings: Openings,
    /// The backends that choose HTTP/1.1 over TLS, and the eviction count when one was last used.
    http1_only: RefCell<HashMap<Key, Cell<u64>>>,
    /// Those that have larger windows.
    wide: Rc<Wide>,
    /// In which order they are served.
    run_queue: Rc<RunQueue>,
    /// How many evictions there have been: a clock that is free to read on every request.
    evictions: Rc<Cell<u64>>,
}

/// Why the backend has refused the connection after the TLS handshake, if it has.
type Refused = Rc<Cell<Option<TlsFailure>>>;

/// A connection.
struct Shared {
    sender: SendRequest<Bytes>,
    address: SocketAddr,
    /// How many requests use it.
    streams: Cell<usize>,
    windows: Windows,
    /// Wakes the connection's task.
    task: RefCell<Option<Waker>>,
    arriving: Arriving,
    refused: Refused,
    settings: Rc<FirstSettings>,
    /// The eviction count when the last one ended.
    idle_since: Cell<u64>,
    evictions: Rc<Cell<u64>>,
}

impl Shared {
    /// Whether it has ended, or the backend takes no more requests on it.
    fn is_closed(&self) -> bool {
        // A clone waits for nothing, so this only fails if the connection does.
        let mut sender = self.sender.clone();
        let ready = sender.poll_ready(&mut Context::from_waker(Waker::noop()));
        matches!(ready, Poll::Ready(Err(_)))
    }

    /// Whether another request can be sent at once.
    fn has_room(&self) -> bool {
        let capacity = self.windows.capacity().min(self.sender.current_max_send_streams());
        self.streams.get() < capacity && !self.is_closed()
    }

    /// How much of what it takes is taken, in parts of [`MAX_STREAMS`].
    fn load(&self) -> usize {
        self.streams.get() * MAX_STREAMS / self.windows.capacity()
    }

    /// The connection's task has been polled: takes what has arrived, and sees to the windows.
    fn polled(&self, connection: &mut Connection<Paced<Stream>, Bytes>, cx: &mut Context<'_>) {
        match &mut *self.task.borrow_mut() {
            Some(task) => task.clone_from(cx.waker()),
            none => *none = Some(cx.waker().clone()),
        }
        let is_awaited = self.arriving.read();
        if let Some(capacity) = self.windows.next(self.streams.get(), is_awaited)
            // Fails while the backend has not acknowledged the last one.
            && connection.set_initial_window_size(window(capacity)).is_ok()
        {
            self.windows.set(capacity);
            // It is sent before the head of any further request.
            cx.waker().wake_by_ref();
        }
    }

    /// A request has ended.
    fn end(&self) {
        self.streams.set(self.streams.get() - 1);
        self.idle_since.set(self.evictions.get());
        if self.streams.get() == 0
            && self.windows.are_wide()
            && let Some(task) = &*self.task.borrow()
        {
            task.wake_by_ref();
        }
    }
}

/// A request's place on a connection.
pub(super) struct Http2(Rc<Shared>);

impl Http2 {
    fn new(shared: Rc<Shared>) -> Self {
        shared.streams.set(shared.streams.get() + 1);
        Self(shared)
    }

    /// The address that was dialled.
    pub(super) fn address(&self) -> SocketAddr {
        self.0.address
    }

    /// Why the backend has refused the connection after the TLS handshake, once it has.
    pub(super) fn refused(&self) -> Rc<Cell<Option<TlsFailure>>> {
        self.0.refused.clone()
    }

    /// Whether the backend takes extended CONNECT (RFC 8441 §3). Waits for its first SETTINGS; an
    /// error if the connection ends before.
    pub(super) async fn takes_connect(&self) -> Result<bool, Phase> {
        match self.0.settings.announce_connect().await {
            // Later ones may allow it.
            Some(first) => Ok(first || self.0.sender.is_extended_connect_protocol_enabled()),
            None => Err(self.0.refused.get().map_or(Phase::Exchange, Phase::Tls)),
        }
    }

    /// Identifies the connection among those that are open.
    pub(super) fn id(&self) -> ConnectionId {
        ConnectionId(Rc::as_ptr(&self.0).cast())
    }
}

impl Drop for Http2 {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// Identifies a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ConnectionId(*const ());

impl Http2Connections {
    /// None yet. Larger windows than the smallest ones take at most so many bytes together.
    pub(super) fn new(window_bytes: usize, run_queue: Rc<RunQueue>) -> Self {
        Self { wide: Rc::new(Wide::within(window_bytes)), run_queue, ..Self::default() }
    }

    /// A place on a connection for `key` other than `not`, if there is one.
    pub(super) fn get(&self, key: &Key, not: Option<ConnectionId>) -> Option<Http2> {
        let all = self.by_key.borrow();
        let connections = all.get(key)?;
        let others =
            || connections.iter().filter(|one| not != Some(ConnectionId(Rc::as_ptr(one).cast())));
        // The oldest first, so that those opened for a peak fall idle after it.
        let found = others().find(|one| one.has_room()).or_else(|| {
            let is_full = connections.len() >= MAX_CONNECTIONS;
            let open = others().filter(|one| is_full && !one.is_closed());
            open.min_by_key(|one| one.load())
        });
        found.cloned().map(Http2::new)
    }

    /// Starts HTTP/2 on a new stream, over which nothing is sent of any request if it fails.
    pub(super) async fn handshake(
        &self,
        stream: Stream,
        address: SocketAddr,
        key: Key,
        max_fields: usize,
    ) -> Result<Http2, Phase> {
        // HTTP/2 counts 32 bytes for each field beside its name and value (RFC 9113 §6.5.2).
        let head_bytes = MAX_HEAD_BYTES.saturating_add(max_fields.saturating_mul(32));
        let (refused, settings) = (Refused::default(), Rc::<FirstSettings>::default());
        let scan = SettingsScan::new(settings.clone());
        let (sender, connection) = Builder::new()
            .enable_push(false)
            .initial_window_size(MIN_STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            // Small frames are taken as they arrive, and none waits here; h2 would also count those
            // that it drops because their clients have left.
            .data_frame_budget(usize::MAX)
            .max_concurrent_reset_streams(MAX_RESET_STREAMS)
            // What arrives late on a stream that is forgotten resets that stream once more, which
            // must not end the connection: clients decide how often that happens.
            .max_local_error_reset_streams(None)
            .max_header_list_size(u32::try_from(head_bytes).unwrap_or(u32::MAX))
            .initial_max_send_streams(self.likely_limit(&key))
            .handshake(Paced::new(stream, refused.clone(), scan))
            .await
            .map_err(|error| {
                tracing::debug!(%address, %error, "an HTTP/2 connection to a backend can't begin");
                Phase::Exchange
            })?;
        let shared = Rc::new(Shared {
            sender,
            address,
            streams: Cell::new(0),
            windows: Windows::new(self.wide.clone()),
            task: RefCell::default(),
            arriving: Arriving::default(),
            refused,
            settings,
            idle_since: Cell::new(self.evictions.get()),
            evictions: self.evictions.clone(),
        });
        let running = Box::pin(run(connection, Rc::downgrade(&shared), address));
        tokio::task::spawn_local(self.run_queue.queued(running));
        self.http1_only.borrow_mut().remove(&key);
        let mut all = self.by_key.borrow_mut();
        let connections = all.entry(key).or_default();
        // Those that have ended since the last eviction don't count toward the limit.
        connections.retain(|one| !one.is_closed());
        connections.push(shared.clone());
        Ok(Http2::new(shared))
    }

    /// How many streams a new connection for `key` likely allows, until its SETTINGS tell: as many
    /// as the others.
    fn likely_limit(&self, key: &Key) -> usize {
        let all = self.by_key.borrow();
        let limits = all.get(key).into_iter().flatten();
        let lowest = limits.map(|one| one.sender.current_max_send_streams()).min();
        lowest.unwrap_or(MAX_STREAMS).clamp(1, MAX_STREAMS)
    }

    /// Whether the backend chose HTTP/1.1 over TLS when both were offered. Requests then neither
    /// look for a connection of HTTP/2 nor wait for one that is being opened.
    pub(super) fn is_http1_only(&self, key: &Key) -> bool {
        let known = self.http1_only.borrow();
        let used = known.get(key);
        used.inspect(|used| used.set(self.evictions.get())).is_some()
    }

    /// The backend has chosen HTTP/1.1 over TLS.
    pub(super) fn has_chosen_http1(&self, key: Key) {
        self.http1_only.borrow_mut().insert(key, Cell::new(self.evictions.get()));
    }

    /// Drops connections that have ended or been idle too long. Those that still carry requests
    /// end with them.
    pub(super) fn evict(&self) {
        let now = self.evictions.get() + 1;
        self.evictions.set(now);
        self.by_key.borrow_mut().retain(|_, connections| {
            connections.retain(|one| {
                let is_used = one.streams.get() > 0;
                !one.is_closed() && (is_used || now - one.idle_since.get() < MAX_IDLE_EVICTIONS)
            });
            !connections.is_empty()
        });
        self.http1_only.borrow_mut().retain(|_, used| now - used.get() < MAX_IDLE_EVICTIONS);
    }

    /// How many connections carry no request.
    pub(super) fn idle(&self) -> usize {
        let all = self.by_key.borrow();
        all.values().flatten().filter(|one| one.streams.get() == 0).count()
    }
}

/// Runs a connection until it ends, or the backend no longer responds to pings.
async fn run(
    mut connection: Connection<Paced<Stream>, Bytes>,
    shared: Weak<Shared>,
    address: SocketAddr,
) {
    let Some(pings) = connection.ping_pong() else { return };
    let running = poll_fn(|cx| {
        let polled = Pin::new(&mut connection).poll(cx);
        if let Some(shared) = shared.upgrade() {
            shared.polled(&mut connection, cx);
        }
        polled
    });
    tokio::select! {
        ended = running => if let Err(error) = ended {
            tracing::debug!(%address, %error, "HTTP/2 connection to a backend failed");
        },
        () = unresponsive(pings, &shared) => {
            tracing::debug!(%address, "HTTP/2 connection to a backend no longer responds to pings");
        }
    }
}

/// Waits until a ping gets no response.
async fn unresponsive(mut pings: PingPong, shared: &Weak<Shared>) {
    loop {
        sleep(KEEP_ALIVE_INTERVAL).await;
        let is_used = shared.upgrade().is_some_and(|shared| shared.streams.get() > 0);
        if is_used {
            match timeout(KEEP_ALIVE_INTERVAL, pings.ping(Ping::opaque())).await {
                Ok(Ok(_)) => {}
                // The connection itself reports what is wrong with it.
                Ok(Err(_)) => std::future::pending().await,
                Err(_) => return,
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use tokio::{
        net::{TcpListener, TcpStream},
        task::LocalSet,
    };

    #[tokio::test]
    async fn connections_that_have_ended_leave_their_places_to_new_ones() {
        let opening = async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            let connections = Http2Connections::default();
            let key = Key::endpoint(address, &crate::table::Protocol::H2c);
            let open = async || {
                let stream = TcpStream::connect(address).await.unwrap();
                let backend = listener.accept().await.unwrap().0;
                let http2 = connections.handshake(stream.into(), address, key.clone(), 100).await;
                (http2.unwrap(), backend)
            };
            for _ in 0..3 {
                let (place, backend) = open().await;
                drop(backend);
                while !place.0.is_closed() {
                    sleep(Duration::from_millis(1)).await;
                }
            }
            let (_place, _backend) = open().await;
            assert_eq!(connections.by_key.borrow()[&key].len(), 1);
        };
        LocalSet::new().run_until(opening).await;
    }
}

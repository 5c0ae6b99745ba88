//! One worker: accepts connections, and holds what its requests share.

use super::{
    Command,
    ids::{self, Ids},
};
use crate::{
    config::{Config, Limits},
    connection::{self, ConnState, Draining},
    proxy::{RouteStates, Via},
    table::Table,
    telemetry::Snapshot,
    upstream::Upstreams,
};
use futures_util::FutureExt;
use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    io,
    net::{SocketAddr, TcpListener},
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};
use tokio::{
    net::TcpStream,
    runtime::{Builder, LocalOptions},
    sync::{Notify, mpsc, oneshot, watch},
    task::spawn_local,
};

/// How often dead and unused connections to backends are closed.
const SWEEP: Duration = Duration::from_secs(5);

/// How long an idle connection outlives the word to end: a round trip to most clients.
const GRACE: Duration = Duration::from_millis(100);

/// How long to wait where the system has no more file descriptors.
const NO_DESCRIPTORS: Duration = Duration::from_millis(50);

/// What a worker starts from.
pub(super) struct Seat {
    pub(super) config: Arc<Config>,
    pub(super) listener: TcpListener,
    pub(super) tables: watch::Receiver<Arc<Table>>,
    pub(super) inbox: mpsc::UnboundedReceiver<Command>,
    pub(super) generation: Arc<AtomicU64>,
    pub(super) report: watch::Sender<()>,
}

/// What the requests of a worker share. One thread: nothing is locked.
pub(crate) struct Worker {
    /// Bounds on what clients may send.
    pub(crate) limits: Arc<Limits>,
    /// This install's name in `Via`.
    pub(crate) via: Via,
    /// The way to backends.
    pub(crate) upstreams: Upstreams,
    /// What is kept of each Route.
    pub(crate) routes: RouteStates,
    /// Where request ids come from.
    pub(crate) ids: Ids,
    #[expect(clippy::redundant_allocation, reason = "see `Worker::table`")]
    table: RefCell<Rc<Arc<Table>>>,
    connections: RefCell<HashMap<u64, Rc<ConnState>>>,
    next_connection: Cell<u64>,
    draining: Cell<Draining>,
    closed: Notify,
}

/// A connection's entry in its worker's register; gone when dropped.
pub(crate) struct Registered {
    worker: Rc<Worker>,
    number: u64,
}

impl Drop for Registered {
    fn drop(&mut self) {
        self.worker.connections.borrow_mut().remove(&self.number);
        self.worker.closed.notify_one();
    }
}

impl Worker {
    /// The table that this worker serves. A clone of a thread's own pointer: no count that cores
    /// fight over.
    #[expect(clippy::redundant_allocation, reason = "the inner count is shared between cores")]
    pub(crate) fn table(&self) -> Rc<Arc<Table>> {
        self.table.borrow().clone()
    }

    /// Takes a connection into the register.
    pub(crate) fn register(self: &Rc<Self>, state: &Rc<ConnState>) -> Registered {
        let number = self.next_connection.get();
        self.next_connection.set(number + 1);
        state.draining.set(self.draining.get());
        self.connections.borrow_mut().insert(number, state.clone());
        Registered { worker: self.clone(), number }
    }

    fn new(config: &Config, table: Arc<Table>) -> io::Result<Self> {
        Ok(Self {
            limits: Arc::new(config.limits.clone()),
            via: Via::new(&config.via_name).map_err(io::Error::other)?,
            upstreams: Upstreams::new(config.guard.clone()).map_err(io::Error::other)?,
            routes: RouteStates::new(ids::random()),
            ids: Ids::new(),
            table: RefCell::new(Rc::new(table)),
            connections: RefCell::default(),
            next_connection: Cell::new(0),
            draining: Cell::new(Draining::No),
            closed: Notify::new(),
        })
    }

    fn end_connections(&self, how: Draining) {
        self.draining.set(how);
        for connection in self.connections.borrow().values() {
            connection.draining.set(how);
            connection.wake();
        }
    }

    fn snapshot(&self) -> Snapshot {
        self.routes.retain(&self.table());
        let upstream = self.upstreams.stats.counts(self.upstreams.idle());
        Snapshot::of(&self.routes.stats(), upstream, self.connections.borrow().len())
    }

    /// Tells every connection to end when its request has, and waits until all have. An idle one
    /// gets a moment first: its client may have sent a request that has not been read yet.
    async fn drain(&self) {
        self.end_connections(Draining::AfterRequest);
        if !self.connections.borrow().is_empty() {
            tokio::time::sleep(GRACE).await;
        }
        self.end_connections(Draining::Now);
        while !self.connections.borrow().is_empty() {
            self.closed.notified().await;
        }
    }
}

/// Starts a worker's thread; returns when it serves.
pub(super) fn start(number: usize, mut seat: Seat) -> io::Result<thread::JoinHandle<()>> {
    let table = seat.tables.borrow_and_update().clone();
    let (ready, started) = std::sync::mpsc::channel();
    let thread = thread::Builder::new().name(format!("worker-{number}")).spawn(move || {
        let made = Builder::new_current_thread().enable_all().build_local(LocalOptions::default());
        let runtime = match made {
            Ok(runtime) => runtime,
            Err(error) => return drop(ready.send(Err(error))),
        };
        let worker = match Worker::new(&seat.config, table) {
            Ok(worker) => Rc::new(worker),
            Err(error) => return drop(ready.send(Err(error))),
        };
        let result = runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(seat.listener)?;
            seat.generation.store(worker.table().generation, Ordering::Release);
            // Whoever started the worker waits for this.
            let _ = ready.send(Ok(()));
            let followed = follow_tables(worker.clone(), seat.tables, seat.generation, seat.report);
            spawn_local(followed);
            spawn_local(sweep(worker.clone()));
            run(worker, listener, seat.inbox).await;
            io::Result::Ok(())
        });
        if let Err(error) = result {
            tracing::error!(%error, "a worker can't listen");
        }
    })?;
    started.recv().unwrap_or_else(|_| Err(io::Error::other("a worker ended at its start")))?;
    Ok(thread)
}

/// Takes up each new table. Requests that run keep the one that they began with.
async fn follow_tables(
    worker: Rc<Worker>,
    mut tables: watch::Receiver<Arc<Table>>,
    generation: Arc<AtomicU64>,
    report: watch::Sender<()>,
) {
    while tables.changed().await.is_ok() {
        let table = tables.borrow_and_update().clone();
        let number = table.generation;
        worker.table.replace(Rc::new(table));
        generation.store(number, Ordering::Release);
        report.send_replace(());
    }
}

async fn sweep(worker: Rc<Worker>) {
    loop {
        tokio::time::sleep(SWEEP).await;
        worker.upstreams.sweep();
    }
}

/// Accepts connections until told to drain, then waits for those that are left.
async fn run(
    worker: Rc<Worker>,
    listener: tokio::net::TcpListener,
    mut inbox: mpsc::UnboundedReceiver<Command>,
) {
    let listener = Rc::new(listener);
    let accepting = spawn_local(accept(worker.clone(), listener.clone()));
    let mut listening = Some(listener);
    let mut draining = None;
    while let Some(command) = inbox.recv().await {
        match command {
            // Whoever asked may have gone.
            Command::Collect(reply) => drop(reply.send(worker.snapshot())),
            Command::Drain(reply) => {
                accepting.abort();
                if let Some(listener) = listening.take() {
                    accept_waiting(&worker, &listener);
                }
                draining.get_or_insert_with(|| spawn_local(drain(worker.clone(), reply)));
            }
        }
    }
}

async fn drain(worker: Rc<Worker>, reply: oneshot::Sender<()>) {
    worker.drain().await;
    let _ = reply.send(());
}

/// Takes up the connections that wait to be accepted: closing the listener would reset them.
fn accept_waiting(worker: &Rc<Worker>, listener: &tokio::net::TcpListener) {
    while let Some(Ok((stream, peer))) = listener.accept().now_or_never() {
        take_up(worker, stream, peer);
    }
}

/// Serves an accepted connection in a task of its own.
fn take_up(worker: &Rc<Worker>, stream: TcpStream, peer: SocketAddr) {
    // Answers are written whole; waiting to fill segments only delays them. A socket that can't
    // have it still works.
    let _ = stream.set_nodelay(true);
    spawn_local(connection::serve(worker.clone(), stream, peer));
}

async fn accept(worker: Rc<Worker>, listener: Rc<tokio::net::TcpListener>) {
    loop {
        while worker.connections.borrow().len() >= worker.limits.connections {
            worker.closed.notified().await;
        }
        match listener.accept().await {
            Ok((stream, peer)) => take_up(&worker, stream, peer),
            Err(error) if is_the_clients(&error) => {}
            Err(error) => {
                tracing::warn!(%error, "can't accept connections");
                tokio::time::sleep(NO_DESCRIPTORS).await;
            }
        }
    }
}

/// Whether accept failed only because the client has gone already.
fn is_the_clients(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::Interrupted
    )
}

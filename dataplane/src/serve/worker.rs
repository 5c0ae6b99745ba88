//! One worker: a thread that accepts connections and serves them.

use super::{Command, listen::Listeners};
use crate::{
    config::{Config, HttpsPorts},
    connection::{self, Admission, Clients, MemoryBudget, Registry, Tickets, TlsAcceptor},
    endpoint,
    proxy::{Peer, Shared},
    table::{Scheme, Table},
    telemetry::GaveWay,
};
use futures_util::FutureExt;
use std::{
    cell::Cell,
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
    sync::{mpsc, oneshot, watch},
    task::{spawn_local, yield_now},
};

/// How often dead and idle connections to backends are evicted.
const EVICT_INTERVAL: Duration = Duration::from_secs(5);

/// How long to wait after a failed accept, for example when file descriptors run out.
const ACCEPT_RETRY_DELAY: Duration = Duration::from_millis(50);

/// After so many polls of tasks, the worker looks for new events, unless the queue of connections
/// makes it look before.
const EVENT_INTERVAL: u32 = 64;

/// How many connections are accepted before others have their turn.
const ACCEPTS_PER_TURN: usize = 16;

/// The arguments of a worker.
pub(super) struct WorkerArgs {
    pub(super) config: Arc<Config>,
    /// Shared by all workers.
    pub(super) memory: Arc<MemoryBudget>,
    /// Shared by all workers.
    pub(super) clients: Arc<Clients>,
    /// What is known of endpoints, by all workers.
    pub(super) endpoints: Arc<endpoint::Registry>,
    /// Shared by all workers.
    pub(super) tickets: Tickets,
    pub(super) https_ports: HttpsPorts,
    pub(super) listeners: Listeners<TcpListener>,
    pub(super) tables: watch::Receiver<Arc<Table>>,
    pub(super) inbox: mpsc::UnboundedReceiver<Command>,
    pub(super) generation: Arc<AtomicU64>,
    pub(super) report: watch::Sender<()>,
}

/// A running worker's state.
struct Worker {
    shared: Rc<Shared>,
    registry: Rc<Registry>,
    clients: Arc<Clients>,
    tls: Rc<TlsAcceptor>,
    /// An accepted connection that waits for its place.
    waiting: Cell<Option<Accepted>>,
}

/// A new connection.
struct Accepted {
    scheme: Scheme,
    stream: TcpStream,
    peer: SocketAddr,
    admission: Admission,
}

/// Starts a worker's thread; returns when it is serving.
pub(super) fn start(number: usize, mut args: WorkerArgs) -> io::Result<thread::JoinHandle<()>> {
    let table = args.tables.borrow_and_update().clone();
    let (ready, started) = std::sync::mpsc::channel();
    let thread = thread::Builder::new().name(format!("worker-{number}")).spawn(move || {
        let mut builder = Builder::new_current_thread();
        builder.enable_all().event_interval(EVENT_INTERVAL);
        let runtime = match builder.build_local(LocalOptions::default()) {
            Ok(runtime) => runtime,
            Err(error) => return drop(ready.send(Err(error))),
        };
        let shared = match Shared::new(&args.config, args.https_ports, table, args.endpoints) {
            Ok(shared) => Rc::new(shared),
            Err(error) => return drop(ready.send(Err(error))),
        };
        let registry = Rc::new(Registry::new(args.memory));
        let tls = Rc::new(TlsAcceptor::new(args.tickets));
        let (clients, waiting) = (args.clients, Cell::default());
        let worker = Rc::new(Worker { shared, registry, clients, tls, waiting });
        let result = runtime.block_on(async {
            let listeners = args.listeners.into_async()?;
            args.generation.store(worker.shared.table().generation, Ordering::Release);
            // The thread that starts the worker waits for this.
            let _ = ready.send(Ok(()));
            spawn_local(follow_tables(worker.clone(), args.tables, args.generation, args.report));
            spawn_local(evict_idle(worker.shared.clone()));
            spawn_local(give_up_wanted(worker.shared.clone()));
            run(worker, listeners, args.inbox).await;
            io::Result::Ok(())
        });
        if let Err(error) = result {
            tracing::error!(%error, "a worker can't listen");
        }
    })?;
    started.recv().unwrap_or_else(|_| Err(io::Error::other("a worker ended while starting")))?;
    Ok(thread)
}

/// Serves new requests from each new table.
async fn follow_tables(
    worker: Rc<Worker>,
    mut tables: watch::Receiver<Arc<Table>>,
    generation: Arc<AtomicU64>,
    report: watch::Sender<()>,
) {
    while tables.changed().await.is_ok() {
        let table = tables.borrow_and_update().clone();
        let number = table.generation;
        worker.tls.table_changed(&table);
        worker.shared.replace_table(table);
        generation.store(number, Ordering::Release);
        report.send_replace(());
    }
}

async fn evict_idle(shared: Rc<Shared>) {
    loop {
        tokio::time::sleep(EVICT_INTERVAL).await;
        shared.evict_idle();
        shared.registry.forget_stale();
    }
}

/// Closes idle connections to backends when another worker needs one that there may not be.
async fn give_up_wanted(shared: Rc<Shared>) {
    let mut wanted = shared.registry.reclaim().subscribe();
    while wanted.changed().await.is_ok() {
        shared.upstreams.give_up_wanted();
    }
}

/// Accepts connections until told to drain, then waits for those that are left.
async fn run(
    worker: Rc<Worker>,
    listeners: Listeners<tokio::net::TcpListener>,
    mut inbox: mpsc::UnboundedReceiver<Command>,
) {
    let listeners = Rc::new(listeners);
    let accepting = accept(worker.clone(), listeners.clone());
    let accepting = spawn_local(worker.shared.run_queue.queued(Box::pin(accepting)));
    let mut listening = Some(listeners);
    let mut draining = None;
    while let Some(command) = inbox.recv().await {
        match command {
            // The receiver may be gone.
            Command::Collect(reply) => {
                let (connections, handshakes) =
                    (worker.registry.counts(), worker.tls.stats.counts());
                drop(reply.send(worker.shared.snapshot(connections, handshakes).await));
            }
            Command::Failures(reply) => drop(reply.send(worker.shared.failures())),
            Command::Drain(reply) => {
                accepting.abort();
                spawn_waiting(&worker);
                if let Some(listeners) = listening.take() {
                    accept_waiting(&worker, &listeners);
                }
                draining.get_or_insert_with(|| spawn_local(drain(worker.clone(), reply)));
            }
        }
    }
}

async fn drain(worker: Rc<Worker>, reply: oneshot::Sender<()>) {
    worker.registry.drain().await;
    let _ = reply.send(());
}

/// Accepts connections that are already queued: closing the listener would reset them.
fn accept_waiting(worker: &Rc<Worker>, listeners: &Listeners<tokio::net::TcpListener>) {
    while let Some((scheme, Ok((stream, peer)))) = listeners.accept().now_or_never() {
        if admit(worker, scheme, stream, peer) {
            spawn_waiting(worker);
        }
    }
}

/// Lets a connection wait for its place; `false` if its client has too many.
fn admit(worker: &Worker, scheme: Scheme, stream: TcpStream, peer: SocketAddr) -> bool {
    let Some(admission) = worker.clients.admit(peer.ip()) else {
        worker.registry.count(GaveWay::Client);
        return false;
    };
    worker.waiting.set(Some(Accepted { scheme, stream, peer, admission }));
    true
}

/// Serves the connection that waits for its place, in a task of its own.
fn spawn_waiting(worker: &Worker) {
    let Some(accepted) = worker.waiting.take() else { return };
    let Accepted { scheme, stream, peer, admission } = accepted;
    let (shared, registry) = (worker.shared.clone(), &worker.registry);
    match scheme {
        Scheme::Http => {
            let peer = Peer::new(peer, scheme);
            let connection = connection::serve(shared, registry, stream, peer, admission);
            spawn_queued(&worker.shared, connection);
        }
        Scheme::Https => {
            let tls = worker.tls.clone();
            let connection = connection::serve_tls(shared, registry, tls, stream, peer, admission);
            spawn_queued(&worker.shared, connection);
        }
    }
}

/// Spawns a task for a connection. Its future is moved many times on its way into a task, and is large.
fn spawn_queued(shared: &Shared, connection: impl Future<Output = ()> + 'static) {
    spawn_local(shared.run_queue.queued(Box::pin(connection)));
}

async fn accept(worker: Rc<Worker>, listeners: Rc<Listeners<tokio::net::TcpListener>>) {
    for number in 1_usize.. {
        if number.is_multiple_of(ACCEPTS_PER_TURN) {
            yield_now().await;
        }
        let (scheme, accepted) = listeners.accept().await;
        match accepted {
            Ok((stream, peer)) => {
                if admit(&worker, scheme, stream, peer) {
                    worker.registry.make_room(worker.shared.limits.connections).await;
                    spawn_waiting(&worker);
                }
            }
            Err(error) if is_client_fault(&error) => {}
            Err(error) => {
                tracing::warn!(%error, "can't accept connections");
                tokio::time::sleep(ACCEPT_RETRY_DELAY).await;
            }
        }
    }
}

/// Whether accept failed only because the client has already gone.
fn is_client_fault(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::Interrupted
    )
}

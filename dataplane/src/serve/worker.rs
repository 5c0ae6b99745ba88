//! One worker: a thread that accepts connections and serves them.

use super::Command;
use crate::{
    config::Config,
    connection::{self, Registry},
    proxy::Shared,
    table::Table,
    upstream::Backoff,
};
use futures_util::FutureExt;
use std::{
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
    task::spawn_local,
};

/// How often dead and idle connections to backends are evicted.
const EVICT_INTERVAL: Duration = Duration::from_secs(5);

/// How long to wait after a failed accept, for example when file descriptors run out.
const ACCEPT_RETRY_DELAY: Duration = Duration::from_millis(50);

/// The arguments of a worker.
pub(super) struct WorkerArgs {
    pub(super) config: Arc<Config>,
    /// The endpoints that do not accept connections, as all workers know them.
    pub(super) backoff: Arc<Backoff>,
    pub(super) listener: TcpListener,
    pub(super) tables: watch::Receiver<Arc<Table>>,
    pub(super) inbox: mpsc::UnboundedReceiver<Command>,
    pub(super) generation: Arc<AtomicU64>,
    pub(super) report: watch::Sender<()>,
}

/// A running worker's state.
struct Worker {
    shared: Rc<Shared>,
    registry: Rc<Registry>,
}

/// Starts a worker's thread; returns when it is serving.
pub(super) fn start(number: usize, mut args: WorkerArgs) -> io::Result<thread::JoinHandle<()>> {
    let table = args.tables.borrow_and_update().clone();
    let (ready, started) = std::sync::mpsc::channel();
    let thread = thread::Builder::new().name(format!("worker-{number}")).spawn(move || {
        let built = Builder::new_current_thread().enable_all().build_local(LocalOptions::default());
        let runtime = match built {
            Ok(runtime) => runtime,
            Err(error) => return drop(ready.send(Err(error))),
        };
        let worker = match Shared::new(&args.config, table, args.backoff) {
            Ok(shared) => Rc::new(Worker { shared: Rc::new(shared), registry: Rc::default() }),
            Err(error) => return drop(ready.send(Err(error))),
        };
        let result = runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(args.listener)?;
            args.generation.store(worker.shared.table().generation, Ordering::Release);
            // The thread that starts the worker waits for this.
            let _ = ready.send(Ok(()));
            let followed =
                follow_tables(worker.shared.clone(), args.tables, args.generation, args.report);
            spawn_local(followed);
            spawn_local(evict_idle(worker.shared.clone()));
            run(worker, listener, args.inbox).await;
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
    shared: Rc<Shared>,
    mut tables: watch::Receiver<Arc<Table>>,
    generation: Arc<AtomicU64>,
    report: watch::Sender<()>,
) {
    while tables.changed().await.is_ok() {
        let table = tables.borrow_and_update().clone();
        let number = table.generation;
        shared.replace_table(table);
        generation.store(number, Ordering::Release);
        report.send_replace(());
    }
}

async fn evict_idle(shared: Rc<Shared>) {
    loop {
        tokio::time::sleep(EVICT_INTERVAL).await;
        shared.upstreams.evict_idle();
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
            // The receiver may be gone.
            Command::Collect(reply) => {
                drop(reply.send(worker.shared.snapshot(worker.registry.len())))
            }
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
    worker.registry.drain().await;
    let _ = reply.send(());
}

/// Accepts connections that are already queued: closing the listener would reset them.
fn accept_waiting(worker: &Rc<Worker>, listener: &tokio::net::TcpListener) {
    while let Some(Ok((stream, peer))) = listener.accept().now_or_never() {
        spawn_connection(worker, stream, peer);
    }
}

/// Serves an accepted connection in a task of its own.
fn spawn_connection(worker: &Rc<Worker>, stream: TcpStream, peer: SocketAddr) {
    // Responses are written whole, so waiting to fill segments would only delay them. A socket that
    // not support it still works.
    let _ = stream.set_nodelay(true);
    spawn_local(connection::serve(worker.shared.clone(), &worker.registry, stream, peer));
}

async fn accept(worker: Rc<Worker>, listener: Rc<tokio::net::TcpListener>) {
    loop {
        worker.registry.below(worker.shared.limits.connections).await;
        match listener.accept().await {
            Ok((stream, peer)) => spawn_connection(&worker, stream, peer),
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

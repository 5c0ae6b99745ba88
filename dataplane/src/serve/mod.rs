//! The running dataplane: workers, each a thread with its own runtime, listener and pools, which
//! share only the table and what is known of endpoints.

mod listen;
mod worker;

use crate::{
    config::{Config, HttpsPorts},
    connection::{Clients, MemoryBudget, Tickets},
    endpoint::{self, Names},
    explain::{Question, Target},
    health_check::HealthChecks,
    table::Table,
    telemetry::{self, ConnectionMemory},
};
pub use crate::{
    endpoint::{ShownBackend, ShownEndpoint, State as EndpointState},
    telemetry::{
        Durations, FailedRequest, Measurements, OutcomeCount, Preflights, RouteMeasurements,
        RouteTraffic, Traffic,
    },
};
use http::{HeaderMap, HeaderValue, Method};
use listen::Listeners;
use std::{
    fmt, io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};
use tokio::sync::{mpsc, oneshot, watch};

/// A command to a worker.
enum Command {
    /// Send a snapshot of the counters.
    Collect(oneshot::Sender<telemetry::Snapshot>),
    /// Send the last failed requests.
    Failures(oneshot::Sender<Vec<Arc<FailedRequest>>>),
    /// Stop accepting and close idle connections; reply when none is left.
    Drain(oneshot::Sender<()>),
}

/// A running dataplane.
pub struct Dataplane {
    http: SocketAddr,
    https: SocketAddr,
    https_ports: HttpsPorts,
    config: Arc<Config>,
    tables: watch::Receiver<Arc<Table>>,
    workers: Vec<Handle>,
    endpoints: Arc<endpoint::Registry>,
    health: HealthChecks,
    memory: Arc<MemoryBudget>,
    progress: watch::Receiver<()>,
}

/// Why a dataplane does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address for plain HTTP can't be bound.
    #[error(transparent)]
    Http(io::Error),
    /// The address for HTTPS can't be bound.
    #[error(transparent)]
    Https(io::Error),
    /// A thread can't be started, or TLS can't be set up.
    #[error(transparent)]
    Worker(io::Error),
}

struct Handle {
    commands: mpsc::UnboundedSender<Command>,
    /// The table generation that it serves.
    generation: Arc<AtomicU64>,
    thread: thread::JoinHandle<()>,
}

impl fmt::Debug for Dataplane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Dataplane");
        shown.field("http", &self.http).field("https", &self.https).finish_non_exhaustive()
    }
}

impl Dataplane {
    /// Binds the listeners and starts the workers, which serve requests from the newest of
    /// `tables`.
    ///
    /// # Errors If an address can't be bound, a thread can't be started, or TLS can't be set up.
    pub fn start(config: Config, tables: watch::Receiver<Arc<Table>>) -> Result<Self, StartError> {
        let count = config.workers.max(1);
        let (http, plain) = listen::bind(config.http, count).map_err(StartError::Http)?;
        let (https, tls) = listen::bind(config.https, count).map_err(StartError::Https)?;
        let listeners = plain.into_iter().zip(tls).map(|(http, https)| Listeners { http, https });
        let public = config.public_https_port;
        let https_ports = HttpsPorts { http: http.port(), https: https.port(), public };
        let tickets =
            Tickets::new().map_err(|error| StartError::Worker(io::Error::other(error)))?;
        let memory = Arc::new(MemoryBudget::new(config.limits.memory));
        let clients = Arc::new(Clients::new(config.limits.connections_per_client));
        let endpoints = Arc::new(endpoint::Registry::new(Names::new(config.guard.clone())));
        endpoints.look_up_names(config.name_servers.clone()).map_err(StartError::Worker)?;
        let health = HealthChecks::start(endpoints.clone(), config.limits.response_fields);
        let health = health.map_err(StartError::Worker)?;
        let config = Arc::new(config);
        let (report, progress) = watch::channel(());
        let mut workers = Vec::with_capacity(count);
        for (number, listeners) in listeners.enumerate() {
            let (commands, inbox) = mpsc::unbounded_channel();
            let generation = Arc::new(AtomicU64::new(0));
            let args = worker::WorkerArgs {
                config: config.clone(),
                memory: memory.clone(),
                clients: clients.clone(),
                endpoints: endpoints.clone(),
                tickets: tickets.clone(),
                https_ports,
                listeners,
                tables: tables.clone(),
                inbox,
                generation: generation.clone(),
                report: report.clone(),
            };
            let thread = worker::start(number, args).map_err(StartError::Worker)?;
            workers.push(Handle { commands, generation, thread });
        }
        Ok(Self {
            http,
            https,
            https_ports,
            config,
            tables,
            workers,
            endpoints,
            health,
            memory,
            progress,
        })
    }

    /// The address of the plain HTTP listeners.
    pub fn http_addr(&self) -> SocketAddr {
        self.http
    }

    /// The address of the HTTPS listeners.
    pub fn https_addr(&self) -> SocketAddr {
        self.https
    }

    /// The oldest table generation that any worker uses for new requests.
    pub fn generation(&self) -> u64 {
        let served = self.workers.iter().map(|worker| worker.generation.load(Ordering::Acquire));
        served.min().unwrap_or(0)
    }

    /// Waits until every worker serves generation `generation` or a later one. The future does not
    /// borrow the dataplane, which may be drained meanwhile.
    pub fn serving(&self, generation: u64) -> impl Future<Output = ()> + Send + use<> {
        let mut progress = self.progress.clone();
        let served: Vec<_> = self.workers.iter().map(|worker| worker.generation.clone()).collect();
        async move {
            while served.iter().any(|served| served.load(Ordering::Acquire) < generation) {
                if progress.changed().await.is_err() {
                    return;
                }
            }
        }
    }

    /// What is known of the endpoints of all backends that the newest table names.
    pub fn backends(&self) -> Vec<ShownBackend> {
        self.endpoints.shown()
    }

    /// The question what happens to a request that this dataplane gets.
    pub fn question(
        &self,
        method: Method,
        target: Target,
        origin: Option<HeaderValue>,
        headers: HeaderMap,
    ) -> Question {
        Question {
            method,
            target,
            origin,
            headers,
            via_name: self.config.via_name.clone(),
            underscores: self.config.limits.underscores,
            https_ports: self.https_ports,
        }
    }

    /// The requests of each Route so far, over all workers.
    pub async fn traffic(&self) -> Traffic {
        telemetry::traffic(&self.collect(Command::Collect).await)
    }

    /// The main series of [`encode_metrics`](Self::encode_metrics), as numbers.
    pub async fn measurements(&self) -> Measurements {
        telemetry::measurements(&self.collect(Command::Collect).await)
    }

    /// The last 100 requests that were refused or failed, the newest first.
    pub async fn failures(&self) -> Vec<Arc<FailedRequest>> {
        telemetry::last_failures(self.collect(Command::Failures).await)
    }

    /// The replies of all workers to a command. One that is gone has none.
    async fn collect<T>(&self, command: impl Fn(oneshot::Sender<T>) -> Command) -> Vec<T> {
        let mut replies = Vec::with_capacity(self.workers.len());
        for worker in &self.workers {
            let (reply, response) = oneshot::channel();
            if worker.commands.send(command(reply)).is_ok()
                && let Ok(reply) = response.await
            {
                replies.push(reply);
            }
        }
        replies
    }

    /// The counters of all workers in the Prometheus text format, appended to `out`.
    pub async fn encode_metrics(&self, out: &mut String) {
        let snapshots = self.collect(Command::Collect).await;
        let memory = ConnectionMemory { used: self.memory.used(), limit: self.memory.limit() };
        let table = self.tables.borrow().clone();
        // Writing to a String never fails.
        let _ = telemetry::encode(&snapshots, memory, &table, out);
        let _ = self.health.counts().encode(out);
        let _ = endpoint::encode(&self.backends(), out);
    }

    /// Closes the listeners and idle connections, and waits up to `timeout` for requests in flight.
    /// Ends health checks then. Returns whether all requests ended.
    pub async fn drain(self, timeout: Duration) -> bool {
        let mut drained = Vec::with_capacity(self.workers.len());
        for worker in &self.workers {
            let (reply, response) = oneshot::channel();
            if worker.commands.send(Command::Drain(reply)).is_ok() {
                drained.push(response);
            }
        }
        let all = async {
            for response in drained {
                // A worker that is gone has nothing in flight.
                let _ = response.await;
            }
        };
        let in_time = tokio::time::timeout(timeout, all).await.is_ok();
        let threads: Vec<_> = self
            .workers
            .into_iter()
            .map(|worker| {
                drop(worker.commands);
                worker.thread
            })
            .chain([self.health.stop()])
            .collect();
        let joined = tokio::task::spawn_blocking(move || {
            threads.into_iter().all(|thread| thread.join().is_ok())
        });
        joined.await.unwrap_or(false) && in_time
    }
}

//! State that the requests of a worker share. Single-threaded: no locks.

use super::{headers::Via, request_id::RequestIds, route_state::RouteStates, turns::Turns};
use crate::{
    access_log::{AccessLog, WorkerLog},
    balance::Sequence,
    config::{Config, HttpsPorts, Limits},
    endpoint::Registry,
    random::random,
    run_queue::RunQueue,
    table::Table,
    telemetry::{ConnectionCounts, FailedRequest, HandshakeCounts, RuleStats, Snapshot},
    trace::{Tracer, Tracing},
    upstream::Upstreams,
};
use std::{
    cell::{Cell, RefCell},
    io,
    rc::Rc,
    sync::Arc,
};
use tokio::task::yield_now;

/// How many Routes' counters are copied before others have their turn: less than a millisecond's
/// work.
const ROUTES_PER_TURN: usize = 1_000;

/// Which part of the budget for clients' connections the windows of backends may take beside it.
const WINDOWS_SHARE: usize = 16;

/// State that the requests of a worker share.
pub(crate) struct Shared {
    /// Bounds on what clients may send.
    pub(crate) limits: Arc<Limits>,
    /// Where plain HTTP is redirected to.
    pub(super) https_ports: HttpsPorts,
    /// What is known of endpoints, by all workers.
    pub(crate) registry: Arc<Registry>,
    /// In which order connections are served.
    pub(crate) run_queue: Rc<RunQueue>,
    /// Connections to backends.
    pub(crate) upstreams: Upstreams,
    /// This install's name in `Via`.
    pub(super) via: Via,
    /// The state of each Route.
    pub(super) routes: RouteStates,
    /// How often rules have acted.
    pub(super) rules: RuleStats,
    /// Picks the endpoint for the next request.
    pub(super) endpoints: Sequence,
    /// Whose turn it is of those whose requests are costly.
    pub(super) turns: Turns,
    /// The source of request ids.
    pub(super) ids: RequestIds,
    /// Where requests are logged, if they are.
    pub(super) access_log: Option<Rc<WorkerLog>>,
    /// What traces requests, if they are traced.
    pub(super) tracer: Option<Rc<Tracer>>,
    /// The version of the registry whose backends were retained last, and how many had counts.
    retained: Cell<(u64, usize)>,
    #[expect(clippy::redundant_allocation, reason = "see `Shared::table`")]
    table: RefCell<Rc<Arc<Table>>>,
}

impl Shared {
    /// Creates the state for a worker that serves `table`; `registry` is that of all workers.
    ///
    /// # Errors If the name in `Via` is not a token.
    pub(crate) fn new(
        config: &Config,
        https_ports: HttpsPorts,
        table: Arc<Table>,
        registry: Arc<Registry>,
    ) -> io::Result<Self> {
        let window_bytes = config.limits.memory / WINDOWS_SHARE / config.workers.max(1);
        registry.table_changed(&table);
        let run_queue = Rc::<RunQueue>::default();
        Ok(Self {
            limits: Arc::new(config.limits.clone()),
            https_ports,
            upstreams: Upstreams::sharing(
                config.limits.response_fields,
                window_bytes,
                registry.reclaim().clone(),
                run_queue.clone(),
            ),
            run_queue,
            registry,
            via: Via::new(&config.via_name).map_err(io::Error::other)?,
            routes: RouteStates::new(random()),
            rules: RuleStats::default(),
            endpoints: Sequence::of_endpoints(),
            turns: Turns::default(),
            ids: RequestIds::new(),
            access_log: config.access_log.as_ref().map(AccessLog::of_worker),
            tracer: config.tracing.as_ref().map(Tracing::of_worker),
            retained: Cell::default(),
            table: RefCell::new(Rc::new(table)),
        })
    }

    /// The table for new requests. This clones the thread's own pointer, so that cores don't
    /// contend for a reference count.
    #[expect(clippy::redundant_allocation, reason = "the inner count is shared between cores")]
    pub(crate) fn table(&self) -> Rc<Arc<Table>> {
        self.table.borrow().clone()
    }

    /// Serves new requests from another table. Requests in flight keep theirs.
    pub(crate) fn replace_table(&self, table: Arc<Table>) {
        self.registry.table_changed(&table);
        self.table.replace(Rc::new(table));
    }

    /// Closes connections that are dead or have been idle too long, and forgets Routes that are gone.
    /// Called periodically.
    pub(crate) fn evict_idle(&self) {
        self.upstreams.evict_idle();
        self.routes.retain(&self.table());
        self.rules.retain(&self.table());
        self.forget_backends();
    }

    /// Forgets the counts of backends that the newest table does not name.
    fn forget_backends(&self) {
        let stats = &self.upstreams.stats;
        let version = self.registry.version();
        if self.retained.get() != (version, stats.len()) {
            self.registry.with_backends(|known| stats.retain(known));
            self.retained.set((version, stats.len()));
        }
    }

    /// The last requests that were refused or failed, the newest first.
    pub(crate) fn failures(&self) -> Vec<Arc<FailedRequest>> {
        self.routes.failures.all()
    }

    /// A snapshot of the counters; `connections` and `handshakes` are those of client connections.
    /// Requests are served meanwhile.
    pub(crate) async fn snapshot(
        &self,
        connections: ConnectionCounts,
        handshakes: HandshakeCounts,
    ) -> Snapshot {
        self.routes.retain(&self.table());
        self.rules.retain(&self.table());
        self.forget_backends();
        let upstream = self.upstreams.stats.snapshot(self.upstreams.idle());
        let mut snapshot = Snapshot::of(self.rules.counts(), upstream, connections, handshakes);
        for routes in self.routes.stats().chunks(ROUTES_PER_TURN) {
            snapshot.add(routes);
            yield_now().await;
        }
        snapshot
    }
}

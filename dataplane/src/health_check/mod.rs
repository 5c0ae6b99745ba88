//! Active checks: one thread asks each endpoint whether it is well, once for each `health` block
//! that its Routes have, and writes the answers where workers read them.

mod counts;
mod request;
mod schedule;

pub(crate) use counts::CheckCounts;

use crate::{
    endpoint::{CheckFailure, CheckState, Checked, Registry, Transition},
    random,
    upstream::Upstreams,
};
use hashbrown::HashMap;
use std::{
    cell::RefCell,
    collections::HashSet,
    io,
    rc::Rc,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};
use tokio::{
    runtime::{Builder, LocalOptions},
    sync::oneshot,
    task::{JoinHandle, spawn_local},
    time::{interval, sleep, sleep_until},
};

/// How often dead and idle connections are evicted.
const EVICT_INTERVAL: Duration = Duration::from_secs(5);

/// The running checks. They end when this is dropped.
#[derive(Debug)]
pub(crate) struct HealthChecks {
    counts: Arc<CheckCounts>,
    /// The thread ends when this does.
    _running: oneshot::Sender<()>,
    thread: thread::JoinHandle<()>,
}

impl HealthChecks {
    /// Starts the thread that checks the endpoints of `registry`. Responses have at most
    /// `max_fields` fields.
    ///
    /// # Errors If the thread can't be started.
    pub(crate) fn start(registry: Arc<Registry>, max_fields: usize) -> io::Result<Self> {
        let (_running, stopped) = oneshot::channel();
        let counts = Arc::<CheckCounts>::default();
        let own_counts = counts.clone();
        let (ready, started) = std::sync::mpsc::channel();
        let thread = thread::Builder::new().name("health".to_owned()).spawn(move || {
            let mut builder = Builder::new_current_thread();
            let runtime = match builder.enable_all().build_local(LocalOptions::default()) {
                Ok(runtime) => runtime,
                Err(error) => return drop(ready.send(Err(error))),
            };
            // The thread that starts this one waits for this.
            let _ = ready.send(Ok(()));
            let upstreams = Upstreams::new(max_fields, 0);
            let checker = Rc::new(Checker { upstreams, registry, counts: own_counts });
            runtime.block_on(async {
                tokio::select! {
                    () = checker.clone().run() => {}
                    // Nothing is ever sent.
                    _ = stopped => {}
                }
            });
        })?;
        started.recv().unwrap_or_else(|_| Err(io::Error::other("health checks did not start")))?;
        Ok(Self { counts, _running, thread })
    }

    /// How many checks succeeded and failed.
    pub(crate) fn counts(&self) -> &CheckCounts {
        &self.counts
    }

    /// Ends the checks; the thread ends soon after.
    pub(crate) fn stop(self) -> thread::JoinHandle<()> {
        self.thread
    }
}

/// The state of the thread.
struct Checker {
    /// Its own connections, which no limit counts.
    upstreams: Upstreams,
    registry: Arc<Registry>,
    counts: Arc<CheckCounts>,
}

/// The checks of one endpoint under one block.
struct Running {
    /// What is checked, as the newest table says.
    checked: Rc<RefCell<Rc<Checked>>>,
    task: JoinHandle<()>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Checker {
    /// Checks what the newest table says.
    async fn run(self: Rc<Self>) {
        let mut evictions = interval(EVICT_INTERVAL);
        let mut running = HashMap::new();
        self.follow(&mut running);
        loop {
            tokio::select! {
                () = self.registry.changed() => self.follow(&mut running),
                _ = evictions.tick() => {
                    self.upstreams.evict_idle();
                    // Nobody reads them.
                    self.upstreams.stats.retain(&HashSet::new());
                }
            }
        }
    }

    /// Begins and ends checks so that they are those of the newest table; those that go on keep
    /// their pace.
    fn follow(self: &Rc<Self>, running: &mut HashMap<*const CheckState, Running>) {
        let all = self.registry.checks();
        self.counts.retain(&all.iter().map(|checked| &*checked.backend.name).collect());
        let mut before = std::mem::take(running);
        let mut new = Vec::new();
        for checked in all {
            // A task has its own pointer to the state, so no other can have the same address.
            let key = Arc::as_ptr(&checked.state);
            match before.remove(&key) {
                Some(known) => {
                    known.checked.replace(Rc::new(checked));
                    running.insert(key, known);
                }
                None => new.push((key, checked)),
            }
        }
        let count = new.len();
        for (index, (key, checked)) in new.into_iter().enumerate() {
            let (begins, second) = schedule::first(index, count, checked.block.interval);
            let checked = Rc::new(RefCell::new(Rc::new(checked)));
            let checks = self.clone().check_always(checked.clone(), begins, second);
            running.insert(key, Running { checked, task: spawn_local(checks) });
        }
    }

    /// Checks an endpoint after `begins`, once more `second` later, and then at its interval.
    async fn check_always(
        self: Rc<Self>,
        checked: Rc<RefCell<Rc<Checked>>>,
        begins: Duration,
        second: Duration,
    ) {
        sleep(begins).await;
        let mut after = second;
        loop {
            let began = Instant::now();
            let current = checked.borrow().clone();
            let outcome = request::check(&self.upstreams, &current).await;
            self.record(&current, outcome);
            sleep_until((began + after).into()).await;
            after = schedule::next(current.block.interval, random::fraction());
        }
    }

    fn record(&self, checked: &Checked, outcome: Result<Duration, CheckFailure>) {
        let now = Instant::now();
        self.counts.count(&checked.backend.name, outcome.is_ok());
        if let Ok(took) = outcome {
            checked.endpoint.took(took, now);
        }
        if let Some(transition) = checked.state.record(&checked.block, outcome.map(drop), now) {
            log(checked, transition);
        }
    }
}

/// Logs a change of an endpoint's health.
fn log(checked: &Checked, transition: Transition) {
    let (backend, endpoint) = (&checked.backend.name, checked.endpoint.address());
    let path = &checked.block.path;
    match transition {
        Transition::Recovered => {
            tracing::info!(backend, %endpoint, path, "health checks succeed again");
        }
        Transition::Failed(why) => {
            tracing::warn!(backend, %endpoint, path, %why, "health checks fail");
        }
    }
}

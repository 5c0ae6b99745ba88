//! Active checks: one thread asks each endpoint whether it is well, once for each `health` block
//! that its Routes have, and writes the answers where workers read them.

mod counts;
mod request;
mod schedule;

pub(crate) use counts::CheckCounts;

use crate::{
    endpoint::{CheckFailure, CheckState, Checked, HealthEvent, Registry, Transition, random},
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
    sync::{broadcast, oneshot},
    task::{JoinHandle, spawn_local},
    time::{interval, sleep, sleep_until},
};

/// How often dead and idle connections are evicted.
const EVICT_INTERVAL: Duration = Duration::from_secs(5);

/// How many events are kept for a receiver that is behind.
const MAX_EVENTS: usize = 1024;

/// The running checks. They end when this is dropped.
#[derive(Debug)]
pub(crate) struct HealthChecks {
    counts: Arc<CheckCounts>,
    events: broadcast::Sender<HealthEvent>,
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
        let (counts, events) = (Arc::<CheckCounts>::default(), broadcast::Sender::new(MAX_EVENTS));
        let (own_counts, own_events) = (counts.clone(), events.clone());
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
            let (counts, events) = (own_counts, own_events);
            let checker = Rc::new(Checker { upstreams, registry, counts, events });
            runtime.block_on(async {
                tokio::select! {
                    () = checker.clone().run() => {}
                    // Nothing is ever sent.
                    _ = stopped => {}
                }
            });
        })?;
        started.recv().unwrap_or_else(|_| Err(io::Error::other("health checks did not start")))?;
        Ok(Self { counts, events, _running, thread })
    }

    /// How many checks succeeded and failed.
    pub(crate) fn counts(&self) -> &CheckCounts {
        &self.counts
    }

    /// The changes of endpoints' health from now on.
    pub(crate) fn events(&self) -> broadcast::Receiver<HealthEvent> {
        self.events.subscribe()
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
    events: broadcast::Sender<HealthEvent>,
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
            after = schedule::next(current.block.interval, random());
        }
    }

    fn record(&self, checked: &Checked, outcome: Result<Duration, CheckFailure>) {
        let now = Instant::now();
        self.counts.count(&checked.backend.name, outcome.is_ok());
        if let Ok(took) = outcome {
            checked.endpoint.took(took, now);
        }
        if let Some(transition) = checked.state.record(&checked.block, outcome.map(drop), now) {
            self.tell(checked, transition);
        }
    }

    /// Tells of a change of an endpoint's health.
    fn tell(&self, checked: &Checked, transition: Transition) {
        let (backend, endpoint) = (&checked.backend.name, checked.endpoint.address());
        let path = &checked.block.path;
        let (healthy, reason) = match transition {
            Transition::Recovered => {
                tracing::info!(backend, %endpoint, path, "health checks succeed again");
                (true, format!("{} checks of {path} have succeeded", checked.block.healthy_after))
            }
            Transition::Failed(why) => {
                tracing::warn!(backend, %endpoint, path, %why, "health checks fail");
                (false, why.to_string())
            }
        };
        let routes = checked.routes.clone();
        let event = HealthEvent { routes, backend: backend.clone(), endpoint, healthy, reason };
        // Nobody may want to know.
        let _ = self.events.send(event);
    }
}

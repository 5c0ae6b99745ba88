//! What the page shows, looked up at most once a second, however many ask.

use super::Stage;
use crate::{
    overview::{Facts, History, Inputs, ShownHistory, Tick, Window},
    publish::StatusUpdate,
    report::Report,
};
use bytes::Bytes;
use k8s_openapi::jiff::Timestamp;
use portico_dataplane::{
    serve::Traffic,
    table::{ObjectName, Table},
};
use std::{
    convert::Infallible,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};
use tokio::{
    sync::{Mutex, Notify, RwLock, watch},
    task::{JoinError, spawn_blocking},
    time::{sleep, timeout},
};

/// How long a look is good enough.
const INTERVAL: Duration = Duration::from_secs(1);
/// After how long without readers the last one is forgotten: it holds memory for each Route.
const FORGET: Duration = Duration::from_secs(60);

/// What the page shows.
#[derive(Debug)]
pub(super) struct Live {
    /// When the process started, before anything was counted.
    started: Timestamp,
    tables: watch::Receiver<Arc<Table>>,
    statuses: watch::Receiver<Arc<StatusUpdate>>,
    known: Mutex<Known>,
    history: Mutex<History>,
    /// The latest look, for those that follow.
    ticks: watch::Sender<Option<Arc<Tick>>>,
    /// Somebody has begun to follow.
    followed: Notify,
}

/// What was found when somebody last looked.
#[derive(Debug)]
struct Known {
    window: Window,
    facts: Option<Joined>,
    tick: Option<(Instant, Arc<Tick>)>,
}

/// Facts, and what they are of.
#[derive(Clone, Debug)]
struct Joined {
    table: Arc<Table>,
    update: Arc<StatusUpdate>,
    facts: Arc<Facts>,
}

impl Live {
    /// Looks at the latest of `tables` and `statuses`, once somebody asks.
    pub(super) fn new(
        tables: watch::Receiver<Arc<Table>>,
        statuses: watch::Receiver<Arc<StatusUpdate>>,
    ) -> Self {
        let known = Known { window: Window::new(Instant::now()), facts: None, tick: None };
        let (ticks, followed, history) = Default::default();
        let (started, known) = (Timestamp::now(), Mutex::new(known));
        Self { started, tables, statuses, known, history, ticks, followed }
    }

    /// Further looks, one a second for as long as anybody follows.
    pub(super) fn subscribe(&self) -> watch::Receiver<Option<Arc<Tick>>> {
        let ticks = self.ticks.subscribe();
        self.followed.notify_one();
        ticks
    }

    /// What is served, and the objects that it comes of.
    pub(super) fn served(&self) -> (Arc<Table>, Arc<StatusUpdate>) {
        (self.tables.borrow().clone(), self.statuses.borrow().clone())
    }

    /// Keeps looking while anybody follows.
    pub(super) async fn run(&self, stage: &RwLock<Stage>) -> Infallible {
        loop {
            if self.ticks.receiver_count() > 0 {
                if let Err(error) = self.tick(stage).await {
                    tracing::warn!("admin: cannot join what the page shows: {error}");
                }
                sleep(INTERVAL).await;
            } else if timeout(FORGET, self.followed.notified()).await.is_err() {
                self.forget().await;
            }
        }
    }

    /// Keeps recording the history, whether anybody looks or not.
    pub(super) async fn record(&self, stage: &RwLock<Stage>) -> Infallible {
        loop {
            let slot = self.history.lock().await.slot();
            sleep(slot).await;
            if let Stage::Serving(dataplane) = &*stage.read().await {
                let traffic = dataplane.traffic().await;
                self.history.lock().await.record(&traffic, Instant::now());
            }
        }
    }

    /// The history of these Routes.
    pub(super) async fn history(&self, names: Vec<ObjectName>) -> ShownHistory {
        self.history.lock().await.of(names)
    }

    /// What was counted of each Route in about the time `since` before now, or since the start if
    /// that is not known; `traffic` is all that was counted so far.
    pub(super) async fn report(&self, traffic: &Traffic, since: Duration) -> Report {
        let to = Timestamp::now();
        match self.history.lock().await.recent(since, traffic, Instant::now()) {
            Some(recent) => {
                let from = to.checked_sub(recent.age).unwrap_or(self.started);
                Report::recent(from, to, &recent)
            }
            None => Report::since_start(self.started, to, traffic),
        }
    }

    /// Forgets the last look, unless somebody has asked for it of late.
    async fn forget(&self) {
        let mut known = self.known.lock().await;
        if known.tick.as_ref().is_some_and(|(at, _)| at.elapsed() >= FORGET) {
            (known.facts, known.tick) = (None, None);
            known.window.clear();
            self.ticks.send_replace(None);
        }
    }

    /// The latest look, which is not older than a second.
    ///
    /// # Errors If the thread that joins the numbers has panicked.
    pub(super) async fn tick(&self, stage: &RwLock<Stage>) -> Result<Arc<Tick>, JoinError> {
        let mut known = self.known.lock().await;
        if let Some((at, tick)) = &known.tick
            && at.elapsed() < INTERVAL
        {
            return Ok(tick.clone());
        }
        let (traffic, failures, backends) = match (&*stage.read().await, &known.tick) {
            (Stage::Serving(dataplane), _) => {
                (dataplane.traffic().await, dataplane.failures().await, dataplane.backends())
            }
            // The last that was known.
            (Stage::Draining, Some((_, tick))) => return Ok(tick.clone()),
            (Stage::Starting | Stage::Draining, _) => Default::default(),
        };
        let (traffic, now) = (Arc::new(traffic), Instant::now());
        let earlier = known.window.before(now);
        known.window.push(now, traffic.clone());
        let (table, update) = self.served();
        let joined = known.facts.take();
        let previous = known.tick.take();
        let look = spawn_blocking(move || {
            let joined = Joined::of(table, update, joined);
            let inputs = Inputs {
                at: SystemTime::now(),
                generation: joined.update.generation,
                facts: joined.facts.clone(),
                traffic,
                earlier,
                backends,
                failures,
            };
            let tick = Tick::next(inputs, previous.as_ref().map(|(_, tick)| &**tick));
            (joined, Arc::new(tick))
        });
        let (joined, tick) = look.await?;
        (known.facts, known.tick) = (Some(joined), Some((now, tick.clone())));
        self.ticks.send_replace(Some(tick.clone()));
        Ok(tick)
    }
}

impl Joined {
    /// `last` if it is of the same, otherwise a new one.
    fn of(table: Arc<Table>, update: Arc<StatusUpdate>, last: Option<Self>) -> Self {
        let is_same =
            |it: &Self| Arc::ptr_eq(&it.table, &table) && Arc::ptr_eq(&it.update, &update);
        last.filter(is_same).unwrap_or_else(|| {
            let facts = Arc::new(Facts::of(&table, &update));
            Self { table, update, facts }
        })
    }
}

/// All of a look as JSON, made where it holds up nobody.
///
/// # Errors If the thread that makes it has panicked.
pub(super) async fn all(tick: Arc<Tick>) -> Result<Bytes, JoinError> {
    spawn_blocking(move || tick.all()).await
}

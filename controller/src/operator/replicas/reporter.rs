//! Reports what this replica serves, while another one leads.

use super::{Failure, Replica, report::Report};
use crate::{
    objects::Positions,
    operator::{client::RetryDelays, pod::Pod, watch::Cluster},
    publish::StatusUpdate,
};
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
    time::{Instant, sleep, sleep_until, timeout},
};

/// The shortest time between two reports.
const MIN_INTERVAL: Duration = Duration::from_secs(5);
/// How soon a report is renewed that only lacks statuses. They matter to a leader that has just
/// started, for it does not know which versions of an object brought nothing but a status.
const LAZY_INTERVAL: Duration = Duration::from_secs(60);
/// Changes are reported once none has come for this long, for the next report is seconds away.
const QUIET_INTERVAL: Duration = Duration::from_millis(200);
/// The longest that a change waits for that.
const MAX_DELAY: Duration = Duration::from_secs(2);
/// How long removing the report may take.
const REMOVE_TIMEOUT: Duration = Duration::from_secs(2);
const WHAT: &str = "reporting to the leader what this replica serves";

/// Reports until it is told to end.
#[derive(Debug)]
pub(crate) struct Reporter {
    begin: mpsc::Sender<Serving>,
    end: watch::Sender<bool>,
    task: JoinHandle<()>,
}

/// A replica that serves.
pub(crate) struct Serving {
    pub(crate) status_updates: watch::Receiver<Arc<StatusUpdate>>,
    /// The table generation that all workers serve.
    pub(crate) served: watch::Receiver<u64>,
    pub(crate) leading: watch::Receiver<bool>,
    pub(crate) cluster: Cluster,
}

impl Reporter {
    /// Reports from when [`Reporter::begin`]'s result is called until [`Reporter::end`].
    pub(crate) fn new(replica: Replica) -> Self {
        let (begin, begun) = mpsc::channel(1);
        let (end, ended) = watch::channel(false);
        let task = tokio::spawn(run(replica, begun, ended));
        Self { begin, end, task }
    }

    /// Starts to report, once this replica serves.
    pub(crate) fn begin(&self) -> impl FnOnce(Serving) + 'static {
        let begin = self.begin.clone();
        // Nobody listens any more if this replica is ending.
        move |serving| drop(begin.try_send(serving))
    }

    /// Removes the report, so that nobody waits for this replica.
    pub(crate) async fn end(self) {
        self.end.send_replace(true);
        let _ = timeout(REMOVE_TIMEOUT, self.task).await;
    }
}

async fn run(
    replica: Replica,
    mut begun: mpsc::Receiver<Serving>,
    mut ended: watch::Receiver<bool>,
) {
    let serving = tokio::select! {
        Some(serving) = begun.recv() => serving,
        _ = ended.changed() => return,
    };
    let key = Report::key_of(&replica.pod.name);
    let mut work = Work {
        replica,
        serving,
        key,
        reported: None,
        last: None,
        retry: None,
        delays: RetryDelays::default(),
    };
    tokio::select! {
        () = work.run() => return,
        _ = ended.changed() => {}
    }
    if work.reported.is_some() || work.retry.is_some() {
        // If that fails, the leader removes it once it finds the Pod gone.
        let _ = work.replica.annotate(&work.key, None, None).await;
    }
}

struct Work {
    replica: Replica,
    serving: Serving,
    key: String,
    /// The last report that was written, and when.
    reported: Option<Report>,
    last: Option<Instant>,
    /// When a failed write is tried again.
    retry: Option<Instant>,
    delays: RetryDelays,
}

impl Work {
    /// Reports until the publisher is gone.
    async fn run(&mut self) {
        loop {
            let now = Instant::now();
            let due = self.due(now);
            if due.is_some_and(|due| due <= now) {
                self.gather().await;
                self.report().await;
                continue;
            }
            let serving = &mut self.serving;
            let next = tokio::select! {
                next = serving.status_updates.changed() => next,
                next = serving.served.changed() => next,
                next = serving.leading.changed() => next,
                // Nothing signals that watches have brought statuses.
                () = sleep_until(due.unwrap_or(now + LAZY_INTERVAL)) => Ok(()),
            };
            if next.is_err() {
                return;
            }
        }
    }

    /// The positions of the table that all workers serve; `None` while they are about to take it up.
    fn positions(&self) -> Option<Positions> {
        let Serving { status_updates, served, cluster, .. } = &self.serving;
        let update = status_updates.borrow().clone();
        let is_served = update.generation > 0 && *served.borrow() >= update.generation;
        is_served.then(|| update.objects.positions.advanced_to(&cluster.positions()))
    }

    /// When there is something to report.
    fn due(&self, now: Instant) -> Option<Instant> {
        if *self.serving.leading.borrow() {
            return None;
        }
        let positions = self.positions()?;
        let interval = interval(self.reported.as_ref(), &self.replica.pod, &positions)?;
        let due = self.last.map_or(now, |last| last + interval);
        Some(self.retry.map_or(due, |retry| due.max(retry)))
    }

    /// Waits until changes pause, and are all served: whoever applies several objects does so one
    /// after another.
    async fn gather(&self) {
        let start = Instant::now();
        let has = |positions: &Positions, all: &Positions| {
            !Report::new(&self.replica.pod, positions).is_behind(all)
        };
        while start.elapsed() < MAX_DELAY {
            let before = self.serving.cluster.positions();
            sleep(QUIET_INTERVAL).await;
            let now = self.serving.cluster.positions();
            let is_served = self.positions().is_some_and(|served| has(&served, &now));
            if is_served && has(&before, &now) {
                return;
            }
        }
    }

    async fn report(&mut self) {
        let Some(positions) = self.positions() else { return };
        let Replica { pod, failure_log, .. } = &self.replica;
        let report = Report::new(pod, &positions);
        let written = self.replica.annotate(&self.key, Some(&report.value()), None).await;
        let now = Instant::now();
        let error = match written {
            Ok(()) => {
                failure_log.worked(WHAT);
                (self.reported, self.last, self.retry) = (Some(report), Some(now), None);
                self.delays = RetryDelays::default();
                return;
            }
            Err(error) => error,
        };
        match error {
            // The one who competes for the Lease creates it.
            Failure::Conflict => tracing::debug!("{WHAT}: the Lease is missing, or contended for"),
            Failure::Error(error) => failure_log.failed(WHAT, &*error),
        }
        self.retry = self.delays.next().map(|delay| now + delay);
    }
}

/// How long after the last report these positions are reported; `None` if they have been.
fn interval(reported: Option<&Report>, pod: &Pod, positions: &Positions) -> Option<Duration> {
    match reported {
        Some(reported) if *reported == Report::new(pod, positions) => None,
        Some(reported) if !reported.is_behind(positions) => Some(LAZY_INTERVAL),
        Some(_) | None => Some(MIN_INTERVAL),
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::report::tests::{pod, positions},
        *,
    };

    #[test]
    fn changes_are_reported_soon_and_statuses_at_leisure() {
        let pod = pod("a");
        let reported = Report::new(&pod, &positions(7, 9, 9));
        let after = |positions| interval(Some(&reported), &pod, &positions);
        assert_eq!(interval(None, &pod, &positions(7, 9, 9)), Some(MIN_INTERVAL));
        assert_eq!(after(positions(7, 9, 9)), None);
        assert_eq!(after(positions(7, 12, 9)), Some(LAZY_INTERVAL));
        assert_eq!(after(positions(7, 12, 11)), Some(MIN_INTERVAL));
    }
}

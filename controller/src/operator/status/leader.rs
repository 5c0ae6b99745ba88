//! Which of several replicas writes: the one that holds the Lease.

use crate::operator::{failure_log::FailureLog, metrics::Metrics};
use kube::{Client, runtime::events::Reporter};
use kube_lease_manager::{LeaseManager, LeaseManagerBuilder};
use std::{
    hash::{BuildHasher, RandomState},
    sync::Arc,
    time::Duration,
};
use tokio::{
    sync::{Notify, watch},
    task::JoinHandle,
    time::{sleep, timeout},
};

/// Seconds after which another replica takes over from a holder that is not heard of.
const LEASE_SECONDS: u64 = 10;
/// Seconds before that in which the holder renews.
const RENEWAL_SECONDS: u64 = 4;
/// How often a replica that does not lead looks whether the Lease is free, as Kubernetes' own
/// components do. By itself the manager looks again when it expires, though it be given back before.
const POLL_INTERVAL: Duration = Duration::from_secs(2);
/// How soon to ask again where the API server gave no answer.
const RETRY_DELAY: Duration = Duration::from_secs(2);
/// How long letting go may take.
const RELEASE_TIMEOUT: Duration = Duration::from_secs(3);
const WHAT: &str = "holding the Lease";

/// A part in the election.
#[derive(Debug)]
pub(crate) struct LeaderElector {
    begin: Arc<Notify>,
    leading: watch::Receiver<bool>,
    end: watch::Sender<bool>,
    task: JoinHandle<()>,
}

/// What is competed for.
pub(crate) struct Lease {
    pub(crate) client: Client,
    pub(crate) namespace: String,
    pub(crate) name: String,
}

/// Who is told whether this replica holds the Lease.
struct Leadership {
    channel: watch::Sender<bool>,
    metrics: Metrics,
}

impl Leadership {
    fn set(&self, leading: bool) {
        self.metrics.leads(leading);
        self.channel.send_replace(leading);
    }

    /// What was told last.
    fn get(&self) -> bool {
        *self.channel.borrow()
    }
}

impl LeaderElector {
    /// Will stand for election from what [`LeaderElector::begin`] gives, until [`LeaderElector::withdraw`].
    pub(crate) fn new(lease: Lease, failure_log: FailureLog, metrics: Metrics) -> Self {
        let begin = Arc::new(Notify::new());
        let (channel, leading) = watch::channel(false);
        let (end, ended) = watch::channel(false);
        let leadership = Leadership { channel, metrics };
        let task = tokio::spawn(campaign(lease, begin.clone(), leadership, ended, failure_log));
        Self { begin, leading, end, task }
    }

    /// Makes it stand: once this replica serves. One that holds the Lease and has nothing to say would
    /// keep those that have from saying it.
    pub(crate) fn begin(&self) -> impl FnOnce() + 'static {
        let begin = self.begin.clone();
        move || begin.notify_one()
    }

    /// Whether this replica holds the Lease.
    pub(crate) fn leading(&self) -> watch::Receiver<bool> {
        self.leading.clone()
    }

    /// Lets go of the Lease, if this replica holds it.
    pub(crate) async fn withdraw(self) {
        self.end.send_replace(true);
        let _ = timeout(RELEASE_TIMEOUT, self.task).await;
    }
}

async fn campaign(
    lease: Lease,
    begin: Arc<Notify>,
    leadership: Leadership,
    mut ended: watch::Receiver<bool>,
    failure_log: FailureLog,
) {
    tokio::select! {
        () = begin.notified() => {}
        _ = ended.changed() => return,
    }
    let manager = tokio::select! {
        manager = lease.manager(&failure_log) => manager,
        _ = ended.changed() => return,
    };
    tokio::select! {
        () = hold(&manager, &lease.name, &leadership, &failure_log) => {}
        _ = ended.changed() => {
            leadership.set(false);
            if let Err(error) = manager.release().await {
                tracing::warn!(lease = lease.name, "the Lease is held until it expires: {error}");
            }
        }
    }
}

impl Lease {
    /// Makes the Lease where it is missing.
    async fn manager(&self, failure_log: &FailureLog) -> LeaseManager {
        let identity = identity();
        loop {
            let manager = LeaseManagerBuilder::new(self.client.clone(), &self.name)
                .with_namespace(&self.namespace)
                .with_identity(&identity)
                .with_duration(LEASE_SECONDS)
                .with_grace(RENEWAL_SECONDS);
            match manager.build().await {
                Ok(manager) => return manager,
                Err(error) => failure_log.failed(WHAT, &error),
            }
            sleep(RETRY_DELAY).await;
        }
    }
}

/// Tells who holds the Lease, and renews it where that is this replica.
async fn hold(
    manager: &LeaseManager,
    lease: &str,
    leadership: &Leadership,
    failure_log: &FailureLog,
) {
    loop {
        let wait = if leadership.get() { Duration::MAX } else { POLL_INTERVAL };
        let Ok(changed) = timeout(wait, manager.changed()).await else {
            // Where another one holds it, this only looks anew.
            if let Err(error) = manager.release().await {
                failure_log.failed(WHAT, &error);
            }
            continue;
        };
        match changed {
            Ok(leading) => {
                failure_log.worked(WHAT);
                leadership.set(leading);
                tracing::info!(lease, leading, "the Lease changed hands");
            }
            Err(error) => {
                failure_log.failed(WHAT, &error);
                sleep(RETRY_DELAY).await;
            }
        }
    }
}

/// The Pod's name, and what tells it from one that had the name before.
fn identity() -> String {
    let host = Reporter::from("portico").instance.unwrap_or_else(|| "portico".to_owned());
    format!("{host}_{:08x}", RandomState::new().hash_one(0) >> 32)
}

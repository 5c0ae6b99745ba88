//! Which of several replicas writes: the one that holds the Lease.

use super::{metrics::Metrics, outages::Outages};
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
const DURATION: u64 = 10;
/// Seconds before that in which the holder renews.
const GRACE: u64 = 4;
/// How often a replica that does not lead looks whether the Lease is free, as Kubernetes' own
/// components do. By itself the manager looks again when it expires, though it be given back before.
const RETRY: Duration = Duration::from_secs(2);
/// How soon to ask again where the API server gave no answer.
const AGAIN: Duration = Duration::from_secs(2);
/// How long letting go may take.
const PATIENCE: Duration = Duration::from_secs(3);
const WHAT: &str = "holding the Lease";

/// A part in the election.
#[derive(Debug)]
pub(super) struct Candidate {
    begin: Arc<Notify>,
    leading: watch::Receiver<bool>,
    end: watch::Sender<bool>,
    task: JoinHandle<()>,
}

/// What is competed for.
pub(super) struct Lease {
    pub(super) client: Client,
    pub(super) namespace: String,
    pub(super) name: String,
}

/// Who is told whether this replica holds the Lease.
struct Tell {
    channel: watch::Sender<bool>,
    metrics: Metrics,
}

impl Tell {
    fn tell(&self, leading: bool) {
        self.metrics.leads(leading);
        self.channel.send_replace(leading);
    }

    /// What was told last.
    fn told(&self) -> bool {
        *self.channel.borrow()
    }
}

impl Candidate {
    /// Will stand for election from what [`Candidate::begin`] gives, until [`Candidate::withdraw`].
    pub(super) fn new(lease: Lease, outages: Outages, metrics: Metrics) -> Self {
        let begin = Arc::new(Notify::new());
        let (channel, leading) = watch::channel(false);
        let (end, ended) = watch::channel(false);
        let tell = Tell { channel, metrics };
        let task = tokio::spawn(stand(lease, begin.clone(), tell, ended, outages));
        Self { begin, leading, end, task }
    }

    /// Makes it stand: once this replica serves. One that holds the Lease and has nothing to say would
    /// keep those that have from saying it.
    pub(super) fn begin(&self) -> impl FnOnce() + 'static {
        let begin = self.begin.clone();
        move || begin.notify_one()
    }

    /// Whether this replica holds the Lease.
    pub(super) fn leading(&self) -> watch::Receiver<bool> {
        self.leading.clone()
    }

    /// Lets go of the Lease, if this replica holds it.
    pub(super) async fn withdraw(self) {
        self.end.send_replace(true);
        let _ = timeout(PATIENCE, self.task).await;
    }
}

async fn stand(
    lease: Lease,
    begin: Arc<Notify>,
    tell: Tell,
    mut ended: watch::Receiver<bool>,
    outages: Outages,
) {
    tokio::select! {
        () = begin.notified() => {}
        _ = ended.changed() => return,
    }
    let manager = tokio::select! {
        manager = lease.manager(&outages) => manager,
        _ = ended.changed() => return,
    };
    tokio::select! {
        () = hold(&manager, &lease.name, &tell, &outages) => {}
        _ = ended.changed() => {
            tell.tell(false);
            if let Err(error) = manager.release().await {
                tracing::warn!(lease = lease.name, "the Lease is held until it expires: {error}");
            }
        }
    }
}

impl Lease {
    /// Makes the Lease where it is missing.
    async fn manager(&self, outages: &Outages) -> LeaseManager {
        let identity = identity();
        loop {
            let manager = LeaseManagerBuilder::new(self.client.clone(), &self.name)
                .with_namespace(&self.namespace)
                .with_identity(&identity)
                .with_duration(DURATION)
                .with_grace(GRACE);
            match manager.build().await {
                Ok(manager) => return manager,
                Err(error) => outages.failed(WHAT, &error),
            }
            sleep(AGAIN).await;
        }
    }
}

/// Tells who holds the Lease, and renews it where that is this replica.
async fn hold(manager: &LeaseManager, lease: &str, tell: &Tell, outages: &Outages) {
    loop {
        let patience = if tell.told() { Duration::MAX } else { RETRY };
        let Ok(changed) = timeout(patience, manager.changed()).await else {
            // Where another one holds it, this only looks anew.
            if let Err(error) = manager.release().await {
                outages.failed(WHAT, &error);
            }
            continue;
        };
        match changed {
            Ok(leading) => {
                outages.worked(WHAT);
                tell.tell(leading);
                tracing::info!(lease, leading, "the Lease changed hands");
            }
            Err(error) => {
                outages.failed(WHAT, &error);
                sleep(AGAIN).await;
            }
        }
    }
}

/// The Pod's name, and what tells it from one that had the name before.
fn identity() -> String {
    let host = Reporter::from("portico").instance.unwrap_or_else(|| "portico".to_owned());
    format!("{host}_{:08x}", RandomState::new().hash_one(0) >> 32)
}

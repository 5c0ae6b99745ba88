//! Leader election: of several replicas, the one that holds the Lease writes.

use crate::operator::{failure_log::FailureLog, lease::Lease, metrics::Metrics};
use k8s_openapi::api::coordination::v1 as coordination;
use kube::runtime::events::Reporter;
use kube_lease_manager::{LeaseManager, LeaseManagerBuilder};
use portico_dataplane::random::random;
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::{Notify, watch},
    task::JoinHandle,
    time::{sleep, timeout},
};

/// Seconds until another replica takes over from a leader that is not heard of.
const LEASE_SECONDS: u64 = 10;
/// Seconds before that at which the leader renews the Lease.
const RENEWAL_SECONDS: u64 = 4;
/// How often the other replicas check whether the Lease is free, as Kubernetes' own components do.
/// Left alone, the lease manager would wait until the Lease expires, even if it is released
/// earlier.
const POLL_INTERVAL: Duration = Duration::from_secs(2);
/// How long acquiring a Lease that was found free may take before it is checked again: several
/// requests, which a slow API server must have time to answer.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(10);
/// How soon to ask again where the API server gave no answer.
const RETRY_DELAY: Duration = Duration::from_secs(2);
/// How long releasing the Lease may take.
const RELEASE_TIMEOUT: Duration = Duration::from_secs(3);
/// How much of a name becomes part of an identity, which becomes part of a field manager's name.
const MAX_NAME_BYTES: usize = 63;
const WHAT: &str = "holding the Lease";

/// This replica's part in the election.
#[derive(Debug)]
pub(crate) struct LeaderElector {
    begin: Arc<Notify>,
    leading: watch::Receiver<bool>,
    end: watch::Sender<bool>,
    task: JoinHandle<()>,
}

/// Publishes whether this replica leads.
struct Leadership {
    channel: watch::Sender<bool>,
    metrics: Metrics,
}

impl Leadership {
    fn set(&self, leading: bool) {
        self.metrics.leads(leading);
        self.channel.send_replace(leading);
    }

    /// What was published last.
    fn get(&self) -> bool {
        *self.channel.borrow()
    }
}

impl LeaderElector {
    /// Campaigns from when [`LeaderElector::begin`]'s result is called until
    /// [`LeaderElector::withdraw`], in the name of a Pod or else of this host.
    pub(crate) fn new(
        lease: Lease,
        pod: Option<&str>,
        failure_log: FailureLog,
        metrics: Metrics,
    ) -> Self {
        let identity = identity(pod);
        let begin = Arc::new(Notify::new());
        let (channel, leading) = watch::channel(false);
        let (end, ended) = watch::channel(false);
        let leadership = Leadership { channel, metrics };
        let campaign = campaign(lease, identity, begin.clone(), leadership, ended, failure_log);
        let task = tokio::spawn(campaign);
        Self { begin, leading, end, task }
    }

    /// Starts the campaign, once this replica serves. A leader that does not serve has no statuses
    /// to write, and would keep the others from writing theirs.
    pub(crate) fn begin(&self) -> impl FnOnce() + 'static {
        let begin = self.begin.clone();
        move || begin.notify_one()
    }

    /// Whether this replica leads.
    pub(crate) fn leading(&self) -> watch::Receiver<bool> {
        self.leading.clone()
    }

    /// Releases the Lease, if this replica holds it.
    pub(crate) async fn withdraw(self) {
        self.end.send_replace(true);
        let _ = timeout(RELEASE_TIMEOUT, self.task).await;
    }
}

async fn campaign(
    lease: Lease,
    identity: String,
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
        manager = lease.manager(&identity, &failure_log) => manager,
        _ = ended.changed() => return,
    };
    tokio::select! {
        () = hold(&manager, &lease, &leadership, &failure_log) => {}
        _ = ended.changed() => {
            leadership.set(false);
            if let Err(error) = manager.release().await {
                tracing::warn!(lease = lease.name, "cannot release the Lease, which is held until it expires: {error}");
            }
        }
    }
}

impl Lease {
    /// Returns once nobody holds the Lease, which is checked for the first time after `wait`.
    async fn becomes_free(&self, wait: Duration) {
        let leases = self.api();
        sleep(wait).await;
        // The manager reports errors.
        while leases.get(&self.name).await.map_or(true, |lease| is_held(&lease)) {
            sleep(POLL_INTERVAL).await;
        }
    }

    /// Creates the Lease if it does not exist.
    async fn manager(&self, identity: &str, failure_log: &FailureLog) -> LeaseManager {
        loop {
            let manager = LeaseManagerBuilder::new(self.client.clone(), &self.name)
                .with_namespace(&self.namespace)
                .with_identity(identity)
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

/// Publishes who leads, and renews the Lease while that is this replica.
async fn hold(
    manager: &LeaseManager,
    lease: &Lease,
    leadership: &Leadership,
    failure_log: &FailureLog,
) {
    let mut wait = POLL_INTERVAL;
    loop {
        let changed = tokio::select! {
            changed = manager.changed() => Some(changed),
            () = lease.becomes_free(wait), if !leadership.get() => None,
        };
        wait = POLL_INTERVAL;
        match changed {
            Some(Ok(leading)) => {
                failure_log.worked(WHAT);
                leadership.set(leading);
                let what = if leading { "acquired" } else { "lost" };
                tracing::info!(lease = lease.name, leading, "{what} leadership");
            }
            Some(Err(error)) => {
                failure_log.failed(WHAT, &error);
                sleep(RETRY_DELAY).await;
            }
            None => {
                // Makes the manager read the Lease again.
                if let Err(error) = manager.release().await {
                    failure_log.failed(WHAT, &error);
                }
                wait = ACQUIRE_TIMEOUT;
            }
        }
    }
}

fn is_held(lease: &coordination::Lease) -> bool {
    lease.spec.as_ref().is_some_and(|spec| spec.holder_identity.is_some())
}

/// The Pod's name or else the host's, made unique among Pods that have had that name.
fn identity(pod: Option<&str>) -> String {
    let host = || Reporter::from("portico").instance.unwrap_or_else(|| "portico".to_owned());
    let mut name = pod.map_or_else(host, str::to_owned);
    name.truncate(name.floor_char_boundary(MAX_NAME_BYTES));
    format!("{name}_{:08x}", random() >> 32)
}

//! Writes statuses: only those that differ, and only while this replica leads.

use super::{
    desired::{self, desired, is_current},
    events::{EventQueue, Events},
};
use crate::{
    compile::Status,
    diagnostic::ObjectRef,
    objects::api_resource,
    operator::{
        AddressSource,
        failure_log::FailureLog,
        metrics::{Metrics, WriteOutcome},
        watch::{Cluster, Observed},
    },
    publish::StatusUpdate,
};
use k8s_openapi::jiff::Timestamp;
use kube::{
    Api, Client,
    api::{Patch, PatchParams},
    core::DynamicObject,
};
use portico_crds::{FrontDoorStatus, StatusAddress};
use std::{collections::HashMap, sync::Arc, time::Duration};
use tokio::{
    sync::watch,
    time::{Interval, MissedTickBehavior, interval, sleep, timeout},
};

/// The field manager, for server-side apply.
const FIELD_MANAGER: &str = "portico";
/// The shortest time between two writes: at most 50 a second.
const WRITE_INTERVAL: Duration = Duration::from_millis(20);
/// How long a write may take.
const WRITE_TIMEOUT: Duration = Duration::from_secs(5);
/// How soon a failed write is retried.
const RETRY_DELAY: Duration = Duration::from_secs(5);
const WHAT: &str = "writing statuses";

/// What the writer needs.
pub(crate) struct Writer {
    pub(crate) client: Client,
    pub(crate) cluster: Cluster,
    pub(crate) status_updates: watch::Receiver<Arc<StatusUpdate>>,
    pub(crate) leading: watch::Receiver<bool>,
    /// The table generation that is served.
    pub(crate) served: watch::Receiver<u64>,
    pub(crate) addresses: AddressSource,
    pub(crate) events: EventQueue,
    pub(crate) failure_log: FailureLog,
    pub(crate) metrics: Metrics,
}

/// A status that was written, until the watch reports it.
struct Written {
    /// The resource version that it was based on.
    over: String,
    status: FrontDoorStatus,
}

/// A running writer.
struct Work {
    writer: Writer,
    events: Events,
    written: HashMap<ObjectRef, Written>,
    pace: Interval,
}

impl Writer {
    /// Writes until the publisher is gone.
    pub(crate) async fn run(self) {
        let mut pace = interval(WRITE_INTERVAL);
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let events = Events::new(self.events.clone());
        Work { writer: self, events, written: HashMap::new(), pace }.run().await;
    }

    /// The addresses of FrontDoors; `None` while the Service that has them has not been read.
    fn addresses(&self) -> Option<Vec<StatusAddress>> {
        match (&self.addresses, &self.cluster.published) {
            (AddressSource::Fixed(addresses), _) => Some(addresses.clone()),
            (AddressSource::Service(name), Some(store)) => store.synced().then(|| {
                store.get(name).map(|service| desired::addresses(&service)).unwrap_or_default()
            }),
            (AddressSource::Service(_), None) => Some(Vec::new()),
        }
    }

    async fn apply(
        &self,
        object: &ObjectRef,
        observed: &Observed,
        status: &FrontDoorStatus,
    ) -> WriteOutcome {
        let resource = api_resource(object.kind);
        let namespace = &object.name.namespace;
        let api: Api<DynamicObject> =
            Api::namespaced_with(self.client.clone(), namespace, &resource);
        // Applies only to the version that was observed, not to a later object of the same name. (A
        // uid would be ignored: the status subresource does not look at metadata.)
        let patch = Patch::Apply(serde_json::json!({
            "apiVersion": resource.api_version,
            "kind": resource.kind,
            "metadata": {"name": &*object.name.name, "resourceVersion": observed.version},
            "status": status,
        }));
        let params = PatchParams::apply(FIELD_MANAGER).force();
        match timeout(WRITE_TIMEOUT, api.patch_status(&object.name.name, &params, &patch)).await {
            Ok(Ok(_)) => WriteOutcome::Written,
            Ok(Err(kube::Error::Api(status))) if [404, 409].contains(&status.code) => {
                WriteOutcome::Conflict
            }
            Ok(Err(error @ kube::Error::Api(_))) => {
                self.failure_log.failed(&format!("{WHAT} in {namespace}"), &error);
                WriteOutcome::Refused
            }
            Ok(Err(error)) => {
                self.failure_log.failed(WHAT, &error);
                WriteOutcome::Failed
            }
            Err(error) => {
                self.failure_log.failed(WHAT, &error);
                WriteOutcome::Failed
            }
        }
    }
}

impl Work {
    async fn run(mut self) {
        let observed = self.writer.cluster.observed.clone();
        let mut complete = true;
        loop {
            tokio::select! {
                next = self.writer.status_updates.changed() => {
                    if next.is_err() {
                        return;
                    }
                }
                next = self.writer.leading.changed() => {
                    if next.is_err() {
                        return;
                    }
                }
                () = observed.notified() => {}
                () = sleep(RETRY_DELAY), if !complete => {}
            }
            if !*self.writer.leading.borrow_and_update() {
                self.written.clear();
                self.events.forget();
                continue;
            }
            let update = self.writer.status_updates.borrow_and_update().clone();
            let is_served = |served: &u64| *served >= update.generation;
            if self.writer.served.wait_for(is_served).await.is_err() {
                return;
            }
            complete = self.round(&update).await;
        }
    }

    /// Writes all statuses that differ. Returns false if any failed, or an Event has to wait.
    async fn round(&mut self, update: &StatusUpdate) -> bool {
        let addresses = self.writer.addresses();
        self.written.retain(|object, _| update.statuses.contains_key(object));
        let mut complete = true;
        let ours = update.statuses.iter().filter(|(_, status)| !status.reported_elsewhere);
        for (object, status) in ours {
            match self.object(object, status, addresses.as_deref()).await {
                None | Some(WriteOutcome::Conflict) => continue,
                Some(WriteOutcome::Written) => self.writer.failure_log.worked(WHAT),
                Some(WriteOutcome::Refused) => complete = false,
                Some(WriteOutcome::Failed) => return false,
            }
            let is_overtaken = self.writer.status_updates.has_changed().unwrap_or(true);
            if is_overtaken || !*self.writer.leading.borrow() {
                return complete;
            }
        }
        self.events.complete(&update.statuses);
        complete && !self.events.is_behind()
    }

    /// Writes one status, unless it is current.
    async fn object(
        &mut self,
        object: &ObjectRef,
        status: &Status,
        addresses: Option<&[StatusAddress]>,
    ) -> Option<WriteOutcome> {
        let observed = self.writer.cluster.observed(object)?;
        if status.uid.as_ref().is_some_and(|uid| *uid != observed.uid) {
            // This status was computed for its predecessor; its own is on the way.
            return None;
        }
        // A status that was just written counts until the watch reports it.
        let written = self.written.get(object).filter(|written| written.over == observed.version);
        let current = written.map_or(&observed.status, |written| &written.status);
        let desired = desired(object.kind, status, addresses, current, Timestamp::now());
        let up_to_date = is_current(current, &desired);
        self.events.report(object, &observed.uid, status, up_to_date);
        if up_to_date {
            return None;
        }
        self.pace.tick().await;
        let outcome = self.writer.apply(object, &observed, &desired).await;
        self.writer.metrics.status_write(object.kind, outcome);
        if matches!(outcome, WriteOutcome::Written) {
            let written = Written { over: observed.version.clone(), status: desired };
            self.written.insert(object.clone(), written);
        }
        Some(outcome)
    }
}

//! Writes statuses: only those that differ, only while this replica holds the lease.

use super::{
    Publish,
    events::Events,
    failure_log::FailureLog,
    metrics::Metrics,
    objects::Objects,
    status::{self, desired, is_current},
    trim::Observed,
};
use crate::{
    admin::Admin,
    compile::Status,
    problem::{Kind, ObjectRef},
    publish::StatusUpdate,
};
use k8s_openapi::jiff::Timestamp;
use kube::{
    Api, Client,
    api::{Patch, PatchParams},
    core::{ApiResource, DynamicObject},
};
use portico_crds::{FrontDoor, FrontDoorStatus, GROUP, Route, StatusAddress, VERSION};
use std::{collections::HashMap, sync::Arc, time::Duration};
use tokio::{
    sync::watch,
    time::{Interval, MissedTickBehavior, interval, sleep, timeout},
};

/// Who writes, as server-side apply knows it.
const FIELD_MANAGER: &str = "portico";
/// The least time between two writes: 50 a second at most.
const WRITE_INTERVAL: Duration = Duration::from_millis(20);
/// How long a write may take.
const WRITE_TIMEOUT: Duration = Duration::from_secs(5);
/// How soon what could not be written is tried again.
const RETRY_DELAY: Duration = Duration::from_secs(5);
/// How often to look whether a table is served.
const POLL_INTERVAL: Duration = Duration::from_millis(10);
const WHAT: &str = "writing statuses";

/// What the writer works with.
pub(super) struct Writer {
    pub(super) client: Client,
    pub(super) objects: Objects,
    pub(super) status_updates: watch::Receiver<Arc<StatusUpdate>>,
    pub(super) leading: watch::Receiver<bool>,
    pub(super) pages: Arc<Admin>,
    pub(super) publish: Publish,
    pub(super) failure_log: FailureLog,
    pub(super) metrics: Metrics,
}

/// What was written, until the watch brings it back.
struct Written {
    /// The version of the object that it was written over.
    over: String,
    status: FrontDoorStatus,
}

/// A writer at work.
struct Work {
    writer: Writer,
    events: Events,
    written: HashMap<ObjectRef, Written>,
    pace: Interval,
}

/// What became of a write.
#[derive(Clone, Copy, Debug)]
pub(super) enum Outcome {
    Written,
    /// The object is gone or differs from what was observed: the watch will tell, and wake.
    Conflict,
    /// The API server does not let this one be written.
    Refused,
    /// It gave no answer.
    Failed,
}

impl Outcome {
    pub(super) const ALL: [Self; 4] = [Self::Written, Self::Conflict, Self::Refused, Self::Failed];

    /// Its name in metrics.
    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Written => "written",
            Self::Conflict => "overtaken",
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }
}

impl Writer {
    /// Writes, for as long as there is a publisher.
    pub(super) async fn run(self) {
        let mut pace = interval(WRITE_INTERVAL);
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let events =
            Events::new(self.client.clone(), self.failure_log.clone(), self.metrics.clone());
        Work { writer: self, events, written: HashMap::new(), pace }.run().await;
    }

    fn addresses(&self) -> Vec<StatusAddress> {
        match (&self.publish, &self.objects.published) {
            (Publish::Addresses(addresses), _) => addresses.clone(),
            (Publish::Service(name), Some(store)) => {
                store.get(name).map(|service| status::addresses(&service)).unwrap_or_default()
            }
            (Publish::Service(_), None) => Vec::new(),
        }
    }

    async fn apply(
        &self,
        object: &ObjectRef,
        observed: &Observed,
        status: &FrontDoorStatus,
    ) -> Outcome {
        let resource = match object.kind {
            Kind::FrontDoor => ApiResource::erase::<FrontDoor>(&()),
            Kind::Route => ApiResource::erase::<Route>(&()),
        };
        let namespace = &object.name.namespace;
        let api: Api<DynamicObject> =
            Api::namespaced_with(self.client.clone(), namespace, &resource);
        // Only over what was observed, not over another object of the same name that came after it. (A
        // uid would not be looked at: the status subresource ignores metadata.)
        let patch = Patch::Apply(serde_json::json!({
            "apiVersion": format!("{GROUP}/{VERSION}"),
            "kind": object.kind.to_string(),
            "metadata": {"name": &*object.name.name, "resourceVersion": observed.version},
            "status": status,
        }));
        let params = PatchParams::apply(FIELD_MANAGER).force();
        match timeout(WRITE_TIMEOUT, api.patch_status(&object.name.name, &params, &patch)).await {
            Ok(Ok(_)) => Outcome::Written,
            Ok(Err(kube::Error::Api(status))) if [404, 409].contains(&status.code) => {
                Outcome::Conflict
            }
            Ok(Err(error @ kube::Error::Api(_))) => {
                self.failure_log.failed(&format!("{WHAT} in {namespace}"), &error);
                Outcome::Refused
            }
            Ok(Err(error)) => {
                self.failure_log.failed(WHAT, &error);
                Outcome::Failed
            }
            Err(error) => {
                self.failure_log.failed(WHAT, &error);
                Outcome::Failed
            }
        }
    }
}

impl Work {
    async fn run(mut self) {
        let observed = self.writer.objects.observed.clone();
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
            while self.writer.pages.generation().await < update.generation {
                sleep(POLL_INTERVAL).await;
            }
            complete = self.round(&update).await;
        }
    }

    /// Writes what differs. False where not everything could be.
    async fn round(&mut self, update: &StatusUpdate) -> bool {
        let addresses = self.writer.addresses();
        self.written.retain(|object, _| update.statuses.contains_key(object));
        let mut complete = true;
        for (object, status) in &update.statuses {
            match self.object(object, status, &addresses).await {
                None | Some(Outcome::Conflict) => continue,
                Some(Outcome::Written) => self.writer.failure_log.worked(WHAT),
                Some(Outcome::Refused) => complete = false,
                Some(Outcome::Failed) => return false,
            }
            let is_overtaken = self.writer.status_updates.has_changed().unwrap_or(true);
            if is_overtaken || !*self.writer.leading.borrow() {
                return complete;
            }
        }
        self.events.complete(&update.statuses);
        complete
    }

    /// Writes one status, unless it is written.
    async fn object(
        &mut self,
        object: &ObjectRef,
        status: &Status,
        addresses: &[StatusAddress],
    ) -> Option<Outcome> {
        let observed = self.writer.objects.observed(object)?;
        if status.uid.as_ref().is_some_and(|uid| *uid != observed.uid) {
            // This status was computed for its predecessor; its own is on the way.
            return None;
        }
        // What was written counts until the watch brings it back.
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
        if matches!(outcome, Outcome::Written) {
            let written = Written { over: observed.version.clone(), status: desired };
            self.written.insert(object.clone(), written);
        }
        Some(outcome)
    }
}

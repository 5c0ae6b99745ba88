//! Writes statuses: only those that differ, and only while this replica leads.

use super::{
    desired::{self, desired, is_current, is_to_be_acknowledged},
    events::{EventQueue, Events},
    holds::Holds,
};
use crate::{
    compile::Status,
    diagnostic::{Kind, ObjectRef},
    objects::{api_resource, front_door_of},
    operator::{
        AddressSource,
        failure_log::FailureLog,
        metrics::{Metrics, WriteOutcome},
        replicas::{Lacking, Need, Peers},
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
    time::{Instant, Interval, MissedTickBehavior, interval, sleep_until, timeout},
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
    /// The other replicas.
    pub(crate) peers: Peers,
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
    holds: Holds,
    pace: Interval,
}

impl Writer {
    /// Writes until the publisher is gone.
    pub(crate) async fn run(self) {
        let mut pace = interval(WRITE_INTERVAL);
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let events = Events::new(self.events.clone());
        let (written, holds) = (HashMap::new(), Holds::default());
        Work { writer: self, events, written, holds, pace }.run().await;
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

    /// What a replica must have received to serve an object: the object itself and, if it is a
    /// Route, its FrontDoor.
    fn needs(&self, object: &ObjectRef, observed: &Observed, update: &StatusUpdate) -> Vec<Need> {
        let need = |object: &ObjectRef, observed: &Observed| Need {
            kind: object.kind,
            namespace: object.name.namespace.clone(),
            since: observed.since,
        };
        let front_door = match object.kind {
            Kind::FrontDoor => None,
            Kind::Route => {
                let route = update.objects.routes.get(&object.name);
                let route = route.and_then(|entry| entry.object.as_ref());
                route.map(|route| front_door_of(&object.name, &route.spec.front_door_ref))
            }
        };
        let front_door = front_door.and_then(|name| {
            let front_door = ObjectRef { kind: Kind::FrontDoor, name };
            let observed = self.cluster.observed(&front_door)?;
            Some(need(&front_door, &observed))
        });
        [need(object, observed)].into_iter().chain(front_door).collect()
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
        let mut wake = None;
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
                () = self.writer.peers.changed() => {}
                () = sleep_until(wake.unwrap_or_else(Instant::now)), if wake.is_some() => {}
            }
            if !*self.writer.leading.borrow_and_update() {
                self.written.clear();
                self.holds = Holds::default();
                wake = None;
                self.events.forget();
                continue;
            }
            let update = self.writer.status_updates.borrow_and_update().clone();
            let is_served = |served: &u64| *served >= update.generation;
            if self.writer.served.wait_for(is_served).await.is_err() {
                return;
            }
            let is_complete = self.round(&update).await;
            let retry = (!is_complete).then(|| Instant::now() + RETRY_DELAY);
            wake = retry.into_iter().chain(self.holds.next()).min();
        }
    }

    /// Writes all statuses that differ. Returns false if any failed, or an Event has to wait.
    async fn round(&mut self, update: &StatusUpdate) -> bool {
        let addresses = self.writer.addresses();
        self.written.retain(|object, _| update.statuses.contains_key(object));
        self.holds.begin_round(|object| update.statuses.contains_key(object));
        let mut complete = true;
        let ours = update.statuses.iter().filter(|(_, status)| !status.reported_elsewhere);
        for (object, status) in ours {
            match self.object(object, status, addresses.as_deref(), update).await {
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
        self.writer.peers.asked_about_all();
        self.events.complete(&update.statuses);
        complete && !self.events.is_behind()
    }

    /// Writes one status, unless it is current, or has to wait for other replicas.
    async fn object(
        &mut self,
        object: &ObjectRef,
        status: &Status,
        addresses: Option<&[StatusAddress]>,
        update: &StatusUpdate,
    ) -> Option<WriteOutcome> {
        let observed = self.writer.cluster.observed(object)?;
        if status.uid.as_ref().is_some_and(|uid| *uid != observed.uid) {
            // This status was computed for its predecessor; its own is on the way.
            return None;
        }
        // A status that was just written counts until the watch reports it.
        let written = self.written.get(object).filter(|written| written.over == observed.version);
        let current = written.map_or(&observed.status, |written| &written.status);
        let lacking = if is_to_be_acknowledged(status, current) {
            let needs = self.writer.needs(object, &observed, update);
            self.writer.peers.lacking(&needs)?
        } else {
            Lacking::default()
        };
        let now = Timestamp::now();
        let desired = desired(object.kind, status, addresses, &lacking, current, now);
        let up_to_date = is_current(current, &desired);
        self.events.report(object, &observed.uid, status, up_to_date);
        if lacking.is_nobody() {
            self.holds.release(object);
        }
        if up_to_date || (!lacking.is_nobody() && self.holds.hold(object, Instant::now())) {
            return None;
        }
        self.pace.tick().await;
        let outcome = self.writer.apply(object, &observed, &desired).await;
        self.writer.metrics.status_write(object.kind, outcome);
        if matches!(outcome, WriteOutcome::Written) {
            let written = Written { over: observed.version.clone(), status: desired };
            self.written.insert(object.clone(), written);
            if !lacking.is_nobody() {
                self.holds.written(object, Instant::now());
            }
        }
        Some(outcome)
    }
}

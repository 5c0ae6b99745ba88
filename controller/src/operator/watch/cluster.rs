//! Everything that is known of the cluster, and the snapshots that are made of it.

use super::{
    scopes::Scopes,
    secrets::{Secrets, named},
    store::Store,
    trim::{CustomObject, Observed},
};
use crate::{
    diagnostic::{Kind, ObjectRef},
    objects::{Entry, Snapshot},
    publish::Source,
};
use k8s_openapi::api::{
    core::v1::{Namespace, Service},
    discovery::v1::EndpointSlice,
};
use portico_crds::{FrontDoor, Route};
use portico_dataplane::table::ObjectName;
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tokio::sync::Notify;

/// Everything that is known of the cluster.
#[derive(Clone, Debug)]
pub(crate) struct Cluster {
    pub(crate) front_doors: Arc<Store<CustomObject<FrontDoor>>>,
    pub(crate) routes: Arc<Store<CustomObject<Route>>>,
    pub(crate) services: Arc<Store<Arc<Service>>>,
    pub(crate) endpoint_slices: Arc<Store<Arc<EndpointSlice>>>,
    pub(crate) namespaces: Arc<Store<Arc<Namespace>>>,
    pub(crate) secrets: Arc<Secrets>,
    /// The Service whose addresses are published, if one was named.
    pub(crate) published: Option<Arc<Store<Arc<Service>>>>,
    /// Told of every event that may ask for another status.
    pub(crate) observed: Arc<Notify>,
    class: String,
}

impl Cluster {
    /// None yet; each kind will come from one watch for each scope.
    pub(crate) fn new(class: String, scopes: &Scopes, publishes_service: bool) -> Self {
        let watches = scopes.objects.len();
        Self {
            front_doors: Store::new(watches),
            routes: Store::new(watches),
            services: Store::new(watches),
            endpoint_slices: Store::new(watches),
            namespaces: Store::new(watches),
            secrets: Arc::new(Secrets::new(scopes.secrets.len())),
            published: publishes_service.then(|| Store::new(1)),
            observed: Arc::default(),
            class,
        }
    }

    /// What the writer of statuses knows of an object; `None`: it is gone.
    pub(crate) fn observed(&self, object: &ObjectRef) -> Option<Arc<Observed>> {
        match object.kind {
            Kind::FrontDoor => self.front_doors.get(&object.name).map(|object| object.observed),
            Kind::Route => self.routes.get(&object.name).map(|object| object.observed),
        }
    }

    fn synced(&self) -> bool {
        self.front_doors.synced()
            && self.routes.synced()
            && self.services.synced()
            && self.endpoint_slices.synced()
            && self.namespaces.synced()
            && self.secrets.synced()
    }
}

impl Source for Cluster {
    /// `None` too while the data of a Secret that was not named before is on its way: a Route would
    /// be compiled without it.
    fn snapshot(&mut self) -> Option<Snapshot> {
        if !self.synced() {
            return None;
        }
        let front_doors = entries(self.front_doors.all());
        let routes = entries(self.routes.all());
        let secrets = self.secrets.of(named(&front_doors, &routes, &self.class))?;
        let namespaces = self.namespaces.all().into_iter();
        Some(Snapshot {
            front_doors,
            routes,
            services: self.services.all(),
            endpoint_slices: self.endpoint_slices.all(),
            secrets,
            namespaces: namespaces.map(|(name, it)| (name.name.to_string(), it)).collect(),
        })
    }

    /// Whatever may change wakes the publisher.
    fn poll_interval(&self) -> Duration {
        Duration::MAX
    }
}

fn entries<T>(objects: BTreeMap<ObjectName, CustomObject<T>>) -> BTreeMap<ObjectName, Entry<T>> {
    objects.into_iter().map(|(name, object)| (name, object.entry)).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::operator::watch::trim;
    use kube::runtime::watcher::Event;
    use serde_json::json;
    use std::collections::BTreeSet;

    #[test]
    fn there_is_no_snapshot_before_every_kind_is_there() {
        let scopes = Scopes::of(&BTreeSet::new(), None);
        let mut cluster = Cluster::new("portico".to_owned(), &scopes, false);
        let (name, object) = trim::custom::<FrontDoor>(
            Kind::FrontDoor,
            serde_json::from_value(json!({
                "metadata": {"name": "ep", "namespace": "web"},
                "spec": {"hosts": [{"name": "a.example"}]},
            }))
            .unwrap(),
        );
        let store = cluster.front_doors.clone();
        store.take(0, Event::Init, |()| unreachable!());
        store.take(0, Event::InitApply(object), |object| (name.clone(), object));
        store.take(0, Event::InitDone, |()| unreachable!());
        cluster.routes.skip(0);
        cluster.services.skip(0);
        cluster.endpoint_slices.skip(0);
        cluster.namespaces.skip(0);
        assert_eq!(cluster.snapshot(), None, "Secrets are missing");
        cluster.secrets.versions().skip(0);
        let snapshot = cluster.snapshot().unwrap();
        assert!(snapshot.front_doors.contains_key(&ObjectName::new("web", "ep")));
    }
}

//! Everything that is known of the cluster, and the snapshots that are made of it.

use super::{
    keep::{Own, Seen},
    scopes::Scopes,
    secrets::{Secrets, named},
    shelf::Shelf,
};
use crate::{
    problem::{Kind, ObjectRef},
    publish::Source,
    snapshot::{Entry, Snapshot},
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
pub(super) struct Objects {
    pub(super) front_doors: Arc<Shelf<Own<FrontDoor>>>,
    pub(super) routes: Arc<Shelf<Own<Route>>>,
    pub(super) services: Arc<Shelf<Arc<Service>>>,
    pub(super) endpoint_slices: Arc<Shelf<Arc<EndpointSlice>>>,
    pub(super) namespaces: Arc<Shelf<Arc<Namespace>>>,
    pub(super) secrets: Arc<Secrets>,
    /// The Service whose addresses are published, if one was named.
    pub(super) published: Option<Arc<Shelf<Arc<Service>>>>,
    /// Told of every event that may ask for another status.
    pub(super) seen: Arc<Notify>,
    class: String,
}

impl Objects {
    /// None yet; each kind will come from one watch for each scope.
    pub(super) fn new(class: String, scopes: &Scopes, publishes_service: bool) -> Self {
        let watches = scopes.objects.len();
        Self {
            front_doors: Shelf::new(watches),
            routes: Shelf::new(watches),
            services: Shelf::new(watches),
            endpoint_slices: Shelf::new(watches),
            namespaces: Shelf::new(watches),
            secrets: Arc::new(Secrets::new(scopes.secrets.len())),
            published: publishes_service.then(|| Shelf::new(1)),
            seen: Arc::default(),
            class,
        }
    }

    /// What the writer of statuses knows of an object; `None`: it is gone.
    pub(super) fn seen(&self, object: &ObjectRef) -> Option<Arc<Seen>> {
        match object.kind {
            Kind::FrontDoor => self.front_doors.get(&object.name).map(|own| own.seen),
            Kind::Route => self.routes.get(&object.name).map(|own| own.seen),
        }
    }

    fn filled(&self) -> bool {
        self.front_doors.filled()
            && self.routes.filled()
            && self.services.filled()
            && self.endpoint_slices.filled()
            && self.namespaces.filled()
            && self.secrets.filled()
    }
}

impl Source for Objects {
    /// `None` too while the data of a Secret that was not named before is on its way: a Route would
    /// be compiled without it.
    fn snapshot(&mut self) -> Option<Snapshot> {
        if !self.filled() {
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
    fn patience(&self) -> Duration {
        Duration::MAX
    }
}

fn entries<T>(objects: BTreeMap<ObjectName, Own<T>>) -> BTreeMap<ObjectName, Entry<T>> {
    objects.into_iter().map(|(name, own)| (name, own.entry)).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::operator::keep;
    use kube::runtime::watcher::Event;
    use serde_json::json;
    use std::collections::BTreeSet;

    #[test]
    fn there_is_no_snapshot_before_every_kind_is_there() {
        let scopes = Scopes::of(&BTreeSet::new(), None);
        let mut objects = Objects::new("portico".to_owned(), &scopes, false);
        let (name, own) = keep::own::<FrontDoor>(
            Kind::FrontDoor,
            serde_json::from_value(json!({
                "metadata": {"name": "ep", "namespace": "web"},
                "spec": {"hosts": [{"name": "a.example"}]},
            }))
            .unwrap(),
        );
        let shelf = objects.front_doors.clone();
        shelf.take(0, Event::Init, |()| unreachable!());
        shelf.take(0, Event::InitApply(own), |own| (name.clone(), own));
        shelf.take(0, Event::InitDone, |()| unreachable!());
        objects.routes.do_without(0);
        objects.services.do_without(0);
        objects.endpoint_slices.do_without(0);
        objects.namespaces.do_without(0);
        assert_eq!(objects.snapshot(), None, "Secrets are missing");
        objects.secrets.versions().do_without(0);
        let snapshot = objects.snapshot().unwrap();
        assert!(snapshot.front_doors.contains_key(&ObjectName::new("web", "ep")));
    }
}

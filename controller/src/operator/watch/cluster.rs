//! What is known of the cluster, and the snapshots made from it.

use super::{
    referenced::{Known, Referenced},
    store::Store,
    trim::{CustomObject, Observed},
};
use crate::{
    diagnostic::{Kind, ObjectRef},
    objects::{CustomKind, LastGood, ObjectKind, Position, Positions, References, Snapshot},
    publish::Source,
};
use k8s_openapi::api::core::v1::Service;
use portico_dataplane::table::ObjectName;
use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::sync::Notify;

/// How long everything waits for an object that is referenced from now on. After that, what refers
/// to it stays as it was, or is served without it.
const MAX_WAIT: Duration = Duration::from_secs(1);

/// What is known of the cluster.
#[derive(Clone)]
pub(crate) struct Cluster {
    class: String,
    /// Of each watch of a kind.
    namespaces: Vec<Option<String>>,
    watched: Vec<Arc<dyn Watched>>,
    referenced: Vec<Arc<dyn WatchedByReference>>,
    waits: Waits,
    custom: BTreeMap<Kind, Arc<dyn Custom>>,
    /// The Service whose addresses go into statuses, if one was given.
    pub(crate) published: Option<Arc<Store<Arc<Service>>>>,
    /// Notified of every event that may change a status.
    pub(crate) observed: Arc<Notify>,
}

/// A kind of which all objects are read.
trait Watched: Send + Sync {
    fn synced(&self) -> bool;

    fn fill(&self, snapshot: &mut Snapshot);
}

/// A kind of which only referenced objects are read.
trait WatchedByReference: Send + Sync {
    fn synced(&self) -> bool;

    /// Returns whether each referenced object has been asked for.
    fn fill(&self, snapshot: &mut Snapshot, references: &References) -> bool;
}

/// Whether referenced objects that have not been asked for are waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Waits {
    /// Nothing is served yet, so however long it takes to ask for each once.
    ForAll,
    No,
    Since(Instant),
}

impl Waits {
    /// The time counts from the last success: whoever keeps naming others delays nobody for more.
    fn next(self, is_complete: bool, now: Instant) -> Self {
        match self {
            _ if is_complete => Self::No,
            Self::ForAll => Self::ForAll,
            Self::No => Self::Since(now),
            Self::Since(since) if now.saturating_duration_since(since) >= MAX_WAIT => Self::No,
            Self::Since(since) => Self::Since(since),
        }
    }
}

/// One of Portico's own kinds.
trait Custom: Send + Sync {
    fn observed(&self, name: &ObjectName) -> Option<Arc<Observed>>;

    /// How far each watch has come.
    fn positions(&self) -> Vec<Position>;
}

impl<K: ObjectKind<Held = Arc<K>>> Watched for Store<Arc<K>> {
    fn synced(&self) -> bool {
        self.synced()
    }

    fn fill(&self, snapshot: &mut Snapshot) {
        *K::of(snapshot) = self.all();
    }
}

impl<K: CustomKind> Watched for Store<CustomObject<K>> {
    fn synced(&self) -> bool {
        self.synced()
    }

    fn fill(&self, snapshot: &mut Snapshot) {
        let objects = self.all().into_iter();
        *K::of(snapshot) = objects.map(|(name, object)| (name, object.entry)).collect();
    }
}

impl<K: CustomKind> Custom for Store<CustomObject<K>> {
    fn observed(&self, name: &ObjectName) -> Option<Arc<Observed>> {
        self.get(name).map(|object| object.observed)
    }

    fn positions(&self) -> Vec<Position> {
        self.positions().collect()
    }
}

impl<K: ObjectKind<Held = Arc<K>>> WatchedByReference for Referenced<K> {
    fn synced(&self) -> bool {
        self.synced()
    }

    fn fill(&self, snapshot: &mut Snapshot, references: &References) -> bool {
        let Known { objects, unread, is_complete } = self.named(references.to::<K>());
        *K::of(snapshot) = objects;
        if self.versions().skipped() {
            snapshot.refused.insert(K::NAME);
        }
        snapshot.unread.extend(unread.into_iter().map(|name| (K::NAME, name)));
        is_complete
    }
}

impl Cluster {
    /// Knows of nothing yet. There will be a watch of each kind for each of `namespaces`; `None`
    /// stands for all.
    pub(super) fn new(class: String, namespaces: Vec<Option<String>>) -> Self {
        Self {
            class,
            namespaces,
            watched: Vec::new(),
            referenced: Vec::new(),
            waits: Waits::ForAll,
            custom: BTreeMap::new(),
            published: None,
            observed: Arc::default(),
        }
    }

    /// Adds one of Portico's own kinds.
    pub(super) fn custom<K: CustomKind>(&mut self, store: Arc<Store<CustomObject<K>>>) {
        self.custom.insert(K::KIND, store.clone());
        self.watched.push(store);
    }

    /// Adds a kind of Kubernetes.
    pub(super) fn core<K: ObjectKind<Held = Arc<K>>>(&mut self, store: Arc<Store<Arc<K>>>) {
        self.watched.push(store);
    }

    /// Adds a kind of which only referenced objects are read.
    pub(super) fn referenced<K: ObjectKind<Held = Arc<K>>>(&mut self, objects: Arc<Referenced<K>>) {
        self.referenced.push(objects);
    }

    /// What the status writer needs to know of an object; `None` if it is gone.
    pub(crate) fn observed(&self, object: &ObjectRef) -> Option<Arc<Observed>> {
        self.custom.get(&object.kind)?.observed(&object.name)
    }

    /// How far the watches of Portico's own kinds have come.
    pub(crate) fn positions(&self) -> Positions {
        let mut positions = Positions::default();
        for (kind, custom) in &self.custom {
            for (namespace, position) in self.namespaces.iter().zip(custom.positions()) {
                positions.insert(*kind, namespace.as_deref(), position);
            }
        }
        positions
    }

    fn synced(&self) -> bool {
        self.watched.iter().all(|kind| kind.synced())
            && self.referenced.iter().all(|kind| kind.synced())
    }
}

impl Source for Cluster {
    /// Also `None` for a moment while a newly referenced object is being read: a Route would be
    /// compiled without it.
    fn snapshot(&mut self, last_good: &LastGood) -> Option<Arc<Snapshot>> {
        if !self.synced() {
            return None;
        }
        // Before the objects: what comes in between counts as not received yet.
        let mut snapshot = Snapshot { positions: self.positions(), ..Snapshot::default() };
        for kind in &self.watched {
            kind.fill(&mut snapshot);
        }
        let references = References::of(&snapshot, last_good, &self.class);
        let mut is_complete = true;
        for kind in &self.referenced {
            is_complete &= kind.fill(&mut snapshot, &references);
        }
        self.waits = self.waits.next(is_complete, Instant::now());
        (self.waits == Waits::No).then(|| Arc::new(snapshot))
    }

    /// Every change fires the trigger; that an object has been waited for long enough does not.
    fn poll_interval(&self) -> Duration {
        match self.waits {
            Waits::ForAll | Waits::No => Duration::MAX,
            Waits::Since(since) => MAX_WAIT.saturating_sub(since.elapsed()),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::{
        objects::{Visitor, visit},
        operator::watch::trim::{self, Version},
    };
    use k8s_openapi::{ClusterResourceScope, NamespaceResourceScope};
    use kube::{Resource, runtime::watcher::Event};
    use portico_crds::{FrontDoor, Route};
    use serde_json::json;

    /// Adds every kind, skips the watches of those that are read completely, and keeps the others.
    struct Skip {
        cluster: Cluster,
        referenced: Vec<Arc<Store<Version>>>,
    }

    impl Visitor for Skip {
        fn custom<K: CustomKind>(&mut self) {
            let store = Store::new(1);
            store.skip(0);
            self.cluster.custom::<K>(store);
        }

        fn namespaced<K>(&mut self)
        where
            K: ObjectKind<Held = Arc<K>> + Resource<Scope = NamespaceResourceScope>,
        {
            let store = Store::new(1);
            store.skip(0);
            self.cluster.core::<K>(store);
        }

        fn cluster<K>(&mut self)
        where
            K: ObjectKind<Held = Arc<K>> + Resource<Scope = ClusterResourceScope>,
        {
            let store = Store::new(1);
            store.skip(0);
            self.cluster.core::<K>(store);
        }

        fn referenced<K>(&mut self)
        where
            K: ObjectKind<Held = Arc<K>> + Resource<Scope = NamespaceResourceScope>,
        {
            let objects = Arc::new(Referenced::<K>::new(1));
            self.referenced.push(objects.versions());
            self.cluster.referenced(objects);
        }
    }

    #[test]
    fn others_wait_for_an_object_for_a_second_at_most() {
        let start = Instant::now();
        let after = |waits: Waits, wait: Duration| waits.next(false, start + wait);
        assert_eq!(after(Waits::ForAll, 10 * MAX_WAIT), Waits::ForAll, "nothing is served yet");
        let serves = Waits::ForAll.next(true, start);
        assert_eq!(serves, Waits::No);
        let waits = after(serves, Duration::ZERO);
        assert_eq!(waits, Waits::Since(start));
        assert_eq!(after(waits, MAX_WAIT / 2), waits, "however often it changes");
        assert_eq!(after(waits, MAX_WAIT), Waits::No);
        assert_eq!(waits.next(true, start), Waits::No);
    }

    #[test]
    fn there_is_no_snapshot_before_every_kind_is_there() {
        let mut all = Skip {
            cluster: Cluster::new("portico".to_owned(), vec![None]),
            referenced: Vec::new(),
        };
        visit(&mut all);
        let Skip { mut cluster, referenced } = all;
        let store = Store::new(1);
        cluster.custom::<FrontDoor>(store.clone());
        assert_eq!(cluster.snapshot(&LastGood::default()), None, "FrontDoors are missing");
        let (name, object) = trim::custom::<FrontDoor>(
            serde_json::from_value(json!({
                "metadata": {"name": "ep", "namespace": "web"},
                "spec": {"hosts": [{"name": "a.example"}]},
            }))
            .unwrap(),
        );
        store.take(0, Event::Init, |()| unreachable!());
        store.take(0, Event::InitApply(object), |object| (name.clone(), object));
        store.take(0, Event::InitDone, |()| unreachable!());
        assert_eq!(cluster.snapshot(&LastGood::default()), None, "Secrets are missing");
        assert!(referenced.iter().all(|versions| versions.skip(0)));
        let snapshot = cluster.snapshot(&LastGood::default()).unwrap();
        assert!(snapshot.front_doors.contains_key(&ObjectName::new("web", "ep")));
    }

    /// A Route's name, generation and version, as an event of its watch.
    type Read = (&'static str, i64, u64);

    fn read((name, generation, version): Read) -> (ObjectName, Option<CustomObject<Route>>) {
        let object = json!({
            "metadata": {
                "name": name, "namespace": "web", "uid": name, "generation": generation,
                "resourceVersion": version.to_string(),
            },
            "spec": {"frontDoorRef": {"name": "ep"}, "respond": {"status": 200}},
        });
        trim::custom::<Route>(serde_json::from_value(object).unwrap())
    }

    #[test]
    fn a_position_follows_the_versions_of_objects_and_of_their_generations() {
        let mut cluster = Cluster::new("portico".to_owned(), vec![Some("web".to_owned())]);
        let store = Store::new(1);
        cluster.custom::<Route>(store.clone());
        let take = |event: Event<Read>| store.take(0, event, read);
        let list = |objects: &[Read]| {
            take(Event::Init);
            for object in objects {
                take(Event::InitApply(*object));
            }
            take(Event::InitDone);
        };
        let since = |name: &str| {
            let name = ObjectName::new("web", name);
            cluster.observed(&ObjectRef { kind: Kind::Route, name }).unwrap().since
        };
        let position = || {
            let positions = cluster.positions();
            let all: Vec<_> =
                positions.iter().map(|(_, namespace, it)| (namespace.to_owned(), it)).collect();
            let [(namespace, Position { seen, newest })] = &*all else { unreachable!() };
            assert_eq!(namespace, "web");
            (*seen, *newest)
        };
        assert_eq!(position(), (0, 0));
        list(&[("a", 1, 7), ("b", 1, 5)]);
        assert_eq!((position(), since("a"), since("b")), ((7, 7), 7, 5));
        take(Event::Apply(("b", 1, 9)));
        assert_eq!((position(), since("b")), ((9, 7), 5), "another status");
        take(Event::Apply(("b", 2, 11)));
        assert_eq!((position(), since("b")), ((11, 11), 11), "another generation");
        take(Event::Delete(("a", 1, 12)));
        assert_eq!(position(), (12, 11));
        list(&[("b", 2, 14), ("c", 1, 13)]);
        assert_eq!(
            (position(), since("b"), since("c")),
            ((14, 13), 11, 13),
            "what it knows it keeps"
        );
        list(&[("b", 2, 3)]);
        assert_eq!((position(), since("b")), ((3, 3), 3), "versions start over");
    }
}

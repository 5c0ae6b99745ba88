//! Trims watched objects to what is compiled.

use super::store::Cached;
use crate::{
    diagnostic::ObjectRef,
    objects::{CustomKind, Entry, ObjectKind, position_of},
};
use k8s_openapi::{api::core::v1::Service, apimachinery::pkg::apis::meta::v1::ObjectMeta};
use kube::core::{DeserializeGuard, DynamicObject, PartialObjectMeta, Resource, TypeMeta};
use portico_crds::FrontDoorStatus;
use portico_dataplane::table::ObjectName;
use serde::Deserialize;
use std::sync::Arc;

/// A FrontDoor or Route: what is compiled, and the status that was observed.
#[derive(Clone, Debug)]
pub(crate) struct CustomObject<T> {
    pub(crate) entry: Entry<T>,
    pub(crate) observed: Arc<Observed>,
}

/// What the status writer needs to know of an object.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Observed {
    /// `metadata.uid`.
    pub(crate) uid: String,
    /// `metadata.resourceVersion`.
    pub(crate) version: String,
    /// `metadata.generation`.
    pub(crate) generation: Option<i64>,
    /// The first version known of this object in this generation, as a position.
    pub(crate) since: u64,
    /// Its status, as far as it decodes. A Route's is a FrontDoor's without attached Routes and
    /// addresses.
    pub(crate) status: FrontDoorStatus,
}

impl<T: PartialEq + Clone> Cached for CustomObject<T> {
    fn compiles_alike(&self, other: &Self) -> bool {
        self.entry == other.entry
    }

    fn versions(&self) -> (u64, u64) {
        (position_of(&self.observed.version), self.observed.since)
    }

    /// A new version of the same generation has another status, or other labels.
    fn follow(&mut self, before: &Self) {
        let (observed, before, entry_before) = (&self.observed, &before.observed, &before.entry);
        let is_same = observed.uid == before.uid && observed.generation == before.generation;
        if is_same && before.since < observed.since {
            Arc::make_mut(&mut self.observed).since = before.since;
        }
        if self.entry == *entry_before {
            self.entry = entry_before.clone();
        }
    }
}

/// The `metadata.resourceVersion` of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Version(pub(super) Arc<str>);

impl Cached for Version {
    /// A new version only means that there is something to read.
    fn compiles_alike(&self, _: &Self) -> bool {
        true
    }

    fn follow(&mut self, _: &Self) {}
}

fn name(metadata: &ObjectMeta) -> ObjectName {
    let text = |text: &Option<String>| text.as_deref().unwrap_or_default().to_owned();
    ObjectName::new(text(&metadata.namespace), text(&metadata.name))
}

/// Trims one of Portico's own objects, whatever is wrong with it.
pub(super) fn custom<K: CustomKind>(
    mut object: DynamicObject,
) -> (ObjectName, Option<CustomObject<K>>) {
    let name = name(&object.metadata);
    let status = object.data.get("status").map(FrontDoorStatus::deserialize);
    let version = object.metadata.resource_version.take().unwrap_or_default();
    let observed = Observed {
        uid: object.metadata.uid.clone().unwrap_or_default(),
        since: position_of(&version),
        version,
        generation: object.metadata.generation,
        status: status.and_then(Result::ok).unwrap_or_default(),
    };
    // Items of a list don't state their kind.
    let api_version = K::api_version(&()).into_owned();
    object.types = Some(TypeMeta { api_version, kind: K::NAME.to_owned() });
    object.metadata = ObjectMeta {
        name: object.metadata.name,
        namespace: object.metadata.namespace,
        uid: object.metadata.uid,
        generation: object.metadata.generation,
        creation_timestamp: object.metadata.creation_timestamp,
        ..ObjectMeta::default()
    };
    let value = serde_json::to_value(object).unwrap_or_default();
    let object = ObjectRef { kind: K::KIND, name: name.clone() };
    let entry = Entry::decode(&object, value, []);
    (name, Some(CustomObject { entry, observed: Arc::new(observed) }))
}

/// Trims an object of a kind of Kubernetes.
pub(super) fn core<K: ObjectKind>(guard: DeserializeGuard<K>) -> (ObjectName, Option<Arc<K>>) {
    decoded(K::NAME, guard, K::trim)
}

/// Trims a Service, but keeps its status, which has its load balancer's addresses.
pub(super) fn published(guard: DeserializeGuard<Service>) -> (ObjectName, Option<Arc<Service>>) {
    decoded(Service::NAME, guard, |_| {})
}

/// Removes metadata that changes often and is not read. An object that does not decode counts as
/// missing.
fn decoded<K: Resource>(
    kind: &str,
    guard: DeserializeGuard<K>,
    trim: impl FnOnce(&mut K),
) -> (ObjectName, Option<Arc<K>>) {
    let name = name(guard.meta());
    let object = guard.0.inspect_err(|invalid| {
        tracing::warn!("ignoring {kind} {name}, which does not decode: {}", invalid.error);
    });
    let object = object.ok().map(|mut object| {
        let metadata = object.meta_mut();
        metadata.annotations = None;
        metadata.managed_fields = None;
        metadata.resource_version = None;
        trim(&mut object);
        Arc::new(object)
    });
    (name, object)
}

/// Keeps nothing but the version: a Secret's annotations may contain its data.
pub(super) fn version<K>(object: PartialObjectMeta<K>) -> (ObjectName, Option<Version>) {
    let name = name(&object.metadata);
    (name, object.metadata.resource_version.map(|version| Version(version.into())))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::diagnostic::Reason;
    use k8s_openapi::api::core::v1::Secret;
    use portico_crds::{FrontDoor, Route};
    use serde_json::{Value, json};

    fn front_door(version: &str, status: Value, spec: Value) -> CustomObject<FrontDoor> {
        let object = json!({
            "metadata": {
                "name": "ep", "namespace": "web", "uid": "u", "generation": 3,
                "resourceVersion": version, "managedFields": [{"manager": version}],
                "annotations": {"a": version}, "creationTimestamp": "2026-01-01T00:00:00Z",
            },
            "spec": spec,
            "status": status,
        });
        let (name, object) = custom(serde_json::from_value(object).unwrap());
        assert_eq!(name, ObjectName::new("web", "ep"));
        object.unwrap()
    }

    #[test]
    fn what_we_write_ourselves_is_no_change() {
        let spec = json!({"hosts": [{"name": "a.example"}]});
        let before = front_door("1", json!(null), spec.clone());
        let after = front_door("2", json!({"observedGeneration": 3}), spec);
        assert!(before.entry.problems.is_empty(), "{:?}", before.entry.problems);
        assert_eq!(before.entry.object.as_ref().unwrap().metadata.generation, Some(3));
        assert!(before.compiles_alike(&after));
        assert_eq!(after.observed.status.observed_generation, Some(3));
        assert_eq!((&*after.observed.uid, &*after.observed.version), ("u", "2"));
        let other = front_door("3", json!(null), json!({"hosts": [{"name": "b.example"}]}));
        assert!(!before.compiles_alike(&other));
        assert_eq!(other.entry.object.as_ref().unwrap().metadata.uid.as_deref(), Some("u"));
    }

    #[test]
    fn an_object_that_does_not_decode_as_a_whole_is_kept_with_its_problems() {
        let object = front_door("1", json!({"conditions": 7}), json!({"hosts": "a.example"}));
        assert_eq!(object.entry.undecoded, ["spec.hosts"]);
        assert_eq!(object.entry.problems.first().unwrap().reason, Reason::Invalid);
        assert_eq!(object.entry.problems.first().unwrap().field, "spec.hosts");
        assert_eq!(object.observed.status, FrontDoorStatus::default());
        let bare = json!({"metadata": {"name": "r", "namespace": "web"}});
        let (_, object) = super::custom::<Route>(serde_json::from_value(bare).unwrap());
        assert!(!object.unwrap().entry.problems.is_empty());
    }

    #[test]
    fn of_core_objects_only_what_counts_is_kept() {
        let read = |version: &str, port: Value| {
            let service = json!({
                "metadata": {"name": "s", "namespace": "web", "resourceVersion": version},
                "spec": {"ports": [{"port": port}]},
                "status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}},
            });
            service_of(service)
        };
        assert_eq!(read("1", json!(80)), read("2", json!(80)));
        assert_ne!(read("1", json!(80)), read("1", json!(81)));
        assert_eq!(read("1", json!("http")), None, "does not decode");
    }

    fn service_of(value: Value) -> Option<Arc<Service>> {
        core(serde_json::from_value(value).unwrap()).1
    }

    #[test]
    fn of_a_secret_only_the_version_is_kept() {
        let object = json!({"metadata": {
            "name": "s", "namespace": "web", "resourceVersion": "7",
            "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "token"},
        }});
        let (_, kept) = version::<Secret>(serde_json::from_value(object).unwrap());
        assert_eq!(kept, Some(Version("7".into())));
    }
}

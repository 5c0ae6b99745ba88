//! The kinds of objects that Portico reads. `kinds!` below lists them and says all that is peculiar to
//! each; nothing else names them all. Another kind is another entry there.

use super::{Entry, secret};
use crate::diagnostic::{Kind, ObjectRef, Problem};
use k8s_openapi::{
    ClusterResourceScope, NamespaceResourceScope,
    api::{
        core::v1::{Namespace, Secret, Service},
        discovery::v1::EndpointSlice,
    },
};
use kube::{Resource, core::ApiResource};
use portico_crds::{FrontDoor, Route};
use portico_dataplane::table::ObjectName;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::{collections::BTreeMap, fmt::Debug, sync::Arc};

/// A kind of objects that Portico reads.
pub trait ObjectKind:
    Resource<DynamicType = ()> + Clone + Debug + PartialEq + DeserializeOwned + Send + Sync + 'static
{
    /// Its name, as manifests have it.
    const NAME: &'static str;

    /// Whether `--secret-namespace` and `--no-secrets` bound where it is read.
    const IS_SECRET: bool = false;

    /// What is held of one object.
    type Held: Clone + Debug + PartialEq + Send + Sync + 'static;

    /// Those of a snapshot.
    fn of(snapshot: &mut Snapshot) -> &mut BTreeMap<ObjectName, Self::Held>;

    /// One of them.
    fn object(name: ObjectName, held: Self::Held) -> Object;

    /// Reads one from a manifest.
    ///
    /// # Errors
    /// What is wrong with it.
    fn decode(manifest: Value) -> Result<Self, String> {
        serde_json::from_value(manifest).map_err(|error| error.to_string())
    }

    /// Drops what a cluster notes in it often and Portico does not read.
    fn trim(&mut self) {}
}

/// A kind of Portico's own: it has a schema, problems and a status.
pub trait CustomKind: ObjectKind<Held = Entry<Self>> {
    /// Which one.
    const KIND: Kind;
}

impl CustomKind for FrontDoor {
    const KIND: Kind = Kind::FrontDoor;
}

impl CustomKind for Route {
    const KIND: Kind = Kind::Route;
}

/// How the API server knows a kind of Portico's own.
pub fn api_resource(kind: Kind) -> ApiResource {
    match kind {
        Kind::FrontDoor => ApiResource::erase::<FrontDoor>(&()),
        Kind::Route => ApiResource::erase::<Route>(&()),
    }
}

/// Does something for each kind, by how its objects are read.
pub trait Visitor {
    /// A kind of Portico's own.
    fn custom<K: CustomKind>(&mut self);

    /// A namespaced kind of Kubernetes.
    fn namespaced<K>(&mut self)
    where
        K: ObjectKind<Held = Arc<K>> + Resource<Scope = NamespaceResourceScope>;

    /// A kind of Kubernetes that has no namespace.
    fn cluster<K>(&mut self)
    where
        K: ObjectKind<Held = Arc<K>> + Resource<Scope = ClusterResourceScope>;

    /// A namespaced kind of Kubernetes, of which those objects alone are read that another one names:
    /// see [`References`](super::References).
    fn referenced<K>(&mut self)
    where
        K: ObjectKind<Held = Arc<K>> + Resource<Scope = NamespaceResourceScope>;
}

macro_rules! kinds {
    ($(
        $(#[$doc:meta])*
        $field:ident: $Held:ident<$Kind:ident>, $visit:ident { $($peculiar:tt)* }
    )*) => {
        /// All objects as they are at one moment: what is compiled. They are sorted by name, so that
        /// one snapshot always compiles to one table.
        #[derive(Clone, Debug, Default, PartialEq)]
        pub struct Snapshot {
            $($(#[$doc])* pub $field: BTreeMap<ObjectName, $Held<$Kind>>,)*
        }

        /// One object.
        #[derive(Clone, Debug, PartialEq)]
        #[allow(missing_docs)]
        pub enum Object {
            $($Kind(ObjectName, $Held<$Kind>),)*
        }

        impl Object {
            /// Its kind's name.
            pub fn kind(&self) -> &'static str {
                match self {
                    $(Self::$Kind(..) => $Kind::NAME,)*
                }
            }

            /// Its namespace, empty where its kind has none, and name.
            pub fn name(&self) -> &ObjectName {
                match self {
                    $(Self::$Kind(name, _) => name,)*
                }
            }

            /// Puts it into a snapshot.
            pub fn insert(self, snapshot: &mut Snapshot) {
                match self {
                    $(Self::$Kind(name, held) => drop(snapshot.$field.insert(name, held)),)*
                }
            }
        }

        $(impl ObjectKind for $Kind {
            const NAME: &'static str = stringify!($Kind);

            type Held = $Held<$Kind>;

            fn of(snapshot: &mut Snapshot) -> &mut BTreeMap<ObjectName, Self::Held> {
                &mut snapshot.$field
            }

            fn object(name: ObjectName, held: Self::Held) -> Object {
                Object::$Kind(name, held)
            }

            $($peculiar)*
        })*

        /// Visits every kind.
        pub fn visit(visitor: &mut impl Visitor) {
            $(visitor.$visit::<$Kind>();)*
        }
    };
}

kinds! {
    /// FrontDoors, undecodable ones too.
    front_doors: Entry<FrontDoor>, custom {}

    /// Routes, undecodable ones too.
    routes: Entry<Route>, custom {}

    /// Services.
    services: Arc<Service>, namespaced {
        fn trim(&mut self) {
            self.status = None;
        }
    }

    /// EndpointSlices, by their own name.
    endpoint_slices: Arc<EndpointSlice>, namespaced {}

    /// Namespaces; the namespace of their own name is empty.
    namespaces: Arc<Namespace>, cluster {
        fn trim(&mut self) {
            self.status = None;
        }
    }

    /// Secrets.
    secrets: Arc<Secret>, referenced {
        const IS_SECRET: bool = true;

        fn decode(manifest: Value) -> Result<Self, String> {
            secret::decode(manifest)
        }

        fn trim(&mut self) {
            secret::trim(self);
        }
    }
}

impl Snapshot {
    /// The problems that reading an object of Portico's own found.
    pub fn problems_mut(&mut self, object: &ObjectRef) -> Option<&mut Vec<Problem>> {
        fn of<T>(entry: &mut Entry<T>) -> &mut Vec<Problem> {
            &mut entry.problems
        }
        match object.kind {
            Kind::FrontDoor => self.front_doors.get_mut(&object.name).map(of),
            Kind::Route => self.routes.get_mut(&object.name).map(of),
        }
    }

    /// A Namespace.
    pub fn namespace(&self, name: &str) -> Option<&Namespace> {
        self.namespaces.get(&ObjectName::new("", name)).map(AsRef::as_ref)
    }
}

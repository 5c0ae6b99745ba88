//! The kinds of objects that Portico reads. `kinds!` below is the only list of them, and has
//! everything that differs from kind to kind. To add a kind, add an entry.

use super::{Entry, Positions, secret, undecoded::Undecoded, values};
use crate::{
    diagnostic::{Kind, ObjectRef, Problem},
    schema::labels,
};
use k8s_openapi::{
    ClusterResourceScope, NamespaceResourceScope,
    api::{
        core::v1::{ConfigMap, Namespace, Secret, Service},
        discovery::v1::EndpointSlice,
    },
};
use kube::{Resource, core::ApiResource};
use portico_crds::{FrontDoor, Route};
use portico_dataplane::table::ObjectName;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    fmt::Debug,
    path::Path,
    sync::Arc,
};

/// A kind of objects that Portico reads.
pub trait ObjectKind:
    Resource<DynamicType = ()>
    + Clone
    + Debug
    + PartialEq
    + DeserializeOwned
    + JsonSchema
    + Send
    + Sync
    + 'static
{
    /// The kind's name in manifests.
    const NAME: &'static str;

    /// Which flags restrict where it is read.
    const RESTRICTION: Restriction = Restriction::WatchNamespace;

    /// Whether an operator without permission to read them goes on as if there were none.
    const IS_OPTIONAL: bool = false;

    /// What the API server says of a name, if it refuses it.
    const CHECK_NAME: fn(&str) -> Result<(), &'static str> = labels::check_subdomain;

    /// What a snapshot holds for each object.
    type Held: Clone + Debug + PartialEq + Send + Sync + 'static;

    /// The objects of this kind in a snapshot.
    fn of(snapshot: &mut Snapshot) -> &mut BTreeMap<ObjectName, Self::Held>;

    /// Wraps an object of this kind.
    fn object(name: ObjectName, held: Self::Held) -> Object;

    /// Decodes a manifest.
    ///
    /// # Errors
    /// What is wrong with it, and in which field.
    fn decode(manifest: Value) -> Result<Self, Undecoded> {
        serde_path_to_error::deserialize(manifest).map_err(Undecoded::new)
    }

    /// Removes what Portico does not read, and what changes often in a cluster.
    fn trim(&mut self) {}
}

/// Which of the operator's flags restrict where a kind is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Restriction {
    /// `--watch-namespace`.
    WatchNamespace,
    /// Also `--secret-namespace` and `--no-secrets`.
    Secrets,
    /// Also `--no-config-maps`.
    ConfigMaps,
}

/// One of Portico's own kinds: it has a schema, problems and a status.
pub trait CustomKind: ObjectKind<Held = Entry<Self>> {
    /// Which of them.
    const KIND: Kind;
}

impl CustomKind for FrontDoor {
    const KIND: Kind = Kind::FrontDoor;
}

impl CustomKind for Route {
    const KIND: Kind = Kind::Route;
}

/// The API resource of one of Portico's own kinds.
pub fn api_resource(kind: Kind) -> ApiResource {
    match kind {
        Kind::FrontDoor => ApiResource::erase::<FrontDoor>(&()),
        Kind::Route => ApiResource::erase::<Route>(&()),
    }
}

/// Visits kinds according to how their objects are read.
pub trait Visitor {
    /// One of Portico's own kinds.
    fn custom<K: CustomKind>(&mut self);

    /// A namespaced kind of Kubernetes.
    fn namespaced<K>(&mut self)
    where
        K: ObjectKind<Held = Arc<K>> + Resource<Scope = NamespaceResourceScope>;

    /// A cluster-scoped kind of Kubernetes.
    fn cluster<K>(&mut self)
    where
        K: ObjectKind<Held = Arc<K>> + Resource<Scope = ClusterResourceScope>;

    /// A namespaced kind of Kubernetes whose objects are only read if another object references
    /// them: see [`References`](super::References).
    fn referenced<K>(&mut self)
    where
        K: ObjectKind<Held = Arc<K>> + Resource<Scope = NamespaceResourceScope>;
}

macro_rules! kinds {
    ($(
        $(#[$doc:meta])*
        $field:ident: $Held:ident<$Kind:ident>, $visit:ident { $($peculiar:tt)* }
    )*) => {
        /// All objects at one moment: the compiler's input. Sorted by name, so that equal snapshots
        /// compile to equal tables.
        #[derive(Clone, Debug, Default, PartialEq)]
        pub struct Snapshot {
            $($(#[$doc])* pub $field: BTreeMap<ObjectName, $Held<$Kind>>,)*

            /// Kinds and names of referenced objects that exist, but have not been read: what they
            /// contain is unknown.
            pub unread: BTreeSet<(&'static str, ObjectName)>,

            /// Kinds that the API server does not let this install read, in some namespace or all.
            pub refused: BTreeSet<&'static str>,

            /// How far the watches that brought them had come, at least; empty for files.
            pub positions: Positions,
        }

        /// An object of any kind.
        #[derive(Clone, Debug, PartialEq)]
        #[allow(missing_docs)]
        pub enum Object {
            $($Kind(ObjectName, $Held<$Kind>),)*
        }

        impl Object {
            /// The name of its kind.
            pub fn kind(&self) -> &'static str {
                match self {
                    $(Self::$Kind(..) => $Kind::NAME,)*
                }
            }

            /// Its name; the namespace is empty if the kind is cluster-scoped.
            pub fn name(&self) -> &ObjectName {
                match self {
                    $(Self::$Kind(name, _) => name,)*
                }
            }

            /// Whether a snapshot has it, as it is.
            pub fn is_in(&self, snapshot: &Snapshot) -> bool {
                match self {
                    $(Self::$Kind(name, held) => snapshot.$field.get(name) == Some(held),)*
                }
            }

            /// Inserts it into a snapshot.
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

        /// The `apiVersion` of the kind with this name; `None` if that is not read.
        pub(crate) fn api_version(kind: &str) -> Option<Cow<'static, str>> {
            $(if kind == $Kind::NAME {
                return Some($Kind::api_version(&()));
            })*
            None
        }

        /// Visits every kind.
        pub fn visit(visitor: &mut impl Visitor) {
            $(visitor.$visit::<$Kind>();)*
        }
    };
}

kinds! {
    /// FrontDoors, including those that don't decode.
    front_doors: Entry<FrontDoor>, custom {}

    /// Routes, including those that don't decode.
    routes: Entry<Route>, custom {}

    /// Services.
    services: Arc<Service>, namespaced {
        const CHECK_NAME: fn(&str) -> Result<(), &'static str> = labels::check_service_name;

        fn trim(&mut self) {
            self.status = None;
        }
    }

    /// EndpointSlices, by their own names.
    endpoint_slices: Arc<EndpointSlice>, namespaced {}

    /// Namespaces. Their keys have an empty namespace.
    namespaces: Arc<Namespace>, cluster {
        const CHECK_NAME: fn(&str) -> Result<(), &'static str> = labels::check_label;

        fn trim(&mut self) {
            self.status = None;
        }
    }

    /// Secrets.
    secrets: Arc<Secret>, referenced {
        const RESTRICTION: Restriction = Restriction::Secrets;

        fn decode(manifest: Value) -> Result<Self, Undecoded> {
            secret::decode(manifest)
        }

        fn trim(&mut self) {
            values::trim_secret(self);
        }
    }

    /// ConfigMaps.
    config_maps: Arc<ConfigMap>, referenced {
        const RESTRICTION: Restriction = Restriction::ConfigMaps;

        const IS_OPTIONAL: bool = true;

        fn decode(manifest: Value) -> Result<Self, Undecoded> {
            let mut config_map: Self =
                serde_path_to_error::deserialize(manifest).map_err(Undecoded::new)?;
            config_map.trim();
            Ok(config_map)
        }

        fn trim(&mut self) {
            values::trim_config_map(self);
        }
    }
}

impl Snapshot {
    /// One of Portico's own objects: the problems found while reading it, and its file.
    pub fn read_mut(
        &mut self,
        object: &ObjectRef,
    ) -> Option<(&mut Vec<Problem>, &mut Option<Arc<Path>>)> {
        fn of<T>(entry: &mut Entry<T>) -> (&mut Vec<Problem>, &mut Option<Arc<Path>>) {
            (&mut entry.problems, &mut entry.file)
        }
        match object.kind {
            Kind::FrontDoor => self.front_doors.get_mut(&object.name).map(of),
            Kind::Route => self.routes.get_mut(&object.name).map(of),
        }
    }

    /// Whether an object exists, but has not been read.
    pub fn is_unread<K: ObjectKind>(&self, name: &ObjectName) -> bool {
        !self.unread.is_empty() && self.unread.contains(&(K::NAME, name.clone()))
    }

    /// Whether the API server does not let this install read a kind.
    pub fn is_refused<K: ObjectKind>(&self) -> bool {
        self.refused.contains(K::NAME)
    }

    /// A Namespace.
    pub fn namespace(&self, name: &str) -> Option<&Namespace> {
        self.namespaces.get(&ObjectName::new("", name)).map(AsRef::as_ref)
    }
}

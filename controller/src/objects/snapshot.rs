//! All objects as they are at one moment: what is compiled.

use super::Entry;
use k8s_openapi::api::{
    core::v1::{Namespace, Secret, Service},
    discovery::v1::EndpointSlice,
};
use portico_crds::{FrontDoor, Route};
use portico_dataplane::table::ObjectName;
use std::{collections::BTreeMap, sync::Arc};

/// Objects by name, sorted, so that one snapshot always compiles to one table.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Snapshot {
    /// FrontDoors, undecodable ones too.
    pub front_doors: BTreeMap<ObjectName, Entry<FrontDoor>>,
    /// Routes, undecodable ones too.
    pub routes: BTreeMap<ObjectName, Entry<Route>>,
    /// Services.
    pub services: BTreeMap<ObjectName, Arc<Service>>,
    /// EndpointSlices, by their own name.
    pub endpoint_slices: BTreeMap<ObjectName, Arc<EndpointSlice>>,
    /// Secrets.
    pub secrets: BTreeMap<ObjectName, Arc<Secret>>,
    /// Namespaces, by name.
    pub namespaces: BTreeMap<String, Arc<Namespace>>,
}

//! The last accepted version of every FrontDoor and Route. It is served while a newer version is
//! invalid, so that a slip withdraws nothing.

use super::{Entry, Snapshot, kinds::CustomKind};
use crate::diagnostic::ObjectRef;
use portico_crds::{FrontDoor, Route};
use portico_dataplane::table::ObjectName;
use std::{collections::BTreeMap, sync::Arc};

type Versions<K> = BTreeMap<ObjectName, Entry<K>>;

/// The last accepted version of every FrontDoor and Route. Shares the decoded objects with the
/// snapshots that they come from.
#[derive(Clone, Debug, Default)]
pub struct LastGood {
    front_doors: Versions<FrontDoor>,
    routes: Versions<Route>,
}

/// What compiling has found out about the current version of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is accepted.
    Accepted,
    /// What it says is invalid, or it waits for something while an earlier version is served.
    Yields,
    /// What it says is valid, and yet it is not accepted: it lost a conflict, or may not attach.
    Refused,
    /// This install is not responsible for it.
    NotOurs,
}

impl LastGood {
    /// The last accepted version of a FrontDoor, given its current one.
    pub fn front_door(
        &self,
        name: &ObjectName,
        current: &Entry<FrontDoor>,
    ) -> Option<&Entry<FrontDoor>> {
        version_of(&self.front_doors, name, current)
    }

    /// The last accepted version of a Route, given its current one.
    pub fn route(&self, name: &ObjectName, current: &Entry<Route>) -> Option<&Entry<Route>> {
        version_of(&self.routes, name, current)
    }

    /// The kept Routes that differ from their current versions.
    pub(super) fn other_routes<'l>(
        &'l self,
        snapshot: &'l Snapshot,
    ) -> impl Iterator<Item = (&'l ObjectName, &'l Route)> {
        others(&self.routes, &snapshot.routes)
    }

    /// The kept FrontDoors that differ from their current versions.
    pub(super) fn other_front_doors<'l>(
        &'l self,
        snapshot: &'l Snapshot,
    ) -> impl Iterator<Item = (&'l ObjectName, &'l FrontDoor)> {
        others(&self.front_doors, &snapshot.front_doors)
    }

    /// Keeps what is accepted, and forgets objects that are gone, that were replaced by others of
    /// the same name, or that another valid version has superseded. `routes` are those whose version
    /// or verdict has changed since the last call, and those that are gone.
    pub fn update(
        &mut self,
        snapshot: &Snapshot,
        routes: &[ObjectName],
        verdict: impl Fn(&ObjectRef) -> Verdict,
    ) {
        let Self { front_doors: kept, .. } = self;
        let gone = kept.keys().filter(|name| !snapshot.front_doors.contains_key(name));
        let gone: Vec<_> = gone.cloned().collect();
        for name in snapshot.front_doors.keys().chain(&gone) {
            update(kept, name, &snapshot.front_doors, &verdict);
        }
        for name in routes {
            update(&mut self.routes, name, &snapshot.routes, &verdict);
        }
    }
}

fn version_of<'l, K: CustomKind>(
    versions: &'l Versions<K>,
    name: &ObjectName,
    current: &Entry<K>,
) -> Option<&'l Entry<K>> {
    versions.get(name).filter(|kept| is_same_object(kept, current))
}

/// Whether two versions are of one object, not of two that have had the same name. The uid of one
/// from a file, or of one that does not decode, is unknown.
fn is_same_object<K: CustomKind>(kept: &Entry<K>, current: &Entry<K>) -> bool {
    fn uid<K: CustomKind>(entry: &Entry<K>) -> Option<&String> {
        entry.object.as_deref()?.meta().uid.as_ref()
    }
    uid(kept).zip(uid(current)).is_none_or(|(kept, current)| kept == current)
}

fn is_same_version<K>(kept: &Entry<K>, current: &Entry<K>) -> bool {
    let objects = kept.object.as_ref().zip(current.object.as_ref());
    objects.is_some_and(|(kept, current)| Arc::ptr_eq(kept, current))
}

fn others<'l, K: CustomKind>(
    versions: &'l Versions<K>,
    current: &'l BTreeMap<ObjectName, Entry<K>>,
) -> impl Iterator<Item = (&'l ObjectName, &'l K)> {
    let differs = |(name, kept): &(&ObjectName, &Entry<K>)| {
        current
            .get(*name)
            .is_some_and(|now| !is_same_version(kept, now) && is_same_object(kept, now))
    };
    let differing = versions.iter().filter(differs);
    differing.filter_map(|(name, kept)| Some((name, kept.object.as_deref()?)))
}

fn update<K: CustomKind>(
    versions: &mut Versions<K>,
    name: &ObjectName,
    current: &BTreeMap<ObjectName, Entry<K>>,
    verdict: &impl Fn(&ObjectRef) -> Verdict,
) {
    let kept = versions.get(name);
    let now = current.get(name);
    if !kept.zip(now).is_some_and(|(kept, now)| is_same_object(kept, now)) {
        versions.remove(name);
    }
    let Some(now) = now else { return };
    let kept = versions.get(name);
    match verdict(&ObjectRef { kind: K::KIND, name: name.clone() }) {
        Verdict::Accepted => {
            if kept.is_none_or(|kept| !is_same_version(kept, now)) {
                versions.insert(name.clone(), now.clone());
            }
        }
        Verdict::Yields => {}
        // Its author has replaced the kept version. If it is that very version, it is served again
        // once nothing stands in its way.
        Verdict::Refused => {
            if kept.is_some_and(|kept| kept.object != now.object) {
                versions.remove(name);
            }
        }
        Verdict::NotOurs => drop(versions.remove(name)),
    }
}

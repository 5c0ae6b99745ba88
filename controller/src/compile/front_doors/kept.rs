//! What one compile of FrontDoors and Routes leaves for the next, so that only what has changed, or
//! depends on something that has, is compiled again. The result is the same as from nothing.

use super::{
    candidate::{Draft, Reads},
    host_set::HostSet,
    hosts::{FrontDoor, FrontDoors},
    lower::{self, Attached},
    shared::shared,
};
use crate::{
    compile::{cors, services::KeptServices, status::Status},
    diagnostic::{Kind, ObjectRef},
    objects::{Entry, Snapshot},
};
use portico_crds as crds;
use portico_dataplane::table::{Hosts, ObjectName, VirtualHost};
use std::{collections::BTreeMap, iter, sync::Arc};

/// What one compile leaves for the next.
#[derive(Debug, Default)]
pub(in crate::compile) struct Kept {
    /// Oldest first.
    pub(super) front_doors: Vec<KeptFrontDoor>,
    /// In the order of the snapshot; `None` for those that another install is responsible for.
    pub(super) routes: Vec<Option<KeptRoute>>,
    pub(super) services: KeptServices,
}

/// A FrontDoor: what its Routes were compiled against, and what it came to.
#[derive(Debug)]
pub(super) struct KeptFrontDoor {
    name: ObjectName,
    /// The version that was compiled.
    object: Option<Arc<crds::FrontDoor>>,
    not_accepted: Option<String>,
    is_reported_elsewhere: bool,
    owned: HostSet,
    cors: cors::Inherited,
    /// Those that it owns.
    hosts: Vec<Arc<VirtualHost>>,
    /// How many of its Routes are served.
    attached_routes: usize,
    status: Arc<Status>,
}

/// A Route as it was compiled.
#[derive(Debug)]
pub(super) struct KeptRoute {
    /// Before conflicts.
    pub(super) draft: Arc<Draft>,
    /// The index of the FrontDoor at which it has its matches: that of the current version, if an
    /// earlier one, which is the draft, lost to another Route.
    pub(super) front_door: Option<usize>,
    /// `None` if it has to be compiled each time.
    pub(super) reads: Option<Reads>,
    pub(super) status: Arc<Status>,
}

impl Kept {
    /// The hosts of all FrontDoors.
    pub(super) fn hosts(&self) -> Hosts {
        self.front_doors.iter().flat_map(|front_door| &front_door.hosts).cloned().collect()
    }

    /// The statuses of all objects.
    pub(super) fn statuses(&self) -> BTreeMap<ObjectRef, Arc<Status>> {
        let front_doors = self.front_doors.iter();
        let front_doors = front_doors.map(|KeptFrontDoor { name, status, .. }| {
            (ObjectRef { kind: Kind::FrontDoor, name: name.clone() }, status.clone())
        });
        let routes = self.routes.iter().flatten();
        let routes =
            routes.map(|route| (route.draft.report.object().clone(), route.status.clone()));
        front_doors.chain(routes).collect()
    }
}

impl KeptFrontDoor {
    /// `then` is what it was at the last compile, if its Routes compile against it as they did. If it
    /// is not stale, they are the same, too.
    pub(super) fn new(
        front_door: FrontDoor<'_>,
        attached: &Attached<'_>,
        then: Option<&Self>,
        is_stale: bool,
    ) -> Self {
        let (hosts, attached_routes) = match then.filter(|_| !is_stale) {
            Some(then) => (lower::with_routes_of(&front_door, &then.hosts), then.attached_routes),
            None => {
                let then = then.map(|then| &*then.hosts).unwrap_or_default();
                (lower::hosts(&front_door, attached, then), attached.routes)
            }
        };
        let status = front_door.report.status(attached_routes);
        Self {
            status: shared(status, then.map(|then| &then.status)),
            name: front_door.name().clone(),
            object: front_door.object.cloned(),
            not_accepted: front_door.only_holds(),
            is_reported_elsewhere: front_door.report.is_reported_elsewhere(),
            owned: front_door.owned,
            cors: front_door.cors,
            hosts,
            attached_routes,
        }
    }

    /// Whether Routes compile against it as they do against `now`, as far as that does not depend on
    /// Namespaces.
    fn binds_like(&self, now: &FrontDoor<'_>) -> bool {
        let versions = self.object.as_ref().zip(now.object);
        versions.is_some_and(|(before, now)| Arc::ptr_eq(before, now))
            && self.not_accepted == now.only_holds()
            && self.is_reported_elsewhere == now.report.is_reported_elsewhere()
            && self.owned == now.owned
            && self.cors == now.cors
    }
}

/// Where the FrontDoors of the last compile are in this one.
#[derive(Debug)]
pub(super) struct Moved {
    /// By index then: the index now, unless it is gone.
    now: Vec<Option<usize>>,
    /// By index now: the index then, if Routes compile against it as they did.
    same: Vec<Option<usize>>,
}

impl Moved {
    pub(super) fn new(
        kept: &[KeptFrontDoor],
        front_doors: &FrontDoors<'_>,
        before: &Snapshot,
        snapshot: &Snapshot,
    ) -> Self {
        let mut same = vec![None; front_doors.all.len()];
        // What a namespace may claim depends on its labels.
        let namespaces = before.namespaces == snapshot.namespaces;
        let index_now = |(then, kept): (usize, &KeptFrontDoor)| {
            let index = front_doors.served(&kept.name)?;
            let now = front_doors.all.get(index)?;
            if let Some(same) = same.get_mut(index).filter(|_| namespaces && kept.binds_like(now)) {
                *same = Some(then);
            }
            Some(index)
        };
        let now = kept.iter().enumerate().map(index_now).collect();
        Self { now, same }
    }

    /// The index now, unless it is gone.
    pub(super) fn now(&self, then: usize) -> Option<usize> {
        self.now.get(then).copied().flatten()
    }

    /// The index then, if Routes compile against it as they did.
    pub(super) fn same(&self, now: usize) -> Option<usize> {
        self.same.get(now).copied().flatten()
    }

    /// The index now, if Routes compile against it as they did.
    pub(super) fn still(&self, then: usize) -> Option<usize> {
        self.now(then).filter(|now| self.same(*now) == Some(then))
    }
}

/// A Route of the snapshot, and what is left of it.
pub(super) struct Left<'s> {
    pub(super) name: &'s ObjectName,
    pub(super) entry: &'s Entry<crds::Route>,
    pub(super) kept: Option<KeptRoute>,
    /// Whether `entry` is the one that was compiled.
    pub(super) is_same: bool,
}

/// The Routes of a snapshot with what is left of each, and what is left of those that are gone, with
/// their names. `kept` is in the order of the Routes `before`, or empty.
pub(super) fn left<'s>(
    before: &'s Snapshot,
    kept: Vec<Option<KeptRoute>>,
    snapshot: &'s Snapshot,
) -> (Vec<Left<'s>>, Vec<(&'s ObjectName, Option<KeptRoute>)>) {
    let kept = kept.into_iter().chain(iter::repeat_with(|| None));
    let mut before = before.routes.iter().zip(kept).peekable();
    let mut gone = Vec::new();
    let mut left = Vec::with_capacity(snapshot.routes.len());
    for (name, entry) in &snapshot.routes {
        gone.extend(
            iter::from_fn(|| before.next_if(|((then, _), _)| *then < name))
                .map(|((name, _), kept)| (name, kept)),
        );
        let then = before.next_if(|((then, _), _)| *then == name);
        left.push(match then {
            Some(((_, then), kept)) => Left { name, entry, kept, is_same: then.is_same(entry) },
            None => Left { name, entry, kept: None, is_same: false },
        });
    }
    gone.extend(before.map(|((name, _), kept)| (name, kept)));
    (left, gone)
}

//! FrontDoors and the Routes attached to them: the hosts of the table, and statuses.

mod attach;
mod claims;
mod conflicts;
mod held;
mod host_set;
mod hosts;
mod lower;
mod owners;
mod places;
mod proxies;
mod routes;
mod tls;

pub use routes::requested_matches;

use super::{
    certificates::Certificates, expressions::Expressions, options::Options, services::Services,
    status::Status,
};
use crate::{
    diagnostic::ObjectRef,
    objects::{LastGood, Snapshot},
};
use hosts::FrontDoors;
use portico_dataplane::table::Hosts;
use routes::{CandidateRoute, Routes};
use std::collections::BTreeMap;

/// Compiles all FrontDoors and Routes that this install is responsible for.
pub(super) fn compile<'c, 's>(
    snapshot: &'s Snapshot,
    last_good: &'s LastGood,
    options: &Options,
    expressions: &mut Expressions<'c>,
    certificates: &mut Certificates<'c, 's>,
) -> (Hosts, BTreeMap<ObjectRef, Status>) {
    let mut front_doors =
        FrontDoors::compile(snapshot, last_good, options, expressions, certificates);
    let services = Services::new(snapshot, options);
    let routes = Routes {
        snapshot,
        last_good,
        options,
        front_doors: &mut front_doors,
        services,
        expressions,
        certificates,
    };
    let mut routes = routes.compile();
    conflicts::refuse(&mut routes, &front_doors);
    let places = places::find(&mut routes);
    (lower::hosts(&front_doors, &routes, &places), statuses(front_doors, routes))
}

fn statuses(
    front_doors: FrontDoors<'_>,
    routes: Vec<CandidateRoute<'_>>,
) -> BTreeMap<ObjectRef, Status> {
    let mut attached = vec![0; front_doors.all.len()];
    for candidate in routes.iter().filter(|candidate| candidate.report.is_served()) {
        if let Some(count) = candidate.front_door.and_then(|index| attached.get_mut(index)) {
            *count += 1;
        }
    }
    let front_doors = front_doors.all.into_iter().zip(attached);
    let front_doors =
        front_doors.map(|(front_door, attached)| front_door.report.into_status(attached));
    front_doors.chain(routes.into_iter().map(|candidate| candidate.report.into_status(0))).collect()
}

//! Whether a Route may attach to its FrontDoor, and at which of its hosts.

use super::{claims::Claims, host_set::HostSet, hosts::FrontDoor};
use crate::{
    compile::{matches::MatchPath, report::Report},
    diagnostic::{FieldPath, Reason},
    objects::Snapshot,
};
use portico_crds as crds;
use portico_dataplane::table::{HostPattern, ObjectName};

/// Attaches a Route to its FrontDoor if that allows it. Returns the hosts at which it is served or,
/// if it is not accepted, may hold its place; `None` if it may not attach.
pub(super) fn attach<'s>(
    front_door: &mut FrontDoor<'s>,
    snapshot: &'s Snapshot,
    name: &'s ObjectName,
    spec: &crds::RouteSpec,
    paths: &[MatchPath<'_>],
    report: &mut Report,
) -> Option<HostSet> {
    if !front_door.serves() {
        report.refuse(
            &FieldPath::SPEC.child("frontDoorRef"),
            Reason::FrontDoorNotAccepted,
            format!("FrontDoor {} is not accepted: {}", front_door.name(), front_door.report.why()),
        );
        return None;
    }
    let claimed = check_claims(front_door, snapshot, name, paths, report);
    check_slashes(front_door, paths, report);
    let listed = listed_hosts(front_door, &spec.hosts, report);
    let hosts = if spec.hosts.is_empty() { front_door.owned } else { listed.and(front_door.owned) };
    claimed.then_some(hosts)
}

/// Warns if all the hosts that an accepted Route lists belong to others.
pub(super) fn warn_of_lost_hosts(front_door: &FrontDoor<'_>, served: HostSet, report: &mut Report) {
    if served.first().is_none() && report.accepted() {
        report.warn(
            &FieldPath::SPEC.child("hosts"),
            Reason::Conflicted,
            format!(
                "FrontDoor {} lost these hosts to older ones, so nothing is served",
                front_door.name()
            ),
        );
    }
}

/// Whether all its matches lie within what its namespace may claim.
fn check_claims<'s>(
    front_door: &mut FrontDoor<'s>,
    snapshot: &'s Snapshot,
    name: &'s ObjectName,
    paths: &[MatchPath<'_>],
    report: &mut Report,
) -> bool {
    let front_door_name = front_door.name();
    let claims = front_door.claims(&name.namespace, snapshot);
    let patterns = match claims {
        Claims::Everything => return true,
        Claims::Nothing => {
            report.refuse(
                &FieldPath::SPEC.child("frontDoorRef"),
                Reason::NotAllowedByFrontDoor,
                format!(
                    "FrontDoor {front_door_name} does not let Routes of namespace '{}' attach: {}",
                    name.namespace,
                    front_door.attach_hint(&name.namespace)
                ),
            );
            return false;
        }
        Claims::Paths(patterns) => patterns,
    };
    let at = FieldPath::SPEC.child("matches");
    let mut claimed = true;
    for matched in paths.iter().filter(|matched| !claims.allow(&matched.path)) {
        claimed = false;
        let patterns: Vec<_> = patterns.iter().map(|claim| format!("'{claim}'")).collect();
        report.refuse(
            &at.index(matched.index).child("path"),
            Reason::NotAllowedByFrontDoor,
            format!(
                "'{}' is outside what FrontDoor {front_door_name} lets namespace '{}' claim: {}",
                matched.path,
                name.namespace,
                patterns.join(", ")
            ),
        );
    }
    claimed
}

/// Warns of paths that no request has once its slashes are merged.
fn check_slashes(front_door: &FrontDoor<'_>, paths: &[MatchPath<'_>], report: &mut Report) {
    let at = FieldPath::SPEC.child("matches");
    for MatchPath { index, path, .. } in paths {
        if front_door.slashes.apply(&path.to_string()) != path.to_string() {
            report.warn(
                &at.index(*index).child("path"),
                Reason::NoEffect,
                format!(
                    "'{path}' matches nothing, because FrontDoor {} merges slashes: write a single slash",
                    front_door.name()
                ),
            );
        }
    }
}

/// The hosts that a Route lists, without those that the FrontDoor does not have.
fn listed_hosts(front_door: &FrontDoor<'_>, hosts: &[String], report: &mut Report) -> HostSet {
    let at = FieldPath::SPEC.child("hosts");
    let mut listed = HostSet::default();
    for (index, text) in hosts.iter().enumerate() {
        let at = at.index(index);
        let host: HostPattern = match text.parse() {
            Ok(host) => host,
            Err(error) => {
                report.invalid(&at, format!("'{text}' {error}"));
                continue;
            }
        };
        match front_door.hosts.iter().position(|has| has.as_ref() == Some(&host)) {
            Some(index) => listed.insert(index),
            None => report.refuse(
                &at,
                Reason::HostNotFound,
                format!(
                    "FrontDoor {} has no host '{host}': use one of its hosts, spelled as it is there",
                    front_door.name()
                ),
            ),
        }
    }
    listed
}

//! Whether a Route may attach to its FrontDoor, and at which of its hosts.

use super::{
    claims::Claims,
    hosts::{FrontDoor, HostSet},
};
use crate::{
    compile::{matches::Matched, report::Report},
    diagnostic::{FieldPath, Reason},
    objects::Snapshot,
};
use portico_crds as crds;
use portico_dataplane::table::{HostPattern, ObjectName};

/// Attaches a Route to its FrontDoor if that allows it. Returns the hosts at which it is served.
pub(super) fn attach<'s>(
    front_door: &mut FrontDoor<'s>,
    snapshot: &'s Snapshot,
    name: &'s ObjectName,
    spec: &crds::RouteSpec,
    matched: &[Matched],
    report: &mut Report,
) -> HostSet {
    if !front_door.serves() {
        report.refuse(
            &FieldPath::SPEC.child("frontDoorRef"),
            Reason::FrontDoorNotAccepted,
            format!("FrontDoor {} is not accepted: its own status says why", front_door.name()),
        );
        return HostSet::default();
    }
    check_claims(front_door, snapshot, name, matched, report);
    check_slashes(front_door, matched, report);
    if spec.hosts.is_empty() {
        return front_door.owned;
    }
    let listed = listed_hosts(front_door, &spec.hosts, report);
    let served = listed.and(front_door.owned);
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
    served
}

fn check_claims<'s>(
    front_door: &mut FrontDoor<'s>,
    snapshot: &'s Snapshot,
    name: &'s ObjectName,
    matched: &[Matched],
    report: &mut Report,
) {
    let front_door_name = front_door.name();
    let claims = front_door.claims(&name.namespace, snapshot);
    let patterns = match claims {
        Claims::Everything => return,
        Claims::Nothing => {
            report.refuse(
                &FieldPath::SPEC.child("frontDoorRef"),
                Reason::NotAllowedByFrontDoor,
                format!(
                    "FrontDoor {front_door_name} does not let Routes of namespace '{}' attach: its spec.attach would have to name it",
                    name.namespace
                ),
            );
            return;
        }
        Claims::Paths(patterns) => patterns,
    };
    let at = FieldPath::SPEC.child("matches");
    for matched in matched.iter().filter(|matched| !claims.allow(&matched.path)) {
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
}

/// Warns of paths that no request has once its slashes are merged.
fn check_slashes(front_door: &FrontDoor<'_>, matched: &[Matched], report: &mut Report) {
    let at = FieldPath::SPEC.child("matches");
    for Matched { index, path, .. } in matched {
        if front_door.slashes.apply(&path.to_string()) != path.to_string() {
            report.warn(
                &at.index(*index).child("path"),
                Reason::NoEffect,
                format!(
                    "'{path}' matches nothing, because FrontDoor {} merges slashes: write one slash",
                    front_door.name()
                ),
            );
        }
    }
}

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
                    "FrontDoor {} has no host '{host}': name one of its hosts as it does",
                    front_door.name()
                ),
            ),
        }
    }
    listed
}

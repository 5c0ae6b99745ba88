//! What is known of the objects themselves. It changes only when they do.

use crate::{
    compile::Status,
    diagnostic::{Kind, ObjectRef, Problem, Reason, Severity},
    objects::{Snapshot, front_door_of},
    publish::StatusUpdate,
};
use portico_dataplane::table::{Action, ObjectName, Route, Table};
use serde::Serialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// All objects that this install is responsible for, as they are shown, sorted by name.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    /// The FrontDoors.
    pub(super) front_doors: Vec<FrontDoorRow>,
    /// The Routes.
    pub(super) routes: Vec<RouteRow>,
}

/// A FrontDoor.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FrontDoorRow {
    name: ObjectName,
    /// As the object names them.
    hosts: Vec<String>,
    attached_routes: usize,
    #[serde(flatten)]
    condition: Condition,
}

/// A Route.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RouteRow {
    pub(super) name: ObjectName,
    #[serde(skip_serializing_if = "Option::is_none")]
    front_door: Option<ObjectName>,
    /// As the object names them; none: all of its FrontDoor's.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    hosts: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    matches: Vec<MatchRow>,
    /// If it does not forward.
    #[serde(skip_serializing_if = "Option::is_none")]
    action: Option<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    backends: Vec<ShareRow>,
    #[serde(flatten)]
    condition: Condition,
}

/// One of a Route's matches, without predicates that may hold secrets.
#[derive(Debug, PartialEq, Serialize)]
struct MatchRow {
    path: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    methods: Vec<String>,
}

/// A backend of a Route.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
struct ShareRow {
    name: String,
    #[serde(skip_serializing_if = "is_one")]
    weight: u32,
    #[serde(skip_serializing_if = "is_zero")]
    priority: u32,
}

fn is_one(number: &u32) -> bool {
    *number == 1
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// The worst that is to be said of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
enum State {
    /// Nothing of it is served.
    NotAccepted,
    /// An earlier version is served.
    EarlierVersion,
    /// It is served, but what it refers to is missing.
    NotResolved,
    /// It is served, but it may not be what was meant.
    Warnings,
    /// It is served.
    Served,
}

/// Whether an object is served, and what is wrong with it.
#[derive(Debug, Serialize)]
struct Condition {
    state: State,
    /// Which earlier version is served in its place.
    #[serde(skip_serializing_if = "Option::is_none")]
    serves: Option<String>,
    /// Why it gets 503 although it is accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    unavailable: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    problems: Vec<ProblemRow>,
}

#[derive(Debug, Serialize)]
struct ProblemRow {
    severity: Severity,
    field: String,
    reason: Reason,
    message: String,
}

impl From<&Problem> for ProblemRow {
    fn from(problem: &Problem) -> Self {
        let Problem { severity, field, reason, message, .. } = problem;
        let (field, message) = (field.clone(), message.clone());
        Self { severity: *severity, field, reason: *reason, message }
    }
}

impl State {
    fn of(status: &Status, unavailable: Option<&String>) -> Self {
        let is_resolved = status.conditions.iter().all(|condition| condition.status);
        match (&status.last_good, status.is_accepted(), is_resolved && unavailable.is_none()) {
            (Some(_), _, _) => Self::EarlierVersion,
            (None, false, _) => Self::NotAccepted,
            (None, true, false) => Self::NotResolved,
            (None, true, true) if status.problems.is_empty() => Self::Served,
            (None, true, true) => Self::Warnings,
        }
    }
}

impl Condition {
    fn of(status: &Status, unavailable: Option<&String>) -> Self {
        Self {
            state: State::of(status, unavailable),
            serves: status.last_good.as_ref().map(ToString::to_string),
            unavailable: unavailable.cloned(),
            problems: status.problems.iter().map(ProblemRow::from).collect(),
        }
    }
}

impl Facts {
    /// Joins the statuses with the objects that they are about, and with what of them is served.
    pub(crate) fn of(table: &Table, update: &StatusUpdate) -> Self {
        let served = served(table);
        let mut facts = Self::default();
        for (ObjectRef { kind, name }, status) in &update.statuses {
            match kind {
                Kind::FrontDoor => {
                    facts.front_doors.push(front_door(name, status, &update.objects))
                }
                Kind::Route => {
                    let served = served.get(name).copied();
                    facts.routes.push(route(name, status, &update.objects, served));
                }
            }
        }
        facts
    }
}

/// The Routes in the table, by name.
fn served(table: &Table) -> BTreeMap<&ObjectName, &Arc<Route>> {
    let matches = table.hosts.iter().flat_map(|host| host.routes.matches());
    matches.map(|matched| (&matched.target.name, &matched.target)).collect()
}

fn front_door(name: &ObjectName, status: &Status, objects: &Snapshot) -> FrontDoorRow {
    let object = objects.front_doors.get(name).and_then(|entry| entry.object.as_deref());
    let hosts = object.map(|it| it.spec.hosts.as_slice()).unwrap_or_default();
    FrontDoorRow {
        name: name.clone(),
        hosts: hosts.iter().map(|host| host.name.clone()).collect(),
        attached_routes: status.attached_routes,
        condition: Condition::of(status, None),
    }
}

fn route(
    name: &ObjectName,
    status: &Status,
    objects: &Snapshot,
    served: Option<&Arc<Route>>,
) -> RouteRow {
    let object = objects.routes.get(name).and_then(|entry| entry.object.as_deref());
    let matches = object.map(|route| route.spec.matches.as_slice()).unwrap_or_default();
    RouteRow {
        name: name.clone(),
        front_door: object.map(|route| front_door_of(name, &route.spec.front_door_ref)),
        hosts: object.map(|route| route.spec.hosts.clone()).unwrap_or_default(),
        matches: matches.iter().map(MatchRow::from).collect(),
        action: served.and_then(|route| action(&route.action)),
        backends: served.map(|route| backends(route)).unwrap_or_default(),
        condition: Condition::of(status, served.and_then(|route| route.unavailable.as_ref())),
    }
}

impl From<&portico_crds::Match> for MatchRow {
    fn from(matched: &portico_crds::Match) -> Self {
        let path = matched.path.clone();
        Self { path, methods: matched.methods.clone() }
    }
}

fn action(action: &Action) -> Option<&'static str> {
    match action {
        Action::Forward(_) => None,
        Action::Redirect(_) => Some("Redirect"),
        Action::Respond(_) => Some("Respond"),
        Action::NotAccepted(_) => Some("Refuse"),
    }
}

/// Its own backends, and those of its rules.
fn backends(route: &Route) -> Vec<ShareRow> {
    let all = route.forwards().flat_map(|forward| forward.backends());
    let shares = all.map(|backend| ShareRow {
        name: backend.name.clone(),
        weight: backend.weight,
        priority: backend.priority,
    });
    shares.collect::<BTreeSet<_>>().into_iter().collect()
}

//! Routes, one by one: what each says, whether it may attach, and the rules that it comes to.

use super::{
    Options, action,
    attach::attach,
    backends::Backends,
    cors,
    headers::Headers,
    hosts::{Found, FrontDoors, HostSet},
    matches::{self, Matched},
    report::{Age, Field, Report},
    services::Services,
};
use crate::{
    problem::{Kind, Reason},
    snapshot::{Entry, Snapshot},
};
use portico_crds as crds;
use portico_dataplane::{
    path::PathPattern,
    router::Predicates,
    table::{self, Action, Forward, ObjectName, RouteMatch},
};
use std::sync::Arc;

/// A Route as far as it can be judged by itself.
#[derive(Debug)]
pub(super) struct Draft<'s> {
    pub(super) report: Report,
    pub(super) age: Age<'s>,
    /// Which of the FrontDoors it attaches to.
    pub(super) door: Option<usize>,
    /// At which of that FrontDoor's hosts it is served.
    pub(super) hosts: HostSet,
    /// What it serves there, with the place of each in `spec.matches`; empty where refused.
    pub(super) rules: Vec<(usize, RouteMatch)>,
}

/// What Routes are compiled against.
pub(super) struct Routes<'a, 's> {
    pub(super) snapshot: &'s Snapshot,
    pub(super) options: &'a Options,
    pub(super) doors: &'a mut FrontDoors<'s>,
    pub(super) services: Services<'s>,
}

impl<'s> Routes<'_, 's> {
    /// All Routes that concern this install, the oldest first.
    pub(super) fn compile(mut self) -> Vec<Draft<'s>> {
        let routes = self.snapshot.routes.iter();
        let mut drafts: Vec<_> =
            routes.filter_map(|(name, entry)| self.route(name, entry)).collect();
        drafts.sort_by_key(|draft| draft.age);
        drafts
    }

    fn route(&mut self, name: &'s ObjectName, entry: &'s Entry<crds::Route>) -> Option<Draft<'s>> {
        let report = Report::new(Kind::Route, name, entry);
        let age = Age::of(name, entry.object.as_deref());
        let mut draft =
            Draft { report, age, door: None, hosts: HostSet::default(), rules: Vec::new() };
        let Some(object) = &entry.object else {
            // Whose it is can't be known either.
            return self.options.is_default_install().then_some(draft);
        };
        let spec = &object.spec;
        let door_name = door_name(name, &spec.front_door_ref);
        let found = match draft.report.is_unread(&Field::Spec.key("frontDoorRef")) {
            true => Found::Nowhere,
            false => self.doors.find(&door_name),
        };
        draft.door = match found {
            Found::Here(index) => Some(index),
            Found::Elsewhere => return None,
            Found::Nowhere if !self.options.is_default_install() => return None,
            Found::Nowhere => {
                draft.report.refuse(
                    &Field::Spec.key("frontDoorRef"),
                    Reason::FrontDoorNotFound,
                    format!(
                        "FrontDoor {door_name} does not exist: create it or correct the reference, whose namespace is the Route's own unless it gives one"
                    ),
                );
                None
            }
        };
        let matched =
            matches::compile(&spec.matches, &Field::Spec.key("matches"), &mut draft.report);
        let compiled = self.compile_spec(name, spec, &matched, draft.door, &mut draft.report);
        let snapshot = self.snapshot;
        if let Some(door) = draft.door.and_then(|index| self.doors.all.get_mut(index)) {
            draft.hosts = attach(door, snapshot, name, spec, &matched, &mut draft.report);
        }
        if let Some(route) = compiled.filter(|_| draft.report.accepted()).map(Arc::new) {
            let rule = |m: Matched| {
                (
                    m.index,
                    RouteMatch { path: m.path, predicates: m.predicates, target: route.clone() },
                )
            };
            draft.rules = matched.into_iter().map(rule).collect();
        }
        Some(draft)
    }

    fn compile_spec(
        &mut self,
        name: &'s ObjectName,
        spec: &'s crds::RouteSpec,
        matched: &[Matched],
        door: Option<usize>,
        report: &mut Report,
    ) -> Option<table::Route> {
        let at = Field::Spec;
        let action = self.action(name, spec, matched, report);
        let (snapshot, options) = (self.snapshot, self.options);
        let mut headers = Headers { snapshot, options, route: name, unavailable: None };
        let request_headers =
            headers.edits(spec.request_headers.as_deref(), &at.key("requestHeaders"), report);
        let response_headers =
            headers.edits(spec.response_headers.as_deref(), &at.key("responseHeaders"), report);
        let timeouts = action::timeouts(spec.timeouts.as_deref(), &at.key("timeouts"), report);
        let door = door.and_then(|index| self.doors.all.get(index));
        let cors = cors::of_route(spec, door, report);
        Some(table::Route {
            name: name.clone(),
            front_door: door_name(name, &spec.front_door_ref),
            action: action?,
            cors,
            request_headers,
            response_headers,
            timeouts,
            unavailable: headers.unavailable,
        })
    }

    fn action(
        &mut self,
        name: &'s ObjectName,
        spec: &'s crds::RouteSpec,
        matched: &[Matched],
        report: &mut Report,
    ) -> Option<Action> {
        let at = Field::Spec;
        action::check_one(spec, report);
        let rewrite = spec.rewrite.as_ref();
        let path = rewrite.and_then(|r| action::rewrite(r, matched, &at.key("rewrite"), report));
        let forward = spec.backends.as_ref().map(|backends| {
            let host = rewrite.and_then(|rewrite| rewrite.host.as_deref());
            let guard = &self.options.guard;
            let compiler = Backends { services: &mut self.services, guard, route: name, host };
            let backends = compiler.compile(backends, &at.key("backends"), report);
            Action::Forward(Forward::new(backends, path))
        });
        let redirect = spec.redirect.as_ref().and_then(|redirect| {
            action::redirect(redirect, matched, &at.key("redirect"), report).map(Action::Redirect)
        });
        let respond = spec.respond.as_ref().and_then(|respond| {
            action::respond(respond, &at.key("respond"), report).map(Action::Respond)
        });
        forward.or(redirect).or(respond)
    }
}

/// What a Route asks for, whether or not it is accepted: its FrontDoor, and those of its matches that
/// can be read.
pub fn wants(
    name: &ObjectName,
    spec: &crds::RouteSpec,
) -> (ObjectName, Vec<(PathPattern, Predicates)>) {
    let unread = Entry::<crds::Route> { object: None, unread: Vec::new(), problems: Vec::new() };
    let mut report = Report::new(Kind::Route, name, &unread);
    let matched = matches::compile(&spec.matches, &Field::Spec.key("matches"), &mut report);
    let matches = matched.into_iter().map(|matched| (matched.path, matched.predicates));
    (door_name(name, &spec.front_door_ref), matches.collect())
}

fn door_name(route: &ObjectName, reference: &crds::FrontDoorRef) -> ObjectName {
    match &reference.namespace {
        Some(namespace) => ObjectName::new(namespace.as_str(), reference.name.as_str()),
        None => ObjectName::new(route.namespace.clone(), reference.name.as_str()),
    }
}

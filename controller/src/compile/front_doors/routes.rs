//! Routes, one at a time: whether each is valid and may attach, and which matches it contributes.

use super::{
    attach::{attach, warn_of_lost_hosts},
    claims::Claims,
    held,
    host_set::HostSet,
    hosts::{FrontDoors, Lookup},
};
use crate::{
    compile::{
        action,
        backends::Backends,
        certificates::Certificates,
        cors,
        expressions::{ExpressionCache, Expressions},
        headers::Headers,
        matches::{self, Matched},
        names,
        options::Options,
        report::{Precedence, Report},
        rules,
        services::Services,
        status::Version,
    },
    diagnostic::{FieldPath, Reason},
    objects::{Entry, LastGood, Snapshot, front_door_of},
};
use portico_crds as crds;
use portico_dataplane::{
    path::PathPattern,
    router::Predicates,
    table::{self, Action, Forward, ObjectName, RouteMatch, Rule},
};
use std::sync::Arc;

/// A Route compiled on its own, before conflicts.
#[derive(Debug)]
pub(super) struct CandidateRoute<'s> {
    pub(super) report: Report,
    pub(super) precedence: Precedence<'s>,
    /// The index of the FrontDoor that it attaches to.
    pub(super) front_door: Option<usize>,
    /// The FrontDoor's hosts at which it is served.
    pub(super) hosts: HostSet,
    /// The matches that it serves, each with its index in `spec.matches`; empty if it is rejected.
    pub(super) matches: Vec<(usize, RouteMatch)>,
    /// The matches at which it may hold its place if it is rejected.
    pub(super) held: Vec<RouteMatch>,
    /// The current version, if it is accepted and this earlier one stands in for it.
    pub(super) current: Option<Box<Self>>,
}

impl CandidateRoute<'_> {
    /// Takes the matches that it serves or may hold. Its FrontDoor may have lost a host since the
    /// last accepted version was accepted; that version is then served at the others.
    fn take(&mut self, matched: Vec<Matched>, route: table::Route, known: Known) {
        let report = &self.report;
        let is_at_others = known == Known::LastGood
            && report.accepted_except_for(Reason::HostNotFound)
            && !self.hosts.is_empty();
        if !report.accepted() && !is_at_others {
            self.held = held::matches(matched, route, report);
            return;
        }
        let target = Arc::new(route);
        let route_match = |Matched { index, path, predicates, .. }: Matched| {
            (index, RouteMatch { path, predicates, target: target.clone() })
        };
        self.matches = matched.into_iter().map(route_match).collect();
    }

    /// Whether this, the last accepted version, serves better than the current one that yields to
    /// it.
    fn serves_better(&self, current: &Self) -> bool {
        let is_unavailable =
            |(_, matched): &(usize, RouteMatch)| matched.target.unavailable.is_some();
        !self.matches.is_empty()
            && (current.report.is_invalid() || !self.matches.iter().any(is_unavailable))
    }
}

/// What is known of a Route before a version of it is compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Known {
    /// This install has never served it.
    No,
    /// This install has served it in an earlier version.
    Served,
    /// This is the last accepted version.
    LastGood,
}

/// What Routes are compiled against.
pub(super) struct Routes<'a, 'c, 's> {
    pub(super) snapshot: &'s Snapshot,
    pub(super) last_good: &'s LastGood,
    pub(super) options: &'a Options,
    pub(super) front_doors: &'a mut FrontDoors<'s>,
    pub(super) services: Services<'s>,
    pub(super) expressions: &'a mut Expressions<'c>,
    pub(super) certificates: &'a mut Certificates<'c, 's>,
}

impl<'s> Routes<'_, '_, 's> {
    /// Compiles all Routes that this install is responsible for, oldest first.
    pub(super) fn compile(mut self) -> Vec<CandidateRoute<'s>> {
        let routes = self.snapshot.routes.iter();
        let mut routes: Vec<_> = routes
            .map(|(name, entry)| {
                let last_good = self.last_good.route(name, entry);
                (Precedence::of(name, entry, last_good), entry)
            })
            .collect();
        routes.sort_by_key(|(precedence, _)| *precedence);
        let routes = routes.into_iter();
        routes.filter_map(|(precedence, entry)| self.route(precedence, entry)).collect()
    }

    /// Compiles the current version or, if that yields to it, the last accepted one.
    fn route(
        &mut self,
        precedence: Precedence<'s>,
        entry: &'s Entry<crds::Route>,
    ) -> Option<CandidateRoute<'s>> {
        let last_good = self.last_good.route(precedence.name(), entry);
        let known = if last_good.is_some() { Known::Served } else { Known::No };
        let candidate = self.version(precedence, entry, known)?;
        let spent = self.expressions.end();
        if let Some(last_good) = last_good.filter(|_| candidate.report.yields_to_last_good()) {
            let compiled = self.version(precedence, last_good, Known::LastGood);
            let spent_by_last_good = self.expressions.end();
            if let Some(compiled) = compiled.filter(|earlier| earlier.serves_better(&candidate)) {
                self.expressions.release(spent);
                self.expressions.keep(spent_by_last_good);
                let mut report = candidate.report.clone();
                report.serve_last_good(Version::of(last_good), &compiled.report);
                let current = candidate.report.accepted().then(|| Box::new(candidate));
                return Some(CandidateRoute { report, current, ..compiled });
            }
            self.expressions.release(spent_by_last_good);
        }
        if candidate.matches.is_empty() && candidate.held.is_empty() {
            self.expressions.release(spent);
        } else {
            self.expressions.keep(spent);
        }
        Some(candidate)
    }

    /// Compiles one version.
    fn version(
        &mut self,
        precedence: Precedence<'s>,
        entry: &'s Entry<crds::Route>,
        known: Known,
    ) -> Option<CandidateRoute<'s>> {
        let name = precedence.name();
        let report = Report::new(name, entry);
        let mut candidate = CandidateRoute {
            report,
            precedence,
            front_door: None,
            hosts: HostSet::default(),
            matches: Vec::new(),
            held: Vec::new(),
            current: None,
        };
        let Some(object) = &entry.object else {
            // Its class is unknown too.
            if !self.options.is_default_install() {
                candidate.report.report_elsewhere();
                return (known != Known::No).then_some(candidate);
            }
            return Some(candidate);
        };
        let spec = &object.spec;
        let front_door = front_door_of(name, &spec.front_door_ref);
        candidate.front_door = self.front_door(name, &front_door, known, &mut candidate.report)?;
        let at = FieldPath::SPEC.child("matches");
        let report = &mut candidate.report;
        // What is cheap comes first: a Route that may not attach has no expressions compiled.
        let paths = matches::paths(&spec.matches, &at, report);
        let snapshot = self.snapshot;
        let front_door = candidate.front_door.and_then(|index| self.front_doors.all.get_mut(index));
        let hosts = front_door.and_then(|it| attach(it, snapshot, name, spec, &paths, report));
        candidate.hosts = hosts.unwrap_or_default();
        self.expressions.begin(name, candidate.hosts.first().is_some());
        let matched = matches::compile(paths, &at, self.expressions, report);
        matches::warn_of_removed_headers(&spec.matches, &at, self.options.underscores, report);
        let compiled = self.compile_spec(name, spec, &matched, candidate.front_door, report);
        let front_door = candidate.front_door.and_then(|index| self.front_doors.all.get(index));
        if let (Some(front_door), Some(hosts)) = (front_door, hosts) {
            warn_of_lost_hosts(front_door, hosts, report);
        }
        candidate.take(matched, compiled, known);
        Some(candidate)
    }

    /// The index of the Route's FrontDoor; `Some(None)` if there is none, and `None` if another
    /// install is responsible for the Route.
    fn front_door(
        &mut self,
        route: &'s ObjectName,
        name: &ObjectName,
        known: Known,
        report: &mut Report,
    ) -> Option<Option<usize>> {
        let is_default = self.options.is_default_install();
        match self.find(name, report) {
            Lookup::Served(index) => {
                let front_door = self.front_doors.all.get(index);
                if front_door.is_some_and(|it| it.report.is_reported_elsewhere()) {
                    report.report_elsewhere();
                }
                Some(Some(index))
            }
            Lookup::OtherClass => None,
            Lookup::Missing if known == Known::No && !is_default => None,
            Lookup::Missing => {
                if !is_default {
                    report.report_elsewhere();
                }
                self.refuse_missing(route, name, report);
                Some(None)
            }
        }
    }

    fn refuse_missing(&mut self, route: &'s ObjectName, name: &ObjectName, report: &mut Report) {
        let at = FieldPath::SPEC.child("frontDoorRef");
        if report.is_wrong_reference(&at) {
            return; // It has been said.
        }
        let hint = self.meant(route, name).unwrap_or_else(|| {
            "create it or correct the reference, whose namespace is the Route's own unless it gives one".to_owned()
        });
        let message = format!("FrontDoor {name} does not exist: {hint}");
        report.refuse(&at, Reason::FrontDoorNotFound, message);
    }

    /// The FrontDoor that a Route probably means by one that does not exist. Those of other
    /// namespaces are named if they let the Route attach, or if everything is the user's own.
    fn meant(&mut self, route: &'s ObjectName, missing: &ObjectName) -> Option<String> {
        if let Some(near) = names::similar(&self.snapshot.front_doors, missing) {
            return Some(format!("did you mean '{near}'?"));
        }
        let mut only_named = None;
        for front_door in self.front_doors.named(&missing.name) {
            let name = front_door.name();
            let namespace = &*route.namespace;
            if front_door.serves()
                && *front_door.claims(namespace, self.snapshot) != Claims::Nothing
            {
                return Some(format!("did you mean {name}? Write namespace: {}", name.namespace));
            }
            only_named.get_or_insert_with(|| {
                let attach = front_door.attach_hint(namespace);
                format!("did you mean {name}? Write namespace: {}, and {attach}", name.namespace)
            });
        }
        only_named.filter(|_| self.options.names_others)
    }

    /// Looks up the FrontDoor that a Route references.
    fn find(&self, front_door: &ObjectName, report: &Report) -> Lookup {
        match report.is_incomplete(&FieldPath::SPEC.child("frontDoorRef")) {
            true => Lookup::Missing,
            false => self.front_doors.find(front_door),
        }
    }

    fn compile_spec(
        &mut self,
        name: &'s ObjectName,
        spec: &'s crds::RouteSpec,
        matched: &[Matched],
        front_door: Option<usize>,
        report: &mut Report,
    ) -> table::Route {
        let at = FieldPath::SPEC;
        // Without an action, it is not accepted.
        let action = self.action(name, spec, matched, report);
        let action = action.unwrap_or_else(|| Action::NotAccepted(String::new()));
        let (snapshot, options) = (self.snapshot, self.options);
        let mut headers = Headers { snapshot, options, object: name, unavailable: None };
        let request_headers =
            headers.edits(spec.request_headers.as_deref(), &at.child("requestHeaders"), report);
        let response_headers =
            headers.edits(spec.response_headers.as_deref(), &at.child("responseHeaders"), report);
        let rules = self.rules(name, spec, matched, &mut headers, report);
        let front_door_name = front_door_of(name, &spec.front_door_ref);
        let front_door = front_door.and_then(|index| self.front_doors.all.get(index));
        let defaults = front_door.map(|it| it.defaults.clone()).unwrap_or_default();
        let terms = defaults.of_route(spec, rules::forwards(spec), options.underscores, report);
        let inherited = front_door.map_or(&cors::Inherited::None, |it| &it.cors);
        let cors = cors::of_route(spec, inherited, &front_door_name, self.expressions, report);
        let isolation = front_door.map(|it| it.isolation.clone()).unwrap_or_default();
        let affinity = terms.selection.affinity.as_ref().map(|affinity| &*affinity.cookie);
        let isolation = isolation.of_route(name, spec, affinity, &front_door_name, report);
        table::Route {
            name: name.clone(),
            front_door: front_door_name,
            action,
            cors,
            isolation,
            request_headers,
            response_headers,
            timeouts: terms.timeouts,
            selection: terms.selection,
            rules: rules.into(),
            unavailable: headers.unavailable,
        }
    }

    fn rules(
        &mut self,
        name: &'s ObjectName,
        spec: &'s crds::RouteSpec,
        matched: &[Matched],
        headers: &mut Headers<'_>,
        report: &mut Report,
    ) -> Vec<Rule> {
        let host = spec.rewrite.as_ref().and_then(|rewrite| rewrite.host.as_deref());
        let guard = &self.options.guard;
        let (services, certificates) = (&mut self.services, &mut *self.certificates);
        let mut backends = |backends, at: &FieldPath<'_>, report: &mut Report| {
            let (services, certificates) = (&mut *services, &mut *certificates);
            let compiler = Backends { services, certificates, guard, route: name, host };
            compiler.compile(backends, at, report)
        };
        rules::of_route(spec, matched, headers, self.expressions, &mut backends, report)
    }

    fn action(
        &mut self,
        name: &'s ObjectName,
        spec: &'s crds::RouteSpec,
        matched: &[Matched],
        report: &mut Report,
    ) -> Option<Action> {
        let at = FieldPath::SPEC;
        action::check_one(spec, report);
        let rewrite = spec.rewrite.as_ref();
        let path = rewrite.and_then(|r| action::rewrite(r, matched, &at.child("rewrite"), report));
        let forward = spec.backends.as_ref().map(|backends| {
            let host = rewrite.and_then(|rewrite| rewrite.host.as_deref());
            let guard = &self.options.guard;
            let (services, certificates) = (&mut self.services, &mut *self.certificates);
            let compiler = Backends { services, certificates, guard, route: name, host };
            let backends = compiler.compile(backends, &at.child("backends"), report);
            Action::Forward(Forward::new(backends, path))
        });
        let redirect = spec.redirect.as_ref().and_then(|redirect| {
            action::redirect(redirect, matched, &at.child("redirect"), report).map(Action::Redirect)
        });
        let respond = spec.respond.as_ref().and_then(|respond| {
            action::respond(respond, &at.child("respond"), report).map(Action::Respond)
        });
        forward.or(redirect).or(respond)
    }
}

/// What a Route requests, whether or not it is accepted: its FrontDoor, and those of its matches
/// that are valid.
pub fn requested_matches(
    name: &ObjectName,
    spec: &crds::RouteSpec,
) -> (ObjectName, Vec<(PathPattern, Predicates)>) {
    let mut report = Report::new(name, &Entry::<crds::Route>::unknown());
    let mut cache = ExpressionCache::default();
    let mut expressions = Expressions::new(&mut cache);
    expressions.begin(name, true);
    let at = FieldPath::SPEC.child("matches");
    let paths = matches::paths(&spec.matches, &at, &mut report);
    let matched = matches::compile(paths, &at, &mut expressions, &mut report);
    let matches = matched.into_iter().map(|matched| (matched.path, matched.predicates));
    (front_door_of(name, &spec.front_door_ref), matches.collect())
}

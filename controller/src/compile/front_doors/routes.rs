//! Routes, one at a time: whether each is valid and may attach, and which matches it contributes.

use super::{
    attach::{attach, warn_of_lost_hosts},
    candidate::{Candidate, Draft, Drafted, Reads},
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
        status,
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
pub(super) struct Routes<'a, 'c, 'k, 's> {
    pub(super) snapshot: &'s Snapshot,
    pub(super) last_good: &'s LastGood,
    pub(super) options: &'a Options,
    pub(super) front_doors: &'a mut FrontDoors<'s>,
    pub(super) services: Services<'k, 's>,
    pub(super) expressions: &'a mut Expressions<'c>,
    pub(super) certificates: &'a mut Certificates<'c, 's>,
    /// Whether the Route that is being compiled has values from Secrets.
    pub(super) reads_secrets: bool,
}

/// A version as it was compiled.
struct Version {
    draft: Draft,
    front_door: Option<usize>,
}

impl Version {
    fn into_candidate(self, current: Option<Box<Candidate>>) -> Candidate {
        let Self { draft, front_door } = self;
        Candidate { draft: Arc::new(draft), front_door, current }
    }

    /// Takes the matches that it serves or may hold. Its FrontDoor may have lost a host since the
    /// last accepted version was accepted; that version is then served at the others.
    fn take(&mut self, matched: Vec<Matched>, route: table::Route, known: Known) {
        let Draft { report, hosts, .. } = &self.draft;
        let is_at_others = known == Known::LastGood
            && report.accepted_except_for(Reason::HostNotFound)
            && !hosts.is_empty();
        if !report.accepted() && !is_at_others {
            self.draft.held = held::matches(matched, route, report);
            return;
        }
        let target = Arc::new(route);
        let route_match = |Matched { index, path, predicates, .. }: Matched| {
            (index, RouteMatch { path, predicates, target: target.clone() })
        };
        self.draft.matches = matched.into_iter().map(route_match).collect();
    }

    /// Whether this, the last accepted version, serves better than the current one that yields to
    /// it.
    fn serves_better(&self, current: &Self) -> bool {
        let is_unavailable =
            |(_, matched): &(usize, RouteMatch)| matched.target.unavailable.is_some();
        let matches = &self.draft.matches;
        !matches.is_empty()
            && (current.draft.report.is_invalid() || !matches.iter().any(is_unavailable))
    }
}

impl<'s> Routes<'_, '_, '_, 's> {
    /// How a Route compares with others.
    pub(super) fn precedence(
        &self,
        name: &'s ObjectName,
        entry: &Entry<crds::Route>,
    ) -> Precedence<'s> {
        Precedence::of(name, entry, self.last_good.route(name, entry))
    }

    /// Compiles the current version or, if that yields to it, the last accepted one; `None` if
    /// another install is responsible for the Route.
    pub(super) fn route(
        &mut self,
        precedence: Precedence<'s>,
        entry: &'s Entry<crds::Route>,
    ) -> Option<Drafted> {
        let last_good = self.last_good.route(precedence.name(), entry);
        let known = if last_good.is_some() { Known::Served } else { Known::No };
        self.begin();
        let current = self.version(precedence, entry, known)?;
        let spent = self.expressions.end();
        let yields = current.draft.report.yields_to_last_good();
        if let Some(last_good) = last_good.filter(|_| yields) {
            let earlier = self.version(precedence, last_good, Known::LastGood);
            let spent_by_last_good = self.expressions.end();
            if let Some(mut earlier) = earlier.filter(|earlier| earlier.serves_better(&current)) {
                self.expressions.release(spent);
                self.expressions.keep(spent_by_last_good);
                let mut report = current.draft.report.clone();
                report.serve_last_good(status::Version::of(last_good), &earlier.draft.report);
                earlier.draft.report = report;
                let is_accepted = current.draft.report.accepted();
                let current = is_accepted.then(|| Box::new(current.into_candidate(None)));
                return Some(Drafted { candidate: earlier.into_candidate(current), reads: None });
            }
            self.expressions.release(spent_by_last_good);
        }
        if current.draft.matches.is_empty() && current.draft.held.is_empty() {
            self.expressions.release(spent);
        } else {
            self.expressions.keep(spent);
        }
        // Whether the last accepted version stays the one that this has been compared with, and with
        // it the Route's age, is not tracked.
        let is_settled = last_good.is_none_or(|_| {
            !yields && Precedence::of(precedence.name(), entry, None) == precedence
        });
        let has_front_door = current.front_door.is_some();
        let reads = self.end().filter(|_| is_settled && has_front_door);
        Some(Drafted { candidate: current.into_candidate(None), reads })
    }

    /// Begins to note what a Route is compiled against.
    fn begin(&mut self) {
        drop(self.end());
    }

    /// What a Route was compiled against; `None` if something of it is not tracked.
    fn end(&mut self) -> Option<Reads> {
        let services = self.services.end();
        // All of them, since asking resets them.
        let reads_untracked = std::mem::take(&mut self.reads_secrets)
            | self.expressions.asked()
            | self.certificates.asked();
        (!reads_untracked).then(|| Reads::new(services))
    }

    /// Compiles one version.
    fn version(
        &mut self,
        precedence: Precedence<'s>,
        entry: &'s Entry<crds::Route>,
        known: Known,
    ) -> Option<Version> {
        let name = precedence.name();
        let draft = Draft {
            report: Report::new(name, entry),
            created: precedence.created(),
            hosts: HostSet::default(),
            matches: Vec::new(),
            held: Vec::new(),
        };
        let mut version = Version { draft, front_door: None };
        let Some(object) = &entry.object else {
            // Its class is unknown too.
            if !self.options.is_default_install() {
                version.draft.report.report_elsewhere();
                return (known != Known::No).then_some(version);
            }
            return Some(version);
        };
        let spec = &object.spec;
        let front_door = front_door_of(name, &spec.front_door_ref);
        version.front_door =
            self.front_door(name, &front_door, known, &mut version.draft.report)?;
        let at = FieldPath::SPEC.child("matches");
        let report = &mut version.draft.report;
        // What is cheap comes first: a Route that may not attach has no expressions compiled.
        let paths = matches::paths(&spec.matches, &at, report);
        let snapshot = self.snapshot;
        let front_door = version.front_door.and_then(|index| self.front_doors.all.get_mut(index));
        let hosts = front_door.and_then(|it| attach(it, snapshot, name, spec, &paths, report));
        version.draft.hosts = hosts.unwrap_or_default();
        self.expressions.begin(name, hosts.is_some_and(|hosts| hosts.first().is_some()));
        let matched = matches::compile(paths, &at, self.expressions, report);
        matches::warn_of_removed_headers(&spec.matches, &at, self.options.underscores, report);
        let compiled = self.compile_spec(name, spec, &matched, version.front_door, report);
        let front_door = version.front_door.and_then(|index| self.front_doors.all.get(index));
        if let (Some(front_door), Some(hosts)) = (front_door, hosts) {
            warn_of_lost_hosts(front_door, hosts, report);
        }
        version.take(matched, compiled, known);
        Some(version)
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
        let mut headers = Headers::new(self.snapshot, self.options, name);
        let request_headers =
            headers.edits(spec.request_headers.as_deref(), &at.child("requestHeaders"), report);
        let response_headers =
            headers.edits(spec.response_headers.as_deref(), &at.child("responseHeaders"), report);
        let rules = self.rules(name, spec, matched, &mut headers, report);
        self.reads_secrets |= headers.reads_secrets;
        let front_door_name = front_door_of(name, &spec.front_door_ref);
        let front_door = front_door.and_then(|index| self.front_doors.all.get(index));
        let defaults = front_door.map(|it| it.defaults.clone()).unwrap_or_default();
        let terms =
            defaults.of_route(spec, rules::forwards(spec), self.options.underscores, report);
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

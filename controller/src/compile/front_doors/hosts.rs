//! FrontDoors: their hosts, who owns which host, and who may attach.

use super::{
    claims::{AttachRules, Claims},
    host_set::HostSet,
    owners::Owners,
    proxies, tls,
};
use crate::{
    compile::{
        certificates::Certificates,
        cors,
        expressions::Expressions,
        headers::Headers,
        isolation,
        options::Options,
        report::{Precedence, Report},
        rules,
        selection::Terms,
        status::Version,
    },
    diagnostic::FieldPath,
    objects::{Entry, LastGood, Snapshot},
};
use ipnet::IpNet;
use portico_crds as crds;
use portico_dataplane::{
    path::Slashes,
    table::{HostPattern, HostTls, ObjectName, Rule, TrustedHeaders},
};
use std::{collections::HashMap, rc::Rc, sync::Arc};

/// How many hosts a FrontDoor may have. Sets of them are bits of a `u64`.
const MAX_HOSTS: usize = 64;

/// A FrontDoor of the served class, whether valid or not.
#[derive(Debug)]
pub(super) struct FrontDoor<'s> {
    pub(super) report: Report,
    /// Its hosts in order; `None` for an invalid one.
    pub(super) hosts: Vec<Option<HostPattern>>,
    /// The TLS of each of its hosts; `None` for those without.
    pub(super) tls: Vec<Option<Arc<HostTls>>>,
    /// The hosts that it owns, and so serves or, if it is not accepted, holds.
    pub(super) owned: HostSet,
    pub(super) trusted_proxies: Arc<[IpNet]>,
    pub(super) slashes: Slashes,
    /// `metadata.uid`; empty in a manifest without one.
    pub(super) uid: Arc<str>,
    pub(super) trusted_headers: TrustedHeaders,
    /// The policy for Routes without one of their own.
    pub(super) cors: cors::Inherited,
    /// How far its Routes are kept apart at least.
    pub(super) isolation: isolation::Inherited,
    /// How Routes without blocks of their own choose among their backends.
    pub(super) defaults: Terms,
    /// Its rules.
    pub(super) rules: Arc<[Rule]>,
    /// Why it can't be served although it is accepted: a Secret of its rules is missing.
    pub(super) unavailable: Option<String>,
    /// The version that is compiled, unless it does not decode.
    pub(super) object: Option<&'s Arc<crds::FrontDoor>>,
    precedence: Precedence<'s>,
    attach_rules: Rc<AttachRules<'s>>,
    claims: HashMap<&'s str, Claims>,
}

/// All FrontDoors of the served class, oldest first.
#[derive(Debug)]
pub(super) struct FrontDoors<'s> {
    snapshot: &'s Snapshot,
    pub(super) all: Vec<FrontDoor<'s>>,
    by_name: HashMap<&'s ObjectName, usize>,
}

/// The result of looking up a Route's FrontDoor.
#[derive(Clone, Copy, Debug)]
pub(super) enum Lookup {
    /// This index of [`FrontDoors::all`].
    Served(usize),
    /// It exists, but another install serves it.
    OtherClass,
    /// It does not exist.
    Missing,
}

impl<'s> FrontDoors<'s> {
    pub(super) fn compile(
        snapshot: &'s Snapshot,
        last_good: &'s LastGood,
        options: &Options,
        expressions: &mut Expressions<'_>,
        certificates: &mut Certificates<'_, '_>,
    ) -> Self {
        let all = snapshot.front_doors.iter().filter_map(|(name, entry)| {
            let last_good = last_good.front_door(name, entry);
            serves(options, entry, last_good.is_some())
                .then(|| (Precedence::of(name, entry, last_good), entry, last_good))
        });
        let mut all: Vec<_> = all.collect();
        all.sort_by_key(|(precedence, ..)| *precedence);
        let compile = |(precedence, entry, last_good): (_, &'s Entry<_>, _)| {
            let mut front_door = FrontDoor::of_versions(
                precedence,
                entry,
                last_good,
                snapshot,
                options,
                expressions,
                certificates,
            );
            if entry.class().is_none() && options.class.is_some() && !options.is_default_install() {
                front_door.report.report_elsewhere();
            }
            front_door
        };
        let mut all: Vec<_> = all.into_iter().map(compile).collect();
        own_hosts(&mut all, Owners::new(snapshot, options));
        let by_name = all.iter().enumerate().map(|(i, it)| (it.name(), i)).collect();
        Self { snapshot, all, by_name }
    }

    /// Those with this name, in any namespace, a few of them.
    pub(super) fn named(&mut self, name: &str) -> impl Iterator<Item = &mut FrontDoor<'s>> {
        /// Every Route may name a FrontDoor that does not exist.
        const MAX: usize = 10;
        self.all.iter_mut().filter(move |it| &*it.name().name == name).take(MAX)
    }

    /// The index of a FrontDoor in [`FrontDoors::all`].
    pub(super) fn served(&self, name: &ObjectName) -> Option<usize> {
        self.by_name.get(name).copied()
    }

    pub(super) fn find(&self, name: &ObjectName) -> Lookup {
        match self.served(name) {
            Some(index) => Lookup::Served(index),
            None if self.snapshot.front_doors.contains_key(name) => Lookup::OtherClass,
            None => Lookup::Missing,
        }
    }
}

/// Whether this install is responsible for a FrontDoor. If the class can't be read, the default
/// install reports that, and whoever `has_served` the FrontDoor goes on.
fn serves(options: &Options, entry: &Entry<crds::FrontDoor>, has_served: bool) -> bool {
    match (&options.class, entry.class()) {
        (None, _) => true,
        (Some(ours), Some(class)) => ours == class,
        (Some(_), None) => has_served || options.is_default_install(),
    }
}

impl<'s> FrontDoor<'s> {
    /// Compiles the current version or, if that is invalid, the last accepted one.
    fn of_versions(
        precedence: Precedence<'s>,
        current: &'s Entry<crds::FrontDoor>,
        last_good: Option<&'s Entry<crds::FrontDoor>>,
        snapshot: &Snapshot,
        options: &Options,
        expressions: &mut Expressions<'_>,
        certificates: &mut Certificates<'_, '_>,
    ) -> Self {
        let mut compile = |entry| {
            let compiled =
                Self::compile(precedence, entry, snapshot, options, expressions, certificates);
            (compiled, expressions.end())
        };
        let (mut front_door, spent) = compile(current);
        if let Some(entry) = last_good.filter(|_| front_door.report.yields_to_last_good()) {
            let (last_good, spent_by_last_good) = compile(entry);
            if last_good.serves_better(&front_door) {
                expressions.release(spent);
                expressions.keep(spent_by_last_good);
                front_door.report.serve_last_good(Version::of(entry), &last_good.report);
                return Self { report: front_door.report, ..last_good };
            }
            expressions.release(spent_by_last_good);
        }
        if front_door.report.accepted() {
            expressions.keep(spent);
        } else {
            expressions.release(spent);
        }
        front_door
    }

    /// Whether this, the last accepted version, serves better than the current one that yields to
    /// it.
    fn serves_better(&self, current: &Self) -> bool {
        self.report.accepted() && (current.report.is_invalid() || self.unavailable.is_none())
    }

    /// One of which nothing can be read.
    fn unknown(precedence: Precedence<'s>, report: Report) -> Self {
        Self {
            report,
            hosts: Vec::new(),
            tls: Vec::new(),
            owned: HostSet::default(),
            trusted_proxies: Arc::new([]),
            slashes: Slashes::Keep,
            uid: Arc::from(""),
            trusted_headers: TrustedHeaders::default(),
            cors: cors::Inherited::None,
            isolation: isolation::Inherited::default(),
            defaults: Terms::default(),
            rules: Arc::default(),
            unavailable: None,
            object: None,
            precedence,
            attach_rules: Rc::new(AttachRules::SameNamespace),
            claims: HashMap::new(),
        }
    }

    fn compile(
        precedence: Precedence<'s>,
        entry: &'s Entry<crds::FrontDoor>,
        snapshot: &Snapshot,
        options: &Options,
        expressions: &mut Expressions<'_>,
        certificates: &mut Certificates<'_, '_>,
    ) -> Self {
        let name = precedence.name();
        let mut report = Report::new(name, entry);
        let Some(object) = &entry.object else { return Self::unknown(precedence, report) };
        let spec = &object.spec;
        let at = FieldPath::SPEC;
        let hosts = hosts(&spec.hosts, &at.child("hosts"), &mut report);
        let tls = tls::compile(name, spec, &hosts, certificates, &mut report);
        let attach_rules =
            AttachRules::compile(spec.attach.as_deref(), &at.child("attach"), &mut report);
        let attach_rules = Rc::new(attach_rules);
        let (trusted_proxies, trusted_headers) = proxies::compile(spec, options, &mut report);
        let slashes = match spec.slashes {
            crds::Slashes::Keep => Slashes::Keep,
            crds::Slashes::Merge => Slashes::Merge,
        };
        let isolation = isolation::Inherited::compile(spec, &mut report);
        let defaults = Terms::of_front_door(spec.defaults.as_deref(), &mut report);
        expressions.begin(name, report.accepted_except_for_cors());
        // Before the policy, whose errors leave the rest of the FrontDoor in force: no expression of
        // a rule may be left out because of them.
        let mut headers = Headers::new(snapshot, options, name);
        let rules = rules::of_front_door(spec, &mut headers, expressions, &mut report);
        let cors = cors::Inherited::compile(spec, expressions, &mut report);
        let (owned, claims) = (HostSet::default(), HashMap::new());
        Self {
            report,
            hosts,
            tls,
            owned,
            trusted_proxies,
            slashes,
            uid: object.metadata.uid.as_deref().unwrap_or_default().into(),
            trusted_headers,
            cors,
            isolation,
            defaults,
            rules: rules.into(),
            unavailable: headers.unavailable,
            object: Some(object),
            precedence,
            attach_rules,
            claims,
        }
    }

    /// Whether it serves its hosts and Routes may attach: it is accepted, or rejected only because
    /// of its CORS policy, which affects no Routes but those that would inherit it.
    pub(super) fn serves(&self) -> bool {
        self.report.serves_last_good() || self.report.accepted_except_for_cors()
    }

    /// Why it is not accepted, if it only holds its hosts.
    pub(super) fn only_holds(&self) -> Option<String> {
        (!self.serves()).then(|| self.report.why())
    }

    /// Whether it wants a host: one of those that it serves or, if it is not accepted, one that can
    /// be read, which it holds.
    fn wants(&self, index: usize) -> bool {
        let at = FieldPath::SPEC;
        let (hosts, class) = (at.child("hosts"), at.child("className"));
        self.serves()
            || (self.report.is_invalid()
                && self.report.is_readable(&class)
                && !self.report.has_error_at(&hosts)
                && self.report.is_readable(&hosts.index(index).child("name")))
    }

    pub(super) fn name(&self) -> &'s ObjectName {
        self.precedence.name()
    }

    /// How to let a namespace attach Routes here: a sentence without its end.
    pub(super) fn attach_hint(&self, namespace: &str) -> String {
        let own = &self.name().namespace;
        match &*self.attach_rules {
            AttachRules::SameNamespace => {
                format!("write attach: [{{namespaces: [{own}, {namespace}]}}] in its spec")
            }
            AttachRules::Entries(_) => {
                format!("add {{namespaces: [{namespace}]}} to its spec.attach")
            }
        }
    }

    /// What a namespace may claim here.
    pub(super) fn claims(&mut self, namespace: &'s str, snapshot: &Snapshot) -> &Claims {
        let (own, attach_rules) = (&self.precedence.name().namespace, &self.attach_rules);
        self.claims
            .entry(namespace)
            .or_insert_with(|| attach_rules.claims(own, namespace, snapshot))
    }
}

fn hosts(
    hosts: &[crds::Host],
    at: &FieldPath<'_>,
    report: &mut Report,
) -> Vec<Option<HostPattern>> {
    if hosts.is_empty() || hosts.len() > MAX_HOSTS {
        report.invalid(at, format!("has {} hosts: list 1 to {MAX_HOSTS}", hosts.len()));
    }
    let mut first: HashMap<HostPattern, usize> = HashMap::new();
    let mut all = Vec::with_capacity(hosts.len());
    for (index, host) in hosts.iter().enumerate() {
        let at = at.index(index);
        let parsed = host.name.parse::<HostPattern>().map_err(|error| {
            report.invalid(&at.child("name"), format!("'{}' {error}", host.name));
        });
        if let Ok(pattern) = &parsed {
            if let Some(first) = first.get(pattern) {
                report.invalid(
                    &at.child("name"),
                    format!("is the same host as hosts[{first}]: remove it"),
                );
            } else {
                first.insert(pattern.clone(), index);
            }
        }
        all.push(parsed.ok());
    }
    all
}

/// Assigns each host to the oldest FrontDoor that names it, may have it and is served. What is left
/// is held by those that are not accepted.
fn own_hosts<'s>(front_doors: &mut [FrontDoor<'s>], mut owners: Owners<'s, '_>) {
    let (serving, holding): (Vec<_>, Vec<_>) =
        front_doors.iter_mut().partition(|front_door| front_door.serves());
    for front_door in serving.into_iter().chain(holding) {
        let serves = front_door.serves();
        let mut lost = Vec::new();
        for (index, host) in front_door.hosts.iter().enumerate() {
            let Some(host) = host.as_ref().filter(|_| front_door.wants(index)) else { continue };
            match owners.admit(host, &front_door.precedence) {
                Ok(()) => {
                    owners.insert(host.clone(), front_door.precedence, &front_door.attach_rules);
                    front_door.owned.insert(index);
                }
                Err((reason, message)) => lost.push((index, reason, message)),
            }
        }
        if !serves {
            if !front_door.owned.is_empty() {
                front_door.report.hold_place();
            }
            continue;
        }
        let at = FieldPath::SPEC.child("hosts");
        let all = lost.len() == front_door.hosts.len();
        for (index, reason, message) in lost {
            let at = at.index(index);
            let at = at.child("name");
            if all {
                front_door.report.refuse(&at, reason, message);
                front_door.report.withdraw();
            } else {
                front_door.report.warn(&at, reason, format!("{message}: it is not served here"));
            }
        }
    }
}

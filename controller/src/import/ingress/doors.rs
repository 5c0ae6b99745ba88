//! FrontDoors.

use super::{
    controller::Controller,
    hosts, literal,
    location::Site,
    object::Ingress,
    routes::{self, Group},
    settings::PlainHttp,
};
use crate::import::Object;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

const API_VERSION: &str = "portico.dev/v1alpha1";
/// How many hosts a FrontDoor has at most.
const MAX_HOSTS: usize = 64;
/// How long an expression may be.
const MAX_EXPRESSION: usize = 4096;
/// How many rules for paths that are not imported a FrontDoor gets.
const MAX_GUARDS: usize = 8;
/// How many rules for paths that are restricted a FrontDoor gets.
const MAX_FENCES: usize = 20;

/// A FrontDoor's hosts: those that the same Ingresses have, with the same settings.
struct Door {
    namespace: String,
    name: String,
    sites: Vec<Site>,
}

/// An object, and the Ingress that it comes of.
pub(super) type Written = (Object, usize);

/// The FrontDoors for these hosts, and their Routes.
pub(super) fn of(sites: Vec<Site>, ingresses: &[Ingress<'_>], from: Controller) -> Vec<Written> {
    let mut keys: Vec<Value> = Vec::new();
    let mut grouped: Vec<Vec<Site>> = Vec::new();
    for site in sites {
        let key = json!([site.ingresses, site.guards, site.fences, shared(&site, ingresses)]);
        match keys.iter().rposition(|known| *known == key) {
            Some(at) if grouped[at].len() < MAX_HOSTS => grouped[at].push(site),
            _ => {
                keys.push(key);
                grouped.push(vec![site]);
            }
        }
    }
    let mut names = BTreeSet::new();
    let mut doors = Vec::new();
    for sites in grouped {
        let Some(first) = sites.first() else { continue };
        let Some(owner) = first.ingresses.first().map(|at| &ingresses[*at]) else { continue };
        let namespace = owner.namespace.clone();
        let name = unique(&mut names, &namespace, &label(&first.host));
        doors.push(Door { namespace, name, sites });
    }
    let mut route_names = BTreeSet::new();
    let mut written = Vec::new();
    for door in &doors {
        let groups = routes::of(&door.sites, ingresses);
        let owner = door.sites.first().and_then(|site| site.ingresses.first()).copied();
        let object = front_door(door, &doors, &groups, ingresses, from);
        written.push((object, owner.unwrap_or_default()));
        written.extend(routes(door, groups, ingresses, &mut route_names));
    }
    written
}

/// What all hosts of a FrontDoor have in common.
fn shared(site: &Site, ingresses: &[Ingress<'_>]) -> Value {
    let settings = || site.ingresses.iter().map(|at| &ingresses[*at].settings);
    let mut spec = Map::new();
    if site.secret.is_some() && settings().all(|it| it.plain_http == PlainHttp::Serve) {
        spec.insert("plainHttp".to_owned(), "Serve".into());
    }
    if let Some(certificates) = settings().find_map(|it| it.client_certificates.as_ref()) {
        spec.insert("tls".to_owned(), json!({"clientCertificates": certificates}));
    }
    if settings().any(|it| !it.closed_hosts.is_empty()) {
        let rule = json!({"name": "closed", "do": {"respond": {"status": 503}}});
        spec.insert("rules".to_owned(), json!([rule]));
    }
    Value::Object(spec)
}

fn front_door(
    door: &Door,
    doors: &[Door],
    groups: &[Group],
    ingresses: &[Ingress<'_>],
    from: Controller,
) -> Object {
    let mut about = Vec::new();
    let mut entries = Vec::new();
    for site in &door.sites {
        let mut entry = json!({"name": site.host});
        if let Some((namespace, name)) = &site.secret {
            entry["tls"] = json!({"secretRef": {"name": name}});
            if *namespace != door.namespace {
                let own = &door.namespace;
                about.push(format!(
                    "Copy Secret {namespace}/{name} to namespace {own}, for {}.",
                    site.host
                ));
            }
        }
        entries.push(entry);
    }
    let mut spec = json!({"hosts": entries});
    if from.merges_slashes() {
        spec["slashes"] = "Merge".into();
    }
    let namespaces = namespaces(door, doors, groups, ingresses);
    if namespaces.iter().any(|namespace| *namespace != door.namespace) {
        let namespaces: Vec<_> = namespaces.into_iter().collect();
        let entries = namespaces.chunks(MAX_HOSTS).map(|some| json!({"namespaces": some}));
        spec["attach"] = entries.collect();
    }
    let mut rules = Vec::new();
    if let Some(first) = door.sites.first()
        && let Value::Object(mut shared) = shared(first, ingresses)
    {
        if let Some(Value::Array(closed)) = shared.remove("rules") {
            rules.extend(closed);
            let why = "A snippet for the whole host may have kept requests out.";
            about.push(format!("Answers 503 until its rules are written. {why}"));
        }
        shared.into_iter().for_each(|(field, value)| spec[field] = value);
        rules.extend(one_label(&door.sites));
        let (fences, beyond) = first.fences.split_at(first.fences.len().min(MAX_FENCES));
        rules.extend(fences.iter().enumerate().map(fence));
        let beyond = beyond.iter().filter_map(|it| it[0]["pathRegex"].as_str());
        let beyond = first.guards.iter().map(String::as_str).chain(beyond);
        rules.extend(guards(beyond));
    }
    if !rules.is_empty() {
        spec["rules"] = rules.into();
    }
    let content = json!({"spec": spec});
    object("FrontDoor", &door.namespace, door.name.clone(), about, content)
}

/// The namespaces of a FrontDoor's Routes, and of other hosts that its wildcards stand for.
fn namespaces(
    door: &Door,
    doors: &[Door],
    groups: &[Group],
    ingresses: &[Ingress<'_>],
) -> BTreeSet<String> {
    let of_routes = groups.iter().map(|group| ingresses[group.ingress].namespace.clone());
    let mut namespaces: BTreeSet<_> = of_routes.collect();
    namespaces.insert(door.namespace.clone());
    for other in doors {
        let is_below = |site: &Site| {
            door.sites.iter().any(|wildcard| hosts::covers(&wildcard.host, &site.host))
        };
        if other.sites.iter().any(is_below) {
            namespaces.insert(other.namespace.clone());
        }
    }
    namespaces
}

/// A wildcard of an Ingress stands for one label: others are not found.
fn one_label(sites: &[Site]) -> Option<Value> {
    let wildcards: Vec<_> = sites.iter().filter_map(|it| it.host.strip_prefix("*.")).collect();
    if wildcards.is_empty() {
        return None;
    }
    let entries: Vec<_> = wildcards.iter().map(|suffix| format!("*.{suffix}")).collect();
    let suffixes: Vec<_> = wildcards.iter().map(|suffix| literal::escaped(suffix)).collect();
    let one = format!(r"(?i)[^.]+\.({})\.?(:[0-9]+)?", suffixes.join("|"));
    // More hosts than an expression takes are left to more labels.
    (one.len() <= MAX_EXPRESSION).then(|| {
        json!({
            "name": "one-label",
            "when": [
                {"host": entries},
                {"not": {"header": {"name": "host", "type": "Regex", "value": one}}},
            ],
            "do": {"respond": {"status": 404}},
        })
    })
}

/// A rule for requests that are restricted in the source, and would get to another path here.
fn fence((number, when): (usize, &Value)) -> Value {
    let name = format!("restricted-{}", number + 1);
    json!({"name": name, "when": when, "do": {"respond": {"status": 403}}})
}

/// Rules that answer 503 to what is not imported.
fn guards<'e>(expressions: impl Iterator<Item = &'e str>) -> Vec<Value> {
    let mut joined: Vec<String> = Vec::new();
    for expression in expressions {
        match joined.last_mut() {
            Some(last) if last.len() + expression.len() + 4 <= MAX_EXPRESSION => {
                last.push_str(&format!("|({expression})"));
            }
            _ => joined.push(format!("({expression})")),
        }
    }
    if joined.len() > MAX_GUARDS || joined.iter().any(|it| it.len() > MAX_EXPRESSION) {
        return vec![json!({"name": "not-imported", "do": {"respond": {"status": 503}}})];
    }
    let rule = |(number, expression): (usize, String)| {
        let name = if number == 0 {
            "not-imported".to_owned()
        } else {
            format!("not-imported-{}", number + 1)
        };
        json!({
            "name": name,
            "when": [{"pathRegex": expression}],
            "do": {"respond": {"status": 503}},
        })
    };
    joined.into_iter().enumerate().map(rule).collect()
}

fn routes(
    door: &Door,
    groups: Vec<Group>,
    ingresses: &[Ingress<'_>],
    names: &mut BTreeSet<(String, String)>,
) -> Vec<Written> {
    let mut counts: BTreeMap<usize, usize> = BTreeMap::new();
    groups.iter().for_each(|group| *counts.entry(group.ingress).or_default() += 1);
    let mut written = Vec::new();
    for Group { ingress: at, mut spec, mut about, service, hosts, patterns } in groups {
        let Ingress { namespace, name, .. } = &ingresses[at];
        let name = match (counts.get(&at), service) {
            (Some(2..), Some(service)) if service != *name => format!("{name}-{service}"),
            _ => name.clone(),
        };
        let mut reference = json!({"name": door.name});
        if *namespace != door.namespace {
            reference["namespace"] = door.namespace.clone().into();
        }
        spec.insert("frontDoorRef".to_owned(), reference);
        if hosts.len() < door.sites.len() {
            spec.insert("hosts".to_owned(), json!(hosts));
        }
        let matches: Vec<_> = patterns.iter().map(|path| json!({"path": path})).collect();
        spec.insert("matches".to_owned(), matches.into());
        let name = unique(names, namespace, &name);
        about.insert(0, format!("From Ingress {namespace}/{}.", ingresses[at].name));
        let content = json!({"spec": spec});
        written.push((object("Route", namespace, name, about, content), at));
    }
    written
}

fn object(
    kind: &'static str,
    namespace: &str,
    name: String,
    about: Vec<String>,
    content: Value,
) -> Object {
    let namespace = namespace.to_owned();
    Object { api_version: API_VERSION, kind, namespace, name, about, content }
}

/// The name of a FrontDoor by its first host.
fn label(host: &str) -> String {
    match host.strip_prefix('*') {
        Some("") => "any-host".to_owned(),
        Some(suffix) => format!("any{}", suffix.replace('.', "-")),
        None => host.replace('.', "-"),
    }
}

/// This name or, with a number, the first that is free in a namespace.
fn unique(names: &mut BTreeSet<(String, String)>, namespace: &str, name: &str) -> String {
    let name = name.get(..200).unwrap_or(name).trim_end_matches(['-', '.']);
    let mut free = name.to_owned();
    let mut number = 2;
    while !names.insert((namespace.to_owned(), free.clone())) {
        free = format!("{name}-{number}");
        number += 1;
    }
    free
}

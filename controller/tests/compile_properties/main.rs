//! Properties of every compilation, whatever the objects are.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod backends;
mod certificates;
mod defaults;
mod generate;
mod incremental;
mod last_good;
#[path = "../policies/mod.rs"]
mod policies;
mod unread;
mod versions;

use generate::{decode, entry, snapshot};
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use portico::{
    compile::{Compiled, Options, Status, compile},
    diagnostic::{ConditionType, Kind, ObjectRef, Severity},
    objects::{Entry, LastGood, References, Snapshot},
};
use portico_dataplane::{
    router::RouteTree,
    table::{Action, ObjectName, RouteMatch, VirtualHost},
};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::{collections::BTreeMap, sync::Arc};

fn accepted(status: &Status) -> bool {
    status.conditions[0].status
}

/// Whether there is an error in `spec.cors`, and whether there is one elsewhere.
fn errors(status: &Status) -> (bool, bool) {
    let errors = status.problems.iter();
    let errors =
        errors.filter(|p| (p.severity, p.condition) == (Severity::Error, ConditionType::Accepted));
    let (cors, other): (Vec<_>, Vec<_>) =
        errors.partition(|p| p.field == "spec.cors" || p.field.starts_with("spec.cors."));
    (!cors.is_empty(), !other.is_empty())
}

fn hosts(compiled: &Compiled) -> impl Iterator<Item = &VirtualHost> {
    compiled.table.hosts.iter()
}

/// The statuses of all objects except `gone` and, if that is a FrontDoor, its Routes. The number of
/// attached Routes may differ if `gone` was one of them.
fn others(
    compiled: &Compiled,
    gone: &ObjectRef,
    snapshot: &Snapshot,
) -> BTreeMap<ObjectRef, Status> {
    let is_of_gone = |object: &ObjectRef| {
        let route = snapshot.routes.get(&object.name).filter(|_| object.kind == Kind::Route);
        let reference = route.and_then(|route| Some(&route.object.as_ref()?.spec.front_door_ref));
        reference.is_some_and(|reference| {
            let namespace = reference.namespace.as_deref().unwrap_or(&object.name.namespace);
            gone.kind == Kind::FrontDoor
                && gone.name == ObjectName::new(namespace, reference.name.as_str())
        })
    };
    let all = compiled.statuses.iter().filter(|(object, _)| *object != gone && !is_of_gone(object));
    all.map(|(object, status)| (object.clone(), without_hints(Status::clone(status)))).collect()
}

/// A status without the place that its object may hold, which another object may take or leave, and
/// without suggestions for a name that does not exist, which may be another object's.
fn without_hints(mut status: Status) -> Status {
    status.holds_place = false;
    let conditions = status.conditions.iter_mut().map(|it| &mut it.message);
    for message in conditions.chain(status.problems.iter_mut().map(|it| &mut it.message)) {
        for hint in ["; until it is accepted", " does not exist: "] {
            if let Some(end) = message.find(hint) {
                message.truncate(end);
            }
        }
    }
    status
}

fn is_held(matched: &RouteMatch) -> bool {
    matches!(matched.target.action, Action::NotAccepted(_))
}

/// The hosts that are served, with the matches that are.
fn served(compiled: &Compiled) -> Vec<VirtualHost> {
    let hosts = hosts(compiled).filter(|host| host.not_accepted.is_none());
    hosts
        .map(|host| {
            let matches = host.routes.matches().iter().filter(|matched| !is_held(matched));
            let routes = Arc::new(RouteTree::new(matches.cloned().collect()));
            VirtualHost { routes, ..host.clone() }
        })
        .collect()
}

fn without(snapshot: &Snapshot, gone: &ObjectRef) -> Snapshot {
    let mut rest = snapshot.clone();
    match gone.kind {
        Kind::FrontDoor => drop(rest.front_doors.remove(&gone.name)),
        Kind::Route => drop(rest.routes.remove(&gone.name)),
    }
    rest
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Every object has a status, its conditions agree with its problems, and only accepted objects
    /// are in the table, apart from those that hold their places.
    #[test]
    fn statuses_and_table_agree(snapshot in snapshot()) {
        let compiled = compile(&snapshot, &Options::default());
        prop_assert_eq!(compiled.statuses.len(), snapshot.front_doors.len() + snapshot.routes.len());
        for (object, status) in &compiled.statuses {
            for (condition, condition_type) in status.conditions.iter().zip([ConditionType::Accepted, ConditionType::ResolvedRefs]) {
                let error = status.problems.iter().find(|p| p.severity == Severity::Error && p.condition == condition_type);
                prop_assert_eq!(condition.status, error.is_none(), "{}", object);
                let reason = error.map_or(condition.r#type.to_owned(), |error| error.reason.to_string());
                prop_assert_eq!(&condition.reason, &reason);
                prop_assert_eq!(condition.message.is_empty(), error.is_none());
            }
            prop_assert!(status.problems.iter().all(|problem| problem.object == *object));
        }
        for host in hosts(&compiled) {
            let front_door = ObjectRef { kind: Kind::FrontDoor, name: host.front_door.clone() };
            let status = &compiled.statuses[&front_door];
            let (_, refused) = errors(status);
            prop_assert_eq!(refused, host.not_accepted.is_some(), "{}", &front_door);
            prop_assert_eq!(refused, status.holds_place);
            prop_assert!(!refused || host.routes.matches().is_empty());
            for matched in host.routes.matches() {
                let route = ObjectRef { kind: Kind::Route, name: matched.target.name.clone() };
                let status = &compiled.statuses[&route];
                prop_assert_eq!(accepted(status), !is_held(matched), "{}", &route);
                prop_assert_eq!(status.holds_place, is_held(matched), "{}", &route);
                prop_assert_eq!(&matched.target.front_door, &host.front_door);
            }
        }
    }

    /// No two matches of a host want the same requests.
    #[test]
    fn rules_are_unlike(snapshot in snapshot()) {
        let compiled = compile(&snapshot, &Options::default());
        for host in hosts(&compiled) {
            let matches = host.routes.matches();
            for (i, one) in matches.iter().enumerate() {
                for other in &matches[..i] {
                    let same = one.path.same_shape(&other.path) && one.predicates == other.predicates;
                    prop_assert!(!same, "{one:?} {other:?}");
                }
            }
        }
    }

    /// Equal snapshots compile to equal tables.
    #[test]
    fn the_same_comes_out_twice(snapshot in snapshot()) {
        let options = Options::default();
        prop_assert_eq!(compile(&snapshot, &options), compile(&snapshot, &options));
    }

    /// Without the Secrets and ConfigMaps that no object references, the result is the same. So the
    /// operator reads whatever the compiler looks up.
    #[test]
    fn what_the_compiler_looks_up_is_a_reference(snapshot in snapshot()) {
        for class in ["portico", "other"] {
            let options = Options { class: Some(class.to_owned()), ..Options::default() };
            let mut read = snapshot.clone();
            let named = References::of(&snapshot, &LastGood::default(), class);
            let (secrets, config_maps) = (named.to::<Secret>(), named.to::<ConfigMap>());
            read.secrets.retain(|name, _| secrets.contains(name));
            read.config_maps.retain(|name, _| config_maps.contains(name));
            prop_assert_eq!(compile(&read, &options), compile(&snapshot, &options));
        }
    }

    /// A Route is served with its own policy, with a valid one of its FrontDoor, or with none if
    /// none is wanted.
    #[test]
    fn an_invalid_policy_never_widens(snapshot in snapshot()) {
        let compiled = compile(&snapshot, &Options::default());
        let applies = |policy: &Option<&portico_crds::CorsPolicy>| {
            policy.is_some_and(|policy| policy.mode != portico_crds::CorsMode::Disabled)
        };
        for host in hosts(&compiled) {
            let front_door = snapshot.front_doors[&host.front_door].object.as_ref().unwrap();
            let status = &compiled.statuses[&ObjectRef { kind: Kind::FrontDoor, name: host.front_door.clone() }];
            let (invalid, _) = errors(status);
            prop_assert_eq!(host.cors.is_some(), applies(&front_door.spec.cors.as_ref()) && !invalid);
            for matched in host.routes.matches() {
                let route = snapshot.routes[&matched.target.name].object.as_ref().unwrap();
                match route.spec.cors.as_deref() {
                    Some(_) if errors(&compiled.statuses[&ObjectRef { kind: Kind::Route, name: matched.target.name.clone() }]).0 => {
                        prop_assert_eq!(&matched.target.cors, &None);
                    }
                    own @ Some(_) => prop_assert_eq!(matched.target.cors.is_some(), applies(&own)),
                    None => {
                        prop_assert!(!invalid || is_held(matched), "{} inherits an invalid policy", matched.target.name);
                        prop_assert_eq!(&matched.target.cors, &host.cors);
                    }
                }
            }
        }
    }

    /// Without a rejected object, everything else compiles to the same, apart from the places that
    /// rejected objects hold. The exception is a FrontDoor that is rejected for its policy alone, and
    /// still has hosts.
    #[test]
    fn a_refused_object_changes_nothing(snapshot in snapshot()) {
        let whole = compile(&snapshot, &Options::default());
        let serves_nothing = |(object, status): &(&ObjectRef, &Arc<Status>)| {
            if object.kind == Kind::FrontDoor { errors(status).1 } else { !accepted(status) }
        };
        for (gone, _) in whole.statuses.iter().filter(serves_nothing) {
            let rest = compile(&without(&snapshot, gone), &Options::default());
            prop_assert_eq!(served(&whole), served(&rest), "without {}", gone);
            prop_assert_eq!(others(&whole, gone, &snapshot), others(&rest, gone, &snapshot));
        }
    }

    /// A younger Route never takes anything from an older one.
    #[test]
    fn the_youngest_route_changes_no_other(snapshot in snapshot()) {
        let age = |(name, entry): &(&ObjectName, &Entry<portico_crds::Route>)| {
            let created = entry.object.as_ref().and_then(|o| Some(o.metadata.creation_timestamp.as_ref()?.0));
            (created.is_none(), created, (*name).clone())
        };
        let youngest = snapshot.routes.iter().max_by_key(age);
        prop_assume!(youngest.is_some());
        let gone = ObjectRef { kind: Kind::Route, name: youngest.unwrap().0.clone() };
        let routes = |snapshot: &Snapshot| {
            let compiled = compile(snapshot, &Options::default());
            let all = compiled.statuses.into_iter();
            let routes = all.filter(|(object, _)| object.kind == Kind::Route && *object != gone);
            routes.map(|(object, status)| (object, without_hints(Status::clone(&status)))).collect::<Vec<_>>()
        };
        prop_assert_eq!(routes(&snapshot), routes(&without(&snapshot, &gone)));
    }

    /// Unexpected text in any field, and any bytes in a Secret, are rejected without a panic.
    #[test]
    fn any_text_anywhere(text in "\\PC*", number: i32) {
        let metadata = json!({"name": text, "namespace": text});
        let cors = json!({
            "allowOrigins": [text, format!("https://{text}"), format!("https://*.{text}")],
            "allowOriginRegex": [text, format!("https://{text}")], "allowCredentials": true,
            "allowMethods": [text], "allowHeaders": [text], "exposeHeaders": [text], "maxAge": text,
        });
        let condition = json!({
            "header": {"name": text, "type": "LessThan", "value": text}, "query": {"name": text, "type": "Contains", "value": text},
            "method": [text], "host": [text], "path": text, "pathRegex": text, "fileExtension": [text], "clientAddress": [text],
        });
        let conditions: Vec<_> = condition.as_object().unwrap().iter().map(|(key, value)| json!({ key: value })).collect();
        let nested = json!({"any": [&condition, {"not": &condition}]});
        let actions = json!({
            "redirect": {"host": text, "allowedHosts": [text], "port": number, "path": text, "status": number},
            "respond": {"status": number, "headers": [{"name": text, "value": text}, {"name": "content-type", "value": text}], "body": format!("{text}{{path}}")},
            "requestHeaders": {"set": [{"name": text, "value": text}]}, "responseHeaders": {"add": [{"name": "x", "value": text}]},
        });
        let mut route_actions = actions.clone();
        route_actions["rewrite"] = json!({"path": format!("/{text}{{path}}"), "host": text});
        route_actions["retry"] = json!({"on": [text]});
        let rules = |actions: Value| json!([{"name": text, "when": conditions, "do": actions}, {"name": text, "when": [nested]}]);
        let route = json!({
            "apiVersion": "portico.dev/v1alpha1", "kind": "Route", "metadata": metadata,
            "spec": {
                "rules": rules(route_actions),
                "frontDoorRef": {"name": text}, "hosts": [text], "matches": [{
                    "path": text, "methods": [text], "headers": [{"name": text, "type": "Regex", "value": text}],
                    "query": [{"name": text, "value": text}], "cookies": [{"name": text, "value": text}],
                }],
                "backends": [
                    {"service": {"name": text, "port": text}, "weight": number, "priority": number},
                    {"service": {"name": text, "port": number}}, {"external": {"url": text}},
                    {"external": {"url": format!("https://{text}")}},
                ],
                "redirect": {"host": text, "port": number, "path": text, "status": number},
                "respond": {"status": number, "headers": [{"name": text, "value": text}], "body": text},
                "rewrite": {"path": text, "host": text},
                "requestHeaders": {
                    "set": [{"name": text, "value": text}], "remove": [text],
                    "add": [{"name": "x", "valueFrom": {"secretKeyRef": {"name": text, "key": text}}}],
                },
                "timeouts": {"connect": text},
                "health": {"path": text, "host": text, "interval": text, "timeout": text, "healthyAfter": number, "unhealthyAfter": number, "expect": [text]},
                "ejection": {"errors": number, "time": text, "maxTime": text, "maxShare": number},
                "balance": {"policy": "Hash", "hash": {"on": "Cookie", "name": text}, "latencyBand": text, "slowStart": text},
                "affinity": {"cookie": text, "maxAge": text},
                "retry": {"attempts": number, "on": [text], "perTry": text, "budget": number, "backoff": text},
                "limits": {"connections": number, "requests": number, "queue": number, "queueTime": text},
                "cors": cors,
            },
        });
        let front_door = json!({
            "apiVersion": "portico.dev/v1alpha1", "kind": "FrontDoor", "metadata": metadata,
            "spec": {"rules": rules(actions), "hosts": [{"name": text}, {"name": "a.example.com"}], "trustedProxies": [text], "attach": [{"namespaces": [text], "paths": [text]}], "cors": cors, "defaults": {"health": {"path": text}, "retry": {"on": [text]}, "timeouts": {"idle": text}}},
        });
        let secret = json!({"metadata": metadata, "stringData": {&text: text}});
        let ports = json!([{"name": text, "port": number, "appProtocol": text, "protocol": text}]);
        let mut snapshot = Snapshot::default();
        snapshot.routes.extend([entry(route)]);
        snapshot.front_doors.extend([entry(front_door)]);
        snapshot.secrets.extend([decode(secret)]);
        snapshot.services.extend([decode(json!({"metadata": metadata, "spec": {"ports": ports}}))]);
        let status = compile(&snapshot, &Options::default()).statuses;
        prop_assert_eq!(status.values().filter(|status| accepted(status)).count(), 0);
    }
}

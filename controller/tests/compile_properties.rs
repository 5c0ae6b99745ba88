//! What holds of every compilation, whatever the objects are.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod policies;

use portico::{
    compile::{Compiled, Options, Status, compile},
    diagnostic::{ConditionType, Kind, ObjectRef, Severity},
    objects::{Entry, Snapshot},
};
use portico_dataplane::table::{ObjectName, VirtualHost};
use proptest::{
    collection::vec,
    option,
    prelude::*,
    sample::{select, subsequence},
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::{collections::BTreeMap, sync::Arc};

/// One of a few texts, so that objects meet, or now and then anything at all.
fn text(usual: &'static [&'static str]) -> impl Strategy<Value = String> {
    prop_oneof![
        200 => select(usual).prop_map(str::to_owned),
        1 => ".{0,8}",
        1 => "[a-z/*{}.%:@-]{0,12}",
    ]
}

fn name() -> impl Strategy<Value = String> {
    text(&["a", "a", "a", "b"])
}

fn namespace() -> impl Strategy<Value = String> {
    text(&["n", "n", "n", "n", "n", "n", "n", "m"])
}

fn metadata(name: impl Strategy<Value = String>) -> impl Strategy<Value = Value> {
    let created = option::of(select(&["2025-01-01T00:00:00Z", "2026-01-01T00:00:00Z"][..]));
    (name, namespace(), created).prop_map(|(name, namespace, created)| {
        json!({"name": name, "namespace": namespace, "creationTimestamp": created})
    })
}

fn path() -> impl Strategy<Value = String> {
    text(&["/*", "/a", "/a/*", "/{x}/*", "/{y}/*", "/a/{x}"])
}

fn predicate() -> impl Strategy<Value = Value> {
    let value = prop_oneof![
        4 => (select(&["Exact", "Prefix", "Regex"][..]), text(&["1", "[a-z]+"]).prop_map(Some)),
        1 => (select(&["Present", "Absent"][..]), Just(None)),
    ];
    (text(&["x", "X"]), value)
        .prop_map(|(name, (kind, value))| json!({"name": name, "type": kind, "value": value}))
}

fn matches() -> impl Strategy<Value = Value> {
    let predicates = (vec(text(&["GET", "PUT"]), 0..3), [(); 3].map(|()| vec(predicate(), 0..2)));
    let one = (path(), option::weighted(0.2, predicates)).prop_map(|(path, predicates)| {
        let (methods, [headers, query, cookies]) = predicates.unwrap_or_default();
        json!({"path": path, "methods": methods, "headers": headers, "query": query, "cookies": cookies})
    });
    vec(one, 1..3).prop_map(Value::from)
}

fn backend() -> impl Strategy<Value = Value> {
    let port = prop_oneof![(79..82).prop_map(Value::from), text(&["http"]).prop_map(Value::from)];
    let service = (text(&["a", "b", "c"]), port)
        .prop_map(|(name, port)| json!({"service": {"name": name, "port": port}}));
    let url = text(&["https://a.example.com", "http://127.0.0.1:80", "http://[::1]:1"]);
    let external = url.prop_map(|url| json!({"external": {"url": url}}));
    let place = prop_oneof![30 => service, 15 => external, 1 => Just(json!({}))];
    (place, -1..60i32, 0..3i32).prop_map(|(mut backend, weight, priority)| {
        backend["weight"] = weight.into();
        backend["priority"] = priority.into();
        backend
    })
}

fn edits() -> impl Strategy<Value = Value> {
    let from = (text(&["a", "b"]), text(&["k", "k", "l"]))
        .prop_map(|(name, key)| json!({"valueFrom": {"secretKeyRef": {"name": name, "key": key}}}));
    let value = prop_oneof![text(&["1", ""]).prop_map(|text| json!({ "value": text })), from];
    let line = (text(&["x-a", "X-B", "X-B", "Vary"]), value).prop_map(|(name, mut line)| {
        line["name"] = name.into();
        line
    });
    (vec(line, 0..2), vec(text(&["x-c", "x-d"]), 0..2))
        .prop_map(|(set, remove)| json!({"set": set, "remove": remove}))
}

/// `backends`, `redirect`, `respond`, with what may stand beside them.
fn action() -> impl Strategy<Value = Value> {
    let host = text(&["Backend", "Preserve", "a.example.com:81"]);
    let rewrite = (option::of(select(&["/", "/b", "/*"][..])), option::of(host))
        .prop_map(|(path, host)| json!({"path": path, "host": host}));
    let parts =
        (vec(backend(), 1..3), option::of(rewrite), option::of(edits()), text(&["1s", "0s"]));
    let forward = parts.prop_map(|(backends, rewrite, edits, idle)| {
        json!({
            "backends": backends,
            "rewrite": rewrite,
            "requestHeaders": edits,
            "timeouts": {"idle": idle},
        })
    });
    let redirect = (text(&["a.example.com"]), select(&[301, 302, 303, 307, 308, 304][..]))
        .prop_map(|(host, status)| json!({"redirect": {"host": host, "status": status}}));
    let respond = (select(&[200, 200, 200, 200, 200, 200, 200, 204, 503, 42][..]), edits())
        .prop_map(
            |(status, edits)| json!({"respond": {"status": status}, "responseHeaders": edits}),
        );
    prop_oneof![20 => forward, 10 => redirect, 30 => respond, 1 => Just(json!({}))]
}

fn route() -> impl Strategy<Value = Value> {
    let hosts = option::weighted(0.3, vec(text(&["a.example.com", "B.example.com", "*"]), 0..2));
    let front_door = (name(), option::weighted(0.2, namespace()));
    let cors = option::weighted(0.3, policies::policy());
    (metadata("[a-p]"), front_door, hosts, option::of(matches()), action(), cors).prop_map(
        |(metadata, (front_door, namespace), hosts, matches, action, cors)| {
            let mut spec = json!({
                "frontDoorRef": {"name": front_door, "namespace": namespace},
                "hosts": hosts.unwrap_or_default(),
                "matches": matches.unwrap_or(json!([{}])),
                "cors": cors,
            });
            spec.as_object_mut().unwrap().extend(action.as_object().unwrap().clone());
            json!({"apiVersion": "portico.dev/v1alpha1", "kind": "Route", "metadata": metadata, "spec": spec})
        },
    )
}

fn front_door() -> impl Strategy<Value = Value> {
    let usual =
        ["a.example.com", "B.example.com", "*.example.com", "*"].map(str::to_owned).to_vec();
    let hosts = (subsequence(usual, 1..4), option::weighted(0.05, text(&["A.example.com."])))
        .prop_map(|(usual, more)| usual.into_iter().chain(more).map(|name| json!({ "name": name })))
        .prop_map(Vec::from_iter);
    let selector = (text(&["In", "NotIn"]), vec(text(&["red"]), 1..3)).prop_map(|(operator, values)| {
        json!({"matchExpressions": [{"key": "team", "operator": operator, "values": values}]})
    });
    let entry = (vec(namespace(), 1..3), option::weighted(0.3, selector), vec(path(), 0..2)).prop_map(
        |(namespaces, selector, paths)| {
            json!({"namespaces": namespaces, "namespaceSelector": selector, "paths": paths})
        },
    );
    let proxies = vec(text(&["10.0.0.0/8", "::1"]), 0..2);
    let cors = option::of(policies::policy());
    (metadata(name()), hosts, option::weighted(0.3, vec(entry, 1..3)), proxies, cors).prop_map(|(metadata, hosts, attach, proxies, cors)| {
        let spec = json!({"hosts": hosts, "attach": attach, "trustedProxies": proxies, "cors": cors});
        json!({"apiVersion": "portico.dev/v1alpha1", "kind": "FrontDoor", "metadata": metadata, "spec": spec})
    })
}

fn service() -> impl Strategy<Value = (Value, Value)> {
    let port = (
        option::of(text(&["http"])),
        79..82,
        option::of(text(&["http", "kubernetes.io/h2c", "TCP"])),
    );
    let address = text(&["10.0.0.1", "10.0.0.2", "127.0.0.1", "169.254.169.254", "fd12::1"]);
    (metadata(name()), port, vec(address, 0..3), -1..3).prop_map(|(metadata, (name, port, protocol), addresses, target)| {
        let endpoints: Vec<_> = addresses.iter().map(|address| json!({"addresses": [address]})).collect();
        let mut slice = metadata.clone();
        slice["labels"] = json!({"kubernetes.io/service-name": metadata["name"]});
        (
            json!({"metadata": metadata, "spec": {"ports": [{"name": name, "port": port, "appProtocol": protocol}]}}),
            json!({"metadata": slice, "addressType": "IPv4", "ports": [{"name": name, "port": target}], "endpoints": endpoints}),
        )
    })
}

fn secret() -> impl Strategy<Value = Value> {
    (metadata(name()), text(&["v", "v\n"]))
        .prop_map(|(metadata, value)| json!({"metadata": metadata, "stringData": {"k": value}}))
}

fn decode<T: DeserializeOwned>(value: Value) -> (ObjectName, Arc<T>) {
    let text = |field| value["metadata"][field].as_str().unwrap();
    let name = ObjectName::new(text("namespace"), text("name"));
    (name, Arc::new(serde_json::from_value(value).unwrap()))
}

fn entry<T: DeserializeOwned>(value: Value) -> (ObjectName, Entry<T>) {
    let (name, object) = decode(value);
    (name, Entry { object: Some(object), undecoded: Vec::new(), problems: Vec::new() })
}

fn snapshot() -> impl Strategy<Value = Snapshot> {
    (vec(front_door(), 1..4), vec(route(), 1..16), vec(service(), 0..4), vec(secret(), 0..2))
        .prop_map(|(front_doors, routes, services, secrets)| {
            let (services, slices): (Vec<_>, Vec<_>) = services.into_iter().unzip();
            Snapshot {
                front_doors: front_doors.into_iter().map(entry).collect(),
                routes: routes.into_iter().map(entry).collect(),
                services: services.into_iter().map(decode).collect(),
                endpoint_slices: slices.into_iter().map(decode).collect(),
                secrets: secrets.into_iter().map(decode).collect(),
                namespaces: BTreeMap::new(),
            }
        })
}

fn accepted(status: &Status) -> bool {
    status.conditions[0].status
}

/// Whether there is an error in `spec.cors`, or elsewhere.
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

/// The statuses of all but `gone` and, where that is a FrontDoor, its Routes. The number of
/// attached Routes may differ where `gone` was one of them.
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
    all.map(|(object, status)| (object.clone(), status.clone())).collect()
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

    /// Every object has a status, the conditions say what the problems say, and only what is
    /// accepted is in the table.
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
            let (_, refused) = errors(&compiled.statuses[&front_door]);
            prop_assert!(!refused, "{} is refused, and not for its policy", front_door);
            for rule in host.routes.rules() {
                let route = ObjectRef { kind: Kind::Route, name: rule.route.name.clone() };
                prop_assert!(accepted(&compiled.statuses[&route]), "{}", route);
                prop_assert_eq!(&rule.route.front_door, &host.front_door);
            }
        }
    }

    /// No two rules of a host want the same requests.
    #[test]
    fn rules_are_unlike(snapshot in snapshot()) {
        let compiled = compile(&snapshot, &Options::default());
        for host in hosts(&compiled) {
            let rules = host.routes.rules();
            for (i, one) in rules.iter().enumerate() {
                for other in &rules[..i] {
                    let same = one.path.same_shape(&other.path) && one.predicates == other.predicates;
                    prop_assert!(!same, "{one:?} {other:?}");
                }
            }
        }
    }

    /// One snapshot compiles to one table.
    #[test]
    fn the_same_comes_out_twice(snapshot in snapshot()) {
        let options = Options::default();
        prop_assert_eq!(compile(&snapshot, &options), compile(&snapshot, &options));
    }

    /// A Route is served with its own policy, or with a valid one of its FrontDoor, or with none
    /// where none is asked for.
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
            for rule in host.routes.rules() {
                let route = snapshot.routes[&rule.route.name].object.as_ref().unwrap();
                match route.spec.cors.as_deref() {
                    own @ Some(_) => prop_assert_eq!(rule.route.cors.is_some(), applies(&own)),
                    None => {
                        prop_assert!(!invalid, "{} inherits an invalid policy", rule.route.name);
                        prop_assert_eq!(&rule.route.cors, &host.cors);
                    }
                }
            }
        }
    }

    /// Without an object that is refused, everything else compiles to the same; but for a FrontDoor
    /// that is refused for its policy alone, and has hosts.
    #[test]
    fn a_refused_object_changes_nothing(snapshot in snapshot()) {
        let whole = compile(&snapshot, &Options::default());
        let serves_nothing = |(object, status): &(&ObjectRef, &Status)| {
            if object.kind == Kind::FrontDoor { errors(status).1 } else { !accepted(status) }
        };
        for (gone, _) in whole.statuses.iter().filter(serves_nothing) {
            let rest = compile(&without(&snapshot, gone), &Options::default());
            prop_assert_eq!(&whole.table, &rest.table, "without {}", gone);
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
            all.filter(|(object, _)| object.kind == Kind::Route && *object != gone).collect::<Vec<_>>()
        };
        prop_assert_eq!(routes(&snapshot), routes(&without(&snapshot, &gone)));
    }

    /// Text that no field expects, and bytes of any kind in a Secret, are refused without a panic.
    #[test]
    fn any_text_anywhere(text in "\\PC*", number: i32) {
        let metadata = json!({"name": text, "namespace": text});
        let cors = json!({
            "allowOrigins": [text, format!("https://{text}"), format!("https://*.{text}")],
            "allowOriginRegex": [text, format!("https://{text}")], "allowCredentials": true,
            "allowMethods": [text], "allowHeaders": [text], "exposeHeaders": [text], "maxAge": text,
        });
        let route = json!({
            "apiVersion": "portico.dev/v1alpha1", "kind": "Route", "metadata": metadata,
            "spec": {
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
                "cors": cors,
            },
        });
        let front_door = json!({
            "apiVersion": "portico.dev/v1alpha1", "kind": "FrontDoor", "metadata": metadata,
            "spec": {"hosts": [{"name": text}, {"name": "a.example.com"}], "trustedProxies": [text], "attach": [{"namespaces": [text], "paths": [text]}], "cors": cors},
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

//! Random edits, good and bad: what is served after each.

use http::{HeaderMap, Method};
use k8s_openapi::api::core::v1::Secret;
use portico::{
    compile::{Compiled, Memory, Options, compile_after},
    diagnostic::{Kind, ObjectRef},
    objects::{Entry, References, Snapshot},
};
use portico_dataplane::{
    router::{Headers, Request},
    table::{Action, ObjectName, VirtualHost},
};
use proptest::{collection::vec, prelude::*, sample::select};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::sync::Arc;

/// How many Routes there are beside the web app's, which has every path.
const ROUTES: usize = 3;

/// A version that its author writes.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Version {
    Good,
    /// Invalid, but its place can be read.
    Misspelt,
    /// Its place can't be read either.
    Unreadable,
}

#[derive(Clone, Debug)]
enum Edit {
    /// With or without the host `api.ep.com`, which all Routes list.
    FrontDoor(Version, bool),
    Route(usize, Version),
    Delete(usize),
}

fn edit() -> impl Strategy<Value = Edit> {
    use Version::{Good, Misspelt, Unreadable};
    let version = || select(vec![Good, Good, Misspelt, Unreadable]);
    prop_oneof![
        2 => (select(vec![Good, Misspelt]), any::<bool>())
            .prop_map(|(version, api)| Edit::FrontDoor(version, api)),
        6 => (0..ROUTES, version()).prop_map(|(route, version)| Edit::Route(route, version)),
        2 => (0..ROUTES).prop_map(Edit::Delete),
    ]
}

/// What the model knows of an object.
#[derive(Clone, Copy, Debug)]
struct Known {
    generation: i64,
    version: Version,
    /// The generation of the last accepted version.
    last_good: Option<i64>,
}

/// Whether a version of the FrontDoor has `api.ep.com`.
#[derive(Clone, Copy, Debug, Default)]
struct Api {
    current: bool,
    served: bool,
}

fn object(kind: Kind, name: &str, generation: i64, spec: &Value) -> (ObjectName, Value) {
    let object = json!({
        "apiVersion": "portico.dev/v1alpha1", "kind": kind.name(),
        "metadata": {"name": name, "namespace": "web", "generation": generation, "uid": name},
        "spec": spec,
    });
    (ObjectName::new("web", name), object)
}

fn entry<T: DeserializeOwned>(kind: Kind, name: &ObjectName, object: Value) -> Entry<T> {
    Entry::decode(&ObjectRef { kind, name: name.clone() }, object, [])
}

fn set_front_door(snapshot: &mut Snapshot, generation: i64, version: Version, api: bool) {
    let mut hosts = vec![json!({"name": "www.ep.com"})];
    hosts.extend(api.then(|| json!({"name": "api.ep.com"})));
    let mut spec = json!({"hosts": hosts});
    if version != Version::Good {
        spec["trustedProxy"] = json!([]);
    }
    let (name, object) = object(Kind::FrontDoor, "ep", generation, &spec);
    let entry = entry(Kind::FrontDoor, &name, object);
    snapshot.front_doors.insert(name, entry);
}

fn set_route(snapshot: &mut Snapshot, route: usize, generation: i64, version: Version) {
    let from = json!({"secretKeyRef": {"name": format!("key-{generation}"), "key": "k"}});
    let mut spec = json!({
        "frontDoorRef": {"name": "ep"},
        "hosts": ["www.ep.com", "api.ep.com"],
        "matches": [{"path": format!("/{route}/*")}],
        "respond": {"body": format!("{generation}")},
        "responseHeaders": {"set": [{"name": "x-key", "valueFrom": from}]},
    });
    match version {
        Version::Good => {}
        Version::Misspelt => spec["timeout"] = json!("1s"),
        Version::Unreadable => spec["matches"][0]["path"] = json!(7),
    }
    let (name, object) = object(Kind::Route, &format!("r{route}"), generation, &spec);
    let entry = entry(Kind::Route, &name, object);
    snapshot.routes.insert(name, entry);
}

fn world(edits: usize) -> Snapshot {
    let mut snapshot = Snapshot::default();
    let spec = json!({"frontDoorRef": {"name": "ep"}, "respond": {"body": "app"}});
    let (name, app) = object(Kind::Route, "app", 1, &spec);
    let app = entry(Kind::Route, &name, app);
    snapshot.routes.insert(name, app);
    for generation in 0..=edits {
        let key = format!("key-{generation}");
        let secret = json!({"metadata": {"name": key, "namespace": "web"}, "data": {"k": "eA=="}});
        let secret: Secret = serde_json::from_value(secret).unwrap();
        snapshot.secrets.insert(ObjectName::new("web", key), secret.into());
    }
    snapshot
}

/// What a request for a path gets: the body, the name of a Route that holds its place, or why it
/// gets nothing.
fn response(compiled: &Compiled, route: usize) -> String {
    let Some(host) = compiled.table.hosts.find("www.ep.com") else { return "no host".to_owned() };
    found(host, &format!("/{route}/x"))
}

fn found(host: &VirtualHost, path: &str) -> String {
    if host.not_accepted.is_some() {
        assert!(host.routes.matches().is_empty());
        return "host held".to_owned();
    }
    let headers = HeaderMap::new();
    let request =
        Request { method: &Method::GET, path, query: None, headers: Headers::Sent(&headers) };
    let (matched, _) = host.routes.find(&request).unwrap().unwrap();
    assert_eq!(matched.target.unavailable, None);
    match &matched.target.action {
        Action::Respond(respond) => String::from_utf8(respond.body.to_vec()).unwrap(),
        Action::NotAccepted(_) => format!("{} held", matched.target.name),
        Action::Forward(_) | Action::Redirect(_) => panic!("no Route does that"),
    }
}

/// What it should get.
fn expected(door: Option<Known>, route: usize, known: Option<Known>) -> String {
    let Some(door) = door else { return "no host".to_owned() };
    if door.last_good.is_none() {
        return "host held".to_owned();
    }
    match known {
        None => "app".to_owned(),
        Some(Known { last_good: Some(generation), .. }) => generation.to_string(),
        Some(Known { version: Version::Unreadable, .. }) => "app".to_owned(),
        Some(Known { version: Version::Misspelt | Version::Good, .. }) => {
            format!("web/r{route} held")
        }
    }
}

/// Records that everything that is good now has been accepted, if the FrontDoor is served with the
/// hosts that Routes list.
fn accept(door: &mut Option<Known>, api: &mut Api, routes: &mut [Option<Known>]) {
    let known = |known: &mut Known| {
        if known.version == Version::Good {
            known.last_good = Some(known.generation);
        }
    };
    door.iter_mut().for_each(known);
    if door.is_some_and(|door| door.version == Version::Good) {
        api.served = api.current;
    }
    if api.served {
        routes.iter_mut().flatten().for_each(known);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// A bad edit of a good object changes nothing of what is served; a deletion withdraws, and a
    /// correction takes effect. A FrontDoor that loses one host takes nothing away at another. Requests at the place of a Route never reach another while it, or
    /// an earlier version of it, can be read.
    #[test]
    fn no_bad_edit_takes_a_place_away(edits in vec(edit(), 1..24)) {
        let mut snapshot = world(edits.len());
        let mut memory = Memory::default();
        let (mut door, mut routes) = (None::<Known>, [None::<Known>; ROUTES]);
        let mut api = Api::default();
        for (index, edit) in edits.iter().enumerate() {
            let generation = i64::try_from(index).unwrap();
            let next = |before: Option<Known>, version| {
                let last_good = before.and_then(|before| before.last_good);
                Some(Known { generation, version, last_good })
            };
            match *edit {
                Edit::FrontDoor(version, current) => {
                    door = next(door, version);
                    api.current = current;
                    set_front_door(&mut snapshot, generation, version, current);
                }
                Edit::Route(route, version) => {
                    routes[route] = next(routes[route], version);
                    set_route(&mut snapshot, route, generation, version);
                }
                Edit::Delete(route) => {
                    routes[route] = None;
                    snapshot.routes.remove(&ObjectName::new("web", format!("r{route}")));
                }
            }
            // As in a cluster, only Secrets that something refers to are there.
            let referenced = References::of(&snapshot, &memory.last_good, "portico").to::<Secret>();
            let mut read = snapshot.clone();
            read.secrets.retain(|name, _| referenced.contains(name));
            let compiled = compile_after(&Arc::new(read), &mut memory, &Options::default());
            accept(&mut door, &mut api, &mut routes);
            for (route, known) in routes.iter().enumerate() {
                prop_assert_eq!(response(&compiled, route), expected(door, route, *known), "{:?}", edit);
                let Some(known) = known else { continue };
                let name = ObjectName::new("web", format!("r{route}"));
                let status = &compiled.statuses[&ObjectRef { kind: Kind::Route, name }];
                prop_assert_eq!(status.generation, Some(known.generation));
                let accepted = known.version == Version::Good && api.served;
                prop_assert_eq!(status.is_accepted(), accepted);
                let kept = status.last_good.as_ref().and_then(|version| version.generation);
                prop_assert_eq!(kept, known.last_good.filter(|_| !accepted));
            }
        }
    }
}

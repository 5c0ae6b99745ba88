//! What is compiled after others is what is compiled from nothing.

use crate::generate::{decode, entry, snapshot};
use k8s_openapi::api::core::v1::Secret;
use portico::{
    compile::{Memory, Options, compile_after},
    diagnostic::{Kind, ObjectRef},
    objects::{Entry, ObjectKind, Snapshot},
};
use portico_dataplane::table::ObjectName;
use proptest::{collection::vec, prelude::*};
use serde_json::json;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// What happens to the objects of a snapshot.
#[derive(Clone, Debug)]
enum Edit {
    /// Those of one kind are written, by the kind's number.
    Write(usize, Box<Snapshot>),
    /// One of a kind is deleted: the kind's number, and which.
    Delete(usize, prop::sample::Index),
    /// All are read again.
    Reread,
    /// The labels of the namespace `n`, if it is there.
    Label(Option<&'static str>),
    /// The Secret `n/NAME` exists, but is not read.
    Unread(&'static str),
}

const KINDS: usize = 6;

fn edit() -> impl Strategy<Value = Edit> {
    let label = prop::sample::select(vec![None, Some("red"), Some("blue")]);
    prop_oneof![
        6 => (0..KINDS, snapshot()).prop_map(|(kind, objects)| Edit::Write(kind, Box::new(objects))),
        3 => (0..KINDS, any::<prop::sample::Index>()).prop_map(|(kind, which)| Edit::Delete(kind, which)),
        1 => Just(Edit::Reread),
        1 => label.prop_map(Edit::Label),
        1 => prop::sample::select(vec!["a", "b"]).prop_map(Edit::Unread),
    ]
}

fn options() -> impl Strategy<Value = Options> {
    let class = prop::sample::select(vec![None, None, Some("portico"), Some("other")]);
    let now = prop::option::of(Just("2026-12-01T00:00:00Z".parse().unwrap()));
    (class, any::<[bool; 2]>(), now).prop_map(|(class, [loopback_endpoints, names_others], now)| {
        let class = class.map(str::to_owned);
        Options { class, loopback_endpoints, names_others, now, ..Options::default() }
    })
}

fn write<V>(map: &mut BTreeMap<ObjectName, V>, more: BTreeMap<ObjectName, V>) {
    // A few: what stays is what is not compiled again.
    map.extend(more.into_iter().take(2));
}

fn delete<V>(map: &mut BTreeMap<ObjectName, V>, which: &prop::sample::Index) {
    if !map.is_empty() {
        let name = map.keys().nth(which.index(map.len())).cloned().unwrap();
        map.remove(&name);
    }
}

fn apply(world: &mut Snapshot, edit: Edit) {
    match edit {
        Edit::Write(0, more) => write(&mut world.front_doors, more.front_doors),
        Edit::Write(1, more) => write(&mut world.routes, more.routes),
        Edit::Write(2, more) => write(&mut world.services, more.services),
        Edit::Write(3, more) => write(&mut world.endpoint_slices, more.endpoint_slices),
        Edit::Write(4, more) => write(&mut world.secrets, more.secrets),
        Edit::Write(_, more) => write(&mut world.config_maps, more.config_maps),
        Edit::Delete(0, which) => delete(&mut world.front_doors, &which),
        Edit::Delete(1, which) => delete(&mut world.routes, &which),
        Edit::Delete(2, which) => delete(&mut world.services, &which),
        Edit::Delete(3, which) => delete(&mut world.endpoint_slices, &which),
        Edit::Delete(4, which) => delete(&mut world.secrets, &which),
        Edit::Delete(_, which) => delete(&mut world.config_maps, &which),
        Edit::Reread => *world = reread(world),
        Edit::Label(label) => {
            world.namespaces = label
                .map(|team| json!({"metadata": {"name": "n", "namespace": "", "labels": {"team": team}}}))
                .map(decode)
                .into_iter()
                .collect();
        }
        Edit::Unread(name) => {
            let name = ObjectName::new("n", name);
            world.secrets.remove(&name);
            world.unread = BTreeSet::from([(Secret::NAME, name)]);
        }
    }
    world.unread.retain(|(_, name)| !world.secrets.contains_key(name));
}

/// Equal objects, none of which is the same.
fn reread(world: &Snapshot) -> Snapshot {
    fn objects<T: Clone>(map: &BTreeMap<ObjectName, Arc<T>>) -> BTreeMap<ObjectName, Arc<T>> {
        map.iter().map(|(name, object)| (name.clone(), Arc::new(T::clone(object)))).collect()
    }
    fn entries<T: Clone>(map: &BTreeMap<ObjectName, Entry<T>>) -> BTreeMap<ObjectName, Entry<T>> {
        let again = |entry: &Entry<T>| Entry {
            object: entry.object.as_deref().cloned().map(Arc::new),
            ..entry.clone()
        };
        map.iter().map(|(name, entry)| (name.clone(), again(entry))).collect()
    }
    Snapshot {
        front_doors: entries(&world.front_doors),
        routes: entries(&world.routes),
        services: objects(&world.services),
        endpoint_slices: objects(&world.endpoint_slices),
        namespaces: objects(&world.namespaces),
        secrets: objects(&world.secrets),
        config_maps: objects(&world.config_maps),
        unread: world.unread.clone(),
        refused: world.refused.clone(),
        positions: world.positions.clone(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Whatever is edited in whatever order: tables, statuses and what is kept for the next time
    /// are the same.
    #[test]
    fn edits_compile_to_what_their_result_compiles_to(first in snapshot(), options in options(), edits in vec(edit(), 1..16)) {
        let (mut memory, mut from_nothing) = (Memory::default(), Memory::default());
        let mut world = first;
        compile_after(&Arc::new(world.clone()), &mut memory, &options);
        compile_after(&Arc::new(reread(&world)), &mut from_nothing, &options);
        for edit in edits {
            let shown = format!("{edit:?}");
            apply(&mut world, edit);
            let after = compile_after(&Arc::new(world.clone()), &mut memory, &options);
            let anew = compile_after(&Arc::new(reread(&world)), &mut from_nothing, &options);
            prop_assert_eq!(&after.statuses, &anew.statuses, "{}", shown);
            prop_assert_eq!(&after.table, &anew.table, "{}", shown);
            prop_assert_eq!(after.next_date, anew.next_date);
        }
    }
}

fn front_door(name: &str) -> (ObjectName, Entry<portico_crds::FrontDoor>) {
    entry(json!({
        "apiVersion": "portico.dev/v1alpha1", "kind": "FrontDoor",
        "metadata": {"name": name, "namespace": "n"},
        "spec": {"hosts": [{"name": format!("{name}.example.com")}]},
    }))
}

fn route(front_door: &str, path: &str, service: &str) -> (ObjectName, Entry<portico_crds::Route>) {
    entry(json!({
        "apiVersion": "portico.dev/v1alpha1", "kind": "Route",
        "metadata": {"name": format!("{front_door}-{path}"), "namespace": "n"},
        "spec": {
            "frontDoorRef": {"name": front_door},
            "matches": [{"path": format!("/{path}/*")}],
            "backends": [{"service": {"name": service, "port": 80}}],
        },
    }))
}

fn add_service(world: &mut Snapshot, name: &str, address: &str) {
    let metadata =
        json!({"name": name, "namespace": "n", "labels": {"kubernetes.io/service-name": name}});
    let spec = json!({"ports": [{"port": 80}]});
    world.services.extend([decode(json!({"metadata": metadata, "spec": spec}))]);
    world.endpoint_slices.extend([decode(json!({
        "metadata": metadata, "addressType": "IPv4", "ports": [{"port": 8080}],
        "endpoints": [{"addresses": [address]}],
    }))]);
}

/// Of what an edit leaves as it was, the table and the statuses have the very same.
#[test]
fn what_does_not_change_is_not_compiled_again() {
    let mut world = Snapshot::default();
    for name in ["a", "b"] {
        world.front_doors.extend([front_door(name)]);
        add_service(&mut world, &format!("service-{name}"), "10.0.0.1");
        for path in ["x", "y"] {
            world.routes.extend([route(name, path, &format!("service-{name}"))]);
        }
    }
    let mut memory = Memory::default();
    let mut compile = |world: &Snapshot| {
        compile_after(&Arc::new(world.clone()), &mut memory, &Options::default())
    };
    let routes = |compiled: &portico::compile::Compiled, host: &str| {
        compiled.table.hosts.find(host).unwrap().routes.clone()
    };
    let status = |compiled: &portico::compile::Compiled, name: &str| {
        let name = ObjectName::new("n", name);
        compiled.statuses[&ObjectRef { kind: Kind::Route, name }].clone()
    };
    let first = compile(&world);
    let again = compile(&world);
    for host in ["a.example.com", "b.example.com"] {
        assert!(Arc::ptr_eq(&routes(&first, host), &routes(&again, host)), "{host}");
    }

    world.routes.extend([route("a", "x", "service-b")]);
    let edited = compile(&world);
    assert!(!Arc::ptr_eq(&routes(&again, "a.example.com"), &routes(&edited, "a.example.com")));
    assert!(Arc::ptr_eq(&routes(&again, "b.example.com"), &routes(&edited, "b.example.com")));
    assert!(Arc::ptr_eq(&status(&again, "a-y"), &status(&edited, "a-y")));

    add_service(&mut world, "service-a", "10.0.0.2");
    let moved = compile(&world);
    let target =
        |compiled, at: usize| routes(compiled, "a.example.com").matches()[at].target.clone();
    let (then, now) = (target(&edited, 0), target(&moved, 0));
    assert!(Arc::ptr_eq(&then, &now), "{} has another Service", now.name);
    assert_ne!(target(&edited, 1), target(&moved, 1), "its endpoint has moved");
    assert!(Arc::ptr_eq(&routes(&edited, "b.example.com"), &routes(&moved, "b.example.com")));
}

/// An earlier version of a Route that loses to another Route is replaced by the current one, which
/// may be at another FrontDoor: what happens next concerns that one.
#[test]
fn a_route_that_is_gone_leaves_the_front_door_at_which_it_was_last() {
    let mut world = Snapshot::default();
    for name in ["a", "b"] {
        world.front_doors.extend([front_door(name)]);
    }
    let moving = |generation: u32, front_door: &str, secret: bool| {
        let from = json!({"name": "x", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}});
        let set = if secret { json!([from]) } else { json!([]) };
        entry::<portico_crds::Route>(json!({
            "apiVersion": "portico.dev/v1alpha1", "kind": "Route",
            "metadata": {"name": "moving", "namespace": "n", "generation": generation},
            "spec": {
                "frontDoorRef": {"name": front_door}, "matches": [{"path": "/x"}],
                "respond": {"status": 200}, "responseHeaders": {"set": set},
            },
        }))
    };
    let other = || {
        entry::<portico_crds::Route>(json!({
            "apiVersion": "portico.dev/v1alpha1", "kind": "Route",
            "metadata": {"name": "other", "namespace": "n", "creationTimestamp": "2020-01-01T00:00:00Z"},
            "spec": {"frontDoorRef": {"name": "a"}, "matches": [{"path": "/x"}], "respond": {"status": 200}},
        }))
    };
    let mut memory = Memory::default();
    let mut compile = |world: &Snapshot| {
        compile_after(&Arc::new(world.clone()), &mut memory, &Options::default())
    };
    let names = |compiled: &portico::compile::Compiled, host: &str| {
        let routes = compiled.table.hosts.find(host).unwrap().routes.clone();
        let names = routes.matches().iter().map(|matched| matched.target.name.name.to_string());
        names.collect::<Vec<_>>()
    };
    world.routes.extend([moving(1, "a", false)]);
    compile(&world);
    world.routes.extend([moving(2, "b", true)]);
    world.unread = BTreeSet::from([(Secret::NAME, ObjectName::new("n", "s"))]);
    let waits = compile(&world);
    assert_eq!(
        (names(&waits, "a.example.com"), names(&waits, "b.example.com")),
        (vec!["moving".to_owned()], vec![])
    );
    world.routes.extend([other()]);
    let replaced = compile(&world);
    assert_eq!(names(&replaced, "a.example.com"), ["other"]);
    assert_eq!(names(&replaced, "b.example.com"), ["moving"]);
    world.routes.remove(&ObjectName::new("n", "moving"));
    let gone = compile(&world);
    assert_eq!(names(&gone, "a.example.com"), ["other"]);
    assert_eq!(names(&gone, "b.example.com"), [""; 0]);
}

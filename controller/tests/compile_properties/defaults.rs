//! What Routes inherit of their FrontDoor's `defaults`, as these change.

use crate::generate::entry;
use portico::{
    compile::{Compiled, Memory, Options, compile_after},
    objects::Snapshot,
};
use portico_dataplane::table::{ObjectName, Route};
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};

fn set_front_door(snapshot: &mut Snapshot, generation: i64, defaults: Value) {
    snapshot.front_doors.extend([entry(json!({
        "apiVersion": "portico.dev/v1alpha1", "kind": "FrontDoor",
        "metadata": {"name": "ep", "namespace": "web", "generation": generation, "uid": "ep"},
        "spec": {"hosts": [{"name": "www.ep.com"}], "defaults": defaults},
    }))]);
}

fn set_route(snapshot: &mut Snapshot, name: &str, block: Value) {
    let mut spec = json!({
        "frontDoorRef": {"name": "ep"},
        "matches": [{"path": format!("/{name}")}],
        "backends": [{"external": {"url": "https://a.example.com"}}],
    });
    spec.as_object_mut().unwrap().extend(block.as_object().unwrap().clone());
    snapshot.routes.extend([entry(json!({
        "apiVersion": "portico.dev/v1alpha1", "kind": "Route",
        "metadata": {"name": name, "namespace": "web", "generation": 1, "uid": name},
        "spec": spec,
    }))]);
}

fn route(compiled: &Compiled, name: &str) -> Arc<Route> {
    let host = compiled.table.hosts.find("www.ep.com").unwrap();
    let name = ObjectName::new("web", name);
    let found = host.routes.matches().iter().find(|matched| matched.target.name == name);
    found.unwrap().target.clone()
}

fn health_path(compiled: &Compiled, name: &str) -> Option<String> {
    route(compiled, name).selection.health.as_ref().map(|health| health.path.clone())
}

#[test]
fn routes_follow_the_last_good_defaults() {
    let mut snapshot = Snapshot::default();
    let mut memory = Memory::default();
    let mut compile = |snapshot: &Snapshot| {
        compile_after(&Arc::new(snapshot.clone()), &mut memory, &Options::default())
    };
    for (name, block) in [
        ("a", json!({})),
        ("b", json!({})),
        ("own", json!({"health": {"path": "/own"}})),
        ("none", json!({"health": {"disabled": true}})),
        ("late", json!({"timeouts": {"idle": "1s"}})),
    ] {
        set_route(&mut snapshot, name, block);
    }
    set_front_door(&mut snapshot, 1, json!({"health": {"path": "/1"}}));
    let first = compile(&snapshot);
    assert_eq!(health_path(&first, "a").as_deref(), Some("/1"));
    assert_eq!(health_path(&first, "own").as_deref(), Some("/own"));
    assert_eq!(health_path(&first, "none"), None);

    let defaults = json!({"health": {"path": "/2"}, "timeouts": {"request": "5s"}});
    set_front_door(&mut snapshot, 2, defaults);
    let second = compile(&snapshot);
    for name in ["a", "late"] {
        assert_eq!(health_path(&second, name).as_deref(), Some("/2"), "{name}");
    }
    let [a, b, late] = ["a", "b", "late"].map(|name| route(&second, name));
    assert!(Arc::ptr_eq(&a.selection, &b.selection) && Arc::ptr_eq(&a.selection, &late.selection));
    assert_eq!(a.timeouts.request, Some(Duration::from_secs(5)));
    assert_eq!(late.timeouts.request, Some(Duration::from_secs(60)), "its own block is whole");

    set_front_door(&mut snapshot, 3, json!({"health": {"path": "no path"}}));
    let third = compile(&snapshot);
    assert_eq!(health_path(&third, "a").as_deref(), Some("/2"));
    assert_eq!(third.table, second.table, "nothing changes");

    set_front_door(&mut snapshot, 4, json!({}));
    let fourth = compile(&snapshot);
    assert_eq!(health_path(&fourth, "a"), None);
    assert_eq!(health_path(&fourth, "own").as_deref(), Some("/own"));
}

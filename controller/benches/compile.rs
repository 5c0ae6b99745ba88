//! How long it takes to compile a table.

#![allow(clippy::expect_used, missing_docs)]

use criterion::{BatchSize, BenchmarkId, Criterion, criterion_group, criterion_main};
use k8s_openapi::api::{core::v1::Service, discovery::v1::EndpointSlice};
use portico::{
    compile::{Memory, Options, compile, compile_after},
    objects::{Entry, Snapshot},
};
use portico_crds::{FrontDoor, Route};
use portico_dataplane::table::ObjectName;
use serde_json::{Value, from_value, json};
use std::{hint::black_box, sync::Arc};

fn object<T: serde::de::DeserializeOwned>(value: Value) -> Arc<T> {
    Arc::new(from_value(value).expect("an object"))
}

fn entry<T: serde::de::DeserializeOwned>(value: Value) -> Entry<T> {
    Entry::good(object(value))
}

/// Routes that share some services, each with a rewrite and a header, evenly behind FrontDoors of one
/// host each. A service has two endpoints.
fn snapshot(front_doors: usize, routes: usize, services: usize) -> Snapshot {
    let mut snapshot = Snapshot::default();
    snapshot.front_doors.extend((0..front_doors).map(front_door));
    for i in 0..services {
        let (name, service) = service(i);
        snapshot.services.insert(name, service);
        let (name, slice) = endpoint_slice(i, 8080);
        snapshot.endpoint_slices.insert(name, slice);
    }
    snapshot.routes.extend((0..routes).map(|i| route(i, i % front_doors, i % services, "ep")));
    snapshot
}

fn named(name: &str) -> ObjectName {
    ObjectName::new("web", name)
}

fn front_door(i: usize) -> (ObjectName, Entry<FrontDoor>) {
    let name = format!("front-door-{i}");
    let entry = entry(json!({
        "apiVersion": "portico.dev/v1alpha1",
        "kind": "FrontDoor",
        "metadata": {"name": name, "namespace": "web"},
        "spec": {"hosts": [{"name": format!("www-{i}.ep.com")}]},
    }));
    (named(&name), entry)
}

fn service(i: usize) -> (ObjectName, Arc<Service>) {
    let name = format!("service-{i}");
    let service = object(json!({
        "metadata": {"name": name, "namespace": "web"},
        "spec": {"ports": [{"name": "http", "port": 80}]},
    }));
    (named(&name), service)
}

fn endpoint_slice(i: usize, port: u16) -> (ObjectName, Arc<EndpointSlice>) {
    let name = format!("service-{i}");
    let slice = object(json!({
        "metadata": {
            "name": name,
            "namespace": "web",
            "labels": {"kubernetes.io/service-name": name},
        },
        "addressType": "IPv4",
        "ports": [{"name": "http", "port": port}],
        "endpoints": [{"addresses": [address(0, i)]}, {"addresses": [address(64, i)]}],
    }));
    (named(&name), slice)
}

fn route(i: usize, front_door: usize, service: usize, header: &str) -> (ObjectName, Entry<Route>) {
    let name = format!("route-{i}");
    let service = format!("service-{service}");
    let entry = entry(json!({
        "apiVersion": "portico.dev/v1alpha1",
        "kind": "Route",
        "metadata": {"name": name, "namespace": "web"},
        "spec": {
            "frontDoorRef": {"name": format!("front-door-{front_door}")},
            "matches": [{"path": format!("/{name}/*")}],
            "backends": [{"service": {"name": service, "port": "http"}}],
            "rewrite": {"path": "/*"},
            "requestHeaders": {"set": [{"name": "x-front-door", "value": header}]},
        },
    }));
    (named(&name), entry)
}

fn address(above: usize, i: usize) -> String {
    format!("10.{}.{}.{}", above + i / 65_536, i / 256 % 256, i % 256)
}

fn from_nothing(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("compile");
    for (routes, services) in [
        (100, 100),
        (1_000, 100),
        (10_000, 100),
        (10_000, 10_000),
        (100_000, 100),
        (100_000, 100_000),
    ] {
        let (snapshot, options) = (snapshot(1, routes, services), Options::default());
        let compiled = compile(&snapshot, &options);
        let refused = compiled.statuses.values().find(|status| !status.problems.is_empty());
        assert!(refused.is_none(), "{refused:?}");
        group.sample_size(10);
        let id = BenchmarkId::new(format!("{services} services"), format!("{routes} routes"));
        group.bench_function(id, |bencher| {
            bencher.iter_with_large_drop(|| compile(black_box(&snapshot), &options));
        });
    }
}

/// One edit, which is made and undone in turn.
type Edit = fn(&mut Snapshot, bool);

/// What one change of each kind costs once everything else has been compiled.
fn after_a_change(criterion: &mut Criterion) {
    let edits: [(&str, Edit); 5] = [
        ("nothing", |_, _| ()),
        ("a route", |world, odd| {
            world.routes.extend([route(7, 7, 7, if odd { "a" } else { "b" })]);
        }),
        ("an endpoint", |world, odd| {
            world.endpoint_slices.extend([endpoint_slice(7, if odd { 8081 } else { 8080 })]);
        }),
        ("a service", |world, _| world.services.extend([service(7)])),
        ("a front door", |world, _| world.front_doors.extend([front_door(7)])),
    ];
    for (front_doors, routes) in [(10, 10_000), (500, 10_000), (5_000, 100_000)] {
        let mut group =
            criterion.benchmark_group(format!("{routes} routes at {front_doors} hosts after"));
        group.sample_size(20);
        let mut world = snapshot(front_doors, routes, routes / 10);
        for (name, edit) in edits {
            let (mut memory, options, mut odd) = (Memory::default(), Options::default(), false);
            compile_after(&Arc::new(world.clone()), &mut memory, &options);
            group.bench_function(name, |bencher| {
                bencher.iter_batched(
                    || {
                        odd = !odd;
                        edit(&mut world, odd);
                        Arc::new(world.clone())
                    },
                    |snapshot| compile_after(&snapshot, &mut memory, &options),
                    BatchSize::PerIteration,
                );
            });
        }
    }
}

criterion_group!(benches, from_nothing, after_a_change);
criterion_main!(benches);

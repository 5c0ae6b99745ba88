//! How long it takes to compile a table.

#![allow(clippy::expect_used, missing_docs)]

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use portico::{
    compile::{Options, compile},
    objects::{Entry, Snapshot},
};
use portico_dataplane::table::ObjectName;
use serde_json::{Value, from_value, json};
use std::{hint::black_box, sync::Arc};

fn object<T: serde::de::DeserializeOwned>(value: Value) -> Arc<T> {
    Arc::new(from_value(value).expect("an object"))
}

fn entry<T: serde::de::DeserializeOwned>(value: Value) -> Entry<T> {
    Entry::good(object(value))
}

/// Routes behind one FrontDoor that share some services, each with a rewrite and a header. A
/// service has two endpoints.
fn snapshot(routes: usize, services: usize) -> Snapshot {
    let mut snapshot = Snapshot::default();
    let named = |name: &str| ObjectName::new("web", name);
    snapshot.front_doors.insert(
        named("ep"),
        entry(json!({
            "apiVersion": "portico.dev/v1alpha1",
            "kind": "FrontDoor",
            "metadata": {"name": "ep", "namespace": "web"},
            "spec": {"hosts": [{"name": "www.ep.com"}]},
        })),
    );
    for i in 0..services {
        let service = format!("service-{i}");
        snapshot.services.insert(
            named(&service),
            object(json!({
                "metadata": {"name": service, "namespace": "web"},
                "spec": {"ports": [{"name": "http", "port": 80}]},
            })),
        );
        snapshot.endpoint_slices.insert(
            named(&service),
            object(json!({
                "metadata": {
                    "name": service,
                    "namespace": "web",
                    "labels": {"kubernetes.io/service-name": service},
                },
                "addressType": "IPv4",
                "ports": [{"name": "http", "port": 8080}],
                "endpoints": [{"addresses": [address(0, i)]}, {"addresses": [address(64, i)]}],
            })),
        );
    }
    for i in 0..routes {
        let name = format!("route-{i}");
        snapshot.routes.insert(
            named(&name),
            entry(json!({
                "apiVersion": "portico.dev/v1alpha1",
                "kind": "Route",
                "metadata": {"name": name, "namespace": "web"},
                "spec": {
                    "frontDoorRef": {"name": "ep"},
                    "matches": [{"path": format!("/{name}/*")}],
                    "backends": [{"service": {"name": format!("service-{}", i % services), "port": "http"}}],
                    "rewrite": {"path": "/*"},
                    "requestHeaders": {"set": [{"name": "x-front-door", "value": "ep"}]},
                },
            })),
        );
    }
    snapshot
}

fn address(above: usize, i: usize) -> String {
    format!("10.{}.{}.{}", above + i / 65_536, i / 256 % 256, i % 256)
}

fn compiling(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("compile");
    for (routes, services) in [
        (100, 100),
        (1_000, 100),
        (10_000, 100),
        (10_000, 10_000),
        (100_000, 100),
        (100_000, 100_000),
    ] {
        let (snapshot, options) = (snapshot(routes, services), Options::default());
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

criterion_group!(benches, compiling);
criterion_main!(benches);

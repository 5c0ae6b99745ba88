//! Metrics of tables and objects.

use crate::{
    compile::Status,
    diagnostic::{Kind, ObjectRef},
};
use prometheus_client::{
    metrics::{family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};
use std::{collections::BTreeMap, time::Duration};

/// In seconds.
const COMPILE_BUCKETS: [f64; 10] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.25, 1.0, 5.0];

type Labels = [(&'static str, &'static str); 2];

#[derive(Debug)]
pub(super) struct Metrics {
    generation: Gauge,
    routes: Gauge,
    hosts: Gauge,
    compile: Histogram,
    objects: Family<Labels, Gauge>,
}

impl Metrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            generation: Gauge::default(),
            routes: Gauge::default(),
            hosts: Gauge::default(),
            compile: Histogram::new(COMPILE_BUCKETS),
            objects: Family::default(),
        };
        let generation = "Tables published since the start";
        registry.register("portico_table_generation", generation, metrics.generation.clone());
        registry.register("portico_table_routes", "Routes that are served", metrics.routes.clone());
        registry.register("portico_table_hosts", "Hosts that are served", metrics.hosts.clone());
        let compile = "Time from a snapshot of all objects to their table";
        registry.register(
            "portico_table_compile_duration_seconds",
            compile,
            metrics.compile.clone(),
        );
        let objects = "Objects, by whether they are accepted";
        registry.register("portico_objects", objects, metrics.objects.clone());
        metrics
    }

    pub(super) fn compiled(&self, took: Duration, statuses: &BTreeMap<ObjectRef, Status>) {
        self.compile.observe(took.as_secs_f64());
        for kind in Kind::ALL {
            for accepted in [true, false] {
                let labels =
                    [("kind", kind.name()), ("accepted", if accepted { "true" } else { "false" })];
                self.objects.get_or_create(&labels).set(count(statuses, kind, accepted));
            }
        }
    }

    /// Records a new table. Returns how many Routes it serves.
    pub(super) fn published(
        &self,
        generation: u64,
        hosts: usize,
        statuses: &BTreeMap<ObjectRef, Status>,
    ) -> i64 {
        let is_served = |(object, status): &(&ObjectRef, &Status)| {
            object.kind == Kind::Route && status.is_served()
        };
        let routes = i64::try_from(statuses.iter().filter(is_served).count()).unwrap_or(i64::MAX);
        self.generation.set(i64::try_from(generation).unwrap_or(i64::MAX));
        self.hosts.set(i64::try_from(hosts).unwrap_or(i64::MAX));
        self.routes.set(routes);
        routes
    }
}

fn count(statuses: &BTreeMap<ObjectRef, Status>, kind: Kind, accepted: bool) -> i64 {
    let fits = |(object, status): &(&ObjectRef, &Status)| {
        object.kind == kind && status.is_accepted() == accepted
    };
    i64::try_from(statuses.iter().filter(fits).count()).unwrap_or(i64::MAX)
}

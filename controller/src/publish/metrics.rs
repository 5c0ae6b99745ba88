//! Metrics of tables and objects.

use super::counts::Counts;
use crate::diagnostic::Kind;
use prometheus_client::{
    metrics::{family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};
use std::time::Duration;

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

    pub(super) fn compiled(&self, took: Duration, counts: &Counts) {
        self.compile.observe(took.as_secs_f64());
        for kind in Kind::ALL {
            for accepted in [true, false] {
                let labels =
                    [("kind", kind.name()), ("accepted", if accepted { "true" } else { "false" })];
                self.objects.get_or_create(&labels).set(gauge(counts.objects(kind, accepted)));
            }
        }
    }

    /// Records a new table.
    pub(super) fn published(&self, generation: u64, hosts: usize, counts: &Counts) {
        self.generation.set(i64::try_from(generation).unwrap_or(i64::MAX));
        self.hosts.set(gauge(hosts));
        self.routes.set(gauge(counts.served_routes()));
    }
}

fn gauge(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

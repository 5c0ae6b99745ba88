//! Normalising a path and finding its Route, which every request does: the time depends on the
//! path's length, not on the number of Routes.

#![allow(clippy::expect_used, missing_docs)]

use criterion::{BatchSize, BenchmarkId, Criterion, criterion_group, criterion_main};
use http::{HeaderMap, Method};
use portico_dataplane::{
    path::{PathPattern, normalise},
    router::{Headers, Match, Predicates, Request, RouteTree},
};
use std::{hint::black_box, sync::Arc};

/// Realistic matches, `count` in all.
fn matches(count: usize) -> Vec<Match<Arc<str>>> {
    let target: Arc<str> = "all".into();
    let pattern = |i: usize| match i % 3 {
        0 => format!("/team-{}/service-{i}/*", i % 100),
        1 => format!("/team-{}/service-{i}/users/{{id}}", i % 100),
        _ => format!("/team-{}/service-{i}/health", i % 100),
    };
    (0..count)
        .map(|i| Match {
            path: PathPattern::parse(&pattern(i)).expect("a pattern"),
            predicates: Predicates::default(),
            target: target.clone(),
        })
        .collect()
}

fn find(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("find");
    let headers = HeaderMap::new();
    for count in [10, 1_000, 100_000] {
        let tree = RouteTree::new(matches(count));
        // One path of each form that matches at every size, then one that never matches.
        for (name, path) in [
            ("rest", "/team-3/service-3/reports/2021"),
            ("capture", "/team-4/service-4/users/1"),
            ("literal", "/team-5/service-5/health"),
            ("nothing", "/team-5/service-5/nothing/here"),
        ] {
            let request = Request {
                method: &Method::GET,
                path,
                query: None,
                headers: Headers::Sent(&headers),
            };
            let is_found =
                |request: &Request<'_>| tree.find(request).is_ok_and(|found| found.is_some());
            assert_eq!(is_found(&request), name != "nothing");
            group.bench_function(BenchmarkId::new(name, count), |bencher| {
                bencher.iter(|| is_found(black_box(&request)));
            });
        }
    }
}

/// Paths that match each Route in turn, far apart in memory, so that a large tree does not stay in
/// the processor's cache.
fn spread(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("spread");
    let headers = HeaderMap::new();
    for count in [10, 1_000, 100_000] {
        let tree = RouteTree::new(matches(count));
        let path = |i: usize| match i % 3 {
            0 => format!("/team-{}/service-{i}/reports/2021", i % 100),
            1 => format!("/team-{}/service-{i}/users/1", i % 100),
            _ => format!("/team-{}/service-{i}/health", i % 100),
        };
        let paths: Vec<_> = (0..1 << 16).map(|i| path(i * (count / 7 + 1) % count)).collect();
        let mut paths = paths.iter().cycle();
        group.bench_function(BenchmarkId::from_parameter(count), |bencher| {
            bencher.iter(|| {
                let path = paths.next().expect("it cycles");
                let request = Request {
                    method: &Method::GET,
                    path,
                    query: None,
                    headers: Headers::Sent(&headers),
                };
                tree.find(black_box(&request)).is_ok_and(|found| found.is_some())
            });
        });
    }
}

fn build(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("build");
    group.sample_size(10);
    for count in [10_000, 100_000] {
        let matches = matches(count);
        group.bench_function(BenchmarkId::from_parameter(count), |bencher| {
            bencher.iter_batched(|| matches.clone(), RouteTree::new, BatchSize::PerIteration);
        });
    }
}

fn normalised(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("normalise");
    for (name, path) in [
        ("plain", "/api/v1/users/4711/orders/2021-11/items.json"),
        ("escaped", "/api/v1/users/J%C3%BCrgen%20Meier/orders/2021-11"),
        ("changed", "/api/v1/./users/%7e4711/../orders/2021-11"),
    ] {
        group.bench_function(name, |bencher| bencher.iter(|| normalise(black_box(path)).is_ok()));
    }
}

criterion_group!(benches, find, spread, build, normalised);
criterion_main!(benches);

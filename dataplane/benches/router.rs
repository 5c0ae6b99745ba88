//! Finding a Route takes time by the path's length, not by the number of Routes.

#![allow(clippy::expect_used, missing_docs)]

use bytes::Bytes;
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use http::{HeaderMap, Method, StatusCode};
use portico_dataplane::{
    path::PathPattern,
    router::{Predicates, Request, RouteTree, Rule},
    table::{Action, HeaderEdits, ObjectName, Respond, Route, Timeouts},
};
use std::{hint::black_box, sync::Arc};

/// Rules of the forms that people write, `count` in all.
fn rules(count: usize) -> Vec<Rule> {
    let route = Arc::new(Route {
        name: ObjectName::new("web", "all"),
        front_door: ObjectName::new("web", "ep"),
        action: Action::Respond(Respond {
            status: StatusCode::NO_CONTENT,
            headers: Vec::new(),
            body: Bytes::new(),
        }),
        request_headers: HeaderEdits::default(),
        response_headers: HeaderEdits::default(),
        timeouts: Timeouts::default(),
        unavailable: None,
    });
    let pattern = |i: usize| match i % 3 {
        0 => format!("/team-{}/service-{i}/*", i % 100),
        1 => format!("/team-{}/service-{i}/users/{{id}}", i % 100),
        _ => format!("/team-{}/service-{i}/health", i % 100),
    };
    (0..count)
        .map(|i| Rule {
            path: PathPattern::parse(&pattern(i)).expect("a pattern"),
            predicates: Predicates::default(),
            route: route.clone(),
        })
        .collect()
}

fn find(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("find");
    let headers = HeaderMap::new();
    for count in [10, 1_000, 100_000] {
        let tree = RouteTree::new(rules(count));
        // Of each form one that there is at every size, then one that nothing matches.
        for (name, path) in [
            ("rest", "/team-3/service-3/reports/2021"),
            ("capture", "/team-4/service-4/users/1"),
            ("literal", "/team-5/service-5/health"),
            ("nothing", "/team-5/service-5/nothing/here"),
        ] {
            let request = Request { method: &Method::GET, path, query: None, headers: &headers };
            assert_eq!(tree.find(&request).is_some(), name != "nothing");
            group.bench_function(BenchmarkId::new(name, count), |bencher| {
                bencher.iter(|| tree.find(black_box(&request)).is_some());
            });
        }
    }
}

criterion_group!(benches, find);
criterion_main!(benches);

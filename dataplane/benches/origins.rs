//! Matching an origin, which every cross-origin request does: the time depends on the origin's
//! length, not on the number of allowed origins.

#![allow(clippy::expect_used, missing_docs)]

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use portico_dataplane::{
    cors::{OriginPattern, Origins},
    full_match::FullMatch,
};
use std::hint::black_box;

/// Realistic entries, `count` in all; the first three exist at every size.
fn origins(count: usize) -> Origins {
    let entry = |i: usize| match i % 3 {
        0 => format!("https://app-{i}.team-{}.example.com", i % 100),
        1 => format!("https://*.tenant-{i}.example.com"),
        _ => format!("http://dev-{i}.example.org:*"),
    };
    let patterns = (0..count.max(3)).map(|i| entry(i).parse::<OriginPattern>().expect("a pattern"));
    Origins::new(patterns.collect(), Vec::new())
}

fn admit(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("admit");
    for count in [3, 10, 10_000] {
        let origins = origins(count);
        for (name, origin, admitted) in [
            ("exact", "https://app-0.team-0.example.com", true),
            ("wildcard", "https://pr-4711.tenant-1.example.com", true),
            ("any port", "http://dev-2.example.org:3000", true),
            ("no exact", "ionic://app-1.team-0.example.com", false),
            ("no wildcard", "https://pr-4711.tenant-2.example.net", false),
            ("long", LONG, false),
            ("no origin", "https://app-0.team-0.example.com/", false),
        ] {
            assert_eq!(origins.admit(origin.as_bytes()), admitted, "{name}");
            group.bench_function(BenchmarkId::new(name, count), |bencher| {
                bencher.iter(|| origins.admit(black_box(origin.as_bytes())));
            });
        }
    }
}

/// As many labels as fit in a name: the most expensive origin for the matcher.
const LONG: &str = concat!(
    "https://a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a",
    ".a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a",
    ".a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.example.com",
);

/// Origins that match each entry in turn, far apart in memory, so that a long list does not stay in
/// the processor's cache.
fn spread(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("admit, spread");
    for count in [3, 10, 10_000] {
        let origins = origins(count);
        let origin = |i: usize| match i % 3 {
            0 => format!("https://app-{i}.team-{}.example.com", i % 100),
            1 => format!("https://pr-4711.tenant-{i}.example.com"),
            _ => format!("http://dev-{i}.example.org:3000"),
        };
        let requested: Vec<_> = (0..1 << 16).map(|i| origin(i * (count / 7 + 1) % count)).collect();
        assert!(requested.iter().all(|origin| origins.admit(origin.as_bytes())));
        let mut requested = requested.iter().cycle();
        group.bench_function(BenchmarkId::from_parameter(count), |bencher| {
            bencher.iter(|| {
                let origin = requested.next().expect("it cycles");
                origins.admit(black_box(origin.as_bytes()))
            });
        });
    }
}

/// Expressions are tried last, one after the other.
fn regex(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("admit, regex");
    for count in [1, 64] {
        let regex = |i: usize| format!(r"https://pr-\d+\.tenant-{i}\.example\.com");
        let regexes = (0..count).map(|i| FullMatch::new(&regex(i)).expect("a regex"));
        let origins = Origins::new(Vec::new(), regexes.collect());
        for (name, origin, admitted) in [
            ("hit", "https://pr-4711.tenant-0.example.com", true),
            ("miss", "https://pr-4711.tenant-x.example.com", false),
        ] {
            assert_eq!(origins.admit(origin.as_bytes()), admitted, "{name}");
            group.bench_function(BenchmarkId::new(name, count), |bencher| {
                bencher.iter(|| origins.admit(black_box(origin.as_bytes())));
            });
        }
    }
}

fn build(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("build origins");
    group.sample_size(10);
    group.bench_function(BenchmarkId::from_parameter(10_000), |bencher| {
        bencher.iter(|| origins(black_box(10_000)));
    });
}

criterion_group!(benches, admit, spread, regex, build);
criterion_main!(benches);

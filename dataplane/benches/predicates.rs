//! The worst that predicates of one request can cost: 1 ms for each, and 5 ms for all of them.

#![allow(clippy::expect_used, missing_docs)]

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use portico_dataplane::{
    full_match::FullMatch,
    path::PathPattern,
    router::{Comparison, Headers, Match, Predicate, Predicates, Request, RouteTree},
};
use std::hint::black_box;

/// Letters without a pattern, so that every branch is taken.
fn letters(count: usize) -> String {
    let mut state = 1u32;
    let letter = |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        if state >> 31 == 0 { 'a' } else { 'b' }
    };
    (0..count).map(letter).collect()
}

/// Expressions that are as large as is allowed, or that make other engines slow.
fn one(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("one predicate");
    let value = letters(FullMatch::MAX_VALUE_BYTES);
    for pattern in [
        "(a|b)*a(a|b){8}c",
        "(a*)*c",
        "(a|b|ab)*c",
        ".*.*.*=.*",
        r"(?i).*(bot|crawler|spider|slurp|facebookexternalhit|curl|wget).*",
        "[ab]{1,400}",
    ] {
        let regex = FullMatch::new(pattern).expect("a regex");
        group.bench_function(BenchmarkId::from_parameter(pattern), |bencher| {
            bencher.iter(|| regex.matches(black_box(&value)));
        });
    }
}

/// What is refused for its size must not take long either.
fn compiling(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("compile");
    for pattern in [
        "[0-9a-f]{32}",
        r"https://pr-[0-9]+\.example\.com",
        "[a-z]{1,1000}",
        "(a|b)*a(a|b){1,1000}c",
        "(a|b)*a(a|b){30}c",
        ".*(a.{9}b|c.{9}d|e.{9}f|g.{9}h)",
        r"(?i)[\x{100}-\x{3FFFF}]",
        r"[\p{L}\p{N}]+",
    ] {
        group.bench_function(BenchmarkId::from_parameter(pattern), |bencher| {
            bencher.iter(|| FullMatch::new(black_box(pattern)).is_ok());
        });
    }
}

/// More Routes with more predicates than a request may have looked at, and a request that fits none.
fn all(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("all predicates");
    let regex = || Comparison::Regex(FullMatch::new("(a|b)*a(a|b){8}c").expect("a regex"));
    let predicate = |comparison| vec![Predicate { name: "x".to_owned(), comparison }];
    let exact = |value: &str| predicate(Comparison::Exact(value.to_owned()));
    let mut headers = HeaderMap::new();
    let value = letters(FullMatch::MAX_VALUE_BYTES);
    let almost = letters(FullMatch::MAX_VALUE_BYTES - 1) + "c";
    for _ in 0..15 {
        headers.append(HeaderName::from_static("x"), value.parse().expect("a value"));
    }
    let cookies = HeaderMap::from_iter([(
        http::header::COOKIE,
        HeaderValue::try_from("y=1;".repeat(15_000)).expect("a value"),
    )]);
    let query = "y&".repeat(4_000);
    for (name, predicates, headers) in [
        ("headers", Predicates { headers: predicate(regex()), ..Predicates::default() }, &headers),
        ("values", Predicates { headers: exact(&almost), ..Predicates::default() }, &headers),
        ("cookies", Predicates { cookies: exact("c"), ..Predicates::default() }, &cookies),
        ("query", Predicates { query: exact("c"), ..Predicates::default() }, &headers),
        ("absent", Predicates { headers: exact("c"), ..Predicates::default() }, &cookies),
    ] {
        let path = PathPattern::parse("/a").expect("a pattern");
        let one = Match { path, predicates, target: () };
        let tree = RouteTree::new(vec![one; 40_000]);
        let request = Request {
            method: &Method::GET,
            path: "/a",
            query: Some(&query),
            headers: Headers::Sent(headers),
        };
        assert!(tree.find(&request).is_err(), "{name}");
        group.bench_function(name, |bencher| {
            bencher.iter(|| tree.find(black_box(&request)).is_err());
        });
    }
}

criterion_group!(benches, one, compiling, all);
criterion_main!(benches);

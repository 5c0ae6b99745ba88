//! Choosing one of 1,000 endpoints, which every request may do: less than a microsecond.

#![allow(dead_code, missing_docs, unused_imports)]

#[path = "../src/balance/mod.rs"]
mod balance;

use balance::{Load, Ring, Sequence, in_turn, least_request, mix};
use criterion::{Criterion, criterion_group, criterion_main};
use std::hint::black_box;

const ENDPOINTS: usize = 1_000;

fn pick(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("pick");
    let ring = Ring::new((0..ENDPOINTS as u64).map(mix));
    let sequence = Sequence::of_backends(1);
    for (name, out) in [("all available", 0), ("a third out", 3)] {
        let load = |index: usize| {
            let is_out = out > 0 && index.is_multiple_of(out);
            (!is_out).then_some(Load { in_flight: (index % 7) as u32, share: 1.0 })
        };
        group.bench_function(format!("hash, {name}"), |bench| {
            bench.iter(|| ring.pick(black_box(sequence.next()), load));
        });
        group.bench_function(format!("least request, {name}"), |bench| {
            bench.iter(|| least_request(ENDPOINTS, black_box(sequence.next()), load));
        });
        group.bench_function(format!("round robin, {name}"), |bench| {
            bench.iter(|| in_turn(ENDPOINTS, black_box(sequence.next()) as usize, 1, load));
        });
    }
    group.finish();
}

fn build(criterion: &mut Criterion) {
    criterion.bench_function("ring", |bench| {
        bench.iter(|| Ring::new((0..ENDPOINTS as u64).map(mix)));
    });
}

criterion_group!(benches, pick, build);
criterion_main!(benches);

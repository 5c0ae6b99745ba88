//! Telling whether a browser would have sent a preflight, which is done for every same-origin
//! request of a script.

#![allow(clippy::expect_used, missing_docs)]

use criterion::{Criterion, criterion_group, criterion_main};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use portico_dataplane::cors::fetch;
use std::hint::black_box;

/// What Chromium sends with a script's GET.
const ORDINARY: [(&str, &str); 17] = [
    ("host", "www.ep.com"),
    ("connection", "keep-alive"),
    ("sec-ch-ua-platform", "\"Linux\""),
    (
        "user-agent",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
    ),
    ("sec-ch-ua", "\"Chromium\";v=\"140\", \"Not=A?Brand\";v=\"24\""),
    ("sec-ch-ua-mobile", "?0"),
    ("accept", "*/*"),
    ("sec-fetch-site", "same-origin"),
    ("sec-fetch-mode", "cors"),
    ("sec-fetch-dest", "empty"),
    ("referer", "https://www.ep.com/"),
    ("accept-encoding", "gzip, deflate, br, zstd"),
    ("accept-language", "en-GB,en-US;q=0.9,en;q=0.8"),
    ("cookie", "session=0123456789abcdef0123456789abcdef; theme=dark"),
    ("if-none-match", "\"0123456789abcdef\""),
    ("cache-control", "max-age=0"),
    ("priority", "u=1, i"),
];

fn headers(more: &[(&'static str, &'static str)]) -> HeaderMap {
    let lines = ORDINARY.iter().chain(more);
    lines
        .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
        .collect()
}

fn causes(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("causes");
    let ordinary = headers(&[]);
    let keyed = headers(&[("x-api-key", "0123456789abcdef")]);
    for (name, method, headers, certain) in [
        ("ordinary GET", Method::GET, &ordinary, false),
        ("GET with a key", Method::GET, &keyed, true),
        ("PUT", Method::PUT, &ordinary, true),
    ] {
        let is_certain = || fetch::causes(&method, headers).any(|cause| cause.is_certain());
        assert_eq!(is_certain(), certain, "{name}");
        group.bench_function(name, |bencher| bencher.iter(|| black_box(&is_certain)()));
    }
}

criterion_group!(benches, causes);
criterion_main!(benches);

//! Random CORS policies, some of which are valid.

use proptest::{
    collection::vec,
    option,
    prelude::*,
    sample::{select, subsequence},
    strategy::Union,
};
use serde_json::{Value, json};

/// Mostly good texts, now and then bad ones, and rarely anything at all.
fn texts(
    good: &'static [&'static str],
    bad: &'static [&'static str],
) -> impl Strategy<Value = Vec<String>> {
    let any = "[ -~é]{0,8}".boxed();
    let [good, bad] = [good, bad].map(|texts| select(texts).prop_map(str::to_owned).boxed());
    vec(Union::new_weighted(vec![(60, good), (4, bad), (1, any)]), 0..3)
}

/// A `spec.cors` whose fields have the right types.
pub(crate) fn policy() -> impl Strategy<Value = Value> {
    let origins = texts(
        &["https://a.example.com", "https://*.example.com", "HTTP://LOCALHOST:*", "a://b", "*"],
        &[
            "http://a.example.com",
            "https://*.co.uk",
            "https://a/",
            "null",
            "https://a:0",
            "file://a",
        ],
    );
    let regexes = texts(&[r"https://[a-z]+\.example\.com(:[0-9]+)?"], &["https?://a", ".*", "("]);
    let methods = texts(&["PUT", "PATCH", "purge", "*"], &["TRACE", "Connect", "P T"]);
    let headers = texts(&["x-a", "X-A", "x-b", "*"], &["Cookie", "sec-a", "x y", "proxy-"]);
    let exposed = texts(&["x-a", "X-A", "etag"], &["*", "Set-Cookie", "access-control-a", "x:"]);
    let max_age = select(&["0s", "10m", "2h", "24h", "24h", "86400s", "25h", "1500ms", "soon"][..]);
    let switches = ["CredentialsWithInsecureOrigins", "WildcardPublicSuffix"].to_vec();
    let mode = select(&["Enforce", "Enforce", "Report", "Disabled"][..]);
    let lists = (origins, regexes, methods, headers, exposed);
    let rest = (any::<bool>(), option::of(max_age), subsequence(switches, 0..=2), mode);
    (lists, rest).prop_map(
        |(
            (origins, regexes, methods, headers, exposed),
            (credentials, max_age, switches, mode),
        )| {
            let mut policy = json!({
                "allowOrigins": origins,
                "allowOriginRegex": regexes,
                "allowMethods": methods,
                "allowHeaders": headers,
                "exposeHeaders": exposed,
                "allowCredentials": credentials,
                "dangerouslyAllow": switches,
                "mode": mode,
            });
            if let Some(max_age) = max_age {
                policy["maxAge"] = max_age.into();
            }
            policy
        },
    )
}

//! Two Routes under one origin, beside each of them alone on a host of its own: with
//! `cookies: Separate`, their backends can't tell the difference.

use super::{
    KeptApart,
    jar::{Jar, Request},
};
use crate::{
    path::PathPattern,
    table::{CookieIsolation, CookieTag, Isolation, ObjectName, OriginWide, SharedCookie},
};
use http::{HeaderMap, HeaderValue, header};
use proptest::{collection::vec, prelude::*, sample::select, test_runner::TestCaseError};

const NAMES: [&str; 2] = ["a", "b"];

fn tag(name: &str) -> CookieTag {
    CookieTag::of(&ObjectName::new("web", name))
}

fn separate(name: &str) -> Isolation {
    let cookies = CookieIsolation::Separate(tag(name));
    Isolation { cookies, origin_wide: OriginWide::Pass }
}

/// A request to one of the Routes, and what its backend sets.
#[derive(Clone, Debug)]
struct Step {
    route: usize,
    request: Request,
    lines: Vec<Vec<u8>>,
}

fn names() -> impl Strategy<Value = String> {
    let mut all: Vec<String> = ["sid", "", "Sid", "a b", " sid ", "\"q\"", "é", "p.", "a.b"]
        .into_iter()
        .map(str::to_owned)
        .collect();
    for prefix in ["__Host-", "__host-", "__Secure-", "__SECURE-", "__Http-", "__Host-Http-"] {
        all.extend(["", "sid", "Http-x", "__Host-x"].map(|rest| format!("{prefix}{rest}")));
    }
    for name in NAMES {
        let tag = tag(name);
        all.extend(["", "sid", "__Host-sid"].map(|rest| format!("{tag}{rest}")));
        all.push(format!("__Host-{tag}sid"));
        all.push(format!("__Secure-{tag}Http-sid"));
    }
    select(all)
}

fn values() -> impl Strategy<Value = String> {
    let mut all: Vec<String> =
        ["1", "2", "", " 3 ", "\"q x\"", "=", "a=b", "__Host-x=1", "__secure-y", "sid=4", "é"]
            .into_iter()
            .map(str::to_owned)
            .collect();
    all.extend(NAMES.map(|name| format!("{}sid=evil", tag(name))));
    select(all)
}

fn attributes() -> impl Strategy<Value = Vec<&'static str>> {
    let all = [
        "Path=/",
        "Path=/a",
        "Path=/a/x",
        "Path=/b",
        "path = /b/x/ ",
        "Path",
        "Path=x",
        "Domain=ep.com",
        "Domain=.www.ep.com",
        "Domain=other.com",
        "Domain=com",
        "Secure",
        "Secure",
        "HttpOnly",
        "Max-Age=0",
        "Max-Age=-1",
        "max-age=3",
        "Max-Age=x",
        "Expires=Thu, 01 Jan 1970 00:00:00 GMT",
        "Expires=Fri, 01 Jan 2100 00:00:00 GMT",
        "Partitioned",
        "SameSite=Lax",
        "unknown=\"x\"",
        "",
    ];
    vec(select(all.to_vec()), 0..5)
}

/// A line that a backend may set, valid or not.
fn lines() -> impl Strategy<Value = Vec<u8>> {
    let pair = (names(), values(), any::<bool>()).prop_map(|(name, value, has_equals)| {
        if has_equals { format!("{name}={value}") } else { format!("{name}{value}") }
    });
    let host = select(&["", "; Secure; Path=/", "; Secure; Path=/; HttpOnly"][..]);
    (pair, host, attributes()).prop_map(|(pair, host, attributes)| {
        let attributes: String = attributes.iter().map(|one| format!("; {one}")).collect();
        format!("{pair}{attributes}{host}").into_bytes()
    })
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let paths =
        [["/a", "/a/", "/a/x", "/a/x/y", "/a/x/y/z"], ["/b", "/b/", "/b/x", "/b/x/y", "/b/x/y/z"]];
    let step = (0..2usize, 0..5usize, any::<bool>(), 0..3i64, vec(lines(), 0..3));
    vec(step, 1..24).prop_map(move |steps| {
        let mut now = 1;
        let step = |(route, path, is_secure, wait, lines): (usize, usize, bool, i64, _)| {
            now += wait;
            Step { route, request: Request { path: paths[route][path], is_secure, now }, lines }
        };
        steps.into_iter().map(step).collect()
    })
}

/// What the backend of a Route gets of these cookies.
fn received(kept_apart: &KeptApart<'_>, sent: Option<Vec<u8>>) -> Option<Vec<u8>> {
    let mut headers = HeaderMap::new();
    if let Some(sent) = sent {
        headers.insert(header::COOKIE, HeaderValue::from_bytes(&sent).unwrap());
    }
    kept_apart.request(&mut headers);
    headers.get(header::COOKIE).map(|line| line.as_bytes().to_vec())
}

/// What browsers get of these lines.
fn set(kept_apart: &KeptApart<'_>, path: &str, lines: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let mut headers = HeaderMap::new();
    for line in lines {
        headers.append(header::SET_COOKIE, HeaderValue::from_bytes(line).unwrap());
    }
    kept_apart.response(path, &mut headers);
    headers.get_all(header::SET_COOKIE).iter().map(|line| line.as_bytes().to_vec()).collect()
}

fn check(steps: &[Step]) -> Result<(), TestCaseError> {
    let isolations = NAMES.map(separate);
    let patterns = ["/a/*", "/b/*"].map(|path| PathPattern::parse(path).unwrap());
    let kept_apart = [0, 1].map(|route: usize| KeptApart {
        isolation: &isolations[route],
        pattern: &patterns[route],
        shared: &[],
        has_tags: true,
        affinity: None,
    });
    let (mut together, mut alone) = (Jar::default(), [Jar::default(), Jar::default()]);
    for Step { route, request, lines } in steps {
        let got = received(&kept_apart[*route], together.header(*request));
        let expected = alone[*route].header(*request);
        let text = |cookies: Option<Vec<u8>>| {
            cookies.map(|cookies| String::from_utf8_lossy(&cookies).into_owned())
        };
        prop_assert_eq!(text(got), text(expected));
        for line in set(&kept_apart[*route], request.path, lines) {
            together.set(*request, &line);
        }
        for line in lines {
            alone[*route].set(*request, line);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn a_backend_gets_what_it_would_alone_on_its_own_host(steps in steps()) {
        check(&steps)?;
    }

    /// Whatever a script or another host has put into the jar.
    #[test]
    fn no_cookie_gets_through_that_the_route_has_not_set(
        cookies in vec((names(), values()), 0..8),
    ) {
        let sent: Vec<_> =
            cookies.iter().map(|(name, value)| format!("{}={}", name.trim(), value.trim())).collect();
        let (isolation, pattern) = (separate("a"), PathPattern::parse("/a/*").unwrap());
        let (shared, affinity) = ([SharedCookie::Prefix("p".into())], None);
        let kept_apart =
            KeptApart { isolation: &isolation, pattern: &pattern, shared: &shared, has_tags: true, affinity };
        let got = received(&kept_apart, Some(sent.join("; ").into_bytes())).unwrap_or_default();
        let got = String::from_utf8(got).unwrap();
        for cookie in got.split("; ").filter(|cookie| !cookie.is_empty()) {
            let name = cookie.split('=').next().unwrap();
            let is_shared = name.starts_with('p') && !CookieTag::begins(name.as_bytes());
            // It may have a name, or be a value that looks as if it had.
            let lines = [cookie.to_owned(), format!("={cookie}")].map(String::into_bytes);
            let set = set(&kept_apart, "/a/x", &lines);
            let is_own = set.iter().any(|line| sent.iter().any(|sent| sent.as_bytes() == line));
            prop_assert!(is_shared || is_own, "{cookie}");
        }
    }
}

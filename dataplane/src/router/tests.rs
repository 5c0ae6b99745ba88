//! Precedence, fall-through and conflicts, by example.

use super::*;
use crate::full_match::FullMatch;
/// A match whose target is a name, so that tests can identify it.
pub(super) fn route_match<'n>(name: &'n str, path: &str, predicates: Predicates) -> Match<&'n str> {
    Match { path: PathPattern::parse(path).unwrap(), predicates, target: name }
}

fn exact(name: &str, value: &str) -> Predicate {
    Predicate { name: name.to_owned(), comparison: Comparison::Exact(value.to_owned()) }
}

fn present(name: &str) -> Predicate {
    Predicate { name: name.to_owned(), comparison: Comparison::Present }
}

fn methods(methods: &[Method]) -> Predicates {
    Predicates { methods: methods.to_vec(), ..Predicates::default() }
}

/// Matches without predicates, named by their paths.
fn paths<'n>(paths: &[&'n str]) -> RouteTree<&'n str> {
    RouteTree::new(
        paths.iter().map(|path| route_match(path, path, Predicates::default())).collect(),
    )
}

/// The name of the match that a bare GET gets.
fn get<'n>(tree: &RouteTree<&'n str>, path: &str) -> Option<&'n str> {
    let headers = HeaderMap::new();
    let request =
        Request { method: &Method::GET, path, query: None, headers: Headers::Sent(&headers) };
    tree.find(&request).unwrap().map(|(matched, _)| matched.target)
}

#[test]
fn the_most_specific_path_wins() {
    let all = [
        "/",
        "/*",
        "/exact",
        "/exact/*",
        "/api/user/*",
        "/api/{kind}/*",
        "/api/{kind}",
        "/api/*",
        "/{any}",
        "/sales/*",
        "/sales/{year}/report",
        "/sales/2021/*",
    ];
    let reversed: Vec<_> = all.into_iter().rev().collect();
    for tree in [paths(&all), paths(&reversed)] {
        for (path, winner) in [
            ("/", "/"),
            ("//", "/*"),
            ("/exact", "/exact"),
            ("/exact/", "/exact/*"),
            ("/exactly", "/{any}"),
            ("/exactly/so", "/*"),
            ("/api", "/api/*"),
            ("/api/", "/api/*"),
            ("/api/user", "/api/user/*"),
            ("/api/user/5", "/api/user/*"),
            ("/api/users", "/api/{kind}"),
            ("/api/users/5", "/api/{kind}/*"),
            ("/api//5", "/api/*"),
            ("/sales", "/sales/*"),
            ("/sales/2021", "/sales/2021/*"),
            // Segment by segment: the literal year decides before the literal report is seen.
            ("/sales/2021/report", "/sales/2021/*"),
            ("/sales/2022/report", "/sales/{year}/report"),
            ("/sales/2022/reports", "/sales/*"),
            ("/salesforce", "/{any}"),
            ("/SALES/2022", "/*"),
        ] {
            assert_eq!(get(&tree, path), Some(winner), "{path}");
        }
    }
}

#[test]
fn unmatched_paths_are_not_found() {
    assert_eq!(get(&RouteTree::default(), "/"), None);
    assert_eq!(get(&RouteTree::new(Vec::new()), "/a"), None);
    let tree = paths(&["/a", "/b/{c}", "/d/*"]);
    for path in ["/", "/a/", "/a/b", "/b", "/b/", "/b/c/", "/c", "//a", "/dd"] {
        assert_eq!(get(&tree, path), None, "{path}");
    }
}

#[test]
fn matching_falls_through_when_predicates_fail() {
    let post = || methods(&[Method::POST]);
    let tree = RouteTree::new(vec![
        route_match("all", "/*", Predicates::default()),
        route_match("capture", "/a/{x}/c", Predicates::default()),
        route_match("literal", "/a/b/c", post()),
        route_match("rest", "/a/b/*", post()),
    ]);
    assert_eq!(get(&tree, "/a/b/c"), Some("capture"));
    assert_eq!(get(&tree, "/a/b/d"), Some("all"));
    let order: Vec<_> = tree.matches().iter().map(|matched| matched.target).collect();
    assert_eq!(order, ["literal", "rest", "capture", "all"]);
}

#[test]
fn captures_come_with_the_match() {
    let tree = paths(&["/{a}/x/{b}/*", "/y/*"]);
    let headers = HeaderMap::new();
    let find = |path| {
        let request =
            Request { method: &Method::GET, path, query: None, headers: Headers::Sent(&headers) };
        let (_, captures) = tree.find(&request).unwrap().unwrap();
        (captures.values().to_vec(), captures.rest())
    };
    assert_eq!(find("/1/x/2/3/4"), (vec!["1", "2"], Some("3/4")));
    assert_eq!(find("/y/x/2"), (vec![], Some("x/2")));
    assert_eq!(find("/y"), (vec![], None));
}

#[test]
fn more_predicates_win_then_higher_kinds() {
    let methods = || methods(&[Method::GET, Method::PUT]);
    let header = |name| Predicates { headers: vec![present(name)], ..Predicates::default() };
    let ranked = [
        ("three", Predicates { query: vec![present("q"), present("r")], ..methods() }),
        ("method and header", Predicates { headers: vec![present("h")], ..methods() }),
        ("method and cookie", Predicates { cookies: vec![present("c")], ..methods() }),
        ("method and query", Predicates { query: vec![present("q")], ..methods() }),
        (
            "two headers",
            Predicates { headers: vec![present("h"), present("i")], ..Predicates::default() },
        ),
        ("header and query", Predicates { query: vec![present("q")], ..header("h") }),
        (
            "cookie and query",
            Predicates {
                cookies: vec![present("c")],
                query: vec![present("q")],
                ..Predicates::default()
            },
        ),
        ("method", methods()),
        ("header", header("h")),
        ("header, younger", header("i")),
        ("cookie", Predicates { cookies: vec![present("c")], ..Predicates::default() }),
        ("query", Predicates { query: vec![present("q")], ..Predicates::default() }),
        ("none", Predicates::default()),
    ];
    let mut headers = HeaderMap::new();
    headers.insert("h", "1".parse().unwrap());
    headers.insert("i", "1".parse().unwrap());
    headers.insert("cookie", "c=1".parse().unwrap());
    let request = Request {
        method: &Method::GET,
        path: "/a",
        query: Some("q=1&r=2"),
        headers: Headers::Sent(&headers),
    };
    for skipped in 0..ranked.len() {
        // The two headers of equal rank keep the given order.
        let mut matches: Vec<_> = ranked[skipped..].iter().rev().collect();
        matches.sort_by_key(|(name, _)| name.starts_with("header, "));
        let matches =
            matches.iter().map(|(name, predicates)| route_match(name, "/a", predicates.clone()));
        let tree = RouteTree::new(matches.collect());
        let (found, _) = tree.find(&request).unwrap().unwrap();
        assert_eq!(found.target, ranked[skipped].0);
    }
}

#[test]
fn a_path_weighs_more_than_predicates() {
    let get_only = methods(&[Method::GET]);
    let tree = RouteTree::new(vec![
        route_match("rest", "/a/*", get_only),
        route_match("exact", "/a", Default::default()),
    ]);
    assert_eq!(get(&tree, "/a"), Some("exact"));
}

#[test]
fn the_older_wins_a_tie() {
    let tree = RouteTree::new(vec![
        route_match("older", "/a/{x}", Predicates::default()),
        route_match("younger", "/a/{y}", Predicates::default()),
    ]);
    assert_eq!(get(&tree, "/a/b"), Some("older"));
}

#[test]
fn matches_that_select_the_same_requests_conflict() {
    let with = |path, methods: &[Method], headers: &[&Predicate]| {
        let headers = headers.iter().copied().cloned().collect();
        route_match(
            "r",
            path,
            Predicates { headers, methods: methods.to_vec(), ..Predicates::default() },
        )
    };
    let regex = || {
        let comparison = Comparison::Regex(FullMatch::new("1").unwrap());
        Predicate { name: "h".to_owned(), comparison }
    };
    let (h1, h2, regex, same_regex) = (exact("h", "1"), exact("h", "2"), regex(), regex());
    let (get, get_put) = ([Method::GET], [Method::GET, Method::PUT]);
    let put_get = [Method::PUT, Method::GET];
    for (one, other, conflict) in [
        (with("/a", &[], &[]), with("/a", &[], &[]), true),
        (with("/{a}", &[], &[]), with("/{b}", &[], &[]), true),
        (with("/a", &[], &[]), with("/b", &[], &[]), false),
        (with("/a", &[], &[]), with("/a/*", &[], &[]), false),
        (with("/a", &get, &[]), with("/a", &[], &[]), false),
        (with("/a", &get_put, &[]), with("/a", &put_get, &[]), true),
        (with("/a", &[], &[&h1]), with("/a", &[], &[&h2]), false),
        (with("/a", &[], &[&h1, &h2]), with("/a", &[], &[&h2, &h1]), true),
        (with("/a", &[], &[&h1]), with("/a", &[], &[&regex]), false),
        (with("/a", &[], &[&regex]), with("/a", &[], &[&same_regex]), true),
    ] {
        assert_eq!(one.conflicts_with(&other), conflict, "{one:?} {other:?}");
        assert_eq!(other.conflicts_with(&one), conflict);
    }
    let query = Predicates { query: vec![h1.clone()], ..Predicates::default() };
    let cookie = Predicates { cookies: vec![h1], ..Predicates::default() };
    assert!(!route_match("q", "/a", query).conflicts_with(&route_match("c", "/a", cookie)));
}

#[test]
fn trees_are_equal_and_printed_by_their_matches() {
    assert_eq!(paths(&["/a", "/b"]), paths(&["/b", "/a"]));
    assert_ne!(paths(&["/a"]), paths(&["/b"]));
    let json = serde_json::to_value(paths(&["/*", "/a/{x}"])).unwrap();
    assert_eq!(json[0]["path"], "/a/{x}");
    assert_eq!(json[1]["path"], "/*");
}

#[test]
fn the_longest_pattern_is_found() {
    let deep = "/".repeat(crate::path::PathPatternError::MAX_CHARS);
    let tree = paths(&[&deep]);
    assert_eq!(get(&tree, &deep), Some(&*deep));
    assert_eq!(get(&tree, &"/".repeat(8192)), None);
}

/// Captures differ by path, so that a wrong range would show.
#[test]
fn a_lookup_in_turns_finds_what_one_without_pauses_does() {
    let names: Vec<_> = (0..90).map(|number| format!("c{number}")).collect();
    let paths = ["/a/b", "/a/{x}", "/a/*"];
    let cookie = |name: &String| {
        let cookies = vec![exact(name, "yes")];
        Predicates { cookies, ..Predicates::default() }
    };
    let matches = names.iter().enumerate();
    let tree = RouteTree::new(
        matches.map(|(nth, name)| route_match(name, paths[nth % 3], cookie(name))).collect(),
    );
    let find = |cookies: &str| {
        let mut headers = HeaderMap::new();
        headers.insert("cookie", cookies.parse().unwrap());
        let headers = Headers::Sent(&headers);
        let request = Request { method: &Method::GET, path: "/a/b", query: None, headers };
        let found = |budget: &Budget| {
            let found = tree.find_within(&request, budget)?;
            let found = found.map(|(matched, captures)| {
                let values = captures.values().iter().map(|value| (*value).to_owned());
                (matched.target, values.collect::<Vec<_>>())
            });
            Ok::<_, BudgetExceeded>(found)
        };
        let (budget, mut pauses) = (Budget::in_turns(), 0);
        let mut in_turns = found(&budget);
        while budget.is_paused() {
            assert_eq!(in_turns, Err(BudgetExceeded));
            budget.resume();
            pauses += 1;
            in_turns = found(&budget);
        }
        assert_eq!(in_turns, found(&Budget::of_one_request()), "{pauses} pauses");
        (in_turns.map(|found| found.map(|(name, _)| name)), pauses)
    };
    let padded = |kib: usize, cookies: &str| format!("d={}; {cookies}", "x".repeat(kib << 10));
    for nth in [0, 1, 2, 30, 44, 89] {
        let (found, pauses) = find(&padded(8, &format!("c{nth}=yes")));
        assert_eq!(found, Ok(Some(&*format!("c{nth}"))));
        // Those of the first path are tried first.
        assert_eq!(pauses > 0, nth > 6 || nth % 3 > 0, "c{nth}: {pauses}");
    }
    assert_eq!(find("a=b"), (Ok(None), 0));
    assert_eq!(find(&padded(8, "a=b")).0, Ok(None));
    let (found, pauses) = find(&padded(40, "a=b"));
    assert_eq!(found, Err(BudgetExceeded));
    assert!(pauses > 6, "{pauses}");
}

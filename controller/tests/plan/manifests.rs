//! What the plan writes: whatever was recorded, `check` accepts it, and every recorded call reaches
//! the host that it went to.

use super::{bytes, entry, log, portico, preflight};
use http::{HeaderMap, Method};
use portico::{
    compile::{self, Compiled, Options},
    diagnostic::Severity,
    files,
    plan::{Door, Plan, Recordings, ServiceTarget, Services},
};
use portico_dataplane::{
    config::{HttpsPorts, Underscores},
    explain::{self, Question},
    path::{PathPattern, normalise},
};
use proptest::{collection::vec, prelude::*, sample::select};
use serde_json::{Value, json};
use std::fs;

const PAGES: &[&str] = &["https://www.ep.com", "http://localhost:8080", "http://127.0.0.1:3000"];

const HOSTS: &[&str] = &[
    "https://www.ep.com",
    "https://api.ep.com",
    "https://api.example.org",
    "https://front-door.ep.com",
    "https://page.ep.com:8443",
    "https://ep.azurewebsites.net",
    "https://a_b.ep.com",
    "http://localhost:9102",
    "http://localhost:9103",
    "https://localhost:9443",
    "http://10.1.2.3",
    "http://8.8.8.8",
    "http://[::1]:8000",
    "https://[2001:4860:4860::8888]",
    "http://169.254.169.254",
    "http://0.0.0.0:80",
    "https://xn--bcher-kva.example",
    "https://a$b.ep.com",
];

fn plan_of(recording: &Value, services: &Services) -> Plan {
    let mut recordings = Recordings::default();
    recordings.read("", bytes(recording).as_slice()).unwrap();
    Plan::of(recordings, services)
}

/// Compiles the manifests of a plan, as `check` does, and fails on what it calls an error.
fn checked(plan: &Plan) -> Compiled {
    let written = portico::plan::files(plan).unwrap();
    let texts = written.iter().map(|file| (file.name.as_str(), file.text.as_str()));
    let merged = files::read_texts(texts);
    assert!(merged.problems.is_empty(), "{:?}\n{written:#?}", merged.problems);
    let options = Options { loopback_endpoints: true, ..Options::default() };
    let compiled = compile::compile(&merged.snapshot, &options);
    for (object, status) in &compiled.statuses {
        let mut problems = status.problems.iter();
        let error = problems.find(|problem| {
            // A Service that is in the cluster alone can't be known.
            let is_unknown = problem.reason.to_string().contains("NotFound");
            problem.severity == Severity::Error && !is_unknown
        });
        assert!(error.is_none(), "{object}: {error:?}\n{written:#?}");
        assert!(status.is_accepted(), "{object}\n{written:#?}");
    }
    compiled
}

/// The Route that wins for a path of a front door.
fn winner(compiled: &Compiled, door: &Door, path: &str) -> Option<String> {
    let question = Question {
        method: Method::GET,
        target: format!("http://{}{path}", door.host).parse().unwrap(),
        origin: None,
        headers: HeaderMap::new(),
        via_name: "portico".into(),
        underscores: Underscores::Remove,
        https_ports: HttpsPorts { http: 8080, https: 8443, public: None },
    };
    let explanation = explain::explain(&compiled.table, &question, &[]).unwrap();
    explanation.winner.map(|winner| winner.route.name.to_string())
}

fn services() -> Services {
    let service = |namespace: &str, port: &str| ServiceTarget {
        namespace: namespace.to_owned(),
        name: "api".to_owned(),
        port: port.to_owned(),
    };
    Services::from([
        ("api.ep.com".to_owned(), service("web", "80")),
        ("localhost:9103".to_owned(), service("shop", "http")),
    ])
}

/// A call: page, host, method, path, and whether it has a preflight.
type Call = (&'static str, &'static str, &'static str, String, bool);

fn call() -> impl Strategy<Value = Call> {
    let methods = select(&["GET", "PUT", "POST", "ODD"][..]);
    let segment =
        "[a-c]{1,2}s?|[0-9]{1,3}|%C3%A9|\\*|[{]x[}]|;|page|api|front-door|localhost-9102|";
    let path = vec(segment, 0..4).prop_map(|segments| format!("/{}", segments.join("/")));
    (select(PAGES), select(HOSTS), methods, path, any::<bool>())
}

fn recording(calls: &[Call]) -> Value {
    let mut entries = Vec::new();
    for (at, (page, host, method, path, is_asked)) in calls.iter().enumerate() {
        let url = format!("{host}{path}");
        let start = at as u64 * 100;
        let of_page = |mut entry: Value| {
            entry["request"]["headers"][0]["value"] = json!(page);
            entry["pageref"] = json!(page);
            entry
        };
        if *is_asked && page != host {
            entries.push(of_page(preflight(method, "", &url, start, 40)));
        }
        entries.push(of_page(entry(method, &url, start + 41, 40)));
    }
    log(&entries)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn check_accepts_every_plan_and_calls_reach_their_hosts(
        calls in vec(call(), 1..60), with_services: bool
    ) {
        let services = if with_services { services() } else { Services::new() };
        let plan = plan_of(&recording(&calls), &services);
        let compiled = checked(&plan);
        for door in &plan.doors {
            for route in &door.routes {
                let ours: Vec<_> = calls
                    .iter()
                    .filter(|call| call.0 == door.page && call.1 == route.origin)
                    // As the URL Standard writes it.
                    .map(|(_, host, _, path, _)| url::Url::parse(&format!("{host}{path}")).unwrap())
                    .collect();
                for url in &ours {
                    let path = format!("{}{}", route.prefix.clone().unwrap_or_default(), url.path());
                    let won = winner(&compiled, door, &path).unwrap();
                    let is_right = won == route.name || won.starts_with(&format!("{}-part-", route.name));
                    prop_assert!(is_right, "{path} of {url} goes to {won}\n{:#?}", door);
                }
                if route.origin == door.page || route.prefix.is_some() {
                    continue;
                }
                // No wider than what was recorded.
                for path in &route.paths {
                    let pattern: PathPattern = PathPattern::parse(path).unwrap();
                    let paths = ours.iter().map(|url| normalise(url.path()).unwrap());
                    let matched = paths.filter(|path| pattern.matches(path).is_some()).count();
                    prop_assert!(matched > 0 && path != "/*", "{path}\n{:#?}", door);
                    prop_assert!(!path.ends_with("/*") || matched > 1, "{path}\n{:#?}", door);
                }
            }
        }
    }
}

#[test]
fn two_hosts_with_the_same_path_are_told_apart_by_a_prefix() {
    let recording = log(&[
        entry("GET", "https://api.ep.com/config", 0, 5),
        entry("GET", "https://api.ep.com/users/7", 10, 5),
        entry("GET", "https://shop.ep.com/config", 20, 5),
        entry("PUT", "https://shop.ep.com/orders/7", 30, 5),
    ]);
    let plan = plan_of(&recording, &Services::new());
    let [conflict] = &plan.conflicts[..] else { panic!("{:?}", plan.conflicts) };
    assert_eq!(conflict.path, "/config");
    assert_eq!(conflict.hosts, ["https://api.ep.com", "https://shop.ep.com"]);
    assert!(conflict.solution.contains("/shop/…"), "{}", conflict.solution);
    let door = &plan.doors[0];
    let routes: Vec<_> =
        door.routes.iter().map(|route| (route.name.as_str(), route.paths.join(" "))).collect();
    let expected = [("page", "/*"), ("api", "/config /users/{user}"), ("shop", "/shop/*")];
    assert_eq!(routes, expected.map(|(name, paths)| (name, paths.to_owned())));
    let changed = &door.routes[2].changed;
    let expected =
        [("GET", "/config", "/shop/config"), ("PUT", "/orders/{order}", "/shop/orders/{order}")];
    assert_eq!(*changed, expected.map(|(a, b, c)| (a.to_owned(), b.to_owned(), c.to_owned())));
    let compiled = checked(&plan);
    assert_eq!(winner(&compiled, door, "/shop/config").as_deref(), Some("shop"));
    assert_eq!(winner(&compiled, door, "/config").as_deref(), Some("api"));
    assert_eq!(winner(&compiled, door, "/users/7/x").as_deref(), Some("page"));
}

#[test]
fn a_path_of_the_pages_own_host_stays_its_own() {
    let recording = log(&[
        entry("GET", "https://www.ep.com/config", 0, 5),
        entry("GET", "https://api.ep.com/config", 10, 5),
    ]);
    let plan = plan_of(&recording, &Services::new());
    assert_eq!(plan.conflicts[0].hosts, ["https://www.ep.com", "https://api.ep.com"]);
    assert_eq!(plan.doors[0].routes[1].paths, ["/api/*"]);
    checked(&plan);
}

#[test]
fn files_are_written_once_and_checked() {
    let folder = tempfile::tempdir().unwrap();
    let recording = log(&[
        preflight("PUT", "", "https://api.ep.com/users/7", 0, 60),
        entry("PUT", "https://api.ep.com/users/7", 60, 60),
        entry("GET", "https://profiles.example.org/ada", 130, 60),
    ]);
    fs::write(folder.path().join("site.har"), bytes(&recording)).unwrap();
    let args = ["plan", "site.har", "--out", "made/here", "--service", "API.ep.com=web/api:80"];
    let ran = portico(folder.path(), &args);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(
        ran.out.contains("4 files written to made/here\n  portico check made/here"),
        "{}",
        ran.out
    );
    let mut names: Vec<_> = fs::read_dir(folder.path().join("made/here"))
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["api.yaml", "front-door.yaml", "page.yaml", "profiles.yaml"]);
    let checked = portico(folder.path(), &["check", "made/here"]);
    assert_eq!(checked.code, 0, "{}", checked.out);
    let api = fs::read_to_string(folder.path().join("made/here/api.yaml")).unwrap();
    assert!(api.contains("# https://api.ep.com: 1 recorded request.\n"), "{api}");
    assert!(
        api.contains("path: /users/{user}") || api.contains("path: \"/users/{user}\""),
        "{api}"
    );

    // Edited files are not overwritten.
    let again = portico(folder.path(), &args);
    assert_eq!((again.code, again.out.as_str()), (1, ""));
    assert!(again.err.contains("exists: choose another folder with --out"), "{}", again.err);

    let ran = portico(folder.path(), &["plan", "site.har", "-o", "yaml"]);
    fs::write(folder.path().join("all.yaml"), ran.out).unwrap();
    let checked = portico(folder.path(), &["check", "all.yaml"]);
    assert_eq!(checked.code, 0, "{}", checked.out);
    assert!(checked.out.ends_with("1 FrontDoor, 3 Routes; 1 file read\n"), "{}", checked.out);
}

#[test]
fn a_service_that_can_not_be_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    for service in [
        "api.ep.com",
        "api.ep.com=api:80",
        "=web/api:80",
        "a=web/api",
        "a=web/api:0",
        "a=web/api:a--b",
    ] {
        let ran = portico(folder.path(), &["plan", "-", "--service", service]);
        assert_eq!(ran.code, 2, "{service}");
        assert!(ran.err.contains("api.example.com=web/api:80"), "{service}: {}", ran.err);
    }
    let twice = ["plan", "-", "--service", "a=web/api:80", "--service", "a=web/b:80"];
    let ran = portico(folder.path(), &twice);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("two Services for a"), "{}", ran.err);
}

#[test]
fn a_service_that_is_not_called_is_said() {
    let plan = plan_of(&log(&[entry("GET", "https://api.ep.com/a", 0, 5)]), &services());
    let mut notes = plan.review.iter().filter(|review| review.kind == "service");
    assert_eq!(notes.next().map(|note| note.host.as_str()), Some("localhost:9103"));
    assert_eq!(notes.next(), None);
}

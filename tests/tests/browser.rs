//! `portico demo` in a real Chromium: the direct way sends preflights, the front door's sends none.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use portico_tests::{
    browser::{Chromium, Kind, Page, Trust},
    demo::Demo,
    serve::Serve,
};
use serde_json::{Value, json};
use std::{
    env, fs,
    path::{Path, PathBuf},
};

/// Calls of the page in each round.
const CALLS: u64 = 5;

/// Notes what the numbers at the top and the title say while they change.
const WATCH: &str = "(() => {
    window.seen = [];
    const ids = ['preflights', 'median', 'equal', 'avoided', 'saved'];
    const note = () => window.seen.push([
        ...ids.map((id) => document.getElementById(`tile-${id}`).textContent), document.title]);
    const all = { subtree: true, childList: true, characterData: true };
    new MutationObserver(note).observe(document.documentElement, all);
})()";

/// Waits until nothing moves any more.
const STILL: &str = "Promise.all(document.getAnimations().map((animation) => animation.finished))
    .then(() => true)";

/// A browser, or none where there is none and that is all right.
fn chromium() -> Option<Chromium> {
    Kind::Chromium.find_or_skip().map(|program| Chromium::launch(&program).unwrap())
}

fn finished(browser: &mut dyn Page, url: &str) -> Value {
    browser.open(url).unwrap();
    summary(browser)
}

fn summary(browser: &mut dyn Page) -> Value {
    browser.wait_for("document.documentElement.dataset.state === 'done'").unwrap();
    let text = browser.evaluate("document.getElementById('summary').textContent").unwrap();
    serde_json::from_str(text.as_str().unwrap()).unwrap()
}

/// Whether the page needs no scrolling to the side in a viewport `width` CSS pixels wide, nor does
/// any part of it.
fn fits(browser: &mut Chromium, width: u32) -> bool {
    let wide = browser.evaluate("document.documentElement.scrollWidth").unwrap();
    let parts = "[...document.querySelectorAll('*')].filter((one) =>
        one.scrollWidth > one.clientWidth && getComputedStyle(one).overflowX === 'auto').length";
    let parts = browser.evaluate(parts).unwrap();

    wide.as_u64().unwrap() <= u64::from(width) && parts == 0
}

/// What the page shows.
fn shown(browser: &mut dyn Page) -> String {
    let text = browser.evaluate("document.body.innerText").unwrap();
    text.as_str().unwrap().to_owned()
}

/// What any run must show.
fn assert_one_round_trip_saved(summary: &Value, rounds: u64) {
    let pairs = rounds * CALLS;
    assert_eq!(summary["problems"], json!([]), "{summary}");
    assert_eq!(summary["preflights"], json!({"direct": pairs, "frontDoor": 0}), "{summary}");
    assert_eq!(summary["requests"], json!({"direct": pairs, "frontDoor": pairs}), "{summary}");
    let front_door = &summary["frontDoor"];
    assert_eq!(front_door["preflightsAvoided"], pairs, "{summary}");
    assert_eq!(front_door["preflightsAnswered"], 0, "{summary}");
    // A round trip on one machine is short, and known on Linux alone.
    let saved = front_door["savedMs"].as_f64().unwrap();
    assert!(!cfg!(target_os = "linux") || (saved > 0.0 && saved < 1000.0), "{summary}");
    assert_eq!((&summary["pairs"], &summary["equal"]), (&json!(pairs), &json!(pairs)), "{summary}");
    for call in summary["calls"].as_array().unwrap() {
        for way in ["direct", "frontDoor"] {
            let measured = call[way].as_array().unwrap();
            assert_eq!(measured.len() as u64, rounds);
            assert!(measured.iter().all(Value::is_number), "{call}");
        }
    }
}

/// The shortest of all calls of one way, in milliseconds.
fn fastest(summary: &Value, way: &str) -> f64 {
    let calls = summary["calls"].as_array().unwrap().iter();
    let measured = calls.flat_map(|call| call[way].as_array().unwrap());
    measured.map(|ms| ms.as_f64().unwrap()).fold(f64::INFINITY, f64::min)
}

/// The folder for pictures of this run, or the kept one where the picture is to be renewed.
fn picture(name: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    if env::var_os("UPDATE_SCREENSHOT").is_some() {
        return root.join("docs").join(name);
    }
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}

#[test]
fn the_front_door_saves_every_preflight() {
    let Some(mut browser) = chromium() else { return };
    let demo = Demo::start(&[]).unwrap();

    browser.set_viewport(1180, 850, false).unwrap();
    let first = finished(&mut browser, &format!("http://localhost:{}/", demo.port().unwrap()));
    assert_one_round_trip_saved(&first, 5);
    // 60 ms is the default. The preflight was delayed as well; clocks of pages are coarse.
    assert!(fastest(&first, "direct") > 119.0, "{first}");
    assert!(fastest(&first, "frontDoor") > 59.0, "{first}");
    assert!(fits(&mut browser, 1180));
    browser.evaluate(STILL).unwrap();
    browser.screenshot(&picture("demo.png")).unwrap();
    let title = browser.evaluate("document.title").unwrap();
    let (preflights, speed) = title.as_str().unwrap().split_once(", ").unwrap();
    assert_eq!(preflights, "25 → 0 preflights");
    assert!(speed.ends_with(" times as fast – Portico demo"), "{title}");
    let times: f64 = speed.split(' ').next().unwrap().parse().unwrap();
    assert!((1.2..=2.2).contains(&times), "{title}");
    if cfg!(target_os = "linux") {
        let said = shown(&mut browser);
        let of =
            "round trip each between this browser and the front door, which are on one machine";
        assert!(
            said.contains(of) && said.contains("the 60 ms that the services add are not"),
            "{said}"
        );
    }

    browser.evaluate(WATCH).unwrap();
    let again = "document.getElementById('rounds').value = 2;
        document.querySelector('#again button').click()";
    browser.evaluate(again).unwrap();
    assert_one_round_trip_saved(&summary(&mut browser), 2);
    assert_eq!(browser.complaints(), [] as [String; 0]);
    let seen = browser.evaluate("window.seen").unwrap();
    let seen = seen.as_array().unwrap();
    let sequence = |tile: usize| {
        let mut values: Vec<_> = seen.iter().map(|all| all[tile].as_str().unwrap()).collect();
        values.dedup();
        values
    };
    // The numbers have moved with every call.
    let begun = |values: Vec<&str>| {
        values
            .into_iter()
            .skip_while(|one| !one.starts_with('1'))
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let counted = |end: &str| (1..=10).map(|n| format!("{n}{end}")).collect::<Vec<_>>();
    assert_eq!(begun(sequence(0)), counted(" → 0"));
    assert_eq!(begun(sequence(3)), counted(""));
    let equal: Vec<_> = (1..=10).map(|n| format!("{n} of {n} equal")).collect();
    assert_eq!(begun(sequence(2)), equal);
    assert!(sequence(1).len() >= 3, "{seen:?}");
    assert!(sequence(5).iter().any(|title| title.starts_with("5 → 0 preflights")), "{seen:?}");

    assert!(demo.interrupt().unwrap().0.success());
}

#[test]
fn a_phone_shows_all_of_it() {
    let Some(mut browser) = chromium() else { return };
    let demo = Demo::start(&["--latency", "0ms"]).unwrap();

    browser.set_viewport(360, 740, true).unwrap();
    let url = format!("http://127.0.0.1:{}/", demo.port().unwrap());
    let shown = finished(&mut browser, &url);
    assert_one_round_trip_saved(&shown, 5);
    assert!(fastest(&shown, "direct") < 59.0, "{shown}");
    assert!(fits(&mut browser, 360), "the page is wider than the screen");
    browser.set_viewport(320, 640, true).unwrap();
    assert!(fits(&mut browser, 320), "the page is wider than the screen");
    browser.screenshot(&Path::new(env!("CARGO_TARGET_TMPDIR")).join("demo-phone.png")).unwrap();
    assert_eq!(browser.complaints(), [] as [String; 0]);
}

#[test]
fn what_can_not_be_reached_is_named() {
    let Some(mut browser) = chromium() else { return };
    let demo = Demo::start(&["--latency", "0ms"]).unwrap();

    browser.command("Network.enable", json!({})).unwrap();
    browser.command("Network.setBlockedURLs", json!({"urls": ["*/users/*"]})).unwrap();
    let shown = finished(&mut browser, &format!("http://localhost:{}/", demo.port().unwrap()));
    assert_eq!(shown["equal"], 15, "{shown}");
    assert_eq!(shown["calls"][0]["equal"], 5, "{shown}");
    let alert = "document.querySelector('[role=alert]:not([hidden])').textContent";
    let alert = browser.evaluate(alert).unwrap();
    assert!(alert.as_str().unwrap().contains("The profiles service must be reachable"), "{alert}");
}

#[test]
fn without_javascript_the_page_says_so() {
    let Some(mut browser) = chromium() else { return };
    let demo = Demo::start(&[]).unwrap();
    browser.set_viewport(320, 640, true).unwrap();
    let off = json!({"value": true});
    browser.command("Emulation.setScriptExecutionDisabled", off).unwrap();
    browser.open(&format!("http://localhost:{}/", demo.port().unwrap())).unwrap();
    browser.wait_for("document.readyState === 'complete'").unwrap();
    let said = shown(&mut browser);
    assert!(said.contains("JavaScript is switched off"), "{said}");
    // Nothing looks as if it were still to come.
    assert!(!said.contains('…') && !said.contains("Run again"), "{said}");
    assert!(said.contains("Front door: one") && said.contains("Read on"), "{said}");
    assert!(fits(&mut browser, 320));
}

#[test]
fn in_a_cluster_the_page_runs_the_front_doors_half() {
    let Some(mut browser) = chromium() else { return };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/ep");
    let mut manifests = String::new();
    let mut services = Vec::new();
    for name in ["00-namespace", "front-door", "app", "sales", "profiles"] {
        manifests += &fs::read_to_string(folder.join(name).with_extension("yaml")).unwrap();
        manifests += "\n---\n";
    }
    for name in ["app", "sales", "profiles"] {
        let service = Demo::service(name).unwrap();
        let port = service.port().unwrap();
        services.push(service);
        manifests += &format!(
            "{{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {{name: {name}, namespace: web, labels: {{kubernetes.io/service-name: {name}}}}}, addressType: IPv4, ports: [{{name: http, port: {port}}}], endpoints: [{{addresses: [127.0.0.1], conditions: {{ready: true}}}}]}}\n---\n"
        );
    }
    let front_door = Serve::start(&manifests, &[]).unwrap();

    browser.set_viewport(320, 640, true).unwrap();
    let url = format!("http://localhost:{}/", front_door.http.port());
    let summary = finished(&mut browser, &url);
    assert_eq!(summary["problems"], json!([]), "{summary}");
    assert_eq!(summary["preflights"], json!({"frontDoor": 0}), "{summary}");
    assert_eq!(summary["requests"], json!({"frontDoor": 25}), "{summary}");
    assert_eq!((&summary["equal"], &summary["pairs"]), (&json!(25), &json!(25)), "{summary}");
    let said = shown(&mut browser);
    assert!(said.contains("there is only this half") && said.contains("25 of 25"), "{said}");
    assert!(!said.contains("Direct (striped)") && !said.contains("demo-key"), "{said}");
    let title = browser.evaluate("document.title").unwrap();
    assert_eq!(title, "0 preflights for 25 calls – Portico demo");
    assert!(fits(&mut browser, 320));
    assert_eq!(browser.complaints(), [] as [String; 0]);
}

/// The page over https, whose calls share a connection of HTTP/2.
fn the_page_is_the_same_over_https(kind: Kind) {
    let trust = Trust { anything: true, ..Trust::default() };
    let Some(mut browser) = kind.launch(&trust).unwrap() else { return };
    let demo = Demo::start(&["--tls", "--access-log", "json", "--latency", "0ms"]).unwrap();

    let shown = finished(&mut *browser, &demo.url);
    assert_one_round_trip_saved(&shown, 5);
    let protocol = "performance.getEntriesByType('navigation')[0].nextHopProtocol";
    assert_eq!(browser.evaluate(protocol).unwrap(), "h2");
    assert_eq!(browser.complaints(), [] as [String; 0]);

    drop(browser);
    let (status, printed) = demo.interrupt().unwrap();
    assert!(status.success());
    let lines = printed.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let lines = Vec::from_iter(lines.filter(|line| line["target"] == "access"));
    let calls = |path| {
        let calls =
            lines.iter().filter(move |line| line["path"].as_str().unwrap().starts_with(path));
        calls.inspect(|line| assert_eq!(line["version"], "HTTP/2", "{line}")).count()
    };
    assert_eq!(calls("/sales/") + calls("/api/user"), 25, "{lines:?}");
}

#[test]
fn chromium_gets_the_same_page_over_https() {
    the_page_is_the_same_over_https(Kind::Chromium);
}

#[test]
fn firefox_gets_the_same_page_over_https() {
    the_page_is_the_same_over_https(Kind::Firefox);
}

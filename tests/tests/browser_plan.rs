//! `portico plan` on recordings of the demo's page by a real Chromium and a real Firefox: it finds
//! the preflights that the services counted, and the time that the front door really saved; what it
//! writes is served, and the same calls go through it without a preflight.

#![allow(clippy::unwrap_used, clippy::panic)]

use portico_tests::{
    binary,
    browser::{Chromium, Firefox, Kind, Page, Trust},
    demo::Demo,
    serve::Serve,
};
use serde_json::{Value, json};
use std::{fs, path::Path, process::Command};

/// The sum of all calls of one way, in milliseconds.
fn sum(summary: &Value, way: &str) -> f64 {
    let calls = summary["calls"].as_array().unwrap().iter();
    calls.flat_map(|call| call[way].as_array().unwrap()).map(|ms| ms.as_f64().unwrap()).sum()
}

fn preflights(recording: &Value) -> usize {
    let entries = recording["log"]["entries"].as_array().unwrap().iter();
    entries.filter(|entry| entry["request"]["method"] == "OPTIONS").count()
}

fn plan(file: &str, output: &str) -> String {
    let ran = Command::new(binary::portico().unwrap())
        .args(["plan", file, "-o", output])
        .output()
        .unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    String::from_utf8(ran.stdout).unwrap()
}

/// How often the page is visited, where other work on the machine delays some of its calls.
const VISITS: usize = 3;

/// Visits the demo's page, and returns what it shows.
fn visit(browser: &mut dyn Page, demo: &Demo) -> Value {
    browser.open(&demo.url).unwrap();
    browser.wait_for("document.documentElement.dataset.state === 'done'").unwrap();
    let summary = browser.evaluate("document.getElementById('summary').textContent").unwrap();
    let summary: Value = serde_json::from_str(summary.as_str().unwrap()).unwrap();
    assert_eq!(summary["problems"], json!([]), "{summary}");
    summary
}

/// Plans a recording of a visit that showed `summary`: the plan, and the milliseconds that it says
/// would be saved and that were.
fn planned(recording: &Value, summary: &Value, file: &Path) -> (Value, f64, f64) {
    fs::write(file, recording.to_string()).unwrap();
    let planned: Value = serde_json::from_str(&plan(file.to_str().unwrap(), "json")).unwrap();
    let counted = &summary["preflights"]["direct"];
    assert_eq!(counted, 25);
    assert_eq!(&planned["total"]["preflights"], counted, "{planned}");
    assert_eq!(planned["pages"][0]["preflights"], json!({"seen": counted, "inferred": 0}));
    assert_eq!(planned["skipped"], json!([]));
    let said = planned["total"]["milliseconds"].as_f64().unwrap();
    let saved = sum(summary, "direct") - sum(summary, "frontDoor");
    (planned, said, saved)
}

#[test]
fn a_recording_of_firefox_is_planned_as_well() {
    let Some(program) = Kind::Firefox.find_or_skip() else { return };
    let mut browser = Firefox::launch(&program, &Trust::default()).unwrap();
    let demo = Demo::start(&["--latency", "60ms"]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("demo.har");
    browser.record().unwrap();
    let summary = visit(&mut browser, &demo);
    let recording = browser.recording().unwrap();
    assert_eq!(recording["log"]["creator"]["name"], "Firefox");
    assert_eq!(preflights(&recording), 25);
    let (planned, said, saved) = planned(&recording, &summary, &file);
    // Each preflight takes as long as its service does. What Firefox does between a preflight and its
    // call is not recorded.
    assert!(said >= 25.0 * 60.0 && said < saved * 1.15, "said {said}, saved {saved} ms: {planned}");
}

#[test]
fn the_plan_of_the_demo_is_what_the_demo_shows() {
    let Some(program) = Kind::Chromium.find_or_skip() else { return };
    let mut browser = Chromium::launch(&program).unwrap();
    let demo = Demo::start(&["--latency", "60ms"]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("demo.har");
    let mut visits = 0;
    let (recording, planned) = loop {
        visits += 1;
        browser.record().unwrap();
        let summary = visit(&mut browser, &demo);
        let recording = browser.recording(&demo.url);
        let (planned, said, saved) = planned(&recording, &summary, &file);
        if (said / saved - 1.0).abs() < 0.15 {
            break (recording, planned);
        }
        assert!(visits < VISITS, "said {said} ms, saved {saved} ms: {planned}");
    };
    let file = file.to_str().unwrap();

    // The front door of the demo has the paths of sales, too, so those get a prefix.
    let served = Serve::start(&plan(file, "yaml"), &[]).unwrap();
    let conflict = &planned["conflicts"][0];
    assert_eq!(conflict["hosts"][0], demo.url.trim_end_matches('/'));
    let (_, port) = conflict["hosts"][1].as_str().unwrap().rsplit_once(':').unwrap();
    // A document without scripts, so that nothing but these calls is recorded.
    let url = format!("http://localhost:{}/demo.json", served.http.port());
    browser.open(&url).unwrap();
    browser.wait_for("document.readyState === 'complete'").unwrap();
    browser.record().unwrap();
    let replay = "(async (sales) => {
        const { apiKey, ports } = await (await fetch('/demo.json')).json();
        if (ports.sales !== sales) return `sales is at ${ports.sales}, not ${sales}`;
        const json = { 'content-type': 'application/json' };
        const statuses = [];
        for (const [method, path, headers, body] of [
            ['GET', `/localhost-${sales}/sales/2021/report`, {}],
            ['POST', `/localhost-${sales}/sales/2021/orders`, json, '{}'],
            ['DELETE', `/localhost-${sales}/sales/2021/orders/17`, {}],
            ['GET', '/users/ada', { 'x-api-key': apiKey }],
            ['PUT', '/users/ada', { 'x-api-key': apiKey, ...json }, '{}'],
        ]) {
            const response = await fetch(path, { method, headers: { 'x-client': 'demo', ...headers }, body });
            statuses.push(response.status);
        }
        return statuses;
    })";
    let statuses = browser.evaluate(&format!("{replay}({port})")).unwrap();
    assert_eq!(statuses, json!([200, 201, 204, 200, 200]));
    let replayed = browser.recording(&url);
    assert_eq!(preflights(&replayed), 0, "{replayed}");
    assert_eq!(preflights(&recording), 25);
}

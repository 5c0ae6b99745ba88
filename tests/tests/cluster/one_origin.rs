//! From nothing to three services under one origin, in the README's three lines.

use portico_tests::{
    browser::{Chromium, Kind, Page},
    cluster::{
        get, helm,
        install::{Install, conditions},
        k,
        patience::eventually,
        scope::{Scope, ready},
    },
};
use serde_json::{Value, json};
use std::env;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_services_appear_under_one_origin() {
    let mut scope = Scope::new().unwrap();
    let install = Install::new(&mut scope, "portico", 30080, &[]).unwrap();
    scope.keep_namespace("web").unwrap();
    k("apply -f examples/ep/").unwrap();
    let all = "-n web frontdoor/ep route/app route/sales route/profiles";
    for condition in ["Programmed", "Ready"] {
        k(&format!("wait --timeout=120s --for=condition={condition} {all}")).unwrap();
    }
    for name in ["app", "sales", "profiles"] {
        ready("web", name).unwrap();
    }

    let port = install.published("www.ep.com").unwrap();
    for path in ["/", "/sales/2021/report", "/api/user/ada"] {
        eventually(|| port.expect(path, 200)).await.unwrap();
    }
    port.host("www.example.com").expect("/", 404).await.unwrap();
    let again = k("apply -f examples/ep/").unwrap();
    let ours: Vec<_> = again.lines().filter(|line| line.contains(".portico.dev/")).collect();
    assert!(ours.len() == 4 && ours.iter().all(|line| line.ends_with(" unchanged")), "{again}");
    assert_status_is_as_documented(&install);
    assert_no_preflight_in_a_browser(&install);
    assert_small_image();
    assert!(helm(["status", "portico", "-n", &install.namespace]).unwrap().contains("deployed"));
}

/// The image, as the node has it: one small program.
fn assert_small_image() {
    let node = get("nodes").unwrap();
    let images = node["items"][0]["status"]["images"].as_array().unwrap();
    let is_ours = |image: &&Value| {
        let names = image["names"].as_array().into_iter().flatten();
        names.filter_map(Value::as_str).any(|name| name.contains("portico-dev/portico"))
    };
    let image = images.iter().find(is_ours).expect("the image on the first node");
    let bytes = image["sizeBytes"].as_u64().unwrap();
    println!("the image has {bytes} bytes");
    // Programs for development are not small.
    let is_for_use = env::var("PROFILE").is_ok_and(|profile| profile == "release");
    assert!(!is_for_use || bytes < 35_000_000, "{image}");
}

fn assert_status_is_as_documented(install: &Install) {
    let served = [
        "Accepted=True/Accepted",
        "Programmed=True/Programmed",
        "Ready=True/Ready",
        "ResolvedRefs=True/ResolvedRefs",
        "Stalled=False/NotStalled",
    ];
    for object in ["frontdoor/ep", "route/app", "route/sales", "route/profiles"] {
        assert_eq!(conditions("web", object).unwrap(), served, "{object}");
    }
    let columns = |kind: &str| {
        let table = k(&format!("get {kind} -n web")).unwrap();
        let rows = table.lines().map(|line| {
            let mut row: Vec<_> = line.split_whitespace().map(str::to_owned).collect();
            row.pop(); // the age
            row
        });
        rows.collect::<Vec<_>>()
    };
    let text = |row: &[&str]| row.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
    assert_eq!(
        columns("fd"),
        [
            text(&["NAME", "HOST", "ROUTES", "ACCEPTED", "PROGRAMMED"]),
            text(&["ep", "www.ep.com", "3", "True", "True"]),
        ]
    );
    assert_eq!(
        columns("fdr"),
        [
            text(&["NAME", "FRONTDOOR", "PATH", "ACCEPTED", "PROGRAMMED"]),
            text(&["app", "ep", "*", "True", "True"]),
            text(&["profiles", "ep", "/api/user/*", "True", "True"]),
            text(&["sales", "ep", "/sales/*", "True", "True"]),
        ]
    );
    let address = k(&format!(
        "get service {} -n {} -o jsonpath={{.spec.clusterIP}}",
        install.release, install.namespace
    ));
    let published = k("get frontdoor ep -n web -o jsonpath={.status.addresses[*].value}");
    assert_eq!(published.unwrap(), address.unwrap());
}

/// The calls of the demo's page, none of which is simple; what each was answered with.
const CALLS: &str = r#"(async () => {
    const answers = [];
    for (const [method, path] of [
        ['GET', '/sales/2021/report'],
        ['POST', '/sales/2021/orders'],
        ['DELETE', '/sales/2021/orders/17'],
        ['GET', '/api/user/ada'],
        ['PUT', '/api/user/ada'],
    ]) {
        const headers = { 'x-client': 'test', 'content-type': 'application/json' };
        const body = method === 'POST' || method === 'PUT' ? '{}' : undefined;
        answers.push((await fetch(path, { method, headers, body })).status);
    }
    return answers;
})()"#;

fn assert_no_preflight_in_a_browser(install: &Install) {
    let Some(program) = Kind::Chromium.find_or_skip() else { return };
    let address = install.published("localhost").unwrap().address();
    if !address.ip().is_loopback() {
        return println!("skipped, the nodes are not on this machine: the page in a browser");
    }
    let mut browser = Chromium::launch(&program).unwrap();
    browser.open(&format!("http://localhost:{}/", address.port())).unwrap();
    browser.wait_for("document.documentElement.dataset.state === 'done'").unwrap();
    assert_eq!(browser.evaluate(CALLS).unwrap(), json!([200, 201, 204, 200, 200]));

    for (service, received) in [("sales", 3), ("profiles", 2)] {
        let counts = format!("/api/v1/namespaces/web/services/{service}:http/proxy/demo/counts");
        let counts = k(&format!("get --raw {counts}")).unwrap();
        let counts: Value = serde_json::from_str(&counts).unwrap();
        let by_method = counts["frontDoor"].as_object().unwrap();
        let sum = |wanted: &dyn Fn(&str) -> bool| -> u64 {
            by_method.iter().filter(|(kind, _)| wanted(kind)).filter_map(|(_, n)| n.as_u64()).sum()
        };
        let is_preflight = |kind: &str| kind == "preflight" || kind == "OPTIONS";
        assert_eq!(sum(&is_preflight), 0, "{service}: {counts}");
        assert!(sum(&|kind| !is_preflight(kind)) >= received, "{service}: {counts}");
    }
    let total = |metric: &str| install.metric(metric, &[]).unwrap();
    assert!(total("portico_cors_preflights_total") < 0.5);
    assert!(total("portico_cors_preflights_avoided_total") > 4.5);
}

//! What the page says of Chromium's console is what a real Chromium writes there.

use portico_tests::{
    backend::{Backend, Reply, service},
    browser::{Chromium, Kind, Page},
    edge::Edge,
};
use std::{fs, net::SocketAddr, path::Path};

/// A page at `localhost`, to which `127.0.0.1` is another origin; there, `/none` has no policy.
fn manifests(backend: SocketAddr) -> String {
    let manifests = r#"
apiVersion: portico.dev/v1alpha1
kind: FrontDoor
metadata: {name: ep, namespace: web}
spec: {hosts: [{name: localhost}, {name: 127.0.0.1}]}
---
apiVersion: portico.dev/v1alpha1
kind: Route
metadata: {name: page, namespace: web}
spec:
  frontDoorRef: {name: ep}
  matches: [{path: /page}]
  respond: {headers: [{name: content-type, value: text/html}]}
---
apiVersion: portico.dev/v1alpha1
kind: Route
metadata: {name: none, namespace: web}
spec:
  frontDoorRef: {name: ep}
  matches: [{path: /none/*}]
  backends: [{service: {name: app, port: 80}}]
---
apiVersion: portico.dev/v1alpha1
kind: Route
metadata: {name: policy, namespace: web}
spec:
  frontDoorRef: {name: ep}
  matches: [{path: /policy/*}]
  backends: [{service: {name: app, port: 80}}]
  cors:
    allowOrigins: ["http://localhost:*"]
    allowMethods: [PUT]
    allowHeaders: [x-tenant]
---
apiVersion: portico.dev/v1alpha1
kind: Route
metadata: {name: other, namespace: web}
spec:
  frontDoorRef: {name: ep}
  matches: [{path: /other/*}]
  backends: [{service: {name: app, port: 80}}]
  cors: {allowOrigins: ["https://www.ep.com"]}
"#;
    [manifests, &service("app", "http", &[backend])].concat()
}

/// A backend with CORS headers of its own, each wrong in the way that the path says.
fn answer(path: &str, origin: &str) -> Reply {
    let allowed = format!("Access-Control-Allow-Origin: {origin}\r\n");
    let (status, lines) = match path {
        "/none/error" => (401, allowed),
        "/none/redirect" => (302, allowed + "Location: /none/elsewhere\r\n"),
        "/none/method" => (200, allowed + "Access-Control-Allow-Methods: PATCH\r\n"),
        "/none/header" => (200, allowed + "Access-Control-Allow-Headers: x-other\r\n"),
        "/none/methods" => (200, allowed + "Access-Control-Allow-Methods: P(T\r\n"),
        "/none/headers" => (200, allowed + "Access-Control-Allow-Headers: x(y\r\n"),
        "/none/any" => (200, "Access-Control-Allow-Origin: *\r\n".to_owned()),
        "/none/two" => (200, allowed + "Access-Control-Allow-Origin: *\r\n"),
        "/none/wrong" => (200, "Access-Control-Allow-Origin: https://www.ep.com\r\n".to_owned()),
        "/none/user" => (302, allowed + "Location: http://u:p@127.0.0.1/\r\n"),
        _ => (200, String::new()),
    };
    Reply::raw(format!("HTTP/1.1 {status} Status\r\nContent-Length: 0\r\n{lines}\r\n"))
}

const PREFLIGHT: &str = "Response to preflight request doesn't pass access control check: ";
const MISSING: &str =
    "No 'Access-Control-Allow-Origin' header is present on the requested resource.";
const NOT_TRUE: &str = "The value of the 'Access-Control-Allow-Credentials' header in the response is '' which must be 'true' when the request's credentials mode is 'include'.";

/// What is fetched, how, and what the console says, piece by piece.
const COMPLAINTS: [(&str, &str, &[&str]); 16] = [
    ("/other/x", "{method: 'PUT'}", &[PREFLIGHT, MISSING]),
    ("/other/x", "{}", &[MISSING]),
    ("/policy/x", "{method: 'DELETE'}", &[PREFLIGHT, MISSING]),
    ("/policy/x", "{headers: {'x-debug': '1'}}", &[PREFLIGHT, MISSING]),
    ("/policy/x", "{credentials: 'include'}", &[NOT_TRUE]),
    ("/none/x", "{}", &[MISSING]),
    ("/none/error", "{method: 'PUT'}", &[PREFLIGHT, "It does not have HTTP ok status."]),
    ("/none/redirect", "{method: 'PUT'}", &["Redirect is not allowed for a preflight request."]),
    (
        "/none/method",
        "{method: 'PUT'}",
        &["Method ", " is not allowed by Access-Control-Allow-Methods in preflight response."],
    ),
    (
        "/none/header",
        "{headers: {'x-a': '1'}}",
        &[
            "Request header field ",
            " is not allowed by Access-Control-Allow-Headers in preflight response.",
        ],
    ),
    (
        "/none/methods",
        "{method: 'PUT'}",
        &[
            "Cannot parse Access-Control-Allow-Methods",
            " response header field in preflight response.",
        ],
    ),
    (
        "/none/headers",
        "{headers: {'x-a': '1'}}",
        &[
            "Cannot parse Access-Control-Allow-",
            "Headers",
            " response header field in preflight response.",
        ],
    ),
    (
        "/none/any",
        "{credentials: 'include'}",
        &[
            "The value of the 'Access-Control-Allow-Origin' header in the response must not be the wildcard '*' when the request's credentials mode is 'include'.",
        ],
    ),
    ("/none/two", "{}", &["The 'Access-Control-Allow-Origin' header contains multiple values "]),
    ("/none/wrong", "{}", &["that is not equal to the supplied origin."]),
    ("/none/user", "{}", &["Redirect location ", "contains a username and password, "]),
];

/// Fetches in the browser; what it says of that on the console, if it says anything.
fn fetch(browser: &mut Chromium, url: &str, options: &str) -> Option<String> {
    let before = browser.complaints().len();
    let script = format!("fetch('{url}', {options}).then(() => true, () => false)");
    if browser.evaluate(&script).unwrap() == true {
        return None;
    }
    // The console may be told a little later.
    for _ in 0..500 {
        let mut said = browser.complaints().iter().skip(before);
        if let Some(said) = said.find(|said| said.contains("CORS policy")) {
            return Some(said.clone());
        }
        browser.evaluate("new Promise((done) => setTimeout(done, 20))").unwrap();
    }
    panic!("{url} {options}: nothing on the console: {:?}", browser.complaints())
}

#[tokio::test]
async fn chromium_says_what_the_page_explains() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/answer-cors-at-the-edge.md");
    let page = fs::read_to_string(page).unwrap();
    let backend = Backend::scripted(|request| answer(request.target(), &request.field("origin")));
    let backend = backend.await.unwrap();
    let edge = Edge::start(&manifests(backend.address())).await.unwrap();
    let port = edge.address().port();
    let browsing = move || {
        let Some(program) = Kind::Chromium.find_or_skip() else { return };
        let mut browser = Chromium::launch(&program).unwrap();
        browser.open(&format!("http://localhost:{port}/page")).unwrap();
        browser.wait_for("location.pathname === '/page'").unwrap();
        for (path, options, words) in COMPLAINTS {
            let url = format!("http://127.0.0.1:{port}{path}");
            let said = fetch(&mut browser, &url, options);
            let said = said.unwrap_or_else(|| panic!("{path} {options} was read"));
            for words in words {
                assert!(said.contains(words), "{path} {options}: {said}");
                assert!(page.contains(words), "the page does not explain '{words}'");
            }
        }
        let allowed = "{method: 'PUT', headers: {'x-tenant': 'blue'}}";
        let url = format!("http://127.0.0.1:{port}/policy/x");
        assert_eq!(fetch(&mut browser, &url, allowed), None);
    };
    // The backend runs on this thread, which waiting for the browser must not hold up.
    tokio::task::spawn_blocking(browsing).await.unwrap();
}

//! The operator's page in a real Chromium: what it shows, that it is alive, and that it needs neither
//! a mouse, nor a wide screen, nor light.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use portico_tests::{
    backend,
    browser::{Chromium, Kind, Page},
    serve::Serve,
};
use serde_json::{Value, json};
use std::{
    env,
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    time::Duration,
};

/// Routes to one backend.
const FORWARDED: [&str; 8] =
    ["cart", "catalog", "orders", "profiles", "reviews", "sales", "search", "shipping"];

/// 60 Routes, more than a page of the table has: some to `backend`, most with a fixed response, one
/// whose backend does not accept connections, one that is not accepted.
fn manifests(backend: SocketAddr) -> String {
    let front_door = backend::front_door("").replace("hosts: [", "hosts: [{name: localhost}, ");
    let mut all = front_door + &backend::service("app", "http", &[backend]);
    all += &backend::service("billing", "http", &[([127, 0, 0, 1], 9).into()]);
    let to = |service: &str| format!("backends: [{{service: {{name: {service}, port: 80}}}}]");
    for name in FORWARDED {
        let matches = format!("matches: [{{path: /api/{name}/*}}]\n");
        all += &backend::route(name, &(matches + &to("app")));
    }
    for number in 0..50 {
        let spec = format!(
            "matches: [{{path: /team-{number:02}/*, methods: [GET, PUT]}}]\nrespond: {{status: 200, body: hello, headers: [{{name: content-type, value: text/plain}}]}}"
        );
        all += &backend::route(&format!("team-{number:02}"), &spec);
    }
    all += &backend::route(
        "billing",
        &("matches: [{path: /api/billing/*}]\n".to_owned() + &to("billing")),
    );
    let typo = to("app").replace("port", "prot");
    all + &backend::route("typo", &("matches: [{path: /typo/*}]\n".to_owned() + &typo))
}

/// A backend that takes a few milliseconds.
fn backend() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || answer(stream));
        }
    });
    address
}

/// Answers one request, without a body, and closes the connection.
fn answer(mut stream: TcpStream) {
    let mut head = [0; 1024];
    while !head.ends_with(b"\r\n\r\n") {
        let Ok(read @ 1..) = stream.read(&mut head) else { return };
        head.rotate_left(read);
    }
    std::thread::sleep(Duration::from_millis(4));
    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello";
    let _ = stream.write_all(answer);
}

/// The page of a new process, opened.
fn open() -> Option<(Chromium, Serve)> {
    let program = Kind::Chromium.find_or_skip()?;
    let mut browser = Chromium::launch(&program).unwrap();
    let serve = Serve::start(&manifests(backend()), &[]).unwrap();
    browser.set_viewport(1280, 900, false).unwrap();
    browser.open(&format!("http://localhost:{}/", serve.admin.port())).unwrap();
    browser.wait_for("document.documentElement.dataset.state === 'live'").unwrap();
    Some((browser, serve))
}

/// A request to the front door; its status line.
fn request(serve: &Serve, path: &str) -> String {
    send(serve, "GET", path, "")
}

/// The same, of this method and with further fields.
fn send(serve: &Serve, method: &str, path: &str, fields: &str) -> String {
    let mut stream = TcpStream::connect(serve.http).unwrap();
    let host = "Host: www.ep.com\r\nConnection: close";
    write!(stream, "{method} {path} HTTP/1.1\r\n{host}\r\n{fields}\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.lines().next().unwrap_or_default().to_owned()
}

/// Seven requests to the Route `team-00`.
fn send_seven(serve: &Serve) {
    for _ in 0..7 {
        assert_eq!(request(serve, "/team-00/a"), "HTTP/1.1 200 OK");
    }
}

/// The texts of the elements that a selector finds.
fn texts(browser: &mut Chromium, selector: &str) -> Vec<String> {
    let texts = format!("[...document.querySelectorAll({selector:?})].map((one) => one.innerText)");
    let texts = browser.evaluate(&texts).unwrap();
    texts.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
}

const ROWS: &str = "#routes tbody .name";

const SORT_BY_RATE: &str = "document.querySelector('#routes thead th:nth-child(3) button').click()";

fn set_value(browser: &mut Chromium, id: &str, value: &str) {
    let set = format!(
        "(() => {{ const field = document.getElementById({id:?}); field.value = {value:?}; field.dispatchEvent(new Event('input')); }})()"
    );
    browser.evaluate(&set).unwrap();
}

fn key(browser: &mut Chromium, key: &str, code: u32) {
    let text = if key == "Enter" { "\r" } else { "" };
    for kind in ["keyDown", "keyUp"] {
        let event = json!({"type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code, "text": text});
        browser.command("Input.dispatchKeyEvent", event).unwrap();
    }
}

/// Presses Tab until the focus is on what `selector` finds.
fn tab_to(browser: &mut Chromium, selector: &str) {
    for _ in 0..200 {
        key(browser, "Tab", 9);
        let found =
            browser.evaluate(&format!("document.activeElement.matches({selector:?})")).unwrap();
        if found == json!(true) {
            return;
        }
    }
    panic!("Tab does not lead to {selector}");
}

fn write(browser: &mut Chromium, text: &str) {
    browser.command("Input.insertText", json!({"text": text})).unwrap();
}

/// How wide the page is, and the parts of it that stick out.
fn overflow(browser: &mut Chromium) -> Value {
    let find = "(() => {
        const width = document.documentElement.clientWidth;
        const out = [...document.querySelectorAll('body *')].filter((one) => one.getBoundingClientRect().right > width + 1);
        return [document.documentElement.scrollWidth > width, out.map((one) => one.outerHTML.slice(0, 80))];
    })()";
    browser.evaluate(find).unwrap()
}

/// Where a picture goes: into `docs/` when they are renewed.
fn picture(name: &str) -> PathBuf {
    match env::var_os("UPDATE_SCREENSHOT") {
        Some(_) => Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs").join(name),
        None => Path::new(env!("CARGO_TARGET_TMPDIR")).join(name),
    }
}

#[test]
fn routes_are_found_with_what_is_wrong_and_their_numbers_are_alive() {
    let Some((mut browser, serve)) = open() else { return };
    assert_eq!(texts(&mut browser, ROWS).len(), 50);
    assert_eq!(texts(&mut browser, "#routes-pages [role=status]"), ["1–50 of 60"]);
    assert_eq!(texts(&mut browser, "#doors tbody .name"), ["web/ep"]);

    // A search finds the broken one by what is wrong with it.
    set_value(&mut browser, "query", "unknown field prot");
    assert_eq!(texts(&mut browser, ROWS), ["web/typo"]);
    assert_eq!(texts(&mut browser, "#routes-count"), ["1 of 60 Routes"]);
    assert!(texts(&mut browser, "#routes tbody .bad").contains(&"not accepted".to_owned()));
    browser.evaluate("document.querySelector('#routes tbody .name').click()").unwrap();
    let details = texts(&mut browser, "#routes .details").concat();
    assert!(details.contains("spec.backends[0].service.prot"), "{details}");
    set_value(&mut browser, "query", "");

    // Numbers change in place.
    browser
        .evaluate("window.firstRow = document.querySelector('#routes tbody tr:nth-child(3)')")
        .unwrap();
    send_seven(&serve);
    assert_eq!(request(&serve, "/api/billing/7?token=secret"), "HTTP/1.1 502 Bad Gateway");
    browser.wait_for("document.getElementById('tile-requests').innerText !== '0'").unwrap();
    browser
        .wait_for("document.querySelector('#failures tbody').innerText.includes('ConnectFailed')")
        .unwrap();
    let failed = texts(&mut browser, "#failures tbody").concat();
    assert!(
        failed.contains("GET www.ep.com/api/billing/7") && !failed.contains("secret"),
        "{failed}"
    );
    let kept = "document.querySelector('#routes tbody tr:nth-child(3)') === window.firstRow";
    assert_eq!(browser.evaluate(kept).unwrap(), json!(true));
    set_value(&mut browser, "query", "team-00");
    browser.evaluate("document.querySelector('#routes tbody .name').click()").unwrap();
    browser
        .wait_for(
            "document.querySelector('#routes .details').innerText.includes('7 requests, 0 errors')",
        )
        .unwrap();

    send_seven(&serve);
    browser
        .wait_for("document.querySelector('#routes .details').innerText.includes('14 requests')")
        .unwrap();
    browser.wait_for("!!document.querySelector('#routes .details polyline.requests')").unwrap();
    let history = texts(&mut browser, "#routes .details figcaption").concat();
    assert!(history.starts_with("The last ") && history.contains(" errors"), "{history}");
    send_seven(&serve);
    browser
        .wait_for("document.querySelector('#routes .details').innerText.includes('21 requests')")
        .unwrap();
    set_value(&mut browser, "query", "");
    browser.evaluate(SORT_BY_RATE).unwrap();
    assert_eq!(texts(&mut browser, ROWS)[0], "web/team-00");
    let sorted =
        "document.querySelector('#routes thead th:nth-child(3)').getAttribute('aria-sort')";
    assert_eq!(browser.evaluate(sorted).unwrap(), json!("descending"));
    browser.evaluate("document.querySelector('#only').value = 'problems'; document.querySelector('#only').dispatchEvent(new Event('change'))").unwrap();
    assert_eq!(texts(&mut browser, ROWS), ["web/typo"]);
    assert_eq!(browser.complaints(), [] as [String; 0]);
}

#[test]
fn the_keyboard_alone_is_enough() {
    let Some((mut browser, _serve)) = open() else { return };
    tab_to(&mut browser, "#query");
    write(&mut browser, "typo");
    assert_eq!(texts(&mut browser, ROWS), ["web/typo"]);
    tab_to(&mut browser, "#routes thead th:first-child button");
    key(&mut browser, "Enter", 13);
    let sorted = "document.querySelector('#routes thead th').getAttribute('aria-sort')";
    assert_eq!(browser.evaluate(sorted).unwrap(), json!("descending"));
    tab_to(&mut browser, ROWS);
    key(&mut browser, "Enter", 13);
    assert_eq!(browser.evaluate("document.activeElement.ariaExpanded").unwrap(), json!("true"));
    assert!(texts(&mut browser, "#routes .details").concat().contains("prot"));

    tab_to(&mut browser, "#url");
    write(&mut browser, "http://localhost:8080/team-07/x");
    tab_to(&mut browser, "#method");
    browser.evaluate("document.activeElement.select()").unwrap();
    write(&mut browser, "PUT");
    tab_to(&mut browser, "#origin");
    write(&mut browser, "https://app.example.com");
    tab_to(&mut browser, "#headers");
    write(&mut browser, "content-type: application/json\nx-client: test");
    tab_to(&mut browser, "#explain button");
    key(&mut browser, "Enter", 13);
    browser.wait_for("!document.getElementById('explanation').hidden").unwrap();
    let explanation = texts(&mut browser, "#explanation").concat();
    assert!(explanation.contains("web/team-07"), "{explanation}");
    assert!(explanation.contains("sends a preflight first"), "{explanation}");

    // A mistake is told, and where it is.
    browser.evaluate("document.getElementById('url').value = 'nowhere'").unwrap();
    key(&mut browser, "Enter", 13);
    browser.wait_for("!document.getElementById('mistake').hidden").unwrap();
    assert!(texts(&mut browser, "#mistake").concat().starts_with("url: write an absolute URL"));
    assert_eq!(browser.evaluate("document.activeElement.id").unwrap(), json!("url"));

    // What has the focus has a name.
    let unnamed =
        "[...document.querySelectorAll('input, select, textarea, button')].filter((one) =>
        !(one.labels?.length || one.innerText.trim())).map((one) => one.outerHTML)";
    assert_eq!(browser.evaluate(unnamed).unwrap(), json!([]));
}

#[test]
fn it_fits_a_phone_and_the_dark() {
    let Some((mut browser, serve)) = open() else { return };
    for (number, name) in FORWARDED.iter().enumerate() {
        for _ in 0..(9 * number + 4) % 31 {
            // As a script of the front door's own origin sends it.
            let fields = "Origin: http://www.ep.com\r\nContent-Length: 0\r\n";
            let status = send(&serve, "PUT", &format!("/api/{name}/7"), fields);
            assert_eq!(status, "HTTP/1.1 200 OK");
        }
    }
    for _ in 0..11 {
        request(&serve, "/api/billing/7");
        request(&serve, "/typo/7");
    }
    browser.wait_for("document.querySelector('#failures tbody').rows.length === 22").unwrap();
    browser.evaluate(SORT_BY_RATE).unwrap();
    let open = "[...document.querySelectorAll('#routes .name')]
        .find((one) => one.innerText.includes('billing')).click()";
    browser.evaluate(open).unwrap();
    assert_eq!(overflow(&mut browser), json!([false, []]));
    browser.screenshot(&picture("operators-page.png")).unwrap();

    let dark = json!({"features": [{"name": "prefers-color-scheme", "value": "dark"}]});
    browser.command("Emulation.setEmulatedMedia", dark).unwrap();
    let ground = "getComputedStyle(document.body).backgroundColor";
    assert_eq!(browser.evaluate(ground).unwrap(), json!("rgb(16, 21, 28)"));
    for width in [360, 320] {
        browser.set_viewport(width, 740, true).unwrap();
        let open_all = "document.querySelectorAll('#routes .name').forEach((one) => one.click())";
        browser.evaluate(open_all).unwrap();
        assert_eq!(overflow(&mut browser), json!([false, []]), "{width}");
        browser.evaluate(open_all).unwrap();
    }
    browser.set_viewport(360, 740, true).unwrap();
    browser.evaluate("document.getElementById('query').scrollIntoView()").unwrap();
    browser.screenshot(&picture("operators-page-phone.png")).unwrap();
    for name in ["operators-page.png", "operators-page-phone.png"] {
        let size = std::fs::metadata(picture(name)).unwrap().len();
        assert!(size <= 150 * 1024, "{name}: {size} bytes");
    }
    assert_eq!(browser.complaints(), [] as [String; 0]);
}

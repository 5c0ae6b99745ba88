//! Two backends under one origin, in a real Chromium: what one of them can do to the other, and that
//! it can't where they are kept apart.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use portico_tests::{
    backend::{Backend, Reply, service},
    browser::{Chromium, Kind, Page, Trust},
    edge::Edge,
    tls::Authority,
    wire::Message,
};
use serde::Deserialize;
use serde_json::Value;
use std::{net::UdpSocket, time::Duration};

/// The hosts, and how far their Routes are kept apart.
const HOSTS: [(&str, &str); 3] = [
    ("shared.example", "{cookies: Shared, originWide: Pass}"),
    ("confined.example", "{cookies: Confined}"),
    ("separate.example", "{cookies: Separate, originWide: Strip}"),
];

/// What the backend of `/b/*` could do to that of `/a/*`, and to its page.
#[derive(Debug, Deserialize, PartialEq)]
struct Findings {
    /// It gets the other's cookie.
    read: bool,
    /// The other gets its cookie instead of its own.
    overwritten: bool,
    /// The other's cookie is gone.
    signed_out: bool,
    /// So is what the other's page has stored.
    cleared: bool,
    /// Its service worker answers the other's requests.
    hijacked: bool,
    /// What the other's page sees of its cookies.
    visible: String,
}

/// The page of `/a/`, on which a user signs in and writes something, and then everything that the
/// other backend tries.
const ATTACK: &str = "
    (async () => {
        const text = async (path) => (await fetch(path, {cache: 'no-store'})).text();
        const gone = async () => !(await text('/a/whoami')).includes('sid=mine');
        const signIn = async () => {
            await text('/a/login');
            localStorage.setItem('draft', 'mine');
        };
        await signIn();
        const found = {visible: document.cookie};
        if (await gone()) throw new Error('not signed in');
        found.read = (await text('/b/whoami')).includes('sid=mine');
        // By the name that browsers know it by, too, which anybody can find out.
        const name = document.cookie.replace('theme=dark', 'sid');
        await fetch('/b/overwrite', {headers: {'x-name': name}});
        found.overwritten = await gone();
        await signIn();
        await text('/b/clear');
        found.signed_out = await gone();
        found.cleared = localStorage.getItem('draft') === null;
        found.hijacked = false;
        try {
            const workers = navigator.serviceWorker;
            const controlled = new Promise((resolve) => {
                workers.oncontrollerchange = resolve;
            });
            await workers.register('/b/sw.js', {scope: '/'});
            await controlled;
            found.hijacked = (await text('/a/whoami')) === 'hijacked';
        } catch (error) {
            if (error.name !== 'SecurityError') throw error;
        }
        return found;
    })()";

/// Takes over every page of the origin.
const WORKER: &str = "
    self.oninstall = () => self.skipWaiting();
    self.onactivate = (event) => event.waitUntil(self.clients.claim());
    self.onfetch = (event) => event.respondWith(new Response('hijacked'));";

fn reply(request: &Message) -> Reply {
    let cookies = request.field("cookie");
    let (lines, body) = match request.target() {
        "/a/" | "/b/" | "/c/" => ("Content-Type: text/html\r\n".to_owned(), "<!doctype html><title>a</title>"),
        "/a/login" => (
            "Set-Cookie: sid=mine; Path=/; Secure; HttpOnly\r\nSet-Cookie: theme=dark; Path=/; Secure\r\n"
                .to_owned(),
            "",
        ),
        "/b/overwrite" => (
            format!(
                "Set-Cookie: sid=theirs; Path=/; Secure; HttpOnly\r\nSet-Cookie: {}=theirs; Path=/; Secure\r\n",
                request.field("x-name")
            ),
            "",
        ),
        "/b/clear" => ("Clear-Site-Data: \"cookies\", \"storage\"\r\n".to_owned(), ""),
        "/b/alt" => (format!("Alt-Svc: {}\r\n", request.field("x-alt-svc")), ""),
        "/b/sw.js" => (
            "Content-Type: text/javascript\r\nService-Worker-Allowed: /\r\n".to_owned(),
            WORKER,
        ),
        _ => (String::new(), &*cookies),
    };
    let length = body.len();
    Reply::raw(format!("HTTP/1.1 200 OK\r\n{lines}Content-Length: {length}\r\n\r\n{body}"))
}

/// `lines` are more of the Routes of `/c/*`.
fn manifests(backend: &Backend, lines: &str) -> String {
    let mut all = service("app", "http", &[backend.address()]);
    for (host, isolation) in HOSTS {
        let name = host.trim_end_matches(".example");
        let route = |prefix: &str| {
            format!(
                "---
apiVersion: portico.dev/v1alpha1
kind: Route
metadata: {{name: {name}-{prefix}, namespace: web}}
spec:
  frontDoorRef: {{name: {name}}}
  matches: [{{path: /{prefix}/*}}]
  backends: [{{service: {{name: app, port: 80}}}}]
"
            )
        };
        all += &format!(
            "---
apiVersion: portico.dev/v1alpha1
kind: FrontDoor
metadata: {{name: {name}, namespace: web}}
spec:
  hosts: [{{name: {host}, tls: {{secretRef: {{name: tls}}}}}}]
  isolation: {isolation}
"
        );
        all += &(route("a") + &route("b") + &route("c") + lines);
    }
    all
}

/// The backend of all Routes, the front door, and what a browser trusts of it.
async fn start(lines: &str) -> (Backend, Edge, Trust) {
    let authority = Authority::new("Portico's tests").unwrap();
    let certificate = authority.issue(&HOSTS.map(|(host, _)| host)).unwrap();
    let backend = Backend::scripted(reply).await.unwrap();
    let manifests = manifests(&backend, lines) + &certificate.secret("tls");
    let trust = Trust {
        keys: vec![certificate.public_key()],
        hosts: &["shared.example", "confined.example", "separate.example"],
        ..Trust::default()
    };
    (backend, Edge::start(&manifests).await.unwrap(), trust)
}

/// Goes to a page.
fn open(browser: &mut Chromium, url: &str) {
    browser.open(url).unwrap();
    let loaded = format!("location.href === '{url}' && document.readyState === 'complete'");
    browser.wait_for(&loaded).unwrap();
}

fn findings(browser: &mut Chromium, url: &str) -> Findings {
    open(browser, url);
    let found: Value = browser.evaluate(ATTACK).unwrap();
    serde_json::from_value(found).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_backend_can_do_to_another_is_what_the_settings_allow() {
    let Some(program) = Kind::Chromium.find_or_skip() else { return };
    let (_backend, edge, trust) = start("").await;
    let port = edge.https().port();
    let [shared, confined, separate] = tokio::task::block_in_place(|| {
        let mut browser = Chromium::launch_with(&program, &trust).unwrap();
        HOSTS.map(|(host, _)| findings(&mut browser, &format!("https://{host}:{port}/a/")))
    });
    let everything = Findings {
        read: true,
        overwritten: true,
        signed_out: true,
        cleared: true,
        hijacked: true,
        visible: "theme=dark".to_owned(),
    };
    assert_eq!(shared, everything);
    let of_its_path = Findings {
        read: false,
        overwritten: false,
        ..Findings { visible: "theme=dark".to_owned(), ..everything }
    };
    assert_eq!(confined, of_its_path);
    let tag = separate.visible.strip_suffix("theme=dark").unwrap().to_owned();
    assert!(tag.starts_with("p.") && tag.len() == 19, "{tag}");
    let nothing = Findings {
        read: false,
        overwritten: false,
        signed_out: false,
        cleared: false,
        hijacked: false,
        visible: format!("{tag}theme=dark"),
    };
    assert_eq!(separate, nothing);
}

/// Whether the browser talks to the server that `Alt-Svc` in responses for this path names, which is
/// `elsewhere`.
fn is_led_away(browser: &mut Chromium, url: &str, elsewhere: &UdpSocket) -> bool {
    open(browser, url);
    let alt_svc = alt_svc(elsewhere);
    let script = format!(
        "(async () => {{
            for (let i = 0; i < 10; i += 1) {{
                await fetch('alt', {{cache: 'no-store', headers: {{'x-alt-svc': '{alt_svc}'}}}});
                await new Promise((resolve) => setTimeout(resolve, 50));
            }}
        }})()"
    );
    browser.evaluate(&script).unwrap();
    elsewhere.recv(&mut [0; 2048]).is_ok()
}

fn alt_svc(elsewhere: &UdpSocket) -> String {
    format!("h3=\":{}\"; ma=60", elsewhere.local_addr().unwrap().port())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_backend_leads_browsers_past_the_front_door() {
    let Some(program) = Kind::Chromium.find_or_skip() else { return };
    let elsewhere = UdpSocket::bind("127.0.0.1:0").unwrap();
    elsewhere.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
    let edit = format!(
        "  responseHeaders: {{set: [{{name: alt-svc, value: '{}'}}]}}\n",
        alt_svc(&elsewhere)
    );
    let (_backend, edge, trust) = start(&edit).await;
    let port = edge.https().port();
    let trust = Trust { quic: true, ..trust };
    tokio::task::block_in_place(|| {
        let mut browser = Chromium::launch_with(&program, &trust).unwrap();
        // Whoever writes a Route of the last path leads them there, unless the FrontDoor strips it.
        for (host, path, expected) in [
            ("shared.example", "b", false),
            ("separate.example", "b", false),
            ("separate.example", "c", false),
            ("shared.example", "c", true),
        ] {
            let url = format!("https://{host}:{port}/{path}/");
            assert_eq!(is_led_away(&mut browser, &url, &elsewhere), expected, "{url}");
        }
    });
}

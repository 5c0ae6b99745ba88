//! What the documentation's tables say is asked of a real dataplane, which serves the manifests of
//! the table's own page.

use crate::{
    blocks, pages,
    table::{Call, Preflight, Row, rows},
};
use portico_tests::{
    backend::{Backend, Reply, service},
    edge::{Edge, Setup},
    wire::{Message, ask},
};
use std::{collections::BTreeSet, fs, net::SocketAddr};

/// The front door of a page, and the backend of all its Routes.
struct Stage {
    edge: Edge,
    backend: Backend,
}

impl Stage {
    /// Sends a request: the answer, and how many requests the backend got for it.
    async fn send(&self, request: String) -> (Message, usize) {
        let before = self.backend.requests().len();
        let answer = ask(self.edge.address(), request).await.unwrap();
        (answer, self.backend.requests().len() - before)
    }

    /// Asks what a browser would ask before the call of this row, and checks what the row claims.
    async fn preflight(&self, row: &Row) {
        assert_eq!(row.preflight != Preflight::None, row.needs_preflight(), "asks: {row:?}");
        if row.preflight == Preflight::None {
            return;
        }
        let (answer, reached) = self.send(row.preflight_request()).await;
        let (status, wanted, passes) = match row.preflight {
            Preflight::None | Preflight::Backend => (200, "*", 1),
            Preflight::Allowed => (204, row.origin.as_deref().unwrap(), 0),
            Preflight::Denied => (403, "", 0),
        };
        let head = &answer.head;
        assert_eq!((answer.status(), reached), (status, passes), "{row:?}: {head}");
        assert_eq!(answer.field("access-control-allow-origin"), wanted, "{row:?}: {head}");
        match row.preflight {
            Preflight::None | Preflight::Backend => {}
            Preflight::Allowed => check_permission(row, &answer),
            Preflight::Denied => {
                assert!(!head.contains("access-control-"), "{row:?}: {head}");
                check_why(row, &answer);
            }
        }
    }

    /// Sends the call of this row, if a browser would, and checks what the row claims.
    async fn call(&self, row: &Row) {
        let denied = row.preflight == Preflight::Denied;
        assert_eq!(row.call == Call::NotSent, denied, "a denied call is not sent: {row:?}");
        let origin = row.origin.as_deref().filter(|_| !row.is_same_origin());
        let (status, allowed, cookies) = match row.call {
            Call::NotSent => return,
            Call::Read => (200, origin, ""),
            Call::ReadWithCookies => (200, origin, "true"),
            Call::NotRead => (200, None, ""),
            Call::Refused => (403, None, ""),
            Call::Backend => (200, Some("*"), ""),
            Call::Opens => (101, origin, ""),
        };
        let (answer, reached) = self.send(row.call_request()).await;
        let head = &answer.head;
        let arrives = usize::from(status != 403);
        assert_eq!((answer.status(), reached), (status, arrives), "{row:?}: {head}");
        // Who is of no other origin reads whatever the headers say.
        if origin.is_some() {
            let said = answer.field("access-control-allow-origin");
            assert_eq!(said, allowed.unwrap_or_default(), "{row:?}: {head}");
            assert_eq!(
                answer.field("access-control-allow-credentials"),
                cookies,
                "{row:?}: {head}"
            );
        }
        check_why(row, &answer);
        self.check_arrival(row);
    }

    /// What the backend got.
    fn check_arrival(&self, row: &Row) {
        let Some((line, fields)) = row.backend_gets.split_first() else { return };
        let got = self.backend.last().unwrap();
        assert!(got.start_line().starts_with(&format!("{line} ")), "{row:?}: {}", got.head);
        for (name, value) in fields.iter().map(|field| field.split_once(": ").unwrap()) {
            assert_eq!(got.field(name), value, "{row:?}: {}", got.head);
        }
    }
}

/// The call may be sent by what a preflight's answer says (Fetch, "CORS-preflight fetch").
fn check_permission(row: &Row, answer: &Message) {
    let lists = |field: &str, wanted: &str| {
        answer.field(field).split(',').any(|listed| listed.trim() == wanted)
    };
    let method = &*row.method;
    let simple = matches!(method, "GET" | "HEAD" | "POST");
    assert!(simple || lists("access-control-allow-methods", method), "{row:?}: {}", answer.head);
    for name in row.lines.iter().filter_map(|line| line.split(':').next()) {
        assert!(lists("access-control-allow-headers", name), "{row:?}: {}", answer.head);
    }
}

fn check_why(row: &Row, answer: &Message) {
    let why = row.why.as_deref().unwrap_or_default();
    assert_eq!(answer.field("portico-cors"), why, "{row:?}");
}

/// The page with its external backends at `backend`, and the load balancer that it trusts on this
/// machine.
fn at_home(page: &str, backend: SocketAddr) -> String {
    let external = |rest: &str| rest.split('"').next().map(str::to_owned);
    let urls: BTreeSet<_> = page.split("external: {url: \"").skip(1).filter_map(external).collect();
    let page = page.replace("trustedProxies: [10.0.0.0/8]", "trustedProxies: [127.0.0.0/8]");
    urls.iter().fold(page, |page, url| page.replace(url, &format!("http://{backend}")))
}

/// A page's manifests, and the Services that its Routes name.
fn manifests(page: &str, backend: SocketAddr) -> String {
    let named = page.split("service: {name: ").skip(1);
    let names: BTreeSet<_> = named.filter_map(|rest| rest.split(',').next()).collect();
    let services = names.iter().map(|name| service(name, "http", &[backend]));
    let blocks = blocks(page, "yaml").into_iter().map(|block| format!("---\n{block}"));
    blocks.chain(services).collect()
}

/// A backend of the application's: it has CORS headers of its own, that let everybody in.
async fn application() -> Backend {
    Backend::scripted(|request| {
        if request.fields("upgrade").is_empty() {
            Reply::raw(
                "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nAccess-Control-Allow-Origin: *\r\n\r\n",
            )
        } else {
            Reply::raw(
                "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
            )
        }
    })
    .await
    .unwrap()
}

#[tokio::test]
async fn tables_say_what_happens() {
    let mut asked = 0;
    for path in pages() {
        let backend = application().await;
        let page = at_home(&fs::read_to_string(&path).unwrap(), backend.address());
        let rows = rows(&page);
        if rows.is_empty() {
            continue;
        }
        let setup = Setup { allow_external: vec!["127.0.0.1"], ..Setup::default() };
        let manifests = manifests(&page, backend.address());
        let edge = Edge::start_with(setup, &manifests).await;
        let edge = edge.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        asked += rows.len();
        let stage = Stage { edge, backend };
        for row in &rows {
            stage.preflight(row).await;
            stage.call(row).await;
        }
    }
    assert!(asked > 40, "only {asked} rows were found");
}

//! Front doors that `portico import azure-front-door` has imported answer as Azure's documentation
//! says that those of the source do.

#![allow(clippy::unwrap_used, clippy::panic)]

use portico::import::{Verdict, azure, read};
use portico_tests::{
    backend::{Backend, Reply},
    edge::{Edge, Setup},
    wire::{Message, ask},
};
use std::time::Duration;

/// A front door that was imported, and a backend of its own for each host of the source's.
struct Imported {
    edge: Edge,
    backends: Vec<(&'static str, Backend)>,
}

/// What a request gets.
#[derive(Debug, PartialEq)]
enum Gets {
    /// This backend's response, for this path.
    Backend(&'static str, &'static str),
    /// A redirect.
    Redirect(u16, &'static str),
    /// A response of the front door's own.
    Status(u16),
}

impl Imported {
    /// Imports an input of the importer's tests. Requests come by a load balancer that says which
    /// scheme they have.
    async fn start(input: &str, hosts: &[&'static str], fails: &'static str) -> Self {
        let inputs = portico_tests::root().join("controller/tests/import_azure/inputs");
        let parameters = read(&[inputs.join("classic.parameters.json")]).unwrap();
        let imported = azure(&read(&[inputs.join(input)]).unwrap(), &parameters);
        let written = imported.files().unwrap();
        let mut manifests: String = written.into_iter().map(|file| file.text).collect();
        let mut backends = Vec::new();
        for &host in hosts {
            let is_down = host == fails;
            let backend = Backend::scripted(move |request| match request.target() {
                "/healthz" | "/health" if is_down => {
                    Reply::raw("HTTP/1.1 503 Down\r\nContent-Length: 0\r\n\r\n")
                }
                _ => Reply::ok(host),
            });
            let backend = backend.await.unwrap();
            let here = format!("url: http://{}\n", backend.address());
            for url in [format!("https://{host}"), format!("https://{host}:8443")] {
                manifests = manifests.replace(&format!("url: {url}\n"), &here);
            }
            backends.push((host, backend));
        }
        assert!(!manifests.contains("url: https"), "{manifests}");
        let hosts = "\n  hosts:\n  - name: ";
        let trusted = format!("\n  trustedProxies: [127.0.0.0/8]{hosts}");
        let manifests =
            manifests.replacen(hosts, &trusted, 1).replace("interval: 1m", "interval: 1s");
        let setup = Setup {
            allow_external: vec!["127.0.0.1"],
            public_https_port: Some(443),
            ..Setup::default()
        };
        Self { edge: Edge::start_with(setup, &manifests).await.unwrap(), backends }
    }

    async fn ask(&self, url: &str, fields: &str) -> Message {
        let (scheme, rest) = url.split_once("://").unwrap();
        let (host, path) = rest.split_once('/').unwrap();
        let request = format!(
            "GET /{path} HTTP/1.1\r\nHost: {host}\r\nX-Forwarded-Proto: {scheme}\r\nX-Forwarded-For: 203.0.113.9\r\n{fields}Connection: close\r\n\r\n"
        );
        ask(self.edge.address(), request).await.unwrap()
    }

    async fn check(&self, url: &str, fields: &str, gets: Gets) -> Message {
        let answer = self.ask(url, fields).await;
        match gets {
            Gets::Backend(host, path) => {
                assert_eq!((answer.status(), answer.text().as_str()), (200, host), "{url}");
                assert_eq!(self.last(host).target(), path, "{url}");
            }
            Gets::Redirect(status, location) => {
                let got = (answer.status(), answer.field("location"));
                assert_eq!(got, (status, location.to_owned()), "{url}");
            }
            Gets::Status(status) => assert_eq!(answer.status(), status, "{url}"),
        }
        answer
    }

    /// The last request that a backend got, but for health checks, which come at any time.
    fn last(&self, host: &str) -> Message {
        let (_, backend) = self.backends.iter().find(|(own, _)| *own == host).unwrap();
        let mut requests = backend.requests().into_iter().rev();
        requests.find(|request| !request.target().starts_with("/health")).unwrap()
    }
}

const CLASSIC: [&str; 5] = [
    "web.contoso.net",
    "web-standby.contoso.net",
    "api.contoso.net",
    "api-next.contoso.net",
    "shop.contoso.net",
];

#[tokio::test]
async fn paths_redirects_and_rewrites_of_a_classic_front_door() {
    // The weights of the API are tested on their own.
    let door = Imported::start("classic.json", &CLASSIC, "").await;
    use Gets::{Backend, Redirect, Status};
    for (url, gets) in [
        ("http://www.contoso.com/api/x?a=b", Redirect(308, "https://www.contoso.com/api/x?a=b")),
        ("https://www.contoso.com/", Backend("web.contoso.net", "/")),
        ("https://www.contoso.com/apis", Backend("web.contoso.net", "/apis")),
        ("https://www.contoso.com/blog", Backend("web.contoso.net", "/blog")),
        ("https://www.contoso.com/blog/1", Redirect(308, "https://blog.contoso.com/archive")),
        (
            "https://www.contoso.com/blog/?a=b",
            Redirect(308, "https://blog.contoso.com/archive?a=b"),
        ),
        ("https://shop.contoso.com/blog/1", Backend("shop.contoso.net", "/blog/1")),
        ("https://elsewhere.contoso.com/", Status(404)),
    ] {
        door.check(url, "", gets).await;
    }
    for (path, forwarded) in
        [("api", "/v1/"), ("api/", "/v1/"), ("api/orders?q=1", "/v1/orders?q=1")]
    {
        let answer = door.ask(&format!("https://www.contoso.com/{path}"), "").await;
        let host = answer.text();
        assert!(host == "api.contoso.net" || host == "api-next.contoso.net", "{host}");
        let got = door.last(&host);
        assert_eq!((got.target(), got.field("host").as_str()), (forwarded, "api.contoso.com"));
    }
    let answer = door.ask("https://shop.contoso.com/", "").await;
    assert_eq!(door.last("shop.contoso.net").field("host"), "shop.contoso.com");
    let cookie = answer.field("set-cookie");
    assert!(cookie.starts_with("affinity-shop=") && cookie.contains("Max-Age=3600"), "{cookie}");
}

#[tokio::test]
async fn the_rules_engine_of_a_classic_front_door() {
    let door = Imported::start("classic.json", &CLASSIC, "").await;
    let phone = "User-Agent: Mozilla/5.0 (iPhone)\r\nX-Debug: 1\r\n";
    let answer = door
        .check("https://www.contoso.com/APP/x", phone, Gets::Backend("shop.contoso.net", "/APP/x"))
        .await;
    // It stops, so that the next rule does not act.
    assert_eq!(answer.field("x-content-type-options"), "");
    let got = door.last("shop.contoso.net");
    assert_eq!(
        (got.field("host").as_str(), got.field("x-debug").as_str()),
        ("www.contoso.com", "1")
    );
    let answer = door
        .check("https://www.contoso.com/other", phone, Gets::Backend("web.contoso.net", "/other"))
        .await;
    assert_eq!(answer.field("x-content-type-options"), "nosniff");
    assert_eq!(door.last("web.contoso.net").field("x-debug"), "");
}

#[tokio::test]
async fn weights_and_priorities_of_a_classic_front_door() {
    let door = Imported::start("classic.json", &CLASSIC, "web.contoso.net").await;
    let mut next = 0;
    for _ in 0..300 {
        let answer = door.ask("https://www.contoso.com/api", "").await;
        next += usize::from(answer.text() == "api-next.contoso.net");
    }
    assert!((5..80).contains(&next), "{next} of 300, where 10% are to be expected");
    // The first priority is down.
    for _ in 0..100 {
        let answer = door.ask("https://www.contoso.com/", "").await;
        if answer.text() == "web-standby.contoso.net" {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("the standby never gets requests");
}

#[tokio::test]
async fn a_profile_with_its_rule_set() {
    let hosts = ["west.contoso.net", "east.contoso.net", "contoso.blob.core.windows.net"];
    let door = Imported::start("standard.json", &hosts, "").await;
    let files = "contoso.blob.core.windows.net";
    use Gets::{Backend, Redirect, Status};
    for (url, fields, gets) in [
        ("http://app.contoso.com/x?a=b", "", Redirect(307, "https://app.contoso.com/x?a=b")),
        (
            "https://app.contoso.com/login?tenant=a%2Fb",
            "",
            Redirect(307, "https://login.contoso.com/a%2Fb/sign-in?tenant=a%2Fb"),
        ),
        ("https://app.contoso.com/files/a.txt", "", Backend(files, "/public/a.txt")),
        ("https://main.azurefd.net/files/a.txt", "", Backend(files, "/public/a.txt")),
        ("https://main.azurefd.net/files", "", Status(404)),
        ("https://main.azurefd.net/", "", Status(404)),
        (
            "https://app.contoso.com/files",
            "Cookie: beta=1\r\nAccept-Language: DE-at\r\n",
            Backend(files, "/beta/files"),
        ),
        (
            "https://app.contoso.com/a/b",
            "Cookie: beta=1\r\nAccept-Language: de\r\n",
            Backend(files, "/beta/a/b"),
        ),
    ] {
        door.check(url, fields, gets).await;
    }
    let answer = door.ask("https://app.contoso.com/x", "Cookie: beta=1\r\n").await;
    let host = answer.text();
    assert!(host == "west.contoso.net" || host == "east.contoso.net", "{host}");
    assert_eq!(door.last(&host).field("x-client"), "203.0.113.9 by https");
    assert!(answer.fields("vary").contains(&"X-Client"), "{}", answer.head);
}

#[test]
fn the_documented_example_becomes_what_is_documented() {
    let page = portico_tests::root().join("docs/import-azure-front-door.md");
    let page = std::fs::read_to_string(page).unwrap();
    let blocks = |language| portico_tests::blocks(&page, language);
    let example = blocks("json").into_iter().find(|block| block.contains("resources")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("example.json");
    std::fs::write(&path, example).unwrap();
    let imported = azure(&read(&[path]).unwrap(), &[]);
    let written = imported.files().unwrap();
    let manifests: String = written.into_iter().map(|file| file.text).collect();
    assert_eq!(blocks("yaml").concat(), manifests);
    let entries = imported.report.iter().filter(|entry| entry.verdict != Verdict::Kept);
    let said: String = entries
        .map(|entry| {
            let verdict = format!("{:?}", entry.verdict).to_lowercase();
            format!("{verdict} {}: {}\n", entry.field, entry.why)
        })
        .collect();
    assert_eq!(blocks("text").concat(), said);
}

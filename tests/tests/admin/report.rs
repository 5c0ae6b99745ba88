//! `/report`, and `portico report` as a process that asks for it.

use super::Site;
use portico_tests::{binary, wire::Message};
use serde_json::{Value, json};
use std::{
    fs,
    io::{Read, Write},
    net::{SocketAddr, TcpListener},
    path::Path,
    process::Command,
    time::Instant,
};

/// What a run of `portico report` gave: its exit status, output and errors.
struct Ran {
    code: Option<i32>,
    out: String,
    err: String,
}

async fn portico_report(admin: SocketAddr, folder: &Path, flags: &[&str]) -> Ran {
    let admin = admin.to_string();
    let mut command = Command::new(binary::portico().unwrap());
    command.args(["report", "--admin", &admin]).args(flags).current_dir(folder);
    let run = tokio::task::spawn_blocking(move || command.output().unwrap());
    let output = run.await.unwrap();
    let [out, err] = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
    Ran { code: output.status.code(), out, err }
}

impl Site {
    /// Four calls and a failure that share the page's origin, of which two would have needed a
    /// preflight, and three preflights from other origins, one of which is allowed.
    async fn visit(&self) {
        for _ in 0..2 {
            assert_eq!(self.request("GET", "/", "").await, 200);
            let own = "Origin: http://www.ep.com\r\nContent-Length: 0\r\n";
            assert_eq!(self.request("PUT", "/", own).await, 200);
        }
        assert_eq!(self.request("GET", "/fail", "").await, 500);
        for (method, origin) in [("PUT", "app"), ("DELETE", "app"), ("PUT", "evil")] {
            let asks = format!(
                "Origin: https://{origin}.example.com\r\nAccess-Control-Request-Method: {method}\r\n"
            );
            self.request("OPTIONS", "/cross", &asks).await;
        }
    }

    /// The report once it has so many requests.
    async fn reported(&self, requests: u64) -> Value {
        let start = Instant::now();
        loop {
            let report = self.json("/report").await;
            if report["total"]["requests"] == requests {
                return report;
            }
            assert!(start.elapsed() < portico_tests::wire::PATIENCE, "{report:#}");
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    }

    async fn accept(&self, query: &str, accept: &str) -> Message {
        let head = format!("Host: localhost\r\nAccept: {accept}\r\n");
        self.ask(&format!("GET /report{query} HTTP/1.1\r\n{head}\r\n")).await
    }
}

fn route<'r>(report: &'r Value, name: &str) -> &'r Value {
    let mut routes = report["routes"].as_array().unwrap().iter();
    routes.find(|route| route["route"] == name).unwrap()
}

#[tokio::test]
async fn a_report_has_what_each_route_saved() {
    let site = Site::start(&["--access-log=off"]).await;
    let nothing = site.json("/report").await;
    assert_eq!((&nothing["routes"], &nothing["total"]["requests"]), (&json!([]), &json!(0)));
    site.visit().await;
    let report = site.reported(8).await;
    assert_eq!(report["source"], "process");
    assert!(report["from"].as_str().unwrap() < report["to"].as_str().unwrap(), "{report}");
    let app = route(&report, "web/app");
    for (field, value) in [
        ("requests", json!(5)),
        ("calls", json!(5)),
        ("errors", json!(1)),
        ("errorShare", json!(0.2)),
        ("share", json!(0.625)),
        ("avoided", json!(2)),
        ("avoidedShare", json!(0.4)),
    ] {
        assert_eq!(app[field], value, "{field}: {app}");
    }
    let number = |field: &str| app[field].as_f64().unwrap();
    assert!(number("savedSeconds") >= 0.0 && number("savedSecondsPerCall") >= 0.0, "{app}");
    assert!(number("responseSeconds") > 0.0, "{app}");
    assert!((number("responseSeconds") / 5.0 - number("secondsPerCall")).abs() < 1e-9, "{app}");
    assert!(number("p50Seconds") > 0.0 && number("p50Seconds") <= number("p99Seconds"), "{app}");
    let cross = route(&report, "web/cross");
    assert_eq!(cross["preflights"], json!({"answered": 1, "forwarded": 0, "denied": 2}));
    assert_eq!((&cross["requests"], &cross["calls"]), (&json!(3), &json!(0)));
    assert_eq!(cross.get("secondsPerCall"), None, "there was no call");
    // The same numbers as those that are scraped.
    let scraped = site.serve.metric("portico_cors_preflights_avoided_total{route=\"web/app\"");
    assert_eq!(app["avoided"].as_f64(), Some(scraped.unwrap()));
}

#[tokio::test]
async fn its_form_is_the_one_that_is_asked_for() {
    let site = Site::start(&[]).await;
    site.visit().await;
    site.reported(8).await;
    let html = site.accept("?since=1h", "text/html,*/*;q=0.8").await;
    assert_eq!(html.field("content-type"), "text/html; charset=utf-8");
    let (page, policy) = (html.text(), html.field("content-security-policy"));
    assert!(page.contains("<h1>2 preflights avoided, "), "{page}");
    let own = page.split_once("style-src ").unwrap().1.split('"').next().unwrap().to_owned();
    assert!(own.starts_with("'sha256-") && policy.contains(&own), "{policy} and {own}");
    assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"));
    let text = site.accept("?format=text", "text/html").await;
    assert_eq!(text.field("content-type"), "text/plain; charset=utf-8");
    assert!(text.text().starts_with("2 preflights avoided, "), "{}", text.text());
    for (query, remedy) in [("?since=soon", "24h"), ("?format=xml", "html"), ("?sinec=1h", "since")]
    {
        let refused = site.accept(query, "*/*").await;
        assert_eq!(refused.status(), 400, "{query}");
        assert!(refused.text().contains(remedy), "{query}: {}", refused.text());
    }
}

#[tokio::test]
async fn the_command_prints_it_and_compares_it_with_an_earlier_one() {
    let (site, folder) = (Site::start(&["--access-log=off"]).await, tempfile::tempdir().unwrap());
    site.visit().await;
    site.reported(8).await;
    let json = portico_report(site.serve.admin, folder.path(), &["-o", "json"]).await;
    assert_eq!((json.code, json.err.as_str()), (Some(0), ""));
    let printed: Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(printed["total"]["avoided"], 2);
    fs::write(folder.path().join("before.json"), &json.out).unwrap();

    site.visit().await;
    site.reported(16).await;
    let flags = ["--since=1h", "--baseline", "before.json"];
    let text = portico_report(site.serve.admin, folder.path(), &flags).await;
    assert_eq!((text.code, text.err.as_str()), (Some(0), ""));
    assert!(text.out.starts_with("4 preflights avoided, "), "{}", text.out);
    let compared = text.out.split_once("Before and after\n").unwrap().1;
    assert!(compared.contains("  web/app"), "{}", text.out);
    let html =
        portico_report(site.serve.admin, folder.path(), &[&flags[..], &["--html"]].concat()).await;
    assert!(html.out.starts_with("<!doctype html>") && html.out.contains("Before and after"));
    let json =
        portico_report(site.serve.admin, folder.path(), &[&flags[..], &["-o=json"]].concat()).await;
    let compared: Value = serde_json::from_str(&json.out).unwrap();
    let cross = &compared["comparison"]["routes"];
    assert_eq!(cross.as_array().unwrap().len(), 2, "{compared:#}");
    assert!(cross[0]["difference"]["requestsPerSecond"].is_f64(), "{compared:#}");
}

#[tokio::test]
async fn a_file_that_is_no_report_is_refused_with_its_field() {
    let folder = tempfile::tempdir().unwrap();
    let good = r#"{"from": "2026-11-30T06:00:00Z", "to": "2026-11-30T07:00:00Z", "source": "process", "routes":
        [{"route": "web/a", "requests": 1, "errors": 0, "preflights": {"answered": 0, "forwarded": 0, "denied": 0},
        "avoided": 0, "savedSeconds": 0.0, "responseSeconds": 0.1}]}"#;
    let nobody = SocketAddr::from(([127, 0, 0, 1], 1));
    for (old, new, said) in [
        ("\"requests\": 1", "\"requests\": -1", "routes[0].requests: "),
        ("\"requests\": 1,", "", "routes[0]: missing field `requests`"),
        ("0.1}", "-0.1}", "routes[0].responseSeconds: a time can't be negative"),
        ("T07", "T05", "to: it must be later than 'from'"),
        ("2026-11-30T06:00:00Z", "yesterday", "from: "),
        (good, "[]", "portico report -o json"),
        (good, "", "portico report -o json"),
    ] {
        fs::write(folder.path().join("bad.json"), good.replace(old, new)).unwrap();
        let ran = portico_report(nobody, folder.path(), &["--baseline", "bad.json"]).await;
        assert_eq!((ran.code, ran.out.as_str()), (Some(2), ""), "{new}: {}", ran.err);
        assert!(ran.err.contains("--baseline bad.json: ") && ran.err.contains(said), "{}", ran.err);
    }
    let ran = portico_report(nobody, folder.path(), &["--baseline", "none.json"]).await;
    assert_eq!(ran.code, Some(2));
    assert!(ran.err.contains("none.json: No such file"), "{}", ran.err);
}

/// A server that says the same to one client.
fn server(response: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let _ = stream.read(&mut [0; 1024]);
        let _ = stream.write_all(response.as_bytes());
    });
    address
}

#[tokio::test]
async fn an_error_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let not_found = "HTTP/1.1 404 Not Found\r\nContent-Length: 48\r\n\r\n";
    let old: &str =
        Box::leak(format!("{not_found}{:<48}", "/livez  alive\n/readyz  ready\n").into());
    for (admin, said) in [
        (closed, "kubectl port-forward"),
        (server("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"), "not the admin port"),
        (server("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"), "not the admin port"),
        (server(old), "too old"),
        (server("HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{"), "broken"),
        (server("SSH-2.0-OpenSSH_9.2\r\n"), "broken"),
    ] {
        let ran = portico_report(admin, folder.path(), &[]).await;
        assert_eq!((ran.code, ran.out.as_str()), (Some(1), ""));
        assert!(ran.err.contains(&format!("--admin {admin}: ")), "{}", ran.err);
        assert!(ran.err.contains(said), "{said}: {}", ran.err);
    }
}

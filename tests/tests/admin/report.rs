//! `/report`.

use super::Site;
use portico_tests::wire::Message;
use serde_json::{Value, json};
use std::time::Instant;

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

//! `/api/failures`.

use super::Site;
use portico_tests::wire::{PATIENCE, Wire};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

impl Site {
    /// The list, once it has this many, which takes up to a second.
    async fn failures(&self, wanted: usize) -> Vec<Value> {
        let start = Instant::now();
        loop {
            let list = self.json("/api/failures").await["failures"].as_array().unwrap().clone();
            if list.len() == wanted {
                return list;
            }
            assert!(start.elapsed() < PATIENCE, "{} of {wanted}: {list:#?}", list.len());
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

#[tokio::test]
async fn refused_and_failed_requests_are_listed_with_their_reason() {
    let site = Site::start(&["--access-log=off"]).await;
    assert_eq!(site.request("GET", "/good", "").await, 200);
    assert_eq!(site.failures(0).await, Vec::<Value>::new());
    let long = format!("/gone/../{}", "long/".repeat(200));
    for (method, target, status) in [
        ("GET", "/fail?token=secret", 500),
        ("GET", "/gone?token=secret", 503),
        ("DELETE", "/broken/x", 503),
        ("GET", "/%zz", 400),
        ("TRACE", long.as_str(), 405),
    ] {
        assert_eq!(site.request(method, target, "").await, status, "{method} {target}");
    }
    // The list is of all workers, in the order of time.
    let list = site.failures(5).await;
    let parts = |failed: &Value| {
        json!([
            failed["method"],
            failed["path"],
            failed["status"],
            failed["reason"],
            failed["route"]
        ])
    };
    assert_eq!(parts(&list[4]), json!(["GET", "/fail", 500, null, "web/app"]));
    assert_eq!(parts(&list[3]), json!(["GET", "/gone", 503, "NoEndpoint", "web/gone"]));
    assert_eq!(
        parts(&list[2]),
        json!(["DELETE", "/broken/x", 503, "RouteNotAccepted", "web/broken"])
    );
    assert_eq!(parts(&list[1]), json!(["GET", null, 400, "InvalidPath", null]));
    assert_eq!(list[0]["reason"], "MethodNotAllowed");
    assert_eq!(list[0]["path"].as_str().unwrap().len(), 256);
    for failed in &list {
        assert_eq!(failed["host"], "www.ep.com");
        assert_eq!(failed["requestId"].as_str().unwrap().len(), 32);
        assert!(failed["at"].as_str().unwrap().ends_with('Z'), "{failed}");
    }
}

#[tokio::test]
async fn a_response_that_breaks_off_is_listed_with_what_is_known() {
    for (log, path) in [("text", json!("/cut")), ("off", Value::Null)] {
        let site = Site::start(&[&format!("--access-log={log}")]).await;
        let mut wire = Wire::connect(site.serve.http).await.unwrap();
        wire.send("GET /cut?token=secret HTTP/1.1\r\nHost: www.ep.com\r\n\r\n").await.unwrap();
        let answer = String::from_utf8(wire.read_to_end().await.unwrap()).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("half"), "{answer}");
        let failed = &site.failures(1).await[0];
        assert_eq!((&failed["status"], &failed["path"]), (&json!(200), &path), "{failed}");
        assert_eq!(failed["reason"], "BackendBroken", "{failed}");
        assert_eq!(failed["route"], "web/app", "{failed}");
    }
}

#[tokio::test]
async fn the_list_keeps_the_last_hundred() {
    let site = Site::start(&[]).await;
    for number in 0..130 {
        assert_eq!(site.request("GET", &format!("/broken/{number}"), "").await, 503);
    }
    let newest = |list: &[Value]| list[0]["path"] == "/broken/129";
    let start = Instant::now();
    loop {
        let list = site.failures(100).await;
        if newest(&list) {
            let oldest = list.last().unwrap()["path"].clone();
            // Each worker keeps a hundred, so none of the last hundred is missing.
            return assert_eq!(oldest, "/broken/30");
        }
        assert!(start.elapsed() < PATIENCE, "{list:#?}");
    }
}

//! `/api/history`.

use super::Site;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// Longer than a slot, however slow the machine is.
const PATIENCE: Duration = Duration::from_secs(60);

fn sum(counts: &Value) -> u64 {
    counts.as_array().unwrap().iter().filter_map(Value::as_u64).sum()
}

#[tokio::test]
async fn requests_are_in_the_slot_in_which_they_ended() {
    let site = Site::start(&[]).await;
    for _ in 0..5 {
        assert_eq!(site.request("GET", "/", "").await, 200);
    }
    assert_eq!(site.request("GET", "/fail", "").await, 500);
    let start = Instant::now();
    let query = "/api/history?route=web%2Fapp&route=web/gone&route=nothing";
    let shown = loop {
        let shown = site.json(query).await;
        if sum(&shown["routes"]["web/app"]["requests"]) == 6 {
            break shown;
        }
        assert!(start.elapsed() < PATIENCE, "{shown}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    };
    assert_eq!(shown["slotSeconds"], 10);
    assert_eq!(sum(&shown["routes"]["web/app"]["errors"]), 1, "{shown}");
    let none = json!({"requests": [], "errors": []});
    assert_eq!(shown["routes"]["web/gone"], none, "it has had no request");
    assert_eq!(shown["routes"].as_object().unwrap().len(), 2);
}

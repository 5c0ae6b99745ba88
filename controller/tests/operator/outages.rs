//! The API server goes away and comes back.

use crate::{
    answering,
    api_server::{Outage, ROUTES},
    cluster,
    program::{Operator, get, until, until_within},
};
use serde_json::json;
use std::{net::SocketAddr, thread, time::Duration};

/// Long enough for delays that double to have grown.
const OUTAGE: Duration = Duration::from_secs(12);
/// What docs/operator.md promises.
const RECOVERY: Duration = Duration::from_secs(15);

fn is_over_soon_after(outage: Outage) {
    let api = cluster();
    let secrets = ["key", "foreign-key", "other"]
        .map(|name| json!({"metadata": crate::metadata(name, 1, "5")}));
    api.lists(crate::api_server::SECRETS, secrets.to_vec());
    let folder = tempfile::tempdir().unwrap();
    let mut operator = Operator::start(api.start(), folder.path(), &["--admin=127.0.0.1:0"]);
    let http: SocketAddr = operator.logged("serving http://").parse().unwrap();
    until("three statuses", || api.asked("PATCH", "/status").len() >= 3);

    api.begin(outage);
    thread::sleep(OUTAGE);
    assert!(get(http, "ours.example", "/hello").ends_with("hello"), "the last state is served");
    let written = api.asked("PATCH", "routes/hello/status").len();
    api.end_outage();

    until_within(RECOVERY, "a watch", || api.is_watched(ROUTES));
    let mut changed = answering(2, "welcome back");
    changed["metadata"]["resourceVersion"] = json!("9");
    api.lists(ROUTES, vec![changed.clone()]);
    api.modified(ROUTES, &changed);
    until_within(RECOVERY, "the change is served", || {
        get(http, "ours.example", "/hello").ends_with("welcome back")
    });
    until_within(RECOVERY, "its status is written", || {
        api.asked("PATCH", "routes/hello/status").len() > written
    });
    assert!(operator.child.try_wait().unwrap().is_none());
}

#[test]
fn soon_after_the_api_server_was_gone_changes_are_served_and_statuses_written() {
    is_over_soon_after(Outage::Gone);
}

#[test]
fn soon_after_the_api_server_answered_503_changes_are_served_and_statuses_written() {
    is_over_soon_after(Outage::Starting);
}

#[test]
fn soon_after_the_api_server_hung_changes_are_served_and_statuses_written() {
    is_over_soon_after(Outage::Hung);
}

//! The API server does not answer a request for a Secret that a Route refers to.

use crate::{
    answering,
    api_server::{LATE_SECRET, ROUTES, SECRETS},
    cluster, condition, metadata,
    program::{Operator, get, until},
};
use serde_json::json;
use std::net::SocketAddr;

/// And no status says that it does not exist.
#[test]
fn until_a_secret_is_read_the_last_version_that_does_without_it_is_served() {
    let api = cluster();
    let secrets = ["key", "foreign-key", "late"];
    api.lists(SECRETS, secrets.map(|name| json!({"metadata": metadata(name, 1, "5")})).to_vec());
    api.0.lock().unwrap().silent.insert(LATE_SECRET);
    let folder = tempfile::tempdir().unwrap();
    let operator = Operator::start(api.start(), folder.path(), &["--admin=127.0.0.1:0"]);
    let http: SocketAddr = operator.logged("serving http://").parse().unwrap();
    until("three statuses", || api.asked("PATCH", "/status").len() >= 3);

    let from = json!({"secretKeyRef": {"name": "late", "key": "token"}});
    let mut newer = answering(2, "newer");
    newer["spec"]["responseHeaders"] = json!({"set": [{"name": "x-key", "valueFrom": from}]});
    newer["metadata"]["resourceVersion"] = json!("2");
    api.modified(ROUTES, &newer);
    until("a status of it", || {
        condition(&api, "routes/hello", "Accepted")["observedGeneration"] == 2
    });
    let resolved = condition(&api, "routes/hello", "ResolvedRefs");
    assert_eq!(
        (&resolved["status"], &resolved["reason"]),
        (&json!("False"), &json!("SecretNotRead"))
    );
    let programmed = condition(&api, "routes/hello", "Programmed");
    assert_eq!(
        (&programmed["status"], &programmed["observedGeneration"]),
        (&json!("True"), &json!(1))
    );
    assert!(get(http, "ours.example", "/hello").ends_with("hello"));

    api.0.lock().unwrap().silent.clear();
    until("the newer version", || {
        let answer = get(http, "ours.example", "/hello");
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        answer.contains("x-key: sesam") && answer.ends_with("newer")
    });
    let observed = || condition(&api, "routes/hello", "Programmed")["observedGeneration"].clone();
    until("its status", || observed() == 2);
    for written in api.asked("PATCH", "/routes/hello/status") {
        assert!(!written.body.to_string().contains("does not exist"), "{written:?}");
    }
}

//! Several replicas: one writes statuses, the others tell it what they serve.

use crate::{
    answering,
    api_server::{ApiServer, Asked, ROUTES, SECRETS},
    cluster, condition, metadata,
    program::{Operator, until},
};
use portico_dataplane::stable_hash::fnv1a;
use serde_json::{Value, json};
use std::{
    path::Path,
    process::Command,
    thread,
    time::{Duration, Instant},
};

const OWN: &str = "portico-a";
const OTHER: &str = "portico-b";
const LEASE: &str = "/leases/portico-portico";

/// The key of a Pod's annotation.
fn key(pod: &str) -> String {
    format!("replica.portico.dev/{:016x}", fnv1a(pod.as_bytes()))
}

/// The annotation of the other replica, which serves all FrontDoors, and Routes up to this version.
fn report(routes: u64) -> Value {
    let seen = json!({"FrontDoor": {"": 1}, "Route": {"": routes}});
    let report = json!({"pod": OTHER, "uid": "uid-portico-b", "seen": seen});
    json!({"metadata": {"annotations": {key(OTHER): report.to_string()}}})
}

/// A cluster in which another replica has reported that it serves version 1 of everything.
fn with_another(spec: Value) -> ApiServer {
    let api = cluster();
    let secrets = ["key", "foreign-key"].map(|name| json!({"metadata": metadata(name, 1, "5")}));
    api.lists(SECRETS, secrets.to_vec());
    let metadata = json!({"name": "portico-portico", "namespace": "x", "resourceVersion": "1"});
    api.0.lock().unwrap().lease = Some(json!({"metadata": metadata, "spec": spec}));
    api.patch_lease(&report(1));
    api
}

/// What is known of the other replica's Pod.
fn pod(api: &ApiServer, ready: &str) {
    let path = format!("/api/v1/namespaces/x/pods/{OTHER}");
    let status = json!({"conditions": [{"type": "Ready", "status": ready}]});
    let pod = json!({"metadata": {"name": OTHER, "uid": "uid-portico-b"}, "status": status});
    api.0.lock().unwrap().objects.insert(path, pod);
}

fn start(api: &ApiServer, folder: &Path) -> Operator {
    Operator::start_in(Some(OWN), api.start(), folder, &["--admin=127.0.0.1:0"])
}

/// The Route in generation 2, which comes with version 9.
fn changed() -> Value {
    let mut route = answering(2, "goodbye");
    route["metadata"]["resourceVersion"] = json!("9");
    route
}

/// `Programmed` as it was written last: status, reason and generation.
fn programmed(api: &ApiServer) -> (String, String, i64) {
    let condition = condition(api, "routes/hello", "Programmed");
    let text = |key: &str| condition[key].as_str().unwrap().to_owned();
    (text("status"), text("reason"), condition["observedGeneration"].as_i64().unwrap())
}

fn is(status: &str, reason: &str) -> (String, String, i64) {
    (status.to_owned(), reason.to_owned(), 2)
}

#[test]
fn a_route_is_programmed_once_the_other_replica_serves_it_too() {
    let api = with_another(json!({}));
    pod(&api, "True");
    let folder = tempfile::tempdir().unwrap();
    let _operator = start(&api, folder.path());
    until("three statuses", || api.asked("PATCH", "/status").len() >= 3);
    assert_eq!(condition(&api, "routes/hello", "Programmed")["status"], "True");

    api.modified(ROUTES, &changed());
    // What is refused waits for nobody.
    let mut refused = answering(1, "");
    refused["metadata"] = metadata("refused", 1, "10");
    refused["spec"]["respond"]["status"] = json!(42);
    api.modified(ROUTES, &refused);
    until("a status", || !api.asked("PATCH", "/routes/refused/status").is_empty());
    until("Pending", || programmed(&api) == is("False", "Pending"));
    let written: Vec<_> = api.asked("PATCH", "/routes/").into_iter().map(|it| it.path).collect();
    let place = |name: &str| written.iter().rposition(|path| path.contains(name)).unwrap();
    assert!(place("refused") < place("hello"), "{written:?}");
    for r#type in ["Programmed", "Ready"] {
        let condition = condition(&api, "routes/hello", r#type);
        assert_eq!(condition["message"], "served by 1 of 2 replicas, not yet by portico-b");
    }
    assert_eq!(condition(&api, "routes/hello", "Accepted")["status"], "True");
    assert_eq!(condition(&api, "routes/hello", "Stalled")["status"], "False");

    api.patch_lease(&report(9));
    until("Programmed", || programmed(&api) == is("True", "Programmed"));
    assert_eq!(condition(&api, "routes/hello", "Ready")["status"], "True");
    // One that falls behind takes nothing back.
    api.patch_lease(&report(1));
    thread::sleep(Duration::from_secs(2));
    assert_eq!(programmed(&api), is("True", "Programmed"));
}

#[test]
fn a_replica_whose_pod_is_gone_is_forgotten() {
    let api = with_another(json!({}));
    let folder = tempfile::tempdir().unwrap();
    let _operator = start(&api, folder.path());
    until("three statuses", || api.asked("PATCH", "/status").len() >= 3);
    assert!(api.asked("GET", "/pods/").is_empty(), "nobody lags");

    api.modified(ROUTES, &changed());
    until("Programmed", || programmed(&api) == is("True", "Programmed"));
    let lease = api.0.lock().unwrap().lease.clone().unwrap();
    assert_eq!(lease["metadata"]["annotations"].get(key(OTHER)), None, "{lease}");
    assert_eq!(api.asked("GET", "/pods/").len(), 1);
}

#[test]
fn a_replica_that_is_not_ready_does_not_count_until_it_is() {
    let api = with_another(json!({}));
    pod(&api, "False");
    let folder = tempfile::tempdir().unwrap();
    let _operator = start(&api, folder.path());
    until("three statuses", || api.asked("PATCH", "/status").len() >= 3);

    api.modified(ROUTES, &changed());
    until("Programmed", || programmed(&api) == is("True", "Programmed"));
    let lease = api.0.lock().unwrap().lease.clone().unwrap();
    assert!(lease["metadata"]["annotations"].get(key(OTHER)).is_some(), "it may come back");

    pod(&api, "True");
    thread::sleep(Duration::from_secs(6));
    let mut newer = answering(3, "hello again");
    newer["metadata"]["resourceVersion"] = json!("11");
    api.modified(ROUTES, &newer);
    let pending = ("False".to_owned(), "Pending".to_owned(), 3);
    until("Pending", || programmed(&api) == pending);
}

#[test]
fn a_replica_that_may_not_watch_the_lease_answers_for_itself() {
    let api = with_another(json!({}));
    pod(&api, "True");
    let leases = "/apis/coordination.k8s.io/v1/namespaces/x/leases";
    api.0.lock().unwrap().forbidden.insert(leases);
    let folder = tempfile::tempdir().unwrap();
    let operator = start(&api, folder.path());
    until("three statuses", || api.asked("PATCH", "/status").len() >= 3);
    operator.logged("watching the Lease for what other replicas serve");
    api.modified(ROUTES, &changed());
    until("Programmed", || programmed(&api) == is("True", "Programmed"));
}

#[test]
fn a_replica_that_does_not_lead_reports_what_it_serves() {
    let spec = json!({
        "holderIdentity": OTHER, "leaseDurationSeconds": 3600,
        "renewTime": "2099-01-01T00:00:00.000000Z",
    });
    let api = with_another(spec);
    let folder = tempfile::tempdir().unwrap();
    let mut operator = start(&api, folder.path());
    let reports = || -> Vec<Value> {
        let annotation = |asked: Asked| asked.body["metadata"]["annotations"][key(OWN)].clone();
        api.asked("PATCH", LEASE).into_iter().map(annotation).collect()
    };
    let read =
        |report: &Value| -> Value { serde_json::from_str(report.as_str().unwrap()).unwrap() };
    until("a report", || reports().len() == 1);
    let first = Instant::now();
    let seen = json!({"FrontDoor": {"": 1}, "Route": {"": 1}});
    let expected = json!({"pod": OWN, "uid": "uid-portico-a", "seen": seen});
    assert_eq!(read(&reports()[0]), expected);

    // Two changes are one report, some seconds after the last.
    api.modified(ROUTES, &changed());
    let mut newer = answering(3, "hello again");
    newer["metadata"]["resourceVersion"] = json!("11");
    api.modified(ROUTES, &newer);
    until("another report", || reports().len() == 2);
    assert!(first.elapsed() > Duration::from_secs(4), "{:?}", first.elapsed());
    assert_eq!(read(&reports()[1])["seen"]["Route"][""], 11);

    // A new status is not reported before long.
    newer["metadata"]["resourceVersion"] = json!("13");
    newer["status"] = json!({"observedGeneration": 3});
    api.modified(ROUTES, &newer);
    thread::sleep(Duration::from_secs(7));
    assert_eq!(reports().len(), 2);
    assert!(api.asked("PATCH", "/status").is_empty(), "the other one leads");

    let id = operator.child.id().to_string();
    assert!(Command::new("kill").arg(&id).status().unwrap().success());
    until("the end", || operator.child.try_wait().unwrap().is_some());
    assert_eq!(reports()[2..], [Value::Null], "it takes its report back");
    let lease = api.0.lock().unwrap().lease.clone().unwrap();
    assert_eq!(lease["metadata"]["annotations"].get(key(OWN)), None);
    assert!(lease["metadata"]["annotations"].get(key(OTHER)).is_some());
}

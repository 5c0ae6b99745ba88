//! What would open more than was meant: both the API server and `check` refuse it.

use super::judge::{ApiServer, How, NAMESPACE, Verdict, offline};
use portico::diagnostic::Kind::{self, FrontDoor, Route};
use portico_tests::cluster::scope::Scope;
use serde_json::{Value, json};

/// A FrontDoor's `spec` with this entry of `attach`.
fn attach(entry: Value) -> (Kind, Value) {
    (FrontDoor, json!({"hosts": [{"name": "a.example"}], "attach": [entry]}))
}

/// A Route's `spec` with this field.
fn route(field: &str, value: Value) -> (Kind, Value) {
    (Route, json!({"frontDoorRef": {"name": "ep"}, "respond": {}, field: value}))
}

fn selector(selector: Value) -> (Kind, Value) {
    attach(json!({"namespaceSelector": selector}))
}

/// Each says what it would open.
fn cases() -> Vec<(Kind, Value)> {
    let long = "a".repeat(64);
    let hosts = json!([{"name": "a.example"}]);
    let front_door = |field: &str, value: Value| (FrontDoor, json!({"hosts": hosts, field: value}));
    let backend = |tls: Value| {
        let backend = json!({"external": {"url": "https://a.example"}, "tls": tls});
        (Route, json!({"frontDoorRef": {"name": "ep"}, "backends": [backend]}))
    };
    vec![
        selector(json!({"matchLabels": {"team": null}})),
        selector(json!({"matchLabels": {"team": null, "stage": "live"}})),
        selector(json!({"matchLabels": null})),
        selector(json!({"matchLabels": {}})),
        selector(json!({"matchExpressions": null})),
        selector(json!({"matchExpressions": []})),
        selector(json!({"matchExpressions": [{"key": long, "operator": "DoesNotExist"}]})),
        selector(
            json!({"matchExpressions": [{"key": format!("{}/a", "a".repeat(254)), "operator": "DoesNotExist"}]}),
        ),
        selector(
            json!({"matchExpressions": [{"key": "team", "operator": "NotIn", "values": null}]}),
        ),
        attach(json!({"namespaces": ["web"], "paths": null})),
        front_door("attach", Value::Null),
        front_door("tls", Value::Null),
        front_door("tls", json!({"clientCertificates": null})),
        front_door("hosts", json!([{"name": "a.example", "tls": null}])),
        front_door("plainHttp", Value::Null),
        route("hosts", Value::Null),
        route("matches", Value::Null),
        route("matches", json!([{"path": null}])),
        route("matches", json!([{"path": "/a", "methods": null}])),
        route("matches", json!([{"path": "/a", "headers": null}])),
        route(
            "matches",
            json!([{"path": "/a", "query": [{"name": "a", "type": null, "value": "b"}]}]),
        ),
        route("cors", json!({"allowOrigins": ["https://a.example"], "allowMethods": null})),
        route("cors", json!({"allowOrigins": ["https://a.example"], "mode": null})),
        route("cors", Value::Null),
        route("responseHeaders", json!({"remove": null})),
        backend(Value::Null),
        backend(json!({"caRef": null})),
        (Route, json!({"frontDoorRef": {"name": "ep"}, "redirect": {"scheme": null}})),
        (
            Route,
            json!({"frontDoorRef": {"name": "ep"}, "redirect": {"scheme": null, "path": "/a"}}),
        ),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_would_open_more_than_was_meant_is_refused_offline_and_in_a_cluster() {
    let _scope = Scope::new().unwrap();
    let server = ApiServer::connect().await.unwrap();
    let object = |kind: Kind, spec: Value| {
        let metadata = json!({"name": "x", "namespace": NAMESPACE});
        json!({"apiVersion": "portico.dev/v1alpha1", "kind": kind.name(), "metadata": metadata, "spec": spec})
    };
    for (kind, spec) in cases() {
        let object = object(kind, spec);
        assert!(matches!(offline(kind, &object), Verdict::Refused(_)), "check: {object}");
        for how in [How::Create, How::Apply] {
            let verdict = server.judge(kind, how, &object).await.unwrap();
            assert!(matches!(verdict, Verdict::Refused(_)), "{how:?}: {object}");
        }
    }
    // What is meant to be open says so.
    for (kind, spec) in [selector(json!({})), route("hosts", json!([]))] {
        let object = object(kind, spec);
        assert!(matches!(offline(kind, &object), Verdict::Taken(_)), "check: {object}");
        let verdict = server.judge(kind, How::Create, &object).await.unwrap();
        assert!(matches!(verdict, Verdict::Taken(_)), "{object}: {verdict:?}");
    }
}

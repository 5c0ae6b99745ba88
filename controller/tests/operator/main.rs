//! `portico operator` against a stand-in for the API server.
#![allow(clippy::unwrap_used, clippy::panic)]

mod api_server;
mod backends;
mod certificates;
mod late_secret;
mod outages;
mod program;
mod replicas;

use api_server::{
    ApiServer, Asked, CONFIG_MAPS, ENDPOINT_SLICES, FRONT_DOORS, NAMESPACES, ROUTES, SECRETS,
    SERVICES,
};
use program::{Operator, get, metric, until};
use serde_json::{Value, json};
use std::{
    collections::HashSet,
    io::Write,
    net::{SocketAddr, TcpListener},
    process::Command,
    thread,
};

fn metadata(name: &str, generation: i64, version: &str) -> Value {
    json!({
        "name": name, "namespace": "web", "uid": format!("uid-{name}"),
        "generation": generation, "resourceVersion": version,
    })
}

fn front_door(name: &str, class: &str) -> Value {
    let hosts = json!([{"name": format!("{name}.example")}]);
    let spec = json!({"className": class, "hosts": hosts, "plainHttp": "Redirect"});
    json!({"metadata": metadata(name, 1, "1"), "spec": spec})
}

fn route(name: &str, front_door: &str, generation: i64, spec: Value) -> Value {
    let mut object = json!({"metadata": metadata(name, generation, "1"), "spec": spec});
    object["spec"]["frontDoorRef"] = json!({"name": front_door});
    object
}

/// A Route that takes the value of a header from a Secret.
fn forwarding(name: &str, front_door: &str, secret: &str) -> Value {
    let from = json!({"secretKeyRef": {"name": secret, "key": "token"}});
    let spec = json!({
        "matches": [{"path": "/api/*"}],
        "backends": [{"external": {"url": "https://api.example.com"}, "weight": 1, "priority": 0}],
        "requestHeaders": {"set": [{"name": "x-key", "valueFrom": from}]},
    });
    route(name, front_door, 1, spec)
}

fn answering(generation: i64, body: &str) -> Value {
    let headers = json!([{"name": "content-type", "value": "text/plain"}]);
    let respond = json!({"status": 200, "headers": headers, "body": body});
    route("hello", "ours", generation, json!({"matches": [{"path": "/hello"}], "respond": respond}))
}

fn conditions(asked: &Asked) -> Vec<(String, String)> {
    let conditions = asked.body["status"]["conditions"].as_array().unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    conditions.iter().map(|c| (text(&c["type"]), text(&c["status"]))).collect()
}

/// A condition of the status written last for an object.
fn condition(api: &ApiServer, object: &str, r#type: &str) -> Value {
    let written = api.asked("PATCH", &format!("/{object}/status")).pop().unwrap();
    let conditions = written.body["status"]["conditions"].as_array().unwrap().clone();
    conditions.into_iter().find(|condition| condition["type"] == r#type).unwrap()
}

fn cluster() -> ApiServer {
    let api = ApiServer::default();
    api.lists(FRONT_DOORS, vec![front_door("ours", "portico"), front_door("theirs", "other")]);
    let routes = vec![
        answering(1, "hello"),
        forwarding("api", "ours", "key"),
        forwarding("foreign", "theirs", "foreign-key"),
    ];
    api.lists(ROUTES, routes);
    for list in [SERVICES, ENDPOINT_SLICES, NAMESPACES, CONFIG_MAPS] {
        api.lists(list, Vec::new());
    }
    api
}

#[test]
fn a_cluster_is_served_and_told_so() {
    let api = cluster();
    let folder = tempfile::tempdir().unwrap();
    let mut operator = Operator::start(api.start(), folder.path(), &["--admin=127.0.0.1:0"]);

    // It is ready only once every kind has been read, including Secrets.
    let admin: SocketAddr = operator.logged("admin pages at http://").parse().unwrap();
    operator.logged("watching Secrets");
    assert!(get(admin, "x", "/livez").starts_with("HTTP/1.1 200"));
    assert!(get(admin, "x", "/readyz").starts_with("HTTP/1.1 503"));
    assert_eq!(metric(admin, r#"portico_watch_up{kind="Secret"}"#), 0);
    let secrets =
        ["key", "foreign-key", "other"].map(|name| json!({"metadata": metadata(name, 1, "5")}));
    api.lists(SECRETS, secrets.to_vec());
    let http: SocketAddr = operator.logged("serving http://").parse().unwrap();
    assert!(get(admin, "x", "/readyz").starts_with("HTTP/1.1 200"));
    assert!(get(http, "ours.example", "/hello").ends_with("\r\n\r\nhello"));
    assert!(get(http, "theirs.example", "/api/x").starts_with("HTTP/1.1 404"));

    let written = each_status_is_written_once(&api);
    let first = written.iter().find(|asked| asked.path.contains("routes/hello")).unwrap();
    only_a_new_generation_is_written_again(&api, http, first);
    all_of_that_is_counted(admin);
    what_changed_meanwhile_is_read_anew(&api, http, admin);

    // At the end, the Lease is released.
    let id = operator.child.id().to_string();
    assert!(Command::new("kill").arg(&id).status().unwrap().success());
    until("the end", || operator.child.try_wait().unwrap().is_some());
    assert!(operator.child.try_wait().unwrap().unwrap().success());
    let last = api.asked("PATCH", "/leases/portico-portico").pop().unwrap();
    assert_eq!(last.body["spec"]["holderIdentity"], Value::Null);
    assert!(last.path.contains("/namespaces/x/"), "the kubeconfig's namespace");
}

/// Each status is written once, with all conditions in one write. Objects of other classes are left
/// alone.
fn each_status_is_written_once(api: &ApiServer) -> Vec<Asked> {
    until("three statuses", || api.asked("PATCH", "/status").len() >= 3);
    let written = api.asked("PATCH", "/status");
    for (name, routes) in [("frontdoors/ours", json!(2)), ("routes/hello", json!(null))] {
        let asked = written.iter().find(|asked| asked.path.contains(name)).unwrap();
        let mut all = ["Accepted", "ResolvedRefs", "Programmed", "Ready"]
            .map(|c| (c.into(), "True".into()))
            .to_vec();
        all.push(("Stalled".into(), "False".into()));
        assert_eq!(conditions(asked), all, "{name}");
        assert!(asked.query.contains("fieldManager=portico") && asked.query.contains("force=true"));
        assert_eq!(asked.body["status"]["observedGeneration"], 1);
        assert_eq!(asked.body["status"]["attachedRoutes"], routes);
        assert_eq!(asked.body["metadata"]["resourceVersion"], "1", "as it was seen");
    }
    let secrets: Vec<_> = api.asked("GET", "/secrets/").iter().map(|a| a.path.clone()).collect();
    assert_eq!(secrets, ["/api/v1/namespaces/web/secrets/key"], "no other Secret is read");
    written
}

/// A status that comes back as written is not written again; one of a new generation is, once it is
/// served.
fn only_a_new_generation_is_written_again(api: &ApiServer, http: SocketAddr, first: &Asked) {
    let mut seen = answering(1, "hello");
    seen["status"] = first.body["status"].clone();
    seen["metadata"]["resourceVersion"] = json!("3");
    api.modified(ROUTES, &seen);
    let mut newer = answering(2, "goodbye");
    newer["status"] = seen["status"].clone();
    newer["metadata"]["resourceVersion"] = json!("4");
    api.modified(ROUTES, &newer);
    until("the new body", || get(http, "ours.example", "/hello").ends_with("goodbye"));
    until("a fourth status", || api.asked("PATCH", "/status").len() > 3);
    let written = api.asked("PATCH", "/status");
    assert_eq!(written.len(), 4, "{written:?}");
    assert_eq!(written[3].body["status"]["observedGeneration"], 2);
    let times = |asked: &Asked| asked.body["status"]["conditions"][0]["lastTransitionTime"].clone();
    assert_eq!(times(&written[3]), times(first), "its status is the same");
}

/// One write for each object and change, two changes, and no second list.
fn all_of_that_is_counted(admin: SocketAddr) {
    let routes = r#"portico_status_writes_total{kind="Route",result="written"}"#;
    until("three statuses of Routes", || metric(admin, routes) == 3);
    for (series, expected) in [
        ("portico_leader", 1),
        (r#"portico_status_writes_total{kind="FrontDoor",result="written"}"#, 1),
        (r#"portico_status_writes_total{kind="Route",result="overtaken"}"#, 0),
        (r#"portico_status_writes_total{kind="Route",result="refused"}"#, 0),
        (r#"portico_status_writes_total{kind="Route",result="failed"}"#, 0),
        (r#"portico_events_total{result="written"}"#, 0),
        (r#"portico_watch_events_total{kind="Route",type="apply"}"#, 2),
        (r#"portico_watch_events_total{kind="Route",type="delete"}"#, 0),
    ] {
        assert_eq!(metric(admin, series), expected, "{series}");
    }
    let core = ["Service", "EndpointSlice", "Secret", "ConfigMap", "Namespace"];
    for kind in ["FrontDoor", "Route"].into_iter().chain(core) {
        let up = format!(r#"portico_watch_up{{kind="{kind}"}}"#);
        let lists = format!(r#"portico_watch_events_total{{kind="{kind}",type="list"}}"#);
        assert_eq!((metric(admin, &up), metric(admin, &lists)), (1, 1), "{kind}");
    }
}

/// A watch that can't resume starts over, and the last objects are served meanwhile.
fn what_changed_meanwhile_is_read_anew(api: &ApiServer, http: SocketAddr, admin: SocketAddr) {
    let mut newest = answering(3, "welcome back");
    newest["metadata"]["resourceVersion"] = json!("9");
    api.lists(ROUTES, vec![newest]);
    api.forgot(ROUTES);
    until("the newest body", || {
        let answer = get(http, "ours.example", "/hello");
        assert!(answer.ends_with("goodbye") || answer.ends_with("welcome back"), "{answer}");
        answer.ends_with("welcome back")
    });
    assert_eq!(metric(admin, r#"portico_watch_events_total{kind="Route",type="list"}"#), 2);
}

/// With a Secret that only the last accepted version refers to.
#[test]
fn an_invalid_version_leaves_the_last_accepted_one_in_service() {
    let api = cluster();
    let with_secret = |generation: i64, status: u16| {
        let from = json!({"secretKeyRef": {"name": "key", "key": "token"}});
        let mut object = answering(generation, "hello");
        object["spec"]["respond"]["status"] = json!(status);
        object["metadata"]["resourceVersion"] = json!(generation.to_string());
        if generation == 1 {
            object["spec"]["responseHeaders"] =
                json!({"set": [{"name": "x-key", "valueFrom": from}]});
        }
        object
    };
    api.lists(ROUTES, vec![with_secret(1, 200)]);
    api.lists(SECRETS, vec![json!({"metadata": metadata("key", 1, "5")})]);
    let folder = tempfile::tempdir().unwrap();
    let operator = Operator::start(api.start(), folder.path(), &["--admin=127.0.0.1:0"]);
    let http: SocketAddr = operator.logged("serving http://").parse().unwrap();
    until("a status of each", || api.asked("PATCH", "/status").len() == 2);

    api.modified(ROUTES, &with_secret(2, 42));
    let observed = || condition(&api, "routes/hello", "Accepted")["observedGeneration"].clone();
    until("a status of the invalid version", || observed() == 2);
    let accepted = condition(&api, "routes/hello", "Accepted");
    assert_eq!(
        (&accepted["status"], &accepted["observedGeneration"]),
        (&json!("False"), &json!(2))
    );
    assert!(accepted["message"].as_str().unwrap().contains("of generation 1, is still served"));
    let programmed = condition(&api, "routes/hello", "Programmed");
    assert_eq!(
        (&programmed["status"], &programmed["observedGeneration"]),
        (&json!("True"), &json!(1))
    );
    let answer = get(http, "ours.example", "/hello");
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("x-key: sesam"), "{answer}");

    api.modified(ROUTES, &with_secret(3, 203));
    until("the corrected version", || {
        get(http, "ours.example", "/hello").starts_with("HTTP/1.1 203")
    });
    until("a status of the corrected version", || observed() == 3);
    let programmed = condition(&api, "routes/hello", "Programmed");
    assert_eq!(
        (&programmed["status"], &programmed["observedGeneration"]),
        (&json!("True"), &json!(3))
    );
}

#[test]
fn another_may_write_while_the_last_requests_are_answered() {
    let api = cluster();
    let backend = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", backend.local_addr().unwrap());
    let slow = json!({"matches": [{"path": "/slow"}], "backends": [{"external": {"url": url}}]});
    api.lists(ROUTES, vec![route("slow", "ours", 1, slow)]);
    api.lists(SECRETS, Vec::new());
    let folder = tempfile::tempdir().unwrap();
    let flags = ["--admin=127.0.0.1:0", "--allow-external=127.0.0.1"];
    let mut operator = Operator::start(api.start(), folder.path(), &flags);
    let http: SocketAddr = operator.logged("serving http://").parse().unwrap();
    until("a leader", || !api.asked("PATCH", "/status").is_empty());

    let request = thread::spawn(move || get(http, "ours.example", "/slow"));
    let (mut asked, _) = backend.accept().unwrap();
    let id = operator.child.id().to_string();
    assert!(Command::new("kill").arg(&id).status().unwrap().success());
    let let_go = || {
        let last = api.asked("PATCH", "/leases/portico-portico").pop().unwrap();
        last.body["spec"]["holderIdentity"].is_null()
    };
    until("the Lease let go", let_go);
    assert!(operator.child.try_wait().unwrap().is_none(), "a request is not answered");
    asked.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlate").unwrap();
    assert!(request.join().unwrap().ends_with("late"));
    until("the end", || operator.child.try_wait().unwrap().is_some());
}

#[test]
fn secrets_are_read_where_it_was_said_alone() {
    let api = cluster();
    let mut front_door = front_door("ours", "portico");
    front_door["spec"]["attach"] = json!([{"namespaces": ["web", "sales"]}]);
    api.lists(FRONT_DOORS, vec![front_door]);
    let mut listed = forwarding("listed", "ours", "key");
    listed["metadata"]["namespace"] = json!("sales");
    listed["spec"]["frontDoorRef"]["namespace"] = json!("web");
    listed["spec"]["matches"][0]["path"] = json!("/sales/*");
    api.lists(ROUTES, vec![forwarding("api", "ours", "key"), listed]);
    let mut secret = json!({"metadata": metadata("key", 1, "5")});
    secret["metadata"]["namespace"] = json!("sales");
    api.lists("/api/v1/namespaces/sales/secrets", vec![secret]);
    let folder = tempfile::tempdir().unwrap();
    let flags = ["--admin=127.0.0.1:0", "--secret-namespace=sales"];
    let operator = Operator::start(api.start(), folder.path(), &flags);

    let http: SocketAddr = operator.logged("serving http://").parse().unwrap();
    let answer = get(http, "ours.example", "/api/x");
    assert!(answer.starts_with("HTTP/1.1 503") && answer.contains("NotResolved"), "{answer}");
    until("three statuses", || api.asked("PATCH", "/status").len() >= 3);
    assert_eq!(condition(&api, "routes/listed", "ResolvedRefs")["status"], "True");
    let refused = condition(&api, "routes/api", "ResolvedRefs");
    assert_eq!(
        (&refused["status"], &refused["reason"]),
        (&json!("False"), &json!("SecretNotFound"))
    );
    let message = refused["message"].as_str().unwrap();
    assert!(message.contains("does not read Secrets of namespace web"), "{message}");
    assert!(message.contains("--secret-namespace web"), "{message}");
    let admin: SocketAddr = operator.logged("admin pages at http://").parse().unwrap();
    until("an Event of it", || metric(admin, r#"portico_events_total{result="written"}"#) == 1);

    let asked: HashSet<_> = api.asked("GET", "/secrets").into_iter().map(|a| a.path).collect();
    let sales = "/api/v1/namespaces/sales/secrets";
    assert_eq!(asked, [sales.to_owned(), format!("{sales}/key")].into());
}

#[test]
fn neither_secrets_nor_config_maps_nor_namespaces_are_needed() {
    let api = cluster();
    // With a Role in one namespace: nothing is requested at cluster scope except the Namespace, and
    // that in vain.
    for list in [FRONT_DOORS, ROUTES, SERVICES, ENDPOINT_SLICES] {
        let objects = api.0.lock().unwrap().lists.remove(list).unwrap();
        let (group, kind) = list.rsplit_once('/').unwrap();
        api.lists(&format!("{group}/namespaces/web/{kind}"), objects);
    }
    let status = "/apis/portico.dev/v1alpha1/namespaces/web/routes/hello/status";
    let config_maps = "/api/v1/namespaces/web/configmaps";
    api.0.lock().unwrap().forbidden.extend([NAMESPACES, config_maps, status]);
    let front_doors = "/apis/portico.dev/v1alpha1/namespaces/web/frontdoors";
    let mut ours = front_door("ours", "portico");
    let authorities = json!([{"kind": "ConfigMap", "name": "partners", "key": "ca.crt"}]);
    ours["spec"]["tls"] = json!({"clientCertificates": {"caRefs": authorities}});
    api.lists(front_doors, vec![ours, front_door("theirs", "other")]);
    let folder = tempfile::tempdir().unwrap();
    let flags = ["--admin=127.0.0.1:0", "--watch-namespace=web", "--no-secrets"];
    let operator = Operator::start(api.start(), folder.path(), &flags);

    let http: SocketAddr = operator.logged("serving http://").parse().unwrap();
    assert!(get(http, "ours.example", "/hello").ends_with("\r\n\r\nhello"));
    assert!(get(http, "ours.example", "/api/x").starts_with("HTTP/1.1 503"));
    assert!(!api.asked("GET", NAMESPACES).is_empty());
    assert!(api.asked("GET", "/secrets").is_empty());
    let ours = "/frontdoors/ours/status";
    until("a status of the FrontDoor", || !api.asked("PATCH", ours).is_empty());
    let unresolved = condition(&api, "frontdoors/ours", "ResolvedRefs")["message"].to_string();
    assert!(unresolved.contains("does not let this install read ConfigMaps"), "{unresolved}");

    // What was to be expected is not an outage; anything else is counted.
    let admin: SocketAddr = operator.logged("admin pages at http://").parse().unwrap();
    for kind in ["Namespace", "ConfigMap"] {
        assert_eq!(metric(admin, &format!(r#"portico_watch_up{{kind="{kind}"}}"#)), 1);
    }
    assert!(!get(admin, "x", "/metrics").contains(r#"portico_watch_up{kind="Secret"}"#));
    let writes = |result| {
        metric(admin, &format!(r#"portico_status_writes_total{{kind="Route",result="{result}"}}"#))
    };
    until("a refused status", || writes("refused") > 0);
    until("another one", || writes("written") == 1);
    let refs = condition(&api, "routes/api", "ResolvedRefs");
    assert!(refs["message"].as_str().unwrap().contains("without --no-secrets"), "{refs}");
}

#[test]
fn flags_that_do_not_fit_together_are_refused_at_the_start() {
    let flags = ["operator", "--watch-namespace=web", "--secret-namespace=infra"];
    let output = Command::new(env!("CARGO_BIN_EXE_portico")).args(flags).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains("--secret-namespace infra is not watched"), "{error}");
}

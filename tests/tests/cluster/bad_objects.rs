//! Objects with something wrong: said where it can be said first, and nothing else is affected.

use crate::manifests::{PROGRAMMED, front_door, route, shop};
use anyhow::ensure;
use portico_tests::{
    binary,
    cluster::{
        apply, get,
        install::{Install, condition},
        k,
        load::Load,
        patience::eventually,
        scope::Scope,
    },
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_schema_can_see_kubectl_refuses() {
    let mut scope = Scope::new().unwrap();
    scope.namespace("refused", &[]).unwrap();
    let route = |spec: &str| {
        format!(
            "---\n{{apiVersion: portico.dev/v1alpha1, kind: Route, metadata: {{name: r, namespace: refused}}, \
             spec: {{frontDoorRef: {{name: door}}, {spec}}}}}"
        )
    };
    let backend = "backends: [{service: {name: s, port: 80}}]";
    for (spec, field) in [
        ("matches: [{path: /a}]".to_owned(), "spec"),
        (format!("{backend}, redirect: {{path: /b}}"), "spec"),
        (format!("{backend}, matches: [{{path: a}}]"), "spec.matches[0].path"),
        (format!("{backend}, matches: [{{paths: [/a]}}]"), "spec.matches[0].paths"),
        (format!("{backend}, timeouts: {{request: 5}}"), "spec.timeouts.request"),
        (
            format!("{backend}, cors: {{allowOrigins: ['https://a.example/x']}}"),
            "spec.cors.allowOrigins[0]",
        ),
        (format!("{backend}, cors: {{allowOrigins: ['*'], allowCredentials: true}}"), "spec.cors"),
        (
            "backends: [{service: {name: s, port: 80}, weight: -1}]".to_owned(),
            "spec.backends[0].weight",
        ),
        ("respond: {status: 99}".to_owned(), "spec.respond.status"),
    ] {
        let refusal = format!("{:#}", apply(&route(&spec)).expect_err(&spec));
        assert!(refusal.contains(field), "{spec}: {refusal}");
    }
    let hosts = "---\n{apiVersion: portico.dev/v1alpha1, kind: FrontDoor, \
        metadata: {name: d, namespace: refused}, spec: {hosts: [{name: 'a b'}]}}";
    let refusal = format!("{:#}", apply(hosts).unwrap_err());
    assert!(refusal.contains("spec.hosts[0].name"), "{refusal}");
    assert_eq!(k("get frontdoors,routes -n refused -o name").unwrap(), "");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_only_the_compiler_can_see_stands_in_conditions_and_events() {
    let mut scope = Scope::new().unwrap();
    scope.namespace("bad", &[]).unwrap();
    scope.namespace("stranger", &[]).unwrap();
    let install = Install::small(&mut scope, "bad", 30080, &[]).unwrap();
    let port = shop(&scope, &install, "bad", 1).await;
    let load = Load::start(&port, &["/"]);

    // A conflict: the newer of two.
    apply(&route("bad", "twin", "/*", "shop", "")).unwrap();
    let message = condition("bad", "route/twin", "Accepted=False/Conflicted").await.unwrap();
    assert!(message.contains("bad/all"), "{message}");
    condition("bad", "route/twin", "Programmed=False/NotAccepted").await.unwrap();
    event("bad", "twin", "Conflicted").await;
    apply(&route("bad", "twin", "/twin", "shop", "")).unwrap();
    condition("bad", "route/twin", PROGRAMMED).await.unwrap();
    port.expect("/twin", 200).await.unwrap();

    // Attached from a namespace that may not.
    let stranger = route("stranger", "guest", "/guest", "shop", "");
    apply(&stranger.replace("{name: door}", "{name: door, namespace: bad}")).unwrap();
    condition("stranger", "route/guest", "Accepted=False/NotAllowedByFrontDoor").await.unwrap();
    event("stranger", "guest", "NotAllowedByFrontDoor").await;
    apply(&front_door(&install, "bad", "bad.example", ", attach: [{namespaces: [bad, stranger]}]"))
        .unwrap();
    let message = condition("stranger", "route/guest", "ResolvedRefs=False/ServiceNotFound").await;
    assert!(message.unwrap().contains("stranger/shop"));
    // The Service was missing before, too: only now does the table have the Route.
    condition("stranger", "route/guest", PROGRAMMED).await.unwrap();
    port.expect("/guest", 503).await.unwrap();

    // A Service, a port and a Secret that are not there.
    apply(&route("bad", "service", "/service", "none", "")).unwrap();
    condition("bad", "route/service", "ResolvedRefs=False/ServiceNotFound").await.unwrap();
    condition("bad", "route/service", PROGRAMMED).await.unwrap();
    let waited = waited_for("bad", "route/service");
    assert!(waited.starts_with("InProgress: ") && waited.contains("none"), "{waited}");
    event("bad", "service", "ServiceNotFound").await;
    port.expect("/service", 503).await.unwrap();
    let wrong = route("bad", "port", "/port", "shop", "").replace("port: http", "port: metrics");
    apply(&wrong).unwrap();
    condition("bad", "route/port", "ResolvedRefs=False/PortNotFound").await.unwrap();
    event("bad", "port", "PortNotFound").await;
    let key =
        ", requestHeaders: {set: [{name: x-key, valueFrom: {secretKeyRef: {name: key, key: k}}}]}";
    apply(&route("bad", "secret", "/secret", "shop", key)).unwrap();
    condition("bad", "route/secret", "ResolvedRefs=False/SecretNotFound").await.unwrap();
    event("bad", "secret", "SecretNotFound").await;
    port.expect("/secret", 503).await.unwrap();

    // Each recovers when what it names is there.
    scope.backend("bad", "none", 1).unwrap();
    apply(&route("bad", "port", "/port", "shop", "")).unwrap();
    k("create secret generic key -n bad --from-literal=k=v").unwrap();
    for name in ["service", "port", "secret"] {
        condition("bad", &format!("route/{name}"), "ResolvedRefs=True/ResolvedRefs").await.unwrap();
        let path = format!("/{name}");
        eventually(|| port.expect(&path, 200)).await.unwrap();
    }
    let answer = port.asked("/secret").await.unwrap();
    assert_eq!(answer["headers"]["x-key"], "v");
    assert_eq!(waited_for("bad", "route/secret"), "Current: Resource is Ready");

    // Nothing but an edit helps.
    let path = "{path: \"/regex\"";
    let regex = format!("{path}, headers: [{{name: x, type: Regex, value: '('}}]");
    let invalid = route("bad", "regex", "/regex", "shop", "").replace(path, &regex);
    apply(&invalid).unwrap();
    condition("bad", "route/regex", "Stalled=True/Invalid").await.unwrap();
    let waited = waited_for("bad", "route/regex");
    assert!(waited.starts_with("Failed: ") && waited.contains("spec.matches[0]"), "{waited}");
    // Nobody has seen it.
    apply(
        "{apiVersion: portico.dev/v1alpha1, kind: FrontDoor, metadata: {name: unseen, namespace: bad}, \
         spec: {className: nobody, hosts: [{name: unseen.example}]}}",
    )
    .unwrap();
    assert_eq!(waited_for("bad", "frontdoor/unseen"), "InProgress: waiting for Portico");
    load.stop().await.assert_flawless(50, "other Routes bad and mended");
}

/// What kstatus makes of an object: the library by which Flux and Helm 4 wait for what they apply.
pub(crate) fn waited_for(namespace: &str, object: &str) -> String {
    let object = get(&format!("{object} -n {namespace}")).unwrap();
    let mut go = binary::go("kstatus").unwrap().spawn().unwrap();
    serde_json::to_writer(go.stdin.take().unwrap(), &object).unwrap();
    let output = go.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

/// Waits for a Kubernetes Event of a Route.
async fn event(namespace: &str, route: &str, reason: &str) {
    let attempt = || async {
        let events = get(&format!("events -n {namespace}"))?;
        let events = events["items"].as_array().cloned().unwrap_or_default();
        let told = events.iter().any(|event| {
            event["involvedObject"]["kind"] == "Route"
                && event["involvedObject"]["name"] == route
                && event["reason"] == reason
                && event["type"] == "Warning"
        });
        ensure!(told, "no Event {reason} of {route}");
        Ok(())
    };
    eventually(attempt).await.unwrap();
}

//! Who may attach where, and installs side by side.

use crate::manifests::{PROGRAMMED, front_door, route};
use portico_tests::cluster::{
    apply,
    install::{Install, condition},
    k,
    patience::eventually,
    scope::Scope,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_namespace_attaches_inside_of_its_claims() {
    let mut scope = Scope::new().unwrap();
    scope.namespace("hall", &[]).unwrap();
    scope.namespace("sales", &["team=sales"]).unwrap();
    let install = Install::small(&mut scope, "claims", 30080, &[]).unwrap();
    let claims = ", attach: [{namespaces: [hall]}, \
        {namespaceSelector: {matchLabels: {team: sales}}, paths: [/sales/*]}]";
    scope.backend("sales", "reports", 1).unwrap();
    let attached = |name: &str, path: &str| {
        let own = route("sales", name, path, "reports", "");
        own.replace("{name: door}", "{name: door, namespace: hall}")
    };
    apply(&front_door(&install, "hall", "hall.example", claims)).unwrap();
    apply(&attached("reports", "/sales/*")).unwrap();
    apply(&attached("greedy", "/admin/*")).unwrap();

    condition("sales", "route/reports", PROGRAMMED).await.unwrap();
    let port = install.published("hall.example").unwrap();
    eventually(|| port.expect("/sales/2021", 200)).await.unwrap();
    let message = condition("sales", "route/greedy", "Accepted=False/NotAllowedByFrontDoor").await;
    assert!(message.unwrap().contains("/sales/*"));
    port.expect("/admin/x", 404).await.unwrap();

    // The label is what lets it in.
    k("label namespace sales team-").unwrap();
    condition("sales", "route/reports", "Accepted=False/NotAllowedByFrontDoor").await.unwrap();
    port.expect("/sales/2021", 404).await.unwrap();
    k("label namespace sales team=sales").unwrap();
    condition("sales", "route/reports", PROGRAMMED).await.unwrap();
    port.expect("/sales/2021", 200).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_classes_serve_side_by_side() {
    let mut scope = Scope::new().unwrap();
    for name in ["left", "right"] {
        scope.namespace(name, &[]).unwrap();
        scope.backend(name, name, 1).unwrap();
    }
    let left = Install::small(&mut scope, "left", 30080, &[]).unwrap();
    let right = Install::small(&mut scope, "right", 30081, &[]).unwrap();
    // The same host in both, which in one class would be a conflict.
    for (install, name) in [(&left, "left"), (&right, "right")] {
        let door = front_door(install, name, "same.example", "");
        apply(&(door + &route(name, "all", "/*", name, ""))).unwrap();
        condition(name, "route/all", PROGRAMMED).await.unwrap();
        let port = install.published("same.example").unwrap();
        let (answer, _) = eventually(|| port.asked("/")).await.unwrap();
        assert!(answer["pod"].as_str().unwrap().starts_with(name), "{answer}");
    }
    // Each in a namespace that it watches alone.
    let watched = ["className=right", "replicaCount=1", "watchNamespaces={right}"];
    right.apply(&watched).unwrap();
    let port = right.published("same.example").unwrap();
    eventually(|| port.asked("/")).await.unwrap();
    apply(&front_door(&right, "left", "other.example", "").replace("name: door", "name: unseen"))
        .unwrap();
    apply(&route("right", "more", "/more", "right", "")).unwrap();
    condition("right", "route/more", PROGRAMMED).await.unwrap();
    let said =
        k("get frontdoor unseen -n left -o jsonpath={.status.conditions[*].reason}").unwrap();
    assert_eq!(said, "Pending", "a namespace that is not watched");
}

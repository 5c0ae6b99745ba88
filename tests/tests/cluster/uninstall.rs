//! What is left when a release goes, and what a new one finds.

use crate::manifests::shop;
use portico_tests::cluster::{helm, install::Install, k, patience::eventually, scope::Scope};
use std::time::Duration;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn uninstalling_leaves_nothing_and_installing_finds_the_routes() {
    let mut scope = Scope::new().unwrap();
    scope.namespace("kept", &[]).unwrap();
    let values = ["className=gone", "autoscaling.enabled=true", "networkPolicy.enabled=true"];
    let install = Install::new(&mut scope, "gone", 30080, &values).unwrap();
    let port = shop(&scope, &install, "kept", 1).await;
    assert!(!of_release("gone").is_empty());

    helm(["uninstall", "gone", "-n", &install.namespace, "--wait"]).unwrap();
    helm(["uninstall", "portico-crds", "-n", "portico-crds", "--wait", "--ignore-not-found"])
        .unwrap();
    let nothing = || async {
        let left = of_release("gone");
        anyhow::ensure!(left.is_empty(), "left: {left:?}");
        Ok(())
    };
    eventually(nothing).await.unwrap();
    assert_eq!(k(&format!("get leases -n {} -o name", install.namespace)).unwrap(), "");
    let finalizers = "-o jsonpath={.items[*].metadata.finalizers}";
    assert_eq!(k(&format!("get frontdoors,routes -n kept {finalizers}")).unwrap(), "");
    assert_eq!(k("get route all -n kept -o name").unwrap(), "route.portico.dev/all\n");
    assert!(port.get("/").await.is_err(), "something serves");

    Scope::define().unwrap();
    install.apply(&values).unwrap();
    eventually(|| port.expect("/", 200)).await.unwrap();
    // Nothing holds up the end of a namespace.
    k("delete namespace kept --timeout=60s").unwrap();
    tokio::time::sleep(Duration::from_millis(500)).await;
    port.expect("/", 404).await.unwrap();
}

/// Everything, of every kind that can be listed, that belongs to a release.
fn of_release(release: &str) -> Vec<String> {
    let kinds = k("api-resources --verbs=list,get -o name").unwrap();
    // What Kubernetes derives from others goes with them.
    let kinds: Vec<_> = kinds.lines().filter(|kind| !kind.starts_with("events")).collect();
    let label = format!("-l app.kubernetes.io/instance={release}");
    let left = k(&format!("get {} -A {label} -o name --ignore-not-found", kinds.join(",")));
    left.unwrap().lines().map(str::to_owned).collect()
}

//! Two replicas: both serve, one writes.

use crate::manifests::{PROGRAMMED, route, shop};
use portico_tests::cluster::{
    apply, in_node,
    install::{Install, condition},
    kubectl,
    load::Load,
    scope::Scope,
};
use std::time::{Duration, Instant};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_the_leader_is_killed_another_writes() {
    let mut scope = Scope::new().unwrap();
    scope.namespace("led", &[]).unwrap();
    let install = Install::new(&mut scope, "led", 30080, &["className=led"]).unwrap();
    let port = shop(&scope, &install, "led", 1).await;
    assert_eq!(install.metric("portico_leader", &[]).unwrap(), 1.0);

    let leader = install.leader("led").unwrap();
    if in_node(&["true"]).is_none() {
        return println!("skipped, the node can't be reached into: killing the leader");
    }
    kill(&install, &leader);
    let late = status_written("after").await;
    println!("a status was written {late:?} after the leader was killed");
    assert!(late < Duration::from_secs(15), "{late:?}");
    assert_ne!(install.leader("led").unwrap(), leader);
    install.ready().unwrap();

    // A leader that is asked to end does not let it expire: it gives it back.
    let leader = install.leader("led").unwrap();
    let load = Load::start(&port, &["/", "/after"]);
    kubectl(["delete", "pod", &leader, "-n", &install.namespace, "--wait=true"]).unwrap();
    let late = status_written("later").await;
    println!("a status was written {late:?} after the leader had ended");
    assert!(late < Duration::from_secs(5), "{late:?}");
    assert_ne!(install.leader("led").unwrap(), leader);
    load.stop().await.assert_flawless(100, "the leader's Pod deleted");
}

/// Applies a new Route; how long it takes until somebody has written its status.
async fn status_written(name: &str) -> Duration {
    let start = Instant::now();
    apply(&route("led", name, &format!("/{name}"), "shop", "")).unwrap();
    condition("led", &format!("route/{name}"), PROGRAMMED).await.unwrap();
    start.elapsed()
}

/// Kills the process of a Pod, which so can't say goodbye, and takes care that no other one comes in
/// its place with the Pod's name.
fn kill(install: &Install, pod: &str) {
    let script = format!(
        "for id in $(pgrep -x portico); do \
           if [ \"$(nsenter -t $id -u hostname)\" = {pod} ]; then kill -KILL $id && exit; fi; \
         done; exit 1"
    );
    in_node(&["sh", "-c", &script]).unwrap().unwrap();
    let namespace = &install.namespace;
    let now = ["--grace-period=0", "--force", "--wait=false"];
    kubectl(["delete", "pod", pod, "-n", namespace].into_iter().chain(now)).unwrap();
}

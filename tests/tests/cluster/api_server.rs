//! The API server goes away for half a minute, and comes back.

use crate::manifests::{PROGRAMMED, route, shop};
use portico_tests::cluster::{
    apply, in_node,
    install::{Install, condition},
    k,
    load::Load,
    patience::{PATIENCE, eventually},
    scope::Scope,
};
use std::{
    thread,
    time::{Duration, Instant},
};

const AWAY: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_is_served_needs_the_api_server() {
    if in_node(&["true"]).is_none() {
        return println!("skipped, the node can't be reached into: stopping the API server");
    }
    let mut scope = Scope::new().unwrap();
    scope.namespace("outage", &[]).unwrap();
    let install = Install::new(&mut scope, "outage", 30080, &["className=outage"]).unwrap();
    let port = shop(&scope, &install, "outage", 2).await;

    let load = Load::start(&port, &["/", "/b?delay=100"]);
    let gone = ApiServer::stop();
    assert!(k("get --raw /livez").is_err());
    tokio::time::sleep(AWAY).await;
    drop(gone);
    eventually(|| async { apply(&route("outage", "after", "/after/*", "shop", "")) })
        .await
        .unwrap();
    condition("outage", "route/after", PROGRAMMED).await.unwrap();
    for _ in 0..10 {
        port.expect("/after/x", 200).await.unwrap(); // by both replicas
    }
    load.stop().await.assert_flawless(1500, "the API server away for 30 s");
    let restarts = "-o jsonpath={.items[*].status.containerStatuses[0].restartCount}";
    let restarts = k(&format!("get pods -n {} {restarts}", install.namespace)).unwrap();
    assert_eq!(restarts, "0 0", "restarts");
}

/// A stopped API server of a kind cluster: its manifest is out of the kubelet's sight.
struct ApiServer;

const MANIFEST: &str = "/etc/kubernetes/manifests/kube-apiserver.yaml";
const ASIDE: &str = "/etc/kubernetes/kube-apiserver.yaml";

impl ApiServer {
    fn stop() -> Self {
        in_node(&["mv", MANIFEST, ASIDE]).unwrap().unwrap();
        let stopped = "for i in $(seq 300); do pkill -KILL -x kube-apiserver || exit 0; sleep 0.2; done; exit 1";
        in_node(&["sh", "-c", stopped]).unwrap().unwrap();
        Self
    }
}

impl Drop for ApiServer {
    fn drop(&mut self) {
        let _ = in_node(&["mv", ASIDE, MANIFEST]);
        // Whatever became of the test, the next ones need it.
        let start = Instant::now();
        while k("get --raw /readyz").is_err() && start.elapsed() < PATIENCE {
            thread::sleep(Duration::from_millis(200));
        }
    }
}

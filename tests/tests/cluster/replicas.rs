//! Two replicas: both serve, one writes what both serve.

use crate::{
    bad_objects::waited_for,
    manifests::{PROGRAMMED, route, shop},
};
use anyhow::{Context, Result, ensure};
use portico_tests::cluster::{
    apply, get, in_node,
    install::{Install, condition},
    k, kubectl,
    load::Load,
    patience::eventually,
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
    signal(pod, "KILL").unwrap();
    let namespace = &install.namespace;
    let now = ["--grace-period=0", "--force", "--wait=false"];
    kubectl(["delete", "pod", pod, "-n", namespace].into_iter().chain(now)).unwrap();
}

/// Sends a signal to the process of a Pod.
fn signal(pod: &str, name: &str) -> Result<()> {
    let script = format!(
        "for id in $(pgrep -x portico); do \
           if [ \"$(nsenter -t $id -u hostname)\" = {pod} ]; then kill -{name} $id && exit; fi; \
         done; exit 1"
    );
    in_node(&["sh", "-c", &script]).context("the node can't be reached into")?.map(drop)
}

/// A replica that is suspended, until this is dropped at the latest.
struct Frozen<'p>(&'p str);

impl<'p> Frozen<'p> {
    fn new(pod: &'p str) -> Self {
        signal(pod, "STOP").unwrap();
        Self(pod)
    }
}

impl Drop for Frozen<'_> {
    fn drop(&mut self) {
        if let Err(error) = signal(self.0, "CONT") {
            println!("{} stays suspended: {error:#}", self.0);
        }
    }
}

const PENDING: &str = "Programmed=False/Pending";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_replica_does_not_serve_is_not_programmed() {
    if in_node(&["true"]).is_none() {
        return println!("skipped, the node can't be reached into: suspending a replica");
    }
    let mut scope = Scope::new().unwrap();
    scope.namespace("acked", &[]).unwrap();
    // The kubelet is in no hurry to find that a replica is suspended.
    let values = ["className=acked", "readinessProbe.failureThreshold=50"];
    let install = Install::new(&mut scope, "acked", 30080, &values).unwrap();
    shop(&scope, &install, "acked", 1).await;
    let (leader, other) = (install.leader("acked").unwrap(), follower(&install).unwrap());
    eventually(|| reported(&install, &other)).await.unwrap();
    assert_ne!(leader, other);

    let frozen = Frozen::new(&other);
    let late = until_pending("/a", &other).await;
    println!("that a suspended replica lacks a Route was in its status after {late:?}");
    assert!(late < Duration::from_secs(5), "{late:?}");
    assert_eq!(waited_for("acked", "route/all"), format!("InProgress: {}", message(&other)));
    let wait = "wait --for=condition=Programmed route/all -n acked --timeout";
    assert!(k(&format!("{wait}=1s")).is_err(), "only one replica serves it");
    let start = Instant::now();
    drop(frozen);
    k(&format!("{wait}=30s")).unwrap();
    println!("and that it serves it, {:?} after it went on", start.elapsed());
    condition("acked", "route/all", "Ready=True/Ready").await.unwrap();

    // Nobody waits for a Pod that ends, whatever its process does.
    let frozen = Frozen::new(&other);
    until_pending("/b", &other).await;
    k(&format!("delete pod {other} -n {} --wait=false", install.namespace)).unwrap();
    let start = Instant::now();
    condition("acked", "route/all", PROGRAMMED).await.unwrap();
    println!("a Pod that ends was waited for for {:?}", start.elapsed());
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
    drop(frozen);
    install.ready().unwrap();
    let left = || async {
        let pods = reports(&install)?;
        ensure!(!pods.contains(&other), "{pods:?}");
        Ok(())
    };
    eventually(left).await.unwrap();
}

fn message(pod: &str) -> String {
    format!("served by 1 of 2 replicas, not yet by {pod}")
}

/// Changes the Route, and waits until its status says that this Pod lacks it.
async fn until_pending(path: &str, pod: &str) -> Duration {
    let start = Instant::now();
    apply(&route("acked", "all", path, "shop", "")).unwrap();
    assert_eq!(condition("acked", "route/all", PENDING).await.unwrap(), message(pod));
    start.elapsed()
}

/// The Pod that does not lead.
fn follower(install: &Install) -> Result<String> {
    let leader = install.leader(&install.release)?;
    let pods = install.pods()?;
    let mut names = pods.iter().filter_map(|pod| pod["metadata"]["name"].as_str());
    names.find(|name| *name != leader).map(str::to_owned).context("there is no other replica")
}

/// The Pods that have reported to the leader.
fn reports(install: &Install) -> Result<Vec<String>> {
    let lease = get(&format!("lease portico-{} -n {}", install.release, install.namespace))?;
    let annotations = lease["metadata"]["annotations"].as_object().cloned().unwrap_or_default();
    let reports = annotations.iter().filter(|(key, _)| key.starts_with("replica.portico.dev/"));
    let reports = reports.filter_map(|(_, value)| serde_json::from_str(value.as_str()?).ok());
    Ok(reports.filter_map(|it: serde_json::Value| it["pod"].as_str().map(str::to_owned)).collect())
}

async fn reported(install: &Install, pod: &str) -> Result<()> {
    let pods = reports(install)?;
    ensure!(pods.iter().any(|it| it == pod), "{pod} is not among {pods:?}");
    Ok(())
}

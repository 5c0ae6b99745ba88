//! What changes under load: the backends, and Portico itself.

use crate::manifests::shop;
use anyhow::{Result, ensure};
use portico_tests::cluster::{
    get,
    http::Published,
    install::Install,
    k,
    load::Load,
    patience::eventually,
    scope::{Scope, ready},
};
use std::{collections::BTreeSet, time::Duration};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backend_is_scaled_and_rolled_without_a_failed_request() {
    let mut scope = Scope::new().unwrap();
    scope.namespace("shop", &[]).unwrap();
    let install = Install::small(&mut scope, "rollout", 30080, &[]).unwrap();
    let port = shop(&scope, &install, "shop", 1).await;

    let load = Load::start(&port, &["/a", "/b?delay=30"]);
    for replicas in [5, 2] {
        k(&format!("scale deployment/shop -n shop --replicas={replicas}")).unwrap();
        let late = until_served_by(&port, replicas).await;
        println!("the {replicas} ready Pods of a scaled Deployment serve after {late:?}");
        assert!(late < Duration::from_secs(1), "{replicas} Pods: {late:?}");
    }
    k("rollout restart deployment/shop -n shop").unwrap();
    ready("shop", "shop").unwrap();
    let late = until_served_by(&port, 2).await;
    println!("the Pods of a rolled Deployment serve after {late:?}");
    tokio::time::sleep(Duration::from_secs(3)).await;
    load.stop().await.assert_flawless(500, "a backend scaled 1 → 5 → 2 and rolled");
}

/// How long after the EndpointSlices had so many ready Pods exactly these serve.
async fn until_served_by(port: &Published, replicas: usize) -> Duration {
    let ready = || async {
        let ready = ready_pods()?;
        ensure!(ready.len() == replicas, "{ready:?} are ready");
        Ok(ready)
    };
    let (ready, _) = eventually(ready).await.unwrap();
    eventually(|| served_by(port, &ready)).await.unwrap().1
}

fn ready_pods() -> Result<BTreeSet<String>> {
    let slices = get("endpointslices -n shop -l kubernetes.io/service-name=shop")?;
    let slices = slices["items"].as_array().into_iter().flatten();
    let endpoints = slices.flat_map(|slice| slice["endpoints"].as_array().into_iter().flatten());
    let ready = endpoints.filter(|endpoint| endpoint["conditions"]["ready"] == true);
    Ok(ready
        .filter_map(|endpoint| Some(endpoint["targetRef"]["name"].as_str()?.to_owned()))
        .collect())
}

/// Asks often enough to meet every Pod.
async fn served_by(port: &Published, ready: &BTreeSet<String>) -> Result<()> {
    let mut pods = BTreeSet::new();
    for _ in 0..ready.len() * 8 {
        let answer = port.asked("/").await?;
        pods.insert(answer["pod"].as_str().unwrap_or_default().to_owned());
    }
    ensure!(pods == *ready, "served by {pods:?}, ready are {ready:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn portico_is_restarted_and_upgraded_without_a_failed_request() {
    let mut scope = Scope::new().unwrap();
    scope.namespace("shop", &[]).unwrap();
    let class = "className=upgrade";
    let install = Install::new(&mut scope, "upgrade", 30080, &[class]).unwrap();
    let port = shop(&scope, &install, "shop", 2).await;

    let load = Load::start(&port, &["/a", "/b?delay=200"]);
    let before = pod_names(&install);
    k(&format!("rollout restart deployment/upgrade -n {}", install.namespace)).unwrap();
    install.ready().unwrap();
    let restarted = all_others(&install, &before).await;
    install.apply(&[class, "workers=1"]).unwrap();
    install.ready().unwrap();
    all_others(&install, &restarted).await;
    tokio::time::sleep(Duration::from_secs(8)).await; // the last of the old ones ends
    load.stop().await.assert_flawless(1000, "Portico restarted and upgraded");
}

/// Waits until none of these Pods is left; those that took their place.
async fn all_others(install: &Install, old: &BTreeSet<String>) -> BTreeSet<String> {
    let attempt = || async {
        let new = pod_names(install);
        ensure!(old.is_disjoint(&new), "{new:?} after {old:?}");
        Ok(new)
    };
    eventually(attempt).await.unwrap().0
}

fn pod_names(install: &Install) -> BTreeSet<String> {
    let pods = install.pods().unwrap();
    pods.iter().map(|pod| pod["metadata"]["name"].as_str().unwrap().to_owned()).collect()
}

//! Pods that fail without Kubernetes' knowing of it: what their neighbours' clients notice.

use crate::manifests::{PROGRAMMED, front_door, route};
use anyhow::{Context, Result, ensure};
use portico_tests::cluster::{
    apply,
    http::Published,
    install::{Install, condition},
    k,
    load::Load,
    patience::eventually,
    scope::{Scope, ready},
};
use std::{collections::BTreeMap, time::Duration};
use tokio::time::sleep;

/// An install, three Pods of `shop`, and a Route with these lines of its spec.
async fn three_pods(scope: &mut Scope, more: &str) -> Published {
    scope.namespace("faulty", &[]).unwrap();
    let install = Install::small(scope, "faulty", 30080, &[]).unwrap();
    scope.backend("faulty", "shop", 3).unwrap();
    scope.backend("faulty", "spare", 1).unwrap();
    let door = front_door(&install, "faulty", "faulty.example", "");
    let route = route("faulty", "all", "/*", "shop", more);
    let backends = "backends: [{service: {name: shop, port: http}}, {service: {name: spare, port: http}, priority: 1}]";
    let route = route.replace("backends: [{service: {name: shop, port: http}}]", backends);
    apply(&(door + &route)).unwrap();
    condition("faulty", "route/all", PROGRAMMED).await.unwrap();
    let port = install.published("faulty.example").unwrap();
    eventually(|| port.expect("/", 200)).await.unwrap();
    port
}

/// The names of the Pods of `shop`.
fn pods() -> Vec<String> {
    let names = "jsonpath={.items[*].metadata.name}";
    let names = k(&format!("get pods -n faulty -l app=shop -o {names}")).unwrap();
    names.split_whitespace().map(str::to_owned).collect()
}

/// Makes a Pod a bad one; one that is killed does not answer.
fn make(pod: &str, mode: &str) {
    let path = format!("/api/v1/namespaces/faulty/pods/{pod}:8080/proxy/fault?mode={mode}");
    let made = k(&format!("get --raw {path}"));
    assert!(made.is_ok() || mode == "kill", "{made:?}");
}

/// How many of `count` requests each Pod answers.
async fn shares(port: &Published, count: u32) -> Result<BTreeMap<String, u32>> {
    let mut shares = BTreeMap::new();
    for _ in 0..count {
        let answer = port.asked("/").await?;
        let pod = answer["pod"].as_str().context("no Pod's answer")?.to_owned();
        *shares.entry(pod).or_default() += 1;
    }
    Ok(shares)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pod_that_is_killed_costs_no_request() {
    let mut scope = Scope::new().unwrap();
    let port = three_pods(&mut scope, "").await;
    let load = Load::start(&port, &["/a", "/b?delay=20"]);
    for pod in pods().iter().take(2) {
        sleep(Duration::from_secs(1)).await;
        make(pod, "kill");
        sleep(Duration::from_secs(4)).await;
    }
    load.stop().await.assert_flawless(500, "two of three Pods killed, one after the other");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pod_that_fails_hangs_or_turns_slow_is_left_out() {
    let mut scope = Scope::new().unwrap();
    let more = ", retry: {attempts: 2, on: [ConnectFailure, Reset, PerTryTimeout, \"500\"], perTry: 300ms, budget: 100}\
        , ejection: {errors: 3, time: 5s, maxTime: 5s}\
        , health: {path: /healthz, interval: 1s, timeout: 300ms, unhealthyAfter: 2, healthyAfter: 2}";
    let port = three_pods(&mut scope, more).await;
    for mode in ["error", "hang", "slow"] {
        let bad = pods().swap_remove(0);
        let load = Load::start(&port, &["/a", "/b"]);
        sleep(Duration::from_secs(1)).await;
        make(&bad, mode);
        let left_out = || async {
            let shares = shares(&port, 30).await?;
            ensure!(!shares.contains_key(&bad), "{bad} ({mode}) still serves: {shares:?}");
            Ok(())
        };
        let (_, late) = eventually(left_out).await.unwrap();
        println!("a Pod with the fault {mode} is left out within {late:?}");
        make(&bad, "none");
        let back = || async {
            let shares = shares(&port, 30).await?;
            ensure!(shares.contains_key(&bad), "{bad} is not back: {shares:?}");
            Ok(())
        };
        let (_, late) = eventually(back).await.unwrap();
        println!("and is back within {late:?}");
        load.stop().await.assert_flawless(100, &format!("a Pod with the fault {mode}"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_without_pods_gives_way_to_the_next_priority() {
    let mut scope = Scope::new().unwrap();
    let port = three_pods(&mut scope, "").await;
    let load = Load::start(&port, &["/a", "/b?delay=20"]);
    let only = |name: &'static str| {
        let port = &port;
        move || async move {
            let shares = shares(port, 10).await?;
            ensure!(shares.keys().all(|pod| pod.starts_with(name)), "{shares:?}");
            Ok(())
        }
    };
    k("scale deployment/shop -n faulty --replicas=0").unwrap();
    eventually(only("spare-")).await.unwrap();
    k("scale deployment/shop -n faulty --replicas=2").unwrap();
    ready("faulty", "shop").unwrap();
    eventually(only("shop-")).await.unwrap();
    load.stop().await.assert_flawless(100, "a Service whose Pods were all gone");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_stay_with_their_pod_until_a_rollout_takes_it() {
    let mut scope = Scope::new().unwrap();
    let port = three_pods(&mut scope, ", affinity: {cookie: session}").await;
    let first = port.get("/").await.unwrap();
    let cookie = first.headers()["set-cookie"].to_str().unwrap().to_owned();
    let session = cookie.split(';').next().unwrap().to_owned();
    let stays = || async {
        let mut pods = BTreeMap::new();
        for _ in 0..10 {
            let request = port.request("GET", "/").header("cookie", &session);
            let answer: serde_json::Value =
                serde_json::from_slice(port.send(request).await?.body())?;
            ensure!(answer["headers"]["cookie"].is_null(), "{answer}");
            let pod = answer["pod"].as_str().context("no Pod's answer")?;
            *pods.entry(pod.to_owned()).or_insert(0) += 1;
        }
        ensure!(pods.len() == 1, "{pods:?}");
        pods.into_keys().next().context("no Pod")
    };
    let before = stays().await.unwrap();
    let load = Load::start(&port, &["/a", "/b"]);
    k("rollout restart deployment/shop -n faulty").unwrap();
    ready("faulty", "shop").unwrap();
    load.stop().await.assert_flawless(100, "a rollout of Pods with sessions");
    let moved = || async {
        let request = port.request("GET", "/").header("cookie", &session);
        let answer = port.send(request).await?;
        ensure!(answer.status() == 200, "{answer:?}");
        ensure!(answer.headers().contains_key("set-cookie"), "{answer:?}");
        let pod: serde_json::Value = serde_json::from_slice(answer.body())?;
        ensure!(pod["pod"] != before.as_str(), "still {before}");
        Ok(())
    };
    eventually(moved).await.unwrap();
}

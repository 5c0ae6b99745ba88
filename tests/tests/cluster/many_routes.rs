//! Two thousand Routes, one after another: how long each takes to be served, what is written for it,
//! and what they take.

use crate::manifests::shop;
use anyhow::{Context, Result, ensure};
use kube::{
    Api, Client, Config,
    api::{Patch, PatchParams, PostParams},
};
use portico_crds::Route;
use portico_tests::cluster::{
    http::{Connection, Published, exchange},
    install::Install,
    k,
    patience::eventually,
    scope::Scope,
};
use serde_json::json;
use std::time::{Duration, Instant};

const ROUTES: u32 = 2000;
const CHANGED: u32 = 100;
const WRITTEN: [&str; 2] = [r#"kind="Route""#, r#"result="written""#];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_thousand_routes_are_served_as_they_come() {
    let mut scope = Scope::new().unwrap();
    scope.namespace("many", &[]).unwrap();
    let install = Install::small(&mut scope, "many", 30080, &[]).unwrap();
    let port = shop(&scope, &install, "many", 1).await;
    let api = routes().await.unwrap();
    let before = written(&install);

    let (mut late, mut later) = (Vec::new(), Vec::new());
    let mut connection = port.connect().await.unwrap();
    for number in 0..ROUTES {
        let route = serde_json::from_value(route(number, 202)).unwrap();
        let start = Instant::now();
        api.create(&PostParams::default(), &route).await.unwrap();
        let created = Instant::now();
        until_answered(&port, &mut connection, number, 202).await.unwrap();
        late.push(start.elapsed());
        later.push(created.elapsed());
    }
    println!("{ROUTES} Routes, from apply to the first answer: {}", figures(late));
    println!("of that, after the API server had answered: {}", figures(later));
    assert_writes(&install, before, ROUTES).await;
    println!("{ROUTES} Routes: {}", memory(&install).unwrap());

    let before = written(&install);
    let mut late = Vec::new();
    for number in 0..CHANGED {
        let start = Instant::now();
        let patch = Patch::Merge(route(number, 204));
        api.patch(&format!("r{number}"), &PatchParams::default(), &patch).await.unwrap();
        until_answered(&port, &mut connection, number, 204).await.unwrap();
        late.push(start.elapsed());
    }
    println!("{CHANGED} of {ROUTES} Routes changed, to the first new answer: {}", figures(late));
    assert_writes(&install, before, CHANGED).await;
}

async fn routes() -> Result<Api<Route>> {
    Ok(Api::namespaced(Client::try_from(Config::infer().await?)?, "many"))
}

fn route(number: u32, status: u16) -> serde_json::Value {
    json!({
        "apiVersion": "portico.dev/v1alpha1",
        "kind": "Route",
        "metadata": {"name": format!("r{number}")},
        "spec": {
            "frontDoorRef": {"name": "door"},
            "matches": [{"path": format!("/r/{number}/*")}],
            "respond": {"status": status},
        },
    })
}

async fn until_answered(
    port: &Published,
    connection: &mut Connection,
    number: u32,
    status: u16,
) -> Result<()> {
    let path = format!("/r/{number}/x");
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let request = port.request("GET", &path).body(http_body_util::Empty::new())?;
        let answer = exchange(connection, request).await?.status();
        // Until then the Route for everything answers, with 200.
        if answer == status {
            return Ok(());
        }
        ensure!(Instant::now() < deadline, "{path}: {answer}, not {status}");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

fn written(install: &Install) -> f64 {
    install.metric("portico_status_writes_total", &WRITTEN).unwrap()
}

/// One status was written for each change; none more comes.
async fn assert_writes(install: &Install, before: f64, changes: u32) {
    let all = || async {
        let writes = install.metric("portico_status_writes_total", &WRITTEN)? - before;
        ensure!(writes >= f64::from(changes), "{writes} of {changes}");
        Ok(())
    };
    let (_, late) = eventually(all).await.unwrap();
    tokio::time::sleep(Duration::from_secs(3)).await;
    let writes = written(install) - before;
    println!(
        "{changes} changes: {writes} statuses written, the last {late:?} after the last answer"
    );
    assert!((writes - f64::from(changes)).abs() < 0.5, "{writes} writes for {changes} changes");
}

fn figures(mut late: Vec<Duration>) -> String {
    late.sort_unstable();
    let at = |share: usize| late[(late.len() - 1) * share / 100];
    format!("median {:?}, p99 {:?}, slowest {:?}", at(50), at(99), at(100))
}

/// What the kubelet says that the Pod's memory is.
fn memory(install: &Install) -> Result<String> {
    let pods = install.pods()?;
    let pod = pods.first().context("no Pod")?;
    let (name, node) = (&pod["metadata"]["name"], pod["spec"]["nodeName"].as_str());
    let node = node.context("a Pod without a node")?;
    let stats = format!("--raw /api/v1/nodes/{node}/proxy/stats/summary");
    let summary = k(&format!("get {stats}"))?;
    let summary: serde_json::Value = serde_json::from_str(&summary)?;
    let stats = summary["pods"].as_array().into_iter().flatten();
    let pod = stats.into_iter().find(|pod| pod["podRef"]["name"] == *name).context("no figures")?;
    let memory = &pod["containers"][0]["memory"];
    let bytes = |key: &str| memory[key].as_f64().with_context(|| format!("no {key}: {pod}"));
    let mib = |key: &str| anyhow::Ok(bytes(key)? / f64::from(1 << 20));
    let (resident, working) = (mib("rssBytes")?, mib("workingSetBytes")?);
    Ok(format!("{resident:.1} MiB resident, {working:.1} MiB working set"))
}

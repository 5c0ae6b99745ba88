//! The API server goes away and comes back: how soon after its first answer a change is served and
//! a status written, as docs/operator.md promises.
//!
//! `API_SERVER_OUTAGES` lists other outages than the default: `refused:30 hung:300`, in seconds.

mod outage;

use crate::manifests::shop;
use anyhow::{Context, Result, bail, ensure};
use kube::{Api, Client, Config, api::PostParams};
use outage::Outage;
use portico_crds::Route;
use portico_tests::cluster::{
    in_node,
    install::Install,
    k,
    load::Load,
    patience::{PATIENCE, eventually},
    scope::Scope,
};
use serde_json::json;
use std::{
    env,
    time::{Duration, Instant},
};
use tokio::{
    task::{JoinSet, spawn_blocking},
    time::{interval, sleep, timeout},
};

/// One of each kind, long enough for delays between retries to have grown.
const OUTAGES: &str = "refused:30 hung:20 unreachable:20";
/// What docs/operator.md promises.
const RECOVERY: Duration = Duration::from_secs(15);
/// How often the API server is asked whether it is back.
const POLL: Duration = Duration::from_millis(100);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn soon_after_the_api_server_is_back_changes_are_served_and_statuses_written() {
    if in_node(&["true"]).is_none() {
        return println!("skipped, the node can't be reached into: stopping the API server");
    }
    let outages = env::var("API_SERVER_OUTAGES").unwrap_or_else(|_| OUTAGES.to_owned());
    let outages: Result<Vec<Outage>> = outages.split_whitespace().map(str::parse).collect();
    let mut scope = Scope::new().unwrap();
    scope.namespace("outage", &[]).unwrap();
    let install = Install::new(&mut scope, "outage", 30080, &["className=outage"]).unwrap();
    let port = shop(&scope, &install, "outage", 2).await;
    let config = Config::infer().await.unwrap();
    let routes = Api::namespaced(Client::try_from(config).unwrap(), "outage");

    let mut late = Vec::new();
    for (number, outage) in outages.unwrap().into_iter().enumerate() {
        // Nothing that is served needs the API server.
        let load = Load::start(&port, &["/", "/b?delay=100"]);
        let recovery = recovery(&install, &routes, number, outage).await.unwrap();
        let Recovery { served, written } = recovery;
        println!(
            "API server {outage}: after its first answer, a change was served by both replicas in \
             {:.1} s, its status written in {:.1} s",
            served.as_secs_f64(),
            written.as_secs_f64()
        );
        let at_least = 20 * usize::try_from(outage.length.as_secs()).unwrap();
        load.stop().await.assert_flawless(at_least, &format!("API server {outage}"));
        if served.max(written) > RECOVERY {
            late.push((outage, recovery));
        }
    }
    assert!(late.is_empty(), "not within {RECOVERY:?}: {late:#?}");
    let restarts = "-o jsonpath={.items[*].status.containerStatuses[0].restartCount}";
    let restarts = k(&format!("get pods -n {} {restarts}", install.namespace)).unwrap();
    assert_eq!(restarts, "0 0", "restarts");
}

/// Time from the API server's first answer after an outage.
#[derive(Debug)]
struct Recovery {
    /// Until a Route created then was served by every replica.
    served: Duration,
    /// Until its status said so.
    written: Duration,
}

async fn recovery(
    install: &Install,
    routes: &Api<Route>,
    number: usize,
    outage: Outage,
) -> Result<Recovery> {
    let pods = addresses(install)?;
    let mut ongoing = outage.begin()?;
    ensure!(!matches!(timeout(POLL * 10, routes.get("all")).await, Ok(Ok(_))), "it still answers");
    sleep(outage.length).await;
    let ask = |pod: String| spawn_blocking(move || until_it_serves(&pod, number));
    let replicas: Vec<_> = pods.into_iter().map(ask).collect();
    ongoing.end()?;

    first_answer(routes).await?;
    let start = Instant::now();
    eventually(|| create(routes, number)).await?;
    let served = async {
        for replica in replicas {
            replica.await??;
        }
        anyhow::Ok(start.elapsed())
    };
    let written = async {
        eventually(|| is_programmed(routes, number)).await?;
        anyhow::Ok(start.elapsed())
    };
    let (served, written) = tokio::try_join!(served, written)?;
    Ok(Recovery { served, written })
}

/// Waits until the API server answers a request for a Route. Requests overlap, because some that
/// were sent during the outage are lost.
async fn first_answer(routes: &Api<Route>) -> Result<()> {
    let (mut asked, mut pace) = (JoinSet::new(), interval(POLL));
    let answered = async {
        loop {
            tokio::select! {
                _ = pace.tick() => {
                    let routes = routes.clone();
                    asked.spawn(async move { timeout(POLL * 50, routes.get("all")).await });
                }
                Some(Ok(Ok(Ok(_)))) = asked.join_next() => return,
            }
        }
    };
    timeout(PATIENCE, answered).await.context("the API server does not come back")
}

fn name(number: usize) -> String {
    format!("after-{number}")
}

/// The status of responses that only the new Route gives.
const STATUS: u16 = 202;

async fn create(routes: &Api<Route>, number: usize) -> Result<()> {
    let route = serde_json::from_value(json!({
        "metadata": {"name": name(number)},
        "spec": {
            "frontDoorRef": {"name": "door"},
            "matches": [{"path": format!("/{}", name(number))}],
            "respond": {"status": STATUS},
        },
    }))?;
    match routes.create(&PostParams::default(), &route).await {
        // An attempt that got no answer may have succeeded.
        Err(kube::Error::Api(status)) if status.is_already_exists() => Ok(()),
        created => created.map(drop).map_err(Into::into),
    }
}

async fn is_programmed(routes: &Api<Route>, number: usize) -> Result<()> {
    let route = routes.get(&name(number)).await?;
    let conditions = route.status.map(|status| status.conditions).unwrap_or_default();
    let is_so = conditions.iter().any(|c| c.type_ == "Programmed" && c.status == "True");
    ensure!(is_so, "{}: {conditions:?}", name(number));
    Ok(())
}

/// The addresses of the replicas.
fn addresses(install: &Install) -> Result<Vec<String>> {
    let pods = install.pods()?;
    ensure!(pods.len() == 2, "{} replicas", pods.len());
    let address = |pod: &serde_json::Value| pod["status"]["podIP"].as_str().map(str::to_owned);
    pods.iter().map(address).collect::<Option<_>>().context("a Pod without an address")
}

/// Asks one replica, from the node, until it serves the new Route.
fn until_it_serves(pod: &str, number: usize) -> Result<()> {
    let script = format!(
        "until [ $(curl -s -m 5 -o /dev/null -w %{{http_code}} -H 'Host: outage.example' \
           http://{pod}:8080/{}) = {STATUS} ]; do sleep 0.05; done",
        name(number)
    );
    // The outage ends now. A test that has failed waits for this too.
    let limit = (PATIENCE + RECOVERY).as_secs().to_string();
    match in_node(&["timeout", &limit, "sh", "-c", &script]) {
        Some(result) => result.map(drop),
        None => bail!("the node can't be reached into"),
    }
}

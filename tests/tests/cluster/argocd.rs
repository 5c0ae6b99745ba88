//! Routes that follow a Git repository, by the real Argo CD: what `docs/gitops.md` says, done.

use crate::manifests::PROGRAMMED;
use anyhow::{Result, ensure};
use portico_tests::{
    blocks,
    cluster::{
        apply, apply_dry,
        argocd::{ArgoCd, NAMESPACE},
        get, helm,
        http::Published,
        install::condition,
        k, kubectl,
        patience::eventually,
        scope::Scope,
    },
    root,
};
use serde_json::{Value, json};
use std::{fs, process::Command, time::Instant};

const PORT: u16 = 30080;
const APP: &str = "examples/ep/app.yaml";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "make test-gitops"]
async fn routes_follow_a_repository() {
    let page = fs::read_to_string(root().join("docs/gitops.md")).unwrap();
    // Argo CD brings the definitions, as to a cluster that never had them.
    let _definitions = NoDefinitions::now();
    let _leftovers = Leftovers;
    let mut scope = Scope::default();
    for namespace in [NAMESPACE, "portico-system", "web"] {
        scope.keep_namespace(namespace).unwrap();
    }
    let argocd = ArgoCd::start().await.unwrap();
    let repository = &argocd.repository;
    for folder in ["charts/portico", "charts/portico-crds", "examples/ep"] {
        repository.copy(folder).unwrap();
    }
    repository.commit("Three services").unwrap();

    for command in blocks(&page, "sh") {
        let mut shell = Command::new("bash");
        let output = shell.args(["-euc", &command]).current_dir(root()).output().unwrap();
        assert!(output.status.success(), "{command}: {output:?}");
    }
    let mut applications = blocks(&page, "yaml").into_iter().map(|block| {
        let local = block.replace("https://github.com/portico-dev/portico.git", &repository.url);
        serde_saphyr::from_str::<Value>(&local).unwrap()
    });
    let (mut portico, ep) = (applications.next().unwrap(), applications.next().unwrap());
    let previews = applications.next().unwrap();
    let values = &mut portico["spec"]["sources"][1]["helm"]["valuesObject"];
    values["service"] = json!({"type": "NodePort", "nodePorts": {"http": PORT}});
    apply(&portico.to_string()).unwrap();
    let settled = argocd.settled("portico", "Healthy").await.unwrap();
    assert_eq!(settled["status"]["conditions"], Value::Null, "no warnings");
    apply(&ep.to_string()).unwrap();
    argocd.settled("ep", "Healthy").await.unwrap();
    let port = Published::new(PORT, "www.ep.com").unwrap();
    // The node port may be there a little later than what is behind it.
    eventually(|| port.expect("/", 200)).await.unwrap();
    // The fields of an ApplicationSet are known, at least: its generator asks GitHub.
    k("wait --for=condition=Established crd/applicationsets.argoproj.io --timeout=60s").unwrap();
    apply_dry(&previews.to_string()).unwrap();

    a_commit_is_served(&argocd, &port).await;
    a_broken_route_shows_and_a_revert_heals_it(&argocd, &port).await;
    nothing_differs(&argocd, ep).await;
    what_is_removed_is_pruned(&argocd, &port).await;
    the_definitions_stay();
}

/// From `git push` to the first answer of the new Route.
async fn a_commit_is_served(argocd: &ArgoCd, port: &Published) {
    let before = argocd.repository.read(APP).unwrap();
    let mut times = Vec::new();
    for round in 0..10 {
        let redirect = format!("redirect: {{path: /somewhere/{round}}}");
        let route = format!(
            "---\napiVersion: portico.dev/v1alpha1\nkind: Route\nmetadata: {{name: moved, namespace: web}}\n\
             spec:\n  frontDoorRef: {{name: ep}}\n  matches: [{{path: /moved}}]\n  {redirect}\n"
        );
        argocd.repository.write("examples/ep/moved.yaml", &route).unwrap();
        argocd.repository.commit("Move it").unwrap();
        let start = Instant::now();
        argocd.refresh("ep").unwrap();
        let leads_there = || async {
            let answer = port.get("/moved").await?;
            let location = answer.headers().get("location").map(|value| value.to_str());
            let location = location.transpose()?.unwrap_or_default();
            ensure!(location.ends_with(&format!("/somewhere/{round}")), "{location:?}");
            Ok(())
        };
        eventually(leads_there).await.unwrap();
        times.push(start.elapsed());
        argocd.settled("ep", "Healthy").await.unwrap();
        assert_eq!(argocd.diff("ep").unwrap(), "");
    }
    times.sort();
    println!("from a push to the first answer: median {:?}, worst {:?}", times[5], times[9]);
    assert_eq!(argocd.repository.read(APP).unwrap(), before);
}

async fn a_broken_route_shows_and_a_revert_heals_it(argocd: &ArgoCd, port: &Published) {
    let good = argocd.repository.read(APP).unwrap();
    let header = "path: \"*\"\n    headers: [{name: x, type: Regex, value: '('}]";
    let broken = good.replace("path: \"*\"", header);
    assert_ne!(broken, good);
    argocd.repository.write(APP, &broken).unwrap();
    argocd.repository.commit("Break it").unwrap();
    argocd.settled("ep", "Degraded").await.unwrap();
    let message = condition("web", "route/app", "Accepted=False/Invalid").await.unwrap();
    assert!(message.contains("spec.matches[0].headers[0].value"), "{message}");
    let health = argocd.health("ep", "Route", "app").unwrap();
    assert_eq!(health, json!({"status": "Degraded", "message": message}));
    port.expect("/", 200).await.unwrap();

    argocd.repository.revert().unwrap();
    argocd.settled("ep", "Healthy").await.unwrap();
    condition("web", "route/app", PROGRAMMED).await.unwrap();
    assert_eq!(argocd.diff("ep").unwrap(), "");
}

/// Nor does it by another way of applying: what is filled in, and what Portico writes.
async fn nothing_differs(argocd: &ArgoCd, mut ep: Value) {
    for options in [json!(["ServerSideApply=true"]), json!([])] {
        ep["spec"]["syncPolicy"]["syncOptions"] = options;
        ep["operation"] = json!({"sync": {"syncStrategy": {"apply": {"force": false}}}});
        apply(&ep.to_string()).unwrap();
        argocd.settled("ep", "Healthy").await.unwrap();
        assert_eq!(argocd.diff("ep").unwrap(), "");
    }
}

async fn what_is_removed_is_pruned(argocd: &ArgoCd, port: &Published) {
    argocd.repository.remove("examples/ep/moved.yaml").unwrap();
    argocd.repository.commit("Remove it").unwrap();
    argocd.settled("ep", "Healthy").await.unwrap();
    let left = k("get routes -n web -o name").unwrap();
    assert!(!left.contains("moved") && left.contains("route.portico.dev/app"), "{left}");
    let falls_to_the_app = || async {
        let answer = port.get("/moved").await?;
        ensure!(!answer.status().is_redirection(), "{answer:?}");
        Ok(())
    };
    eventually(falls_to_the_app).await.unwrap();
}

/// Deleting the Application of the charts keeps the definitions, and so every Route.
fn the_definitions_stay() {
    for application in ["portico", "ep"] {
        let prunes = r#"["resources-finalizer.argocd.argoproj.io"]"#;
        set_finalizers(&format!("application/{application}"), prunes).unwrap();
    }
    k(&format!("delete application portico -n {NAMESPACE} --timeout=120s")).unwrap();
    assert_eq!(k("get deployments -n portico-system -o name").unwrap(), "");
    assert!(k("get routes -n web -o name").unwrap().contains("route.portico.dev/app"));
    k(&format!("delete application ep -n {NAMESPACE} --timeout=120s")).unwrap();
    assert_eq!(k("get routes -n web -o name").unwrap(), "");
}

/// A cluster without the definitions, until this goes.
struct NoDefinitions;

impl NoDefinitions {
    fn now() -> Self {
        helm(["uninstall", "portico-crds", "-n", "portico-crds", "--wait", "--ignore-not-found"])
            .unwrap();
        Self::remove();
        assert!(get("crd routes.portico.dev").is_err());
        Self
    }

    fn remove() {
        k("delete crd routes.portico.dev frontdoors.portico.dev --ignore-not-found").unwrap();
    }
}

impl Drop for NoDefinitions {
    fn drop(&mut self) {
        Self::remove();
        Scope::define().unwrap();
    }
}

/// What Argo CD applied and, where the test fails, did not prune: other tests use the same port and
/// names. Namespaces are the scope's.
struct Leftovers;

impl Drop for Leftovers {
    fn drop(&mut self) {
        let label = "-l app.kubernetes.io/instance=portico --ignore-not-found";
        let _ = k(&format!("delete service -n portico-system {label}"));
        let _ = k(&format!("delete clusterroles,clusterrolebindings {label}"));
        let applications =
            k(&format!("get applications -n {NAMESPACE} -o name --ignore-not-found"));
        for application in applications.unwrap_or_default().lines() {
            let _ = set_finalizers(application, "null");
        }
    }
}

/// What Argo CD does before an Application is gone: a JSON list, or null for nothing.
fn set_finalizers(application: &str, finalizers: &str) -> Result<String> {
    let line = format!("patch {application} -n {NAMESPACE} --type=merge -p");
    let patch = format!("{{\"metadata\": {{\"finalizers\": {finalizers}}}}}");
    kubectl(line.split_whitespace().chain([patch.as_str()]))
}

//! Tools that wait until what they applied is served.

use portico_tests::cluster::{helm4, install::Install, patience::eventually, scope::Scope};
use std::{fs, path::Path};

const ROUTE: &str = "\
apiVersion: portico.dev/v1alpha1
kind: FrontDoor
metadata: {name: door}
spec: {className: waits, hosts: [{name: waits.example}]}
---
apiVersion: portico.dev/v1alpha1
kind: Route
metadata: {name: all}
spec:
  frontDoorRef: {name: door}
  matches:
  - path: /*
    headers: [{name: x-wanted, type: Regex, value: {{ .Values.expression | quote }}}]
  respond: {status: 200}
---
apiVersion: portico.dev/v1alpha1
kind: Route
metadata: {name: other}
spec:
  frontDoorRef: {name: door}
  matches: [{path: /other}]
  respond: {status: 204}
";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn helm_4_fails_with_the_message_of_a_broken_route() {
    let mut scope = Scope::new().unwrap();
    scope.namespace("waits", &[]).unwrap();
    let install = Install::small(&mut scope, "waits", 30080, &[]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let chart = folder.path();
    fs::create_dir(chart.join("templates")).unwrap();
    fs::write(chart.join("Chart.yaml"), "{apiVersion: v2, name: shop, version: 0.1.0}").unwrap();
    fs::write(chart.join("templates/route.yaml"), ROUTE).unwrap();

    let refusal = format!("{:#}", apply(chart, "(").unwrap_err());
    assert!(refusal.contains("spec.matches[0].headers[0].value"), "{refusal}");
    // The node port may still lead to the Pods of whoever had it before.
    let port = install.published("waits.example").unwrap();
    eventually(|| port.expect("/other", 204)).await.unwrap();
    apply(chart, "[a-z]+").unwrap();
    // Nothing else is waited for: it is served by now.
    let answer = port.send(port.request("GET", "/").header("x-wanted", "this")).await.unwrap();
    assert_eq!(answer.status(), 200);
}

fn apply(chart: &Path, expression: &str) -> anyhow::Result<String> {
    let line = "upgrade --install shop --namespace waits --wait --timeout 60s --set";
    let expression = format!("expression={expression}");
    let arguments = line.split_whitespace().map(AsRef::as_ref);
    helm4(arguments.chain([expression.as_ref(), chart.as_os_str()]))
}

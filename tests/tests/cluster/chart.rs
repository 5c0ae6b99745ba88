//! What the charts render, before the API server's own eyes.

use portico_tests::{
    cluster::{apply_dry, k, patience::eventually, scope::Scope},
    helm::render_as,
};
use std::env;

/// Everything that the chart can make, in a few releases.
const VALUES: &[&[&str]] = &[
    &[],
    &[
        "autoscaling.enabled=true",
        "networkPolicy.enabled=true",
        "dashboard.enabled=true",
        "service.type=NodePort",
    ],
    &[
        "networkPolicy.enabled=true",
        "networkPolicy.http.from[0].ipBlock.cidr=10.0.0.0/8",
        "kind=DaemonSet",
        "service.type=ClusterIP",
        "listen.address=::",
        "publish.addresses={192.0.2.1,edge.example}",
    ],
    &[
        "trustedProxies={10.0.0.0/8}",
        "lease.create=false",
        "lifecycle.postStart.sleep.seconds=1",
        "service.loadBalancerIP=192.0.2.1",
        "extraVolumes[0].name=scratch",
        "extraVolumes[0].emptyDir.medium=Memory",
        "extraVolumeMounts[0].name=scratch",
        "extraVolumeMounts[0].mountPath=/scratch",
    ],
    &[
        "watchNamespaces={default}",
        "secrets.namespaces={default}",
        "workers=2",
        "resources.limits.cpu=2",
    ],
];
const MONITORING: &[&str] = &["serviceMonitor.enabled=true", "prometheusRule.enabled=true"];

#[tokio::test]
async fn the_api_server_takes_every_object() {
    let mut scope = Scope::new().unwrap();
    scope.namespace("dry", &["pod-security.kubernetes.io/warn=restricted"]).unwrap();
    let check = |values: &[&str]| {
        let objects = render_as("dry", "dry", values).expect("helm").unwrap();
        let answer = apply_dry(&objects.text).unwrap();
        assert!(!answer.contains("Warning"), "{answer}");
        let taken = answer.lines().filter(|line| line.contains("server dry run")).count();
        assert_eq!(taken, objects.all().count(), "{answer}");
    };
    for values in VALUES {
        check(values);
    }
    let Ok(definitions) = env::var("MONITORING_CRDS") else {
        return println!(
            "skipped, MONITORING_CRDS names no folder: ServiceMonitor, PrometheusRule"
        );
    };
    for kind in ["servicemonitors", "prometheusrules"] {
        let file = format!("{definitions}/monitoring.coreos.com_{kind}.yaml");
        k(&format!("apply --server-side -f {file}")).unwrap();
        let definition = format!("customresourcedefinition/{kind}.monitoring.coreos.com");
        // Until the API server has written any condition, kubectl fails instead of waiting.
        let established =
            || async { k(&format!("wait --for=condition=Established --timeout=60s {definition}")) };
        eventually(established).await.unwrap();
    }
    check(MONITORING);
}

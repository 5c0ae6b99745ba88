//! Values: each reaches what it is about, and a bad one is refused with its name.

use clap::CommandFactory;
use portico::cli::{Cli, Command};
use portico_tests::{
    helm::{render, render_as},
    root,
};
use serde_json::Value;
use std::{collections::BTreeSet, fs};

/// A value for each flag.
const ALL: &[&str] = &[
    "className=blue",
    "watchNamespaces={web,shop}",
    "secrets.namespaces={web}",
    "allowExternal={10.0.0.0/8,*.corp.example}",
    "hostClaims.web={www.ep.com,*.shop.ep.com}",
    "hostClaims.infra={*}",
    "trustedProxies={10.0.0.0/8,fd00::/8}",
    "viaName=edge",
    "underscores=allow",
    "workers=3",
    "limits.maxHeadBytes=32KiB",
    "limits.maxUriBytes=4KiB",
    "limits.maxBodyBytes=10MiB",
    "limits.maxResponseFields=250",
    "limits.maxConnections=500",
    "limits.maxConnectionsPerClient=20",
    "limits.maxMemory=256MiB",
    "limits.headerTimeout=10s",
    "limits.handshakeTimeout=5s",
    "limits.idleTimeout=1m",
    "service.ports.https=8443",
    "drainTimeoutSeconds=7",
    "log.format=text",
    "log.access=combined",
    "otlp.endpoint=http://collector:4318",
    "otlp.traceSampleRatio=0.25",
    "otlp.traceParent=ignore",
];

/// Flags without a value of their own: what the chart has no use for, or sets by itself.
const WITHOUT: &[&str] = &["help", "kubeconfig", "version"];

fn arguments(values: &[&str]) -> Option<Vec<String>> {
    let objects = render(values)?.unwrap();
    let spec = &objects.one("Deployment", "").unwrap()["spec"]["template"]["spec"];
    let arguments = spec["containers"][0]["args"].as_array().unwrap().iter();
    Some(arguments.map(|argument| argument.as_str().unwrap().to_owned()).collect())
}

#[test]
fn every_flag_can_be_set() {
    let mut set = BTreeSet::new();
    for more in [
        &[][..],
        &["publish.addresses={192.0.2.1}"],
        &["secrets.enabled=false", "secrets.namespaces=null"],
        &["configMaps.enabled=false"],
    ] {
        let Some(arguments) = arguments(&[ALL, more].concat()) else { return };
        let flags = arguments.iter().filter_map(|argument| argument.strip_prefix("--"));
        set.extend(flags.map(|flag| flag.split('=').next().unwrap().to_owned()));
    }
    let command = Cli::command();
    let operator = command.find_subcommand("operator").unwrap();
    let known = operator.get_arguments().filter_map(|argument| argument.get_long());
    let missing: Vec<_> =
        known.filter(|flag| !set.contains(*flag) && !WITHOUT.contains(flag)).collect();
    assert_eq!(missing, [""; 0], "flags that no value sets");
}

#[test]
fn the_program_takes_what_the_chart_says() {
    for values in [&[][..], ALL, &["listen.address=::"], &["publish.service=false"]] {
        let Some(arguments) = arguments(values) else { return };
        let line = std::iter::once("portico".to_owned()).chain(arguments);
        let cli =
            <Cli as clap::Parser>::try_parse_from(line).unwrap_or_else(|error| panic!("{error}"));
        assert!(matches!(cli.command, Command::Operator(_)));
    }
}

#[test]
fn an_access_log_that_is_off_is_off_however_yaml_reads_it() {
    for (value, expected) in [
        ("log.access=off", Some("--access-log=off")),
        ("log.access=false", Some("--access-log=off")),
        ("log.access=json", Some("--access-log=json")),
        ("log.access=", None),
    ] {
        let Some(arguments) = arguments(&[value]) else { return };
        let given = arguments.iter().find(|argument| argument.starts_with("--access-log"));
        assert_eq!(given.map(String::as_str), expected, "{value}");
    }
}

#[test]
fn a_bad_value_is_refused_with_its_name() {
    for (value, name) in [
        ("replicas=2", "replicas"),
        ("replicaCount=two", "replicaCount"),
        ("kind=StatefulSet", "kind"),
        ("service.type=External", "type"),
        ("service.port=80", "port"),
        ("limits.headerTimeout=30", "headerTimeout"),
        ("limits.maxHeadBytes=lots", "maxHeadBytes"),
        ("log.format=xml", "format"),
        ("log.access=xml", "access"),
        ("otlp.endpoint=collector:4317", "endpoint"),
        ("otlp.traceSampleRatio=2", "traceSampleRatio"),
        ("otlp.traceSampleRatio=2.5", "traceSampleRatio"),
        ("image.digest=latest", "digest"),
        ("watchNamespaces=web", "watchNamespaces"),
        ("hostClaims.web=www.ep.com", "web"),
        ("hostClaims.web={http://a}", "web"),
        ("trustedProxies={lb.example}", "trustedProxies"),
        ("trustedProxies=10.0.0.0/8", "trustedProxies"),
        ("service.loadBalancerIP=lb.example", "loadBalancerIP"),
        ("hostNetwork=1", "hostNetwork"),
        ("lifecycle.prestop.sleep.seconds=1", "lifecycle"),
        ("extraVolumes[0].emptyDir.sizeLimit=1Mi", "extraVolumes"),
        ("drainTimeoutSeconds=-1", "drainTimeoutSeconds"),
    ] {
        let Some(rendered) = render(&[value]) else { return };
        let error = format!("{:#}", rendered.expect_err(value));
        assert!(error.contains(name) && !error.contains("executing"), "{value}: {error}");
    }
}

#[test]
fn a_null_where_there_was_a_default_is_not_taken_for_no() {
    let text = fs::read_to_string(root().join("charts/portico/values.yaml")).unwrap();
    let mut switches = Vec::new();
    collect_switches("", &serde_saphyr::from_str(&text).unwrap(), &mut switches);
    // Kubernetes's own switches may go: OpenShift sets some.
    switches.retain(|path| !path.to_lowercase().contains("securitycontext"));
    assert!(switches.len() > 10, "{switches:?}");
    switches.extend(["autoscaling.minReplicas", "secrets", "configMaps"].map(str::to_owned));
    for path in switches {
        let Some(rendered) = render(&[&format!("{path}=null")]) else { return };
        let error = format!("{:#}", rendered.expect_err(&path));
        let name = path.rsplit('.').next().unwrap();
        assert!(error.contains(&format!("missing property '{name}'")), "{path}: {error}");
    }
}

/// The paths of values that are true or false.
fn collect_switches(path: &str, value: &Value, switches: &mut Vec<String>) {
    if value.is_boolean() {
        switches.push(path.trim_start_matches('.').to_owned());
    }
    for (key, field) in value.as_object().into_iter().flatten() {
        collect_switches(&format!("{path}.{key}"), field, switches);
    }
}

#[test]
fn a_name_that_no_service_may_have_is_refused() {
    for (release, values) in
        [("edge.v1", &[][..]), ("2edge", &[]), ("edge", &["fullnameOverride=2edge"])]
    {
        let Some(rendered) = render_as(release, "front", values) else { return };
        let error = format!("{:#}", rendered.expect_err(release));
        assert!(error.contains("fullnameOverride"), "{release} {values:?}: {error}");
    }
    for release in ["edge.v1", "2edge"] {
        let objects = render_as(release, "front", &["fullnameOverride=edge-v1"]).unwrap().unwrap();
        objects.one("Service", "edge-v1").unwrap();
    }
}

#[test]
fn values_that_do_not_go_together_are_refused_with_the_way_out() {
    for (values, way_out) in [
        (&["kind=DaemonSet", "autoscaling.enabled=true"][..], "use kind: Deployment"),
        (&["hostPorts.http=80"], "use kind: DaemonSet"),
        (&["hostPorts.https=443"], "use kind: DaemonSet"),
        (&["kind=DaemonSet", "hostNetwork=true", "hostPorts.http=80"], "leave hostPorts out"),
        (
            &["service.type=NodePort", "service.loadBalancerIP=192.0.2.1"],
            "needs service.type LoadBalancer",
        ),
        (&["extraContainers[0].name=portico"], "choose another"),
        (&["initContainers[0].name=portico"], "choose another"),
        (
            &["extraVolumeMounts[0].name=a", "extraVolumeMounts[0].mountPath=/a"],
            "add it to extraVolumes",
        ),
        (&["listen.ports.https=9090"], "https and admin are both 9090"),
        (&["service.ports.https=80"], "http and https are both 80"),
        (&["watchNamespaces={web}", "secrets.namespaces={shop}"], "add it to watchNamespaces"),
        (&["secrets.enabled=false", "secrets.namespaces={shop}"], "leave one of them out"),
        (&["terminationGracePeriodSeconds=10"], "requests would be cut off"),
        (&["service.type=ClusterIP", "service.nodePorts.http=30000"], "NodePort or LoadBalancer"),
        (&["service.type=ClusterIP", "service.nodePorts.https=30001"], "NodePort or LoadBalancer"),
        (&["autoscaling.enabled=true", "autoscaling.minReplicas=20"], "is above"),
        (&["kind=DaemonSet", "updateStrategy.type=Recreate"], "use RollingUpdate or OnDelete"),
        (&["updateStrategy.type=OnDelete"], "use RollingUpdate or Recreate"),
        (&["podDisruptionBudget.maxUnavailable=null"], "set maxUnavailable or minAvailable"),
    ] {
        let Some(rendered) = render(values) else { return };
        let error = format!("{:#}", rendered.expect_err(way_out));
        assert!(error.contains(way_out), "{values:?}: {error}");
    }
}

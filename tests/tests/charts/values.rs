//! Values: each reaches what it is about, and a bad one is refused with its name.

use clap::CommandFactory;
use portico::cli::{Cli, Command};
use portico_tests::helm::render;
use std::collections::BTreeSet;

/// A value for each flag.
const ALL: &[&str] = &[
    "className=blue",
    "watchNamespaces={web,shop}",
    "secrets.namespaces={web}",
    "allowExternal={10.0.0.0/8,*.corp.example}",
    "viaName=edge",
    "workers=3",
    "limits.maxHeadBytes=32KiB",
    "limits.maxUriBytes=4KiB",
    "limits.maxBodyBytes=10MiB",
    "limits.maxConnections=500",
    "limits.headerTimeout=10s",
    "limits.idleTimeout=1m",
    "drainTimeoutSeconds=7",
    "log.format=text",
];

/// Flags without a value of their own: what the chart has no use for, or sets by itself.
const WITHOUT: &[&str] = &["help", "https", "kubeconfig", "version"];

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
        ("image.digest=latest", "digest"),
        ("watchNamespaces=web", "watchNamespaces"),
        ("drainTimeoutSeconds=-1", "drainTimeoutSeconds"),
    ] {
        let Some(rendered) = render(&[value]) else { return };
        let error = format!("{:#}", rendered.expect_err(value));
        assert!(error.contains(name) && !error.contains("executing"), "{value}: {error}");
    }
}

#[test]
fn values_that_do_not_go_together_are_refused_with_the_way_out() {
    for (values, way_out) in [
        (&["kind=DaemonSet", "autoscaling.enabled=true"][..], "use kind: Deployment"),
        (&["hostPorts.http=80"], "use kind: DaemonSet"),
        (&["watchNamespaces={web}", "secrets.namespaces={shop}"], "add it to watchNamespaces"),
        (&["secrets.enabled=false", "secrets.namespaces={shop}"], "leave one of them out"),
        (&["terminationGracePeriodSeconds=10"], "requests would be cut off"),
        (&["service.type=ClusterIP", "service.nodePorts.http=30000"], "NodePort or LoadBalancer"),
        (&["autoscaling.enabled=true", "autoscaling.minReplicas=20"], "is above"),
    ] {
        let Some(rendered) = render(values) else { return };
        let error = format!("{:#}", rendered.expect_err(way_out));
        assert!(error.contains(way_out), "{values:?}: {error}");
    }
}

//! What has no effect in Kubernetes' own objects: kubectl refuses it, and `check` warns.

use portico::{diagnostic::Severity, files};
use portico_tests::cluster::{apply_dry, scope::Scope};

/// An object, and the field that is wrong; empty where nothing is.
const OBJECTS: &[(&str, &str)] = &[
    (
        "kind: Service, metadata: {NAME}, spec: {ports: [{port: 80, appprotocol: https}]}",
        "spec.ports[0].appprotocol",
    ),
    (
        "kind: Service, metadata: {NAME}, spec: {ports: [{port: 80}], publishNotReadyAdresses: true}",
        "spec.publishNotReadyAdresses",
    ),
    (
        "kind: Service, metadata: {name: 1x, namespace: default}, spec: {ports: [{port: 80}]}",
        "metadata.name",
    ),
    (
        "kind: Service, metadata: {NAME, labels: {a b: c}}, spec: {ports: [{port: 80}]}",
        "metadata.labels[a b]",
    ),
    (
        "kind: Service, metadata: {NAME, labels: {a: b c}}, spec: {ports: [{port: 80}]}",
        "metadata.labels[a]",
    ),
    (
        "kind: Service, metadata: {NAME, annotations: {/a: b}}, spec: {ports: [{port: 80}]}",
        "metadata.annotations[/a]",
    ),
    (
        "kind: Service, metadata: {NAME, anotations: {a: b}}, spec: {ports: [{port: 80}]}",
        "metadata.anotations",
    ),
    ("kind: Namespace, metadata: {name: a.b}", "metadata.name"),
    ("kind: Namespace, metadata: {name: x, lables: {a: b}}", "metadata.lables"),
    ("kind: Secret, metadata: {NAME}, stringdata: {a: b}", "stringdata"),
    ("kind: ConfigMap, metadata: {NAME}, Data: {a: b}", "Data"),
    (
        "kind: Service, metadata: {NAME, labels: {a.b/C: D_e.f}, annotations: {A.b/c: anything}}, spec: {ports: [{port: 80, appProtocol: https}], trafficDistribution: PreferClose}",
        "",
    ),
    ("kind: Secret, metadata: {NAME}, stringData: {a: b}, immutable: true", ""),
];

#[tokio::test]
async fn what_kubectl_refuses_of_kubernetes_own_objects_is_a_warning_of_check() {
    let _scope = Scope::new().unwrap();
    for (object, field) in OBJECTS {
        let object = object.replace("NAME", "name: x, namespace: default");
        let manifest = format!("---\n{{apiVersion: v1, {object}}}\n");
        let problems = files::read_texts([("x.yaml", manifest.as_str())]).problems;
        let problems: Vec<_> = problems.into_values().flatten().collect();
        let refused = apply_dry(&manifest).is_err();
        if field.is_empty() {
            assert!(problems.is_empty() && !refused, "{manifest}: {problems:?}");
            continue;
        }
        let [problem] = &problems[..] else { panic!("{manifest}: {problems:?}") };
        assert_eq!(problem.severity, Severity::Warning, "{manifest}");
        assert!(problem.message.contains(&format!("{field}: ")), "{manifest}: {problem}");
        assert!(refused, "{manifest}");
    }
}

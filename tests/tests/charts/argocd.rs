//! The health checks for Argo CD, as Argo CD runs them.

use portico_tests::{
    helm::{program, render},
    root,
};
use serde::Deserialize;
use std::{fs, path::Path, process::Command};

/// A `health_test.yaml`, in the form of Argo CD's own.
#[derive(Deserialize)]
struct HealthTests {
    tests: Vec<HealthTest>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct HealthTest {
    health_status: Health,
    input_path: String,
}

#[derive(Debug, Deserialize, PartialEq)]
struct Health {
    status: String,
    message: String,
}

#[test]
fn argo_cd_shows_what_the_conditions_say() {
    let Some(objects) = render(&["argocd.enabled=true"]) else { return };
    let objects = objects.unwrap();
    let settings = objects.one("ConfigMap", "edge-portico-argocd").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("argocd-cm.yaml");
    let mut settings = settings.clone();
    settings["metadata"]["name"] = "argocd-cm".into();
    fs::write(&path, settings.to_string()).unwrap();

    let mut shown = 0;
    for kind in ["FrontDoor", "Route"] {
        let checks = root().join("charts/portico/files/resource_customizations/portico.dev");
        let checks = checks.join(kind);
        let tests = fs::read_to_string(checks.join("health_test.yaml")).unwrap();
        let HealthTests { tests } = serde_saphyr::from_str(&tests).unwrap();
        assert_eq!(fs::read_dir(checks.join("testdata")).unwrap().count(), tests.len(), "{kind}");
        for test in tests {
            let object = checks.join(&test.input_path);
            let Some(health) = health(&path, &object) else { return };
            assert_eq!(health, test.health_status, "{object:?}");
            shown += 1;
        }
    }
    assert!(shown > 10);
}

/// `None` where there is no Argo CD, which in CI is a failure.
fn health(settings: &Path, object: &Path) -> Option<Health> {
    let mut argocd = Command::new("argocd");
    argocd.env("HOME", settings.parent().unwrap());
    argocd.args(["admin", "settings", "resource-overrides", "health"]).arg(object);
    let printed = program(argocd.arg("--argocd-cm-path").arg(settings))?.unwrap();
    let (status, message) = printed.split_once('\n').unwrap();
    Some(Health {
        status: status.strip_prefix("STATUS: ").unwrap().to_owned(),
        message: message.strip_prefix("MESSAGE: ").unwrap().trim_end().to_owned(),
    })
}

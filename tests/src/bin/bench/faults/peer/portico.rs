//! `portico serve`.

use super::{super::backend::COUNT, Settings};
use crate::{peer::portico, ports, process::Cores};
use anyhow::Result;
use std::{fmt::Write as _, path::Path, process::Command};

pub(super) fn command(cores: &Cores, folder: &Path, port: u16) -> Result<Command> {
    let ports = [port, ports::free()?, ports::free()?];
    let mut command = portico::command(&portico::built()?, cores, folder, ports);
    command.env("RUST_LOG", "warn");
    Ok(command)
}

/// A Service with three endpoints or, as latency is compared between backends, three with one each.
pub(super) fn config(settings: Settings, backends: [u16; COUNT]) -> String {
    let services: &[&str] = match settings {
        Settings::Passive | Settings::Active | Settings::Default => &["app", "app", "app"],
        Settings::Band => &["app-1", "app-2", "app-3"],
    };
    let more = match settings {
        Settings::Passive | Settings::Default => "",
        Settings::Active => {
            "\n  health: {path: /healthz, interval: 1s, timeout: 1s, healthyAfter: 2, unhealthyAfter: 2}"
        }
        Settings::Band => "\n  balance: {latencyBand: 100ms}",
    };
    let compared = match settings {
        Settings::Default => "",
        Settings::Passive | Settings::Active | Settings::Band => {
            "\n  timeouts: {connect: 2s, request: 2500ms}\n  retry: {attempts: 1, \"on\": [ConnectFailure, Reset]}\n  ejection: {errors: 5, time: 30s}"
        }
    };
    let mut names = services.to_vec();
    names.dedup();
    let list = names.iter().map(|name| format!("{{service: {{name: {name}, port: 80}}}}"));
    let mut yaml = format!(
        r#"apiVersion: portico.dev/v1alpha1
kind: FrontDoor
metadata: {{name: bench, namespace: bench}}
spec: {{hosts: [{{name: "*"}}]}}
---
apiVersion: portico.dev/v1alpha1
kind: Route
metadata: {{name: app, namespace: bench}}
spec:
  frontDoorRef: {{name: bench}}
  matches: [{{path: "/*"}}]
  backends: [{}]{compared}{more}
"#,
        list.collect::<Vec<_>>().join(", ")
    );
    // A String takes every write.
    for name in names {
        let _ = write!(
            yaml,
            "---\napiVersion: v1\nkind: Service\nmetadata: {{name: {name}, namespace: bench}}\nspec: {{ports: [{{name: http, port: 80}}]}}\n"
        );
    }
    for (index, (name, port)) in services.iter().zip(backends).enumerate() {
        let _ = write!(
            yaml,
            r#"---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {{name: slice-{index}, namespace: bench, labels: {{kubernetes.io/service-name: {name}}}}}
addressType: IPv4
ports: [{{name: http, port: {port}, protocol: TCP}}]
endpoints: [{{addresses: [127.0.0.1], conditions: {{ready: true}}}}]
"#
        );
    }
    yaml
}

//! What a test makes in a cluster, and removes again.

use super::{apply, helm, k, kubectl};
use anyhow::{Result, ensure};
use std::{sync::Once, thread};

/// Namespaces and releases of one test. Where the test fails, says what it looked like.
#[derive(Debug, Default)]
pub struct Scope {
    namespaces: Vec<String>,
    releases: Vec<(String, String)>,
}

impl Scope {
    /// With the CustomResourceDefinitions in place.
    ///
    /// # Errors
    /// What helm complained of.
    pub fn new() -> Result<Self> {
        static DEFINITIONS: Once = Once::new();
        let mut result = Ok(String::new());
        DEFINITIONS.call_once(|| result = Self::define());
        result.map(|_| Self::default())
    }

    /// Installs the CustomResourceDefinitions, or upgrades them. Those that another release brought
    /// stay as they are.
    ///
    /// # Errors
    /// What helm complained of.
    pub fn define() -> Result<String> {
        let owner = r"jsonpath={.metadata.annotations.meta\.helm\.sh/release-namespace}";
        let definition = "routes.portico.dev";
        let owner = kubectl([
            "get",
            "customresourcedefinition",
            definition,
            "--ignore-not-found",
            "-o",
            owner,
        ])?;
        if !owner.is_empty() && owner != "portico-crds" {
            return Ok(owner);
        }
        let line = "upgrade --install portico-crds charts/portico-crds --namespace portico-crds \
            --create-namespace --wait";
        helm(line.split_whitespace())
    }

    /// Makes a namespace; `labels` are `key=value`.
    ///
    /// # Errors
    /// What kubectl complained of.
    pub fn namespace(&mut self, name: &str, labels: &[&str]) -> Result<()> {
        self.keep_namespace(name)?;
        k(&format!("create namespace {name}"))?;
        for label in labels {
            kubectl(["label", "namespace", name, label])?;
        }
        Ok(())
    }

    /// A namespace that the test will make by itself. One of that name that is about to go is waited
    /// for; one that stays is somebody else's.
    ///
    /// # Errors
    /// Where there is one that stays.
    pub fn keep_namespace(&mut self, name: &str) -> Result<()> {
        let phase = "jsonpath={.status.phase}";
        let phase = kubectl(["get", "namespace", name, "--ignore-not-found", "-o", phase])?;
        ensure!(phase != "Active", "there is a namespace {name} already: remove it");
        if !phase.is_empty() {
            kubectl(["wait", "--for=delete", "--timeout=120s", &format!("namespace/{name}")])?;
        }
        self.namespaces.push(name.to_owned());
        Ok(())
    }

    /// A release that the test installs.
    pub fn keep_release(&mut self, name: &str, namespace: &str) {
        self.releases.push((name.to_owned(), namespace.to_owned()));
    }

    /// Backends behind a Service of the same name; port 80, named `http`.
    ///
    /// # Errors
    /// What kubectl complained of.
    pub fn backend(&self, namespace: &str, name: &str, replicas: u32) -> Result<()> {
        apply(&backend(namespace, name, replicas, &BackendPod::default()))?;
        ready(namespace, name)
    }

    /// The same with another protocol (an `appProtocol`), or with the TLS certificate of a Secret,
    /// in which case the Service's port `http` is that of https.
    ///
    /// # Errors
    /// What kubectl complained of.
    pub fn backend_of(
        &self,
        namespace: &str,
        name: &str,
        replicas: u32,
        pod: &BackendPod<'_>,
    ) -> Result<()> {
        apply(&backend(namespace, name, replicas, pod))?;
        ready(namespace, name)
    }
}

/// Waits until a Deployment is what it shall be.
///
/// # Errors
/// Where it does not become that.
pub fn ready(namespace: &str, deployment: &str) -> Result<()> {
    k(&format!("rollout status deployment/{deployment} -n {namespace} --timeout=120s")).map(drop)
}

/// What distinguishes the Pods of a backend.
#[derive(Clone, Copy, Debug)]
pub struct BackendPod<'a> {
    /// The `appProtocol` of its Service's port.
    pub protocol: &'a str,
    /// The Secret with its certificate.
    pub certificate: Option<&'a str>,
}

impl Default for BackendPod<'_> {
    fn default() -> Self {
        Self { protocol: "http", certificate: None }
    }
}

fn backend(namespace: &str, name: &str, replicas: u32, pod: &BackendPod<'_>) -> String {
    let BackendPod { protocol, certificate } = pod;
    let (target, mounts, volumes) = match certificate {
        None => ("http", String::new(), String::new()),
        Some(secret) => (
            "https",
            "\n        volumeMounts: [{name: tls, mountPath: /tls, readOnly: true}]".to_owned(),
            format!("\n      volumes: [{{name: tls, secret: {{secretName: {secret}}}}}]"),
        ),
    };
    format!(
        r#"
apiVersion: v1
kind: Service
metadata: {{name: {name}, namespace: {namespace}}}
spec:
  selector: {{app: {name}}}
  ports: [{{name: http, port: 80, targetPort: {target}, appProtocol: {protocol}}}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}, namespace: {namespace}}}
spec:
  replicas: {replicas}
  selector: {{matchLabels: {{app: {name}}}}}
  template:
    metadata: {{labels: {{app: {name}}}}}
    spec:
      terminationGracePeriodSeconds: 15{volumes}
      containers:
      - name: backend
        image: portico-test/backend:test
        imagePullPolicy: IfNotPresent
        ports: [{{name: http, containerPort: 8080}}, {{name: https, containerPort: 8443}}]
        readinessProbe: {{httpGet: {{path: /ready, port: http}}, periodSeconds: 1}}{mounts}
        # No new connections come once everybody knows that it ends.
        lifecycle: {{preStop: {{sleep: {{seconds: 2}}}}}}
        securityContext:
          allowPrivilegeEscalation: false
          runAsNonRoot: true
          capabilities: {{drop: [ALL]}}
          seccompProfile: {{type: RuntimeDefault}}
"#
    )
}

impl Drop for Scope {
    fn drop(&mut self) {
        if thread::panicking() {
            self.describe();
        }
        for (release, namespace) in &self.releases {
            let line = format!("uninstall {release} -n {namespace} --ignore-not-found --wait");
            let _ = helm(line.split_whitespace());
        }
        for namespace in &self.namespaces {
            let _ =
                kubectl(["delete", "namespace", namespace, "--ignore-not-found", "--wait=false"]);
        }
    }
}

impl Scope {
    #[expect(clippy::print_stderr, reason = "what a failed test looked like")]
    fn describe(&self) {
        let show = |line: &str| {
            eprintln!("$ kubectl {line}\n{}", k(line).unwrap_or_else(|e| e.to_string()))
        };
        show("get nodes,pods,frontdoors,routes -A -o wide");
        for namespace in &self.namespaces {
            show(&format!("get events -n {namespace}"));
        }
        for (release, namespace) in &self.releases {
            let pods = format!("-l app.kubernetes.io/instance={release} -n {namespace}");
            show(&format!("describe pods {pods}"));
            let names = k(&format!("get pods {pods} -o name")).unwrap_or_default();
            for pod in names.lines() {
                let line = format!("logs {pod} -n {namespace}");
                eprintln!("$ kubectl {line}, without the access log");
                let log = k(&line).unwrap_or_else(|e| e.to_string());
                log.lines().filter(|line| !is_access(line)).for_each(|line| eprintln!("{line}"));
            }
        }
    }
}

/// Whether this is a line of the access log, of which a test makes thousands.
fn is_access(line: &str) -> bool {
    line.contains(" access: ") || line.contains(r#""target":"access""#)
}

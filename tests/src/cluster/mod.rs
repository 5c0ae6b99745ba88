//! A Kubernetes cluster, as its users meet it: kubectl, helm, and the ports that it publishes.
//!
//! Which cluster: that of `KUBECONFIG`. `PORTICO_TEST_ADDRESS` is where its NodePorts are (by default
//! its first node's address), `PORTICO_TEST_NODE` the name of its node's container, for the tests that
//! reach into the node of a kind cluster.

pub mod argocd;
pub mod http;
pub mod install;
pub mod load;
pub mod patience;
pub mod scope;

use crate::root;
use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::{
    env,
    ffi::OsStr,
    io::Write,
    process::{Command, Output, Stdio},
};

/// Runs `kubectl` in the checkout. What it printed.
///
/// # Errors
/// What it complained of.
pub fn kubectl<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> Result<String> {
    run(Command::new("kubectl").args(arguments), "")
}

/// The words of `line` as arguments of `kubectl`.
///
/// # Errors
/// What it complained of.
pub fn k(line: &str) -> Result<String> {
    kubectl(line.split_whitespace())
}

/// Applies manifests.
///
/// # Errors
/// What `kubectl` complained of.
pub fn apply(manifests: &str) -> Result<String> {
    run(Command::new("kubectl").args(["apply", "-f", "-"]), manifests)
}

/// Has the API server judge manifests without taking them. What it said, warnings included.
///
/// # Errors
/// What it refused.
pub fn apply_dry(manifests: &str) -> Result<String> {
    let script = "kubectl apply --dry-run=server --validate=strict -f - 2>&1";
    let mut shell = Command::new("sh");
    run(shell.args(["-c", script]), manifests).map_err(|error| error.context("dry run"))
}

/// An object, as JSON: the words of `line` are what `kubectl get` is told.
///
/// # Errors
/// Where there is none.
pub fn get(line: &str) -> Result<Value> {
    Ok(serde_json::from_str(&k(&format!("get -o json {line}"))?)?)
}

/// Runs `helm` in the checkout.
///
/// # Errors
/// What it complained of.
pub fn helm<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> Result<String> {
    run(Command::new("helm").args(arguments), "")
}

/// Runs Helm 4 in the checkout; `HELM4` is the program.
///
/// # Errors
/// What it complained of.
pub fn helm4<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> Result<String> {
    let program = env::var_os("HELM4").context("HELM4 is not set")?;
    run(Command::new(program).args(arguments), "")
}

/// Runs a command in the node of a kind cluster; `None` where there is no such node.
pub fn in_node(arguments: &[&str]) -> Option<Result<String>> {
    let node = env::var_os("PORTICO_TEST_NODE")?;
    Some(run(Command::new("docker").arg("exec").arg(node).args(arguments), ""))
}

fn run(command: &mut Command, input: &str) -> Result<String> {
    let command = command.current_dir(root()).stdin(Stdio::piped());
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("{command:?}"))?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(input.as_bytes())?;
    }
    let Output { status, stdout, stderr } = child.wait_with_output()?;
    if !status.success() {
        let said = [stdout, stderr].concat();
        bail!("{command:?}: {}", String::from_utf8_lossy(&said));
    }
    Ok(String::from_utf8(stdout)?)
}

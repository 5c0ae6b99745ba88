//! Lines about objects say where those are written, as `portico check` does.

use crate::{Serve, command, folder, line_with, manifests};
use serde_json::Value;
use std::{
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
};

const FILES: [(&str, &str); 8] = [
    ("broken.yaml", "kind: Route\nspec: [\n"),
    (
        "unknown.yaml",
        "apiVersion: portico.dev/v1alpha1
kind: Route
metadata: {name: unknown}
spec:
  frontDoorRef: {name: ep}
  timeout: 1s
  matches: [{path: a}]
  respond: {status: 200}
",
    ),
    (
        "list.yaml",
        "apiVersion: v1
kind: List
items:
- apiVersion: portico.dev/v1alpha1
  kind: Route
  metadata: {name: nowhere}
  spec: {respond: {status: 200}, frontDoorRef: {name: other}}
- apiVersion: portico.dev/v1alpha1
  kind: Route
  metadata: {name: lost}
  spec:
    frontDoorRef: {name: ep}
    matches: [{path: /lost}]
    backends: [{service: {name: lost, port: 80}}]
",
    ),
    (
        "twice.json",
        "{
  \"apiVersion\": \"portico.dev/v1alpha1\", \"kind\": \"Route\", \"metadata\": {\"name\": \"twice\"},
  \"spec\": {\"frontDoorRef\": {\"name\": \"ep\"}, \"respond\": {},
    \"respond\": {}}
}
",
    ),
    ("moved.yaml", "---\n---\napiVersion: portico.io/v1alpha1\nkind: Route\nmetadata: {name: r}\n"),
    ("endpoints.yaml", "apiVersion: v1\nkind: Endpoints\nmetadata: {name: a}\n"),
    (
        "service.yaml",
        "apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  ports:
  - {port: 80, appprotocol: https}
",
    ),
    (
        "number.yaml",
        "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: web\n  labels: {a: \"\", 0100: x}\n",
    ),
];

/// Where something is, and the message.
type Said = (String, Option<u64>, Option<u64>, String);

fn said(line: &Value) -> Said {
    let number = |name: &str| line[name].as_u64();
    let text = |name: &str| line[name].as_str().unwrap_or_default().to_owned();
    let message = text("message");
    let message = message.split("; its last valid content").next().unwrap().to_owned();
    (text("file"), number("line"), number("column"), message)
}

/// Every problem that `check` has, with its place.
fn checked(path: &Path) -> Vec<Said> {
    let mut check = Command::new(env!("CARGO_BIN_EXE_portico"));
    let output = check.args(["check", "-o", "json"]).arg(path).output().unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let all = ["objects", "files"].into_iter().flat_map(|part| report[part].as_array().unwrap());
    let problems = all.flat_map(|part| part["problems"].as_array().unwrap());
    problems.map(said).collect()
}

/// Every warning that `serve` logs before it serves.
fn logged(path: &Path) -> Vec<Said> {
    let mut serve = command(path, &["--admin=127.0.0.1:0", "--log-format=json"]);
    let mut child = serve.stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let lines =
        lines.map(|line| line.unwrap()).take_while(|line| !line.contains("table published"));
    let lines: Vec<Value> = lines.map(|line| serde_json::from_str(&line).unwrap()).collect();
    child.kill().unwrap();
    child.wait().unwrap();
    let warnings = lines.iter().filter(|line| line["level"] == "WARN");
    warnings.map(said).filter(|(file, ..)| !file.is_empty()).collect()
}

#[test]
fn every_problem_is_logged_where_check_finds_it() {
    let folder = folder();
    for (name, text) in FILES {
        fs::write(folder.path().join(name), text).unwrap();
    }
    let (mut checked, mut logged) = (checked(folder.path()), logged(folder.path()));
    checked.sort();
    // Of files with nothing of Portico's, `serve` says so.
    logged.retain(|(.., message)| !message.starts_with("has nothing that Portico uses"));
    logged.sort();
    assert_eq!(logged, checked);
    for (name, _) in FILES {
        let in_file: Vec<_> = checked.iter().filter(|(file, ..)| file.ends_with(name)).collect();
        assert!(!in_file.is_empty(), "{name}: {checked:#?}");
        for (_, line, column, message) in in_file {
            assert!(line.is_some() && column.is_some(), "{name}: {message}");
        }
    }
}

#[test]
fn a_slip_is_logged_where_it_is() {
    let folder = folder();
    let file = folder.path().join("a.yaml");
    let mut serve = Serve::start(folder.path(), &[]);
    let slip = manifests("hello").replace("{frontDoorRef:", "{timeout: 1s, frontDoorRef:");
    fs::write(&file, &slip).unwrap();
    let has = |line: &str, (at, column): (usize, usize)| {
        let place = format!("file={} line={at} column={column}", file.display());
        assert!(line.contains(&place), "{line}");
    };
    has(&line_with(&mut serve.log, "unknown field"), (9, 8));
    has(&line_with(&mut serve.log, "is still served"), (6, 1));
    fs::write(&file, format!("# Corrected.\n{}", manifests("hello"))).unwrap();
    has(&line_with(&mut serve.log, "no longer a problem"), (10, 1));
}

//! Golden cases: manifests in `compile/NAME.in.yaml`, the statuses and the table that they compile
//! to in `compile/NAME.out.yaml`. `UPDATE_GOLDEN=1 cargo test -p portico-tests --test compile`
//! rewrites the latter; read the difference before committing it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use portico::{
    compile::{Compiled, ComputedCondition, HostClaims, Options, Status, compile},
    diagnostic::{Kind, Problem, Reason, Severity},
    objects::Snapshot,
};
use portico_dataplane::{address_guard::AddressGuard, config::Underscores, table::Table};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

#[test]
fn every_case_compiles_to_its_output() {
    let update = std::env::var_os("UPDATE_GOLDEN").is_some();
    let (folder, inputs, outputs) = cases();
    let mut failures = Vec::new();
    for name in &inputs {
        let path = folder.join(format!("{name}.in.yaml"));
        let options = CaseOptions::read(&fs::read_to_string(&path).unwrap());
        let new = print(&compile(&read(&path), &options));
        let path = folder.join(format!("{name}.out.yaml"));
        let old = fs::read_to_string(&path).unwrap_or_default();
        if update {
            fs::write(path, new).unwrap();
        } else if old != new {
            failures.push(format!("{name}:\n{}", difference(&old, &new)));
        }
    }
    for orphan in outputs.difference(&inputs) {
        failures.push(format!("{orphan}.out.yaml has no {orphan}.in.yaml"));
    }
    assert!(!inputs.is_empty(), "no cases in {}", folder.display());
    assert!(failures.is_empty(), "{} cases differ:\n\n{}", failures.len(), failures.join("\n"));
}

/// The folder, and the names of the inputs and of the outputs in it.
fn cases() -> (PathBuf, BTreeSet<String>, BTreeSet<String>) {
    // Relative to the package, for some messages name the file.
    let folder = PathBuf::from("compile");
    let names: Vec<String> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let with = |suffix| {
        names.iter().filter_map(|name| name.strip_suffix(suffix)).map(str::to_owned).collect()
    };
    let (inputs, outputs) = (with(".in.yaml"), with(".out.yaml"));
    (folder, inputs, outputs)
}

fn read(path: &Path) -> Snapshot {
    let merged = portico::files::read(&[path.to_owned()]);
    let mut problems = merged.problems.values().flatten();
    let error = problems.find(|problem| problem.severity == Severity::Error);
    assert!(error.is_none(), "{}: {error:?}", path.display());
    merged.snapshot
}

/// What a case sets on its first line: `# options: {class: portico}`.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
struct CaseOptions {
    class: Option<String>,
    loopback_endpoints: bool,
    secret_namespaces: Option<BTreeSet<String>>,
    no_config_maps: bool,
    allow_external: Vec<String>,
    host_claims: BTreeMap<String, Vec<String>>,
    underscores_allowed: bool,
    trusted_proxies: Vec<String>,
    now: Option<String>,
}

impl CaseOptions {
    fn read(input: &str) -> Options {
        let line = input.lines().next().and_then(|line| line.strip_prefix("# options: "));
        let Self {
            class,
            loopback_endpoints,
            secret_namespaces,
            no_config_maps,
            allow_external,
            host_claims,
            underscores_allowed,
            trusted_proxies,
            now,
        } = line.map(|line| serde_saphyr::from_str(line).expect("options")).unwrap_or_default();
        let underscores =
            if underscores_allowed { Underscores::Allow } else { Underscores::Remove };
        let patterns = allow_external.iter().map(|pattern| pattern.parse().expect("a pattern"));
        let guard = AddressGuard::new(patterns.collect());
        let hosts =
            |hosts: Vec<String>| hosts.iter().map(|host| host.parse().expect("a host")).collect();
        let host_claims = HostClaims::new(
            host_claims.into_iter().map(|(namespace, list)| (namespace, hosts(list))),
        );
        let now = now.map(|now| now.parse().expect("a time"));
        Options {
            class,
            loopback_endpoints,
            secret_namespaces,
            no_config_maps,
            guard,
            names_others: false,
            host_claims,
            underscores,
            trusted_proxies: trusted_proxies.iter().map(|it| it.parse().expect("a CIDR")).collect(),
            now,
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Output<'c> {
    objects: Vec<Object<'c>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_date: Option<String>,
    table: &'c Table,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Object<'c> {
    object: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    generation: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attached_routes: Option<usize>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    holds_place: bool,
    conditions: Vec<Condition<'c>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    problems: Vec<Shown<'c>>,
}

#[derive(Serialize)]
struct Condition<'c> {
    r#type: &'c str,
    status: bool,
    reason: &'c str,
    #[serde(skip_serializing_if = "str::is_empty")]
    message: &'c str,
}

#[derive(Serialize)]
struct Shown<'c> {
    severity: Severity,
    field: &'c str,
    reason: Reason,
    message: &'c str,
}

fn print(Compiled { table, statuses, next_date }: &Compiled) -> String {
    let objects = statuses.iter().map(|(object, status)| {
        let Status { generation, conditions, problems, attached_routes, holds_place, .. } =
            &**status;
        Object {
            object: object.to_string(),
            generation: *generation,
            attached_routes: (object.kind == Kind::FrontDoor).then_some(*attached_routes),
            holds_place: *holds_place,
            conditions: conditions.iter().map(Condition::from).collect(),
            problems: problems.iter().map(Shown::from).collect(),
        }
    });
    let (objects, next_date) = (objects.collect(), next_date.map(|date| date.to_string()));
    numbered(&serde_saphyr::to_string(&Output { objects, next_date, table }).unwrap())
}

/// The text with each distinct fingerprint of a Secret's value as a number: they are salted, so that
/// they differ from run to run.
fn numbered(text: &str) -> String {
    const LABEL: &str = "secret:sha256:";
    let mut seen: Vec<&str> = Vec::new();
    let mut pieces = text.split(LABEL);
    let mut printed = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let digits = piece.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(piece.len());
        let (fingerprint, rest) = piece.split_at(digits);
        assert_eq!(fingerprint.len(), 16, "{fingerprint}");
        let number = seen.iter().position(|other| *other == fingerprint).unwrap_or_else(|| {
            seen.push(fingerprint);
            seen.len() - 1
        });
        printed += &format!("{LABEL}{}{rest}", number + 1);
    }
    printed
}

impl<'c> From<&'c ComputedCondition> for Condition<'c> {
    fn from(ComputedCondition { r#type, status, reason, message }: &'c ComputedCondition) -> Self {
        Self { r#type, status: *status, reason, message }
    }
}

impl<'c> From<&'c Problem> for Shown<'c> {
    fn from(Problem { severity, field, reason, message, .. }: &'c Problem) -> Self {
        Self { severity: *severity, field, reason: *reason, message }
    }
}

/// The lines in which two texts differ, with three lines around them.
fn difference(old: &str, new: &str) -> String {
    const AROUND: usize = 3;
    let (old, new): (Vec<_>, Vec<_>) = (old.lines().collect(), new.lines().collect());
    let same = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let rest = old.len().min(new.len()) - same;
    let tail =
        old.iter().rev().zip(new.iter().rev()).take(rest).take_while(|(a, b)| a == b).count();
    let marked = |sign: &str, lines: &[&str]| {
        lines.iter().map(|line| format!("  {sign} {line}\n")).collect::<String>()
    };
    let end = old.len() - tail;
    [
        marked(" ", &old[same.saturating_sub(AROUND)..same]),
        marked("-", &old[same..end]),
        marked("+", &new[same..new.len() - tail]),
        marked(" ", &old[end..old.len().min(end + AROUND)]),
    ]
    .concat()
}

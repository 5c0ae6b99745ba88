//! The report as JSON.

use super::{
    findings::Finding,
    report::{ObjectReport, Report},
};
use crate::{
    compile::ComputedCondition,
    diagnostic::{Kind, Reason, Severity},
};
use anyhow::Context;
use serde::Serialize;
use std::path::Path;

#[derive(Serialize)]
struct Json<'r> {
    objects: Vec<ObjectJson<'r>>,
    files: Vec<FileJson<'r>>,
    /// Those of the input as a whole.
    problems: Vec<ProblemJson<'r>>,
}

#[derive(Serialize)]
struct ObjectJson<'r> {
    kind: Kind,
    namespace: &'r str,
    name: &'r str,
    conditions: Vec<ConditionJson<'r>>,
    problems: Vec<ProblemJson<'r>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ConditionJson<'r> {
    r#type: &'r str,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    observed_generation: Option<i64>,
    reason: &'r str,
    message: &'r str,
}

#[derive(Serialize)]
struct FileJson<'r> {
    path: String,
    problems: Vec<ProblemJson<'r>>,
}

#[derive(Serialize)]
struct ProblemJson<'r> {
    severity: Severity,
    #[serde(skip_serializing_if = "Option::is_none")]
    document: Option<usize>,
    field: &'r str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Reason>,
    message: &'r str,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<usize>,
}

/// The report, indented, with a line feed at the end.
pub(super) fn of(report: &Report<'_>) -> anyhow::Result<String> {
    let json = Json {
        objects: report.objects.iter().map(object).collect(),
        files: report
            .files
            .iter()
            .map(|file| FileJson { path: shown(file.path), problems: problems(&file.findings) })
            .collect(),
        problems: problems(&report.input),
    };
    let mut text = serde_json::to_string_pretty(&json).context("printing the report")?;
    text.push('\n');
    Ok(text)
}

fn object<'r>(report: &'r ObjectReport<'r>) -> ObjectJson<'r> {
    let condition = |computed: &'r ComputedCondition| ConditionJson {
        r#type: computed.r#type,
        status: if computed.status { "True" } else { "False" },
        observed_generation: report.status.generation,
        reason: &computed.reason,
        message: &computed.message,
    };
    ObjectJson {
        kind: report.object.kind,
        namespace: &report.object.name.namespace,
        name: &report.object.name.name,
        conditions: report.status.conditions.iter().map(condition).collect(),
        problems: problems(&report.findings),
    }
}

fn problems<'r>(findings: &'r [Finding<'r>]) -> Vec<ProblemJson<'r>> {
    let problem = |finding: &'r Finding<'r>| ProblemJson {
        severity: finding.severity,
        document: finding.document,
        field: finding.field,
        reason: finding.reason,
        message: &finding.message,
        file: finding.file.map(shown),
        line: finding.position.map(|position| position.line),
        column: finding.position.map(|position| position.column),
    };
    findings.iter().map(problem).collect()
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

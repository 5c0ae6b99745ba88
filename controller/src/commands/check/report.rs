//! The report of `check`, as text and as JSON.

use crate::{
    commands::paint::{Paint, Plain},
    compile::{ComputedCondition, Status},
    diagnostic::{Kind, ObjectRef, Problem, Reason, Severity},
    files::Merged,
};
use serde::Serialize;
use std::{
    collections::BTreeMap,
    fmt::{self, Write},
};

/// The report of `check`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Report<'r> {
    objects: Vec<ObjectReport<'r>>,
    files: Vec<FileReport<'r>>,
    #[serde(skip)]
    merged: &'r Merged,
}

#[derive(Serialize)]
struct ObjectReport<'r> {
    kind: Kind,
    namespace: &'r str,
    name: &'r str,
    conditions: Vec<ConditionReport<'r>>,
    problems: Vec<ProblemReport<'r>>,
    #[serde(skip)]
    holds_place: bool,
    #[serde(skip)]
    object: &'r ObjectRef,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ConditionReport<'r> {
    r#type: &'r str,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    observed_generation: Option<i64>,
    reason: &'r str,
    message: &'r str,
}

#[derive(Serialize)]
struct ProblemReport<'r> {
    severity: Severity,
    field: &'r str,
    reason: Reason,
    message: &'r str,
}

#[derive(Serialize)]
struct FileReport<'r> {
    path: String,
    problems: Vec<FileProblemReport<'r>>,
}

#[derive(Serialize)]
struct FileProblemReport<'r> {
    severity: Severity,
    #[serde(skip_serializing_if = "Option::is_none")]
    document: Option<usize>,
    message: &'r str,
}

impl<'r> Report<'r> {
    pub(super) fn new(merged: &'r Merged, statuses: &'r BTreeMap<ObjectRef, Status>) -> Self {
        let file_problem = |problem: &'r crate::files::FileProblem| FileProblemReport {
            severity: problem.severity,
            document: problem.document,
            message: &problem.message,
        };
        Self {
            objects: statuses
                .iter()
                .map(|(object, status)| object_report(object, status))
                .collect(),
            files: merged
                .problems
                .iter()
                .map(|(path, problems)| FileReport {
                    path: path.display().to_string(),
                    problems: problems.iter().map(file_problem).collect(),
                })
                .collect(),
            merged,
        }
    }

    /// 2 if a file can't be read or parsed; 1 if an object is not accepted, there is an error in a
    /// file or, with `strict`, a reference does not resolve.
    pub(super) fn exit_code(&self, strict: bool) -> u8 {
        if self.merged.broken > 0 {
            return 2;
        }
        let refused = self.count("Accepted") + if strict { self.count("ResolvedRefs") } else { 0 };
        let errors = self.files.iter().flat_map(|file| &file.problems);
        let mut errors = errors.filter(|problem| problem.severity == Severity::Error);
        u8::from(refused > 0 || errors.next().is_some())
    }

    /// How many objects have this condition false.
    fn count(&self, condition: &str) -> usize {
        let is_false =
            |report: &&ConditionReport<'_>| report.r#type == condition && !report.is_true();
        self.objects.iter().filter(|object| object.conditions.iter().any(|c| is_false(&c))).count()
    }

    pub(super) fn text(&self, paint: Paint) -> String {
        let mut text = String::new();
        for object in &self.objects {
            // Writing to a String can't fail.
            let _ = self.object(&mut text, object, paint);
        }
        for file in &self.files {
            let _ = writeln!(text, "{}", paint.bold(&file.path));
            for problem in &file.problems {
                let document = problem
                    .document
                    .map(|number| format!("document {number}: "))
                    .unwrap_or_default();
                let severity = painted(problem.severity, paint);
                let _ = writeln!(text, "  {severity} {document}{}", Plain(problem.message));
            }
            text.push('\n');
        }
        text.push_str(&self.summary());
        text
    }

    fn object(&self, text: &mut String, report: &ObjectReport<'_>, paint: Paint) -> fmt::Result {
        write!(text, "{}", paint.bold(&report.object.to_string()))?;
        match self.merged.location(report.object) {
            Some(location) => writeln!(text, "  {location}")?,
            None => text.push('\n'),
        }
        for condition in &report.conditions {
            let status = if condition.is_true() {
                paint.good("True")
            } else {
                paint.bad(&format!("False ({})", condition.reason))
            };
            writeln!(text, "  {}: {status}", condition.r#type)?;
        }
        for problem in &report.problems {
            let severity = painted(problem.severity, paint);
            let field = if problem.field.is_empty() { "." } else { problem.field };
            let (field, message) = (Plain(field), Plain(problem.message));
            writeln!(text, "  {severity} {field} ({}): {message}", problem.reason)?;
        }
        if report.holds_place {
            writeln!(text, "  until it is accepted, its requests get 503")?;
        }
        text.push('\n');
        Ok(())
    }

    fn summary(&self) -> String {
        let of = |kind| self.objects.iter().filter(|object| object.kind == kind).count();
        let mut summary = format!(
            "{}, {}",
            many(of(Kind::FrontDoor), "FrontDoor"),
            many(of(Kind::Route), "Route")
        );
        for (count, what) in [
            (self.count("Accepted"), "not accepted"),
            (self.count("ResolvedRefs"), "with references that do not resolve"),
        ] {
            if count > 0 {
                summary.push_str(&format!(", {count} {what}"));
            }
        }
        summary.push_str(&format!("; {} read", many(self.merged.files, "file")));
        if self.merged.broken > 0 {
            summary.push_str(&format!(", {} not", self.merged.broken));
        }
        if self.merged.ignored > 0 {
            let ignored = many(self.merged.ignored, "document");
            summary.push_str(&format!("; {ignored} of other kinds not used"));
        }
        summary.push('\n');
        summary
    }
}

fn many(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

fn object_report<'r>(object: &'r ObjectRef, status: &'r Status) -> ObjectReport<'r> {
    let condition = |computed: &'r ComputedCondition| ConditionReport {
        r#type: computed.r#type,
        status: if computed.status { "True" } else { "False" },
        observed_generation: status.generation,
        reason: &computed.reason,
        message: &computed.message,
    };
    let problem = |problem: &'r Problem| ProblemReport {
        severity: problem.severity,
        field: &problem.field,
        reason: problem.reason,
        message: &problem.message,
    };
    ObjectReport {
        kind: object.kind,
        namespace: &object.name.namespace,
        name: &object.name.name,
        conditions: status.conditions.iter().map(condition).collect(),
        problems: status.problems.iter().map(problem).collect(),
        holds_place: status.holds_place,
        object,
    }
}

fn painted(severity: Severity, paint: Paint) -> String {
    match severity {
        Severity::Error => paint.bad("error"),
        Severity::Warning => paint.odd("warning"),
    }
}

impl ConditionReport<'_> {
    fn is_true(&self) -> bool {
        self.status == "True"
    }
}

//! The report of `check`: what is there, what is wrong with it, and the exit code.

use super::findings::Finding;
use crate::{
    compile::Status,
    diagnostic::{Kind, ObjectRef, Severity},
    files::{Location, Merged},
    schema::count,
};
use std::{borrow::Cow, collections::BTreeMap, path::Path, sync::Arc};

/// How many documents a message names if none of them is Portico's.
const MAX_SHOWN: usize = 10;

/// The report of `check`.
pub(super) struct Report<'r> {
    pub(super) objects: Vec<ObjectReport<'r>>,
    /// Problems of files that are not those of one of Portico's own objects.
    pub(super) files: Vec<FileReport<'r>>,
    /// Problems of the input as a whole.
    pub(super) input: Vec<Finding<'r>>,
    pub(super) merged: &'r Merged,
}

/// One of Portico's own objects.
pub(super) struct ObjectReport<'r> {
    pub(super) object: &'r ObjectRef,
    pub(super) status: &'r Status,
    pub(super) location: Option<&'r Location>,
    pub(super) findings: Vec<Finding<'r>>,
}

/// A file with problems.
pub(super) struct FileReport<'r> {
    pub(super) path: &'r Path,
    pub(super) findings: Vec<Finding<'r>>,
}

impl<'r> Report<'r> {
    pub(super) fn new(
        merged: &'r Merged,
        statuses: &'r BTreeMap<ObjectRef, Arc<Status>>,
        strict: bool,
    ) -> Self {
        let object = |(object, status): (&'r ObjectRef, &'r Arc<Status>)| ObjectReport {
            object,
            status,
            location: merged.location(object),
            findings: status.problems.iter().map(|it| Finding::of_object(it, strict)).collect(),
        };
        let file = |(path, problems): (&'r Arc<Path>, &'r Vec<_>)| FileReport {
            path,
            findings: problems.iter().map(|problem| Finding::of_file(path, problem)).collect(),
        };
        let mut report = Self {
            objects: statuses.iter().map(object).collect(),
            files: merged.problems.iter().map(file).collect(),
            input: Vec::new(),
            merged,
        };
        report.input.extend(report.nothing().map(Finding::of_input));
        report.locate();
        report
    }

    /// Finds where each problem is written.
    fn locate(&mut self) {
        let mut wanted = Vec::new();
        for object in &mut self.objects {
            let Some(location) = object.location else { continue };
            let Location { path, origin } = location;
            let findings = object.findings.iter_mut();
            wanted.extend(findings.map(|finding| (finding.place(path, *origin), finding)));
        }
        for file in &mut self.files {
            let problems = self.merged.problems.get(file.path).into_iter().flatten();
            for (finding, problem) in file.findings.iter_mut().zip(problems) {
                if let Some(origin) = problem.origin {
                    wanted.push((finding.place(file.path, origin), finding));
                }
            }
        }
        for (finding, position) in self.merged.texts.locate(wanted) {
            finding.position = finding.position.or(Some(position));
        }
    }

    /// If there is nothing of Portico's: what is there instead.
    fn nothing(&self) -> Option<String> {
        if !self.objects.is_empty() || self.merged.broken > 0 {
            return None;
        }
        const NOTHING: &str = "no FrontDoor and no Route in the input";
        let unused = self.merged.unused.iter().flat_map(|(path, unused)| {
            unused.named().iter().map(|what| format!("{what} ({}): not read", path.display()))
        });
        let others = self.merged.read_for_others().map(|(what, location)| {
            format!("{what} ({}): nothing refers to it", location.path.display())
        });
        let mut shown: Vec<_> = unused.chain(others).take(MAX_SHOWN).collect();
        let all = self.merged.unused_count() + self.merged.read_for_others().count();
        if all > shown.len() {
            shown.push(format!("and {} more", all - shown.len()));
        }
        Some(match (shown.is_empty(), self.merged.files) {
            (false, _) => format!("{NOTHING}: {}", shown.join("; ")),
            (true, 0) => format!("{NOTHING}: there is no *.yaml, *.yml or *.json file"),
            (true, _) if self.files.is_empty() => format!("{NOTHING}, which is empty"),
            (true, _) => NOTHING.to_owned(),
        })
    }

    /// Every problem.
    pub(super) fn findings(&self) -> impl Iterator<Item = &Finding<'r>> {
        let objects = self.objects.iter().flat_map(|object| &object.findings);
        objects.chain(self.files.iter().flat_map(|file| &file.findings)).chain(&self.input)
    }

    /// 2 if a file can't be read or parsed, or nothing is Portico's; 1 if anything is an error.
    pub(super) fn exit_code(&self) -> u8 {
        if self.merged.broken > 0 || !self.input.is_empty() {
            return 2;
        }
        u8::from(self.findings().any(|finding| finding.severity == Severity::Error))
    }

    /// How many objects have this condition false.
    fn count(&self, condition: &str) -> usize {
        let is_false = |object: &&ObjectReport<'_>| {
            object.status.conditions.iter().any(|it| it.r#type == condition && !it.status)
        };
        self.objects.iter().filter(is_false).count()
    }

    /// How much was read, and how much of it is wrong, in one line.
    pub(super) fn summary(&self) -> String {
        let of = |kind| self.objects.iter().filter(|report| report.object.kind == kind).count();
        let mut summary = format!(
            "{}, {}",
            count(of(Kind::FrontDoor), "FrontDoor"),
            count(of(Kind::Route), "Route")
        );
        for (count, what) in [
            (self.count("Accepted"), "not accepted"),
            (self.count("ResolvedRefs"), "with references that do not resolve"),
        ] {
            if count > 0 {
                summary.push_str(&format!(", {count} {what}"));
            }
        }
        summary.push_str(&format!("; {} read", count(self.merged.files, "file")));
        if self.merged.broken > 0 {
            summary.push_str(&format!(", {} not", self.merged.broken));
        }
        let unused = self.merged.unused_count();
        if unused > 0 {
            summary.push_str(&format!("; {} of other kinds not used", count(unused, "document")));
        }
        summary.push('\n');
        summary
    }
}

impl<'r> Finding<'r> {
    /// An error of the input as a whole.
    fn of_input(message: String) -> Self {
        Self {
            severity: Severity::Error,
            object: None,
            field: "",
            reason: None,
            message: Cow::Owned(message),
            file: None,
            document: None,
            position: None,
        }
    }
}

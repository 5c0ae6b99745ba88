//! The report as text: each object with its conditions, and each problem with the line that has it.

use super::{
    findings::Finding,
    report::{ObjectReport, Report},
};
use crate::{
    compile::ComputedCondition,
    diagnostic::Severity,
    files::Excerpt,
    paint::{Paint, Plain},
};
use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use std::fmt::{self, Write};

/// How many characters of a line are shown on either side of its mark. The renderer cuts what does
/// not fit; this bounds what it works on.
const MAX_SHOWN: usize = 160;

pub(super) fn of(report: &Report<'_>, paint: Paint) -> String {
    let mut text = Text { report, paint, renderer: paint.renderer(), out: String::new() };
    // Writing to a String can't fail.
    let _ = text.write();
    text.out
}

struct Text<'t> {
    report: &'t Report<'t>,
    paint: Paint,
    renderer: Renderer,
    out: String,
}

impl Text<'_> {
    fn write(&mut self) -> fmt::Result {
        for object in &self.report.objects {
            self.object(object)?;
        }
        for file in &self.report.files {
            writeln!(self.out, "{}", self.paint.bold(&file.path.to_string_lossy()))?;
            self.findings(&file.findings)?;
        }
        self.findings(&self.report.input)?;
        self.out.push_str(&self.report.summary());
        Ok(())
    }

    fn object(&mut self, report: &ObjectReport<'_>) -> fmt::Result {
        write!(self.out, "{}", self.paint.bold(&report.object.to_string()))?;
        match report.location {
            Some(location) => writeln!(self.out, "  {}", Plain(&location.to_string()))?,
            None => self.out.push('\n'),
        }
        for condition in &report.status.conditions {
            self.condition(condition)?;
        }
        if report.status.holds_place {
            writeln!(self.out, "  until it is accepted, its requests get 503")?;
        }
        self.out.push('\n');
        self.findings(&report.findings)
    }

    fn condition(&mut self, condition: &ComputedCondition) -> fmt::Result {
        let status = if condition.status {
            self.paint.good("True")
        } else {
            self.paint.bad(&format!("False ({})", condition.reason))
        };
        writeln!(self.out, "  {}: {status}", condition.r#type)
    }

    fn findings(&mut self, findings: &[Finding<'_>]) -> fmt::Result {
        findings.iter().try_for_each(|finding| {
            writeln!(self.out, "{}\n", self.renderer.render(&self.finding(finding)))
        })
    }

    /// The problem and, if it is known where that is, the line with a mark.
    fn finding<'f>(&self, finding: &'f Finding<'_>) -> Vec<Group<'f>>
    where
        Self: 'f,
    {
        let level = match finding.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let mut title = level.clone().primary_title(Plain(&finding.sentence()).to_string());
        if let Some(reason) = finding.reason {
            title = title.id(reason.to_string());
        }
        let Some(file) = finding.file else { return vec![Group::with_title(title)] };
        let path = Plain(&file.to_string_lossy()).to_string();
        let Some(position) = finding.position else {
            return vec![title.element(Origin::path(path))];
        };
        let around = self.report.merged.texts.excerpt(file, position, MAX_SHOWN);
        let (before, marked, after, (left, right)) = match around {
            Some(Excerpt { before, marked, after, cut }) => (before, marked, after, cut),
            None => ("", "", "", (false, false)),
        };
        let ellipsis = |is_cut| if is_cut { "…" } else { "" };
        let before = format!("{}{before}", ellipsis(left));
        let shown = format!("{before}{marked}{after}{}", ellipsis(right));
        let mark = AnnotationKind::Primary.span(before.len()..before.len() + marked.len());
        let snippet = Snippet::source(shown).line_start(position.line).annotation(mark);
        if left {
            // The renderer would count the column from the cut.
            let origin = Origin::path(path).line(position.line).char_column(position.column);
            return vec![title.element(origin), Group::with_level(level).element(snippet)];
        }
        vec![title.element(snippet.path(path))]
    }
}

//! The report as GitHub's workflow commands, which annotate the lines of a pull request.
//!
//! <https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands>

use super::{findings::Finding, report::Report};
use crate::diagnostic::Severity;
use std::fmt::Write;

/// One command for each problem, and the summary, which is for the log.
pub(super) fn of(report: &Report<'_>) -> String {
    let mut text: String = report.findings().map(command).collect();
    text.push_str(&report.summary());
    text
}

fn command(finding: &Finding<'_>) -> String {
    let name = match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let mut properties = Vec::new();
    if let Some(file) = finding.file {
        let file = file.to_string_lossy();
        properties.push(("file", file.strip_prefix("./").unwrap_or(&file).to_owned()));
    }
    if let Some(position) = finding.position {
        properties.push(("line", position.line.to_string()));
        properties.push(("col", position.column.to_string()));
        properties.push(("endColumn", (position.column + position.length).to_string()));
    }
    let title = match (finding.object, finding.reason) {
        (Some(object), Some(reason)) => format!("{object}: {reason}"),
        (Some(object), None) => object.to_string(),
        (None, _) => "Portico".to_owned(),
    };
    properties.push(("title", title));
    let mut command = format!("::{name} ");
    for (index, (name, value)) in properties.iter().enumerate() {
        let comma = if index > 0 { "," } else { "" };
        // Writing to a String can't fail.
        let _ = write!(command, "{comma}{name}={}", property(value));
    }
    let _ = writeln!(command, "::{}", data(&finding.sentence()));
    command
}

/// A message, as GitHub's toolkit escapes it: in one line, so that none can hold another command.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// A property's value, which must not end it either.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::{data, property};

    #[test]
    fn nothing_ends_a_command_or_begins_another() {
        assert_eq!(data("100%\r\n::error::x, y"), "100%25%0D%0A::error::x, y");
        assert_eq!(property("a:b,c%\n"), "a%3Ab%2Cc%25%0A");
    }
}

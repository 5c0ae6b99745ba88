//! How much a status, the log and Events say about one object.

use crate::{diagnostic::Problem, schema};

/// How much of a problem's message is kept.
const MAX_MESSAGE_BYTES: usize = 4 << 10;
/// How long the problems in a condition's message may be; the kinds' schemas allow 32768 characters
/// in all.
const MAX_CONDITION_BYTES: usize = 28 << 10;
/// How many problems of one severity and condition are listed: as many as the schema reports, and
/// its word that there are more.
const MAX_PROBLEMS: usize = schema::MAX_PROBLEMS + 1;

/// A problem in a sentence.
pub(super) fn describe(problem: &Problem) -> String {
    shortened(format!("{}: {}", problem.field, problem.message))
}

/// Without the end of a text that quotes something very long.
pub(super) fn shortened(mut text: String) -> String {
    if text.len() > MAX_MESSAGE_BYTES {
        text.truncate(text.floor_char_boundary(MAX_MESSAGE_BYTES));
        text.push('…');
    }
    text
}

/// As many of a condition's sentences as it may have, and then what follows from them.
pub(super) fn message(sentences: Vec<String>, consequence: Option<String>) -> String {
    let mut bytes = 0;
    let fits = |sentence: &&String| {
        bytes += sentence.len() + "; ".len();
        bytes <= MAX_CONDITION_BYTES
    };
    let kept = sentences.iter().take_while(fits).count();
    let more = sentences.len() - kept;
    let mut message = sentences.get(..kept).unwrap_or_default().join("; ");
    if more > 0 {
        message.push_str(&format!(" (and {more} more)"));
    }
    match consequence {
        Some(consequence) if message.is_empty() => consequence,
        Some(consequence) => format!("{message}; {consequence}"),
        None => message,
    }
}

/// The first of the sorted problems of each severity and condition. Each becomes a line in the log,
/// and an Event.
pub(super) fn listed(mut problems: Vec<Problem>) -> Vec<Problem> {
    let mut rank = None;
    let mut count = 0;
    problems.retain(|problem| {
        let its = Some((problem.severity, problem.condition));
        count = if rank == its { count + 1 } else { 1 };
        rank = its;
        count <= MAX_PROBLEMS
    });
    problems
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::{ConditionType, Kind, ObjectRef, Reason, Severity};
    use portico_dataplane::table::ObjectName;

    #[test]
    fn a_condition_never_exceeds_its_schema() {
        let sentences = vec!["ä".repeat(1000); 100];
        let said = message(sentences, Some("it is still served".to_owned()));
        assert!(said.len() < 32_768, "{}", said.len());
        assert!(said.ends_with(" (and 86 more); it is still served"), "{}", &said[28_000..]);
        let long = shortened("ä".repeat(100_000));
        assert!(long.len() <= MAX_MESSAGE_BYTES + 3 && long.ends_with('…'));
        let said = message(vec![long; 9], None);
        assert!(said.len() < 32_768 && said.ends_with(" (and 3 more)"), "{}", said.len());
        assert_eq!(message(vec!["a".to_owned(), "b".to_owned()], None), "a; b");
        assert_eq!(message(Vec::new(), Some("c".to_owned())), "c");
    }

    #[test]
    fn as_many_problems_are_listed_as_the_schema_reports() {
        let problem = |severity, condition| Problem {
            object: ObjectRef { kind: Kind::Route, name: ObjectName::new("web", "app") },
            severity,
            condition,
            field: "spec".to_owned(),
            reason: Reason::Invalid,
            message: String::new(),
        };
        let accepted = problem(Severity::Error, ConditionType::Accepted);
        let resolved = problem(Severity::Error, ConditionType::ResolvedRefs);
        let warning = problem(Severity::Warning, ConditionType::Accepted);
        let all = [vec![accepted; 300], vec![resolved; 2], vec![warning; 300]].concat();
        let kept = listed(all);
        let count = |severity, condition| {
            kept.iter().filter(|p| (p.severity, p.condition) == (severity, condition)).count()
        };
        assert_eq!(count(Severity::Error, ConditionType::Accepted), MAX_PROBLEMS);
        assert_eq!(count(Severity::Error, ConditionType::ResolvedRefs), 2);
        assert_eq!(count(Severity::Warning, ConditionType::Accepted), MAX_PROBLEMS);
    }
}

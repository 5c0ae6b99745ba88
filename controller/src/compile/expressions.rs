//! Regular expressions in objects.

use portico_dataplane::full_match::FullMatch;

/// Compiles an expression that must match whole values. It is first parsed on its own, so that an
/// error position refers to the text as written, and so that `a)|(b` can't close a group that it
/// did not open. The error is a sentence.
pub(super) fn full_match(text: &str) -> Result<FullMatch, String> {
    regex_syntax::parse(text).map_err(|error| match error {
        regex_syntax::Error::Parse(error) => {
            mistake(text, &error.kind(), error.span().start.column)
        }
        regex_syntax::Error::Translate(error) => {
            mistake(text, &error.kind(), error.span().start.column)
        }
        error => format!("'{text}' is not a regular expression: {error}"),
    })?;
    FullMatch::new(text).map_err(|_| format!("'{text}' is too large a regular expression"))
}

fn mistake(text: &str, kind: &dyn std::fmt::Display, column: usize) -> String {
    format!("'{text}' is not a regular expression: {kind}, at character {column}")
}

//! Errors in paths, patterns and templates.

/// Why a request's path is refused with 400.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum PathError {
    /// Not starting with `/`.
    #[error("the path does not start with '/'")]
    NotAbsolute,
    /// `%` without two hex digits.
    #[error("the path has a broken percent-escape")]
    BrokenEscape,
    /// A raw backslash.
    #[error("the path has a backslash")]
    Backslash,
    /// A NUL or control character, raw or escaped.
    #[error("the path has a control character")]
    Control,
    /// A segment that becomes `.` or `..` for servers that decode `%2F` and `%5C` in a path, or that
    /// drop parameters (`;…`) from its segments (RFC 3986 §3.3).
    #[error(
        "the path has a segment that a server may read as '.' or '..', such as '..;' or '..%2F'"
    )]
    HiddenDots,
    /// A segment of parameters only, where slashes are merged: servers that drop parameters see an
    /// empty segment.
    #[error("the path has a segment that begins with ';', which a server may read as an empty one")]
    HiddenSlashes,
}

/// Why a pattern or template is rejected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathPatternError {
    /// Neither `*` nor starting with `/`.
    #[error("does not start with '/': write '/…', or '*' alone for every path")]
    NotAbsolute,
    /// More than [`PathPatternError::MAX_CHARS`] characters.
    #[error("is longer than {} characters", Self::MAX_CHARS)]
    TooLong,
    /// A `*` that is not the whole last segment.
    #[error(
        "has a '*' that is not the whole last segment: write '/prefix/*', '{{name}}' for one \
         segment, or '%2A' for the character"
    )]
    Wildcard,
    /// A `{name}` that is only part of a pattern's segment.
    #[error(
        "has '{0}', where a capture is not the whole segment: write '/{{name}}/', or '%7B' and \
         '%7D' for the characters"
    )]
    PartialCapture(String),
    /// A brace without its counterpart.
    #[error(
        "has a stray brace in '{0}': write '{{name}}' for a segment, or '%7B' and '%7D' for the \
         characters"
    )]
    StrayBrace(String),
    /// A capture whose name is invalid.
    #[error(
        "has a capture named '{0}': a name is letters, digits, '_' and '-', and starts with a \
         letter or '_'"
    )]
    Name(String),
    /// A name that occurs twice in a pattern.
    #[error("has the name '{0}' more than once: give each capture a name of its own")]
    RepeatedName(String),
    /// A `?`.
    #[error("has a '?': a query is not part of the path; write '%3F' for the character")]
    Query,
    /// A `#`.
    #[error("has a '#': a fragment never reaches a server; write '%23' for the character")]
    Fragment,
    /// A segment `.` or `..`, raw, escaped, or hidden as in `..;` and `..%2F`.
    #[error("has the segment '{0}': no normalised path has one; write the path without it")]
    DotSegment(String),
    /// A `%` without two hex digits.
    #[error(
        "has a '%' without two hex digits in '{0}': write '%25' for the character; other \
         characters need no escapes"
    )]
    BrokenEscape(String),
    /// A raw backslash.
    #[error(
        "has a backslash: requests with one are refused; write '/', or '%5C' for the character"
    )]
    Backslash,
    /// A control character, raw or escaped.
    #[error("has a control character: requests with one are refused; remove it")]
    Control,
}

impl PathPatternError {
    /// The maximum length of a pattern or template in characters.
    pub const MAX_CHARS: usize = 1024;
}

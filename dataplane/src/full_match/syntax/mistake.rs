//! What can be wrong with a pattern.

use thiserror::Error;

/// What is wrong with a part of a pattern, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(super) enum Mistake {
    #[error("'(' is never closed: add ')', or write \\( for the character")]
    UnclosedGroup,
    #[error("')' closes nothing: remove it, or write \\) for the character")]
    UnopenedGroup,
    #[error("'[' is never closed: add ']', or write \\[ for the character")]
    UnclosedClass,
    #[error("'{0}' is nested too deeply: use fewer groups in groups")]
    TooDeep(String),

    #[error("'{0}' has nothing before it to repeat: write \\{0} for the character itself")]
    RepeatsNothing(String),
    #[error("'{0}' repeats a repetition: remove one quantifier, or use a group, as in (?:a*)+")]
    RepeatsRepetition(String),
    #[error("'{0}' is more than 1000 times: write * or + for any number of times")]
    TooOften(String),
    #[error("'{0}' is more than 1000 times, with the repetitions inside it: lower the numbers")]
    TooOftenNested(String),
    #[error("'{0}' has its numbers in the wrong order: write the smaller one first")]
    CountsDown(String),

    #[error("'{0}' is not a flag: only i, m, s and U are")]
    UnknownFlag(String),
    #[error("'{0}' is not a list of flags: write them as in (?i) or (?i-s:a)")]
    BadFlags(String),
    #[error(
        "'{0}' looks ahead or behind, which RE2 does not support: describe the whole value instead"
    )]
    LookAround(String),
    #[error("'{0}' is not the start of a group in RE2: write (?: for a group without a name")]
    UnknownGroup(String),
    #[error("'{0}' does not name a group: use letters, digits and _, as in (?P<name>a)")]
    BadName(String),

    #[error("a backslash ends the pattern: write \\\\ for the character")]
    LoneBackslash,
    #[error(
        "'{0}' refers back to a group, which RE2 does not support: write out what may be there"
    )]
    BackReference(String),
    #[error("'{0}' is not an escape: {1}")]
    UnknownEscape(String, &'static str),
    #[error("'{0}' is not a character: write two hexadecimal digits, or up to 10FFFF in braces")]
    BadNumber(String),

    #[error(
        "'{0}' is a range that ends before it starts: swap the ends, or write \\- for a hyphen"
    )]
    EmptyRange(String),
    #[error("'{0}' is a range up to a class: write \\- for a hyphen")]
    RangeToClass(String),
    #[error(
        "'{0}' is not a class: the names are alnum, alpha, ascii, blank, cntrl, digit, graph, lower, print, punct, space, upper, word and xdigit"
    )]
    UnknownClass(String),
    #[error(
        "'{0}' is neither a general category nor a script of Unicode: write one, as in \\p{{Lu}} or \\p{{Greek}}"
    )]
    UnknownProperty(String),
}

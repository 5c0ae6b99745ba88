//! Patterns and subjects at random: expressions that are mostly valid, and tokens in any order.

use crate::Row;
use proptest::{
    collection::vec,
    prelude::*,
    sample::select,
    strategy::ValueTree,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};

/// Makes rows without answers, always the same for a seed.
pub(crate) fn rows(count: usize, seed: u64) -> Vec<Row> {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let pattern = prop_oneof![3 => expression(), 2 => tokens(), 1 => class()];
    let row = (pattern, vec(subject(), 8));
    let one = || {
        let (pattern, mut subjects) = row.new_tree(&mut runner).unwrap().current();
        // What is literal matches itself.
        subjects.push(pattern.clone());
        Row { pattern, subjects, ..Row::default() }
    };
    std::iter::repeat_with(one).take(count).collect()
}

fn any_of(texts: &'static [&'static str]) -> impl Strategy<Value = String> + Clone {
    select(texts).prop_map(str::to_owned)
}

/// Few characters, so that they meet in patterns and subjects: some that are special somewhere, and
/// those that case folding and word boundaries know.
const CHARS: &[&str] = &[
    "a", "b", "c", "k", "A", "B", "K", "s", "1", "2", "_", "-", "&", "~", "[", "]", "^", "<", ":",
    ".", ",", " ", "\n", "é", "É", "ſ", "\u{212a}", "σ", "Σ", "ς", "中", "{", "}", "\\",
];

fn subject() -> impl Strategy<Value = String> {
    let literal = any_of(&["a", "a", "b", "ab", "aa"]);
    vec(prop_oneof![any_of(CHARS), literal], 0..6).prop_map(|parts| parts.concat())
}

fn escaped() -> impl Strategy<Value = String> + Clone {
    any_of(&[
        r"\d",
        r"\D",
        r"\s",
        r"\S",
        r"\w",
        r"\W",
        r"\pL",
        r"\PL",
        r"\p{Lu}",
        r"\p{^Lu}",
        r"\P{Ll}",
        r"\p{Greek}",
        r"\pN",
        r"\p{Han}",
        r"\n",
        r"\x61",
        r"\x{6b}",
        r"\x{e9}",
        r"\141",
        r"\.",
        r"\-",
        r"\[",
        r"\]",
        r"\^",
        r"\\",
        r"\<",
        r"\&",
        r"\_",
        r"\0",
    ])
}

/// Something in a class.
fn item() -> impl Strategy<Value = String> {
    let named = any_of(&[
        "[:alpha:]",
        "[:^digit:]",
        "[:word:]",
        "[:punct:]",
        "[:space:]",
        "[:upper:]",
        "[:foo:]",
        "[:alpha",
        "[:",
    ]);
    let range = any_of(&[
        "a-c", "A-Z", "0-9", "a-", "-c", "+--", "--/", "a--", "[-^", "&&", "--", "~~", "||", "a-é",
        "σ-ω", r"\x61-c", r"a-\x63", r"\d-z", r"a-\d", r"\w-.", r"c-a", "!-~",
    ]);
    prop_oneof![4 => any_of(CHARS), 2 => escaped(), 2 => range, 1 => named]
}

fn class() -> impl Strategy<Value = String> {
    let start = any_of(&["[", "[", "[", "[^", "[]", "[^]", "(?i)[", "(?i)[^"]);
    let end = any_of(&["]", "]", "]", "]", "-]", "]+", "]*", "]{2}", ""]);
    (start, vec(item(), 0..5), end).prop_map(|(start, items, end)| start + &items.concat() + &end)
}

fn times() -> impl Strategy<Value = String> {
    any_of(&[
        "", "", "", "", "", "*", "+", "?", "*?", "??", "{2}", "{1,2}", "{0}", "{2,}", "{0,3}?",
        "**", "*+", "{,2}", "{ 1 }", "{1", "{}", "{2,1}", "{1001}", "{2}{2}", "{01}",
    ])
}

fn expression() -> impl Strategy<Value = String> {
    let atom = prop_oneof![
        6 => any_of(CHARS).prop_map(|char| match &*char {
            "[" | "]" | "^" | "." | "{" | "}" | "\\" => format!("\\{char}"),
            _ => char,
        }),
        2 => any_of(&[".", "^", "$", r"\b", r"\B", r"\A", r"\z", r"\Qa.b\E", r"\Q[\E", "(?i)", "(?s)", "(?-i)", "(?m)"]),
        2 => escaped(),
        2 => class(),
    ];
    let part = (atom, times()).prop_map(|(atom, times)| atom + &times);
    part.prop_recursive(4, 24, 4, |inner| {
        let open = any_of(&[
            "(", "(", "(?:", "(?i:", "(?s:", "(?m:", "(?-i:", "(?i-s:", "(?P<n>", "(?<n>", "(?U:",
        ]);
        let between = any_of(&["", "", "", "|"]);
        let piece = (inner, between).prop_map(|(part, between)| part + &between);
        prop_oneof![
            vec(piece.clone(), 1..4).prop_map(|pieces| pieces.concat()),
            (open, vec(piece, 0..4), times())
                .prop_map(|(open, pieces, times)| open + &pieces.concat() + ")" + &times),
        ]
    })
}

/// What special characters there are, in any order.
#[allow(clippy::too_many_lines)] // A list.
fn tokens() -> impl Strategy<Value = String> {
    let token = any_of(&[
        "(",
        ")",
        "(?",
        "(?:",
        "(?i",
        "(?i)",
        "(?P<",
        "(?<",
        "n>",
        "(?P=",
        "(?=",
        "(?#",
        "(?x)",
        "|",
        "*",
        "+",
        "?",
        "{",
        "}",
        "{1}",
        "{1,",
        "{,1}",
        "{1,2}",
        "0",
        "1",
        "9",
        ",",
        "[",
        "]",
        "[^",
        "[:",
        ":]",
        "alpha",
        "[[:alpha:]]",
        "-",
        "&&",
        "--",
        "~~",
        "^",
        "$",
        ".",
        "\\",
        "\\Q",
        "\\E",
        "\\p",
        "\\P",
        "{L}",
        "{^L}",
        "\\x",
        "{61}",
        "\\d",
        "\\w",
        "\\b",
        "\\z",
        "\\Z",
        "\\C",
        "a",
        "b",
        "é",
        " ",
        "\n",
        ":",
        "<",
        ">",
        "i",
        "s",
        "U",
    ]);
    vec(token, 1..8).prop_map(|tokens| tokens.concat())
}

//! Regular expressions mean what they mean to RE2: the table in `tests/re2/`, which Go's regexp and
//! RE2 itself filled in, and patterns made at random that Go is asked about.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod generate;
mod go;

use portico_dataplane::full_match::{FullMatch, FullMatchError};
use portico_tests::root;
use regex::bytes::RegexBuilder;
use regex_automata::{
    Anchored, Input,
    nfa::thompson::{NFA, pikevm::PikeVM},
};
use regex_syntax::hir::{Hir, Look};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
};

/// How many patterns are made at random.
const PATTERNS: usize = 10_000;

/// A pattern, values, and what others make of them: a letter for each value, `y` if all of it
/// matches, or why the pattern is refused.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Row {
    pattern: String,
    subjects: Vec<String>,
    go: String,
    re2: String,
    /// Go and RE2 differ.
    either: bool,
}

impl Row {
    /// What Portico makes of it; of what it refuses because the table would be too large, what it
    /// has understood.
    fn answer(&self) -> Result<String, FullMatchError> {
        match FullMatch::new(&self.pattern) {
            Ok(regex) => Ok(self.letters(|subject| regex.matches(subject))),
            Err(FullMatchError::TooLarge) => {
                let hir = FullMatch::parse(&self.pattern, FullMatch::MAX_DEPTH)?;
                let whole = Hir::concat(vec![hir, Hir::look(Look::End)]);
                let nfa = NFA::compiler().build_from_hir(&whole).unwrap();
                let regex = PikeVM::new_from_nfa(nfa).unwrap();
                let mut cache = regex.create_cache();
                Ok(self.letters(|subject| {
                    let input = Input::new(subject).anchored(Anchored::Yes);
                    regex.is_match(&mut cache, input)
                }))
            }
            Err(error) => Err(error),
        }
    }

    fn letters(&self, mut matches: impl FnMut(&str) -> bool) -> String {
        self.subjects.iter().map(|subject| if matches(subject) { 'y' } else { 'n' }).collect()
    }
}

/// Whether an answer is another's. Messages may differ.
fn is(answer: &Result<String, FullMatchError>, other: &str) -> bool {
    match answer {
        Ok(answer) => answer == other,
        Err(FullMatchError::Syntax(_)) => other.starts_with("refused: "),
        Err(FullMatchError::TooLarge | FullMatchError::TooLong) => false,
    }
}

#[test]
fn expressions_match_what_re2_matches() {
    let table = fs::read_to_string(root().join("tests/re2/table.jsonl")).unwrap();
    let rows: Vec<Row> = table.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(rows.len() >= 200, "{}", rows.len());
    let mut wrong = Vec::new();
    for row in &rows {
        let answer = row.answer();
        assert_eq!(row.either, !alike(&row.go, &row.re2), "{}: run tests/re2/make", row.pattern);
        if !is(&answer, &row.go) && !is(&answer, &row.re2) {
            wrong
                .push(format!("{}\n  {answer:?}\n  Go {}\n  RE2 {}", row.pattern, row.go, row.re2));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), rows.len(), wrong.join("\n"));
}

/// Whether Go and RE2 agree.
fn alike(one: &str, other: &str) -> bool {
    let are_refused = [one, other].iter().all(|answer| answer.starts_with("refused: "));
    one == other || are_refused
}

#[test]
fn refused_expressions_say_what_to_write() {
    let messages = [
        ("x*+", "at character 2, '*+' repeats a repetition"),
        ("a{1001}", "at character 2, '{1001}' is more than 1000 times"),
        (
            "(a{500}){3}",
            "at character 9, '{3}' is more than 1000 times, with the repetitions inside",
        ),
        ("a{3,2}", "at character 2, '{3,2}' has its numbers in the wrong order"),
        ("é|*", "at character 3, '*' has nothing before it to repeat: write \\*"),
        ("(?x)a", "at character 3, 'x' is not a flag"),
        ("(?u)a", "at character 3, 'u' is not a flag"),
        ("(?i-)a", "at character 1, '(?i-)' is not a list of flags"),
        ("a(?=b)", "at character 2, '(?=' looks ahead or behind"),
        ("(?>a)", "at character 1, '(?>' is not the start of a group"),
        ("(?P<a-b>c)", "at character 1, '(?P<a-b>' does not name a group"),
        ("a(b", "at character 2, '(' is never closed"),
        ("a)|(b", "at character 2, ')' closes nothing"),
        ("[a", "at character 1, '[' is never closed"),
        ("a\\", "at character 2, a backslash ends the pattern"),
        (r"(a)\1", r"at character 4, '\1' refers back to a group"),
        (r"\u0041", r"at character 1, '\u' is not an escape: write \x{…}"),
        (r"\Z", r"at character 1, '\Z' is not an escape: write \z"),
        (r"\C", r"at character 1, '\C' is not an escape: values are matched by characters"),
        (r"[\b]", r"at character 2, '\b' is not an escape: it has no meaning in a class"),
        (r"\é", r"at character 1, '\é' is not an escape: write the character"),
        (r"\x{110000}", r"at character 1, '\x{110000}' is not a character"),
        ("[a--c]", "at character 2, 'a--' is a range that ends before it starts"),
        (r"[a-\d]", r"at character 2, 'a-\d' is a range up to a class"),
        ("[[:foo:]]", "at character 2, '[:foo:]' is not a class: the names are alnum"),
        (r"\p{Foo}", r"at character 1, '\p{Foo}' is neither a general category nor a script"),
    ];
    let mut seen = BTreeMap::new();
    for (pattern, message) in messages {
        let Err(FullMatchError::Syntax(error)) = FullMatch::new(pattern) else {
            panic!("{pattern} is not refused");
        };
        assert!(error.starts_with(message), "{pattern}: {error}");
        assert!(seen.insert(error, pattern).is_none(), "{pattern}: the same message as another");
    }
    let nested = format!("{}a{}", "(".repeat(51), ")".repeat(51));
    let error = FullMatch::new(&nested).unwrap_err().to_string();
    assert!(error.contains("at character 51, '(' is nested too deeply"), "{error}");
}

/// `RE2_SEED=N` makes others.
#[test]
fn random_expressions_match_what_go_matches() {
    let seed = env::var("RE2_SEED").map_or(0, |seed| seed.parse().unwrap());
    let Some(rows) = go::answers(generate::rows(PATTERNS, seed)) else { return };
    assert_eq!(rows.len(), PATTERNS);
    let (mut wrong, mut known, mut matched) = (Vec::new(), BTreeMap::new(), 0);
    for row in &rows {
        let answer = row.answer();
        if is(&answer, &row.go) {
            matched += usize::from(row.go.contains('y') && row.go.contains('n'));
        } else if let Some(reason) = known_difference(row, &answer) {
            *known.entry(reason).or_insert(0) += 1;
        } else {
            let subjects = &row.subjects;
            wrong.push(format!("{}\n  {subjects:?}\n  {answer:?}\n  Go {}", row.pattern, row.go));
        }
    }
    println!("{matched} match some of their subjects and not others; {known:?}");
    assert!(wrong.is_empty(), "seed {seed}, {}:\n{}", wrong.len(), wrong.join("\n"));
    assert!(matched > PATTERNS / 10, "{matched}");
}

/// The API server is written in Go, and the schema's patterns are checked offline with the regex
/// crate, whose syntax is another.
#[test]
fn the_patterns_of_the_definitions_match_what_go_matches() {
    let mut patterns = BTreeSet::new();
    for definition in portico_crds::crds() {
        collect_patterns(&serde_json::to_value(definition).unwrap(), &mut patterns);
    }
    assert!(patterns.len() > 10, "{patterns:?}");
    let values = [
        "",
        "a",
        "A",
        "0",
        "-",
        "_",
        ".",
        "*",
        "/",
        "?",
        "#",
        "%",
        "\\",
        "{",
        "~",
        "^",
        "[",
        "&",
        "&&",
        "é",
        " ",
        "\t",
        "\n",
        "a\n",
        "\u{7f}",
        "\0",
        "GET",
        "M-SEARCH",
        "get",
        "x-api-key",
        "a b",
        "0s",
        "1h30m",
        "500ms",
        "1.5s",
        "100000s",
        "web-1",
        "-a",
        "a-",
        "a.b-c.d",
        "a..b",
        "tls.crt",
        "8080-web",
        "80",
        "*.ep.com",
        "*.",
        "ep.com.",
        "a_b.c",
        "[::1]",
        "[::1]:80",
        "ep.com:80",
        "/a/{b}/*",
        "/a{b}",
        "/{a}-{b}",
        "/%2F",
        "/%zz",
        "/a?b=c",
        "200",
        "500-599",
        "600",
        "429",
        "ConnectFailure",
        "https://a.b",
        "HTTPS://a.b:1/",
        "ftp://a",
        "10.0.0.0/8",
        "::1/128",
        "https://*.ep.com:*",
        "https://a.b:0",
        "capacitor://localhost",
    ];
    let subjects: Vec<_> = values.map(str::to_owned).into();
    let row = |pattern: &String| Row {
        pattern: pattern.clone(),
        subjects: subjects.clone(),
        ..Row::default()
    };
    let Some(rows) = go::answers(patterns.iter().map(row).collect()) else { return };
    for row in rows {
        let regex = RegexBuilder::new(&row.pattern).build().unwrap();
        let letters = row.letters(|subject| regex.is_match(subject.as_bytes()));
        assert_eq!(letters, row.go, "{}", row.pattern);
    }
}

fn collect_patterns(node: &Value, patterns: &mut BTreeSet<String>) {
    match node {
        Value::Object(fields) => {
            patterns.extend(fields.get("pattern").and_then(Value::as_str).map(str::to_owned));
            fields.values().for_each(|child| collect_patterns(child, patterns));
        }
        Value::Array(children) => {
            children.iter().for_each(|child| collect_patterns(child, patterns));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Why Portico may answer otherwise than Go.
fn known_difference(row: &Row, answer: &Result<String, FullMatchError>) -> Option<&'static str> {
    match answer {
        Err(FullMatchError::TooLarge) => Some("its classes would be too large"),
        Err(FullMatchError::Syntax(error)) if error.contains("nested too deeply") => {
            Some("more than 50 groups in each other")
        }
        Err(FullMatchError::Syntax(error)) if error.contains("neither a general category") => Some(
            "Go 1.25 and newer read the names of categories and scripts in any case, RE2 does not",
        ),
        Ok(_) if row.go.contains("invalid named capture") && !row.pattern.is_ascii() => {
            Some("a group's name may have letters beyond ASCII, as in RE2")
        }
        Ok(_) | Err(_) => None,
    }
}

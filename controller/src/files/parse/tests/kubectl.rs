//! What is read here beside what `kubectl` reads: `tests/yaml/` has the program that says so, and
//! its answers. See `tests/yaml/README.md`.

use super::{generate::Random, parse};
use serde_json::Value;
use std::{
    env, fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// How many random texts are compared. `YAML_CASES=1000000` compares more, `YAML_SEED=7` others.
const CASES: usize = 10_000;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/yaml")
}

/// The documents that are found here; `None` if the text is refused.
fn ours(text: &str) -> Option<Vec<Value>> {
    let documents = parse(text).ok()?.into_iter().map(|document| document.value);
    Some(documents.filter(|value| !value.is_null()).collect())
}

/// Where the two differ, unless they do on purpose.
fn difference(text: &str, theirs: &str) -> Option<String> {
    let ours = ours(text);
    let answer: Value = serde_json::from_str(theirs).unwrap();
    let is_same = match (&ours, &answer) {
        (Some(ours), Value::Array(_)) => is_equal(&Value::from(ours.clone()), &answer),
        (None, Value::Object(_)) => true,
        // Two keys become the same text, and Go takes any of them.
        (Some(_), Value::Object(fields)) => fields.contains_key("chance"),
        (Some(_) | None, _) => false,
    };
    if is_same || is_on_purpose(text, ours.is_none()) {
        return None;
    }
    let here = match (parse(text), ours) {
        (Ok(_), Some(documents)) => Value::from(documents).to_string(),
        (Err(error), _) => error.to_string(),
        (Ok(_), None) => String::new(),
    };
    Some(format!("{text:?}\n  here:    {here}\n  kubectl: {theirs}"))
}

/// Whether two values are the same. Both have been JSON, which does not tell 1.0 from 1, and whose
/// floats serde_json reads with an error of a bit or so.
fn is_equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => {
            let (float_a, float_b) = (a.as_f64().unwrap(), b.as_f64().unwrap());
            let are_close = (float_a - float_b).abs() <= float_a.abs() * 1e-15;
            let are_integers = a.as_i64().is_some() && b.as_i64().is_some();
            a == b || (are_close && !are_integers)
        }
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| is_equal(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            let is_same = |(key, value)| b.get(key).is_some_and(|other| is_equal(value, other));
            a.len() == b.len() && a.iter().all(is_same)
        }
        _ => a == b,
    }
}

/// The differences that are meant. The reasons are in `tests/yaml/README.md`.
fn is_on_purpose(text: &str, is_refused: bool) -> bool {
    let has_mark_inside = text.trim_start_matches('\u{feff}').contains('\u{feff}');
    let has_marks = has_mark_inside || text.starts_with("\u{feff}\u{feff}");
    let is_deep = ["[", "{", "- "].iter().any(|opener| text.contains(&opener.repeat(200)));
    let is_empty_key = |collection: &str| {
        let mut rests = text.match_indices(collection).map(|(at, _)| &text[at + 2..]);
        rests.any(|rest| rest.trim_start_matches([' ', '\t']).starts_with(':'))
    };
    has_marks || (is_refused && (is_deep || is_empty_key("[]") || is_empty_key("{}")))
}

#[test]
fn texts_are_read_as_kubectl_reads_them() {
    let read = |name: &str| fs::read_to_string(folder().join(name)).unwrap();
    let (texts, answers) = (read("texts.jsonl"), read("kubectl.jsonl"));
    let texts: Vec<String> =
        texts.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(texts.len() >= 300 && answers.lines().count() == texts.len());
    let pairs = texts.iter().zip(answers.lines());
    let found: Vec<_> = pairs.filter_map(|(text, answer)| difference(text, answer)).collect();
    assert!(found.is_empty(), "{} differ:\n{}", found.len(), found.join("\n"));
}

#[test]
fn random_texts_are_read_as_kubectl_reads_them() {
    let setting = |name: &str| env::var(name).ok().and_then(|value| value.parse().ok());
    let cases = setting("YAML_CASES").unwrap_or(CASES);
    let mut random = Random::new(setting("YAML_SEED").unwrap_or(1) as u64);
    let texts: Vec<String> = (0..cases).map(|_| random.text()).collect();
    let Some(answers) = kubectl(&texts) else { return };
    assert_eq!(answers.lines().count(), texts.len());
    let pairs = texts.iter().zip(answers.lines());
    let found: Vec<_> = pairs.filter_map(|(text, answer)| difference(text, answer)).collect();
    let shown: Vec<_> = found.iter().take(20).map(String::as_str).collect();
    assert!(found.is_empty(), "{} of {cases} differ:\n{}", found.len(), shown.join("\n"));
    // Most of them say something.
    let read = texts.iter().filter(|text| ours(text).is_some_and(|found| !found.is_empty()));
    assert!(read.count() > cases / 4);
}

/// What Go's program says; `None` where there is no Go, which in CI is a failure.
#[allow(clippy::print_stderr)]
fn kubectl(texts: &[String]) -> Option<String> {
    let is_ci = env::var_os("CI").is_some();
    if !is_ci && Command::new("go").arg("version").output().is_err() {
        eprintln!("skipped, no Go");
        return None;
    }
    let mut go = Command::new(folder().join("../kind/tools/go"));
    let go = go.args(["run", "."]).current_dir(folder().join("oracle"));
    let mut child = go.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let lines: String =
        texts.iter().map(|text| format!("{}\n", Value::from(text.as_str()))).collect();
    let writer = std::thread::spawn(move || stdin.write_all(lines.as_bytes()));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(output.status.success(), "go run: {}", output.status);
    Some(String::from_utf8(output.stdout).unwrap())
}

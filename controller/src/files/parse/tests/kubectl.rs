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
    let theirs = match &answer {
        Value::Array(documents) => Some(documents.clone()),
        // Two keys become the same text, and Go takes any of them.
        Value::Object(fields) if fields.contains_key("chance") => return None,
        _ => None,
    };
    if ours == theirs || is_on_purpose(text, &ours) {
        return None;
    }
    let here = match (parse(text), ours) {
        (Ok(_), Some(documents)) => Value::from(documents).to_string(),
        (Err(error), _) => error.to_string(),
        (Ok(_), None) => String::new(),
    };
    Some(format!("{text:?}\n  here:    {here}\n  kubectl: {answer}"))
}

/// The differences that are meant. The reasons are in `tests/yaml/README.md`.
fn is_on_purpose(text: &str, ours: &Option<Vec<Value>>) -> bool {
    let has_mark_inside = text.trim_start_matches('\u{feff}').contains('\u{feff}');
    let is_deep = ["[", "{", "- "].iter().any(|opener| text.contains(&opener.repeat(200)));
    has_mark_inside || text.starts_with("\u{feff}\u{feff}") || (is_deep && ours.is_none())
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

#![allow(clippy::unwrap_used)]

mod generate;
mod kubectl;
mod pieces;

use super::*;
use serde_json::json;

fn parse(text: &str) -> Result<Vec<Document>, SyntaxError> {
    super::parse(text)
}

fn one(text: &str) -> Document {
    parse(text).unwrap().remove(0)
}

#[test]
fn scalars_are_typed_as_kubectl_types_them() {
    for (text, value) in [
        ("a", json!("a")),
        ("'yes'", json!("yes")),
        ("yes", json!(true)),
        ("Off", json!(false)),
        ("true", json!(true)),
        ("12", json!(12)),
        ("-1", json!(-1)),
        ("0x10", json!(16)),
        ("010", json!(8)),
        ("1.5", json!(1.5)),
        ("99999999999999999999999", json!(1e23)),
        ("2021-01-02", json!("2021-01-02")),
        ("~", json!(null)),
        ("!!str 12", json!("12")),
        ("!!binary aGk=", json!("hi")),
        ("!custom x", json!("x")),
        ("|\n  a\n  b\n", json!("a\nb\n")),
    ] {
        assert_eq!(one(&format!("v: {text}")).value, json!({ "v": value }), "{text}");
    }
}

#[test]
fn anchors_and_merges_are_followed() {
    let text = "a: &a {x: 1, z: 2}\nb:\n  <<: *a\n  z: 3\nc: *a\n";
    let document = one(text);
    assert_eq!(document.value["b"], json!({"x": 1, "z": 3}));
    assert_eq!(document.value["c"], json!({"x": 1, "z": 2}));
    assert_eq!(document.duplicates, []);
}

#[test]
fn duplicates_have_their_path_and_line() {
    let text =
        "spec:\n  matches:\n  - path: /a\n    path: /b\n  - {path: /a, path: /c}\nspec: {}\n";
    let document = one(text);
    let place = |d: &Duplicate| (d.field(), d.position.line, d.position.column);
    let found: Vec<_> = document.duplicates.iter().map(place).collect();
    let expected =
        [("spec.matches[0].path", 4, 5), ("spec.matches[1].path", 5, 16), ("spec", 6, 1)];
    assert_eq!(found, expected.map(|(field, line, column)| (field.to_owned(), line, column)));
    let json = parse("{}\n{\"a\":\n {\"b\": 1, \"b\": 2}}").unwrap();
    assert_eq!(place(&json[1].duplicates[0]), ("a.b".to_owned(), 3, 11));
    assert_eq!(json[1].value, json!({"a": {"b": 2}}));
}

#[test]
fn empty_documents_are_none() {
    for text in ["", "\u{feff}", "---\n", "# a comment\n", "---\n---\nnull\n", "null", " \n"] {
        assert_eq!(parse(text).unwrap(), [], "{text:?}");
    }
    assert_eq!(parse("a: 1\n---\n---\nb: 2\n").unwrap().len(), 2);
    assert_eq!(parse("{\"a\":\t1}\n{}").unwrap().len(), 2);
}

#[test]
fn content_begins_behind_comments_and_separators() {
    let text = "# a\n\n--- # b\n  # c\na: 1\n---\n{b: 2}\n";
    let lines: Vec<_> = parse(text).unwrap().iter().map(|it| it.source.first_line).collect();
    assert_eq!(lines, [5, 7]);
    let lines: Vec<_> = parse("{}\n\n {}").unwrap().iter().map(|it| it.source.first_line).collect();
    assert_eq!(lines, [1, 3]);
}

#[test]
fn a_broken_text_says_where() {
    for (text, line, column) in [
        ("a: 1\nb: [\n", 3, 1),
        ("a: 1\n b: 2\n", 2, 3),
        ("a: *nowhere\n", 1, 4),
        ("a: {~: 1}\n", 1, 5),
        ("é: \"\\q\"\n", 1, 5),
        ("a: 1\r\n---\r\nb:\r\n\tc: 1\r\n", 4, 1),
        ("a: 1\n---\nb: 2\n---  c\n", 4, 1),
        ("{\"a\": 1\n", 2, 1),
        ("{}\n\n{}\n  {\"a\" 1}", 4, 8),
    ] {
        let error = parse(text).unwrap_err();
        let position = error.position;
        assert_eq!((position.line, position.column), (line, column), "{text:?}: {error}");
        assert!(!error.to_string().contains('\n'), "{text:?}: {error}");
    }
}

#[test]
fn nesting_and_aliases_are_bounded() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(parse(&deep).is_err());
    assert!(parse(&format!("{{\"a\": {deep}}}")).is_err());
    for opener in ["- ", "? ", "a:\n ", "{a: ", "- - {? [", "&a ", "!t "] {
        // Whether these parse does not matter: the stack must not overflow.
        let _ = parse(&opener.repeat(20_000));
    }
    let mut chain = "a0: &a0 [x]\n".to_owned();
    for i in 1..5_000 {
        chain.push_str(&format!("a{i}: &a{i} [*a{}]\n", i - 1));
    }
    assert!(parse(&chain).is_err());
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for i in 1..12 {
        let aliases = vec![format!("*a{}", i - 1); 10].join(", ");
        bomb.push_str(&format!("a{i}: &a{i} [{aliases}]\n"));
    }
    assert!(parse(&bomb).is_err());
}

/// Texts that take much more time or memory than their length suggests: none may take long, and
/// none may be refused without its line.
#[test]
fn what_a_text_costs_is_in_proportion_to_its_length() {
    let scalar = "x".repeat(1_000);
    let repeated = |head: &str, item: &str, count: usize| head.to_owned() + &item.repeat(count);
    for (name, text) in [
        ("aliases of a scalar", repeated(&format!("a: &a {scalar}\nb:\n"), "- *a\n", 8_000)),
        ("aliases of a map", repeated("a: &a {x: {y: {z: 1}}}\nb:\n", "- *a\n", 8_000)),
        ("merges", repeated("a: &a {x: 1, y: 2, z: 3}\nb:\n", "- {<<: [*a, *a, *a]}\n", 4_000)),
        ("anchors", repeated("", "--- &a x\n", 8_000)),
        ("nested anchors", repeated("a: ", &format!("[{}x]\n", "&a [".repeat(60)), 1)),
        ("duplicates", format!("? {scalar}\n: {{{}}}\n", "a, ".repeat(8_000))),
        ("documents", repeated("", "---\n{}\n", 8_000)),
        ("small maps", format!("[{}]", "{a},".repeat(8_000))),
    ] {
        let begin = std::time::Instant::now();
        let parsed = parse(&text);
        let took = begin.elapsed();
        // Generous: this is for what takes minutes, and the machine may be busy.
        assert!(took.as_secs() < 20, "{name}: {took:?}");
        match parsed {
            Ok(documents) => {
                let bytes: usize = documents.iter().map(|d| d.value.to_string().len()).sum();
                assert!(bytes < 4 * text.len() + (16 << 20), "{name}: {bytes}");
                let noted = documents.iter().map(|d| d.duplicates.len()).max();
                assert!(noted <= Some(100), "{name}: {noted:?}");
            }
            Err(error) => assert!(error.position.line > 0, "{name}: {error}"),
        }
    }
}

#[test]
fn large_files_are_read() {
    let document = format!("a: [{}]\n---\n", "1, ".repeat(250));
    assert_eq!(parse(&document.repeat(1_100)).unwrap().len(), 1_100);
    // Anchors are those of the document that they are in.
    let shared = "a: &a {x: 1}\nb: *a\nc:\n  <<: *a\n---\n";
    assert_eq!(parse(&shared.repeat(1_100)).unwrap().len(), 1_100);
    let often = format!("a: &a {{x: 1}}\nb:\n{}", "- *a\n".repeat(5_000));
    assert!(parse(&often).is_ok());
}

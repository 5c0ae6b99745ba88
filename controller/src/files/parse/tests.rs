#![allow(clippy::unwrap_used)]

use super::*;
use serde_json::json;

fn parse(text: &str, format: Format) -> Result<Vec<Document>, String> {
    super::parse(text, format)
}

fn one(text: &str) -> Document {
    parse(text, Format::Yaml).unwrap().remove(0)
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
        (".inf", json!(".inf")),
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
    let text = "a: &a {x: 1, y: 2}\nb:\n  <<: *a\n  y: 3\nc: *a\n";
    let document = one(text);
    assert_eq!(document.value["b"], json!({"x": 1, "y": 3}));
    assert_eq!(document.value["c"], json!({"x": 1, "y": 2}));
    assert_eq!(document.duplicates, []);
}

#[test]
fn duplicates_have_their_path_and_line() {
    let text =
        "spec:\n  matches:\n  - path: /a\n    path: /b\n  - {path: /a, path: /c}\nspec: {}\n";
    let document = one(text);
    let found: Vec<_> = document.duplicates.iter().map(|d| (d.field(), d.line.unwrap())).collect();
    let expected = [("spec.matches[0].path", 4), ("spec.matches[1].path", 5), ("spec", 6)];
    assert_eq!(found, expected.map(|(field, line)| (field.to_owned(), line)));
    assert_eq!(document.value["spec"]["matches"][0]["path"], "/a");
    let json = parse(r#"{"a": {"b": 1, "b": 2}}"#, Format::Json).unwrap();
    assert_eq!(json[0].duplicates[0].field(), "a.b");
    assert_eq!(json[0].duplicates[0].line, None);
}

#[test]
fn empty_documents_are_none() {
    for text in ["", "\u{feff}", "---\n", "# a comment\n", "---\n---\nnull\n"] {
        assert_eq!(parse(text, Format::Yaml).unwrap(), [], "{text:?}");
    }
    for text in ["", "null", " \n"] {
        assert_eq!(parse(text, Format::Json).unwrap(), [], "{text:?}");
    }
    assert_eq!(parse("a: 1\n---\n---\nb: 2\n", Format::Yaml).unwrap().len(), 2);
    assert_eq!(parse("{\"a\":\t1}\n{}", Format::Json).unwrap().len(), 2);
}

#[test]
fn a_broken_text_says_where() {
    for (text, format, line) in [
        ("a: 1\nb: [\n", Format::Yaml, "line"),
        ("a: 1\n b: 2\n", Format::Yaml, "line 2"),
        ("a: *nowhere\n", Format::Yaml, "line 1"),
        ("a: {~: 1}\n", Format::Yaml, "null is not allowed here at line 1, column 5"),
        ("{\"a\": 1\n", Format::Json, "line 2"),
    ] {
        let error = parse(text, format).unwrap_err();
        assert!(error.contains(line) && !error.contains('\n'), "{text:?}: {error}");
    }
}

#[test]
fn nesting_and_aliases_are_bounded() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(parse(&deep, Format::Yaml).is_err());
    assert!(parse(&deep, Format::Json).is_err());
    for opener in ["- ", "? ", "a:\n ", "{a: ", "- - {? [", "&a ", "!t "] {
        // Whether these parse does not matter: the stack must not overflow.
        let _ = parse(&opener.repeat(20_000), Format::Yaml);
    }
    let mut chain = "a0: &a0 [x]\n".to_owned();
    for i in 1..5_000 {
        chain.push_str(&format!("a{i}: &a{i} [*a{}]\n", i - 1));
    }
    assert!(parse(&chain, Format::Yaml).is_err());
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for i in 1..12 {
        let aliases = vec![format!("*a{}", i - 1); 10].join(", ");
        bomb.push_str(&format!("a{i}: &a{i} [{aliases}]\n"));
    }
    assert!(parse(&bomb, Format::Yaml).is_err());
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
        let parsed = parse(&text, Format::Yaml);
        let took = begin.elapsed();
        // Generous: this is for what takes minutes, and the machine may be busy.
        assert!(took.as_secs() < 20, "{name}: {took:?}");
        match parsed {
            Ok(documents) => {
                let bytes: usize = documents.iter().map(|d| d.value.to_string().len()).sum();
                assert!(bytes < 4 * text.len() + (1 << 20), "{name}: {bytes}");
                let noted = documents.iter().map(|d| d.duplicates.len()).max();
                assert!(noted <= Some(MAX_DUPLICATES), "{name}: {noted:?}");
            }
            Err(error) => assert!(error.contains("line "), "{name}: {error}"),
        }
    }
}

#[test]
fn large_files_are_read() {
    let document = format!("a: [{}]\n---\n", "1, ".repeat(250));
    assert_eq!(parse(&document.repeat(1_100), Format::Yaml).unwrap().len(), 1_100);
    // Anchors are those of the document that they are in.
    let shared = "a: &a {x: 1}\nb: *a\nc:\n  <<: *a\n---\n";
    assert_eq!(parse(&shared.repeat(1_100), Format::Yaml).unwrap().len(), 1_100);
    let often = format!("a: &a {{x: 1}}\nb:\n{}", "- *a\n".repeat(5_000));
    assert!(parse(&often, Format::Yaml).is_ok());
}

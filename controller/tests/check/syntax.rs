//! What `check` says of a text that can't be parsed.

use crate::hints::{everything, said};

#[test]
fn yaml_that_is_none_says_how_to_quote_and_what_to_render() {
    for (wrong, hint, right) in [
        ("path: *", "needs quotes: write '*'", "path: '*'"),
        ("path: *.html", "write '*.html'", "path: '*.html'"),
        ("paths: [*]", "write '*'", "paths: ['*']"),
        ("a: @b", "write '@b'", "a: '@b'"),
        ("a: 50% of: it", "write '50% of: it'", "a: '50% of: it'"),
        ("a:\n\tb: 1", "use spaces", "a:\n  b: 1"),
        ("path: {{ .Values.path }}", "helm template", "path: /x"),
        ("{{- if .Values.on }}\na: 1\n{{- end }}", "helm template", "a: 1"),
        ("a: {{ .Values.a }}/{{ .Values.b }}", "helm template", "a: /x/y"),
    ] {
        let problems = said(wrong);
        assert!(problems.iter().any(|it| it.contains(hint)), "{wrong}: {hint}: {problems:#?}");
        let left = said(right);
        assert!(left.iter().all(|it| !it.contains("can't be parsed")), "{right}: {left:#?}");
    }
    let quoted = said(&everything().replace("/home", "\"{{ .Values.path }}\""));
    assert!(quoted[0].contains("helm template . | portico check -"), "{quoted:#?}");
}

#[test]
fn what_the_parser_expected_is_no_second_advice() {
    for (wrong, message) in [
        (
            "a: *b",
            "there is no anchor 'b' before this; a value that begins with '*' needs quotes: write '*b'",
        ),
        ("a: b: c", "a key can't be here; a value that contains ': ' needs quotes: write 'b: c'"),
        (
            "%a",
            "expected the directive %YAML or %TAG; a value that begins with '%' needs quotes: write '%a'",
        ),
        ("a: !b{c", "expected a space after the tag; a value that begins with '!' needs quotes"),
        ("a: - b: c", "a list can't begin here: begin it on a line of its own"),
        (
            "a: &b {}\n<<: *c",
            "there is no anchor 'c' before this; a value that begins with '*' needs quotes: write '*c'",
        ),
        ("a: &b 1\n<<: *b", "'<<' merges a mapping, or a list of mappings"),
        ("a:\n\tb: 1", "a tab can't indent: use spaces"),
        ("[\n\ta\n\t[]\n]", "expected ',' or ']'"),
    ] {
        let problems = said(wrong);
        let whole = format!(": can't be parsed: {message}");
        assert!(problems.iter().any(|it| it.ends_with(&whole)), "{wrong}: {problems:#?}");
    }
    let template = said("path: {{ .Values.path }}");
    assert!(template.iter().all(|it| !it.contains("quotes")), "{template:#?}");
}

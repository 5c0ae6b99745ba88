#![allow(clippy::unwrap_used)]

use super::*;
use crate::files::parse::{self, Document};

/// Line, column and length of a place, and whether it is the field itself.
fn find(text: &str, document: usize, path: &str) -> (usize, usize, usize, bool) {
    let documents: Vec<Document> = parse::parse(text).unwrap();
    let place = Outline::read(text, &documents[document].source).unwrap().find(path);
    let Position { line, column, length } = place.position();
    (line, column, length, place.whole)
}

const ROUTE: &str = "# a comment
apiVersion: portico.dev/v1alpha1
kind: Route
metadata:
  name: r
  annotations: {a.b/c: x, \"d e\": y}
spec:
  matches:
  - path: /a
    methods: [GET, PUT]
  - {path: '/ü', methods: [\"PUT\"]}
  backends:
  - &first
    service: {name: s, port: 80}
  - <<: *first
    weight: 0
";

#[test]
fn fields_are_found() {
    for (path, expected) in [
        ("", (2, 1, 1, true)),
        ("kind", (3, 7, 5, true)),
        ("spec", (7, 1, 4, true)),
        ("spec.matches", (8, 3, 7, true)),
        ("spec.matches[0]", (9, 5, 1, true)),
        ("spec.matches[0].path", (9, 11, 2, true)),
        ("spec.matches[0].methods[1]", (10, 20, 3, true)),
        ("spec.matches[1].path", (11, 12, 4, true)),
        ("spec.matches[1].methods[0]", (11, 28, 5, true)),
        ("metadata.annotations[a.b/c]", (6, 24, 1, true)),
        ("metadata.annotations.a.b/c", (6, 24, 1, true)),
        ("metadata.annotations[d e]", (6, 34, 1, true)),
        ("spec.backends[1].weight", (16, 13, 1, true)),
        // Where it is written.
        ("spec.backends[1].service.port", (14, 30, 2, true)),
        // The last place that exists.
        ("spec.frontDoorRef.name", (7, 1, 4, false)),
        ("spec.matches[7].path", (8, 3, 7, false)),
        ("spec.matches[0].path.x", (9, 5, 4, false)),
    ] {
        assert_eq!(find(ROUTE, 0, path), expected, "{path}");
        let later = format!("---\n---\na: 1\n---\n{ROUTE}");
        let (line, column, length, whole) = expected;
        assert_eq!(find(&later, 1, path), (line + 4, column, length, whole), "{path}");
        let windows = ROUTE.replace('\n', "\r\n");
        assert_eq!(find(&windows, 0, path), expected, "{path}");
    }
}

#[test]
fn fields_of_json_are_found() {
    let text = "{}\n {\"a\": [1, {\"b\":\n \"\\u00fc\\/\"}],\n\t\"c\": {}}";
    for (path, expected) in [
        ("a[0]", (2, 9, 1, true)),
        ("a[1].b", (3, 2, 10, true)),
        ("c", (4, 2, 3, true)),
        ("c.d", (4, 2, 3, false)),
    ] {
        assert_eq!(find(text, 1, path), expected, "{path}");
    }
}

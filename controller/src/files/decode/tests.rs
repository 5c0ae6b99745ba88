#![allow(clippy::unwrap_used)]

mod lists;

use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

/// The content of a text, one line each: `Kind namespace/name` with its problems, then the file's.
fn report(text: &str) -> Vec<String> {
    let contents = decode(text).unwrap();
    let objects = contents.objects.iter().map(|(_, object)| match object {
        Object::FrontDoor(name, entry) => with_problems("FrontDoor", name, &entry.problems),
        Object::Route(name, entry) => with_problems("Route", name, &entry.problems),
        Object::Service(name, _) => format!("Service {name}"),
        Object::EndpointSlice(name, _) => format!("EndpointSlice {name}"),
        Object::Secret(name, _) => format!("Secret {name}"),
        Object::ConfigMap(name, _) => format!("ConfigMap {name}"),
        Object::Namespace(name, _) => format!("Namespace {}", name.name),
    });
    objects.chain(contents.problems.iter().map(ToString::to_string)).collect()
}

fn with_problems(kind: &str, name: &ObjectName, problems: &[Problem]) -> String {
    let mut line = format!("{kind} {name}");
    for problem in problems {
        line.push_str(&format!(" [{} {}: {}]", problem.field, problem.reason, problem.message));
    }
    line
}

const ROUTE: &str = "apiVersion: portico.dev/v1alpha1
kind: Route
metadata: {name: r, namespace: web}
spec: {frontDoorRef: {name: ep}, respond: {status: 200}}
";

#[test]
fn objects_of_every_kind_are_read() {
    let text = format!(
        "{ROUTE}---
apiVersion: portico.dev/v1alpha1
kind: FrontDoor
metadata: {{name: ep}}
spec: {{hosts: [{{name: www.ep.com}}]}}
---
apiVersion: v1
kind: List
items:
- {{apiVersion: v1, kind: Service, metadata: {{name: s}}, spec: {{ports: [{{port: 80}}]}}}}
- {{apiVersion: v1, kind: Namespace, metadata: {{name: web, labels: {{team: sales}}}}}}
- apiVersion: discovery.k8s.io/v1
  kind: EndpointSlice
  metadata: {{name: s-1, namespace: web}}
  addressType: IPv4
  endpoints: [{{addresses: [10.0.0.1]}}]
---
{{apiVersion: v1, kind: Secret, metadata: {{name: t}}}}
---
{{apiVersion: apps/v1, kind: Deployment, metadata: {{name: d}}, metadata: {{}}}}
---
{{apiVersion: route.openshift.io/v1, kind: Route, metadata: {{name: other}}}}
---
values: {{of: a chart}}
"
    );
    assert_eq!(
        report(&text),
        [
            "Route web/r",
            "FrontDoor default/ep",
            "Service default/s",
            "Namespace web",
            "EndpointSlice web/s-1",
            "Secret default/t",
        ]
    );
    assert_eq!(decode(&text).unwrap().unused.count(), 3);
}

#[test]
fn an_absent_namespace_is_default_in_the_object_too() {
    let text = "{apiVersion: v1, kind: Service, metadata: {name: s}}";
    let contents = decode(text).unwrap();
    let (_, Object::Service(_, service)) = &contents.objects[0] else { unreachable!() };
    assert_eq!(service.metadata.namespace.as_deref(), Some("default"));
}

#[test]
fn what_nobody_could_mean_otherwise_is_said_of_the_file() {
    for (text, expected) in [
        (
            "apiVersion: portico.dev/v1\nkind: Route\n",
            "document 1: apiVersion 'portico.dev/v1' is not known to this release: write 'portico.dev/v1alpha1'",
        ),
        (
            "apiVersion: portico.dev\nkind: Route\n",
            "document 1: apiVersion 'portico.dev' is not known to this release: write 'portico.dev/v1alpha1'",
        ),
        (
            "apiVersion: portico.dve/v1alpha1\nkind: Route\n",
            "document 1: Route is not read: its apiVersion is 'portico.dve/v1alpha1'; did you mean 'portico.dev/v1alpha1'?",
        ),
        (
            "apiVersion: portico.dev/v1alpha1\nkind: Rout\n",
            "document 1: portico.dev/v1alpha1 has no kind 'Rout': its kinds are FrontDoor and Route; did you mean Route?",
        ),
        (
            "apiVersion: portico.dev/v1alpha1\n",
            "document 1: portico.dev/v1alpha1 without 'kind': write FrontDoor or Route",
        ),
        (
            "a: 1\n---\nkind: FrontDoor\n",
            "document 2: FrontDoor without apiVersion: write 'apiVersion: portico.dev/v1alpha1'",
        ),
        (
            "apiVersion: portico.dev/v1alpha1\nkind: Route\nmetadata: {nmae: x}\n",
            "document 1: Route without metadata.name: give it one",
        ),
        (
            "{apiVersion: v1, kind: Service, metadata: {name: No_Name}}",
            "document 1: Service: metadata.name \"No_Name\" is not a valid name: use lower-case letters, digits, '-' and '.', as a string",
        ),
        (
            "{apiVersion: v1, kind: Service, metadata: {name: s, namespace: on}}",
            "document 1: Service: metadata.namespace true is not a valid name: use lower-case letters, digits, '-' and '.', as a string",
        ),
        (
            "{apiVersion: v1, kind: Service, metadata: {name: s}, spec: {ports: 80}}",
            "document 1: Service default/s does not decode: spec.ports: invalid type: integer `80`, expected a sequence",
        ),
        (
            "{apiVersion: v1, kind: Service, metadata: {name: s}, spec: {}, spec: {}}",
            "document 1: Service default/s is not read: 'spec' is given twice: remove one",
        ),
        ("{apiVersion: v1, kind: List, items: 1}", "document 1: List: 'items' is not a list"),
    ] {
        assert_eq!(report(text), [expected], "{text}");
    }
}

#[test]
fn one_bad_document_leaves_the_others() {
    let text = format!("apiVersion: portico.dev/v2\nkind: Route\n---\n{ROUTE}");
    assert_eq!(report(&text)[0], "Route web/r");
}

#[test]
fn a_duplicate_key_is_said_of_the_object() {
    let again = format!("{ROUTE}  hosts: []\n").replace("spec: {", "spec:\n  hosts: []\n  x: {");
    let lines = report(&again);
    assert!(
        lines[0]
            .contains("[spec.hosts DuplicateField: is given twice, again on line 7: remove one]"),
        "{lines:?}"
    );
    let in_list = "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: portico.dev/v1alpha1, kind: \
                   Route, metadata: {name: a}, spec: {frontDoorRef: {name: x}, respond: {status: \
                   200, status: 200}}}\n- {apiVersion: v1, kind: Secret, metadata: {name: b}}\n";
    assert_eq!(
        report(in_list),
        [
            "Route default/a [spec.respond.status DuplicateField: is given twice, again on line 4: remove one]",
            "Secret default/b",
        ]
    );
}

#[test]
fn a_duplicate_that_hides_the_name_is_said_of_the_file() {
    for (from, to, field, kind) in [
        ("name: r,", "name: r, name: q,", "metadata.name", "Route"),
        ("kind: Route", "kind: Route\nkind: FrontDoor", "kind", "FrontDoor"),
        ("spec:", "metadata: {name: q}\nspec:", "metadata", "Route"),
    ] {
        let text = ROUTE.replace(from, to);
        let expected = format!("document 1: {kind}: '{field}' is given twice: remove one");
        assert_eq!(report(&text), [expected], "{text}");
    }
}

#[test]
fn the_schema_is_asked() {
    let lines = report(&ROUTE.replace("frontDoorRef", "frontdoorref"));
    assert!(lines[0].starts_with("Route web/r [spec") && lines[0].contains("Invalid"), "{lines:?}");
}

#[test]
fn an_object_is_read_without_what_does_not_decode() {
    for (fields, undecoded, decoded_except_for_cors) in [
        ("cors: {mode: report}", &["spec.cors.mode"][..], true),
        ("cors: {dangerouslyAllow: [All]}", &["spec.cors.dangerouslyAllow[0]"], true),
        ("cors: {debug: 1, maxAge: 7200}", &["spec.cors.debug", "spec.cors.maxAge"], true),
        ("cors: []", &["spec.cors"], true),
        ("cors: {allowOrigins: [https://x.com/], x: 1}", &[], true),
        ("hosts: [1, a.com], cors: off", &["spec.cors", "spec.hosts[0]"], false),
        ("frontDoorRef: {}", &["spec.frontDoorRef.name"], false),
        ("backends: [{service: {name: 1, port: 80}}]", &["spec.backends[0].service.name"], false),
        ("backends: {}", &["spec.backends"], false),
    ] {
        let text = ROUTE.replace("frontDoorRef: {name: ep}, ", "");
        assert_ne!(text, ROUTE);
        let front_door =
            if fields.contains("frontDoorRef") { "" } else { "frontDoorRef: {name: ep}, " };
        let text = text.replace("spec: {", &format!("spec: {{{front_door}{fields}, "));
        let contents = decode(&text).unwrap();
        let (_, Object::Route(_, entry)) = &contents.objects[0] else { unreachable!() };
        assert!(entry.object.as_ref().unwrap().spec.respond.is_some(), "{fields}");
        assert_eq!(entry.undecoded, undecoded, "{fields}");
        assert_eq!(entry.decoded_except_for_cors().is_some(), decoded_except_for_cors, "{fields}");
        assert!(!entry.problems.is_empty(), "{fields}");
        for path in undecoded {
            assert!(
                entry.problems.iter().any(|problem| problem.field == *path),
                "{fields}: {path}"
            );
        }
    }
}

#[test]
fn nulls_outside_of_spec_and_the_status_do_not_count() {
    let text = format!("{ROUTE}status: {{conditions: 7}}\n")
        .replace("metadata: {", "metadata: {labels: ~, ");
    assert_eq!(report(&text), ["Route web/r"]);
}

#[test]
fn an_unknown_field_of_the_status_is_a_warning() {
    let text = format!("{ROUTE}status: {{conditions: [], observedgeneration: 7}}\n");
    let message = "unknown field, which has no effect; did you mean 'observedGeneration'?";
    let expected = format!("Route web/r [status.observedgeneration NoEffect: {message}]");
    assert_eq!(report(&text), [expected]);
    let contents = decode(&text).unwrap();
    let (_, Object::Route(_, entry)) = &contents.objects[0] else { unreachable!() };
    assert_eq!(entry.problems[0].severity, Severity::Warning);
}

#[test]
fn what_has_no_effect_in_an_object_of_kubernetes_is_a_warning() {
    for (text, expected) in [
        (
            "{apiVersion: v1, kind: Service, metadata: {name: s}, spec: {ports: [{port: 80, appprotocol: https}]}}",
            [
                "Service default/s",
                "document 1: Service default/s: spec.ports[0].appprotocol: unknown field, which has no effect; did you mean 'appProtocol'?",
            ],
        ),
        (
            "{apiVersion: v1, kind: Namespace, metadata: {name: web, labels: {team: a b}}}",
            [
                "Namespace web",
                "document 1: Namespace web: metadata.labels[team]: \"a b\" is refused by the API server: a label's value has at most 63 letters, digits, '-', '_' and '.', and starts and ends with a letter or digit, or is empty",
            ],
        ),
    ] {
        assert_eq!(report(text), expected);
        let contents = decode(text).unwrap();
        assert_eq!(contents.problems[0].severity, Severity::Warning);
        assert_eq!(contents.errors().count(), 0);
    }
}

fn secret_of(fields: &str) -> Result<BTreeMap<String, String>, String> {
    let text = format!("apiVersion: v1\nkind: Secret\nmetadata: {{name: s}}\n{fields}\n");
    let contents = decode(&text).unwrap();
    match contents.objects.first() {
        Some((_, Object::Secret(_, secret))) => Ok(secret
            .data
            .iter()
            .flatten()
            .map(|(key, value)| (key.clone(), String::from_utf8(value.0.clone()).unwrap()))
            .collect()),
        _ => Err(contents.problems[0].message.clone()),
    }
}

#[test]
fn string_data_counts_and_wins() {
    let data = secret_of("data: {a: aGk=, b: aGk=}\nstringData: {b: plain, c: 'x'}").unwrap();
    let expected = [("a", "hi"), ("b", "plain"), ("c", "x")];
    assert_eq!(data, expected.map(|(k, v)| (k.to_owned(), v.to_owned())).into());
    assert_eq!(secret_of("data:\n  a: |\n    aG\n    k=\n").unwrap()["a"], "hi");
}

#[test]
fn what_is_said_of_a_secret_quotes_no_value() {
    for fields in [
        "data: {token: not-base64!hunter2}",
        "data: {token: 48151623}",
        "stringData: {token: 48151623}",
        "data: [hunter2]",
        "type: [hunter2]",
    ] {
        let message = secret_of(fields).unwrap_err();
        assert!(message.starts_with("Secret default/s does not decode: "), "{message}");
        assert!(!message.contains("hunter2") && !message.contains("48151623"), "{message}");
    }
}

#[test]
fn null_texts_are_empty_ones() {
    for text in [
        "{apiVersion: v1, kind: Service, metadata: {name: s, annotations: {a: }, labels: {b: ~}}, spec: {selector: {c: }}}",
        "{apiVersion: v1, kind: Service, metadata: {name: s, annotations: ~, labels: }}",
    ] {
        assert_eq!(report(text), ["Service default/s"], "{text}");
    }
    assert_eq!(report(&ROUTE.replace("name: r,", "name: r, labels: {a: },")), ["Route web/r"]);
    assert_eq!(secret_of("stringData: {a: }").unwrap()["a"], "");
    assert_eq!(secret_of("data: {a: }").unwrap()["a"], "");
}

#[test]
fn base64_may_have_loose_bits() {
    assert_eq!(
        secret_of("data: {a: aGl=, b: YR==}").unwrap(),
        secret_of("data: {a: aGk=, b: YQ==}").unwrap()
    );
}

#[test]
fn numbers_are_those_that_json_has() {
    let of = |weight: &str| {
        report(&ROUTE.replace(
            "respond: {status: 200}",
            &format!("backends: [{{service: {{name: s, port: 080}}, weight: {weight}}}]"),
        ))
    };
    for weight in ["1e3", "1.0", "0x10", "1_0", "+1"] {
        assert_eq!(of(weight), ["Route web/r"], "{weight}");
    }
    for weight in ["1.5", "1e999", "0x", "'1'", "tRUE"] {
        assert!(of(weight)[0].contains("[spec.backends[0].weight Invalid"), "{weight}");
    }
}

#[test]
fn what_nobody_means_is_a_warning_with_its_place() {
    for (text, expected) in [
        ("a: {on: 1}\n", "line 1, column 5: the key on is read as \"true\""),
        ("a:\n  1.10: 1\n", "line 2, column 3: the key 1.10 is read as \"1.1\""),
        ("a:\n  012: 1\n", "line 2, column 3: the key 012 is read as \"10\""),
        ("a: 0100\n", "line 1, column 4: 0100 is octal and means 64"),
        (
            "a: {x: 1, <<: {x: 2}}\n",
            "line 1, column 11: this merge key replaces 'x', which comes before it",
        ),
        ("a:\n  <<: {x: 1}\n  <<: {x: 2}\n", "line 3, column 3: this merge key replaces 'x'"),
        ("a: 1\n...\n# c\nb: 2\n", "line 4, column 1: everything after the end of the document"),
        ("a: 1\r---\rb: 2\r", "column 6: everything after the end of the document"),
        ("{a: 1}\nb: 2\n", "line 2, column 1: everything after the end of the document"),
        (
            "---\n...\nb: 1\n---\na: 1\n",
            "line 3, column 1: everything after the end of the document",
        ),
        ("a: 1\u{2028}b: 2\n", "column 5: U+2028 (line separator) is a line break"),
        ("# c\u{85}a: 1\n", "column 4: U+0085 (next line) is a line break"),
        ("a: 1\n---\nb: 'x\u{2029}y'\n", "line 3, column 6: U+2029 (paragraph separator)"),
        ("a: 1\rb: 2\n", "column 5: a carriage return is a line break"),
    ] {
        let contents = decode(text).unwrap();
        let warnings = contents.problems.iter().filter(|it| it.severity == Severity::Warning);
        let shown: Vec<_> = warnings.map(ToString::to_string).collect();
        assert!(shown.iter().any(|warning| warning.contains(expected)), "{text:?}: {shown:?}");
    }
    for text in [
        "a: {<<: {x: 1}, x: 2}\n",
        "a: {x: 1, <<: {x: 1}}\n",
        "a: {<<: [{x: 1}, {x: 2}]}\n",
        "a: {8080: 1, 'on': 2, true: 3, 1.5: 4}\n",
        "a: 1\n...\n# c\n...\n---\nb: 0\n",
        "a: 00\r\nb: 08\r\n",
    ] {
        assert_eq!(decode(text).unwrap().problems, [], "{text:?}");
    }
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(
        words in proptest::collection::vec(
            prop::sample::select(vec![
                "apiVersion: ", "portico.dev/v1alpha1", "v1", "kind: ", "Route", "FrontDoor", "List",
                "Secret", "metadata: ", "name: ", "namespace: ", "spec: ", "items: ", "data: ",
                "stringData: ", "hosts", "- ", "{", "}", "[", "]", ",", ":", "\n", "\n  ", "\n---\n",
                "~", "&a ", "*a", "<<: ", "!!binary ", "'", "\"", "|", "#", "1e999", "0x", "\u{85}",
            ]),
            0..60,
        ),
        json: bool,
    ) {
        let text = words.concat();
        let _ = decode(&if json { format!("{{{text}") } else { text });
    }
}

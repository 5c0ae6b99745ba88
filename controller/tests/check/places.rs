//! Where `check` says that problems are.

use crate::{FRONT_DOOR, ROUTE, check, json, problems};
use serde_json::Value;

/// The places of all problems: line, column and what is marked there.
fn places(text: &str) -> Vec<(u64, u64, String)> {
    let (_, report) = json(&[("a.yaml", FRONT_DOOR), ("x.yaml", text)]);
    let problems = problems(&report);
    let place = |problem: &&Value| {
        assert_eq!(problem["file"], "./x.yaml", "{problem}");
        let (line, column) = (&problem["line"], &problem["column"]);
        let (line, column) = (line.as_u64().unwrap(), column.as_u64().unwrap());
        let source = text.lines().nth(usize::try_from(line).unwrap() - 1).unwrap_or_default();
        let rest = source.chars().skip(usize::try_from(column).unwrap() - 1).collect();
        (line, column, rest)
    };
    problems.iter().map(place).collect()
}

#[test]
fn every_kind_of_problem_has_file_line_and_column() {
    let at = |mistake: &str, text: String, expected: (u64, u64, &str)| {
        let places = places(&text);
        assert!(!places.is_empty(), "{mistake}");
        let expected = (expected.0, expected.1, expected.2.to_owned());
        assert_eq!(places, [expected], "{mistake}: {text}");
    };
    let with = |from: &str, to: &str| {
        assert!(ROUTE.contains(from), "{from}");
        ROUTE.replace(from, to)
    };
    at("unknown field", with("matches:", "match:"), (7, 3, "match: [{path: /home}]"));
    at("wrong type", with("{status: 404}", "404"), (8, 12, "404"));
    at("pattern", with("/home", "home"), (7, 20, "home}]"));
    at("missing", with("{name: ep}", "{namespace: web}"), (6, 3, "frontDoorRef: {namespace: web}"));
    at("out of bounds", with("404", "99"), (8, 21, "99}"));
    at("compile", with("/home", "/a/*/b"), (7, 20, "/a/*/b}]"));
    at(
        "no such FrontDoor",
        with("{name: ep}", "{name: other}"),
        (6, 3, "frontDoorRef: {name: other}"),
    );
    at("warning", with("/home", "/u/:id"), (7, 20, "/u/:id}]"));
    at(
        "duplicate key",
        with("  respond", "  hosts: [a.b]\n  hosts: [www.ep.com]\n  respond"),
        (9, 3, "hosts: [www.ep.com]"),
    );
    at("misspelt group", with("portico.dev", "portico.io"), (2, 13, "portico.io/v1alpha1"));
    at("no such kind", with("Route", "Rout"), (3, 7, "Rout"));
    at("no name", with("name: home, ", ""), (4, 1, "metadata: {namespace: web}"));
    at(
        "a core object",
        "apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec:\n  ports:\n  - port: http\n"
            .into(),
        (6, 11, "http"),
    );
    at(
        "a core object's duplicate key",
        "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\ndata: {}\ndata: {}\n".into(),
        (5, 1, "data: {}"),
    );
    at(
        "Endpoints",
        "apiVersion: v1\nkind: Endpoints\nmetadata: {name: a}\n".into(),
        (2, 7, "Endpoints"),
    );
}

#[test]
fn what_is_no_yaml_has_its_line_and_a_mark() {
    for (text, line) in [
        ("a: 1\nb: [1\nc: 2\n", 3),
        ("a: 1\n\tb: 2\n", 2),
        ("a: 'x\n", 1),
        ("a: *\n", 1),
        ("kind: Route\nspec: {{ .Values.spec }}\n", 2),
    ] {
        let (code, report) = json(&[("x.yaml", text)]);
        assert_eq!(code, 2, "{report}");
        let problem = &report["files"][0]["problems"][0];
        assert_eq!(problem["file"], "./x.yaml");
        assert_eq!(problem["line"], line, "{text:?}: {problem}");
        assert!(problem["column"].as_u64().unwrap() > 0, "{problem}");
        let out = check(&[("x.yaml", text)], &[]).out;
        assert!(out.contains(&format!(" --> ./x.yaml:{line}:")), "{out}");
        assert!(out.contains('^'), "{out}");
    }
    let (_, report) = json(&[("x.json", "{\n  \"a\": 1,\n  \"b\" 2\n}")]);
    assert_eq!(report["files"][0]["problems"][0]["line"], 3, "{report}");
}

#[test]
fn the_items_of_lists_and_later_documents_have_their_own_places() {
    let item = |path: &str| {
        format!(
            "- apiVersion: portico.dev/v1alpha1\n  kind: Route\n  metadata: {{name: r{path}, namespace: web}}\n  \
             spec: {{frontDoorRef: {{name: ep}}, matches: [{{path: {path}}}], respond: {{status: 404}}}}\n"
        )
    };
    let list = format!("apiVersion: v1\nkind: List\nitems:\n{}{}", item("a"), item("b"));
    let text = format!("# nothing\n---\n{list}---\n{}", ROUTE.replace("/home", "home"));
    let lines: Vec<_> = places(&text).into_iter().map(|(line, ..)| line).collect();
    assert_eq!(lines, [21, 9, 13], "{text}");
}

#[test]
fn json_files_have_places_too() {
    let route = "{\n  \"apiVersion\": \"portico.dev/v1alpha1\",\n  \"kind\": \"Route\",\n  \
         \"metadata\": {\"name\": \"a\", \"namespace\": \"web\"},\n  \"spec\": {\n    \
         \"frontDoorRef\": {\"name\": \"ep\"},\n    \"matches\": [{\"path\": \"a\"}],\n    \
         \"respond\": {\"status\": 404}\n  }\n}\n";
    let (_, report) = json(&[("a.yaml", FRONT_DOOR), ("x.json", route)]);
    let problem = problems(&report)[0];
    assert_eq!((&problem["line"], &problem["column"]), (&7.into(), &26.into()), "{problem}");
}

#[test]
fn the_text_shows_the_line_with_a_mark_under_the_value() {
    let typo = ROUTE.replace("/home", "home");
    let out = check(&[("ep.yaml", FRONT_DOOR), ("home.yaml", &typo)], &[]).out;
    let shown =
        " --> ./home.yaml:7:20\n  |\n7 |   matches: [{path: home}]\n  |                    ^^^^\n";
    assert!(out.contains(shown), "{out}");
    assert!(out.contains("\nerror[Invalid]: spec.matches[0].path: "), "{out}");
}

#[test]
fn the_mark_is_under_the_value_whatever_the_line_is_made_of() {
    for (name, line, column) in [
        ("tabs", "  matches: [{\tmethods: [GET],\tpath:\thome}]", 37),
        ("wide characters", "  matches: [{headers: [{name: x, value: 日本語}], path: home}]", 54),
        (
            "combining characters",
            "  matches: [{headers: [{name: x, value: e\u{301}}], path: home}]",
            53,
        ),
        ("a carriage return", "  matches: [{path: home}]\r", 20),
    ] {
        let text = ROUTE.replace("  matches: [{path: /home}]", line);
        let (_, report) = json(&[("ep.yaml", FRONT_DOOR), ("x.yaml", &text)]);
        let problem = problems(&report)[0];
        assert_eq!((&problem["line"], &problem["column"]), (&7.into(), &column.into()), "{name}");
        let out = check(&[("ep.yaml", FRONT_DOOR), ("x.yaml", &text)], &[]).out;
        let mut lines = out.lines().skip_while(|line| !line.starts_with("7 | "));
        let (source, mark) = (lines.next().unwrap(), lines.next().unwrap());
        assert_eq!(mark.matches('^').count(), 4, "{name}: {out}");
        let width = |text: &str| {
            let wide = |c: &char| ('\u{3000}'..'\u{a000}').contains(c);
            text.chars()
                .filter(|c| *c != '\u{301}')
                .map(|c| 1 + usize::from(wide(&c)))
                .sum::<usize>()
        };
        let before = source.split("home").next().unwrap();
        assert_eq!(width(before), mark.find('^').unwrap(), "{name}: {out}");
    }
}

#[test]
fn every_line_of_a_file_with_carriage_returns_is_counted_once() {
    let text = ROUTE.replace("/home", "home").replace('\n', "\r\n");
    assert_eq!(places(&text)[0].0, 7);
}

#[test]
fn a_very_long_line_is_cut_around_the_mark() {
    let padding = "ä".repeat(3_000_000);
    let text = ROUTE.replace(
        "[{path: /home}]",
        &format!("[{{headers: [{{name: x, value: \"{padding}\"}}], path: home}}, {{path: \"/{padding}\"}}]"),
    );
    let out = check(&[("ep.yaml", FRONT_DOOR), ("x.yaml", &text)], &[]).out;
    assert!(out.len() < 20_000, "{}", out.len());
    let mut lines = out.lines().skip_while(|line| !line.contains("path: home"));
    let (source, mark) = (lines.next().unwrap(), lines.next().unwrap());
    assert!(source.chars().count() < 400, "{source}");
    assert!(mark.contains("^^^^"), "{mark}");
}

#[test]
fn control_characters_of_a_manifest_do_not_reach_the_terminal() {
    let text = ROUTE.replace("/home", "\"\\e[31mhome\"").replace("name: ep", "name: \"e\\u202Ep\"");
    let out = check(&[("ep.yaml", FRONT_DOOR), ("x.yaml", &text)], &[]).out;
    assert!(!out.contains('\x1b') && !out.contains('\u{202e}'), "{out:?}");
    let raw = ROUTE.replace("/home", "\"home\u{202e}\"");
    let out = check(&[("ep.yaml", FRONT_DOOR), ("x\u{202e}.yaml", &raw)], &[]).out;
    assert!(!out.contains('\u{202e}'), "{out:?}");
}

#[test]
fn annotations_of_github_name_file_line_and_column() {
    let typo = ROUTE.replace("/home", "home, 100%");
    let ran = check(&[("ep.yaml", FRONT_DOOR), ("a,b/home.yaml", &typo)], &["-o", "github"]);
    assert_eq!(ran.code, 1);
    let annotation = ran.out.lines().next().unwrap();
    let start = "::error file=a%2Cb/home.yaml,line=7,col=";
    assert!(annotation.starts_with(start), "{}", ran.out);
    assert!(
        annotation.contains(",title=Route web/home%3A Invalid::spec.matches[0]"),
        "{annotation}"
    );
    assert!(ran.out.ends_with("2 files read\n"), "{}", ran.out);
    let ran = check(&[("b.yaml", "a: [\n")], &["-o", "github"]);
    assert!(ran.out.starts_with("::error file=b.yaml,line="), "{}", ran.out);
    let dangling =
        ROUTE.replace("respond: {status: 404}", "backends: [{service: {name: x, port: 1}}]");
    let ran = check(&[("ep.yaml", FRONT_DOOR), ("r.yaml", &dangling)], &["-o", "github"]);
    assert!(ran.out.starts_with("::warning file=r.yaml,line=8,col="), "{}", ran.out);
}

#[test]
fn a_cause_is_quoted_where_it_has_effect() {
    let broken = FRONT_DOOR.replace("www.ep.com", "www.*.com");
    let (_, report) = json(&[("ep.yaml", &broken), ("home.yaml", ROUTE)]);
    let [front_door, route] = problems(&report)[..] else { panic!("{report}") };
    let (cause, quote) =
        (front_door["message"].as_str().unwrap(), route["message"].as_str().unwrap());
    assert!(quote.starts_with("FrontDoor web/ep is not accepted: spec.hosts[0].name: "), "{quote}");
    assert!(quote.ends_with(cause), "{quote}: {cause}");
}

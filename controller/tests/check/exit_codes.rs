//! What `check` exits with.

use crate::{FRONT_DOOR, ROUTE, check, folder, json, portico, portico_with};

const SERVICE: &str = "apiVersion: v1\nkind: Service\nmetadata: {name: app, namespace: web}\n\
     spec: {ports: [{name: http, port: 80}]}\n";
const INGRESS: &str = "apiVersion: networking.k8s.io/v1\nkind: Ingress\n\
     metadata: {name: web, namespace: shop}\nspec: {}\n";

fn to_service(name: &str) -> String {
    ROUTE.replace(
        "respond: {status: 404}",
        &format!("backends: [{{service: {{name: {name}, port: http}}}}]"),
    )
}

#[test]
fn what_only_a_cluster_can_know_is_a_warning_and_an_error_with_strict() {
    for route in [to_service("nobody"), to_service("app")] {
        let files = [("ep.yaml", FRONT_DOOR), ("home.yaml", &route), ("app.yaml", SERVICE)];
        let lenient = check(&files, &[]);
        assert_eq!(lenient.code, 0, "{}", lenient.out);
        assert!(lenient.out.contains("\nwarning["), "{}", lenient.out);
        assert!(!lenient.out.contains("\nerror"), "{}", lenient.out);
        let strict = check(&files, &["--strict"]);
        assert_eq!(strict.code, 1, "{}", strict.out);
        assert!(strict.out.contains("\nerror["), "{}", strict.out);
    }
}

#[test]
fn whatever_is_called_an_error_is_1() {
    let duplicate = "{apiVersion: v1, kind: Secret, metadata: {name: s}, type: A}\n---\n\
         {apiVersion: v1, kind: Secret, metadata: {name: s}, type: B}\n";
    let broken = SERVICE.replace("[{name: http, port: 80}]", "none");
    for (name, text) in [
        ("a typo", ROUTE.replace("matches", "match")),
        ("a conflict", [ROUTE, "---", &ROUTE.replace("name: home", "name: house")].concat()),
        ("no such FrontDoor", ROUTE.replace("{name: ep}", "{name: pe}")),
        ("two Secrets", duplicate.to_owned()),
        ("a Service that does not decode", broken),
        ("an unknown version", ROUTE.replace("v1alpha1", "v7")),
        ("a misspelt group", ROUTE.replace("portico.dev", "portico.io")),
        ("no name", ROUTE.replace("name: home, ", "")),
        ("a List that is none", "{apiVersion: v1, kind: List, items: x}".to_owned()),
    ] {
        let files = [("ep.yaml", FRONT_DOOR), ("x.yaml", &text)];
        let (code, report) = json(&files);
        assert_eq!(code, 1, "{name}: {report}");
        assert!(report.to_string().contains("\"Error\""), "{name}: {report}");
        let text = check(&files, &[]);
        assert_eq!(text.code, 1, "{name}: {}", text.out);
        assert!(text.out.contains("\nerror"), "{name}: {}", text.out);
    }
}

#[test]
fn a_warning_is_0() {
    let odd = ROUTE.replace("/home", "/u/:id");
    let ran = check(&[("ep.yaml", FRONT_DOOR), ("home.yaml", &odd)], &["--strict"]);
    assert_eq!(ran.code, 0, "{}", ran.out);
    assert!(ran.out.contains("warning[LikelyMistake]"), "{}", ran.out);
}

#[test]
fn nothing_of_porticos_is_2_and_what_was_there_is_said() {
    let moved = ROUTE.replace("portico.dev", "portico.io");
    for (files, said) in [
        (
            vec![("old.yaml", INGRESS)],
            vec!["no FrontDoor and no Route", "Ingress shop/web (./old.yaml): not read"],
        ),
        (vec![("svc.yaml", SERVICE)], vec!["Service web/app (./svc.yaml): nothing refers to it"]),
        (
            vec![("old.yaml", INGRESS), ("new.yaml", &moved)],
            vec![
                "Ingress shop/web (./old.yaml): not read",
                "Route web/home is not read: its apiVersion is 'portico.io/v1alpha1'; did you mean 'portico.dev/v1alpha1'?",
            ],
        ),
        (vec![("empty.yaml", "# nothing\n")], vec!["which is empty"]),
        (vec![("a.txt", FRONT_DOOR)], vec!["there is no *.yaml, *.yml or *.json file"]),
    ] {
        for format in ["text", "json", "github"] {
            let ran = check(&files, &["-o", format]);
            assert_eq!(ran.code, 2, "{files:?}: {}", ran.out);
            for part in &said {
                let part =
                    if format == "github" { part.replace('%', "%25") } else { (*part).into() };
                assert!(ran.out.contains(&part), "{format}: {part} in {}", ran.out);
            }
        }
    }
    let many: String =
        (0..50).map(|n| INGRESS.replace("web", &format!("w{n}")) + "---\n").collect();
    let ran = check(&[("many.yaml", &many)], &[]);
    assert!(ran.out.contains("; and 40 more"), "{}", ran.out);
}

#[test]
fn other_kinds_beside_porticos_are_counted() {
    let ran = check(&[("a.yaml", FRONT_DOOR), ("b.yaml", INGRESS)], &[]);
    assert_eq!(ran.code, 0);
    assert!(ran.out.contains("1 document of other kinds not used"), "{}", ran.out);
    assert!(!ran.out.contains("Ingress"), "{}", ran.out);
}

#[test]
fn the_standard_input_is_read_and_bounded() {
    let folder = folder(&[("ep.yaml", FRONT_DOOR)]);
    let ran = portico_with(folder.path(), &["check", "-", "ep.yaml"], ROUTE.as_bytes());
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("Route web/home  <stdin>"), "{}", ran.out);
    let typo = ROUTE.replace("matches", "match");
    let ran = portico_with(folder.path(), &["check", "-", "ep.yaml"], typo.as_bytes());
    assert_eq!(ran.code, 1);
    assert!(ran.out.contains("--> <stdin>:7:3"), "{}", ran.out);
    let ran = portico_with(folder.path(), &["check", "-"], b"");
    assert_eq!(ran.code, 2);
    let ran = portico_with(folder.path(), &["check", "-"], &vec![b'#'; (64 << 20) + 1]);
    assert_eq!(ran.code, 2);
    assert!(ran.out.contains("larger than 64 MiB"), "{}", ran.out);
    let ran = portico_with(folder.path(), &["check", "-"], b"\xff");
    assert_eq!(ran.code, 2);
    assert!(ran.out.contains("not UTF-8"), "{}", ran.out);
    assert_eq!(portico(folder.path(), &["check", "./-"]).code, 2, "a file named so");
}

#[test]
fn the_proxies_that_an_install_trusts_count() {
    let front_door = FRONT_DOOR.replace("spec: {", "spec: {trustedHeaders: Forwarded, ");
    let files = [("ep.yaml", front_door.as_str())];
    let alone = check(&files, &[]).out;
    assert!(alone.contains("warning[NoEffect]: spec.trustedHeaders: "), "{alone}");
    let behind = check(&files, &["--trusted-proxy=10.0.0.0/8"]).out;
    assert!(!behind.contains("NoEffect"), "{behind}");
}

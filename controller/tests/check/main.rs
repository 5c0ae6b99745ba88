//! `portico check` and `portico crds` as users run them.
#![allow(clippy::panic, clippy::unwrap_used)]

#[path = "../binary/mod.rs"]
mod binary;
mod exit_codes;
mod hints;
mod places;
mod syntax;
mod tries;

use binary::{Ran, portico_with};
use serde_json::{Value, json};
use std::{fs, path::Path};

const FRONT_DOOR: &str = "
apiVersion: portico.dev/v1alpha1
kind: FrontDoor
metadata: {name: ep, namespace: web}
spec: {hosts: [{name: www.ep.com}]}
";

const ROUTE: &str = "
apiVersion: portico.dev/v1alpha1
kind: Route
metadata: {name: home, namespace: web}
spec:
  frontDoorRef: {name: ep}
  matches: [{path: /home}]
  respond: {status: 404}
";

fn portico(folder: &Path, args: &[&str]) -> Ran {
    portico_with(folder, args, b"")
}

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

fn check(files: &[(&str, &str)], args: &[&str]) -> Ran {
    portico(folder(files).path(), &[&["check", "."], args].concat())
}

fn json(files: &[(&str, &str)]) -> (i32, Value) {
    let ran = check(files, &["-o", "json"]);
    (ran.code, serde_json::from_str(&ran.out).unwrap())
}

/// Every problem of a report: of objects, of files and of the input as a whole.
fn problems(report: &Value) -> Vec<&Value> {
    let lists = ["objects", "files"].iter().flat_map(|list| report[list].as_array().unwrap());
    lists.chain([report]).flat_map(|it| it["problems"].as_array().unwrap()).collect()
}

#[test]
fn good_manifests_are_0() {
    let ran = check(&[("ep.yaml", FRONT_DOOR), ("routes/home.yml", ROUTE)], &[]);
    assert_eq!(ran.code, 0, "{}", ran.out);
    assert!(ran.out.contains("FrontDoor web/ep  ./ep.yaml:2\n  Accepted: True\n"));
    assert!(ran.out.contains("Route web/home  ./routes/home.yml:2\n"), "{}", ran.out);
    assert!(ran.out.ends_with("\n1 FrontDoor, 1 Route; 2 files read\n"), "{}", ran.out);
    assert!(!ran.out.contains('\x1b'), "colours only on a terminal");
}

#[test]
fn an_object_that_is_not_accepted_is_1() {
    let typo = ROUTE.replace("matches:", "match:");
    let (code, report) = json(&[("ep.yaml", FRONT_DOOR), ("home.yaml", &typo)]);
    assert_eq!(code, 1);
    assert_eq!(report["files"], json!([]));
    let objects = report["objects"].as_array().unwrap();
    let ids: Vec<_> = objects.iter().map(|o| (&o["kind"], &o["namespace"], &o["name"])).collect();
    let expected = [
        (json!("FrontDoor"), json!("web"), json!("ep")),
        (json!("Route"), json!("web"), json!("home")),
    ];
    assert_eq!(ids, expected.each_ref().map(|(kind, namespace, name)| (kind, namespace, name)));
    let accepted = &objects[1]["conditions"][0];
    assert_eq!(accepted["type"], "Accepted");
    assert_eq!(accepted["status"], "False");
    assert_eq!(accepted["reason"], "Invalid");
    let problem = &objects[1]["problems"][0];
    assert_eq!(problem["severity"], "Error");
    assert_eq!(problem["field"], "spec.match");
    assert_eq!(problem["reason"], "Invalid");
    assert!(problem["message"].as_str().unwrap().len() > 5, "{problem}");
    let text = check(&[("ep.yaml", FRONT_DOOR), ("home.yaml", &typo)], &[]).out;
    assert!(text.contains("  Accepted: False (Invalid)\n"), "{text}");
    assert!(text.contains("error[Invalid]: spec.match: "), "{text}");
    assert!(text.contains("1 not accepted"), "{text}");
}

#[test]
fn one_object_in_two_files_is_refused_and_both_are_named() {
    let other = ROUTE.replace("404", "410");
    let (code, report) = json(&[("a.yaml", FRONT_DOOR), ("b.yaml", ROUTE), ("c.yaml", &other)]);
    assert_eq!(code, 1);
    let problem = &report["objects"][1]["problems"][0];
    assert_eq!(problem["reason"], "DuplicateObject");
    let message = problem["message"].as_str().unwrap();
    assert!(message.contains("./b.yaml") && message.contains("./c.yaml"), "{message}");
}

#[test]
fn one_object_in_two_files_is_a_warning_if_both_are_the_same() {
    let secret = "{apiVersion: v1, kind: Secret, metadata: {name: s}}";
    let copied = [FRONT_DOOR, "---", ROUTE, "---\n", secret].concat();
    let files = [("shop.yaml", copied.as_str()), ("shop-backup.yaml", &copied)];
    let (code, report) = json(&files);
    assert_eq!(code, 0, "{report}");
    for object in report["objects"].as_array().unwrap() {
        assert_eq!(object["conditions"][0]["status"], "True");
        let problem = &object["problems"][0];
        assert_eq!(
            (&problem["severity"], &problem["reason"]),
            (&json!("Warning"), &json!("DuplicateObject"))
        );
        let message = problem["message"].as_str().unwrap();
        assert!(
            message.contains("./shop.yaml") && message.contains("./shop-backup.yaml"),
            "{message}"
        );
    }
    assert_eq!(report["files"][0]["problems"][0]["severity"], "Warning");
    let text = check(&files, &[]).out;
    assert!(text.contains("warning: Secret default/s is ignored: "), "{text}");
}

#[test]
fn an_object_that_holds_its_place_says_so() {
    let typo = ROUTE.replace("respond:", "timeout: 1s\n  respond:");
    let text = check(&[("ep.yaml", FRONT_DOOR), ("home.yaml", &typo)], &[]).out;
    assert_eq!(text.matches("  until it is accepted, its requests get 503\n").count(), 1, "{text}");
}

#[test]
fn a_duplicate_key_is_refused() {
    let twice = ROUTE.replace("respond:", "hosts: []\n  hosts: [www.ep.com]\n  respond:");
    let (code, report) = json(&[("a.yaml", FRONT_DOOR), ("b.yaml", &twice)]);
    assert_eq!(code, 1);
    let problem = &report["objects"][1]["problems"][0];
    assert_eq!(problem["reason"], "DuplicateField");
    assert_eq!(problem["field"], "spec.hosts");
    assert!(problem["message"].as_str().unwrap().contains("line 9"), "{problem}");
}

#[test]
fn what_has_no_object_is_said_of_its_file() {
    let unknown = ROUTE.replace("v1alpha1", "v7");
    let (code, report) = json(&[("a.yaml", FRONT_DOOR), ("b.yaml", &unknown)]);
    assert_eq!(code, 1);
    assert_eq!(report["objects"].as_array().unwrap().len(), 1);
    assert_eq!(report["files"][0]["path"], "./b.yaml");
    assert_eq!(report["files"][0]["problems"][0]["document"], 1);
    let message = report["files"][0]["problems"][0]["message"].as_str().unwrap();
    assert!(message.contains("portico.dev/v7") && message.contains("v1alpha1"), "{message}");
}

#[test]
fn what_can_not_be_read_is_2() {
    let files = [("a.yaml", FRONT_DOOR), ("b.yaml", "a: [\n"), ("c.json", "{\"a\": \u{1}}")];
    let ran = check(&files, &[]);
    assert_eq!(ran.code, 2, "{}", ran.out);
    assert!(ran.out.contains("./b.yaml\nerror: can't be parsed: "), "{}", ran.out);
    assert!(ran.out.contains("./c.json\nerror: can't be parsed: "), "{}", ran.out);
    assert!(ran.out.contains("FrontDoor web/ep"), "the other files still count: {}", ran.out);
    let folder = folder(&[]);
    let ran = portico(folder.path(), &["check", "nowhere"]);
    assert_eq!((ran.code, ran.out.as_str()), (2, ""));
    assert_eq!(ran.err, "portico: nowhere: No such file or directory (os error 2)\n");
    assert_eq!(portico(folder.path(), &["check"]).code, 2);
}

#[test]
fn endpoints_of_old_get_a_hint() {
    let old = "apiVersion: v1\nkind: Endpoints\nmetadata: {name: app, namespace: web}\n";
    let (code, report) = json(&[("a.yaml", FRONT_DOOR), ("b.yaml", old)]);
    assert_eq!(code, 0, "{report}");
    let problem = &report["files"][0]["problems"][0];
    assert_eq!(problem["severity"], "Warning");
    let message = problem["message"].as_str().unwrap();
    assert!(
        message.contains("EndpointSlice") && message.contains("service-name: app"),
        "{message}"
    );
}

#[test]
fn hosts_are_those_that_are_claimed() {
    let folder = folder(&[("a.yaml", FRONT_DOOR)]);
    let check = |claims: &str| {
        let ran = portico(folder.path(), &["check", ".", "--host-claims", claims]);
        (ran.code, ran.out)
    };
    let (code, out) = check("web=*");
    assert_eq!(code, 0, "{out}");
    let (code, out) = check("shop=*");
    assert_eq!(code, 1, "{out}");
    for part in ["HostNotClaimed", "--host-claims", "have the install add web="] {
        assert!(out.contains(part), "{part} in {out}");
    }
}

#[test]
fn many_errors_in_one_object_are_cut_short() {
    let wrong: String = (0..3000).map(|number| format!("  wrong{number}: 1\n")).collect();
    let origins = "1, ".repeat(20_000);
    let many = format!(
        "apiVersion: portico.dev/v1alpha1\nkind: FrontDoor\nmetadata: {{name: ep, namespace: web}}\n\
         spec:\n  hosts: [{{name: a.example}}]\n  cors: {{allowOrigins: [{origins}]}}\n{wrong}"
    );
    let begin = std::time::Instant::now();
    let (code, report) = json(&[("a.yaml", &many)]);
    assert_eq!(code, 1);
    let problems = report["objects"][0]["problems"].as_array().unwrap();
    assert_eq!(problems.len(), 101);
    let said =
        |problem: &Value| problem["message"].as_str().unwrap().contains("more than 100 errors");
    assert!(problems.iter().any(said));
    assert!(begin.elapsed().as_secs() < 20, "{:?}", begin.elapsed());
}

#[test]
fn crds_are_what_kubectl_takes() {
    let folder = folder(&[]);
    let ran = portico(folder.path(), &["crds"]);
    assert_eq!(ran.code, 0);
    let documents: Vec<Value> = serde_saphyr::from_multiple(&ran.out).unwrap();
    let names: Vec<_> = documents.iter().map(|crd| &crd["metadata"]["name"]).collect();
    assert_eq!(names, ["frontdoors.portico.dev", "routes.portico.dev"]);
    let typed = serde_json::to_value(portico_crds::crds()).unwrap();
    assert_eq!(Value::Array(documents), typed);
}

#[test]
fn every_example_is_accepted_and_resolves() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples");
    let mut folders = 0;
    for entry in fs::read_dir(&examples).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if name == "ingress" {
            continue; // For `portico import`, whose tests check what becomes of it.
        }
        let ran = portico(&examples, &["check", "--strict", "-o", "json", &name]);
        assert_eq!(ran.code, 0, "{name}: {}{}", ran.out, ran.err);
        let report: Value = serde_json::from_str(&ran.out).unwrap();
        for object in report["objects"].as_array().unwrap() {
            assert_eq!(object["problems"], json!([]), "{name}: {object}");
        }
        folders += 1;
    }
    assert_eq!(folders, 2);
}

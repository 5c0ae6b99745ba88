//! The command line: invalid flags and invalid files.

use crate::{FRONT_DOOR, explain, field, forward, told};
use std::{fs, process::Command};

#[test]
fn what_can_not_be_read_is_2_and_the_rest_is_explained() {
    let manifests = [FRONT_DOOR, &forward("a", "{path: /a}", "")].concat();
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.yaml"), manifests).unwrap();
    fs::write(folder.path().join("b.yaml"), "a: [\n").unwrap();
    let run = |args: &[&str]| {
        let mut portico = Command::new(env!("CARGO_BIN_EXE_portico"));
        portico.current_dir(folder.path()).arg("explain").args(args).output().unwrap()
    };
    let output = run(&[".", "--url", "http://www.ep.com/a"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(text.contains("web/a") && text.contains("./b.yaml"), "{text}");
    assert!(text.contains("can't be parsed: "), "{text}");
    assert_eq!(run(&["nowhere", "--url", "http://www.ep.com/a"]).status.code(), Some(2));
}

#[test]
fn a_bad_flag_is_2_and_says_what_a_good_one_is() {
    for (args, way_out) in [
        (&[][..], "--url <URL>"),
        (&["--url", "/sales"], "http://localhost:8080/sales/report"),
        (&["--url", "ftp://a/"], "http or https"),
        (&["--url", "http://me@a/"], "user name"),
        (&["--url", "http://a:99999/x"], "up to 65535"),
        (&["--url", "http://a/", "--method", "G T"], "GET, POST"),
        (&["--url", "http://a/", "--method", "CONNECT"], "405"),
        (&["--url", "http://a/", "--header", "x"], "x-tenant: blue"),
        (&["--url", "http://a/", "--header", "a b: c"], "the name is not a header name"),
        (&["--url", "http://a/", "--header", "a: b\u{7}"], "not allowed in a header"),
        (&["--url", "http://a/", "--header", "Host: b"], "--url"),
        (&["--url", "http://a/", "-X", "G T"], "GET, POST"),
        (&["--url", "http://a/", "-H", "x"], "x-tenant: blue"),
        (&["--url", "http://a/", "-H", "Origin: b"], "write https://b"),
        (
            &["--url", "http://a/", "-H", "Origin: https://b", "--origin", "https://c"],
            "\"https://b\" is a second one",
        ),
        (&["--url", "http://a/", "--origin", "https://a.example/"], "https://a.example"),
        (&["--url", "http://a/", "--origin", "app.example.com"], "write https://app.example.com"),
        (&["--url", "http://a/", "--origin", "*"], "a page has exactly one origin"),
        (&["--url", "http://a/", "--origin", "https://*.example"], "a page has exactly one origin"),
    ] {
        let ran = explain(FRONT_DOOR, args);
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{args:?}");
        assert!(ran.err.contains(way_out), "{args:?}: {}", ran.err);
    }
}

#[test]
fn a_request_can_be_given_as_to_curl() {
    let manifests = [FRONT_DOOR, &forward("a", "{path: /a}", "")].concat();
    let told = |args: &[&str]| told(&manifests, "http://www.ep.com/a", args);
    let long = ["--method", "PUT", "--header", "x-a: 1", "--origin", "https://app.example.com"];
    for short in [
        &["-X", "PUT", "-H", "x-a: 1", "-H", "Origin: https://app.example.com"][..],
        &["-XPUT", "-Hx-a:1", "--origin", "https://app.example.com"],
        &["--request", "PUT", "-H", "X-A: 1", "-H", "origin: https://app.example.com", "-H", "b:"],
    ] {
        assert_eq!(told(short), told(&long), "{short:?}");
    }
    let headers = &told(&["-H", "x-none:", "-H", "x-empty;"])["request"]["headers"];
    assert_eq!((field(headers, "x-none"), field(headers, "x-empty")), (None, Some("")));
}

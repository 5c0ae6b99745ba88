//! The command line: invalid flags and invalid files.

use crate::{FRONT_DOOR, explain, forward};
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
    assert!(text.contains("web/a") && text.contains("./b.yaml: can't be parsed: "), "{text}");
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
        (&["--url", "http://a/", "--header", "a b: c"], "that is not a header name"),
        (&["--url", "http://a/", "--header", "a: b\u{7}"], "no header may have"),
        (&["--url", "http://a/", "--header", "Host: b"], "--url"),
        (&["--url", "http://a/", "--header", "Origin: b"], "--origin"),
        (&["--url", "http://a/", "--origin", "https://a.example/"], "https://a.example"),
        (&["--url", "http://a/", "--origin", "app.example.com"], "write https://app.example.com"),
        (&["--url", "http://a/", "--origin", "*"], "a page has one origin"),
        (&["--url", "http://a/", "--origin", "https://*.example"], "a page has one origin"),
    ] {
        let ran = explain(FRONT_DOOR, args);
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{args:?}");
        assert!(ran.err.contains(way_out), "{args:?}: {}", ran.err);
    }
}

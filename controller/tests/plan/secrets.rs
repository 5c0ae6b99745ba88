//! Recordings hold tokens and personal data. None of it goes into any output.

use super::{bytes, entry, log, portico, preflight};
use serde_json::{Value, json};
use std::{fs, path::Path};

const SECRET: &str = "hunter2";

/// A recording with a secret wherever there may be one.
fn recording() -> Value {
    let field = |name: &str, value: &str| json!({"name": name, "value": value});
    let url = "https://user:hunter2@api.ep.com/users/7?hunter2=hunter2&q=hunter2#hunter2";
    let mut call = entry("PUT", url, 61, 60);
    call["connection"] = json!("hunter2");
    call["comment"] = json!("hunter2");
    call["serverIPAddress"] = json!("hunter2");
    call["request"]["headers"].as_array_mut().unwrap().extend([
        field("Authorization", "Bearer hunter2"),
        field("Cookie", "hunter2=hunter2"),
        field("X-Key", "hunter2"),
        field("Content-Type", "application/json; v=hunter2"),
        field("Referer", "https://www.ep.com/?hunter2"),
        field(":path", "/hunter2"),
    ]);
    call["request"]["cookies"] = json!([{"name": "hunter2", "value": "hunter2"}]);
    call["request"]["queryString"] = json!([field("hunter2", "hunter2")]);
    call["request"]["postData"] =
        json!({"mimeType": "hunter2", "text": "hunter2", "params": [field("hunter2", "hunter2")]});
    call["response"]["statusText"] = json!("hunter2");
    call["response"]["headers"] = json!([
        field("Set-Cookie", "hunter2=hunter2; Domain=hunter2.ep.com"),
        field("Location", "https://hunter2.ep.com/hunter2?hunter2"),
        field("Access-Control-Allow-Origin", "https://hunter2.example"),
        field("Access-Control-Allow-Credentials", "true"),
    ]);
    call["response"]["status"] = json!(302);
    call["response"]["redirectURL"] = json!("https://hunter2.ep.com/hunter2?hunter2");
    call["response"]["content"] = json!({"mimeType": "text/hunter2", "text": "https://api.ep.com/hunter2 https://hunter2.example"});
    let mut page = entry("GET", "https://www.ep.com/?hunter2", 0, 10);
    page["_resourceType"] = json!("document");
    page["response"]["headers"] =
        json!([field("Content-Security-Policy", "connect-src https://hunter2.example")]);
    let mut ask = preflight("PUT", "x-key,content-type", url, 0, 60);
    ask["request"]["headers"].as_array_mut().unwrap().push(field("X", "hunter2"));
    let mut other = preflight("hunter2", "", "https://api.ep.com/b", 0, 60);
    other["response"]["headers"] = json!([field("Access-Control-Allow-Methods", "hunter2")]);
    let mut odd = entry("hunter2", "hunter2 is no url", 0, 10);
    odd["startedDateTime"] = json!("hunter2");
    let twice = json!({"request": "hunter2", "response": ["hunter2"], "time": "hunter2"});
    let mut log = log(&[page, ask, call, other, odd, twice]);
    log["log"]["creator"]["name"] = json!("hunter2");
    log["log"]["comment"] = json!("hunter2");
    log["log"]["pages"] = json!([{"id": "hunter2", "title": "hunter2"}]);
    log
}

fn assert_clean(what: &str, text: &str) {
    let at = text.find(SECRET).map(|at| &text[at.saturating_sub(60)..(at + 40).min(text.len())]);
    assert_eq!(at, None, "{what}");
}

#[test]
fn no_output_has_a_secret() {
    let folder = tempfile::tempdir().unwrap();
    let text = String::from_utf8(bytes(&recording())).unwrap();
    // And an entry that is not JSON, and one that does not end.
    let odd = r#""time":"hunter2"}, {"hunter2": hunter2}, {"hunter2": "hunter2"#;
    let text = text.replace(r#""time":"hunter2"}]"#, odd);
    assert!(text.contains(odd), "{text}");
    fs::write(folder.path().join("site.har"), text).unwrap();
    for output in ["text", "json", "yaml"] {
        let args = ["plan", "site.har", "-o", output, "--out", output, "--html", "page.html"];
        let ran = portico(folder.path(), &args);
        assert_eq!((ran.code, ran.err.as_str()), (0, ""));
        assert!(ran.out.contains("api.ep.com"), "{}", ran.out);
        assert_clean(output, &ran.out);
    }
    let mut files = 0;
    let mut folders = vec![folder.path().to_owned()];
    while let Some(folder) = folders.pop() {
        for found in fs::read_dir(folder).unwrap() {
            let path = found.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension() != Some("har".as_ref()) {
                assert_clean(&path.display().to_string(), &fs::read_to_string(&path).unwrap());
                files += 1;
            }
        }
    }
    assert!(files > 3, "{files}");
}

#[test]
fn no_error_has_a_secret() {
    let folder = tempfile::tempdir().unwrap();
    for text in [
        "{\"hunter2\": 1}",
        "{\"log\": \"hunter2\"}",
        "{\"log\": {\"entries\": {\"hunter2\": 1}}}",
        "hunter2",
        "{\"log\": {\"entries\": [{\"hunter2\": \"hunter2",
    ] {
        fs::write(folder.path().join("site.har"), text).unwrap();
        let ran = portico(folder.path(), &["plan", "site.har"]);
        assert_eq!((ran.code, ran.out.as_str()), (2, ""));
        assert_clean(text, &ran.err);
    }
}

#[test]
fn the_secrets_of_the_recorders_forms_are_kept() {
    let recorders = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/plan/recorders");
    let mut count = 0;
    for file in fs::read_dir(recorders).unwrap() {
        let path = file.unwrap().path().display().to_string();
        let folder = tempfile::tempdir().unwrap();
        for output in ["text", "json", "yaml"] {
            let ran = portico(folder.path(), &["plan", &path, "-o", output]);
            assert_eq!(ran.code, 0, "{}", ran.err);
            assert!(!ran.out.contains("secret-"), "{path}: {}", ran.out);
            count += 1;
        }
    }
    assert_eq!(count, 21);
}

//! Recordings that are damaged, hostile or none.

use super::{bytes, entry, log, plan, portico, portico_with, preflight};
use serde_json::json;
use std::{
    fmt::Write as _,
    fs,
    io::Write as _,
    process::{Command, Stdio},
};

fn refused(recording: &[u8]) -> String {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("site.har"), recording).unwrap();
    let ran = portico(folder.path(), &["plan", "site.har"]);
    assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{}", ran.err);
    ran.err
}

#[test]
fn what_is_no_recording_is_refused() {
    for (recording, part) in [
        (&b""[..], "portico: site.har: is empty"),
        (b"<html></html>", "at byte 0 there should be an object"),
        (b"{\"log\": {\"entries\": [{\"req", "ends at byte 26, before the first entry"),
        (b"{\"log\": {}}", "has no entries in log.entries"),
        (b"\xff\xfe{\0\"\0", "iconv -f UTF-16"),
        (b"\x1f\x8b\x08\x00", "is packed with gzip"),
    ] {
        let error = refused(recording);
        assert!(error.contains(part), "{part}: {error}");
    }
    let folder = tempfile::tempdir().unwrap();
    let ran = portico(folder.path(), &["plan", "nowhere.har"]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.starts_with("portico: nowhere.har: No such file"), "{}", ran.err);
}

#[test]
fn what_is_left_of_a_damaged_recording_is_used() {
    let url = "https://api.ep.com/a";
    let mut whole = bytes(&log(&[preflight("PUT", "", url, 0, 60), entry("PUT", url, 61, 60)]));
    whole.truncate(whole.len() - 20);
    let cut = plan(&whole);
    assert_eq!(cut["total"]["preflights"], 1);
    let why = format!("left out: the file ends at byte {}, before its end", whole.len());
    assert_eq!(cut["skipped"], json!([{"entry": 2, "why": why}]));

    let text = String::from_utf8(bytes(&log(&[
        preflight("PUT", "", url, 0, 60),
        json!("NAN"),
        entry("PUT", url, 61, 60),
    ])))
    .unwrap()
    .replace("\"NAN\"", "{\"time\": NaN}");
    let plan = plan(text.as_bytes());
    assert_eq!(plan["total"]["milliseconds"], 60.0);
    assert_eq!(plan["skipped"][0]["entry"], 2);
    let why = plan["skipped"][0]["why"].as_str().unwrap();
    let at = text.find("{\"time\": NaN}").unwrap();
    assert_eq!(why, format!("left out: not JSON, in the entry at byte {at}"));
}

#[test]
fn times_that_are_none_are_said() {
    let url = "https://api.ep.com/a";
    let mut negative = entry("GET", url, 0, 60);
    negative["time"] = json!(-5);
    let mut undated = entry("GET", url, 0, 60);
    undated["startedDateTime"] = json!("yesterday");
    let mut relative = entry("GET", url, 0, 60);
    relative["request"]["url"] = json!("/a");
    let mut local = entry("GET", url, 0, 60);
    local["request"]["url"] = json!("data:text/plain,x");
    let plan = plan(&bytes(&log(&[negative, undated, relative, local])));
    assert_eq!(
        plan["skipped"],
        json!([
            {"entry": 1, "why": "counted, but as if it took no time: its time is negative"},
            {"entry": 2, "why": "counted but not timed: startedDateTime is missing or not a date"},
            {"entry": 3, "why": "left out: its request.url is not an absolute URL"},
        ])
    );
    assert_eq!(plan["pages"][0]["calls"], 2);
}

#[test]
fn a_byte_order_mark_is_no_obstacle() {
    let recording = bytes(&log(&[entry("GET", "https://api.ep.com/a", 0, 5)]));
    let plan = plan(&[&b"\xef\xbb\xbf"[..], &recording].concat());
    assert_eq!(plan["pages"][0]["crossOrigin"], 1);
}

#[test]
fn a_million_entries_and_deep_ones_are_bounded() {
    let deep = format!("{{\"x\": {}1{}}}", "[".repeat(200_000), "]".repeat(200_000));
    let mut text = format!("{{\"log\": {{\"entries\": [{deep}");
    for number in 0..1_000_000 {
        write!(text, ",{{\"request\":{{\"url\":\"https://h{number}.ep.com/{number}\"}}}}").unwrap();
    }
    text.push_str("]}}");
    let folder = tempfile::tempdir().unwrap();
    let ran = portico_with(folder.path(), &["plan", "-", "-o", "json"], text.as_bytes());
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    let plan: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    let skipped = plan["skipped"].as_array().unwrap();
    assert!(skipped.len() <= 1001, "{}", skipped.len());
}

/// Bodies are most of a recording. The peak is read when all but the end has been written.
#[cfg(target_os = "linux")]
#[test]
fn memory_does_not_grow_with_the_recording() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_portico"))
        .args(["plan", "-", "-o", "json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(b"{\"log\": {\"entries\": [{}").unwrap();
    let body = "iVBORw0KGgo".repeat(1_000_000);
    for number in 0..12 {
        let mut entry = entry("GET", "https://api.ep.com/a", number, 5);
        entry["response"]["content"]["text"] = json!(body);
        stdin.write_all(b",").unwrap();
        stdin.write_all(&bytes(&entry)).unwrap();
    }
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let kib: usize = peak.trim().trim_end_matches(" kB").parse().unwrap();
    stdin.write_all(b"]}}").unwrap();
    drop(stdin);
    assert!(child.wait().unwrap().success());
    assert!(kib < 100 * 1024, "{kib} KiB for {} bytes", 12 * body.len());
}

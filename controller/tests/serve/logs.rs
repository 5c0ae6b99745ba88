//! The access log and the metrics of the process.

use crate::{Serve, command, exchange, folder, line_with};
use std::{
    io::{BufReader, Read},
    process::Stdio,
};

/// What it has printed since it started to serve, until SIGTERM ended it.
fn printed(mut serve: Serve) -> Vec<String> {
    serve.signal("-TERM");
    let mut printed = String::new();
    serve.log.read_to_string(&mut printed).unwrap();
    assert!(serve.ended().success());
    printed.lines().map(str::to_owned).collect()
}

#[test]
fn requests_are_logged_as_the_flag_says_and_none_is_lost_at_the_end() {
    let folder = folder();
    let text: fn(&str) -> bool = |line| line.contains("INFO access: route=\"default/home\"");
    let json: fn(&str) -> bool =
        |line| line.starts_with("{\"timestamp\":") && line.ends_with("\"target\":\"access\"}");
    let combined: fn(&str) -> bool = |line| {
        line.starts_with("127.0.0.1 - - [")
            && line.ends_with(" +0000] \"GET /a HTTP/1.1\" 200 5 \"http://x/b\" \"tester\\x22\"")
    };
    for (flags, is_line, count) in [
        (&[][..], text, 3),
        (&["--log-format=json"], json, 3),
        (&["--access-log=text", "--log-format=json"], text, 3),
        (&["--access-log=json"], json, 3),
        (&["--access-log=combined"], combined, 3),
        (&["--access-log=off"], text, 0),
    ] {
        let serve = Serve::start_logging(folder.path(), flags, "info");
        for _ in 0..3 {
            let head = "GET /a?secret HTTP/1.1\r\nHost: x\r\nReferer: http://x/b?secret\r\nUser-Agent: tester\"\r\nConnection: close\r\n\r\n";
            assert!(exchange(serve.http, head).starts_with("HTTP/1.1 200 "));
        }
        let printed = printed(serve);
        let lines = printed.iter().filter(|line| is_line(line)).count();
        assert_eq!(lines, count, "{flags:?}: {printed:#?}");
        assert!(!printed.concat().contains("secret"), "{printed:#?}");
    }
}

#[test]
fn the_metrics_tell_the_build_and_the_process() {
    let folder = folder();
    let serve = Serve::start(folder.path(), &[]);
    let metrics = serve.get("/metrics");
    let version = env!("CARGO_PKG_VERSION");
    assert!(metrics.contains(&format!("\nportico_build_info{{version=\"{version}\",commit=\"")));
    let names = metrics.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    let names = Vec::from_iter(names.filter_map(|name| name.split(' ').next()));
    if cfg!(target_os = "linux") {
        for name in ["process_cpu_seconds_total", "process_open_fds", "process_start_time_seconds"]
        {
            assert_eq!(names.iter().filter(|one| **one == name).count(), 1, "{metrics}");
        }
    }
}

#[test]
fn the_log_is_json_where_that_is_asked_for() {
    let folder = folder();
    let output = command(folder.path(), &["--log-format=json"]).stdout(Stdio::piped()).spawn();
    let mut child = output.unwrap();
    // Before it, there is a warning.
    let line = line_with(&mut BufReader::new(child.stdout.take().unwrap()), "generation");
    child.kill().unwrap();
    child.wait().unwrap();
    let line: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(line["level"], "INFO");
    assert_eq!(line["message"], "table published");
    assert_eq!(line["generation"], 1);
}

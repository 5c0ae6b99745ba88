//! Asks Go.

use crate::Row;
use portico_tests::root;
use std::{
    env,
    io::{BufRead, BufReader, BufWriter, Write},
    process::{Command, Stdio},
    thread,
};

/// What Go's regexp makes of patterns; `None` where there is no Go, which in CI is a failure.
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
pub(crate) fn answers(rows: Vec<Row>) -> Option<Vec<Row>> {
    let path = env::var_os("PATH").unwrap_or_default();
    if !env::split_paths(&path).any(|folder| folder.join("go").is_file()) {
        assert!(env::var_os("CI").is_none(), "no go: apt-get install golang-go");
        eprintln!("skipped, no go: https://go.dev/dl");
        return None;
    }
    let mut go = Command::new(root().join("tests/kind/tools/go").canonicalize().unwrap())
        .args(["run", "."])
        .current_dir(root().join("tests/re2/go"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut to_go = BufWriter::new(go.stdin.take().unwrap());
    let writer = thread::spawn(move || {
        for row in rows {
            serde_json::to_writer(&mut to_go, &row).unwrap();
            to_go.write_all(b"\n").unwrap();
        }
        to_go.flush().unwrap();
    });
    let from_go = BufReader::new(go.stdout.take().unwrap());
    let rows = from_go.lines().map(|line| serde_json::from_str(&line.unwrap()).unwrap()).collect();
    writer.join().unwrap();
    assert!(go.wait().unwrap().success());
    Some(rows)
}

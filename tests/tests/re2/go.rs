//! Asks Go.

use crate::Row;
use portico_tests::binary::{self, is_here};
use std::{
    io::{BufRead, BufReader, BufWriter, Write},
    thread,
};

/// What Go's regexp makes of patterns; `None` where there is no Go, which in CI is a failure.
pub(crate) fn answers(rows: Vec<Row>) -> Option<Vec<Row>> {
    if !is_here("go", "golang-go") {
        return None;
    }
    let mut go = binary::go("re2/go").unwrap().spawn().unwrap();
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

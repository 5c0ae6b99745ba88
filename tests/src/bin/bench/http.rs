//! As much of HTTP as the benchmark's own clients and servers need.

use anyhow::{Result, ensure};
use std::io::BufRead;

/// The first line and Content-Length of a message; `None` at the connection's end.
pub(crate) fn read_head(input: &mut impl BufRead) -> Result<Option<(String, usize)>> {
    let mut first = String::new();
    if input.read_line(&mut first)? == 0 {
        return Ok(None);
    }
    let mut length = 0;
    loop {
        let mut line = String::new();
        ensure!(input.read_line(&mut line)? > 0, "the connection ended within a head");
        let Some((name, value)) = line.split_once(':') else { break };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse()?;
        }
    }
    Ok(Some((first, length)))
}

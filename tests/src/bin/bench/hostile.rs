//! What it takes to deny a preflight that is made to be dear.

use crate::{
    finding::Finding,
    http::read_head,
    nginx,
    portico::{self, Portico},
    process::Cores,
    scenario::ORIGIN,
};
use anyhow::{Context, Result, ensure};
use std::{
    io::{BufReader, Read, Write},
    net::TcpStream,
    time::Instant,
};

/// How large the list of headers is that the preflight asks for.
const ASKED: usize = 16 * 1024;
/// How often it is sent.
const TIMES: usize = 1_000;

/// The time from sending to the last byte of the answer, of lists of each shape.
pub(crate) fn measure(cores: &Cores) -> Result<Vec<Finding>> {
    let folder = tempfile::tempdir()?;
    let backend = nginx::backend(folder.path(), cores)?;
    let manifests = portico::manifests(1, true, backend.port());
    let portico = Portico::start(folder.path(), cores, &manifests, 1)?;
    let shapes = [
        ("16 KiB of names, denied in", "a,"),
        ("16 KiB of commas, denied in", ","),
        ("16 KiB of spaces, denied in", " \t"),
        ("16 KiB of one name, denied in", "x"),
    ];
    let port = portico.server.port();
    shapes.into_iter().map(|(what, shape)| denial(port, what, shape)).collect()
}

fn denial(port: u16, what: &'static str, shape: &str) -> Result<Finding> {
    // Not white space at either end, which belongs to no field's value.
    let asked = format!("x{}x", shape.repeat(ASKED / shape.len()));
    let request = format!(
        "OPTIONS /route-0/small HTTP/1.1\r\nHost: localhost\r\nOrigin: {ORIGIN}\r\n\
         Access-Control-Request-Method: PUT\r\nAccess-Control-Request-Headers: {asked}\r\n\r\n"
    );
    let mut output = TcpStream::connect(("127.0.0.1", port))?;
    output.set_nodelay(true)?;
    let mut input = BufReader::new(output.try_clone()?);
    let mut times = Vec::with_capacity(TIMES);
    for _ in 0..TIMES {
        let sent = Instant::now();
        output.write_all(request.as_bytes())?;
        let (status, length) = read_head(&mut input)?.context("no answer")?;
        input.read_exact(&mut vec![0; length])?;
        times.push(sent.elapsed());
        ensure!(status.contains(" 403 "), "a hostile preflight was answered {status}");
    }
    times.sort();
    let median = times.get(TIMES / 2).context("nothing was measured")?;
    Ok(Finding { what, value: median.as_secs_f64() * 1000.0, unit: "ms", limit: Some(1.0) })
}

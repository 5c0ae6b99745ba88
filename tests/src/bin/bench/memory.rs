//! What memory Portico takes: large bodies are streamed, and a large table is small.

use crate::{
    finding::Finding,
    http::read_head,
    peer::{
        nginx,
        portico::{self, Portico},
    },
    process::{Cores, Server},
};
use anyhow::{Context, Result, ensure};
use std::{
    io::{BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    thread,
    time::Duration,
};

const MIB: f64 = 1024.0 * 1024.0;
const BODY: usize = 50 * 1024 * 1024;
const TABLE_ROUTES: usize = 10_000;
/// What a slow peer takes at a time; it rests for a millisecond after each.
const SIP: usize = 64 * 1024;

/// Every number.
pub(crate) fn measure(cores: &Cores) -> Result<Vec<Finding>> {
    let mut findings = bodies(cores)?;
    findings.extend(table(cores)?);
    Ok(findings)
}

/// 50 MiB from a fast client to a slow backend, then from a fast backend to a slow client.
fn bodies(cores: &Cores) -> Result<Vec<Finding>> {
    let folder = tempfile::tempdir()?;
    let backend = TcpListener::bind(("127.0.0.1", 0))?;
    let port = backend.local_addr()?.port();
    // Ends with the process.
    thread::spawn(move || {
        for stream in backend.incoming().flatten() {
            thread::spawn(move || answer(stream));
        }
    });
    let manifests = portico::manifests(1, false, port);
    let portico = Portico::start(folder.path(), cores, &manifests, 1)?.server;

    upload(&portico)?;
    let (_, after_upload) = portico.memory()?;
    download(&portico)?;
    let (_, after_download) = portico.memory()?;
    let peak = |what: &'static str, bytes: u64| Finding {
        what: what.into(),
        value: bytes as f64 / MIB,
        unit: "MiB",
        limit: Some(150.0),
    };
    Ok(vec![
        peak("peak after 50 MiB up to a slow backend", after_upload),
        peak("peak after 50 MiB down to a slow client", after_download),
    ])
}

/// Serves one connection: takes a POST's body slowly, gives a large answer to `/…/large`.
fn answer(stream: TcpStream) -> Result<()> {
    let mut output = stream.try_clone()?;
    let mut input = BufReader::new(stream);
    while let Some((request_line, length)) = read_head(&mut input)? {
        sip(&mut input, length)?;
        let body = if request_line.contains("/large") { BODY } else { 0 };
        write!(output, "HTTP/1.1 200 OK\r\nContent-Length: {body}\r\n\r\n")?;
        output.write_all(&vec![b'x'; body])?;
    }
    Ok(())
}

fn upload(portico: &Server) -> Result<()> {
    let mut stream = TcpStream::connect(("127.0.0.1", portico.port()))?;
    write!(
        stream,
        "POST /route-0/up HTTP/1.1\r\nHost: localhost\r\nContent-Length: {BODY}\r\n\r\n"
    )?;
    stream.write_all(&vec![b'x'; BODY])?;
    let (status, length) = read_head(&mut BufReader::new(stream))?.context("no answer")?;
    ensure!(status.contains(" 200 ") && length == 0, "the upload was answered {status}");
    Ok(())
}

fn download(portico: &Server) -> Result<()> {
    let mut stream = TcpStream::connect(("127.0.0.1", portico.port()))?;
    write!(stream, "GET /route-0/large HTTP/1.1\r\nHost: localhost\r\n\r\n")?;
    let mut input = BufReader::new(stream);
    let (status, length) = read_head(&mut input)?.context("no answer")?;
    ensure!(status.contains(" 200 ") && length == BODY, "the download was answered {status}");
    sip(&mut input, length)
}

fn sip(input: &mut impl Read, mut length: usize) -> Result<()> {
    let mut buffer = vec![0; SIP];
    while length > 0 {
        let most = length.min(SIP);
        input.read_exact(&mut buffer[..most])?;
        length -= most;
        thread::sleep(Duration::from_millis(1));
    }
    Ok(())
}

/// 10,000 Routes.
fn table(cores: &Cores) -> Result<Vec<Finding>> {
    let folder = tempfile::tempdir()?;
    let backend = nginx::backend(folder.path(), cores)?;
    let manifests = portico::manifests(TABLE_ROUTES, false, backend.port());
    let portico = Portico::start(folder.path(), cores, &manifests, TABLE_ROUTES)?;
    let ready = portico.server.age();
    let (now, _) = portico.server.memory()?;
    let compile = "portico_table_compile_duration_seconds";
    let seconds = portico.metric(&format!("{compile}_sum"))?;
    let compiles = portico.metric(&format!("{compile}_count"))?;
    Ok(vec![
        Finding {
            what: "memory with 10,000 Routes".into(),
            value: now as f64 / MIB,
            unit: "MiB",
            limit: Some(60.0),
        },
        Finding {
            what: "compile of 10,000 Routes".into(),
            value: seconds / compiles * 1000.0,
            unit: "ms",
            limit: Some(100.0),
        },
        Finding {
            what: "from start to serving 10,000 Routes".into(),
            value: ready.as_secs_f64() * 1000.0,
            unit: "ms",
            limit: None,
        },
    ])
}

//! What memory client connections take in each state, and that all of them stay within the budget.

use crate::{
    finding::Finding,
    http::read_head,
    peer::portico::{self, Portico},
    process::{self, Cores},
};
use anyhow::{Context, Result};
use portico_tests::tls::{Authority, Client};
use std::{
    io::{BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    thread,
    time::Duration,
};

/// How many connections are in the same state.
const COUNT: usize = 200;
/// How many of them are idle where they are many.
const IDLE: usize = 10_000;
/// How many open first and close again: what a first request touches, the program's own pages above
/// all, belongs to no connection.
const FIRST: usize = 20;
/// Files that are open beside them.
const BESIDE: usize = 200;
/// Memory that is freed is returned to the system some seconds later.
const REST: Duration = Duration::from_secs(6);

const MIB: f64 = 1024.0 * 1024.0;
const SMALL: &str = "GET /route-0/small HTTP/1.1\r\nHost: localhost\r\n\r\n";
const HELD: &str = "GET /route-0/held HTTP/1.1\r\nHost: localhost\r\n\r\n";
const LARGE: &str = "GET /route-0/large HTTP/1.1\r\nHost: localhost\r\n\r\n";
const UPLOAD: &str =
    "POST /route-0/held HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000000\r\n\r\n";

/// Every number.
pub(crate) fn measure(cores: &Cores) -> Result<Vec<Finding>> {
    let backend = TcpListener::bind(("127.0.0.1", 0))?;
    let port = backend.local_addr()?.port();
    // Ends with the process.
    thread::spawn(move || {
        for stream in backend.incoming().flatten() {
            thread::spawn(move || answer(stream));
        }
    });
    let long = long_head();
    let unfinished = long.trim_end();
    let pipelined = HELD.to_owned() + &SMALL.repeat(2000);
    let upload = UPLOAD.to_owned() + &"x".repeat(8 << 20);
    let kb = |what: &'static str,
              act: &dyn Fn(&mut TcpStream) -> Result<()>,
              limit|
     -> Result<Finding> {
        let value = growth(cores, port, COUNT, &[], act)? / COUNT as f64 / 1000.0;
        Ok(Finding { what: what.into(), value, unit: "kB", limit: Some(limit) })
    };
    let mut findings = vec![
        kb("a connection that sends nothing", &|_| Ok(()), 12.0)?,
        kb("an idle connection", &|stream| ask(stream, SMALL), 12.0)?,
        kb("an idle connection after a head of 57 KB", &|stream| ask(stream, &long), 12.0)?,
        kb("a connection within a head of 57 KB", &|stream| send(stream, unfinished), 69.0)?,
        kb("a connection with pipelined requests", &|stream| send(stream, &pipelined), 40.0)?,
        kb("a connection whose client does not read", &|stream| send(stream, LARGE), 160.0)?,
        kb("a connection whose backend does not read", &|stream| send(stream, &upload), 160.0)?,
    ];
    findings.extend(idle(cores, port)?);
    // Fewer clients that do not read: the kernel holds megabytes for each.
    for (what, count, mib, bytes) in [
        ("3,000 unfinished heads, with a budget of 64 MiB", 3_000, 64, unfinished),
        ("200 clients that do not read, with 8 MiB", COUNT, 8, LARGE),
    ] {
        let flag = format!("--max-memory={mib}MiB");
        let bytes = growth(cores, port, count, &[&flag], &|stream| send(stream, bytes))?;
        let (value, limit) = (bytes / MIB, Some(f64::from(mib)));
        findings.push(Finding { what: what.into(), value, unit: "MiB", limit });
    }
    Ok(findings)
}

/// What each of many idle connections takes, in the clear and over TLS.
fn idle(cores: &Cores, port: u16) -> Result<Vec<Finding>> {
    process::raise_file_limit(IDLE + BESIDE)?;
    // It may take longer than they may be idle otherwise.
    let flags = ["--max-connections=20000", "--idle-timeout=10m"];
    let each = |bytes| bytes / IDLE as f64 / 1000.0;
    let plain = each(growth(cores, port, IDLE, &flags, &|stream| ask(stream, SMALL))?);
    let tls = each(over_tls(cores, port, &flags)?);
    let finding = |what: &'static str, value, limit| Finding {
        what: what.into(),
        value,
        unit: "kB",
        limit: Some(limit),
    };
    Ok(vec![
        finding("one of 10,000 idle connections", plain, 12.0),
        finding("one of 10,000 idle connections over TLS", tls, 32.0),
        // 20 KiB.
        finding("its share for TLS", tls - plain, 20.48),
    ])
}

fn long_head() -> String {
    let field = "x".repeat(57_000);
    format!("GET /route-0/small HTTP/1.1\r\nHost: localhost\r\nX: {field}\r\n\r\n")
}

/// By how many bytes Portico grows with so many connections on which the same has happened.
fn growth(
    cores: &Cores,
    backend: u16,
    count: usize,
    flags: &[&str],
    act: &dyn Fn(&mut TcpStream) -> Result<()>,
) -> Result<f64> {
    let manifests = portico::manifests(1, false, backend);
    growth_with(cores, &manifests, count, flags, &|portico| {
        let mut stream = TcpStream::connect(("127.0.0.1", portico.server.port()))?;
        act(&mut stream)?;
        Ok(stream)
    })
}

/// The same with many idle connections over TLS.
fn over_tls(cores: &Cores, backend: u16, flags: &[&str]) -> Result<f64> {
    let pair = Authority::new("bench")?.issue(&["localhost"])?;
    let manifests = portico::manifests_with_tls(backend, &pair);
    let client = Client::new()?;
    growth_with(cores, &manifests, IDLE, flags, &|portico| {
        let mut stream = client.connect_blocking(portico.https, "localhost")?;
        stream.write_all(SMALL.as_bytes())?;
        let mut answer = [0; 4096];
        anyhow::ensure!(stream.read(&mut answer)? > 0, "no answer");
        Ok(stream)
    })
}

/// The same with whatever opens a connection.
fn growth_with<S>(
    cores: &Cores,
    manifests: &str,
    count: usize,
    flags: &[&str],
    open: &dyn Fn(&Portico) -> Result<S>,
) -> Result<f64> {
    let folder = tempfile::tempdir()?;
    let portico = Portico::start_with(folder.path(), cores, manifests, 1, flags)?;
    let connections = |count| (0..count).map(|_| open(&portico)).collect::<Result<Vec<_>>>();
    drop(connections(FIRST)?);
    thread::sleep(REST);
    let (before, _) = portico.server.memory()?;
    let connections = connections(count)?;
    thread::sleep(REST);
    let (after, _) = portico.server.memory()?;
    drop(connections);
    Ok(after as f64 - before as f64)
}

/// Sends a request and reads its answer.
fn ask(stream: &mut TcpStream, request: &str) -> Result<()> {
    stream.write_all(request.as_bytes())?;
    let mut input = BufReader::new(stream.try_clone()?);
    let (_, length) = read_head(&mut input)?.context("no answer")?;
    Ok(input.read_exact(&mut vec![0; length])?)
}

/// Sends as much as is taken.
fn send(stream: &mut TcpStream, bytes: &str) -> Result<()> {
    let mut bytes = bytes.as_bytes();
    stream.set_nonblocking(true)?;
    while !bytes.is_empty() {
        match stream.write(bytes) {
            Ok(written) => bytes = &bytes[written..],
            // No more is taken, or the connection has given way.
            Err(_) => break,
        }
    }
    Ok(())
}

/// Serves one connection: a few bytes for `/…/small`, many MiB for `/…/large`, nothing for `/…/held`.
fn answer(stream: TcpStream) -> Result<()> {
    // Head and body are written one after the other: without it, each answer takes 40 ms.
    stream.set_nodelay(true)?;
    let mut output = stream.try_clone()?;
    let mut input = BufReader::new(stream);
    while let Some((request_line, _)) = read_head(&mut input)? {
        if request_line.contains("/held") {
            loop {
                thread::park();
            }
        }
        let body = if request_line.contains("/large") { 50 << 20 } else { 2 };
        write!(output, "HTTP/1.1 200 OK\r\nContent-Length: {body}\r\n\r\n")?;
        for piece in [1 << 16].repeat(body >> 16).into_iter().chain([body % (1 << 16)]) {
            output.write_all(&vec![b'x'; piece])?;
        }
    }
    Ok(())
}

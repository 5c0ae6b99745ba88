//! What the costliest requests and responses take of the CPU, each by itself.

use super::{Target, backend, kind::Client, kind::Kind, manifests, pace::Pace};
use crate::{
    finding::Finding,
    http::read_head,
    peer::{nginx, portico::Portico},
    ports,
    process::{Cores, Server},
};
use anyhow::{Context, Result, bail};
use std::{
    io::{BufReader, Read, Write},
    net::TcpStream,
    sync::Arc,
};

/// How often each is sent.
const TIMES: u32 = 200;
/// What any request may take, in milliseconds.
const LIMIT: f64 = 5.0;
/// What a preflight may take.
const PREFLIGHT_LIMIT: f64 = 1.0;

/// CPU time per request of each costly kind. It is the scheduler's own count, so other work on the
/// machine hardly changes it.
pub(crate) fn measure(cores: &Cores) -> Result<Vec<Finding>> {
    Kind::COSTLY.iter().map(|kind| cost(*kind, cores)).collect()
}

fn cost(kind: Kind, cores: &Cores) -> Result<Finding> {
    let folder = tempfile::tempdir()?;
    let good = nginx::backend(folder.path(), cores)?;
    let target = Target { edge: 0, http1: ports::free()?, http2: ports::free()? };
    let manifests = manifests::manifests(good.port(), target);
    let portico = Portico::start(folder.path(), cores, &manifests, 1)?.server;
    // Ends with the process.
    backend::listen(target.http1, kind.backend(), Arc::new(Pace::unlimited()), false)?;
    let Client::Ask(request) = kind.client() else { bail!("{kind:?} is no request") };
    send(&portico, &request, TIMES / 10)?;
    let before = portico.cpu()?;
    send(&portico, &request, TIMES)?;
    let spent = portico.cpu()?.saturating_sub(before) / TIMES;
    let limit = if kind.is_preflight() { PREFLIGHT_LIMIT } else { LIMIT };
    Ok(Finding {
        what: format!("{}: CPU per request", kind.name()).into(),
        value: spent.as_secs_f64() * 1000.0,
        unit: "ms",
        limit: Some(limit),
    })
}

/// Sends a request so often, one after the other.
fn send(portico: &Server, request: &[u8], times: u32) -> Result<()> {
    let mut connection = connect(portico)?;
    for _ in 0..times {
        // A refused head closes its connection, perhaps before all of it was sent.
        if ask(&mut connection, request).is_err() {
            connection = connect(portico)?;
        }
    }
    Ok(())
}

fn connect(portico: &Server) -> Result<BufReader<TcpStream>> {
    let stream = TcpStream::connect(("127.0.0.1", portico.port()))?;
    stream.set_nodelay(true)?;
    Ok(BufReader::new(stream))
}

fn ask(connection: &mut BufReader<TcpStream>, request: &[u8]) -> Result<()> {
    connection.get_mut().write_all(request)?;
    let (_, length) = read_head(connection)?.context("closed")?;
    Ok(connection.read_exact(&mut vec![0; length])?)
}

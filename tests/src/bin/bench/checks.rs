//! What active checks cost, and whether they come in bursts.

use crate::{
    finding::Finding,
    peer::portico::{self, Portico},
    process::{self, Cores},
};
use anyhow::Result;
use std::{
    net::TcpListener as Listener,
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    runtime::Builder,
};

/// How many endpoints there are, each of which is checked every second.
const COUNT: usize = 1_000;
/// Files that are open beside their connections.
const BESIDE: usize = 200;
/// After so long, their first checks have run, and those that spread them.
const START: Duration = Duration::from_secs(4);
/// How long they are measured.
const TIME: Duration = Duration::from_secs(10);

/// When checks came.
type Times = Arc<Mutex<Vec<Instant>>>;

/// The CPU that they take, and the most that come in a tenth of a second.
pub(crate) fn measure(cores: &Cores) -> Result<Vec<Finding>> {
    process::raise_file_limit(2 * COUNT + BESIDE)?;
    // All of 127.0.0.0/8 is this machine.
    let listener = Listener::bind(("0.0.0.0", 0))?;
    let (port, times) = (listener.local_addr()?.port(), Times::default());
    let noted = times.clone();
    // Ends with the process.
    thread::spawn(move || serve(listener, &noted));
    let folder = tempfile::tempdir()?;
    let portico = Portico::start(folder.path(), cores, &manifests(port), 1)?;
    thread::sleep(START.saturating_sub(portico.server.age()));
    let (cpu, began) = (portico.server.cpu()?, Instant::now());
    thread::sleep(TIME);
    let took = began.elapsed();
    let cpu = (portico.server.cpu()? - cpu).as_secs_f64() / took.as_secs_f64();
    let mut tenths = vec![0_u32; took.as_millis() as usize / 100];
    let times = times.lock().unwrap_or_else(PoisonError::into_inner);
    for at in times.iter().filter(|at| **at >= began) {
        if let Some(count) = tenths.get_mut((*at - began).as_millis() as usize / 100) {
            *count += 1;
        }
    }
    let each = f64::from(tenths.iter().sum::<u32>()) / took.as_secs_f64();
    let most = f64::from(tenths.into_iter().max().unwrap_or_default());
    let finding =
        |what: &'static str, value, unit, limit| Finding { what: what.into(), value, unit, limit };
    Ok(vec![
        finding("checks of 1,000 endpoints each second", each, "a second", None),
        finding("share of a core that the checks take", cpu * 100.0, "%", Some(10.0)),
        finding("most checks in a tenth of a second", most, "", Some(COUNT as f64 / 5.0)),
    ])
}

fn serve(listener: Listener, times: &Times) -> Result<()> {
    listener.set_nonblocking(true)?;
    Builder::new_current_thread().enable_all().build()?.block_on(async {
        let listener = TcpListener::from_std(listener)?;
        loop {
            let (stream, _) = listener.accept().await?;
            tokio::spawn(answer(stream, times.clone()));
        }
    })
}

/// Answers each request of a connection; a check fits into one read.
async fn answer(mut stream: TcpStream, times: Times) -> Result<()> {
    let mut head = [0; 1024];
    loop {
        let read = stream.read(&mut head).await?;
        if read == 0 {
            return Ok(());
        }
        if head.starts_with(b"GET /healthz ") {
            times.lock().unwrap_or_else(PoisonError::into_inner).push(Instant::now());
        }
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await?;
    }
}

/// A Route whose endpoints are checked every second.
fn manifests(port: u16) -> String {
    let address =
        |index: usize| format!("{{addresses: [127.0.{}.{}]}}", index / 100, index % 100 + 1);
    let all: Vec<_> = (0..COUNT).map(address).collect();
    let one = "{addresses: [127.0.0.1], conditions: {ready: true}}";
    let manifests = portico::manifests(1, false, port).replace(one, &all.join(", "));
    // The Route comes last.
    manifests + "  health: {path: /healthz, interval: 1s}\n"
}

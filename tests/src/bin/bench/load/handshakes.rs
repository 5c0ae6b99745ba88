//! A connection, a handshake and a request each, by this program as a process of its own.

use super::{Seen, percentile};
use crate::{
    identity::{self, HOST},
    process::{Cores, pinned},
};
use anyhow::{Context, Result, ensure};
use portico_tests::tls::Client;
use serde_json::{Value, json};
use std::{
    cell::RefCell,
    env,
    net::SocketAddr,
    rc::Rc,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    runtime::Builder,
    task::LocalSet,
};

/// How many at a time.
const TASKS: usize = 64;
/// What share of sessions has to be resumed where they are to be, beside the first of each task.
const RESUMED: f64 = 0.98;

/// What is to be done.
pub(crate) struct Plan {
    pub(crate) port: u16,
    pub(crate) time: Duration,
    /// Among how many hosts, of those that [`host`] names; 0: the one of the other scenarios.
    pub(crate) names: usize,
    /// Whether sessions are resumed.
    pub(crate) resumes: bool,
}

/// One of many hosts.
pub(crate) fn host(index: usize) -> String {
    format!("host-{index}.example.com")
}

/// Starts this program as the generator.
pub(crate) fn run(plan: &Plan, cores: &Cores) -> Result<Seen> {
    let mut command = pinned(&cores.load, env::current_exe()?);
    command.arg("--handshakes").arg(plan.port.to_string());
    command.arg("--seconds").arg(plan.time.as_secs().to_string());
    command.arg("--names").arg(plan.names.to_string());
    if plan.resumes {
        command.arg("--resumes");
    }
    let output = command.output().context("the generator can't be started")?;
    ensure!(
        output.status.success(),
        "handshakes failed: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let seen: Value = serde_json::from_slice(&output.stdout)?;
    let number = |name: &str| seen[name].as_f64().context("the generator leaves something out");
    Ok(Seen {
        requests: seen["requests"].as_u64().context("the generator counts nothing")?,
        rate: number("rate")?,
        p50: number("p50")?,
        p99: number("p99")?,
    })
}

/// Milliseconds of each exchange, and how many sessions were resumed.
#[derive(Default)]
struct Counts {
    times: Vec<f64>,
    resumed: usize,
}

/// What the generator does; returns its report.
pub(crate) fn generate(plan: &Plan) -> Result<Value> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let counts = Rc::new(RefCell::new(Counts::default()));
    let began = Instant::now();
    let local = LocalSet::new();
    let address = SocketAddr::from(([127, 0, 0, 1], plan.port));
    let Plan { time, names, resumes, .. } = *plan;
    let tasks: Vec<_> = (0..TASKS)
        .map(|task| {
            let counts = counts.clone();
            // Each task has sessions of its own, for a ticket is used once.
            let client = identity::client("http/1.1");
            local.spawn_local(async move {
                let client = if resumes { client? } else { client?.forgetful() };
                // Neighbours in time are not neighbours among the names.
                let mut index = task * 7919;
                while began.elapsed() < time {
                    index += TASKS * 7919;
                    let name = if names == 0 { HOST.to_owned() } else { host(index % names) };
                    let start = Instant::now();
                    let resumed = exchange(&client, address, &name).await?;
                    let mut counts = counts.borrow_mut();
                    counts.times.push(start.elapsed().as_secs_f64() * 1000.0);
                    counts.resumed += usize::from(resumed);
                }
                anyhow::Ok(())
            })
        })
        .collect();
    runtime.block_on(local.run_until(async {
        for task in tasks {
            task.await??;
        }
        anyhow::Ok(())
    }))?;
    let seconds = began.elapsed().as_secs_f64();
    let mut counts = counts.borrow_mut();
    counts.times.sort_by(f64::total_cmp);
    let requests = counts.times.len();
    let resumed = counts.resumed;
    let least = requests.saturating_sub(TASKS) as f64 * RESUMED;
    ensure!(
        !resumes || resumed as f64 >= least,
        "only {resumed} of {requests} sessions were resumed"
    );
    ensure!(resumes || resumed == 0, "sessions were resumed");
    Ok(json!({
        "requests": requests,
        "rate": requests as f64 / seconds,
        "p50": percentile(&counts.times, 50),
        "p99": percentile(&counts.times, 99),
    }))
}

/// One connection; whether its session was resumed.
async fn exchange(client: &Client, address: SocketAddr, name: &str) -> Result<bool> {
    let mut stream = client.stream(address, name).await?;
    let resumed = stream.get_ref().1.handshake_kind() == Some(rustls::HandshakeKind::Resumed);
    let request =
        format!("GET /route-0/small HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    stream.flush().await?;
    let mut answer = Vec::with_capacity(1024);
    match stream.read_to_end(&mut answer).await {
        Ok(_) => {}
        // Not every server says in TLS that it closes.
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {}
        Err(error) => return Err(error.into()),
    }
    ensure!(answer.starts_with(b"HTTP/1.1 200"), "answered {}", String::from_utf8_lossy(&answer));
    Ok(resumed)
}

//! Clients that go on asking while something happens to the cluster, and none of whose requests may
//! fail.

use super::http::{Connection, Published, exchange, met_the_end};
use anyhow::Result;
use http_body_util::Empty;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{task::JoinSet, time::sleep};

/// Clients that keep their connection, and as many that make one for each request.
const CLIENTS: usize = 4;
/// Between an answer and the next request: two hundred requests a second in all, at most.
const PAUSE: Duration = Duration::from_millis(40);
/// Whatever happens, no client asks for longer.
const LONGEST: Duration = Duration::from_mins(15);
/// A kept connection that had ended says so at once; one that ends later cut a request off.
const AT_ONCE: Duration = Duration::from_millis(100);

/// Running clients.
pub struct Load {
    stop: Arc<AtomicBool>,
    clients: JoinSet<Report>,
}

/// What became of their requests.
#[derive(Debug, Default)]
pub struct Report {
    /// Those that were answered with 200.
    pub served: usize,
    /// What became of the others.
    pub failures: Vec<String>,
    /// The longest that one took.
    pub slowest: Duration,
}

impl Load {
    /// Starts to ask for these paths in turn.
    pub fn start(port: &Published, paths: &[&str]) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let mut clients = JoinSet::new();
        for number in 0..2 * CLIENTS {
            let client = Client {
                port: port.clone(),
                paths: paths.iter().map(|path| (*path).to_owned()).collect(),
                keeps: number % 2 == 0,
                kept: None,
            };
            clients.spawn(client.run(stop.clone()));
        }
        Self { stop, clients }
    }

    /// Stops, and says what became of all requests.
    pub async fn stop(self) -> Report {
        self.stop.store(true, Ordering::Relaxed);
        let mut all = Report::default();
        for report in self.clients.join_all().await {
            all.served += report.served;
            all.failures.extend(report.failures);
            all.slowest = all.slowest.max(report.slowest);
        }
        all
    }
}

impl Report {
    /// No request may have failed, and there must have been so many.
    #[expect(clippy::print_stdout, reason = "figures of the run")]
    pub fn assert_flawless(&self, at_least: usize, during: &str) {
        let failures: Vec<_> = self.failures.iter().take(20).collect();
        assert!(failures.is_empty(), "{during}: {} failed: {failures:#?}", self.failures.len());
        assert!(self.served >= at_least, "{during}: only {} requests", self.served);
        println!("{during}: {} requests, none failed, slowest {:?}", self.served, self.slowest);
    }
}

struct Client {
    port: Published,
    paths: Vec<String>,
    keeps: bool,
    kept: Option<Connection>,
}

impl Client {
    async fn run(mut self, stop: Arc<AtomicBool>) -> Report {
        let (mut report, begin) = (Report::default(), Instant::now());
        for path in self.paths.clone().iter().cycle() {
            if stop.load(Ordering::Relaxed) {
                break;
            }
            if begin.elapsed() > LONGEST {
                report.failures.push(format!("asked for {LONGEST:?} and was not stopped"));
                break;
            }
            let start = Instant::now();
            match self.ask(path).await {
                Ok(200) => report.served += 1,
                Ok(status) => report.failures.push(format!("{path}: {status}")),
                Err(error) => report.failures.push(format!("{path}: {error:#}")),
            }
            report.slowest = report.slowest.max(start.elapsed());
            sleep(PAUSE).await;
        }
        report
    }

    /// As every client does, a GET that met a kept connection's end is sent again on a new one
    /// (RFC 9112 section 9.3.1).
    async fn ask(&mut self, path: &str) -> Result<u16> {
        if let Some(mut kept) = self.kept.take() {
            let start = Instant::now();
            match self.ask_over(&mut kept, path).await {
                Ok(status) => {
                    self.kept = Some(kept);
                    return Ok(status);
                }
                Err(error) if met_the_end(&error) && start.elapsed() < AT_ONCE => {}
                Err(error) => return Err(error),
            }
        }
        let mut new = self.port.connect().await?;
        let status = self.ask_over(&mut new, path).await?;
        self.kept = self.keeps.then_some(new);
        Ok(status)
    }

    async fn ask_over(&self, connection: &mut Connection, path: &str) -> Result<u16> {
        let request = self.port.request("GET", path).body(Empty::new())?;
        Ok(exchange(connection, request).await?.status().as_u16())
    }
}

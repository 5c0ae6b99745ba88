//! `portico serve` as a process of its own: what it logs, counts and holds, and how it ends.

use crate::{binary, wire::PATIENCE};
use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    path::Path,
    process::{Child, ChildStdout, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex},
    thread::{sleep, spawn},
    time::{Duration, Instant},
};
use tempfile::TempDir;

const POLL: Duration = Duration::from_millis(10);

/// A running `portico serve` with two workers; killed when dropped.
pub struct Serve {
    child: Child,
    log: Arc<Mutex<Vec<Value>>>,
    /// Where it listens for plain HTTP.
    pub http: SocketAddr,
    /// Where it listens for TLS.
    pub https: SocketAddr,
    /// Where its admin pages are.
    pub admin: SocketAddr,
    folder: TempDir,
}

impl Serve {
    /// Serves `manifests` with further flags, on loopback ports that the system picks.
    pub fn start(manifests: &str, flags: &[&str]) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        fs::write(folder.path().join("manifests.yaml"), manifests)?;
        let mut child = Command::new(binary::portico()?)
            .arg("serve")
            .arg(folder.path())
            .args(["--workers=2", "--log-format=json"])
            .args(["--http=127.0.0.1:0", "--https=127.0.0.1:0", "--admin=127.0.0.1:0"])
            .args(flags)
            .env("RUST_LOG", "info")
            .stdout(Stdio::piped())
            .spawn()?;
        let log = Arc::<Mutex<Vec<Value>>>::default();
        let output = child.stdout.take().context("no output")?;
        let lines = log.clone();
        spawn(move || read(output, &lines));
        let nowhere = SocketAddr::from(([0; 4], 0));
        let (http, https, admin) = (nowhere, nowhere, nowhere);
        let mut serve = Self { child, log, http, https, admin, folder };
        serve.admin = serve.listens("admin pages at http://")?;
        serve.http = serve.listens("serving http://")?;
        serve.https = serve.listens("serving https://")?;
        Ok(serve)
    }

    fn listens(&self, what: &str) -> Result<SocketAddr> {
        let line = self.logged(what, |line| message(line).starts_with(what))?;
        Ok(message(&line).trim_start_matches(what).parse()?)
    }

    /// The folder of the manifests that it serves.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// What it has logged so far.
    pub fn log(&self) -> Vec<Value> {
        self.log.lock().map(|lines| lines.clone()).unwrap_or_default()
    }

    /// The lines of the access log so far for this path.
    pub fn access(&self, path: &str) -> Vec<Value> {
        let is_meant = |line: &Value| line["target"] == "access" && line["path"] == path;
        self.log().into_iter().filter(is_meant).collect()
    }

    /// Waits for a line of the log, `what` it is about for the error if there is none.
    pub fn logged(&self, what: &str, is_meant: impl Fn(&Value) -> bool) -> Result<Value> {
        until(what, || Ok(self.log().into_iter().find(&is_meant)))
    }

    /// Waits for the access log's line of a request, by its path.
    pub fn request(&self, path: &str) -> Result<Value> {
        self.logged(path, |line| line["target"] == "access" && line["path"] == path)
    }

    /// The page of the admin port.
    pub fn admin(&self, page: &str) -> Result<String> {
        let mut stream = TcpStream::connect(self.admin)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        write!(stream, "GET {page} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        ensure!(answer.starts_with("HTTP/1.1 200 "), "{page}: {answer}");
        Ok(answer)
    }

    /// The sum of a metric's samples whose names and labels begin like this.
    pub fn metric(&self, sample: &str) -> Result<f64> {
        let text = self.admin("/metrics")?;
        let samples = text.lines().filter(|line| line.starts_with(sample));
        samples.map(|line| Ok(line.rsplit(' ').next().unwrap_or_default().parse::<f64>()?)).sum()
    }

    /// Waits until the sum of a metric's samples is as `is_meant` says.
    pub fn becomes(&self, sample: &str, is_meant: impl Fn(f64) -> bool) -> Result<f64> {
        let becomes = until(sample, || Ok(Some(self.metric(sample)?).filter(|it| is_meant(*it))));
        becomes.with_context(|| format!("it is {:?}", self.metric(sample)))
    }

    /// How many TLS handshakes have succeeded.
    pub fn handshakes(&self) -> Result<f64> {
        let [full, resumed] = ["full", "resumed"].map(|result| {
            self.metric(&format!("portico_tls_handshakes_total{{result=\"{result}\""))
        });
        Ok(full? + resumed?)
    }

    /// The memory that it holds, in KiB.
    pub fn resident(&self) -> Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        Ok(line.context("no VmRSS")?.trim().trim_end_matches(" kB").parse()?)
    }

    /// CPU time that all its threads have used.
    pub fn cpu(&self) -> Result<Duration> {
        cpu(self.child.id())
    }

    /// Sends it a signal, such as `TERM`.
    pub fn signal(&self, name: &str) -> Result<()> {
        signal(self.child.id(), name)
    }

    /// Waits for its end.
    pub fn ended(&mut self) -> Result<ExitStatus> {
        until("the end", || Ok(self.child.try_wait()?))
    }
}

impl Drop for Serve {
    #[expect(clippy::print_stderr, reason = "a test that fails shows what was logged")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.log().iter().for_each(|line| eprintln!("{line}"));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn read(output: ChildStdout, log: &Mutex<Vec<Value>>) {
    for line in BufReader::new(output).lines().map_while(Result::ok) {
        let line = serde_json::from_str(&line).unwrap_or(Value::String(line));
        if let Ok(mut log) = log.lock() {
            log.push(line);
        }
    }
}

fn message(line: &Value) -> &str {
    line["message"].as_str().unwrap_or_default()
}

/// Asks until there is something.
fn until<T>(what: &str, mut ask: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    let start = Instant::now();
    loop {
        if let Some(found) = ask()? {
            return Ok(found);
        }
        if start.elapsed() > PATIENCE {
            bail!("not within {PATIENCE:?}: {what}");
        }
        sleep(POLL);
    }
}

/// CPU time that all threads of a process have used, from the scheduler's own count in nanoseconds:
/// `utime` and `stime` are the same time in ticks of 10 ms.
pub fn cpu(process: u32) -> Result<Duration> {
    let mut nanos = 0;
    for task in fs::read_dir(format!("/proc/{process}/task"))? {
        let spent = fs::read_to_string(task?.path().join("schedstat"))?;
        let on_cpu = spent.split(' ').next().and_then(|nanos| nanos.parse::<u64>().ok());
        nanos += on_cpu.context("schedstat has another form than documented")?;
    }
    Ok(Duration::from_nanos(nanos))
}

/// Sends a process a signal, such as `TERM`.
pub fn signal(process: u32, name: &str) -> Result<()> {
    let status = Command::new("kill").args(["-s", name, &process.to_string()]).status()?;
    ensure!(status.success(), "{name} could not be sent");
    Ok(())
}

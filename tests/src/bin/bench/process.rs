//! Programs pinned to a core, which end with this one, and what the kernel says they used.

use anyhow::{Context, Result, bail};
use portico_tests::serve::{cpu, signal};
use std::{
    ffi::OsStr,
    fs,
    io::{Read, Write},
    net::TcpStream,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

/// How long a server that is asked to end may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// The core of the proxy that is measured, and the one of everything else.
pub(crate) struct Cores {
    pub(crate) proxy: String,
    pub(crate) load: String,
}

impl Cores {
    /// The first two that this process may run on.
    pub(crate) fn two() -> Result<Self> {
        let status = fs::read_to_string("/proc/self/status").context("this needs Linux's /proc")?;
        let list = field(&status, "Cpus_allowed_list:").unwrap_or_default();
        let mut cores = list.split(',').flat_map(|range| {
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            let bounds = first.trim().parse::<u32>().ok().zip(last.trim().parse::<u32>().ok());
            bounds.map(|(first, last)| first..=last).into_iter().flatten()
        });
        match (cores.next(), cores.next()) {
            (Some(load), Some(proxy)) => {
                Ok(Self { proxy: proxy.to_string(), load: load.to_string() })
            }
            _ => bail!("this needs two cores: the proxy has one to itself"),
        }
    }
}

/// A command that runs on `core`, and that the kernel kills when this process ends.
pub(crate) fn pinned(core: &str, program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "taskset", "-c", core]).arg(program);
    command.stdin(Stdio::null());
    command
}

/// Has the kernel run a process and its children before anything else on their core, but not what
/// they start later. Without CAP_SYS_NICE, nothing changes.
pub(crate) fn runs_first(process: u32) {
    let children = format!("/proc/{process}/task/{process}/children");
    let children = fs::read_to_string(children).unwrap_or_default();
    let children = children.split_whitespace().map(str::to_owned);
    for process in children.chain([process.to_string()]) {
        let mut chrt = Command::new("chrt");
        chrt.args(["--all-tasks", "--reset-on-fork", "--fifo", "--pid", "1", &process]);
        let _ = chrt.stderr(Stdio::null()).status();
    }
}

/// A server that ends when this is dropped.
pub(crate) struct Server {
    name: &'static str,
    child: Child,
    port: u16,
    started: Instant,
}

impl Server {
    /// Starts it and waits until `path` on `port` is answered with 200.
    pub(crate) fn start(
        name: &'static str,
        mut command: Command,
        port: u16,
        path: &str,
    ) -> Result<Self> {
        let started = Instant::now();
        let child = command.spawn().with_context(|| format!("{name} can't be started"))?;
        let mut server = Self { name, child, port, started };
        while !answers(port, path) {
            if let Some(status) = server.child.try_wait()? {
                bail!("{name} ended with {status} before it served");
            }
            if started.elapsed() > Duration::from_secs(60) {
                bail!("{name} does not answer {path} on port {port} with 200");
            }
            thread::sleep(Duration::from_millis(2));
        }
        Ok(server)
    }

    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    /// Where it serves.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// How long ago it was started.
    pub(crate) fn age(&self) -> Duration {
        self.started.elapsed()
    }

    /// CPU time that all its threads have used.
    pub(crate) fn cpu(&self) -> Result<Duration> {
        cpu(self.child.id())
    }

    /// Memory that it holds now, and the most that it has held, in bytes.
    pub(crate) fn memory(&self) -> Result<(u64, u64)> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let bytes = |name| {
            let kib = field(&status, name)?.split(' ').next()?.parse::<u64>().ok()?;
            Some(kib * 1024)
        };
        bytes("VmRSS:").zip(bytes("VmHWM:")).context("/proc/…/status has no VmRSS")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Asked first: an instrumented build writes its profile when it ends by itself.
        let _ = signal(self.child.id(), "TERM");
        let asked = Instant::now();
        while matches!(self.child.try_wait(), Ok(None)) && asked.elapsed() < PATIENCE {
            thread::sleep(Duration::from_millis(5));
        }
        // It may have ended, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sees to it that this process, and those that it starts from now on, may have so many files open.
pub(crate) fn raise_file_limit(count: usize) -> Result<()> {
    if open_files()? >= count {
        return Ok(());
    }
    let mut command = Command::new("prlimit");
    command.arg("--pid").arg(std::process::id().to_string()).arg(format!("--nofile={count}:"));
    let raised = command.status().context("prlimit can't be started")?.success();
    if !raised || open_files()? < count {
        bail!("{count} files have to be open at once: raise the hard limit (ulimit -Hn)");
    }
    Ok(())
}

/// How many files this process may have open.
fn open_files() -> Result<usize> {
    let limits = fs::read_to_string("/proc/self/limits").context("this needs Linux's /proc")?;
    let soft = field(&limits, "Max open files").and_then(|it| it.split_whitespace().next());
    match soft.context("/proc/self/limits does not say how many files may be open")? {
        "unlimited" => Ok(usize::MAX),
        soft => Ok(soft.parse()?),
    }
}

fn field<'s>(status: &'s str, name: &str) -> Option<&'s str> {
    status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim)
}

fn answers(port: u16, path: &str) -> bool {
    get(port, path).is_ok_and(|answer| answer.starts_with("HTTP/1.1 200"))
}

/// The whole answer to a GET, head and body.
pub(crate) fn get(port: u16, path: &str) -> Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

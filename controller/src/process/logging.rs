//! The log, including the access log, goes to standard output, where clusters collect it. Lines are
//! written in batches, because a system call per request would cost too much.

use crate::cli::{AccessLogFormat, LogFormat, ServingArgs};
use anyhow::Context;
use portico_dataplane::access_log::{AccessLog, Buffers, Format, Pressure};
use std::{
    env,
    io::{self, Write},
    mem,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, mpsc},
    thread,
    time::Duration,
};
use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt, util::SubscriberInitExt};

/// How long a line waits for others to be written with it.
const FLUSH_INTERVAL: Duration = Duration::from_millis(50);
/// How much may be buffered while nobody reads. Further lines are dropped and counted.
const MAX_BUFFERED_BYTES: usize = 8 << 20;
/// How long writing the last lines may take when the process ends.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(1);

/// Keeps logging alive. Writes what is buffered when dropped.
#[derive(Debug)]
pub(crate) struct Logs {
    lines: Arc<Lines>,
    /// The lines of requests.
    requests: Arc<Buffers>,
    /// How they are written; `None`: not at all.
    access: Option<Format>,
    ended: mpsc::Receiver<()>,
}

/// Starts logging for the whole process. `RUST_LOG` selects what to log; `usual` is the default.
/// Whether requests are logged, and how, says `--access-log` or, where it is not given, `RUST_LOG`
/// and `--log-format`.
pub(crate) fn start(args: &ServingArgs, usual: &str) -> anyhow::Result<Logs> {
    let chosen = env::var("RUST_LOG").unwrap_or_default();
    let chosen = if chosen.is_empty() { usual } else { &chosen };
    let filter = EnvFilter::try_new(chosen)
        .with_context(|| format!("RUST_LOG={chosen}: write info, or info,access=off"))?;
    let out = io::stdout();
    let colours = io::IsTerminal::is_terminal(&out) && env::var_os("NO_COLOR").is_none();
    let mut logs = Logs::start(out)?;
    let lines = fmt::layer().with_writer(logs.lines.clone());
    let log = tracing_subscriber::registry().with(filter);
    match args.log_format {
        LogFormat::Text => log.with(lines.with_ansi(colours)).try_init()?,
        LogFormat::Json => log.with(lines.json().flatten_event(true)).try_init()?,
    }
    logs.access = access_format(args.access_log, args.log_format, colours);
    Ok(logs)
}

/// How requests are logged, if they are.
fn access_format(
    chosen: Option<AccessLogFormat>,
    others: LogFormat,
    colours: bool,
) -> Option<Format> {
    match (chosen, others) {
        (None, _) if !tracing::enabled!(target: "access", tracing::Level::INFO) => None,
        (Some(AccessLogFormat::Off), _) => None,
        (Some(AccessLogFormat::Text), _) | (None, LogFormat::Text) => {
            Some(Format::Text { colours })
        }
        (Some(AccessLogFormat::Json), _) | (None, LogFormat::Json) => Some(Format::Json),
        (Some(AccessLogFormat::Combined), _) => Some(Format::Combined),
    }
}

impl Logs {
    fn start(mut out: impl Write + Send + 'static) -> io::Result<Self> {
        let lines = Arc::new(Lines::default());
        let (end, ended) = mpsc::channel();
        let (taken, woken) = (lines.clone(), lines.clone());
        let requests = Arc::new(Buffers::new(move |pressure| woken.wake(pressure)));
        let of_requests = requests.clone();
        thread::Builder::new().name("log".to_owned()).spawn(move || {
            taken.write_to(&of_requests, &mut out);
            let _ = end.send(());
        })?;
        Ok(Self { lines, requests, access: None, ended })
    }

    /// How the dataplane logs requests, if it does.
    pub(super) fn access_log(&self) -> Option<AccessLog> {
        self.access.map(|format| AccessLog { format, buffers: self.requests.clone() })
    }
}

impl Drop for Logs {
    fn drop(&mut self) {
        self.lines.lock().closed = true;
        self.lines.changed.notify_all();
        // A reader that has stopped reading must not keep the process from ending.
        let _ = self.ended.recv_timeout(FLUSH_TIMEOUT);
    }
}

/// Lines that are buffered.
#[derive(Debug, Default)]
struct Lines {
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Waiting {
    text: Vec<u8>,
    dropped: u64,
    /// Whether there are lines of requests, and how urgent they are.
    requests: Option<Pressure>,
    closed: bool,
}

impl Waiting {
    fn is_empty(&self) -> bool {
        self.text.is_empty() && self.requests.is_none() && !self.closed
    }

    fn is_urgent(&self) -> bool {
        self.closed || self.requests == Some(Pressure::Many)
    }
}

impl Lines {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// There are lines of requests to take.
    fn wake(&self, pressure: Pressure) {
        let mut waiting = self.lock();
        waiting.requests = waiting.requests.max(Some(pressure));
        drop(waiting);
        self.changed.notify_one();
    }

    /// Writes all lines, these and those of `requests`, until they are closed.
    fn write_to(&self, requests: &Buffers, out: &mut impl Write) {
        let (mut text, mut spare) = (Vec::new(), Vec::new());
        loop {
            let waiting = self.lock();
            let waiting = self
                .changed
                .wait_while(waiting, |waiting| waiting.is_empty())
                .unwrap_or_else(PoisonError::into_inner);
            let (mut waiting, _) = self
                .changed
                .wait_timeout_while(waiting, FLUSH_INTERVAL, |waiting| !waiting.is_urgent())
                .unwrap_or_else(PoisonError::into_inner);
            mem::swap(&mut text, &mut waiting.text);
            let mut dropped = mem::take(&mut waiting.dropped);
            waiting.requests = None;
            let ends = waiting.closed;
            drop(waiting);
            dropped += requests.take(&mut text, &mut spare);
            // If the log can't be written, there is nobody to tell.
            let _ = out.write_all(&text).and_then(|()| out.flush());
            text.clear();
            if dropped > 0 {
                tracing::warn!(
                    dropped,
                    "log lines were dropped because they were not read fast enough"
                );
            }
            if ends {
                return;
            }
        }
    }
}

impl Write for &Lines {
    /// Takes one whole line.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut waiting = self.lock();
        if waiting.text.len() + line.len() > MAX_BUFFERED_BYTES {
            waiting.dropped += 1;
            return Ok(line.len());
        }
        let first = waiting.text.is_empty();
        waiting.text.extend_from_slice(line);
        drop(waiting);
        if first {
            self.changed.notify_one();
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// Forwards what is written to it.
    struct Pipe(mpsc::Sender<Vec<u8>>);

    impl Write for Pipe {
        fn write(&mut self, text: &[u8]) -> io::Result<usize> {
            self.0.send(text.to_vec()).map_err(|_| io::ErrorKind::BrokenPipe)?;
            Ok(text.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_line_is_written_without_further_ones() {
        let (sender, written) = mpsc::channel();
        let logs = Logs::start(Pipe(sender)).unwrap();
        (&*logs.lines).write_all(b"one\n").unwrap();
        assert_eq!(written.recv_timeout(Duration::from_secs(30)).unwrap(), b"one\n");
    }

    #[test]
    fn whether_and_how_requests_are_logged_is_a_flag_or_else_that_of_the_log() {
        let on = tracing_subscriber::fmt().with_writer(io::sink).finish();
        tracing::subscriber::with_default(on, || {
            let text = Some(Format::Text { colours: true });
            for (flag, others, expected) in [
                (None, LogFormat::Text, text),
                (None, LogFormat::Json, Some(Format::Json)),
                (Some(AccessLogFormat::Off), LogFormat::Text, None),
                (Some(AccessLogFormat::Text), LogFormat::Json, text),
                (Some(AccessLogFormat::Json), LogFormat::Text, Some(Format::Json)),
                (Some(AccessLogFormat::Combined), LogFormat::Json, Some(Format::Combined)),
            ] {
                assert_eq!(access_format(flag, others, true), expected, "{flag:?} {others:?}");
            }
        });
        // RUST_LOG=warn, say; the flag stands for itself.
        let off = tracing::subscriber::NoSubscriber::default();
        tracing::subscriber::with_default(off, || {
            assert_eq!(access_format(None, LogFormat::Json, false), None);
            let chosen = Some(AccessLogFormat::Combined);
            assert_eq!(access_format(chosen, LogFormat::Json, false), Some(Format::Combined));
        });
    }

    #[test]
    fn lines_are_gathered_and_the_last_ones_are_written_at_the_end() {
        let (sender, written) = mpsc::channel();
        let logs = Logs::start(Pipe(sender)).unwrap();
        for line in 0..1000 {
            (&*logs.lines).write_all(format!("{line}\n").as_bytes()).unwrap();
        }
        drop(logs);
        let batches: Vec<_> = written.iter().collect();
        let expected: String = (0..1000).map(|line| format!("{line}\n")).collect();
        assert_eq!(String::from_utf8(batches.concat()).unwrap(), expected);
        assert!(batches.len() < 100, "{} writes", batches.len());
    }

    #[test]
    fn what_nobody_reads_is_bounded() {
        let lines = Lines::default();
        let line = vec![b'x'; 1 << 20];
        for _ in 0..10 {
            (&lines).write_all(&line).unwrap();
        }
        let waiting = lines.lock();
        assert_eq!((waiting.text.len(), waiting.dropped), (MAX_BUFFERED_BYTES, 2));
    }
}

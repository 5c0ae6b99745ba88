//! The log, including the access log, goes to standard output, where clusters collect it. Lines are
//! written in batches, because a system call per request would cost too much.

use crate::cli::LogFormat;
use anyhow::Context;
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
    ended: mpsc::Receiver<()>,
}

/// Starts logging for the whole process. `RUST_LOG` selects what to log; `usual` is the default.
pub(crate) fn start(format: LogFormat, usual: &str) -> anyhow::Result<Logs> {
    let chosen = env::var("RUST_LOG").unwrap_or_default();
    let chosen = if chosen.is_empty() { usual } else { &chosen };
    let filter = EnvFilter::try_new(chosen)
        .with_context(|| format!("RUST_LOG={chosen}: write info, or info,access=off"))?;
    let out = io::stdout();
    let colours = io::IsTerminal::is_terminal(&out) && env::var_os("NO_COLOR").is_none();
    let logs = Logs::start(out)?;
    let lines = fmt::layer().with_writer(logs.lines.clone());
    let log = tracing_subscriber::registry().with(filter);
    match format {
        LogFormat::Text => log.with(lines.with_ansi(colours)).try_init()?,
        LogFormat::Json => log.with(lines.json().flatten_event(true)).try_init()?,
    }
    Ok(logs)
}

impl Logs {
    fn start(mut out: impl Write + Send + 'static) -> io::Result<Self> {
        let lines = Arc::new(Lines::default());
        let (end, ended) = mpsc::channel();
        let taken = lines.clone();
        thread::Builder::new().name("log".to_owned()).spawn(move || {
            taken.write_to(&mut out);
            let _ = end.send(());
        })?;
        Ok(Self { lines, ended })
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
    closed: bool,
}

impl Lines {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_to(&self, out: &mut impl Write) {
        let mut text = Vec::new();
        loop {
            let waiting = self.lock();
            let wait = |waiting: &mut Waiting| waiting.text.is_empty() && !waiting.closed;
            let waiting =
                self.changed.wait_while(waiting, wait).unwrap_or_else(PoisonError::into_inner);
            let (mut waiting, _) = self
                .changed
                .wait_timeout_while(waiting, FLUSH_INTERVAL, |waiting| !waiting.closed)
                .unwrap_or_else(PoisonError::into_inner);
            mem::swap(&mut text, &mut waiting.text);
            let dropped = mem::take(&mut waiting.dropped);
            let ends = waiting.closed;
            drop(waiting);
            // If the log can't be written, there is nobody to tell.
            let _ = out.write_all(&text).and_then(|()| out.flush());
            text.clear();
            if dropped > 0 {
                tracing::warn!(
                    dropped,
                    "log lines were dropped because they are not read fast enough"
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

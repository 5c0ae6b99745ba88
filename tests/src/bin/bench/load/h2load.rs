//! h2load, and what it reports.

use super::{Seen, percentile};
use crate::process::{Cores, pinned};
use anyhow::{Context, Result, bail, ensure};
use std::{fs, path::Path, time::Duration};

/// Sends requests for `time`, 32 at a time on each of 16 connections, and logs each to `log`.
pub(super) fn run(port: u16, time: Duration, log: &Path, cores: &Cores) -> Result<Seen> {
    // It appends.
    let _ = fs::remove_file(log);
    let mut command = pinned(&cores.load, "h2load");
    command.args(["--clients=16", "--max-concurrent-streams=32", "--threads=1"]);
    command.args(["--tls13-ciphers=TLS_AES_128_GCM_SHA256", "--groups=X25519"]);
    command.arg(format!("--duration={}", time.as_secs()));
    command.arg(format!("--log-file={}", log.display()));
    command.arg(format!("https://localhost:{port}/route-0/small"));
    let output = command.output().context("h2load can't be started")?;
    let text = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        bail!("h2load failed: {text}{}", String::from_utf8_lossy(&output.stderr));
    }
    let (requests, rate) = parse(&text)?;
    let mut times = times(&fs::read_to_string(log)?)?;
    times.sort_by(f64::total_cmp);
    Ok(Seen { requests, rate, p50: percentile(&times, 50), p99: percentile(&times, 99) })
}

/// How many requests were answered, and how many in a second.
fn parse(text: &str) -> Result<(u64, f64)> {
    let count = |line: &str, what: &str| {
        let before = line.split(what).next()?;
        before.trim_end().rsplit(' ').next()?.parse::<u64>().ok()
    };
    let requests = text.lines().find(|line| line.starts_with("requests:"));
    let requests = requests.with_context(|| format!("h2load counts no requests: {text}"))?;
    for what in ["failed", "errored", "timeout"] {
        ensure!(count(requests, what) == Some(0), "requests failed: {requests}");
    }
    let codes = text.lines().find(|line| line.starts_with("status codes:")).unwrap_or_default();
    let answered = count(codes, "2xx").with_context(|| format!("h2load names no codes: {text}"))?;
    for what in ["3xx", "4xx", "5xx"] {
        ensure!(count(codes, what) == Some(0), "requests failed: {codes}");
    }
    let rate =
        text.lines().find_map(|line| line.split(", ").find_map(|part| part.strip_suffix(" req/s")));
    let rate = rate.and_then(|rate| rate.parse().ok());
    Ok((answered, rate.with_context(|| format!("h2load does not say how fast it was: {text}"))?))
}

/// The milliseconds of each request that was logged: a line has its start, status and microseconds.
fn times(log: &str) -> Result<Vec<f64>> {
    let time = |line: &str| line.split('\t').nth(2)?.parse::<f64>().ok().map(|us| us / 1000.0);
    let times = log.lines().map(time).collect::<Option<_>>();
    times.context("h2load's log has another form than documented")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::{parse, times};

    const REPORT: &str = "
finished in 2.00s, 30345.50 req/s, 1.50MB/s
requests: 60691 total, 61203 started, 60691 done, 60691 succeeded, 0 failed, 0 errored, 0 timeout
status codes: 60692 2xx, 0 3xx, 0 4xx, 0 5xx
";

    #[test]
    fn reads_what_h2load_reports() {
        assert_eq!(parse(REPORT).unwrap(), (60_692, 30_345.5));
        assert_eq!(times("1\t200\t1500\n2\t200\t250\n").unwrap(), [1.5, 0.25]);
        assert!(times("1\t200\n").is_err());
    }

    #[test]
    fn failed_requests_are_an_error() {
        for (good, bad) in
            [("0 failed", "1 failed"), ("0 errored", "7 errored"), ("0 5xx", "12 5xx")]
        {
            assert!(parse(&REPORT.replace(good, bad)).is_err(), "{bad}");
        }
    }
}

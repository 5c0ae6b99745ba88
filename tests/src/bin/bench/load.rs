//! wrk, and what it reports.

use crate::process::{Cores, pinned};
use anyhow::{Context, Result, bail};
use std::{path::Path, time::Duration};

/// What one run of the load generator saw.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Load {
    /// Requests that were answered.
    pub(crate) requests: u64,
    /// Requests per second.
    pub(crate) rate: f64,
}

/// Sends requests from 64 connections for `time`. An error where any of them fails.
pub(crate) fn run(script: &Path, port: u16, time: Duration, cores: &Cores) -> Result<Load> {
    let mut command = pinned(&cores.load, "wrk");
    command.args(["--threads", "1", "--connections", "64"]);
    command.arg("--duration").arg(format!("{}s", time.as_secs()));
    command.arg("--script").arg(script).arg(format!("http://127.0.0.1:{port}/"));
    let output = command.output().context("wrk can't be started")?;
    let text = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        bail!("wrk failed: {text}{}", String::from_utf8_lossy(&output.stderr));
    }
    parse(&text)
}

fn parse(text: &str) -> Result<Load> {
    for line in text.lines().map(str::trim) {
        if line.starts_with("Socket errors:") || line.starts_with("Non-2xx") {
            bail!("requests failed, which makes the numbers worthless: {line}");
        }
    }
    let requests = text
        .lines()
        .find_map(|line| line.trim().split_once(" requests in ")?.0.parse().ok())
        .with_context(|| format!("wrk does not say how many requests it sent: {text}"))?;
    let rate = text
        .lines()
        .find_map(|line| line.strip_prefix("Requests/sec:")?.trim().parse().ok())
        .with_context(|| format!("wrk does not say how fast it was: {text}"))?;
    Ok(Load { requests, rate })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::{Load, parse};

    const REPORT: &str = "  1 threads and 64 connections
  97524 requests in 3.00s, 17.21MB read
Requests/sec:  32493.75
Transfer/sec:      5.73MB
";

    #[test]
    fn reads_what_wrk_reports() {
        assert_eq!(parse(REPORT).unwrap(), Load { requests: 97_524, rate: 32_493.75 });
    }

    #[test]
    fn failed_requests_are_an_error() {
        let failed = format!("{REPORT}  Socket errors: connect 0, read 0, write 0, timeout 3\n");
        assert!(parse(&failed).unwrap_err().to_string().contains("timeout 3"));
    }
}

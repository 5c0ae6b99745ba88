//! wrk, and what it reports.

use super::Seen;
use crate::process::{Cores, pinned};
use anyhow::{Context, Result, bail};
use std::{path::Path, time::Duration};

/// What it offers over TLS, for which it has no options.
pub(super) const OPENSSL: &str = "
openssl_conf = all
[all]
ssl_conf = modules
[modules]
system_default = tls
[tls]
MinProtocol = TLSv1.3
Ciphersuites = TLS_AES_128_GCM_SHA256
Groups = X25519
";

/// Sends requests from 64 connections for `time`; over TLS, `openssl` configures it.
pub(super) fn run(
    script: &Path,
    url: &str,
    time: Duration,
    openssl: Option<&Path>,
    cores: &Cores,
) -> Result<Seen> {
    let mut command = pinned(&cores.load, "wrk");
    if let Some(openssl) = openssl {
        command.env("OPENSSL_CONF", openssl);
    }
    command.args(["--threads", "1", "--connections", "64", "--latency", "--timeout", "30s"]);
    command.arg("--duration").arg(format!("{}s", time.as_secs()));
    command.arg("--script").arg(script).arg(url);
    let output = command.output().context("wrk can't be started")?;
    let text = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        bail!("wrk failed: {text}{}", String::from_utf8_lossy(&output.stderr));
    }
    parse(&text)
}

fn parse(text: &str) -> Result<Seen> {
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
    let percentile = |name: &str| {
        let time = text.lines().find_map(|line| line.trim().strip_prefix(name));
        time.and_then(milliseconds).with_context(|| format!("wrk does not say {name}: {text}"))
    };
    Ok(Seen { requests, rate, p50: percentile("50%")?, p99: percentile("99%")? })
}

/// Reads a time such as `1.92ms`.
fn milliseconds(text: &str) -> Option<f64> {
    let text = text.trim();
    let units = [("us", 0.001), ("ms", 1.0), ("s", 1000.0), ("m", 60_000.0)];
    let (number, unit) =
        units.iter().find_map(|(name, unit)| Some((text.strip_suffix(name)?, unit)))?;
    Some(number.parse::<f64>().ok()? * unit)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::{Seen, milliseconds, parse};

    const REPORT: &str = "  1 threads and 64 connections
  Latency Distribution
     50%    1.92ms
     75%    2.01ms
     90%    2.20ms
     99%  980.00us
  97524 requests in 3.00s, 17.21MB read
Requests/sec:  32493.75
Transfer/sec:      5.73MB
";

    #[test]
    fn reads_what_wrk_reports() {
        let seen = Seen { requests: 97_524, rate: 32_493.75, p50: 1.92, p99: 0.98 };
        assert_eq!(parse(REPORT).unwrap(), seen);
        assert_eq!(milliseconds(" 1.50s"), Some(1500.0));
        assert_eq!(milliseconds("1.50"), None);
    }

    #[test]
    fn failed_requests_are_an_error() {
        let failed = format!("{REPORT}  Socket errors: connect 0, read 0, write 0, timeout 3\n");
        assert!(parse(&failed).unwrap_err().to_string().contains("timeout 3"));
    }
}

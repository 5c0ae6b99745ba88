//! Arguments of `portico report`.

use super::{Output, values};
use clap::Args;
use http::{Uri, uri::Authority};
use std::{path::PathBuf, time::Duration};

/// The longest time of a report.
const MAX_SINCE: Duration = Duration::from_hours(366 * 24);

/// Arguments of `portico report`.
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// Host and port of the admin port of a process that serves
    #[arg(
        long,
        value_name = "ADDR",
        default_value = "127.0.0.1:9090",
        value_parser = admin,
        conflicts_with = "prometheus"
    )]
    pub admin: Authority,
    /// The time that the report is about, until now: 90m, 24h, 7d. A process knows the last day, and
    /// otherwise all since its start
    #[arg(long, value_name = "TIME", default_value = "24h", value_parser = since)]
    pub since: Duration,
    /// Output format
    #[arg(short, long, value_enum, default_value_t = Output::Text)]
    pub output: Output,
    /// Print the report as one web page instead
    #[arg(long, conflicts_with = "output")]
    pub html: bool,
    /// An earlier report (-o json), to compare with: what was before the change
    #[arg(long, value_name = "FILE")]
    pub baseline: Option<PathBuf>,
    /// Ask this Prometheus instead of a process, about all replicas: http://prometheus:9090
    #[arg(long, value_name = "URL", value_parser = prometheus)]
    pub prometheus: Option<Uri>,
}

/// A time that a report can be about: what `--drain-timeout` takes, or a number of days.
pub fn since(text: &str) -> Result<Duration, &'static str> {
    const USAGE: &str = "must be a number and a unit (d, h, m, s), such as 90m, 24h or 7d";
    let days = text.strip_suffix('d').and_then(|days| days.parse::<u32>().ok());
    let days = days.and_then(|days| Duration::from_hours(24).checked_mul(days));
    let time = days.map_or_else(|| values::time(text), Ok).map_err(|_| USAGE)?;
    if time < Duration::from_secs(1) || time > MAX_SINCE {
        return Err("must be from 1s to 366d, such as 90m, 24h or 7d");
    }
    Ok(time)
}

/// A host and a port.
fn admin(text: &str) -> Result<Authority, &'static str> {
    const USAGE: &str = "must be a host and a port, such as 127.0.0.1:9090 or localhost:9090";
    let address: Authority = text.parse().map_err(|_| USAGE)?;
    let is_address = address.port_u16().is_some() && !address.as_str().contains('@');
    is_address.then_some(address).ok_or(USAGE)
}

/// Where a Prometheus is, maybe below a path.
fn prometheus(text: &str) -> Result<Uri, &'static str> {
    const USAGE: &str = "must be an http or https URL, such as http://prometheus.monitoring:9090";
    let uri: Uri = text.parse().map_err(|_| USAGE)?;
    let host = uri.authority().filter(|_| matches!(uri.scheme_str(), Some("http" | "https")));
    let host = host.ok_or(USAGE)?;
    if host.as_str().contains('@') {
        return Err("names and passwords are not supported: use a port that needs none, such as \
            that of kubectl port-forward");
    }
    if uri.query().is_some() || text.contains('#') {
        return Err("must end with the path, without '?' and '#'");
    }
    Ok(uri)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_days_or_a_duration() {
        let hours = |hours| Ok(Duration::from_hours(hours));
        assert_eq!(since("24h"), hours(24));
        assert_eq!(since("7d"), hours(168));
        assert_eq!(since("1h30m"), Ok(Duration::from_mins(90)));
        for bad in ["", "7", "d", "-1h", "1w", "0s", "367d", "99999999999999999999d"] {
            assert!(since(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn addresses_and_urls_are_checked() {
        assert_eq!(admin("localhost:9090").unwrap().host(), "localhost");
        assert_eq!(admin("[::1]:9090").unwrap().port_u16(), Some(9090));
        for bad in ["", "localhost", "http://localhost:9090", "me@localhost:9090", "a b:1"] {
            assert!(admin(bad).is_err(), "{bad}");
        }
        assert_eq!(prometheus("https://metrics.ep.com/prom/").unwrap().path(), "/prom/");
        for bad in ["", "prometheus:9090", "ftp://x", "http://a:b@x", "http://x/?q=1", "/x"] {
            assert!(prometheus(bad).is_err(), "{bad}");
        }
    }
}

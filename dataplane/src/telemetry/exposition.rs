//! The counters in the Prometheus text format.

use super::{
    cors::{Series, mode, series},
    counters::{GaveWay, Snapshot},
    handshakes::{self, HandshakeCounts},
    histogram::Histogram,
    isolation::IsolationChange,
    merged::{Merged, merged},
    rules::RuleOwner,
    upstream::{self, UpstreamCounts},
};
use crate::table::{ObjectName, Table};
use std::{
    collections::BTreeMap,
    fmt::{self, Write},
    time::UNIX_EPOCH,
};

/// The memory of all client connections, in bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ConnectionMemory {
    /// What they hold, by estimate.
    pub(crate) used: usize,
    /// What they may hold.
    pub(crate) limit: usize,
}

/// Writes the sums over all workers, and what is to be told of the table that they serve.
pub(crate) fn encode(
    snapshots: &[Snapshot],
    memory: ConnectionMemory,
    table: &Table,
    out: &mut String,
) -> fmt::Result {
    let routes = merged(snapshots);
    requests(&routes, out)?;
    durations(&routes, out)?;
    retries(&routes, out)?;
    cors(&routes, out)?;
    panics(&routes, out)?;
    rules(snapshots, out)?;
    isolation(&routes, out)?;
    upstream(snapshots, out)?;
    connections(snapshots, memory, out)?;
    tls_handshakes(snapshots, out)?;
    certificates(table, out)
}

/// The label `route`. Object names are DNS names, so nothing needs escaping.
fn label(name: Option<&ObjectName>) -> String {
    name.map_or_else(|| "-".to_owned(), ToString::to_string)
}

fn requests(routes: &BTreeMap<Option<&ObjectName>, Merged>, out: &mut String) -> fmt::Result {
    let name = "portico_requests_total";
    family(
        out,
        name,
        "Requests by Route, status code and, for responses that Portico generated, the reason.",
    )?;
    for (route, merged) in routes {
        for ((code, reason), count) in &merged.outcomes {
            let route = label(*route);
            writeln!(
                out,
                "{name}{{route=\"{route}\",code=\"{code}\",reason=\"{reason}\"}} {count}"
            )?;
        }
    }
    Ok(())
}

fn durations(routes: &BTreeMap<Option<&ObjectName>, Merged>, out: &mut String) -> fmt::Result {
    let name = "portico_request_duration_seconds";
    writeln!(out, "# HELP {name} Time from a request's head to the end of its response.")?;
    writeln!(out, "# TYPE {name} histogram")?;
    for (route, merged) in routes {
        if merged.outcomes.is_empty() {
            continue;
        }
        let route = format!("route=\"{}\"", label(*route));
        histogram(out, name, &route, &merged.durations)?;
    }
    Ok(())
}

fn retries(routes: &BTreeMap<Option<&ObjectName>, Merged>, out: &mut String) -> fmt::Result {
    let name = "portico_retries_total";
    family(out, name, "Requests that were tried again, by Route and reason.")?;
    for (route, merged) in routes {
        for (reason, count) in &merged.retries {
            let route = label(*route);
            writeln!(out, "{name}{{route=\"{route}\",reason=\"{reason}\"}} {count}")?;
        }
    }
    let name = "portico_retries_suppressed_total";
    family(out, name, "Requests that were not tried again because of the Route's retry.budget.")?;
    for (route, merged) in routes.iter().filter(|(_, merged)| merged.suppressed > 0) {
        writeln!(out, "{name}{{route=\"{}\"}} {}", label(*route), merged.suppressed)?;
    }
    Ok(())
}

/// The samples of a histogram; `labels` are all but `le`, and may be empty.
fn histogram(out: &mut String, name: &str, labels: &str, histogram: &Histogram) -> fmt::Result {
    let comma = if labels.is_empty() { "" } else { "," };
    let mut count = 0;
    for (bound, below) in histogram.cumulative() {
        let bound = if bound.is_finite() { bound.to_string() } else { "+Inf".to_owned() };
        writeln!(out, "{name}_bucket{{{labels}{comma}le=\"{bound}\"}} {below}")?;
        count = below;
    }
    let labels = if labels.is_empty() { String::new() } else { format!("{{{labels}}}") };
    writeln!(out, "{name}_sum{labels} {}", histogram.sum().as_secs_f64())?;
    writeln!(out, "{name}_count{labels} {count}")
}

fn cors(routes: &BTreeMap<Option<&ObjectName>, Merged>, out: &mut String) -> fmt::Result {
    let verdict = || {
        routes.iter().flat_map(|(route, merged)| {
            merged.cors.verdict.iter().map(|(verdict, count)| (label(*route), *verdict, *count))
        })
    };
    let name = "portico_cors_preflights_total";
    family(out, name, "Preflights to which a CORS policy applied, by Route, verdict and mode.")?;
    for (route, verdict, count) in verdict() {
        if let Series::Preflights(result, reason) = series(verdict.outcome) {
            let mode = mode(verdict);
            writeln!(
                out,
                "{name}{{route=\"{route}\",result=\"{result}\",reason=\"{reason}\",mode=\"{mode}\"}} {count}"
            )?;
        }
    }
    let name = "portico_cors_requests_total";
    family(
        out,
        name,
        "Cross-origin requests to which a CORS policy applied, by Route, verdict and mode.",
    )?;
    for (route, verdict, count) in verdict() {
        if let Series::Requests(result) = series(verdict.outcome) {
            let mode = mode(verdict);
            writeln!(
                out,
                "{name}{{route=\"{route}\",result=\"{result}\",mode=\"{mode}\"}} {count}"
            )?;
        }
    }
    avoided(routes, out)
}

fn avoided(routes: &BTreeMap<Option<&ObjectName>, Merged>, out: &mut String) -> fmt::Result {
    let counts = || {
        let counts = routes.iter().map(|(route, merged)| (label(*route), &merged.cors));
        counts.filter(|(_, counts)| counts.avoided > 0)
    };
    let name = "portico_cors_preflights_avoided_total";
    family(
        out,
        name,
        "Forwarded same-origin requests that would have needed a preflight if their page had called the backend on another origin. Browsers cache preflight results; headers that browsers and proxies also add don't count.",
    )?;
    for (route, counts) in counts() {
        writeln!(out, "{name}{{route=\"{route}\"}} {}", counts.avoided)?;
    }
    let name = "portico_cors_saved_round_trip_seconds_total";
    family(
        out,
        name,
        "The minimum time that those preflights would have taken: for each, the shortest recent round trip on the client's connection. Linux only.",
    )?;
    for (route, counts) in counts() {
        writeln!(out, "{name}{{route=\"{route}\"}} {}", counts.saved.as_secs_f64())?;
    }
    Ok(())
}

fn panics(routes: &BTreeMap<Option<&ObjectName>, Merged>, out: &mut String) -> fmt::Result {
    let name = "portico_backend_panics_total";
    family(out, name, "Requests for which all endpoints were out, so that all were used.")?;
    for (route, merged) in routes {
        if route.is_some() {
            writeln!(out, "{name}{{route=\"{}\"}} {}", label(*route), merged.panics)?;
        }
    }
    Ok(())
}

fn rules(snapshots: &[Snapshot], out: &mut String) -> fmt::Result {
    let mut sums: BTreeMap<(&RuleOwner, &str), u64> = BTreeMap::new();
    for (owner, rules) in snapshots.iter().flat_map(|one| &one.rules) {
        for (rule, count) in rules {
            *sums.entry((owner, &**rule)).or_default() += count;
        }
    }
    let name = "portico_rule_hits_total";
    family(out, name, "Requests on which a rule acted, by its FrontDoor or Route and its name.")?;
    for ((object, rule), count) in sums {
        writeln!(out, "{name}{{object=\"{object}\",rule=\"{rule}\"}} {count}")?;
    }
    Ok(())
}

fn isolation(routes: &BTreeMap<Option<&ObjectName>, Merged>, out: &mut String) -> fmt::Result {
    let name = "portico_isolation_changes_total";
    family(
        out,
        name,
        "Cookies and headers changed to keep backends under one origin apart, by Route and kind.",
    )?;
    for (route, merged) in routes {
        for change in IsolationChange::ALL {
            let (route, kind, count) = (label(*route), change.name(), merged.isolation.of(change));
            if count > 0 {
                writeln!(out, "{name}{{route=\"{route}\",kind=\"{kind}\"}} {count}")?;
            }
        }
    }
    Ok(())
}

/// A label's value: the name of an external backend is a URL.
pub(crate) struct Escaped<'n>(pub(crate) &'n str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '"' | '\\' => write!(f, "\\{c}")?,
                '\n' => f.write_str("\\n")?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

/// The header of a counter's samples.
fn family(out: &mut String, name: &str, help: &str) -> fmt::Result {
    writeln!(out, "# HELP {name} {help}\n# TYPE {name} counter")
}

fn upstream(snapshots: &[Snapshot], out: &mut String) -> fmt::Result {
    type Count = fn(&UpstreamCounts) -> u64;
    let merged = upstream::merged(snapshots.iter().map(|snapshot| &snapshot.upstream));
    let counters: [(&str, &str, Count); 4] = [
        ("portico_upstream_connects_total", "Connections made to a backend.", |c| c.connected),
        (
            "portico_upstream_connect_failures_total",
            "Failed attempts to connect to an endpoint of a backend.",
            |c| c.failed,
        ),
        (
            "portico_upstream_reused_total",
            "Requests sent to a backend over a connection from the pool.",
            |c| c.reused,
        ),
        (
            "portico_upstream_retries_total",
            "Requests sent again because a pooled connection had been closed, or the backend had not processed them.",
            |c| c.retried,
        ),
    ];
    for (name, help, count) in counters {
        family(out, name, help)?;
        for (backend, counts) in &merged {
            writeln!(out, "{name}{{backend=\"{}\"}} {}", Escaped(backend), count(counts))?;
        }
    }
    let idle: usize = snapshots.iter().map(|snapshot| snapshot.upstream.idle).sum();
    let help = "Idle connections to backends.";
    metric(out, "portico_upstream_idle_connections", "gauge", help, idle as u64)
}

fn connections(snapshots: &[Snapshot], memory: ConnectionMemory, out: &mut String) -> fmt::Result {
    let counts = || snapshots.iter().map(|snapshot| snapshot.connections);
    let open: usize = counts().map(|counts| counts.open).sum();
    let gauges = [
        ("portico_connections", "Open client connections.", open),
        (
            "portico_connection_memory_bytes",
            "Estimated memory that client connections hold.",
            memory.used,
        ),
        (
            "portico_connection_memory_limit_bytes",
            "Memory that client connections may hold: --max-memory.",
            memory.limit,
        ),
    ];
    for (name, help, value) in gauges {
        metric(out, name, "gauge", help, value as u64)?;
    }
    let name = "portico_connections_closed_total";
    family(
        out,
        name,
        "Client connections closed to make room for others, by the limit that was reached.",
    )?;
    for reason in GaveWay::ALL {
        let count: u64 = counts().map(|counts| counts.gave_way[reason as usize]).sum();
        writeln!(out, "{name}{{reason=\"{}\"}} {count}", reason.name())?;
    }
    Ok(())
}

fn tls_handshakes(snapshots: &[Snapshot], out: &mut String) -> fmt::Result {
    let mut all = HandshakeCounts::default();
    snapshots.iter().for_each(|snapshot| all.merge(&snapshot.handshakes));
    let name = "portico_tls_handshakes_total";
    family(out, name, "TLS handshakes with clients, by how they ended and the version of TLS.")?;
    for ((result, version), count) in &all.results {
        let (result, version) = (result.name(), handshakes::version(*version));
        writeln!(out, "{name}{{result=\"{result}\",version=\"{version}\"}} {count}")?;
    }
    let name = "portico_tls_handshake_duration_seconds";
    writeln!(
        out,
        "# HELP {name} Time from accepting a connection to the end of its TLS handshake, of those that succeed."
    )?;
    writeln!(out, "# TYPE {name} histogram")?;
    histogram(out, name, "", &all.durations)
}

fn certificates(table: &Table, out: &mut String) -> fmt::Result {
    let name = "portico_certificate_not_after_timestamp_seconds";
    writeln!(out, "# HELP {name} When the certificate of a FrontDoor's host expires.")?;
    writeln!(out, "# TYPE {name} gauge")?;
    for entry in table.hosts.iter() {
        let Some(certificate) = entry.tls.as_ref().and_then(|tls| tls.certificate.as_ref()) else {
            continue;
        };
        // One that expired before 1970 has expired.
        let seconds = certificate.not_after().duration_since(UNIX_EPOCH).unwrap_or_default();
        let (front_door, host) = (&entry.front_door, &entry.host);
        writeln!(
            out,
            "{name}{{front_door=\"{front_door}\",host=\"{host}\"}} {}",
            seconds.as_secs()
        )?;
    }
    Ok(())
}

/// A metric without labels.
fn metric(out: &mut String, name: &str, kind: &str, help: &str, value: u64) -> fmt::Result {
    writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}")
}

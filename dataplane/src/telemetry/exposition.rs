//! The counters in the Prometheus text format.

use super::{
    cors::{CorsCounts, Series, mode, series},
    counters::{GaveWay, RouteSnapshot, Snapshot, UpstreamCounts},
    histogram::Histogram,
    status::StatusLabel,
};
use crate::table::ObjectName;
use std::{
    collections::BTreeMap,
    fmt::{self, Write},
};

#[derive(Default)]
struct Merged {
    outcomes: BTreeMap<(StatusLabel, &'static str), u64>,
    durations: Histogram,
    cors: CorsCounts,
}

/// The memory of all client connections, in bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ConnectionMemory {
    /// What they hold, by estimate.
    pub(crate) used: usize,
    /// What they may hold.
    pub(crate) limit: usize,
}

/// Writes the sums over all workers.
pub(crate) fn encode(
    snapshots: &[Snapshot],
    memory: ConnectionMemory,
    out: &mut String,
) -> fmt::Result {
    let mut routes: BTreeMap<Option<&ObjectName>, Merged> = BTreeMap::new();
    for RouteSnapshot { name, outcomes, durations, cors } in
        snapshots.iter().flat_map(|one| &one.routes)
    {
        let merged = routes.entry(name.as_ref()).or_default();
        for (outcome, count) in outcomes {
            *merged.outcomes.entry(*outcome).or_default() += count;
        }
        merged.durations.merge(durations);
        merged.cors.merge(cors);
    }
    requests(&routes, out)?;
    durations(&routes, out)?;
    cors(&routes, out)?;
    upstream(snapshots, out)?;
    connections(snapshots, memory, out)
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
        let route = label(*route);
        let mut count = 0;
        for (bound, below) in merged.durations.cumulative() {
            let bound = if bound.is_finite() { bound.to_string() } else { "+Inf".to_owned() };
            writeln!(out, "{name}_bucket{{route=\"{route}\",le=\"{bound}\"}} {below}")?;
            count = below;
        }
        let sum = merged.durations.sum().as_secs_f64();
        writeln!(out, "{name}_sum{{route=\"{route}\"}} {sum}")?;
        writeln!(out, "{name}_count{{route=\"{route}\"}} {count}")?;
    }
    Ok(())
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
        "Forwarded same-origin requests that would have needed a preflight if their page had called the backend on another origin; an upper bound, because browsers cache preflight results.",
    )?;
    for (route, counts) in counts() {
        writeln!(out, "{name}{{route=\"{route}\"}} {}", counts.avoided)?;
    }
    let name = "portico_cors_saved_round_trip_seconds_total";
    family(
        out,
        name,
        "The least time that those preflights would have taken: for each, the shortest recent round trip on the client's connection. Linux only.",
    )?;
    for (route, counts) in counts() {
        writeln!(out, "{name}{{route=\"{route}\"}} {}", counts.saved.as_secs_f64())?;
    }
    Ok(())
}

/// The header of a counter's samples.
fn family(out: &mut String, name: &str, help: &str) -> fmt::Result {
    writeln!(out, "# HELP {name} {help}\n# TYPE {name} counter")
}

fn upstream(snapshots: &[Snapshot], out: &mut String) -> fmt::Result {
    let total = |counter: fn(&UpstreamCounts) -> u64| -> u64 {
        snapshots.iter().map(|snapshot| counter(&snapshot.upstream)).sum()
    };
    let counters = [
        (
            "portico_upstream_connects_total",
            "Connections made to backends.",
            total(|c| c.connected),
        ),
        (
            "portico_upstream_connect_failures_total",
            "Attempts to connect to an endpoint of a backend that failed.",
            total(|c| c.failed),
        ),
        (
            "portico_upstream_reused_total",
            "Requests sent over a connection from the pool.",
            total(|c| c.reused),
        ),
        (
            "portico_upstream_retries_total",
            "Requests sent again because a pooled connection had been closed, or the backend had not processed them.",
            total(|c| c.retried),
        ),
    ];
    for (name, help, value) in counters {
        metric(out, name, "counter", help, value)?;
    }
    let idle = total(|c| c.idle);
    metric(out, "portico_upstream_idle_connections", "gauge", "Idle connections to backends.", idle)
}

fn connections(snapshots: &[Snapshot], memory: ConnectionMemory, out: &mut String) -> fmt::Result {
    let counts = || snapshots.iter().map(|snapshot| snapshot.connections);
    let open: usize = counts().map(|counts| counts.open).sum();
    let gauges = [
        ("portico_connections", "Open client connections.", open),
        (
            "portico_connection_memory_bytes",
            "Memory that client connections hold, by estimate.",
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
        "Client connections closed for the sake of others, by the limit that was reached.",
    )?;
    for reason in GaveWay::ALL {
        let count: u64 = counts().map(|counts| counts.gave_way[reason as usize]).sum();
        writeln!(out, "{name}{{reason=\"{}\"}} {count}", reason.name())?;
    }
    Ok(())
}

/// A metric without labels.
fn metric(out: &mut String, name: &str, kind: &str, help: &str, value: u64) -> fmt::Result {
    writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}")
}

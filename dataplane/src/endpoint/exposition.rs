//! What is known of backends, in the Prometheus text format. No label holds an address.

use super::shown::{ShownBackend, State};
use crate::telemetry::Escaped;
use std::{
    collections::BTreeMap,
    fmt::{self, Write},
    net::SocketAddr,
};

/// All that is shown under one name: the same backend may have several protocols and `health`
/// blocks.
#[derive(Default)]
struct Merged {
    /// The worst state of each endpoint.
    states: BTreeMap<SocketAddr, State>,
    ejections: u64,
    latency_seconds: Option<f64>,
}

/// Writes the metrics of backends.
pub(crate) fn encode(backends: &[ShownBackend], out: &mut String) -> fmt::Result {
    let mut by_name = BTreeMap::<&str, Merged>::new();
    for backend in backends {
        let merged = by_name.entry(&backend.name).or_default();
        for endpoint in &backend.endpoints {
            let state = merged.states.entry(endpoint.address).or_insert(endpoint.state);
            *state = (*state).max(endpoint.state);
        }
        merged.ejections += backend.ejections;
        merged.latency_seconds = merged.latency_seconds.or(backend.latency_seconds);
    }
    let name = "portico_backend_endpoints";
    writeln!(out, "# HELP {name} Endpoints of a backend, by their state.\n# TYPE {name} gauge")?;
    for (backend, merged) in &by_name {
        for state in State::ALL {
            let count = merged.states.values().filter(|own| **own == state).count();
            let (backend, state) = (Escaped(backend), state.name());
            writeln!(out, "{name}{{backend=\"{backend}\",state=\"{state}\"}} {count}")?;
        }
    }
    let name = "portico_backend_ejections_total";
    writeln!(out, "# HELP {name} Ejections of a backend's endpoints because of its requests.")?;
    writeln!(out, "# TYPE {name} counter")?;
    for (backend, merged) in &by_name {
        writeln!(out, "{name}{{backend=\"{}\"}} {}", Escaped(backend), merged.ejections)?;
    }
    let name = "portico_backend_latency_seconds";
    writeln!(
        out,
        "# HELP {name} The median of the moving averages of the time to the first byte of a backend's endpoints."
    )?;
    writeln!(out, "# TYPE {name} gauge")?;
    for (backend, merged) in &by_name {
        if let Some(seconds) = merged.latency_seconds {
            writeln!(out, "{name}{{backend=\"{}\"}} {seconds}", Escaped(backend))?;
        }
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::{super::shown::ShownEndpoint, *};
    use std::time::SystemTime;

    #[test]
    fn endpoints_count_once_in_their_worst_state_and_have_no_labels() {
        let shown = |port, state| ShownEndpoint {
            address: ([127, 0, 0, 1], port).into(),
            state,
            reason: None,
            since: SystemTime::now(),
            latency_seconds: None,
            in_flight: 0,
            ejections: 7,
        };
        let backend = |latency_seconds, endpoints: Vec<_>| ShownBackend {
            name: "https://a\"b\\".to_owned(),
            protocol: "https",
            health_path: None,
            routes: Vec::new(),
            latency_seconds,
            ejections: 2,
            unresolved_since: None,
            endpoints,
        };
        let all = [
            backend(None, vec![shown(1, State::Healthy), shown(2, State::Healthy)]),
            backend(Some(0.25), vec![shown(1, State::Unhealthy), shown(2, State::Healthy)]),
        ];
        let mut out = String::new();
        encode(&all, &mut out).unwrap();
        let label = "backend=\"https://a\\\"b\\\\\"";
        for line in [
            format!("portico_backend_endpoints{{{label},state=\"healthy\"}} 1\n"),
            format!("portico_backend_endpoints{{{label},state=\"unhealthy\"}} 1\n"),
            format!("portico_backend_endpoints{{{label},state=\"ejected\"}} 0\n"),
            format!("portico_backend_ejections_total{{{label}}} 4\n"),
            format!("portico_backend_latency_seconds{{{label}}} 0.25\n"),
        ] {
            assert!(out.contains(&line), "{line} {out}");
        }
        assert!(!out.contains("127.0.0.1"));
    }
}

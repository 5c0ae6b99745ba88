//! A backend pool or origin group: what is chosen from, and how.

use super::{
    names,
    pattern::escaped,
    read::{Given, Unclear, flag, number, text, unclear},
};
use crate::import::Node;
use portico_crds::{
    Affinity, Backend, Balance, CheckMethod, Duration, ExternalBackend, HealthCheck,
};
use std::net::{IpAddr, Ipv4Addr};

/// How many backends a Route may have.
const MAX_BACKENDS: usize = 16;

/// A scheme that backends are reached by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scheme {
    Http,
    Https,
}

/// Which scheme reaches the backends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Forwarding {
    /// Always this one.
    By(Scheme),
    /// The one of the request.
    MatchRequest,
}

impl Forwarding {
    /// Reads `forwardingProtocol`.
    pub(super) fn read(of: &Node<'_>) -> Result<Self, Unclear> {
        let Some(node) = of.field("forwardingProtocol") else { return Ok(Self::MatchRequest) };
        let forwarding = match node.text() {
            Some("HttpOnly") => Self::By(Scheme::Http),
            Some("HttpsOnly") => Self::By(Scheme::Https),
            Some("MatchRequest") => Self::MatchRequest,
            _ => return Err(unclear(&node, "HttpOnly, HttpsOnly or MatchRequest")),
        };
        node.kept();
        Ok(forwarding)
    }
}

/// A backend or origin.
#[derive(Clone, Debug)]
pub(super) struct Origin<'s> {
    node: Node<'s>,
    address: String,
    ports: (u32, u32),
    priority: u32,
    weight: u32,
    /// The Host that it gets; `None`: the client's.
    host: Option<String>,
    /// Where that is said.
    host_node: Option<Node<'s>>,
}

impl<'s> Origin<'s> {
    /// Reads a backend or origin, whose address and host header are in these fields; `None` if it is
    /// not in use.
    pub(super) fn read(node: &Node<'s>, address: &str, host: &str) -> Option<Self> {
        let ports = (port(node, "httpPort", 80).ok()?, port(node, "httpsPort", 443).ok()?);
        let Some(given) = text(node, address).ok()? else {
            node.dropped("has no address");
            return None;
        };
        let origin = Self {
            node: node.clone(),
            address: given.to_owned(),
            ports,
            priority: number(node, "priority", (1, 1000)).ok()?.unwrap_or(1),
            weight: number(node, "weight", (0, 1000)).ok()?.unwrap_or(50),
            host: text(node, host).ok()?.map(str::to_owned),
            host_node: node.field(host),
        };
        if !is_host(&origin.address) {
            node.dropped(format!("'{given}' is no host that a URL can have: correct it"));
            return None;
        }
        if origin.host.as_deref().is_some_and(|host| !is_name(host)) {
            node.dropped("has a host header that is no host: correct it");
            return None;
        }
        Some(origin)
    }

    fn url(&self, scheme: Scheme) -> String {
        let host = match self.address.parse::<IpAddr>() {
            Ok(IpAddr::V6(address)) => format!("[{address}]"),
            _ => self.address.clone(),
        };
        match (scheme, self.ports) {
            (Scheme::Http, (80, _)) => format!("http://{host}"),
            (Scheme::Http, (port, _)) => format!("http://{host}:{port}"),
            (Scheme::Https, (_, 443)) => format!("https://{host}"),
            (Scheme::Https, (_, port)) => format!("https://{host}:{port}"),
        }
    }
}

fn port(node: &Node<'_>, name: &str, default: u32) -> Result<u32, Unclear> {
    Ok(number(node, name, (1, 65535))?.unwrap_or(default))
}

/// Whether a text is a host name or an address.
fn is_host(text: &str) -> bool {
    text.parse::<IpAddr>().is_ok() || is_name(text)
}

/// Whether a text is a host name.
pub(super) fn is_name(text: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    // What ends in a number is an address, or nothing.
    let is_number =
        |label: &str| label.bytes().all(|b| b.is_ascii_digit()) || label.starts_with("0x");
    let may_end =
        !text.rsplit('.').next().is_some_and(is_number) || text.parse::<Ipv4Addr>().is_ok();
    text.len() <= 253 && text.split('.').all(is_label) && may_end
}

/// A backend pool or origin group.
#[derive(Clone, Debug, Default)]
pub(super) struct Pool<'s> {
    /// Its name.
    pub(super) name: String,
    /// Those in use.
    pub(super) origins: Vec<Origin<'s>>,
    /// How they are checked.
    pub(super) health: Option<HealthCheck>,
    /// Which latency is as good as the lowest.
    pub(super) balance: Option<Balance>,
    /// Whether clients stay with their backend, and for how many seconds; 0: until the browser is
    /// closed.
    pub(super) affinity: Option<u32>,
}

impl Pool<'_> {
    /// The backends that are reached by a scheme.
    pub(super) fn backends(&self, scheme: Scheme) -> Vec<Backend> {
        let mut origins: Vec<_> = self.origins.iter().collect();
        origins.sort_by_key(|origin| origin.priority);
        for origin in origins.iter().skip(MAX_BACKENDS) {
            origin.node.dropped(format!(
                "is one of more than {MAX_BACKENDS} in use: a Route has no more; put a load balancer in front of some"
            ));
        }
        let backend = |origin: &&Origin<'_>| Backend {
            service: None,
            external: Some(ExternalBackend { url: origin.url(scheme) }),
            tls: None,
            weight: i32::try_from(origin.weight).unwrap_or(1),
            priority: i32::try_from(origin.priority).unwrap_or(0),
        };
        origins.iter().take(MAX_BACKENDS).map(backend).collect()
    }

    /// The Host that its backends get, as `rewrite.host`; `None`: each its own.
    pub(super) fn host(&self) -> Option<String> {
        let is_own = |origin: &Origin<'_>| {
            origin.host.as_deref().is_some_and(|host| host.eq_ignore_ascii_case(&origin.address))
        };
        let is_plain = |origin: &Origin<'_>| is_own(origin) && origin.ports == (80, 443);
        let first = self.origins.first()?;
        if self.origins.iter().all(is_plain) {
            return None;
        }
        let mut others = self.origins.iter().filter(|origin| origin.host != first.host).peekable();
        if others.peek().is_none() {
            return Some(first.host.clone().unwrap_or_else(|| "Preserve".to_owned()));
        }
        for origin in self.origins.iter().filter(|origin| !is_own(origin)) {
            origin.host_node.as_ref().unwrap_or(&origin.node).changed(
                "the origin gets its address as Host, since the host headers in its group differ, and a Route has one for all; make a Route of its own for it if that is not right",
            );
        }
        None
    }

    /// The cookie that keeps clients with their backend for so many seconds, if they are to stay.
    pub(super) fn cookie(&self, affinity: Option<u32>) -> Option<Affinity> {
        let max_age = affinity.filter(|seconds| *seconds > 0).map(|it| duration(it * 1000));
        let cookie = Some(format!("affinity-{}", names::label(&self.name)));
        affinity.map(|_| Affinity { cookie, max_age })
    }
}

/// The fields in which a probe and what counts as healthy are configured, which differ.
pub(super) struct ProbeFields {
    pub(super) path: &'static str,
    pub(super) protocol: &'static str,
    pub(super) interval: &'static str,
    pub(super) method: &'static str,
    pub(super) latency: &'static str,
}

/// How many samples count, and how many of them must succeed.
const COUNTS: [&str; 2] = ["sampleSize", "successfulSamplesRequired"];

/// Reads a health probe, and how many of its samples must succeed.
pub(super) fn health(
    probe: Option<&Node<'_>>,
    samples: Option<&Node<'_>>,
    fields: &ProbeFields,
) -> Given<HealthCheck> {
    let counts = || COUNTS.iter().filter_map(|name| samples?.field(name));
    let method = match probe {
        Some(probe) if flag(probe, "enabledState")? != Some(false) => text(probe, fields.method)?,
        Some(_) | None => Some("NotSet"),
    };
    let Some(probe) = probe.filter(|_| method != Some("NotSet")) else {
        // Without a probe they count nothing.
        counts().for_each(|count| count.kept());
        probe.iter().for_each(|probe| probe.kept());
        return Ok(None);
    };
    let path = text(probe, fields.path)?.unwrap_or("/");
    if !path.starts_with('/') || escaped(path) != path {
        return Err(unclear(probe, "a probe of a path such as /healthz"));
    }
    let method = if method == Some("GET") { CheckMethod::Get } else { CheckMethod::Head };
    if let Some(protocol) = probe.field(fields.protocol) {
        protocol.changed("checks use the protocol of requests");
    }
    let interval = number(probe, fields.interval, (1, 3600))?.unwrap_or(30);
    let of_samples = |name, default| match samples {
        Some(node) => Ok(number(node, name, (0, 255))?.unwrap_or(default)),
        None => Ok(default),
    };
    let size = of_samples(COUNTS[0], 4)?;
    let healthy = of_samples(COUNTS[1], 2)?.clamp(1, 100);
    let unhealthy = (size + 1).saturating_sub(healthy).clamp(1, 100);
    counts().for_each(|count| {
        count.changed(format!(
            "{healthy} of the last {size} checks become {healthy} in a row, and {unhealthy} failures in a row"
        ));
    });
    Ok(Some(HealthCheck {
        path: Some(path.to_owned()),
        method: Some(method),
        interval: Some(duration(interval * 1000)),
        healthy_after: i32::try_from(healthy).ok(),
        unhealthy_after: i32::try_from(unhealthy).ok(),
        expect: Some(vec!["200".to_owned()]),
        ..HealthCheck::default()
    }))
}

/// Reads which latency is as good as the lowest.
pub(super) fn balance(samples: Option<&Node<'_>>, fields: &ProbeFields) -> Given<Balance> {
    let Some(samples) = samples else { return Ok(None) };
    let latency = number(samples, fields.latency, (0, 99_999))?;
    Ok(latency.map(|it| Balance { latency_band: Some(duration(it)), ..Balance::default() }))
}

/// A duration of so many milliseconds, as manifests have them.
pub(super) fn duration(milliseconds: u32) -> Duration {
    Duration(match milliseconds {
        0 => "0s".to_owned(),
        it if it % 3_600_000 == 0 => format!("{}h", it / 3_600_000),
        it if it % 60_000 == 0 => format!("{}m", it / 60_000),
        it if it % 1000 == 0 && it < 100_000_000 => format!("{}s", it / 1000),
        it if it % 1000 == 0 => format!("{}m{}s", it / 60_000, it / 1000 % 60),
        it => format!("{it}ms"),
    })
}

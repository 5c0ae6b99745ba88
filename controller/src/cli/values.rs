//! Parsers for flag values.

use crate::{compile, plan::ServiceTarget, schema::labels};
use http::{HeaderName, HeaderValue, Method, header};
use ipnet::IpNet;
use portico_dataplane::{
    cors::{OriginHost, OriginPattern, OriginPatternError, OriginPort},
    random::random,
    table::{HostPattern, HostPatternError, ObjectName},
};
use std::{
    net::{IpAddr, SocketAddr},
    num::NonZeroUsize,
    time::Duration,
};

/// A positive number.
pub(super) fn count(text: &str) -> Result<NonZeroUsize, &'static str> {
    text.parse().map_err(|_| "must be a whole number above 0, such as 4")
}

/// An IP address and a port.
pub(super) fn address(text: &str) -> Result<SocketAddr, &'static str> {
    text.parse().map_err(|_| {
        "must be an IP address and a port, such as 0.0.0.0:8080 (every address), 127.0.0.1:8080 or [::]:8080"
    })
}

/// An address or a CIDR.
pub(super) fn network(text: &str) -> Result<IpNet, &'static str> {
    compile::network(text).ok_or("must be an address or a CIDR, such as 10.0.0.7 or 10.0.0.0/8")
}

/// A number of bytes, plain or with KiB, MiB or GiB.
pub(super) fn size(text: &str) -> Result<usize, &'static str> {
    const UNITS: [(&str, u32); 4] = [("KiB", 10), ("MiB", 20), ("GiB", 30), ("", 0)];
    let (digits, shift) = UNITS
        .iter()
        .find_map(|(unit, shift)| Some((text.strip_suffix(unit)?, *shift)))
        .unwrap_or((text, 0));
    digits
        .parse::<usize>()
        .ok()
        .and_then(|number| number.checked_mul(1 << shift))
        .filter(|bytes| *bytes > 0)
        .ok_or("must be a number of bytes, KiB, MiB or GiB above 0, such as 65536, 64KiB or 10MiB")
}

/// A duration: `500ms`, `30s`, `1m30s`, `2h`, `0s`.
pub(super) fn time(text: &str) -> Result<Duration, &'static str> {
    match text.parse::<kube::core::Duration>() {
        Ok(duration) if !duration.is_negative() => Ok(duration.into()),
        Ok(_) | Err(_) => {
            Err("must be a number and a unit (h, m, s, ms), such as 30s, 1m30s or 500ms")
        }
    }
}

/// A duration other than zero.
pub(super) fn some_time(text: &str) -> Result<Duration, &'static str> {
    match time(text)? {
        Duration::ZERO => Err("must be more than 0"),
        time => Ok(time),
    }
}

/// A pseudonym for `Via`: a token (RFC 9110 §5.6.2).
pub(super) fn token(text: &str) -> Result<String, &'static str> {
    let is_token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    if !text.is_empty() && text.bytes().all(is_token) {
        Ok(text.to_owned())
    } else {
        Err("must consist of letters, digits, '-', '.' and '_'")
    }
}

/// A request method, normalised as `fetch()` does (Fetch, "normalize a method").
pub(super) fn method(text: &str) -> Result<Method, &'static str> {
    const NORMALIZED: [Method; 6] =
        [Method::DELETE, Method::GET, Method::HEAD, Method::OPTIONS, Method::POST, Method::PUT];
    let normalized = NORMALIZED.iter().find(|m| m.as_str().eq_ignore_ascii_case(text));
    match normalized.cloned().map_or_else(|| Method::from_bytes(text.as_bytes()), Ok) {
        Ok(Method::CONNECT) => Err("CONNECT is refused with 405, whatever the Routes say"),
        Ok(method) => Ok(method),
        Err(_) => Err("must be a method, such as GET, POST, PUT, PATCH or DELETE"),
    }
}

/// The origin of a page, as browsers write it in `Origin`.
pub(super) fn origin(text: &str) -> Result<HeaderValue, String> {
    if text == "null" {
        return Ok(HeaderValue::from_static("null"));
    }
    let origin: OriginPattern =
        text.parse().map_err(|error: OriginPatternError| error.to_string())?;
    match &origin {
        OriginPattern::Tuple {
            host: OriginHost::Exact(_),
            port: OriginPort::Default | OriginPort::Number(_),
            ..
        } => HeaderValue::try_from(origin.to_string()).map_err(|error| error.to_string()),
        OriginPattern::Any | OriginPattern::Tuple { .. } => {
            Err("a page has exactly one origin, such as https://app.example.com".to_owned())
        }
    }
}

/// What `-H` gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum GivenHeader {
    /// A header of the request.
    Field(HeaderName, HeaderValue),
    /// The page's origin.
    Origin(HeaderValue),
    /// Nothing is sent.
    Nothing,
}

/// A request header as curl reads it: `NAME: VALUE`; `NAME;` has an empty value, and `NAME:` sends
/// none.
pub(super) fn header(text: &str) -> Result<GivenHeader, String> {
    let empty = text.strip_suffix(';').filter(|name| !name.contains(':'));
    let (name, value) = empty
        .map(|name| (name, None))
        .or_else(|| text.split_once(':').map(|(name, value)| (name, Some(value.trim()))))
        .ok_or("must be a name, ':' and a value, such as 'x-tenant: blue'")?;
    let name = HeaderName::from_bytes(name.trim().as_bytes())
        .map_err(|_| "the name is not a header name")?;
    let value = match value {
        Some("") => return Ok(GivenHeader::Nothing),
        value => value.unwrap_or_default(),
    };
    match name {
        header::HOST => {
            Err("put the host in --url: nothing is sent, so it need not resolve".to_owned())
        }
        header::ORIGIN => origin(value).map(GivenHeader::Origin),
        name => match HeaderValue::from_str(value) {
            Ok(value) => Ok(GivenHeader::Field(name, value)),
            Err(_) => Err("the value has characters that are not allowed in a header".to_owned()),
        },
    }
}

/// `portico-` and 8 random hex digits.
pub(super) fn random_name() -> String {
    format!("portico-{:08x}", random() >> 32)
}

/// A namespace and hosts that it may have.
pub(super) type HostClaim = (String, Vec<HostPattern>);

/// `NAMESPACE=HOST[,HOST…]`.
pub(super) fn host_claim(text: &str) -> Result<HostClaim, String> {
    let (namespace, hosts) = text
        .split_once('=')
        .filter(|(_, hosts)| !hosts.is_empty())
        .ok_or("must be a namespace and its hosts, such as web=www.ep.com,*.shop.ep.com")?;
    let host =
        |host: &str| host.parse().map_err(|error: HostPatternError| format!("'{host}' {error}"));
    Ok((label(namespace)?, hosts.split(',').map(host).collect::<Result<_, _>>()?))
}

/// A DNS label, such as the name of a namespace.
pub(super) fn label(text: &str) -> Result<String, &'static str> {
    if is_label(text) {
        Ok(text.to_owned())
    } else {
        Err("must consist of lower-case letters, digits and '-', such as web")
    }
}

/// The class of an install. It is part of the Lease's name.
pub(super) fn class(text: &str) -> Result<String, &'static str> {
    if text.len() <= 200 && text.split('.').all(is_label) {
        Ok(text.to_owned())
    } else {
        Err("must consist of lower-case letters, digits, '-' and '.', such as portico")
    }
}

/// The name of a namespaced object.
pub(super) fn object(text: &str) -> Result<ObjectName, &'static str> {
    match text.split_once('/') {
        Some((namespace, name)) if is_label(namespace) && name.split('.').all(is_label) => {
            Ok(ObjectName::new(namespace, name))
        }
        Some(_) | None => Err("must be NAMESPACE/NAME, such as portico-system/portico"),
    }
}

/// A host, and the Service behind it.
pub(super) type ServiceAt = (String, ServiceTarget);

/// `HOST=NAMESPACE/NAME:PORT`.
pub(super) fn service(text: &str) -> Result<ServiceAt, &'static str> {
    const USAGE: &str = "must be a host, a namespace, the name of a Service and its port, such as api.example.com=web/api:80 or localhost:9102=web/sales:http";
    let parse = || {
        let (host, service) = text.split_once('=')?;
        let (namespace, service) = service.split_once('/')?;
        let (name, port) = service.split_once(':')?;
        let is_host = !host.is_empty() && !host.contains(['/', '@', ' ']);
        let is_port = match port.parse::<u16>() {
            Ok(number) => number > 0,
            Err(_) => {
                let has_letter = port.bytes().any(|b| b.is_ascii_lowercase());
                port.len() <= 15 && is_label(port) && has_letter && !port.contains("--")
            }
        };
        let is_valid = is_host && is_label(namespace) && is_label(name) && is_port;
        let [namespace, name, port] = [namespace, name, port].map(str::to_owned);
        is_valid.then(|| (host.to_ascii_lowercase(), ServiceTarget { namespace, name, port }))
    };
    parse().ok_or(USAGE)
}

/// An IP address or a host name.
pub(super) fn published(text: &str) -> Result<String, &'static str> {
    let is_host = text.len() <= 253 && text.split('.').all(is_label);
    if is_host || text.parse::<IpAddr>().is_ok() {
        Ok(text.to_owned())
    } else {
        Err("must be an IP address or a host name, such as 192.0.2.1 or lb.example.com")
    }
}

fn is_label(text: &str) -> bool {
    labels::check_label(text).is_ok()
}

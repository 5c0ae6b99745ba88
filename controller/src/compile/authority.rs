//! Hosts with ports, in URLs and in `rewrite.host`.

use crate::diagnostic::without_user;
use portico_dataplane::table::{Authority, HostPattern, Scheme};
use std::net::{IpAddr, Ipv4Addr};

/// Parses `host[:port]`, and omits the port if it is `default_port`. The error completes a sentence
/// that starts with the field's name.
pub(super) fn parse(text: &str, default_port: u16) -> Result<Authority, String> {
    let name_ends = text.rfind(']').map_or(0, |bracket| bracket + 1);
    let (host, port) = match text.get(name_ends..).and_then(|rest| rest.split_once(':')) {
        Some((name, port)) => {
            let host = text.get(..name_ends + name.len()).unwrap_or_default();
            (host, Some(self::port(port)?))
        }
        None => (text, None),
    };
    Ok(Authority { host: host_name(host)?, port: port.filter(|port| *port != default_port) })
}

/// Parses a scheme, a host and a port, optionally followed by a single `/`. The error is a
/// sentence, and leaves out what may be a password.
pub(super) fn parse_url(url: &str) -> Result<(Scheme, Authority), String> {
    parts(url).map_err(|error| format!("'{}' {error}", without_user(url)))
}

/// The error completes a sentence that starts with the URL.
fn parts(url: &str) -> Result<(Scheme, Authority), String> {
    const WANTED: &str = "is not an external URL: write https://host or http://host:port";
    let (scheme, rest) = url.split_once("://").ok_or(WANTED)?;
    let scheme = match scheme.to_ascii_lowercase().as_str() {
        "http" => Scheme::Http,
        "https" => Scheme::Https,
        _ => return Err(format!("has the scheme '{scheme}': use http or https")),
    };
    let authority = rest.strip_suffix('/').unwrap_or(rest);
    if let Some(what) = [
        ('?', "a query: remove it; the request's own is sent"),
        ('#', "a fragment: remove it"),
        ('/', "a path: use rewrite.path"),
        ('@', "a user: set the Authorization header from a Secret under requestHeaders"),
    ]
    .into_iter()
    .find_map(|(c, what)| authority.contains(c).then_some(what))
    {
        return Err(format!("has {what}"));
    }
    Ok((scheme, parse(authority, scheme.default_port())?))
}

fn port(text: &str) -> Result<u16, String> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    match text.parse() {
        Ok(port) if digits && port > 0 => Ok(port),
        _ => Err(format!("has the port '{text}': use a number from 1 to 65535")),
    }
}

/// Normalises a DNS name or an IP address (IPv6 in brackets).
pub(super) fn host_name(text: &str) -> Result<String, String> {
    match text.parse() {
        Ok(HostPattern::Exact(host)) if looks_like_a_number(&host) => Err(format!(
            "has the host '{text}', which is neither a name nor an address in its usual form"
        )),
        Ok(HostPattern::Exact(host)) => Ok(host.to_string()),
        Ok(HostPattern::Suffix(_) | HostPattern::Any) => {
            Err(format!("has the host '{text}': name one host, without '*'"))
        }
        Err(error) => Err(format!("has the host '{text}', which {error}")),
    }
}

/// Whether a resolver may read a name as an IPv4 address in an unusual notation (`127.1`,
/// `0x7f000001`): its last label is a number (URL Standard, "ends in a number"), but it is not a
/// dotted quad.
fn looks_like_a_number(host: &str) -> bool {
    let last = host.rsplit('.').next().unwrap_or_default();
    let number = last.bytes().all(|b| b.is_ascii_digit())
        || last.strip_prefix("0x").is_some_and(|hex| hex.bytes().all(|b| b.is_ascii_hexdigit()));
    number && host.parse::<Ipv4Addr>().is_err()
}

/// The IP address, if the host is one.
pub(super) fn address(host: &str) -> Option<IpAddr> {
    host.trim_matches(['[', ']']).parse().ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::{parse, parse_url};

    fn parsed(text: &str) -> Result<String, String> {
        parse(text, 80).map(|authority| authority.to_string())
    }

    #[test]
    fn hosts_and_ports() {
        for (text, printed) in [
            ("API.example.com", "api.example.com"),
            ("api.example.com.:8080", "api.example.com:8080"),
            ("api.example.com:80", "api.example.com"),
            ("10.0.0.1:81", "10.0.0.1:81"),
            ("[::1]", "[::1]"),
            ("[0::1]:81", "[::1]:81"),
            ("0x.example", "0x.example"),
        ] {
            assert_eq!(parsed(text), Ok(printed.to_owned()), "{text}");
        }
    }

    #[test]
    fn what_is_none_is_refused() {
        for text in [
            "",
            ":80",
            "a:",
            "a:0",
            "a:65536",
            "a:+1",
            "a:1:2",
            "::1",
            "[::1",
            "[::1]x",
            "[::1]x:1",
            "a b",
            "*.a.com",
            "*",
            "127.1",
            "2130706433",
            "0x7f000001",
            "0x7f.1",
            "0x",
            "a@b",
            "a]b:1",
        ] {
            assert!(parsed(text).is_err(), "{text}");
        }
    }

    #[test]
    fn urls_of_scheme_host_and_port() {
        for (url, printed) in [
            ("https://a.example.com", "https://a.example.com"),
            ("HTTPS://A.example.com:443/", "https://a.example.com"),
            ("http://a.example.com:443", "http://a.example.com:443"),
            ("http://[::1]:81/", "http://[::1]:81"),
        ] {
            let (scheme, authority) = parse_url(url).unwrap();
            assert_eq!(format!("{}://{authority}", scheme.as_str()), printed);
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for (url, why) in [
            ("a.example.com", "is not an external URL"),
            ("//a.example.com", "is not an external URL"),
            ("https:a.example.com", "is not an external URL"),
            ("ftp://a.example.com", "has the scheme 'ftp'"),
            ("ftp://me:pw@a.example.com", "'…@a.example.com' has the scheme 'ftp'"),
            ("https://me:p/pw@a.example.com", "has a path"),
            ("https://", "has the host ''"),
            ("https:///", "has the host ''"),
            ("https://a.example.com/v1", "has a path"),
            ("https://a.example.com//", "has a path"),
            ("https://a.example.com?x", "has a query"),
            ("https://a.example.com/#x", "has a fragment"),
            ("https://me:pw@a.example.com", "has a user"),
            ("https://a.example.com\\@b.example.com", "has a user"),
            ("https://a.example.com:80:80", "has the port '80:80'"),
        ] {
            let error = parse_url(url).unwrap_err();
            assert!(error.contains(why), "{url}: {error}");
            assert!(!error.contains("pw"), "{error}");
        }
    }
}

//! The strict parser of a policy's origins and the cheap one of a request's agree on what an origin
//! is, and the matcher admits no more than what is listed. The input's last line is a request's
//! `Origin`, the lines before it are a policy's entries.

#![no_main]

use libfuzzer_sys::fuzz_target;
use portico_dataplane::cors::{OriginHost, OriginPattern, OriginPort, Origins};

fuzz_target!(|text: &str| {
    let (entries, origin) = text.rsplit_once('\n').unwrap_or(("", text));
    let mut patterns = Vec::new();
    for entry in entries.split('\n') {
        match entry.parse::<OriginPattern>() {
            Ok(pattern) => {
                assert_eq!(pattern.to_string(), entry.to_ascii_lowercase());
                check_listed(&pattern);
                patterns.push(pattern);
            }
            Err(error) => {
                if let Some(better) = error.canonical {
                    assert_eq!(better.to_string().parse(), Ok(better), "what it says to write");
                }
            }
        }
    }
    let fits = patterns.iter().any(|pattern| fits(pattern, origin));
    let all = Origins::new(patterns, Vec::new());
    assert_eq!(all.admit(origin.as_bytes()), fits);
});

/// Whether the cheap parser takes a text for an origin: any is admitted by `*`.
fn is_origin(text: &str) -> bool {
    text != "null" && Origins::new(vec![OriginPattern::Any], Vec::new()).admit(text.as_bytes())
}

/// What is listed, one origin, is what a browser sends for it (URL Standard, "serialization of an
/// origin"), and admits itself.
fn check_listed(pattern: &OriginPattern) {
    assert_eq!(pattern.to_string().parse().as_ref(), Ok(pattern));
    let text = pattern.to_string();
    if text.contains('*') {
        return;
    }
    assert!(is_origin(&text), "no request could send {text}");
    assert!(Origins::new(vec![pattern.clone()], Vec::new()).admit(text.as_bytes()), "{text}");
    let origin = url::Url::parse(&text).expect("a URL").origin();
    // Schemes that are not special have opaque origins here; browsers give some of them others.
    if origin.is_tuple() {
        assert_eq!(origin.ascii_serialization(), text);
    }
}

/// Whether a pattern fits, asked of the texts alone.
fn fits(pattern: &OriginPattern, origin: &str) -> bool {
    let OriginPattern::Tuple { scheme, host, port } = pattern else {
        return origin == "null" || is_origin(origin);
    };
    let Some(authority) = origin.strip_prefix(&format!("{scheme}://")) else { return false };
    let host_text = match port {
        OriginPort::Default => Some(authority),
        OriginPort::Number(port) => authority.strip_suffix(&format!(":{port}")),
        OriginPort::Any => {
            let number = |port: &&str| !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit());
            let written = authority.rsplit_once(':').filter(|(_, port)| number(port));
            // An IPv6 address without a port ends in a bracket.
            Some(written.map_or(authority, |(host, _)| host))
        }
    };
    let host_fits = host_text.is_some_and(|text| match host {
        OriginHost::Exact(host) => **host == *text,
        OriginHost::Subdomains(suffix) => text.ends_with(&format!(".{suffix}")),
    });
    host_fits && is_origin(origin)
}

//! Names for objects.

use super::target::Authority;

/// The first label of a host, or all of an address; the port too, unless it is the default one.
pub(super) fn short_name(authority: &Authority) -> String {
    let host = match authority.address {
        Some(_) => authority.host.as_str(),
        None => authority.host.split('.').next().unwrap_or_default(),
    };
    let default = if authority.is_https { 443 } else { 80 };
    let port =
        if authority.port == default { String::new() } else { format!("-{}", authority.port) };
    label(&format!("{host}{port}"))
}

/// A name for objects (RFC 1123 label that starts with a letter, as those of Services do).
pub(super) fn label(text: &str) -> String {
    let parts = text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|part| !part.is_empty());
    let joined = parts.collect::<Vec<_>>().join("-").to_ascii_lowercase();
    let begins = joined.starts_with(|c: char| c.is_ascii_lowercase());
    truncated(&if begins { joined } else { format!("host-{joined}") })
}

/// At most 50 characters, so that there is room for more.
pub(super) fn truncated(name: &str) -> String {
    name.chars().take(50).collect::<String>().trim_matches('-').to_owned()
}

/// This name or, with a number, the first that is free.
pub(super) fn unique(name: &str, is_free: impl Fn(&str) -> bool) -> String {
    if is_free(name) {
        return name.to_owned();
    }
    let mut numbered = (2..10_000).map(|number| format!("{name}-{number}"));
    numbered.find(|name| is_free(name)).unwrap_or_else(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn names_are_those_that_services_may_have() {
        for (origin, name) in [
            ("https://api.example.com", "api"),
            ("http://api.example.com:8080", "api-8080"),
            ("http://localhost:9102", "localhost-9102"),
            ("http://127.0.0.1:80", "host-127-0-0-1"),
            ("http://[::1]:8000", "host-1-8000"),
            ("https://a_b.example.com", "a-b"),
            ("https://7.example.com", "host-7"),
        ] {
            assert_eq!(short_name(&Authority::of(origin).unwrap()), name);
        }
        assert_eq!(label(&"a".repeat(99)).len(), 50);
        assert_eq!(unique("a", |name| name.ends_with('3')), "a-3");
    }
}

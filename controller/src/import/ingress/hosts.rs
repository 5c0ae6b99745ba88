//! Names of hosts.

/// The entry of a FrontDoor for a host of an Ingress, where the empty name is any host; `None` if
/// there is none.
pub(super) fn entry(name: &str) -> Option<String> {
    if name.is_empty() {
        return Some("*".to_owned());
    }
    let name = name.to_ascii_lowercase();
    let labels = name.strip_prefix("*.").unwrap_or(&name);
    is_name(labels).then_some(name)
}

/// Whether this is the name of a host: RFC 1123, and not an address.
pub(super) fn is_name(name: &str) -> bool {
    let is_label = |label: &str| {
        let inside = |c: char| c.is_ascii_alphanumeric() || c == '-';
        (1..=63).contains(&label.len())
            && label.chars().all(inside)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let last = name.rsplit('.').next().unwrap_or_default();
    name.len() <= 240 && name.split('.').all(is_label) && !last.chars().all(|c| c.is_ascii_digit())
}

/// Whether an entry with a wildcard, `*.example.com` or `*`, stands for another one too.
pub(super) fn covers(wildcard: &str, entry: &str) -> bool {
    match wildcard.strip_prefix('*') {
        Some("") => entry != "*",
        Some(suffix) => entry != wildcard && entry.ends_with(suffix),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_wildcards() {
        assert_eq!(entry("").as_deref(), Some("*"));
        assert_eq!(entry("WWW.ep.com").as_deref(), Some("www.ep.com"));
        assert_eq!(entry("*.ep.com").as_deref(), Some("*.ep.com"));
        for bad in ["a b", "ep.com:80", "*", "a.*.com", "192.0.2.1", "~^a", "-a.com", "a..b"] {
            assert_eq!(entry(bad), None, "{bad}");
        }
        assert!(covers("*", "*.ep.com") && covers("*.ep.com", "a.ep.com"));
        assert!(!covers("*.ep.com", "ep.com") && !covers("*.ep.com", "*.ep.com"));
        assert!(covers("*.ep.com", "*.a.ep.com") && !covers("*", "*"));
    }
}

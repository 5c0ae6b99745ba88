//! Public suffixes (publicsuffix.org): domains under which anyone can register a name.

/// Whether anyone can register names directly below `host`, or below a label in front of it:
/// `co.uk`, `github.io`, and also `kawasaki.jp`, because every `*.kawasaki.jp` is a public suffix.
/// A top-level domain that is not on the list counts as one.
pub(super) fn below_is_public(host: &str) -> bool {
    is_public(host) || is_public(&format!("x.{host}"))
}

/// Whether `host` is itself a public suffix.
pub(super) fn is_public(host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host);
    psl::suffix_str(host) == Some(host)
}

/// The registrable domain that `host` belongs to; `None` for a public suffix.
pub(super) fn registrable(host: &str) -> Option<&str> {
    psl::domain_str(host.strip_suffix('.').unwrap_or(host))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suffixes_of_the_list_private_ones_too() {
        for host in [
            "com",
            "co.uk",
            "github.io",
            "kawasaki.jp",
            "internal",
            "compute.amazonaws.com",
            "co.uk.",
            "xn--55qx5d.cn",
            "xn--p1ai",
        ] {
            assert!(below_is_public(host), "{host}");
        }
        for host in [
            "example.com",
            "example.co.uk",
            "me.github.io",
            "city.kawasaki.jp",
            "a.b.internal",
            "example.co.uk.",
            "example.xn--55qx5d.cn",
        ] {
            assert!(!below_is_public(host), "{host}");
        }
    }
}

//! A request's `Origin`: the cheap parser.

use super::syntax::{MAX_BYTES, is_host_byte, is_scheme_byte};

/// An `Origin` with a scheme, a host and an optional port, spelt as browsers spell it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RequestOrigin<'o> {
    /// The whole origin.
    pub(super) text: &'o str,
    /// Everything but the port.
    pub(super) portless: &'o str,
    pub(super) scheme: &'o str,
    /// Host and port.
    pub(super) authority: &'o str,
    /// Neither it nor any label is empty, apart from the root after a trailing dot. IPv6 is in
    /// brackets.
    pub(super) host: &'o str,
}

impl<'o> RequestOrigin<'o> {
    /// Parses a lower-case `scheme://host[:port]` of at most 512 bytes, in one pass and without
    /// allocating. It does not check that the host or address is well-formed: the entries of a
    /// policy are, and the two are compared byte by byte.
    pub(super) fn parse(text: &'o str) -> Option<Self> {
        if text.len() > MAX_BYTES {
            return None;
        }
        let (scheme, rest) = text.split_at(scheme_len(text.as_bytes())?);
        let authority = rest.strip_prefix("://")?;
        let (host, port) = authority.split_at(host_len(authority.as_bytes())?);
        if !port.is_empty() && !is_port(port.as_bytes()) {
            return None;
        }
        let portless = text.split_at(text.len() - port.len()).0;
        Some(Self { text, portless, scheme, authority, host })
    }
}

/// The length of the scheme at the start (RFC 3986 §3.1).
fn scheme_len(text: &[u8]) -> Option<usize> {
    text.first().filter(|first| first.is_ascii_lowercase())?;
    text.iter().position(|byte| !is_scheme_byte(*byte))
}

/// The length of the host at the start, with its brackets.
fn host_len(authority: &[u8]) -> Option<usize> {
    if let [b'[', address @ ..] = authority {
        let len =
            address.iter().position(|byte| !matches!(byte, b'0'..=b'9' | b'a'..=b'f' | b':'))?;
        return (len > 0 && address.get(len) == Some(&b']')).then_some(len + 2);
    }
    let mut previous = b'.';
    let mut len = 0;
    for byte in authority.iter().copied().take_while(|byte| is_host_byte(*byte)) {
        if byte == b'.' && previous == b'.' {
            return None;
        }
        previous = byte;
        len += 1;
    }
    (len > 0).then_some(len)
}

/// Whether this is `:1` to `:65535`, without leading zeros. The scheme's default port, which
/// browsers leave out, is not special: no listed origin has it, but `:*` and `*` match it.
fn is_port(port: &[u8]) -> bool {
    let [b':', digits @ ..] = port else { return false };
    if !matches!(digits, [b'1'..=b'9', ..]) || digits.len() > 5 {
        return false;
    }
    let number = digits.iter().try_fold(0, |number: u32, digit| {
        digit.is_ascii_digit().then(|| number * 10 + u32::from(digit - b'0'))
    });
    number.is_some_and(|number| number <= u32::from(u16::MAX))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn rule_23_an_origin_is_scheme_host_and_port() {
        for (text, scheme, host, port) in [
            ("https://example.com", "https", "example.com", ""),
            ("https://example.com:8443", "https", "example.com", ":8443"),
            ("http://localhost:1", "http", "localhost", ":1"),
            ("http://localhost:65535", "http", "localhost", ":65535"),
            ("http://127.0.0.1:3000", "http", "127.0.0.1", ":3000"),
            ("http://[::1]", "http", "[::1]", ""),
            ("http://[2001:db8::a]:81", "http", "[2001:db8::a]", ":81"),
            ("https://example.com.", "https", "example.com.", ""),
            ("https://a_b.xn--bcher-kva.example", "https", "a_b.xn--bcher-kva.example", ""),
            ("http://a.com:443", "http", "a.com", ":443"),
            ("https://a.com:80", "https", "a.com", ":80"),
            ("https://a.com:443", "https", "a.com", ":443"),
            ("http://[::1]:80", "http", "[::1]", ":80"),
            ("capacitor://localhost", "capacitor", "localhost", ""),
            ("app+x.y-1://host:443", "app+x.y-1", "host", ":443"),
        ] {
            let origin = RequestOrigin::parse(text).unwrap();
            assert_eq!((origin.text, origin.scheme, origin.host), (text, scheme, host));
            assert_eq!(origin.authority, format!("{host}{port}"));
            assert_eq!(origin.portless, format!("{scheme}://{host}"));
        }
    }

    /// What no browser sends as an origin.
    const REJECTED: &[&str] = &[
        "",
        "null",
        "*",
        "https",
        "https:",
        "https:/",
        "https://",
        "https:///",
        "://a.com",
        "//a.com",
        "a.com",
        "1https://a.com",
        "-a://a.com",
        "ht tp://a.com",
        "ht_tp://a.com",
        "HTTPS://a.com",
        "https://A.com",
        "https://a.com/",
        "https://a.com/b",
        "https://a.com?",
        "https://a.com#",
        "https://u@a.com",
        "https://u:p@a.com",
        "https://a.com:",
        "https://a.com:0",
        "https://a.com:080",
        "https://a.com:65536",
        "https://a.com:99999",
        "https://a.com:655350",
        "https://a.com:4294967377",
        "https://a.com:+1",
        "https://a.com:1a",
        "https://a.com:1:1",
        "https://a.com:*",
        "https://*.a.com",
        "https://:1",
        "https://.",
        "https://.a.com",
        "https://a..com",
        "https://a.com..",
        "https://a.com https://b.com",
        "https://a.com, https://b.com",
        " https://a.com",
        "https://a.com ",
        "https://a.com\n",
        "https://a\0.com",
        "https://a%41.com",
        "https://a\\b",
        "https://bücher.example",
        "https://[",
        "https://[]",
        "https://]",
        "https://[::1",
        "https://::1",
        "https://[::1]a",
        "https://[::1]:",
        "https://[::A]",
        "https://[::g]",
        "https://[::1%25lo]",
        "https://[::ffff:1.2.3.4]",
    ];

    #[test]
    fn rule_23_anything_else_is_rejected() {
        for text in REJECTED {
            assert_eq!(RequestOrigin::parse(text), None, "{text}");
        }
    }

    #[test]
    fn rule_23_512_bytes_is_the_maximum() {
        let origin = |len: usize| format!("https://{}", "a".repeat(len - 8));
        assert!(RequestOrigin::parse(&origin(512)).is_some());
        assert_eq!(RequestOrigin::parse(&origin(513)), None);
    }
}

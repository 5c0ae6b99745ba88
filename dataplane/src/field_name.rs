//! Names of request fields that only the edge, or a trusted proxy in front of it, may set, and
//! names that a backend can't tell apart.
//!
//! Names are lower case throughout, as [`http::HeaderName`] stores them.

/// Names under which proxies report the client's address, its certificate, or what it requested,
/// and which backends act on: whoever may set them chooses who the client is, or what the request
/// is. Sorted.
const CLAIMS: [&str; 88] = [
    "ali-cdn-real-ip",
    "cdn-real-ip",
    "cdn-src-ip",
    "cf-connecting-ip",
    "cf-connecting-ipv6",
    "cf-pseudo-ipv4",
    "cf-visitor",
    "client-cert",
    "client-cert-chain",
    "client-ip",
    "cloudfront-forwarded-proto",
    "cloudfront-viewer-address",
    "cluster-client-ip",
    "do-connecting-ip",
    "fastly-client-ip",
    "fastly-ssl",
    "fly-client-ip",
    "fly-forwarded-port",
    "fly-forwarded-proto",
    "fly-forwarded-ssl",
    "forwarded",
    "forwarded-for",
    "forwarded-for-ip",
    "forwarded-host",
    "forwarded-proto",
    "front-end-https",
    "http-client-ip",
    "incap-client-ip",
    "proxy",
    "proxy-client-ip",
    "proxy-host",
    "proxy-url",
    "real-ip",
    "remote-addr",
    "remote-email",
    "remote-groups",
    "remote-host",
    "remote-name",
    "remote-user",
    "request-uri",
    "true-client-ip",
    "x-accel-mapping",
    "x-appengine-remote-addr",
    "x-appengine-user-ip",
    "x-arr-clientcert",
    "x-arr-ssl",
    "x-azure-clientip",
    "x-azure-socketip",
    "x-client-cert",
    "x-client-dn",
    "x-client-ip",
    "x-client-verify",
    "x-clientip",
    "x-cluster-client-ip",
    "x-custom-ip-authorization",
    "x-envoy-external-address",
    "x-envoy-internal",
    "x-envoy-original-dst-host",
    "x-envoy-original-path",
    "x-forward-for",
    "x-forward-host",
    "x-forward-proto",
    "x-forwarded",
    "x-forwarder-for",
    "x-host",
    "x-host-override",
    "x-http-destinationurl",
    "x-http-host-override",
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
    "x-middleware-subrequest",
    "x-nf-client-connection-ip",
    "x-originating-ip",
    "x-override-url",
    "x-proxy-url",
    "x-proxyuser-ip",
    "x-remote-addr",
    "x-remote-ip",
    "x-remote-user",
    "x-request-id",
    "x-scheme",
    "x-script-name",
    "x-sendfile-type",
    "x-sucuri-clientip",
    "x-true-client-ip",
    "x-true-ip",
    "x-url-scheme",
];

/// Beginnings of further such names. Sorted; none begins with another.
const CLAIM_PREFIXES: [&str; 18] = [
    "cf-access-",
    "ssl-client-",
    "tailscale-user-",
    "wl-proxy-",
    "x-amzn-mtls-",
    "x-amzn-oidc-",
    "x-auth-request-",
    "x-authenticated-",
    "x-authentik-",
    FORWARDED_PREFIX,
    "x-goog-authenticated-user-",
    "x-ms-client-principal",
    "x-original-",
    REAL_PREFIX,
    "x-rewrite-",
    "x-ssl-",
    "x-vercel-",
    "x-webauth-",
];

const FORWARDED_PREFIX: &str = "x-forwarded-";
const REAL_PREFIX: &str = "x-real-";

/// Names with a hyphen that belong to the message's framing or to one connection.
const FRAMING: [&str; 7] = [
    "content-length",
    "keep-alive",
    "max-forwards",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "transfer-encoding",
];

/// Longer than any name in a list, so that a longer name can only match a prefix when it is cut off
/// here.
pub(crate) const FOLDED_BYTES: usize = 32;

/// Whether a field of this name says something about the client or its request that backends
/// believe.
pub(crate) fn is_claim(name: &str) -> bool {
    // Rules out most fields that clients send.
    matches!(
        name.as_bytes(),
        [b'a', b'l', ..]
            | [b'c', b'd' | b'f' | b'l', ..]
            | [b'd', b'o', ..]
            | [b'f', b'a' | b'l' | b'o' | b'r', ..]
            | [b'h', b't', ..]
            | [b'i', b'n', ..]
            | [b'p' | b't', b'r', ..]
            | [b'r', b'e', b'a' | b'm' | b'q', ..]
            | [b's', b's', ..]
            | [b't', b'a', ..]
            | [b'w', b'l', ..]
            | [b'x', b'-', ..]
    ) && (CLAIMS.binary_search(&name).is_ok() || has_claim_prefix(name))
}

fn has_claim_prefix(name: &str) -> bool {
    // None begins with another, so a name can only begin with the last that is not after it.
    let after = CLAIM_PREFIXES.partition_point(|prefix| *prefix <= name);
    CLAIM_PREFIXES[..after].last().is_some_and(|prefix| name.starts_with(prefix))
}

/// Whether a field belongs to the `X-Forwarded-*` family, `X-Real-IP` included, as opposed to
/// `Forwarded` (RFC 7239).
pub(crate) fn is_x_forwarded(name: &str) -> bool {
    name.starts_with(FORWARDED_PREFIX) || name.starts_with(REAL_PREFIX) || name == "x-forwarded"
}

/// Whether a name has an underscore.
pub(crate) fn has_underscore(name: &str) -> bool {
    name.as_bytes().contains(&b'_')
}

/// The bytes of [plain](is_plain) names.
static IS_PLAIN: [bool; 256] = {
    let mut are_plain = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        are_plain[byte] = matches!(byte as u8, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-');
        byte += 1;
    }
    are_plain
};

/// Whether a name consists of letters, digits and hyphens, as nearly all do.
pub(crate) fn is_plain(name: &str) -> bool {
    // For the few bytes of a name, looking at all of them costs less than stopping at the first.
    name.bytes().fold(true, |are_plain, byte| are_plain & IS_PLAIN[usize::from(byte)])
}

/// Whether a name with other punctuation than hyphens is, to a backend that turns names into
/// variables (see [`is_same_variable`]), one that the edge itself sets or removes.
pub(crate) fn is_reserved_twin(name: &str) -> bool {
    if is_plain(name) {
        return false;
    }
    let mut buffer = [0; FOLDED_BYTES];
    let folded = folded(name, &mut buffer);
    is_claim(folded) || FRAMING.contains(&folded)
}

/// The beginning of a name with all its punctuation turned into hyphens, as long as the buffer.
pub(crate) fn folded<'b>(name: &str, buffer: &'b mut [u8; FOLDED_BYTES]) -> &'b str {
    let length = name.len().min(FOLDED_BYTES);
    for (to, byte) in buffer.iter_mut().zip(name.bytes()) {
        *to = if byte.is_ascii_alphanumeric() { byte } else { b'-' };
    }
    // Field names are ASCII.
    std::str::from_utf8(&buffer[..length]).unwrap_or_default()
}

/// Whether a backend that turns names into variables (CGI, RFC 3875 §4.1.18) may read one name as
/// the other: they differ in punctuation only.
pub(crate) fn is_same_variable(a: &str, b: &str) -> bool {
    let is_same =
        |(a, b): (u8, u8)| a == b || !(a.is_ascii_alphanumeric() || b.is_ascii_alphanumeric());
    a.len() == b.len() && a.bytes().zip(b.bytes()).all(is_same)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lists_are_searchable_and_documented() {
        let documented = include_str!("../../docs/limits-and-security.md");
        assert!(CLAIMS.is_sorted() && CLAIM_PREFIXES.is_sorted());
        assert!(CLAIM_PREFIXES.windows(2).all(|two| !two[1].starts_with(two[0])));
        for name in CLAIMS.iter().chain(&CLAIM_PREFIXES) {
            assert!(is_claim(name), "{name}");
            assert!(name.len() < FOLDED_BYTES, "{name}");
            let shown = format!("`{}", name.trim_end_matches('-'));
            assert!(documented.to_ascii_lowercase().contains(&shown), "{name}");
        }
    }

    #[test]
    fn what_is_said_of_the_client_is_told_from_what_it_asks() {
        for name in ["x-forwarded-prefix", "x-original-url", "x-real-port", "x-ssl-client-verify"] {
            assert!(is_claim(name), "{name}");
        }
        for prefix in CLAIM_PREFIXES {
            for rest in ["", "-", "a", "zz", "~"] {
                assert!(is_claim(&format!("{prefix}{rest}")), "{prefix}{rest}");
            }
        }
        for name in [
            "",
            "x",
            "x-",
            "x-forwardedfor",
            "x-requested-with",
            "x-csrf-token",
            "x-hosts",
            "proxy-foo",
            "proxy-authorization",
            "client",
            "cookie",
            "traceparent",
            "user-agent",
        ] {
            assert!(!is_claim(name), "{name}");
        }
    }

    #[test]
    fn twins_of_reserved_names_are_found_whatever_their_length() {
        for twin in [
            "x_real_ip",
            "x-real_ip",
            "x_http-method_override",
            "x_forwarded_anything-that-is-longer-than-any-listed-name",
            "content_length",
            "transfer_encoding",
            "client_cert_chain",
            "x.forwarded.for",
            "x.real.ip",
            "x-forwarded~proto",
            "remote!user",
            "content.length",
        ] {
            assert!(is_reserved_twin(twin), "{twin}");
        }
        for other in [
            "x-real-ip",
            "x_own",
            "x.own",
            "_",
            ".",
            "x_request_ids",
            "x_nf_client_connection_ip_of_somebody_else",
            "a_name_that_is_longer_than_any_of_those_listed",
        ] {
            assert!(!is_reserved_twin(other), "{other}");
        }
    }

    #[test]
    fn one_variable_has_several_names() {
        for (a, b, same) in [
            ("x-api-key", "x_api_key", true),
            ("x-api-key", "x-api_key", true),
            ("x-api-key", "x.api~key", true),
            ("x-api-key", "x-api-key", true),
            ("x-api-key", "x-api-keys", false),
            ("x-api-key", "xaapi-key", false),
            ("x-api1key", "x-api-key", false),
        ] {
            assert_eq!(is_same_variable(a, b), same, "{a} {b}");
            assert_eq!(is_same_variable(b, a), same, "{b} {a}");
        }
    }
}

//! The patterns that strings must match: RE2, as the API server compiles them. They describe the
//! shape; the compiler checks what they can't express.

/// Names parts of patterns; `concat!` only accepts literals, and macros that expand to one.
macro_rules! parts {
    ($($name:ident = $text:expr;)+) => {
        $(macro_rules! $name { () => { $text }; })+
    };
}

/// RFC 9110 §5.6.2: field names.
pub(crate) const TOKEN: &str = r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$";

/// A method: a token without lower-case letters, because methods are case-sensitive and `get` is
/// not one.
pub(crate) const METHOD: &str = r"^[!#$%&'*+.^_`|~0-9A-Z-]+$";

/// RFC 9110 §5.5, without obs-text.
pub(crate) const FIELD_VALUE: &str = r"^[\t\x20-\x7E]*$";

/// GEP-2257.
pub(crate) const DURATION: &str = "^([0-9]{1,5}(h|m|s|ms)){1,4}$";

/// RFC 1123 label: namespaces, Services.
pub(crate) const LABEL: &str = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$";

/// RFC 1123 subdomain: other objects.
pub(crate) const SUBDOMAIN: &str =
    r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$";

/// A label's key: a name, possibly with an RFC 1123 subdomain in front.
pub(crate) const LABEL_KEY: &str = "^([a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$";

/// A label's value.
pub(crate) const LABEL_VALUE: &str = "^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$";

/// A cookie's name without `*`, or the beginning of one followed by `*`.
pub(crate) const SHARED_COOKIE: &str = r"^[!#$%&'+.^_`|~0-9A-Za-z-]+\*?$";

/// A key of a Secret's data.
pub(crate) const SECRET_KEY: &str = "^[-._0-9A-Za-z]+$";

/// A Service port's name (RFC 6335 §5.1): it contains a letter, so that `"80"` is not taken for one.
pub(crate) const PORT_NAME: &str = "^([0-9a-z]-?)*[a-z](-?[0-9a-z])*$";

parts! {
    v6 = r"\[[0-9A-Fa-f:.]{2,45}\]";
    dns_name = r"[0-9A-Za-z_-]{1,63}(\.[0-9A-Za-z_-]{1,63})*\.?";
    host = concat!("(", v6!(), "|", dns_name!(), ")");
    port = "(:[0-9]{1,5})?";
    literal = r"([^/{}*?#\\%\x00-\x1F\x7F]|%[0-9A-Fa-f]{2})";
    name = r"\{[A-Za-z_][0-9A-Za-z_-]*\}";
}

/// `www.example.com`, `*.example.com`, `[::1]`, `*`.
pub(crate) const HOST_ENTRY: &str = concat!(r"^(\*|", v6!(), r"|(\*\.)?", dns_name!(), ")$");

/// One host, no wildcard, no port.
pub(crate) const HOST_NAME: &str = concat!("^", host!(), "$");

/// `Backend`, `Preserve`, or a host; to a pattern, all of them are hosts.
pub(crate) const REWRITE_HOST: &str = concat!("^", host!(), port!(), "$");

/// One host, optionally with a port.
pub(crate) const HOST_AND_PORT: &str = REWRITE_HOST;

/// A path and possibly a query, in the characters that RFC 3986 allows there, with whole escapes.
pub(crate) const REQUEST_TARGET: &str = r"^/([0-9A-Za-z._~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})*$";

/// A status code, or two joined by a hyphen.
pub(crate) const STATUS_RANGE: &str = "^[1-5][0-9]{2}(-[1-5][0-9]{2})?$";

/// What a retry may be for.
pub(crate) const RETRY_ON: &str = "^(ConnectFailure|Reset|PerTryTimeout|429|5[0-9]{2})$";

/// Scheme, host and port, optionally followed by a slash.
pub(crate) const EXTERNAL_URL: &str = concat!("^[Hh][Tt][Tt][Pp][Ss]?://", host!(), port!(), "/?$");

/// An address, or a network as address and prefix length.
pub(crate) const NETWORK: &str =
    r"^([0-9]{1,3}(\.[0-9]{1,3}){3}|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*)(/[0-9]{1,3})?$";

/// `*`, or scheme, host and port, where `*` may be the first label or the port.
pub(crate) const ORIGIN: &str = concat!(
    r"^(\*|[A-Za-z][0-9A-Za-z+.-]*://(",
    v6!(),
    r"|(\*\.)?",
    dns_name!(),
    r")(:(\*|[1-9][0-9]{0,4}))?)$"
);

/// `*`, or segments: literals, `{name}`, a final `*`.
pub(crate) const PATH: &str =
    concat!(r"^(\*|/((", name!(), "|", literal!(), "*)/)*(", name!(), "|", literal!(), r"*|\*))$");

/// The same for path templates, where a name may be part of a segment.
pub(crate) const PATH_TEMPLATE: &str = concat!(
    r"^(\*|/((",
    name!(),
    "|",
    literal!(),
    ")*/)*((",
    name!(),
    "|",
    literal!(),
    r")*|\*))$"
);

/// A path in a rule: a template that may also have variables, such as `{query.id}`, and doubled
/// braces.
pub(crate) const RULE_PATH: &str = r"^(\*|[/{][^?#\\\x00-\x20\x7F]*)$";

/// A host in a rule, which may have variables.
pub(crate) const RULE_HOST: &str = r"^[!-.0-~]+$";

/// What follows the last dot of a file's name.
pub(crate) const FILE_EXTENSION: &str = "^[0-9A-Za-z_~+-]+$";

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use super::*;

    /// A pattern, texts that it takes, and texts that it does not.
    type Case = (&'static str, &'static [&'static str], &'static [&'static str]);

    /// 63 characters.
    const LONGEST: &str =
        "a.example/123456789012345678901234567890123456789012345678901234567890123";
    const TOO_LONG: &str = "1234567890123456789012345678901234567890123456789012345678901234";

    const CASES: &[Case] = &[
        (TOKEN, &["GET", "x-api-key", "*"], &["", "x y", "x:", "é", "a\n"]),
        (FIELD_VALUE, &["", "a b\tc", "~"], &["a\nb", "a\rb", "\0", "\u{7f}", "é"]),
        (
            DURATION,
            &["0s", "30s", "1h30m", "500ms", "1h2m3s4ms"],
            &["", "30", "1d", "1.5s", "-1s", "s", "100000s", "1h1h1h1h1h", "1s "],
        ),
        (METHOD, &["GET", "M-SEARCH", "*"], &["", "get", "Get", "A B"]),
        (LABEL, &["a", "web-1", "0"], &["", "-a", "a-", "a.b", "A", "a_b"]),
        (SUBDOMAIN, &["a", "ep-com", "a.b-c.d"], &["", ".a", "a.", "a..b", "A", "a_b"]),
        (
            LABEL_KEY,
            &["a", "A_b.c", "a.b/C", LONGEST],
            &["", "-a", "a/", "/a", "A/a", "a/b/c", TOO_LONG],
        ),
        (LABEL_VALUE, &["", "a", "A_b.c-1"], &["-", "a-", "a b"]),
        (
            SHARED_COOKIE,
            &["sso", "__Host-a.b", "consent-*"],
            &["", "*", "a*b", "a**", "a=b", "a b"],
        ),
        (SECRET_KEY, &["token", "tls.crt", "A_b-1"], &["", "a/b", "a b"]),
        (PORT_NAME, &["http", "a", "h2c", "8080-web"], &["", "80", "8-0", "-a", "a-", "a--b", "A"]),
        (
            HOST_ENTRY,
            &[
                "*",
                "www.ep.com",
                "*.ep.com",
                "localhost",
                "127.0.0.1",
                "[::1]",
                "WWW.ep.com",
                "a_b.c",
                "ep.com.",
            ],
            &[
                "",
                "*.",
                "*.*.com",
                "a.*.com",
                "*com",
                "www.ep.com:80",
                "https://ep.com",
                "a..b",
                "bücher.de",
                "::1",
                "*.[::1]",
            ],
        ),
        (HOST_NAME, &["www.ep.com", "[::1]"], &["", "*", "*.ep.com", "ep.com:80", "ep.com/"]),
        (
            REWRITE_HOST,
            &["Backend", "Preserve", "ep.com", "ep.com:8080", "[::1]:80"],
            &["", "*.ep.com", "a b", "ep.com:", "a/b"],
        ),
        (
            EXTERNAL_URL,
            &["https://ep.com", "http://10.1.2.3:8080", "http://[::1]:80"],
            &[
                "",
                "ep.com",
                "ftp://ep.com",
                "https://ep.com/a",
                "https://u@ep.com",
                "https://ep.com?q",
                "https://*.ep.com",
            ],
        ),
        (
            NETWORK,
            &["10.0.0.0/8", "10.1.2.3", "fd00::/8", "::1", "::ffff:1.2.3.4/128"],
            &["", "10.0.0/8", "a/8", "10.0.0.0/", "10.0.0.0/8/8", "ep.com"],
        ),
        (
            ORIGIN,
            &[
                "*",
                "https://app.example.com",
                "https://*.example.com",
                "https://localhost:*",
                "http://[::1]:3000",
                "capacitor://localhost",
                "HTTPS://Ep.com",
            ],
            &[
                "",
                "null",
                "app.example.com",
                "https://ep.com/",
                "https://ep.com/a",
                "https://*",
                "https://a.*.com",
                "https://ep.com:",
                "https://ep.com:0",
                "https://ep.com:080",
                "https://u@ep.com",
                "https://bücher.de",
                "**",
            ],
        ),
        (
            REQUEST_TARGET,
            &["/", "/healthz", "/a/b?c=d&e", "/%20", "/a//b", "/a;b=1"],
            &["", "a", "/a b", "/a#b", "/%", "/%2", "/a\n", "/é", "/a\\b", "http://a/"],
        ),
        (
            RULE_PATH,
            &["*", "/", "/new/*", "{path}", "/{header.x-tenant}/{id}/*", "/{{a}}"],
            &["", "a", "*/a", "/a b", "/a?b", "/a#b", "/a\\b"],
        ),
        (RULE_HOST, &["ep.com", "{header.x-host}", "{tenant}.ep.com"], &["", "a/b", "a b"]),
        (FILE_EXTENSION, &["js", "WOFF2", "c++"], &["", ".js", "a/b", "tar.gz"]),
        (STATUS_RANGE, &["200", "200-399", "599"], &["", "20", "600", "200-", "200 - 399", "2xx"]),
        (
            RETRY_ON,
            &["ConnectFailure", "Reset", "PerTryTimeout", "429", "500", "599"],
            &["", "reset", "5xx", "404", "428", "600", "5000"],
        ),
        (
            PATH,
            &[
                "*",
                "/",
                "/*",
                "/sales/*",
                "/a/",
                "/a//b",
                "//",
                "/{id}",
                "/{id}/x/{n_1}/*",
                "/a%20b",
                "/@me:1,2;=!$&'()+",
                "/straße",
            ],
            &[
                "", "a", "/a*", "/*/a", "/**", "**", "/{}", "/{1}", "/a{id}", "/{id}b", "/{id",
                "/a?b", "/a#b", "/a\\b", "/a%2", "/%zz", "/\u{1}",
            ],
        ),
        (
            PATH_TEMPLATE,
            &["*", "/", "/*", "/{id}", "/a{id}", "/{id}.json/{a}-{b}/*", "//", "/a%20b"],
            &[
                "", "a", "/a*", "/*/a", "/**", "/{id}*", "/{}", "/{1}", "/{id", "/id}", "/a?b",
                "/a%2",
            ],
        ),
    ];

    #[test]
    fn patterns_take_what_they_should() {
        for (pattern, good, bad) in CASES {
            let regex = regex::Regex::new(pattern).unwrap();
            for text in *good {
                assert!(regex.is_match(text), "{text:?} is refused by {pattern}");
            }
            for text in *bad {
                assert!(!regex.is_match(text), "{text:?} is taken by {pattern}");
            }
        }
    }
}

#![allow(clippy::unwrap_used)]

use super::*;
use http::header::{HeaderName, HeaderValue};

fn headers(lines: &[(&str, &str)]) -> HeaderMap {
    let line = |(name, value): &(&str, &str)| {
        (HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_str(value).unwrap())
    };
    let mut headers = HeaderMap::new();
    for (name, value) in lines.iter().map(line) {
        headers.append(name, value);
    }
    headers
}

/// Every cause of a request, as text.
fn why(method: &str, lines: &[(&str, &str)]) -> Vec<String> {
    let method = Method::from_bytes(method.as_bytes()).unwrap();
    causes(&method, &headers(lines)).map(|cause| cause.to_string()).collect()
}

/// Whether a GET with this header needs no preflight.
fn is_safe(name: &str, value: &str) -> bool {
    why("GET", &[(name, value)]).is_empty()
}

#[test]
fn safelisted_methods_are_case_sensitive() {
    for safelisted in ["GET", "HEAD", "POST"] {
        assert!(why(safelisted, &[]).is_empty(), "{safelisted}");
    }
    for other in ["PUT", "PATCH", "DELETE", "OPTIONS", "QUERY", "get", "Post", "TRACE"] {
        assert_eq!(why(other, &[]), [format!("method {other} is not safelisted")]);
    }
}

#[test]
fn every_cause_is_described() {
    let lines = [
        ("x-api-key", "1"),
        ("accept", "a:b"),
        ("content-type", "application/json; charset=utf-8"),
        ("cookie", "a=b"),
        ("accept-language", "en"),
    ];
    assert_eq!(
        why("PUT", &lines),
        [
            "method PUT is not safelisted",
            "header x-api-key is not safelisted",
            "the value of accept is not safelisted",
            "content-type application/json; charset=utf-8 is not safelisted",
        ]
    );
    let map = headers(&lines);
    let requested: Vec<_> =
        causes(&Method::PUT, &map).filter_map(|cause| cause.header().cloned()).collect();
    assert_eq!(requested, ["x-api-key", "accept", "content-type"]);
}

#[test]
fn a_repeated_name_is_one_cause() {
    assert_eq!(why("GET", &[("x-a", "1"), ("x-a", "2")]).len(), 1);
    assert_eq!(why("GET", &[("accept", "*/*"), ("accept", "a:b"), ("accept", "b:c")]).len(), 1);
}

#[test]
fn accept_may_contain_any_byte_that_is_not_unsafe() {
    for safe in ["", "*/*", "text/html, application/json;q=0.9", "a\tb", "caf\u{e9}"] {
        assert!(is_safe("accept", safe), "{safe:?}");
    }
    for byte in r#""():<>?@[\]{}"#.chars() {
        assert!(!is_safe("accept", &format!("a{byte}b")), "{byte}");
    }
    // A HeaderValue can't hold these, so the table is tested directly.
    for byte in 0..=u8::MAX {
        let control = byte < 0x20 && byte != b'\t';
        let listed = br#""():<>?@[\]{}"#.contains(&byte) || byte == 0x7f;
        let accept = safelist::is_safelisted(&http::header::ACCEPT, &[byte]);
        assert_eq!(accept, !(control || listed), "{byte:#x}");
    }
}

#[test]
fn languages_may_contain_letters_digits_and_some_punctuation() {
    for name in [http::header::ACCEPT_LANGUAGE, http::header::CONTENT_LANGUAGE] {
        for byte in 0..=u8::MAX {
            let safe = byte.is_ascii_alphanumeric() || b" *,-.;=".contains(&byte);
            assert_eq!(safelist::is_safelisted(&name, &[byte]), safe, "{name} {byte:#x}");
        }
    }
    assert!(is_safe("accept-language", "fr-CH, fr;q=0.9, en;q=0.8, *;q=0.5"));
    assert!(!is_safe("content-language", "en_GB"));
}

#[test]
fn content_type_is_that_of_a_form() {
    for safe in [
        "text/plain",
        "TEXT/Plain",
        " text/plain\t; charset=utf-8",
        "text/plain;",
        "text/plain;=;;charset",
        "multipart/form-data; boundary=----x",
        "application/x-www-form-urlencoded",
    ] {
        assert!(is_safe("content-type", safe), "{safe:?}");
    }
    for other in [
        "",
        "text",
        "text/",
        "text/html",
        "text/plain, text/plain",
        "text/ plain",
        "text /plain",
        "text/plainx",
        "application/json",
        "application/xml",
        "text/plain; charset=\"utf-8\"",
        "multipart/form-data; boundary=(x)",
        ";text/plain",
    ] {
        let described = format!("content-type {other} is not safelisted");
        assert_eq!(why("POST", &[("content-type", other)]), [described]);
    }
}

#[test]
fn range_is_one_range_with_a_first_byte() {
    for safe in [
        "bytes=0-",
        "bytes=0-0",
        "bytes=5-10",
        "bytes=05-6",
        "bytes=00-0",
        "bytes=18446744073709551615-18446744073709551615",
        "bytes=000000000000000000000000000-0000000000000000000000001",
    ] {
        assert!(is_safe("range", safe), "{safe}");
    }
    for other in [
        "",
        "bytes",
        "bytes=",
        "bytes=-",
        "bytes=-500",
        "bytes=10-5",
        "bytes=5-04",
        "bytes=0-99999999999999999999",
        "bytes=0-18446744073709551616",
        "bytes=18446744073709551616-",
        "bytes=99999999999999999999-100000000000000000000",
        "bytes=+1-2",
        "bytes=1-+2",
        "bytes=0-1,5-6",
        "bytes=0-1-2",
        "bytes= 0-1",
        "bytes =0-1",
        "bytes=0 -1",
        "bytes=0-1 ",
        "Bytes=0-1",
        "items=0-1",
        "bytes=a-",
        "bytes=0-a",
    ] {
        assert_eq!(why("GET", &[("range", other)]), ["the value of range is not safelisted"]);
    }
}

#[test]
fn values_are_limited_singly_and_together() {
    let long = "a".repeat(128);
    assert!(is_safe("accept", &long));
    assert!(is_safe("accept-language", &long));
    let longer = format!("{long}a");
    for name in ["accept", "accept-language", "content-language"] {
        assert!(!is_safe(name, &longer), "{name}");
    }
    let typed = |length: usize| format!("text/plain;{}", "a".repeat(length - 11));
    assert!(is_safe("content-type", &typed(128)) && !is_safe("content-type", &typed(129)));
    assert!(!is_safe("range", &format!("bytes={}-", "1".repeat(122))));

    let mut lines = vec![("accept", long.as_str()); 8];
    lines.push(("cookie", &longer));
    assert!(why("GET", &lines).is_empty());
    lines.push(("accept-language", "e"));
    lines.push(("x-a", "1"));
    lines.push(("range", "bytes=-1"));
    let described = why("GET", &lines);
    assert_eq!(described[1], "the value of range is not safelisted");
    assert_eq!(described[0], "header x-a is not safelisted");
    assert!(described[2].starts_with("header accept is not safelisted: "), "{described:?}");
    assert!(
        described[3].starts_with("header accept-language is not safelisted: "),
        "{described:?}"
    );
    assert_eq!(described.len(), 4);
}

#[test]
fn forbidden_headers_are_no_cause() {
    for name in [
        "Accept-Charset",
        "Accept-Encoding",
        "Access-Control-Request-Headers",
        "Access-Control-Request-Method",
        "Connection",
        "Content-Length",
        "Cookie",
        "Cookie2",
        "Date",
        "DNT",
        "Expect",
        "Host",
        "Keep-Alive",
        "Origin",
        "Referer",
        "Set-Cookie",
        "TE",
        "Trailer",
        "Transfer-Encoding",
        "Upgrade",
        "Via",
        "Proxy-Authorization",
        "Proxy-x",
        "Sec-Fetch-Mode",
        "Sec-CH-UA",
        "sec-",
    ] {
        assert!(is_safe(name, &"x:".repeat(100)), "{name}");
    }
    for name in ["X-HTTP-Method", "X-HTTP-Method-Override", "X-Method-Override"] {
        assert!(is_safe(name, "TRACE") && is_safe(name, "GET , track") && is_safe(name, "connect"));
        assert!(!is_safe(name, "PUT") && !is_safe(name, "") && !is_safe(name, "TRACER"));
    }
    for name in ["proxy", "sec", "section", "x-sec-", "accept-encodings", "cookie3"] {
        assert!(!is_safe(name, "1"), "{name}");
    }
}

#[test]
fn forbidden_methods_are_recognised_in_any_case() {
    let is_forbidden =
        |name: &str| is_forbidden_method(&Method::from_bytes(name.as_bytes()).unwrap());
    for forbidden in ["CONNECT", "connect", "TRACE", "Trace", "TRACK", "track"] {
        assert!(is_forbidden(forbidden), "{forbidden}");
    }
    for other in ["GET", "OPTIONS", "PUT", "TRACER", "TRAC"] {
        assert!(!is_forbidden(other), "{other}");
    }
}

#[test]
fn forbidden_headers_are_listed_once() {
    let map = headers(&[
        ("cookie", "a=b"),
        ("cookie", "c=d"),
        ("x-a", "1"),
        ("sec-fetch-mode", "cors"),
        ("x-http-method", "PUT"),
        ("x-method-override", "PUT, TRACE"),
    ]);
    let named: Vec<_> = forbidden_headers(&map).map(HeaderName::as_str).collect();
    assert_eq!(named, ["cookie", "sec-fetch-mode", "x-method-override"]);
}

#[test]
fn a_cause_is_certain_unless_others_send_the_header_too() {
    let is_certain = |name: &str, value: &str| {
        let map = headers(&[(name, value)]);
        let found: Vec<_> = causes(&Method::GET, &map).map(|cause| cause.is_certain()).collect();
        assert_eq!(found.len(), 1, "{name}");
        found[0]
    };
    for name in [
        "x-api-key",
        "x-requested-with",
        "x-csrf-token",
        "x-trace",
        "idempotency-key",
        "if-match",
        "cache",
        "x-forwarded",
        "cfg",
    ] {
        assert!(is_certain(name, "1"), "{name}");
    }
    for name in [
        "user-agent",
        "cache-control",
        "pragma",
        "if-none-match",
        "if-modified-since",
        "upgrade-insecure-requests",
        "priority",
        "intervention",
        "save-data",
        "last-event-id",
        "forwarded",
        "x-forwarded-for",
        "x-real-ip",
        "x-request-id",
        "traceparent",
        "x-b3-traceid",
        "cf-ray",
        "x-amzn-trace-id",
    ] {
        assert!(!is_certain(name, "1"), "{name}");
    }
    for (value, certain) in [
        ("Bearer abc", true),
        ("abc", true),
        ("", true),
        ("Basic YTpi", false),
        ("negotiate x", false),
        ("NTLM", false),
        ("Digest username=\"a\"", false),
        ("basics x", true),
    ] {
        assert_eq!(is_certain("authorization", value), certain, "{value}");
    }
    assert!(is_certain("content-type", "application/json"));
    assert!(is_certain("accept", "a:b"));
    assert!(causes(&Method::PUT, &HeaderMap::new()).all(|cause| cause.is_certain()));
}

/// What a browser's ordinary requests look like on arrival.
#[test]
fn an_ordinary_request_of_a_browser_has_no_certain_cause() {
    let lines = [
        ("host", "www.ep.com"),
        ("connection", "keep-alive"),
        ("pragma", "no-cache"),
        ("cache-control", "no-cache"),
        ("sec-ch-ua", "\"Chromium\";v=\"140\""),
        ("sec-ch-ua-mobile", "?0"),
        ("sec-ch-ua-platform", "\"Linux\""),
        ("user-agent", "Mozilla/5.0 (X11; Linux x86_64)"),
        ("accept", "*/*"),
        ("sec-fetch-site", "same-origin"),
        ("sec-fetch-mode", "cors"),
        ("sec-fetch-dest", "empty"),
        ("referer", "https://www.ep.com/"),
        ("accept-encoding", "gzip, deflate, br, zstd"),
        ("accept-language", "en-GB,en;q=0.9"),
        ("cookie", "a=b"),
        ("priority", "u=1, i"),
        ("if-none-match", "\"x\""),
    ];
    assert!(!causes(&Method::GET, &headers(&lines)).any(|cause| cause.is_certain()));
}

#[test]
fn what_proxies_add_is_a_scripts_in_what_a_browser_sent() {
    let is_scripts = |name: &str, value: &str| {
        let map = headers(&[(name, value)]);
        causes(&Method::GET, &map).all(|cause| cause.is_scripts())
    };
    for (name, value) in [
        ("traceparent", "1"),
        ("x-request-id", "1"),
        ("x-api-key", "1"),
        ("authorization", "Bearer x"),
    ] {
        assert!(is_scripts(name, value), "{name}");
    }
    for (name, value) in
        [("user-agent", "x"), ("if-none-match", "x"), ("dpr", "1"), ("authorization", "Basic YTpi")]
    {
        assert!(!is_scripts(name, value), "{name}");
    }
    assert!(causes(&Method::PUT, &HeaderMap::new()).all(|cause| cause.is_scripts()));
}

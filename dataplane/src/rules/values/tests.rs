//! Whatever a request has, it is no syntax where it is put.

use super::*;
use crate::{
    path::normalise,
    router::{Headers, Request},
    rules::Sender,
    table::Scheme,
};
use http::{HeaderMap, Method, Version};
use percent_encoding::NON_ALPHANUMERIC;
use proptest::prelude::*;

/// A request that has `value` wherever a request may have it.
struct Sent {
    headers: HeaderMap,
    query: String,
    path: String,
}

impl Sent {
    fn new(value: &[u8]) -> Self {
        let mut headers = HeaderMap::new();
        let allowed: Vec<u8> =
            value.iter().copied().filter(|byte| *byte >= b' ' && *byte != 0x7f).collect();
        let line = HeaderValue::from_bytes(&allowed).unwrap();
        headers.insert("x-any", line.clone());
        headers.append("x-many", HeaderValue::from_static("a"));
        headers.append("x-many", line);
        let encoded = percent_encode(value, NON_ALPHANUMERIC).to_string();
        let cookie = format!("a=1; any={encoded}; any=2");
        headers.insert(header::COOKIE, HeaderValue::from_str(&cookie).unwrap());
        let path = format!("/t/-{encoded}/x");
        let path = normalise(&path).map_or("/t/-/x".to_owned(), Cow::into_owned);
        Self { headers, query: format!("a=1&any={encoded}&any=2"), path }
    }

    fn with<T>(&self, ask: impl FnOnce(&Values<'_>) -> T) -> T {
        let subject = Subject {
            request: Request {
                method: &Method::GET,
                path: &self.path,
                query: Some(&self.query),
                headers: Headers::Sent(&self.headers),
            },
            headers: &self.headers,
            sender: Sender {
                host: "www.ep.com".into(),
                scheme: Scheme::Https,
                address: [203, 0, 113, 7].into(),
                version: Version::HTTP_11,
                tls: None,
                has_certificate: false,
                id: &HeaderValue::from_static("4f1d"),
            },
        };
        let (route, pattern) =
            (ObjectName::new("web", "app"), PathPattern::parse("/t/{tenant}/*").unwrap());
        let captures = pattern.matches(&self.path).unwrap();
        ask(&Values::of_route(&subject, &route, &pattern, &captures))
    }
}

fn text(text: &str) -> Text {
    let resolve = |name: &str| match name {
        "tenant" => Some(Variable::Captured(name.into())),
        name => Variable::named(name),
    };
    Text::parse(text, resolve).unwrap()
}

/// Every variable whose value a client chooses freely.
const CHOSEN: [&str; 7] = [
    "{query.any}",
    "{header.x-any}",
    "{header.x-many}",
    "{cookie.any}",
    "{query}",
    "{path}",
    "{tenant}",
];

fn chosen() -> impl Strategy<Value = &'static str> {
    prop::sample::select(&CHOSEN[..])
}

/// Bytes, many of which are syntax somewhere.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let syntax = prop::sample::select(&b"\r\n\0;,/?#%{}*<>\"'&\\.: @"[..]);
    prop::collection::vec(prop_oneof![2 => syntax, 1 => any::<u8>()], 0..12)
}

#[test]
fn each_variable_has_its_value() {
    let sent = Sent::new(b"caf\xc3\xa9 1");
    let long = HeaderName::from_static("x-a");
    for (written, value) in [
        ("", &b""[..]),
        ("{{{host}}}", b"{www.ep.com}"),
        ("{path}", b"/t/-caf%C3%A9%201/x"),
        ("{query}", b"a=1&any=caf%C3%A9%201&any=2"),
        ("{query.any}", b"caf\xc3\xa9 1"),
        ("{query.none}", b""),
        ("{header.x-any}", b"caf\xc3\xa9 1"),
        ("{header.X-Many}", b"a, caf\xc3\xa9 1"),
        ("{header.x-none}", b""),
        ("{cookie.any}", b"caf\xc3\xa9 1"),
        ("{cookie.none}", b""),
        ("{method} {scheme}", b"GET https"),
        ("{clientAddress}", b"203.0.113.7"),
        ("{requestId}", b"4f1d"),
        ("{route}", b"web/app"),
        ("a-{tenant}-b", b"a--caf%C3%A9%201-b"),
    ] {
        let field = sent.with(|values| values.field(&long, &text(written)).unwrap());
        assert_eq!(field.as_bytes(), value, "{written}");
    }
}

#[test]
fn values_are_escaped_for_where_they_go() {
    let sent = Sent::new(b"</p>\"'&\r\n;x");
    sent.with(|values| {
        let body = |escape| values.body(&text("[{query.any}]"), escape).unwrap();
        assert_eq!(body(Escape::Html), "[&lt;/p&gt;&quot;&#39;&amp;\r\n;x]");
        assert_eq!(body(Escape::Json), "[</p>\\\"'&\\r\\n;x]");
        assert_eq!(body(Escape::Plain), "[</p>\"'&\r\n;x]");
        let field = |name, written| values.field(&name, &text(written)).unwrap();
        assert_eq!(field(header::VIA, "{query.any}"), "</p>\"'&;x");
        assert_eq!(field(header::SET_COOKIE, "a={query.any}; Secure"), "a=</p>\"'&x; Secure");
    });
    let sent = Sent::new(b"a/b?c#d;*{e}");
    sent.with(|values| {
        let filled = |written| {
            let template = values.path(&text(written)).unwrap();
            values.of_match(|_, pattern, captures| template.fill(pattern, captures).unwrap())
        };
        assert_eq!(filled("/x/{query.any}/y"), "/x/a%2Fb%3Fc%23d%3B%2A%7Be%7D/y");
        let (own, sent) = ("/-a%2Fb%3Fc%23d%3B%2A%7Be%7D", "/a%2Fb%3Fc%23d%3B%2A%7Be%7D");
        assert_eq!(filled("/{tenant}/{header.x-any}"), format!("{own}{sent}"));
        assert_eq!(filled("/n/*"), "/n/x");
        assert_eq!(filled("/{query.none}/{{a}}"), "//%7Ba%7D");
    });
}

#[test]
fn dots_in_a_path_are_refused() {
    for (value, written) in [
        (&b".."[..], "/a/{query.any}/b"),
        (b".", "/a/{query.any}"),
        (b".", "/a/.{header.x-any}"),
        (b"../x", "/a/{query.any}"),
        (b"..;x", "/a/{cookie.any}"),
    ] {
        let sent = Sent::new(value);
        let refused = sent.with(|values| values.path(&text(written)).err());
        assert!(matches!(refused, Some(Refusal::InvalidPath(_))), "{value:?} {refused:?}");
    }
    let sent = Sent::new(b"...");
    assert!(sent.with(|values| values.path(&text("/a/{query.any}")).is_ok()));
}

#[test]
fn a_host_is_one_that_is_allowed() {
    let allowed: Vec<HostPattern> =
        ["a.example", "*.ep.com"].iter().map(|host| host.parse().unwrap()).collect();
    for (value, written, expected) in [
        (&b"a.example"[..], "{query.any}", Some("a.example")),
        (b"A.Example.", "{header.x-any}", Some("a.example")),
        (b"shop", "{query.any}.ep.com", Some("shop.ep.com")),
        (b"x.ep.com", "{cookie.any}", Some("x.ep.com")),
        (b"evil.example", "{query.any}", None),
        (b"ep.com", "{query.any}", None),
        (b"*", "{query.any}.ep.com", None),
        (b"evil.example/", "{query.any}.ep.com", None),
        (b"evil.example#", "{query.any}.ep.com", None),
        (b"evil.example:80", "{query.any}", None),
        (b"u@a.example", "{query.any}", None),
        (b"", "{query.any}", None),
    ] {
        let sent = Sent::new(value);
        let host = sent.with(|values| values.host(&text(written), &allowed));
        assert_eq!(host.ok().as_deref(), expected, "{value:?} {written}");
    }
}

#[test]
fn what_values_take_is_bounded() {
    let sent = Sent::new(&b"x".repeat(MAX_BYTES / 4));
    let name = HeaderName::from_static("x-a");
    sent.with(|values| {
        assert!(values.field(&name, &text("{header.x-any}{header.x-any}")).is_ok());
        assert!(values.body(&text("{query.any}"), Escape::Plain).is_ok());
        assert!(values.path(&text("/{query.any}{tenant}{tenant}")).is_ok());
        assert_eq!(
            values.field(&name, &text("{header.x-any}")).err(),
            Some(Refusal::PredicatesTooCostly)
        );
    });
}

proptest! {
    #[test]
    fn a_value_breaks_out_of_no_field(value in bytes(), variable in chosen()) {
        let sent = Sent::new(&value);
        let cookie = text(&format!("a={variable}; Path=/"));
        let cookie = sent.with(|values| values.field(&header::SET_COOKIE, &cookie).unwrap());
        prop_assert_eq!(cookie.as_bytes().iter().filter(|byte| **byte == b';').count(), 1);
        prop_assert!(cookie.as_bytes().ends_with(b"; Path=/"));
        let allowed = |byte: &u8| *byte == b'\t' || (*byte >= b' ' && *byte != 0x7f);
        let any = text(&format!("a {variable} b"));
        let any = sent.with(|values| values.field(&header::VIA, &any).unwrap());
        prop_assert!(any.as_bytes().iter().all(allowed));
    }

    #[test]
    fn a_value_breaks_out_of_no_segment(value in bytes(), variable in chosen()) {
        prop_assume!(variable != "{path}");
        let sent = Sent::new(&value);
        let written = text(&format!("/a/x{variable}y/b"));
        let filled = sent.with(|values| {
            let template = values.path(&written)?;
            let fill = |_: &str, pattern: &PathPattern, captures: &Captures<'_>| {
                template.fill(pattern, captures).map_err(Refusal::InvalidPath)
            };
            values.of_match(fill)
        });
        let Ok(filled) = filled else { return Ok(()) };
        let segments: Vec<_> = filled.split('/').collect();
        prop_assert_eq!(segments.len(), 4, "{}", filled);
        prop_assert_eq!((segments[1], segments[3]), ("a", "b"));
        prop_assert!(segments[2].starts_with('x') && segments[2].ends_with('y'), "{}", filled);
        let uri: http::Uri = format!("http://www.ep.com{filled}?q").parse().unwrap();
        prop_assert_eq!((uri.path(), uri.query()), (filled.as_str(), Some("q")));
    }

    #[test]
    fn a_path_stays_that_path(value in bytes()) {
        let sent = Sent::new(&value);
        let filled = sent.with(|values| {
            let template = values.path(&text("/old{path}")).unwrap();
            values.of_match(|_, pattern, captures| template.fill(pattern, captures).unwrap())
        });
        let escaped = sent.path.replace('*', "%2A").replace('{', "%7B").replace('}', "%7D");
        prop_assert_eq!(filled, format!("/old{escaped}"));
    }

    #[test]
    fn a_value_breaks_out_of_no_body(value in bytes(), variable in chosen()) {
        let sent = Sent::new(&value);
        sent.with(|values| -> Result<(), TestCaseError> {
            let json = text(&format!("{{{{\"v\": \"{variable}\"}}}}"));
            let json = values.body(&json, Escape::Json).unwrap();
            let parsed: serde_json::Value = serde_json::from_slice(&json).unwrap();
            let raw = values.body(&text(variable), Escape::Plain).unwrap();
            prop_assert_eq!(parsed["v"].as_str().unwrap(), &*String::from_utf8_lossy(&raw));
            let html = values.body(&text(variable), Escape::Html).unwrap();
            let html = String::from_utf8(html.to_vec()).unwrap();
            prop_assert!(!html.contains(['<', '>', '"', '\'']));
            let read = html.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"");
            let read = read.replace("&#39;", "'").replace("&amp;", "&");
            prop_assert_eq!(read, &*String::from_utf8_lossy(&raw));
            Ok(())
        })?;
    }
}

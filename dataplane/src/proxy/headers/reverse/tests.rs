//! Responses of backends that name themselves, or the front door, in every way.

use super::*;
use crate::{
    path::normalise,
    table::{Authority, HostHeader, Protocol, Scheme, Target},
};
use proptest::prelude::*;
use std::net::IpAddr;

/// How requests come and go.
struct Setup {
    /// What the client uses.
    scheme: Scheme,
    host: &'static str,
    protocol: Protocol,
    /// The backend's own name; `None`: it gets the client's Host.
    backend: Option<&'static str>,
    pattern: &'static str,
    template: &'static str,
}

const SETUP: Setup = Setup {
    scheme: Scheme::Https,
    host: "www.ep.com",
    protocol: Protocol::Http1,
    backend: Some("app.web.svc"),
    pattern: "/api/orders/*",
    template: "/v1/orders/*",
};

impl Setup {
    /// The field as the client gets it, from a request for this path.
    fn mapped(&self, path: &str, name: HeaderName, value: &str) -> String {
        let client = ClientInfo {
            trusted: None,
            address: IpAddr::from([127, 0, 0, 1]),
            scheme: self.scheme,
            host: HeaderValue::from_static(self.host),
            port: self.scheme.default_port(),
        };
        let own = Authority { host: "app.web.svc".into(), port: None };
        let host = self
            .backend
            .map_or(HostHeader::Preserve, |host| HostHeader::Set(HeaderValue::from_static(host)));
        let backend = Backend {
            name: "web/app:80".into(),
            weight: 1,
            priority: 0,
            protocol: self.protocol.clone(),
            host,
            own_authorities: vec![own],
            target: Target::External { host: "app.web.svc".into(), port: 80 },
        };
        let rewrite = ResponseRewrite {
            client: &client,
            backend: &backend,
            sent_host: &HeaderValue::from_static(self.backend.unwrap_or(self.host)),
            dialled: ([10, 0, 0, 7], 8080).into(),
            preserves_host: self.backend.is_none(),
            template: Some(&PathTemplate::parse(self.template).unwrap()),
            pattern: &PathPattern::parse(self.pattern).unwrap(),
            path,
        };
        let mut headers = HeaderMap::new();
        headers.insert(&name, HeaderValue::from_str(value).unwrap());
        let present = Present::of(&headers);
        rewrite.apply(&mut headers, present);
        String::from_utf8(headers[&name].as_bytes().to_vec()).unwrap()
    }
}

#[test]
fn urls_by_every_name_of_both_sides_are_mapped() {
    const OWN: &str = "https://www.ep.com/api/orders/5?q#f";
    for (location, became) in [
        ("http://app.web.svc/v1/orders/5?q#f", OWN),
        ("http://app.web.svc:80/v1/orders/5?q#f", OWN),
        ("https://app.web.svc/v1/orders/5?q#f", OWN),
        ("https://app.web.svc:443/v1/orders/5?q#f", OWN),
        ("//app.web.svc:80/v1/orders/5?q#f", OWN),
        ("http://10.0.0.7:8080/v1/orders/5?q#f", OWN),
        // An application that honours X-Forwarded-Host, with and without X-Forwarded-Proto.
        ("https://www.ep.com/v1/orders/5?q#f", OWN),
        ("https://WWW.ep.com:443/v1/orders/5", "https://WWW.ep.com:443/api/orders/5"),
        ("http://www.ep.com/v1/orders/5?q#f", OWN),
        ("http://www.ep.com:80/v1/orders/5?q#f", OWN),
        ("//www.ep.com/v1/orders/5?q#f", OWN),
        ("https://www.ep.com/login", "https://www.ep.com/login"),
        ("/v1/orders/5?q#f", "/api/orders/5?q#f"),
        // Neither's.
        ("https://www.ep.com:8443/v1/orders/5", "https://www.ep.com:8443/v1/orders/5"),
        ("https://ep.com/v1/orders/5", "https://ep.com/v1/orders/5"),
        ("ftp://www.ep.com/v1/orders/5", "ftp://www.ep.com/v1/orders/5"),
        (
            "https://www.ep.com@evil.example/v1/orders/5",
            "https://www.ep.com@evil.example/v1/orders/5",
        ),
    ] {
        for name in [header::LOCATION, header::CONTENT_LOCATION] {
            assert_eq!(SETUP.mapped("/api/orders/1", name, location), became, "{location}");
        }
        let refresh = SETUP.mapped("/api/orders/1", header::REFRESH, &format!("5; url={location}"));
        assert_eq!(refresh, format!("5; url={became}"));
        let links = format!("<{location}>; rel=\"next\", <{location}>; title=\"<{location}>\"");
        let mapped = SETUP.mapped("/api/orders/1", header::LINK, &links);
        let expected = format!("<{became}>; rel=\"next\", <{became}>; title=\"<{location}>\"");
        assert_eq!(mapped, expected);
    }
}

#[test]
fn the_front_doors_port_counts() {
    let setup = Setup { scheme: Scheme::Http, host: "www.ep.com:8080", ..SETUP };
    for (location, became) in [
        ("http://www.ep.com:8080/v1/orders/5", "http://www.ep.com:8080/api/orders/5"),
        ("http://www.ep.com/v1/orders/5", "http://www.ep.com/v1/orders/5"),
        ("http://app.web.svc/v1/orders/5", "http://www.ep.com:8080/api/orders/5"),
    ] {
        assert_eq!(setup.mapped("/api/orders/1", header::LOCATION, location), became);
    }
    let setup = Setup { scheme: Scheme::Http, host: "www.ep.com:80", backend: None, ..SETUP };
    let mapped = setup.mapped("/api/orders/1", header::LOCATION, "http://www.ep.com/v1/orders/5");
    assert_eq!(mapped, "http://www.ep.com:80/api/orders/5");
}

#[test]
fn a_cookie_above_the_rewrite_covers_the_whole_route() {
    for (path, became) in [
        ("/v1", "/api/orders"),
        ("/v1/", "/api/orders"),
        ("/v1/orders", "/api/orders"),
        ("/v1/orders/", "/api/orders/"),
        ("/v1/orders/5", "/api/orders/5"),
        ("/", "/"),
        ("/v2", "/v2"),
        ("/v1/users", "/v1/users"),
    ] {
        let cookie =
            SETUP.mapped("/api/orders/1", header::SET_COOKIE, &format!("a=1; Path={path}; Secure"));
        assert_eq!(cookie, format!("a=1; Path={became}; Secure"));
    }
}

/// Rewrites that leave a part of the request's path out, which then fills the way back.
const DROPPING: Setup = Setup { pattern: "/t/{tenant}/api/*", template: "/api/*", ..SETUP };

#[test]
fn a_requests_path_is_no_syntax_where_it_is_put() {
    let path = "/t/x;Domain=t.local;SameSite=None/api/login";
    for (name, value, became) in [
        (
            header::SET_COOKIE,
            "a=1; Path=/api",
            "a=1; Path=/t/x%3BDomain=t.local%3BSameSite=None/api",
        ),
        (header::LOCATION, "/api/a", "/t/x;Domain=t.local;SameSite=None/api/a"),
        (header::LINK, "</api/a>; rel=next", "</t/x;Domain=t.local;SameSite=None/api/a>; rel=next"),
        (header::REFRESH, "5;url='/api/a'", "5;url='/t/x;Domain=t.local;SameSite=None/api/a'"),
    ] {
        assert_eq!(DROPPING.mapped(path, name, value), became);
    }
    let path = "/t/'\"x/api/login";
    let refresh = DROPPING.mapped(path, header::REFRESH, "5;url='/api/a'");
    assert_eq!(refresh, "5;url='/t/%27%22x/api/a'");
    let link = DROPPING.mapped(path, header::LINK, "</api/a>; rel=next");
    assert_eq!(link, "</t/'%22x/api/a>; rel=next");
}

#[test]
fn a_short_reference_grows_within_a_bound() {
    let setup = Setup { pattern: "/old/*", template: "/new", ..SETUP };
    let path = format!("/old/{}", "a".repeat(8_000));
    for (name, part) in [(header::LINK, "</new>,"), (header::SET_COOKIE, "a=1;Path=/new;")] {
        let value = part.repeat(8_000);
        let mapped = setup.mapped(&path, name, &value);
        assert!(mapped.contains("aaaa"));
        assert!(mapped.len() < 2 * value.len() + 64 * 1024, "{}", mapped.len());
    }
}

#[test]
fn only_so_many_references_are_looked_at() {
    let links = SETUP.mapped("/x", header::LINK, &"<http://app.web.svc/a>,".repeat(4_000));
    assert_eq!(links.matches("//www.ep.com/a").count(), 512);
    let cookie = format!("a=1{}", ";Domain=app.web.svc".repeat(4_000));
    let cookie = SETUP.mapped("/x", header::SET_COOKIE, &cookie);
    assert_eq!(cookie.matches("Domain").count(), 4_000 - 512);
}

/// Paths of requests, with every character that is syntax anywhere.
fn paths() -> impl Strategy<Value = String> {
    let segment = "[a-c;,=\"'<>()~%$&|{}. ]{1,8}".prop_map(|text| text.replace('%', "%25"));
    prop::collection::vec(segment, 1..4)
        .prop_map(|segments| format!("/t/{}/api/x", segments.join(".")))
}

proptest! {
    #[test]
    fn no_path_adds_syntax_to_a_field(path in paths()) {
        let Ok(path) = normalise(&path) else { return Ok(()) };
        let Ok(pattern) = PathPattern::parse(DROPPING.pattern) else { return Ok(()) };
        prop_assume!(pattern.matches(&path).is_some());
        let cookie = DROPPING.mapped(&path, header::SET_COOKIE, "a=1; Path=/api; Secure");
        prop_assert_eq!(cookie.split(';').count(), 3, "{}", cookie);

        let link = DROPPING.mapped(&path, header::LINK, "</api/a>; rel=next");
        prop_assert!(link.starts_with("</t/") && link.ends_with("/api/a>; rel=next"));
        prop_assert_eq!(link.matches(['<', '>']).count(), 2, "{}", link);
        prop_assert!(!link.contains('"'), "{}", link);

        for quote in ["", "'", "\""] {
            let refresh = DROPPING.mapped(&path, header::REFRESH, &format!("5;url={quote}/api/a{quote}"));
            let url = references::refresh_url(&refresh).unwrap();
            prop_assert!(refresh[url].ends_with("/api/a"), "{}", refresh);
        }
    }

    /// What maps forward maps back, by whatever name and in whatever field it is said.
    #[test]
    fn what_maps_forward_maps_back(
        rest in "(/[a-c;,=.]{1,4}){0,3}/?",
        authority in prop::sample::select(vec![
            "", "http://app.web.svc", "http://app.web.svc:80", "https://app.web.svc:443",
            "https://www.ep.com", "http://www.ep.com", "//app.web.svc", "http://10.0.0.7:8080",
        ]),
    ) {
        let path = format!("/api/orders{rest}");
        let Ok(path) = normalise(&path) else { return Ok(()) };
        let pattern = PathPattern::parse(SETUP.pattern).unwrap();
        let Some(captures) = pattern.matches(&path) else { return Ok(()) };
        let forward = PathTemplate::parse(SETUP.template).unwrap().fill(&pattern, &captures).unwrap();
        let origin = if authority.is_empty() { "" } else { "https://www.ep.com" };
        let location = SETUP.mapped("/api/orders/1", header::LOCATION, &format!("{authority}{forward}?q"));
        prop_assert_eq!(location, format!("{origin}{path}?q"));
        let link = SETUP.mapped("/api/orders/1", header::LINK, &format!("<{authority}{forward}>; a=b"));
        prop_assert_eq!(link, format!("<{origin}{path}>; a=b"));
        let refresh = SETUP.mapped("/api/orders/1", header::REFRESH, &format!("0; url={authority}{forward}"));
        prop_assert_eq!(refresh, format!("0; url={origin}{path}"));
        let cookie = SETUP.mapped("/api/orders/1", header::SET_COOKIE, &format!("a=1; Path={}", forward.split(';').next().unwrap()));
        prop_assert!(cookie.starts_with("a=1; Path=/api/orders"), "{}", cookie);
    }
}

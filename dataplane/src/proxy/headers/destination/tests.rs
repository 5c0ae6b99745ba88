use super::*;
use crate::{
    path::{PathPattern, PathTemplate, Slashes},
    router::{Match, Predicates, RouteTree},
    table::{
        Action, Forward, HeaderEdits, Isolation, ObjectName, Protocol, Respond, Rewrite, Route,
        RouteMatch, Scheme, Target, Timeouts, TrustedHeaders,
    },
};
use http::{StatusCode, Version};
use std::{net::IpAddr, sync::Arc};

fn backend(name: &str, host: HostHeader) -> Backend {
    Backend {
        name: name.into(),
        weight: 1,
        priority: 0,
        protocol: Protocol::Http1,
        host,
        own_authorities: vec![],
        target: Target::External { host: "dav.web.svc".into(), port: 80 },
    }
}

fn forward(backend: Backend, template: &str) -> Forward {
    let rewrite = || Rewrite { path: PathTemplate::parse(template).unwrap() };
    Forward::new(vec![backend], (!template.is_empty()).then(rewrite))
}

fn route(path: &str, action: Action) -> RouteMatch {
    let route = Route {
        name: ObjectName::new("web", path),
        front_door: ObjectName::new("web", "front"),
        action,
        cors: None,
        request_headers: HeaderEdits::default(),
        response_headers: HeaderEdits::default(),
        isolation: Isolation::default(),
        timeouts: Timeouts::default(),
        selection: Arc::default(),
        rules: Box::default(),
        unavailable: None,
    };
    Match {
        path: PathPattern::parse(path).unwrap(),
        predicates: Predicates::default(),
        target: Arc::new(route),
    }
}

/// The field that the backend gets from a MOVE by the Route for `/dav/*`.
fn mapped_bytes(
    field: &'static str,
    lines: &[&[u8]],
    template: &str,
    host: HostHeader,
) -> Result<String, Refusal> {
    let client = ClientInfo {
        trusted: None,
        address: IpAddr::from([127, 0, 0, 1]),
        scheme: Scheme::Http,
        host: HeaderValue::from_static("www.ep.com"),
        port: 80,
    };
    let backend = backend("web/dav:80", host.clone());
    let own = forward(backend.clone(), template);
    let same = forward(backend.clone(), "/media/{a}");
    let other = forward(self::backend("web/other:80", host), "");
    let fixed = Respond { status: StatusCode::FORBIDDEN, headers: vec![], body: Bytes::new() };
    let mut routes = vec![
        route("/dav/*", Action::Forward(own.clone())),
        route("/photos/{a}", Action::Forward(same)),
        route("/other/*", Action::Forward(other)),
        route("/dav/private/*", Action::Respond(fixed)),
        route("/dav/unavailable", Action::Forward(own.clone())),
    ];
    if let Some(unavailable) = routes.last_mut() {
        Arc::get_mut(&mut unavailable.target).unwrap().unavailable = Some("no Secret".to_owned());
    }
    let virtual_host = VirtualHost {
        host: "www.ep.com".parse().unwrap(),
        front_door: ObjectName::new("web", "front"),
        tls: None,
        trusted_proxies: Arc::default(),
        slashes: Slashes::Keep,
        trusted_headers: TrustedHeaders::default(),
        cors: None,
        rules: Arc::default(),
        unavailable: None,
        not_accepted: None,
        routes: Arc::new(RouteTree::new(routes)),
        uid: Arc::from(""),
        affinity_cookies: Arc::default(),
        shared_cookies: Arc::default(),
        has_separate_cookies: false,
    };
    let rewrite = RequestRewrite {
        client: &client,
        virtual_host: &virtual_host,
        backend: &backend,
        host: &backend.host,
        is_rewritten: own.rewrite().is_some(),
        sender: Sender {
            host: "www.ep.com".into(),
            scheme: client.scheme,
            address: client.address,
            version: Version::HTTP_11,
            tls: None,
            has_certificate: false,
            id: &HeaderValue::from_static("id"),
        },
    };
    let mut headers = HeaderMap::new();
    headers.insert(header::HOST, HeaderValue::from_static("www.ep.com"));
    for line in lines {
        headers.append(field, HeaderValue::from_bytes(line).unwrap());
    }
    let method = Method::from_bytes(b"MOVE").unwrap();
    assert!(RequestRewrite::is_due(&method, Present::of(&headers)));
    rewrite.apply(&method, &mut headers)?;
    assert_eq!(headers.get_all(field).iter().count(), lines.len());
    Ok(String::from_utf8_lossy(headers[field].as_bytes()).into_owned())
}

fn mapped(
    field: &'static str,
    value: &str,
    template: &str,
    host: HostHeader,
) -> Result<String, Refusal> {
    mapped_bytes(field, &[value.as_bytes()], template, host)
}

fn backends_own() -> HostHeader {
    HostHeader::Set(HeaderValue::from_static("dav.web.svc"))
}

#[test]
fn a_destination_at_the_front_door_becomes_the_backends() {
    for (url, became) in [
        ("http://www.ep.com/dav/a%20b?c", "http://dav.web.svc/store/a%20b?c"),
        ("http://WWW.ep.com:80/dav/a", "http://dav.web.svc/store/a"),
        ("https://www.ep.com/dav/a", "http://dav.web.svc/store/a"),
        ("https://www.ep.com:443/dav", "http://dav.web.svc/store"),
        ("//www.ep.com/dav/./a", "http://dav.web.svc/store/a"),
        ("/dav/a", "/store/a"),
        ("/dav/\u{e9}", "/store/%C3%A9"),
        // By another Route to the same backend.
        ("http://www.ep.com/photos/a", "http://dav.web.svc/media/a"),
    ] {
        let mapped = mapped("destination", url, "/store/*", backends_own());
        assert_eq!(mapped.as_deref(), Ok(became), "{url}");
    }
    let url = "http://www.ep.com/dav/a";
    let preserved = mapped("destination", url, "/store/*", HostHeader::Preserve);
    assert_eq!(preserved.as_deref(), Ok("http://www.ep.com/store/a"));
    let same_path = mapped("destination", url, "", backends_own());
    assert_eq!(same_path.as_deref(), Ok("http://dav.web.svc/dav/a"));
}

#[test]
fn a_destination_leads_to_no_path_that_a_request_could_not_reach() {
    for url in [
        "http://www.ep.com/unrouted",
        "/unrouted",
        "/store/a",
        "http://dav.web.svc/store/a",
        "http://www.ep.com:81/dav/a",
        "http://evil.example/dav/a",
        "/other/a",
        "/dav/private/a",
        "/dav/unavailable",
        "/dav/../other/a",
    ] {
        for (template, host) in
            [("/store/*", backends_own()), ("/store/*", HostHeader::Preserve), ("", backends_own())]
        {
            let refused = mapped("destination", url, template, host);
            assert_eq!(refused, Err(Refusal::ForeignDestination), "{url} {template}");
        }
    }
}

#[test]
fn a_destination_that_no_route_has_passes_where_nothing_is_mapped() {
    for (url, became) in [
        ("/dav/a/../b", Ok("/dav/b")),
        ("/unrouted/./a?b", Ok("/unrouted/a?b")),
        ("http://other.example/x/../y", Ok("http://other.example/y")),
        ("http://other.example", Ok("http://other.example/")),
        ("http://other.example/dav/a", Ok("http://other.example/dav/a")),
        ("http://other.example/photos/a", Err(Refusal::ForeignDestination)),
        ("http://other.example/dav/private/a", Err(Refusal::ForeignDestination)),
        ("/other/a", Err(Refusal::ForeignDestination)),
        ("/dav/private/a", Err(Refusal::ForeignDestination)),
    ] {
        let mapped = mapped("destination", url, "", HostHeader::Preserve);
        assert_eq!(mapped.as_deref().map_err(|refusal| *refusal), became, "{url}");
    }
}

#[test]
fn a_destination_is_refused_as_the_same_target_would_be() {
    for url in ["http://www.ep.com/dav/..;/..;/x", "/dav/..%2Fx", "/dav/%zz", "/dav/%00"] {
        let refused = mapped("destination", url, "/store/*", backends_own());
        assert!(matches!(refused, Err(Refusal::InvalidPath(_))), "{url}");
    }
}

#[test]
fn a_destination_is_one_url_or_absolute_path() {
    for lines in [
        &[&b"a"[..]][..],
        &[b"../../x"],
        &[b"?a"],
        &[b""],
        &[b"http:/dav/a"],
        &[b"ftp://www.ep.com/dav/a"],
        &[b"http://www.ep.com@evil.example/dav/a"],
        &[b"http:///dav/a"],
        &[b"/dav/\xE9"],
        &[b"/dav/a", b"/dav/b"],
    ] {
        for (template, host) in [("/store/*", backends_own()), ("", HostHeader::Preserve)] {
            let refused = mapped_bytes("destination", lines, template, host);
            assert_eq!(refused, Err(Refusal::InvalidDestination), "{lines:?}");
        }
    }
}

#[test]
fn a_destination_grows_within_a_bound() {
    let long = format!("/photos/{}", "a".repeat(64 * 1024));
    let refused = mapped("destination", &long, "/store/*", backends_own());
    assert_eq!(refused, Err(Refusal::HeadTooLarge));
}

#[test]
fn conditions_name_the_backends_resources() {
    let conditions = "<http://www.ep.com/dav/a> (<urn:uuid:1> [\"<x>\"]) </dav/b> (Not <DAV:no-lock>) \
        </photos/\u{e9}> </unrouted> <http://evil.example/dav/a>";
    let became = "<http://dav.web.svc/store/a> (<urn:uuid:1> [\"<x>\"]) </store/b> (Not <DAV:no-lock>) \
        </media/%C3%A9> </unrouted> <http://evil.example/dav/a>";
    assert_eq!(mapped("if", conditions, "/store/*", backends_own()).as_deref(), Ok(became));
    let lines = [&b"</dav/a>"[..], b"(<\xE9>)"];
    let lines = mapped_bytes("if", &lines, "/store/*", backends_own());
    assert_eq!(lines.as_deref(), Ok("</store/a>"));
}

#[test]
fn many_conditions_grow_within_a_bound() {
    let conditions = "</dav>".repeat(20_000);
    let became = mapped("if", &conditions, "/store/*", backends_own()).unwrap();
    assert!(became.len() < conditions.len() + 64 * 1024);
}

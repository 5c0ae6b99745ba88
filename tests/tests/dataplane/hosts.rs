//! Which host a request is for, and who serves it.

use crate::{assert_problem, exchange, forwarding, sole};
use portico_tests::{
    backend::{front_door, route},
    edge::Edge,
};

/// Sends a GET of `target` with these Host lines on a connection that closes behind it.
fn get(target: &str, hosts: &str) -> String {
    format!("GET {target} HTTP/1.1\r\n{hosts}Connection: close\r\n\r\n")
}

#[tokio::test]
async fn host_stands_exactly_once_and_is_one() {
    let (edge, backend) = forwarding().await;
    for hosts in [
        "",
        "Host:\r\n",
        "Host: \r\n",
        "Host: www.ep.com\r\nHost: www.ep.com\r\n",
        "Host: www.ep.com\r\nhost: other.com\r\n",
        "Host: www.ep.com, other.com\r\n",
        "Host: www ep.com\r\n",
        "Host: www.ep.com/path\r\n",
        "Host: www.ep.com?\r\n",
        "Host: user@www.ep.com\r\n",
        "Host: http://www.ep.com\r\n",
        "Host: www.ep.com:\t80\r\n",
        "Host: www.ep.com:http\r\n",
        "Host: www.ep.com:65536\r\n",
        "Host: www.ep.com:80:80\r\n",
        "Host: www..ep.com\r\n",
        "Host: .ep.com\r\n",
        "Host: www.ep.com..\r\n",
        "Host: w\u{fc}w.ep.com\r\n",
        "Host: www.ep.com%00\r\n",
        "Host: [::1\r\n",
        "Host: [www.ep.com]\r\n",
        "Host: ::1\r\n",
        "Host: <refused>\r\n",
    ] {
        let answers = exchange(&edge, get("/", hosts)).await;
        assert_eq!(answers.len(), 1, "{hosts:?}");
        assert_problem(&answers[0], 400, "InvalidHost");
        assert!(answers[0].closes(), "{hosts:?}");
    }
    assert_eq!(sole(&edge, "GET / HTTP/1.0\r\n\r\n").await, (400, "InvalidHost".into()));
    assert_eq!(backend.connections(), 0);
}

#[tokio::test]
async fn host_compares_without_case_port_and_one_trailing_dot() {
    let (edge, backend) = forwarding().await;
    for host in
        ["www.ep.com", "WWW.eP.CoM", "www.ep.com:80", "www.ep.com:9", "www.ep.com:", "www.ep.com."]
    {
        let (status, _) = sole(&edge, get("/", &format!("Host: {host}\r\n"))).await;
        assert_eq!(status, 200, "{host}");
        // A Service sees the Host that the client sent.
        assert_eq!(backend.last().unwrap().field("host"), host);
    }
}

#[tokio::test]
async fn an_absolute_target_goes_before_host() {
    let (edge, backend) = forwarding().await;
    for (target, path) in [
        ("http://www.ep.com/a?b", "/a?b"),
        ("HTTP://WWW.EP.COM:80/a", "/a"),
        ("https://www.ep.com/a/../b", "/b"),
        ("http://www.ep.com", "/"),
        ("http://www.ep.com?q", "/?q"),
    ] {
        let (status, _) = sole(&edge, get(target, "Host: other.com\r\n")).await;
        assert_eq!(status, 200, "{target}");
        let got = backend.last().unwrap();
        assert_eq!(got.target(), path, "{target}");
        assert!(got.field("host").to_ascii_lowercase().starts_with("www.ep.com"), "{got:?}");
    }
    let before = backend.requests().len();
    for (target, hosts, expected) in [
        ("http://other.com/a", "Host: www.ep.com\r\n", (404, "NoHost")),
        ("http://www.ep.com/a", "", (400, "InvalidHost")),
        ("http://www.ep.com/a", "Host: www ep com\r\n", (400, "InvalidHost")),
        ("http://www.ep.com/a", "Host: www.ep.com\r\nHost: other.com\r\n", (400, "InvalidHost")),
        ("http://user@www.ep.com/a", "Host: www.ep.com\r\n", (400, "InvalidHost")),
        ("ftp://www.ep.com/a", "Host: www.ep.com\r\n", (400, "InvalidTarget")),
        ("www.ep.com:80", "Host: www.ep.com\r\n", (400, "InvalidTarget")),
        ("www.ep.com", "Host: www.ep.com\r\n", (400, "InvalidTarget")),
    ] {
        let (status, reason) = sole(&edge, get(target, hosts)).await;
        assert_eq!((status, reason.as_str()), expected, "{target} {hosts:?}");
    }
    assert_eq!(backend.requests().len(), before);
}

#[tokio::test]
async fn connect_is_refused() {
    let (edge, backend) = forwarding().await;
    for target in ["www.ep.com:443", "/", "http://www.ep.com/"] {
        let request =
            format!("CONNECT {target} HTTP/1.1\r\nHost: www.ep.com\r\n\r\nGET / HTTP/1.1\r\n");
        let answers = exchange(&edge, request).await;
        assert_eq!(answers.len(), 1, "{target}");
        assert_problem(&answers[0], 405, "Connect");
        assert!(answers[0].closes() && !answers[0].field("allow").contains("CONNECT"));
    }
    assert_eq!(backend.connections(), 0);
}

#[tokio::test]
async fn options_of_the_whole_server_meets_no_route() {
    let (edge, backend) = forwarding().await;
    let request = "OPTIONS * HTTP/1.1\r\nHost: www.ep.com\r\nConnection: close\r\n\r\n";
    assert_eq!(sole(&edge, request).await, (404, "NoRoute".into()));
    assert_eq!(backend.connections(), 0);
}

#[tokio::test]
async fn a_method_that_nobody_knows_is_forwarded() {
    let (edge, backend) = forwarding().await;
    for method in ["PROPFIND", "get", "X-Y_z!"] {
        let request =
            format!("{method} /a HTTP/1.1\r\nHost: www.ep.com\r\nConnection: close\r\n\r\n");
        assert_eq!(sole(&edge, request).await.0, 200, "{method}");
        assert_eq!(backend.last().unwrap().start_line(), format!("{method} /a HTTP/1.1"));
    }
}

/// A FrontDoor with hosts, and a Route that says `says` on them.
fn door(name: &str, hosts: &str, says: &str) -> String {
    let door = front_door("").replace("name: ep,", &format!("name: {name},"));
    let door = door.replace("[{name: www.ep.com}]", hosts);
    let spec = format!("matches: [{{path: /{says}}}]\nrespond: {{body: {says}}}");
    let route = route(says, &spec).replace("{name: ep}", &format!("{{name: {name}}}"));
    format!("{door}{route}")
}

#[tokio::test]
async fn the_most_specific_host_decides_alone() {
    let manifests = [
        door("exact", "[{name: www.ep.com}]", "exact"),
        door("near", "[{name: '*.api.ep.com'}]", "near"),
        door("far", "[{name: '*.ep.com'}]", "far"),
        door("any", "[{name: '*'}]", "any"),
    ];
    let edge = Edge::start(&manifests.concat()).await.unwrap();
    for (host, door) in [
        ("www.ep.com", "exact"),
        ("v1.api.ep.com", "near"),
        ("a.v1.API.ep.com.:8080", "near"),
        ("api.ep.com", "far"),
        ("shop.ep.com", "far"),
        ("a.www.ep.com", "far"),
        ("ep.com", "any"),
        ("xep.com", "any"),
        ("other.org", "any"),
        ("127.0.0.1:8080", "any"),
        ("[::1]", "any"),
        ("[::1]:8080", "any"),
    ] {
        for says in ["exact", "near", "far", "any"] {
            let (status, reason) =
                sole(&edge, get(&format!("/{says}"), &format!("Host: {host}\r\n"))).await;
            let expected = if says == door { (200, "") } else { (404, "NoRoute") };
            assert_eq!((status, reason.as_str()), expected, "{host} /{says}");
        }
    }
}

#[tokio::test]
async fn a_host_of_no_front_door_is_404_and_the_connection_goes_on() {
    let (edge, backend) = forwarding().await;
    let unknown = "GET / HTTP/1.1\r\nHost: other.com\r\n\r\n";
    let answers =
        exchange(&edge, format!("{unknown}{unknown}{}", get("/", "Host: www.ep.com\r\n"))).await;
    assert_eq!(answers.len(), 3);
    assert_problem(&answers[0], 404, "NoHost");
    assert_problem(&answers[1], 404, "NoHost");
    assert_eq!(answers[2].text(), "served");
    assert_eq!(backend.requests().len(), 1);
}

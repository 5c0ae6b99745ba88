//! What rules put into messages.

use super::*;

#[tokio::test]
async fn variables_are_filled_in() {
    let set = "requestHeaders: {set: [{name: x-all, value: '{method} {scheme} {host} {path} {query} {clientAddress} {route} {tenant}'}, {name: x-id, value: '{requestId}'}, {name: x-brace, value: '{{{query.a}}}'}, {name: x-none, value: '{header.x-no}'}]}";
    let stage = Stage::open(
        "",
        &format!("matches: [{{path: '/t/{{tenant}}/*'}}]\nrules: [{{name: a, do: {{{set}}}}}]"),
    )
    .await;
    let got = stage.forwarded("/t/ac%2Dme/x?a=%7B1%7D&a=2", "").await;
    assert_eq!(
        got.field("x-all"),
        "GET http www.ep.com /t/ac-me/x a=%7B1%7D&a=2 127.0.0.1 web/app ac-me"
    );
    assert_eq!(got.field("x-id"), got.field("x-request-id"));
    assert_eq!((&*got.field("x-brace"), got.fields("x-none")), ("{{1}}", vec![""]));
}

#[tokio::test]
async fn a_request_breaks_out_of_nothing() {
    let stage = Stage::open(
        "rules:
- name: to
  when: [{query: {name: to, type: Present}}]
  do: {redirect: {host: '{query.to}', allowedHosts: ['*.ep.com', a.example]}}
- name: page
  when: [{path: /page}]
  do:
    respond: {headers: [{name: content-type, value: text/html}], body: '<b title=\"{query.q}\">{query.q}</b>'}
",
        "rules:
- name: set
  do:
    responseHeaders: {add: [{name: set-cookie, value: 'a={query.q}; HttpOnly'}, {name: x-q, value: '{query.q}'}]}
    rewrite: {path: '/in/{query.q}/x'}
",
    )
    .await;
    let evil = "%0D%0AX-Evil:%201%0D%0A%0D%0A%3Cscript%3E%22";
    let page = stage.get(&format!("/page?q={evil}"), "").await;
    let shown = "\r\nX-Evil: 1\r\n\r\n&lt;script&gt;&quot;";
    assert_eq!(page.text(), format!("<b title=\"{shown}\">{shown}</b>"));
    let cookie = stage.get("/?q=1;%20Domain=evil.example;%20Path=/", "").await;
    assert_eq!(cookie.field("set-cookie"), "a=1 Domain=evil.example Path=/; HttpOnly");
    let refused = stage.get(&format!("/?q={evil}"), "").await;
    assert_eq!((refused.status(), &*refused.reason()), (400, "InvalidPath"));
    for (q, target) in [("a/b?c", "/in/a%2Fb%3Fc/x"), ("%25..", "/in/%25../x"), ("", "/in//x")] {
        let q = q.replace('%', "%25").replace("%2525", "%25").replace('?', "%3F");
        let got = stage.forwarded(&format!("/?q={q}"), "").await;
        assert_eq!(got.target(), format!("{target}?q={q}"));
    }
    for q in ["..", ".", "%2E%2E", "../admin", "..;x"] {
        let refused = stage.get(&format!("/?q={q}"), "").await;
        assert_eq!((refused.status(), &*refused.reason()), (400, "InvalidPath"), "{q}");
    }
    for (to, location) in [
        ("a.example", Some("http://a.example/x?to=a.example")),
        ("B.ep.com", Some("http://b.ep.com/x?to=B.ep.com")),
        ("evil.example", None),
        ("evil.example/.ep.com", None),
        ("evil.example%23.ep.com", None),
        ("u@a.example", None),
        ("a.example:81", None),
    ] {
        let answer = stage.get(&format!("/x?to={to}"), "").await;
        match location {
            Some(location) => assert_eq!(answer.field("location"), location),
            None => assert_eq!(&*answer.reason(), "RedirectHostNotAllowed", "{to}"),
        }
    }
}

#[tokio::test]
async fn what_is_put_into_a_message_is_bounded() {
    let many = "{header.x-a}".repeat(8);
    let stage = Stage::open(
        "",
        &format!("rules: [{{name: a, do: {{requestHeaders: {{set: [{{name: x-b, value: '{many}'}}]}}}}}}]"),
    )
    .await;
    let got = stage.forwarded("/", &format!("X-A: {}\r\n", "x".repeat(8_000))).await;
    assert_eq!(got.field("x-b").len(), 64_000);
    let refused = stage.get("/", &format!("X-A: {}\r\n", "x".repeat(9_000))).await;
    assert_eq!((refused.status(), &*refused.reason()), (431, "PredicatesTooCostly"));
}

#[tokio::test]
async fn headers_that_rules_look_at_come_in_no_trailer() {
    let stage = Stage::open(
        "rules: [{name: a, when: [{not: {header: {name: x-role, value: admin}}}], do: {requestHeaders: {set: [{name: x-set, value: s}]}}}]",
        "",
    )
    .await;
    let request = "POST / HTTP/1.1\r\nHost: www.ep.com\r\nTransfer-Encoding: chunked\r\n\
        Trailer: X-Role, X-Set, X-Sum\r\n\r\n4\r\nbody\r\n0\r\nX-Role: admin\r\nX-Set: t\r\nX-Sum: 7\r\n\r\n";
    assert_eq!(ask(stage.edge.address(), request).await.unwrap().status(), 200);
    let trailers = stage.app.last().unwrap().trailers.join(" ").to_ascii_lowercase();
    assert_eq!(trailers, "x-sum: 7");
}

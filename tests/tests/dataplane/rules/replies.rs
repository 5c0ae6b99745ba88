//! Rules that redirect or respond.

use super::*;

const POLICY: &str = "cors: {allowOrigins: ['https://app.example.com'], allowMethods: [PUT]}\n";
const PAGE: &str = "Origin: https://app.example.com\r\n";
const EVIL: &str = "Origin: https://evil.example\r\n";

const RULES: &str = "rules:
- name: gone
  when: [{path: /gone}]
  do:
    respond: {status: 410, headers: [{name: content-type, value: text/plain}], body: 'no {path}'}
    responseHeaders: {set: [{name: x-rule, value: gone}]}
- name: moved
  when: [{path: /moved/*}]
  do: {redirect: {host: new.example, path: '/old{path}', status: 308}}
- name: rest
  do: {responseHeaders: {set: [{name: x-rest, value: '{route}'}]}}
";

#[tokio::test]
async fn a_front_doors_rule_replies_before_any_route_is_found() {
    let stage = Stage::open(RULES, "matches: [{path: /app/*}]").await;
    let gone = stage.get("/gone", "").await;
    assert_eq!((gone.status(), &*gone.text()), (410, "no /gone"));
    assert_eq!((&*gone.field("x-rule"), &*gone.field("x-rest")), ("gone", ""));
    assert!(gone.field("x-request-id").len() > 16);
    let moved = stage.get("/moved/%7Ea?b=c", "").await;
    assert_eq!(
        (moved.status(), &*moved.field("location")),
        (308, "http://new.example/old/moved/~a?b=c")
    );
    let app = stage.get("/app/a", "").await;
    assert_eq!((app.status(), &*app.field("x-rest")), (200, "web/app"));
    // The edge's own errors are not edited.
    let none = stage.get("/none", "").await;
    assert_eq!((none.status(), &*none.reason(), &*none.field("x-rest")), (404, "NoRoute", ""));
    assert_eq!(stage.app.requests().len(), 1);
    let head = ask(stage.edge.address(), "HEAD /gone HTTP/1.1\r\nHost: www.ep.com\r\n\r\n").await;
    let head = head.unwrap();
    assert_eq!((head.status(), &*head.field("content-length"), &*head.text()), (410, "8", ""));
}

#[tokio::test]
async fn no_edit_changes_the_type_that_a_body_is_escaped_for() {
    let html = "responseHeaders: {set: [{name: content-type, value: text/html}]}";
    let plain = "respond: {headers: [{name: content-type, value: text/plain}], body: '{query.q}'}";
    let stage = Stage::open(
        &format!("rules: [{{name: html, do: {{{html}}}}}]"),
        &format!("{html}\nrules: [{{name: plain, do: {{{plain}}}}}]"),
    )
    .await;
    let answer = stage.get("/?q=%3Cb%3E", "").await;
    assert_eq!((&*answer.text(), &*answer.field("content-type")), ("<b>", "text/plain"));
}

#[tokio::test]
async fn its_reply_carries_the_front_doors_cors_policy() {
    let stage = Stage::open(&format!("{POLICY}{RULES}"), "cors: {mode: Disabled}").await;
    for (target, status) in [("/gone", 410), ("/moved/a", 308)] {
        let answer = stage.get(target, PAGE).await;
        assert_eq!(answer.status(), status);
        assert_eq!(answer.field("access-control-allow-origin"), "https://app.example.com");
        let answer = stage.get(target, EVIL).await;
        assert_eq!((answer.status(), &*answer.field("access-control-allow-origin")), (status, ""));
        assert!(answer.field("vary").to_lowercase().contains("origin"), "{}", answer.head);
    }
    let strict = "cors: {allowOrigins: ['https://app.example.com'], disallowedOrigin: Reject}\n";
    let stage = Stage::open(&format!("{strict}{RULES}"), "").await;
    let refused = stage.get("/gone", EVIL).await;
    assert_eq!((refused.status(), &*refused.reason()), (403, "CorsOrigin"));
}

#[tokio::test]
async fn rules_that_reply_do_not_see_preflights() {
    let all = "rules:\n- {name: all, do: {respond: {status: 410}}}\n- {name: edit, do: {requestHeaders: {set: [{name: x-edit, value: e}]}}}\n";
    let preflight = format!(
        "OPTIONS /gone HTTP/1.1\r\nHost: www.ep.com\r\n{PAGE}Access-Control-Request-Method: PUT\r\n\r\n"
    );
    for (front_door, route) in
        [(format!("{POLICY}{all}"), String::new()), (POLICY.to_owned(), all.to_owned())]
    {
        let stage = Stage::open(&front_door, &route).await;
        let answer = ask(stage.edge.address(), &preflight).await.unwrap();
        assert_eq!((answer.status(), stage.app.requests().len()), (204, 0), "{}", answer.head);
        assert!(answer.field("access-control-allow-methods").contains("PUT"));
        assert_eq!(stage.get("/gone", PAGE).await.status(), 410);
    }
    // One that is forwarded meets the others.
    for (front_door, route) in [(all, ""), ("", all)] {
        let stage = Stage::open(front_door, route).await;
        let answer = ask(stage.edge.address(), &preflight).await.unwrap();
        assert_eq!(answer.status(), 200);
        assert_eq!(stage.app.last().unwrap().field("x-edit"), "e");
        // OPTIONS alone is no preflight.
        let options = "OPTIONS /gone HTTP/1.1\r\nHost: www.ep.com\r\n\r\n";
        assert_eq!(ask(stage.edge.address(), options).await.unwrap().status(), 410);
    }
}

#[tokio::test]
async fn a_routes_rule_replies_with_all_edits() {
    let edit = |value: &str| format!("responseHeaders: {{add: [{{name: x-by, value: {value}}}]}}");
    let stage = Stage::open(
        &format!("rules:\n- {{name: f, do: {{{}}}}}", edit("front-door")),
        &format!(
            "matches: [{{path: '/u/{{id}}/*'}}]\n{}\nrules:\n- {{name: first, do: {{{}}}}}\n- {{name: to, when: [{{query: {{name: to, type: Present}}}}], do: {{redirect: {{scheme: https, path: '/p/{{id}}/{{query.to}}/*'}}, {}}}}}\n- {{name: never, do: {{respond: {{status: 410}}}}}}",
            edit("own"),
            edit("first"),
            edit("to"),
        ),
    )
    .await;
    let to = stage.get("/u/7/a/b?to=x", "").await;
    assert_eq!((to.status(), &*to.field("location")), (302, "https://www.ep.com/p/7/x/a/b?to=x"));
    assert_eq!(to.fields("x-by"), ["own", "first", "to", "front-door"]);
    assert_eq!(stage.get("/u/7/a", "").await.status(), 410);
    assert_eq!(stage.app.requests().len(), 0);
}

#[tokio::test]
async fn a_route_that_responds_can_have_rules_with_backends() {
    let app = Backend::saying("beta").await.unwrap();
    let spec = "respond: {status: 403}\nrules:\n- name: beta\n  when: [{cookie: {name: beta, type: Present}}]\n  do: {backends: [{service: {name: app, port: 80}}], requestHeaders: {set: [{name: x-a, value: b}]}}";
    let manifests = [front_door(""), service("app", "http", &[app.address()]), route("r", spec)];
    let edge = Edge::start(&manifests.concat()).await.unwrap();
    assert_eq!(ask(edge.address(), get("/", "")).await.unwrap().status(), 403);
    let answer = ask(edge.address(), get("/", "Cookie: beta=1\r\n")).await.unwrap();
    assert_eq!((answer.status(), &*answer.text()), (200, "beta"));
    assert_eq!(app.last().unwrap().field("x-a"), "b");
}

#[tokio::test]
async fn without_its_secret_a_front_doors_rules_refuse_all() {
    let rules = "rules:\n- {name: key, when: [{path: /a}], do: {requestHeaders: {set: [{name: x-key, valueFrom: {secretKeyRef: {name: k, key: t}}}]}}}\n- {name: gone, when: [{path: /gone}], do: {respond: {status: 410}}}";
    let stage = Stage::open(rules, "").await;
    for target in ["/", "/a", "/gone"] {
        let refused = stage.get(target, "").await;
        assert_eq!((refused.status(), &*refused.reason()), (503, "NotResolved"), "{target}");
    }
    let secret = "---\napiVersion: v1\nkind: Secret\nmetadata: {name: k, namespace: web}\nstringData: {t: s3cret}\n";
    let manifests = [
        front_door(rules),
        secret.to_owned(),
        service("app", "http", &[stage.app.address()]),
        route("app", "backends: [{service: {name: app, port: 80}}]"),
    ];
    stage.edge.serve(&manifests.concat()).await.unwrap();
    assert_eq!(stage.forwarded("/a", "").await.field("x-key"), "s3cret");
    assert_eq!(stage.forwarded("/", "").await.field("x-key"), "");
}

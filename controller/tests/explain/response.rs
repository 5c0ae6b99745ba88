//! What comes back, from the backend or from the front door itself.

use crate::{
    EVIL, FRONT_DOOR, PAGE, REMOVED, explain, field, forward, front_door_without_policy, route,
    told,
};
use serde_json::{Value, json};

#[test]
fn a_disallowed_origin_is_forwarded_or_rejected() {
    let route = forward("a", "{path: /a}", "");
    let told_of =
        |front_door: &str| told(&[front_door, &route].concat(), "http://www.ep.com/a", &EVIL);
    let forwarded = told_of(FRONT_DOOR);
    assert_eq!(forwarded["browser"]["preflight"], false);
    assert_eq!(forwarded["response"]["by"], "backend");
    assert_eq!(forwarded["response"]["script"]["reads"], false);
    assert_eq!(forwarded["response"]["removes"], json!(REMOVED));
    let why = "origin 'https://evil.example' is not allowed";
    assert_eq!(
        forwarded["response"]["cors"],
        format!(
            "the CORS policy does not let scripts read the response, but forwards the request: {why}"
        )
    );
    let rejected = told_of(&(FRONT_DOOR.to_owned() + "    disallowedOrigin: Reject\n"));
    assert_eq!(rejected["response"]["status"], 403);
    assert_eq!(rejected["response"]["reason"], "CorsOrigin");
    assert_eq!(rejected["request"], Value::Null);
}

#[test]
fn a_route_without_a_policy_removes_what_it_names() {
    let edits = ", responseHeaders: {remove: [server, access-control-max-age]}";
    let manifests = [&front_door_without_policy(), &*forward("a", "{path: /a}", edits)].concat();
    let told = told(&manifests, "http://www.ep.com/a", &PAGE);
    let mut removed: Vec<_> = told["response"]["removes"].as_array().unwrap().iter().collect();
    removed.sort_by_key(|name| name.as_str());
    let expected = ["access-control-max-age", "alt-svc", "public-key-pins", "server"];
    assert_eq!(json!(removed), json!(expected));
}

#[test]
fn what_the_front_door_answers_itself_is_shown() {
    let manifests = [
        FRONT_DOOR,
        &route("moved", "matches: [{path: /old/*}], redirect: {path: /new/*, status: 301}"),
        &route("fixed", "matches: [{path: /fixed}], respond: {status: 418, body: teapot}"),
        &forward(
            "no-key",
            "{path: /key}",
            ", requestHeaders: {set: [{name: x-k, valueFrom: {secretKeyRef: {name: k, key: k}}}]}",
        ),
        &route(
            "no-service",
            "matches: [{path: /service}], backends: [{service: {name: s, port: 80}}]",
        ),
    ]
    .concat();
    let of = |path: &str| told(&manifests, &format!("http://www.ep.com{path}"), &PAGE);
    let moved = of("/old/a?b");
    assert_eq!(moved["response"]["status"], 301);
    let location = field(&moved["response"]["headers"], "location");
    assert_eq!(location, Some("http://www.ep.com/new/a?b"));
    assert_eq!(moved["response"]["script"]["reads"], Value::Null);
    let fixed = of("/fixed");
    assert_eq!(
        (&fixed["response"]["status"], &fixed["response"]["body"]),
        (&json!(418), &json!("teapot"))
    );
    assert_eq!(fixed["response"]["script"]["reads"], true);
    let missing = of("/nowhere");
    assert_eq!((&missing["winner"], &missing["request"]), (&Value::Null, &Value::Null));
    assert_eq!(
        (&missing["response"]["status"], &missing["response"]["reason"]),
        (&json!(404), &json!("NoRoute"))
    );
    let no_key = of("/key");
    assert_eq!(
        (&no_key["response"]["status"], &no_key["response"]["reason"]),
        (&json!(503), &json!("NotResolved"))
    );
    assert!(no_key["response"]["detail"].as_str().unwrap().contains("web/k"), "{no_key}");
    let no_service = of("/service");
    assert_eq!(no_service["response"]["reason"], "NoEndpoint");
    assert_eq!(no_service["request"]["sent"], false);
    assert!(no_service["notes"].to_string().contains("ServiceNotFound"), "{no_service}");
    let bad_path = of("/a%zz");
    assert_eq!(bad_path["response"]["status"], 400);
}

#[test]
fn nothing_is_said_to_be_forwarded_where_the_front_door_answers() {
    let manifests = [
        FRONT_DOOR,
        &route("fixed", "matches: [{path: /fixed}], respond: {status: 200}"),
        &route("open", "matches: [{path: /open}], respond: {status: 200}, cors: {mode: Disabled}"),
    ]
    .concat();
    let denied = "the CORS policy does not let scripts read the response: origin 'https://evil.example' is not allowed";
    for (path, status, said) in [
        ("/nowhere", 404, denied),
        ("/fixed", 200, denied),
        ("/open", 200, "no CORS policy: nothing is changed"),
    ] {
        let told = told(&manifests, &format!("http://www.ep.com{path}"), &EVIL);
        assert_eq!(told["response"]["status"], status, "{path}");
        assert_eq!(told["response"]["cors"], said, "{path}");
    }
}

#[test]
fn shares_follow_priorities_and_weights() {
    let backend =
        |name: &str, more: &str| format!("{{external: {{url: 'https://{name}.example'}}{more}}}");
    let backends = [
        backend("spare", ", priority: 1"),
        backend("b", ", weight: 1"),
        backend("a", ", weight: 3"),
        backend("none", ", weight: 0"),
    ];
    let spec = format!("backends: [{}], rewrite: {{host: Preserve}}", backends.join(", "));
    let told = told(&[FRONT_DOOR, &route("r", &spec)].concat(), "http://www.ep.com/", &[]);
    let backends = told["request"]["backends"].as_array().unwrap();
    let shares: Vec<_> = backends
        .iter()
        .map(|b| (b["name"].as_str().unwrap(), b["share"].as_f64().unwrap()))
        .collect();
    let expected = [
        ("https://b.example", 0.25),
        ("https://a.example", 0.75),
        ("https://none.example", 0.0),
        ("https://spare.example", 0.0),
    ];
    assert_eq!(shares, expected);
    assert!(backends.iter().all(|backend| backend["differs"] == json!([])));
}

#[test]
fn secrets_are_fingerprints_in_text_too() {
    let secret = "---\napiVersion: v1\nkind: Secret\nmetadata: {name: k, namespace: web}\nstringData: {k: hush-hush}\n";
    let edit = "{set: [{name: x-k, valueFrom: {secretKeyRef: {name: k, key: k}}}]}";
    let rest = format!(", requestHeaders: {edit}, responseHeaders: {edit}");
    let manifests = [FRONT_DOOR, secret, &forward("a", "{path: /a}", &rest)].concat();
    for output in ["text", "json"] {
        let ran = explain(&manifests, &["--url", "http://www.ep.com/a", "-o", output]);
        assert_eq!(ran.out.matches("secret:sha256:").count(), 2, "{}", ran.out);
        assert!(!ran.out.contains("hush-hush"));
    }
}

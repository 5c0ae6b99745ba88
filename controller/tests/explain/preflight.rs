//! What happens to a preflight.

use crate::{
    EVIL, FRONT_DOOR, PAGE, REMOVED, explain, field, forward, front_door_without_policy, route,
    told,
};
use serde_json::{Value, json};

#[test]
fn a_preflight_is_allowed_and_the_request_goes_on() {
    let manifests = [FRONT_DOOR, &forward("a", "{path: /a, methods: [PUT]}", "")].concat();
    let args =
        [&PAGE[..], &["--method", "put", "--header", "x-a: 1", "--header", "accept: a/b"]].concat();
    let told = told(&manifests, "http://www.ep.com/a?q", &args);
    assert_eq!(told["browser"]["preflight"], true);
    let preflight = &told["preflight"];
    assert_eq!(field(&preflight["asks"], "access-control-request-method"), Some("PUT"));
    assert_eq!(field(&preflight["asks"], "access-control-request-headers"), Some("x-a"));
    assert_eq!((&preflight["route"], &preflight["status"]), (&json!("web/a"), &json!(204)));
    assert_eq!((&preflight["allowed"], &preflight["credentials"]), (&json!(true), &json!(true)));
    let allowed = field(&preflight["headers"], "access-control-allow-origin");
    assert_eq!(allowed, Some("https://app.example.com"));
    assert_eq!(told["request"]["sent"], true);
    assert_eq!(told["request"]["target"], "/a?q");
    assert_eq!(field(&told["request"]["headers"], "host"), Some("a.example.net"));
    let response = &told["response"];
    assert_eq!(response["by"], "backend");
    assert_eq!(field(&response["sets"], "access-control-allow-credentials"), Some("true"));
    assert_eq!(field(&response["adds"], "vary"), Some("Origin"));
    assert_eq!(response["removes"], json!(REMOVED));
    assert_eq!(
        (&response["script"]["reads"], &response["script"]["credentials"]),
        (&json!(true), &json!(true))
    );
    assert!(response["script"]["headers"].as_array().unwrap().contains(&json!("x-total-count")));
}

#[test]
fn a_preflight_is_refused_for_origin_method_or_header() {
    let manifests = [FRONT_DOOR, &forward("a", "{path: /a}", "")].concat();
    for (args, why) in [
        (
            [&EVIL[..], &["--method", "PUT"]].concat(),
            "origin 'https://evil.example' is not allowed",
        ),
        ([&PAGE[..], &["--method", "DELETE"]].concat(), "method 'DELETE' is not allowed"),
        ([&PAGE[..], &["--header", "x-b: 1"]].concat(), "header 'x-b' is not allowed"),
    ] {
        let told = told(&manifests, "http://www.ep.com/a", &args);
        let preflight = &told["preflight"];
        assert_eq!((&preflight["by"], &preflight["status"]), (&json!("edge"), &json!(403)));
        assert_eq!(preflight["allowed"], false);
        assert!(preflight["why"].as_str().unwrap().ends_with(why), "{preflight}");
        assert_eq!(field(&preflight["headers"], "access-control-allow-origin"), None);
        assert_eq!(told["response"]["script"]["reads"], false);
        assert!(told["request"]["headers"].is_array(), "what would be sent is shown all the same");
        let text =
            explain(&manifests, &[&["--url", "http://www.ep.com/a"], &args[..]].concat()).out;
        assert!(text.contains("no browser sends it from this page"), "{text}");
    }
}

#[test]
fn the_policy_that_answers_is_named_by_the_object_in_which_it_is_written() {
    let policy = FRONT_DOOR.split("  cors:\n").nth(1).unwrap();
    let same = format!(", cors: {{{}}}", policy.trim().replace("\n    ", ", "));
    let manifests = [
        FRONT_DOOR,
        &forward("inherits", "{path: /inherits}", ""),
        &forward("own", "{path: /own}", &same),
        &forward("none", "{path: /none}", ", cors: {mode: Disabled}"),
        &forward("back", "{path: /back}", &same.replace("cors: {", "cors: {preflight: Forward, ")),
        &route("fixed", "matches: [{path: /fixed}], respond: {}, cors: {mode: Disabled}"),
    ]
    .concat();
    let owner = |kind: &str, name: &str| json!({"kind": kind, "name": name});
    let front_door = owner("FrontDoor", "web/ep");
    for (path, policy, said) in [
        (
            "/inherits",
            &front_door,
            Some("from the front door, by the policy of FrontDoor web/ep\n"),
        ),
        ("/nowhere", &front_door, Some("from the front door, by the policy of FrontDoor web/ep\n")),
        ("/own", &owner("Route", "web/own"), Some("by the policy of Route web/own\n")),
        ("/none", &Value::Null, None),
        ("/back", &Value::Null, None),
        ("/fixed", &Value::Null, Some("200 from the front door\n")),
    ] {
        for origin in [PAGE, EVIL] {
            let args = [&origin[..], &["--method", "PUT"]].concat();
            let url = format!("http://www.ep.com{path}");
            let told = told(&manifests, &url, &args);
            assert_eq!(told["preflight"]["policy"], *policy, "{path}");
            let text = explain(&manifests, &[&["--url", &url], &args[..]].concat()).out;
            match said {
                Some(said) => assert!(text.contains(said), "{path}: {text}"),
                None => assert!(!text.contains("by the policy of"), "{path}: {text}"),
            }
        }
    }
}

#[test]
fn what_the_backend_decides_is_not_told() {
    let forwards = FRONT_DOOR.to_owned() + "    preflight: Forward\n";
    let reports = FRONT_DOOR.to_owned() + "    mode: Report\n";
    for (front_door, why) in [
        (front_door_without_policy(), "no CORS policy: the backend decides"),
        (forwards, "the CORS policy leaves it to the backend"),
        (reports, "the CORS policy only reports: the backend decides"),
    ] {
        let manifests = [&front_door, &*forward("a", "{path: /a}", "")].concat();
        let args = [&PAGE[..], &["--method", "PUT"]].concat();
        let told = told(&manifests, "http://www.ep.com/a", &args);
        let preflight = &told["preflight"];
        assert_eq!((&preflight["by"], &preflight["status"]), (&json!("backend"), &Value::Null));
        assert_eq!((&preflight["allowed"], &preflight["why"]), (&Value::Null, &json!(why)));
        assert_eq!(told["response"]["script"]["reads"], Value::Null);
    }
}

#[test]
fn a_preflight_itself_is_explained() {
    let manifests = [FRONT_DOOR, &forward("a", "{path: /a, methods: [PUT]}", "")].concat();
    let asks = ["--method", "OPTIONS", "--header", "access-control-request-method: PUT"];
    let told = told(&manifests, "http://www.ep.com/a", &[&PAGE[..], &asks].concat());
    assert_eq!(told["winner"]["route"], "web/a");
    assert_eq!(told["browser"]["preflight"], Value::Null);
    assert_eq!(told["preflight"]["status"], 204);
    assert_eq!((&told["request"], &told["response"]), (&Value::Null, &Value::Null));
}

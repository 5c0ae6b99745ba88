//! `portico explain` as its users run it.
#![allow(clippy::unwrap_used)]

use serde_json::{Value, json};
use std::{fs, process::Command};

/// A FrontDoor whose default policy lets one origin send PUTs with `x-a`.
const DOOR: &str = "
apiVersion: portico.dev/v1alpha1
kind: FrontDoor
metadata: {name: ep, namespace: web}
spec:
  hosts: [{name: www.ep.com}]
  cors:
    allowOrigins: ['https://app.example.com']
    allowCredentials: true
    allowMethods: [PUT]
    allowHeaders: [x-a]
    exposeHeaders: [x-total-count]
";

struct Ran {
    code: i32,
    out: String,
    err: String,
}

fn explain(manifests: &str, args: &[&str]) -> Ran {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.yaml"), manifests).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_portico"))
        .arg("explain")
        .arg(folder.path())
        .args(args)
        .output()
        .unwrap();
    Ran {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

fn told(manifests: &str, url: &str, args: &[&str]) -> Value {
    let ran = explain(manifests, &[&["--url", url, "-o", "json"], args].concat());
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    serde_json::from_str(&ran.out).unwrap()
}

/// A Route of that FrontDoor.
fn route(name: &str, spec: &str) -> String {
    format!(
        "---\napiVersion: portico.dev/v1alpha1\nkind: Route\nmetadata: {{name: {name}, namespace: web}}\nspec: {{frontDoorRef: {{name: ep}}, {spec}}}\n"
    )
}

/// A Route to an external host.
fn forward(name: &str, matches: &str, rest: &str) -> String {
    let spec = format!(
        "matches: [{matches}], backends: [{{external: {{url: 'https://{name}.example.net'}}}}]{rest}"
    );
    route(name, &spec)
}

fn door_without_policy() -> String {
    DOOR.split("  cors:").next().unwrap().to_owned()
}

/// The value of a field in a list of `{name, value}`.
fn field<'v>(fields: &'v Value, name: &str) -> Option<&'v str> {
    let field = fields.as_array().unwrap().iter().find(|field| field["name"] == name)?;
    field["value"].as_str()
}

const PAGE: [&str; 2] = ["--origin", "https://app.example.com"];
const EVIL: [&str; 2] = ["--origin", "https://evil.example"];

#[test]
fn the_example_in_the_readme_is_explained() {
    let output = Command::new(env!("CARGO_BIN_EXE_portico"))
        .args(["explain", "../examples/ep", "--url", "http://localhost:8080/api/user/ada"])
        .args(["-o", "json"])
        .output()
        .unwrap();
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(told["winner"]["route"], "web/profiles");
    assert_eq!(told["winner"]["captures"], json!({"*": "ada"}));
    assert_eq!(told["request"]["target"], "/users/ada");
    assert_eq!(told["request"]["backends"][0]["endpoints"], json!(["127.0.0.1:9103"]));
    let key = field(&told["request"]["headers"], "x-api-key").unwrap();
    assert!(key.starts_with("secret:sha256:"), "{key}");
    assert!(!String::from_utf8(output.stdout).unwrap().contains("demo-key-that-protects-nothing"));
}

#[test]
fn every_key_is_there_and_null_where_there_is_nothing() {
    let manifests = [DOOR, &forward("a", "{path: /a}", "")].concat();
    let keys = [
        "winner",
        "losers",
        "losersOmitted",
        "browser",
        "preflight",
        "request",
        "response",
        "notes",
    ];
    for url in ["http://www.ep.com/a", "http://www.ep.com/b", "http://nobody/"] {
        let told = told(&manifests, url, &[]);
        let mut found: Vec<_> = told.as_object().unwrap().keys().map(String::as_str).collect();
        found.sort_unstable();
        let mut keys = keys;
        keys.sort_unstable();
        assert_eq!(found, keys);
        assert_eq!(told["preflight"], Value::Null);
        let has_route = url.ends_with("/a");
        assert_eq!(told["winner"].is_null(), !has_route);
        assert_eq!(told["request"].is_null(), !has_route);
    }
}

#[test]
fn losers_say_why_and_the_closest_come_first() {
    let manifests = [
        DOOR,
        &forward("winner", "{path: '/a/{x}', methods: [GET]}", ""),
        &forward("put", "{path: '/a/{x}', methods: [PUT]}", ""),
        &forward("tenant", "{path: '/a/{x}', headers: [{name: x-tenant, value: blue}]}", ""),
        &forward("asks-less", "{path: '/a/{y}'}", ""),
        &forward("general", "{path: /a/*}", ""),
        &forward("slash", "{path: '/a/{x}/'}", ""),
        &forward("near", "{path: /a/b/c}", ""),
        &forward("far", "{path: /z}", ""),
    ]
    .concat();
    let told = told(&manifests, "http://www.ep.com/a/b", &[]);
    assert_eq!(told["winner"]["route"], "web/winner");
    let losers: Vec<_> = told["losers"].as_array().unwrap().iter().collect();
    let why = |name: &str| {
        let route = format!("web/{name}");
        losers.iter().find(|loser| loser["route"] == *route).unwrap()["why"].as_str().unwrap()
    };
    assert_eq!(why("put"), "its path matches, but it requires method PUT");
    assert_eq!(why("tenant"), "its path matches, but it requires header x-tenant: blue");
    assert_eq!(why("asks-less"), "matches too, but has no predicate where the winner has 1");
    assert_eq!(why("general"), "matches too, but its path is less specific than /a/{x}");
    assert_eq!(why("slash"), "its path does not match: a trailing slash matters");
    assert_eq!(why("far"), "its path does not match");
    let names: Vec<_> = losers.iter().map(|loser| loser["route"].as_str().unwrap()).collect();
    assert_eq!(names[4..], ["web/slash", "web/near", "web/far"]);
}

#[test]
fn the_older_route_wins_a_tie_and_the_loser_says_so() {
    let tied = |name: &str, created: &str, header: &str| {
        forward(name, &format!("{{path: /a, headers: [{{name: {header}, type: Present}}]}}"), "")
            .replace(
                "namespace: web}",
                &format!("namespace: web, creationTimestamp: '{created}'}}"),
            )
    };
    let young = tied("a-young", "2026-02-01T00:00:00Z", "x-a");
    let old = tied("b-old", "2026-01-01T00:00:00Z", "x-b");
    let args = ["--header", "x-a: 1", "--header", "x-b: 1"];
    let told = told(&[DOOR, &young, &old].concat(), "http://www.ep.com/a", &args);
    assert_eq!(told["winner"]["route"], "web/b-old");
    assert!(told["losers"][0]["why"].as_str().unwrap().contains("the winner is older"));
}

#[test]
fn many_losers_are_counted() {
    let routes: String =
        (0..130).map(|n| forward(&format!("r{n}"), &format!("{{path: /r{n}}}"), "")).collect();
    let manifests = [DOOR, &routes].concat();
    let told = told(&manifests, "http://www.ep.com/r7", &[]);
    assert_eq!(told["losers"].as_array().unwrap().len(), 100);
    assert_eq!(told["losersOmitted"], 29);
    let text = explain(&manifests, &["--url", "http://www.ep.com/r7"]).out;
    assert!(text.contains("and 121 more, less close\n"), "{text}");
}

#[test]
fn a_route_that_is_not_accepted_is_among_the_losers() {
    let manifests = [
        DOOR,
        &forward("served", "{path: /*}", ""),
        &forward("typo", "{path: /a}", ", timeout: {connect: 1s}"),
        &forward("elsewhere", "{path: /z}", ", timeout: {connect: 1s}"),
        &forward("no-door", "{path: /a}", "").replace("{name: ep}", "{name: epp}"),
        &forward("unreadable", "{path: [1]}", ""),
    ]
    .concat();
    let told = told(&manifests, "http://www.ep.com/a", &[]);
    assert_eq!(told["winner"]["route"], "web/served");
    let losers = told["losers"].as_array().unwrap();
    let names: Vec<_> = losers.iter().map(|loser| loser["route"].as_str().unwrap()).collect();
    assert_eq!(names, ["web/no-door", "web/typo", "web/unreadable"]);
    let why = losers[1]["why"].as_str().unwrap();
    assert!(why.starts_with("not accepted: spec.timeout (Invalid): "), "{why}");
    assert!(losers[0]["why"].as_str().unwrap().contains("FrontDoor web/epp does not exist"));
}

#[test]
fn a_front_door_that_is_not_accepted_is_named() {
    let door = DOOR.replace("  cors:", "  trustedProxy: []\n  cors:");
    let told = told(&door, "http://www.ep.com/", &[]);
    assert_eq!(told["response"]["reason"], "NoHost");
    let note = told["notes"][0].as_str().unwrap();
    assert!(note.starts_with("FrontDoor web/ep has this host, but is not accepted: "), "{note}");
}

#[test]
fn a_preflight_is_allowed_and_the_request_goes_on() {
    let manifests = [DOOR, &forward("a", "{path: /a, methods: [PUT]}", "")].concat();
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
    assert_eq!(response["removes"], json!(["access-control-*"]));
    assert_eq!(
        (&response["script"]["reads"], &response["script"]["credentials"]),
        (&json!(true), &json!(true))
    );
    assert!(response["script"]["headers"].as_array().unwrap().contains(&json!("x-total-count")));
}

#[test]
fn a_preflight_is_refused_for_origin_method_or_header() {
    let manifests = [DOOR, &forward("a", "{path: /a}", "")].concat();
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
        assert!(text.contains("which no browser sends from this page"), "{text}");
    }
}

#[test]
fn the_policy_that_answers_is_named_by_the_object_in_which_it_is_written() {
    let policy = DOOR.split("  cors:\n").nth(1).unwrap();
    let same = format!(", cors: {{{}}}", policy.trim().replace("\n    ", ", "));
    let manifests = [
        DOOR,
        &forward("inherits", "{path: /inherits}", ""),
        &forward("own", "{path: /own}", &same),
        &forward("none", "{path: /none}", ", cors: {mode: Disabled}"),
        &forward("back", "{path: /back}", &same.replace("cors: {", "cors: {preflight: Forward, ")),
        &route("fixed", "matches: [{path: /fixed}], respond: {}, cors: {mode: Disabled}"),
    ]
    .concat();
    let owner = |kind: &str, name: &str| json!({"kind": kind, "name": name});
    let door = owner("FrontDoor", "web/ep");
    for (path, policy, said) in [
        ("/inherits", &door, Some("from the front door, by the policy of FrontDoor web/ep\n")),
        ("/nowhere", &door, Some("from the front door, by the policy of FrontDoor web/ep\n")),
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
    let forwards = DOOR.to_owned() + "    preflight: Forward\n";
    let reports = DOOR.to_owned() + "    mode: Report\n";
    for (door, why) in [
        (door_without_policy(), "no CORS policy: the backend decides"),
        (forwards, "the CORS policy leaves it to the backend"),
        (reports, "the CORS policy only reports: the backend decides"),
    ] {
        let manifests = [&door, &*forward("a", "{path: /a}", "")].concat();
        let args = [&PAGE[..], &["--method", "PUT"]].concat();
        let told = told(&manifests, "http://www.ep.com/a", &args);
        let preflight = &told["preflight"];
        assert_eq!((&preflight["by"], &preflight["status"]), (&json!("backend"), &Value::Null));
        assert_eq!((&preflight["allowed"], &preflight["why"]), (&Value::Null, &json!(why)));
        assert_eq!(told["response"]["script"]["reads"], Value::Null);
    }
}

#[test]
fn a_disallowed_origin_is_forwarded_or_rejected() {
    let route = forward("a", "{path: /a}", "");
    let told_of = |door: &str| told(&[door, &route].concat(), "http://www.ep.com/a", &EVIL);
    let forwarded = told_of(DOOR);
    assert_eq!(forwarded["browser"]["preflight"], false);
    assert_eq!(forwarded["response"]["by"], "backend");
    assert_eq!(forwarded["response"]["script"]["reads"], false);
    assert_eq!(forwarded["response"]["removes"], json!(["access-control-*"]));
    let why = "origin 'https://evil.example' is not allowed";
    assert_eq!(
        forwarded["response"]["cors"],
        format!(
            "the CORS policy does not let scripts read the response, but forwards the request: {why}"
        )
    );
    let rejected = told_of(&(DOOR.to_owned() + "    disallowedOrigin: Reject\n"));
    assert_eq!(rejected["response"]["status"], 403);
    assert_eq!(rejected["response"]["reason"], "CorsOrigin");
    assert_eq!(rejected["request"], Value::Null);
}

#[test]
fn a_route_without_a_policy_removes_what_it_names() {
    let edits = ", responseHeaders: {remove: [server, access-control-max-age]}";
    let manifests = [&door_without_policy(), &*forward("a", "{path: /a}", edits)].concat();
    let told = told(&manifests, "http://www.ep.com/a", &PAGE);
    let mut removed: Vec<_> = told["response"]["removes"].as_array().unwrap().iter().collect();
    removed.sort_by_key(|name| name.as_str());
    assert_eq!(removed, [&json!("access-control-max-age"), &json!("server")]);
}

#[test]
fn a_page_of_the_same_origin_asks_nothing_and_reads_all() {
    let manifests = [DOOR, &forward("a", "{path: /a}", "")].concat();
    for (url, origin) in [
        ("http://www.ep.com:8080/a", "http://www.ep.com:8080"),
        ("http://www.ep.com:80/a", "http://www.ep.com"),
        ("https://www.ep.com/a", "https://www.ep.com"),
    ] {
        for (method, origin_sent) in [("GET", None), ("PUT", Some("https://a.example.net"))] {
            let told = told(&manifests, url, &["--method", method, "--origin", origin]);
            assert_eq!(
                told["browser"],
                json!({"forbidden": false, "preflight": false, "why": "same origin: no CORS"})
            );
            assert_eq!(told["response"]["script"]["headers"], json!(["*"]));
            // Browsers send none with a GET; with a PUT the backend gets its own.
            assert_eq!(field(&told["request"]["headers"], "origin"), origin_sent);
        }
    }
    let other = told(&manifests, "https://www.ep.com/a", &["--origin", "http://www.ep.com"]);
    assert_eq!(other["response"]["script"]["reads"], false);
}

#[test]
fn no_script_sends_a_forbidden_method() {
    let manifests = [DOOR, &forward("a", "{path: /a}", "")].concat();
    let own = ["--origin", "http://www.ep.com"];
    for method in ["TRACE", "Track", "connect"] {
        for page in [&PAGE[..], &EVIL, &own, &[]] {
            let args = [page, &["--method", method, "--header", "x-z: 1"]].concat();
            let told = told(&manifests, "http://www.ep.com/a", &args);
            let why = format!("no script can send method {method}: fetch() throws");
            assert_eq!(told["browser"], json!({"forbidden": true, "preflight": false, "why": why}));
            assert_eq!(told["preflight"], Value::Null);
            assert_eq!(told["request"]["method"], method, "others than browsers send it");
            let script = &told["response"]["script"];
            assert_eq!(
                (&script["reads"], &script["why"]),
                (&json!(false), &json!("no script can send the request"))
            );
            let text =
                explain(&manifests, &[&["--url", "http://www.ep.com/a"], &args[..]].concat());
            let browser = format!("Browser    sends nothing: {why}\n");
            assert!(text.out.contains(&browser), "{}", text.out);
            assert!(text.out.contains("which no browser sends for a script"), "{}", text.out);
        }
    }
}

#[test]
fn what_no_script_can_set_is_noted_and_not_asked_for() {
    let manifests = [DOOR, &forward("a", "{path: /a}", "")].concat();
    let set = |headers: &[&'static str]| {
        let flags = headers.iter().flat_map(|header| ["--header", *header]);
        PAGE.into_iter().chain(flags).collect::<Vec<_>>()
    };
    for (headers, noted) in [
        (&["cookie: a=b"][..], Some("a script can't set header cookie: ")),
        (
            &["x-a: 1", "sec-fetch-mode: cors", "cookie: a=b"],
            Some("a script can't set headers cookie, sec-fetch-mode: "),
        ),
        (&["x-http-method: TRACE"], Some("a script can't set header x-http-method: ")),
        (&["x-a: 1"], None),
        (
            &["access-control-request-method: PUT"],
            Some("a script can't set header access-control-request-method: "),
        ),
    ] {
        for url in ["http://www.ep.com/a", "http://nobody/"] {
            let told = told(&manifests, url, &set(headers));
            let notes = told["notes"].as_array().unwrap().iter();
            let note = notes.filter_map(Value::as_str).find(|note| note.contains("script can't"));
            match noted {
                Some(noted) => assert!(note.unwrap().starts_with(noted), "{headers:?}: {note:?}"),
                None => assert_eq!(note, None),
            }
            let asks_for_a = headers.contains(&"x-a: 1");
            assert_eq!(told["browser"]["preflight"], asks_for_a, "{headers:?}");
            if asks_for_a {
                let asks = field(&told["preflight"]["asks"], "access-control-request-headers");
                assert_eq!(asks, Some("x-a"));
            }
        }
    }
    let preflight = ["--method", "OPTIONS", "--header", "access-control-request-method: PUT"];
    let itself = told(&manifests, "http://www.ep.com/a", &[&PAGE[..], &preflight].concat());
    assert!(!itself["notes"].to_string().contains("script can't"), "{itself}");
}

#[test]
fn without_an_origin_what_hangs_on_it_is_null() {
    let manifests = [DOOR, &forward("a", "{path: /a}", "")].concat();
    let simple = told(&manifests, "http://www.ep.com/a", &[]);
    assert_eq!(simple["browser"]["preflight"], false);
    let json = ["--method", "POST", "--header", "content-type: application/json"];
    let asks = told(&manifests, "http://www.ep.com/a", &json);
    assert_eq!(asks["browser"]["preflight"], Value::Null);
    let why = asks["browser"]["why"].as_str().unwrap();
    assert!(why.ends_with("for content-type application/json is not safelisted"), "{why}");
    assert_eq!(asks["response"]["script"]["reads"], Value::Null);
}

#[test]
fn a_preflight_itself_is_explained() {
    let manifests = [DOOR, &forward("a", "{path: /a, methods: [PUT]}", "")].concat();
    let asks = ["--method", "OPTIONS", "--header", "access-control-request-method: PUT"];
    let told = told(&manifests, "http://www.ep.com/a", &[&PAGE[..], &asks].concat());
    assert_eq!(told["winner"]["route"], "web/a");
    assert_eq!(told["browser"]["preflight"], Value::Null);
    assert_eq!(told["preflight"]["status"], 204);
    assert_eq!((&told["request"], &told["response"]), (&Value::Null, &Value::Null));
}

#[test]
fn what_the_front_door_answers_itself_is_shown() {
    let manifests = [
        DOOR,
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
        DOOR,
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
    let told = told(&[DOOR, &route("r", &spec)].concat(), "http://www.ep.com/", &[]);
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
    let manifests = [DOOR, secret, &forward("a", "{path: /a}", &rest)].concat();
    for output in ["text", "json"] {
        let ran = explain(&manifests, &["--url", "http://www.ep.com/a", "-o", output]);
        assert_eq!(ran.out.matches("secret:sha256:").count(), 2, "{}", ran.out);
        assert!(!ran.out.contains("hush-hush"));
    }
}

#[test]
fn what_can_not_be_read_is_2_and_the_rest_is_explained() {
    let manifests = [DOOR, &forward("a", "{path: /a}", "")].concat();
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.yaml"), manifests).unwrap();
    fs::write(folder.path().join("b.yaml"), "a: [\n").unwrap();
    let run = |args: &[&str]| {
        let mut portico = Command::new(env!("CARGO_BIN_EXE_portico"));
        portico.current_dir(folder.path()).arg("explain").args(args).output().unwrap()
    };
    let output = run(&[".", "--url", "http://www.ep.com/a"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(text.contains("web/a") && text.contains("./b.yaml: can't be parsed: "), "{text}");
    assert_eq!(run(&["nowhere", "--url", "http://www.ep.com/a"]).status.code(), Some(2));
}

#[test]
fn a_bad_flag_is_2_and_says_what_a_good_one_is() {
    for (args, way_out) in [
        (&[][..], "--url <URL>"),
        (&["--url", "/sales"], "http://localhost:8080/sales/report"),
        (&["--url", "ftp://a/"], "http or https"),
        (&["--url", "http://me@a/"], "user name"),
        (&["--url", "http://a:99999/x"], "up to 65535"),
        (&["--url", "http://a/", "--method", "G T"], "GET, POST"),
        (&["--url", "http://a/", "--method", "CONNECT"], "405"),
        (&["--url", "http://a/", "--header", "x"], "x-tenant: blue"),
        (&["--url", "http://a/", "--header", "a b: c"], "the name is none"),
        (&["--url", "http://a/", "--header", "a: b\u{7}"], "no header may have"),
        (&["--url", "http://a/", "--header", "Host: b"], "--url"),
        (&["--url", "http://a/", "--header", "Origin: b"], "--origin"),
        (&["--url", "http://a/", "--origin", "https://a.example/"], "https://a.example"),
        (&["--url", "http://a/", "--origin", "app.example.com"], "write https://app.example.com"),
        (&["--url", "http://a/", "--origin", "*"], "a page has one origin"),
        (&["--url", "http://a/", "--origin", "https://*.example"], "a page has one origin"),
    ] {
        let ran = explain(DOOR, args);
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{args:?}");
        assert!(ran.err.contains(way_out), "{args:?}: {}", ran.err);
    }
}

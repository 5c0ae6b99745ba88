//! What a browser sends, and what a script may set.

use crate::{EVIL, FRONT_DOOR, PAGE, explain, field, forward, told};
use serde_json::{Value, json};

#[test]
fn a_page_of_the_same_origin_asks_nothing_and_reads_all() {
    let manifests = [FRONT_DOOR, &forward("a", "{path: /a}", "")].concat();
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
            // Browsers send no Origin with a GET; with a PUT, the backend gets its own origin.
            assert_eq!(field(&told["request"]["headers"], "origin"), origin_sent);
        }
    }
    let other = told(&manifests, "https://www.ep.com/a", &["--origin", "http://www.ep.com"]);
    assert_eq!(other["response"]["script"]["reads"], false);
}

#[test]
fn no_script_sends_a_forbidden_method() {
    let manifests = [FRONT_DOOR, &forward("a", "{path: /a}", "")].concat();
    let own = ["--origin", "http://www.ep.com"];
    for method in ["TRACE", "Track", "connect"] {
        for page in [&PAGE[..], &EVIL, &own, &[]] {
            let args = [page, &["--method", method, "--header", "x-z: 1"]].concat();
            let told = told(&manifests, "http://www.ep.com/a", &args);
            let why = format!("no script can send method {method}: fetch() throws");
            assert_eq!(told["browser"], json!({"forbidden": true, "preflight": false, "why": why}));
            assert_eq!(told["preflight"], Value::Null);
            assert_eq!(told["request"], Value::Null, "others than browsers may send it in vain");
            assert_eq!(told["response"]["status"], 405);
            let script = &told["response"]["script"];
            assert_eq!(
                (&script["reads"], &script["why"]),
                (&json!(false), &json!("no script can send the request"))
            );
            let text =
                explain(&manifests, &[&["--url", "http://www.ep.com/a"], &args[..]].concat());
            let browser = format!("Browser    sends nothing: {why}\n");
            assert!(text.out.contains(&browser), "{}", text.out);
        }
    }
}

#[test]
fn what_no_script_can_set_is_noted_and_not_asked_for() {
    let manifests = [FRONT_DOOR, &forward("a", "{path: /a}", "")].concat();
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
fn what_clients_are_not_trusted_to_set_is_noted_and_not_sent() {
    let manifests = [FRONT_DOOR, &forward("a", "{path: /a}", "")].concat();
    let sent = ["--header", "x_tenant: blue", "--header", "x-original-url: /admin"];
    let allow = ["--underscores", "allow"];
    for (flags, noted, tenant) in [
        (&[][..], "headers x-original-url, x_tenant are removed: ", None),
        (&allow, "header x-original-url is removed: ", Some("blue")),
    ] {
        let told = told(&manifests, "http://www.ep.com/a", &[&sent[..], flags].concat());
        assert!(told["notes"].to_string().contains(noted), "{}", told["notes"]);
        assert_eq!(field(&told["request"]["headers"], "x_tenant"), tenant);
        assert_eq!(field(&told["request"]["headers"], "x-original-url"), None);
    }
    let plain = told(&manifests, "http://www.ep.com/a", &["--header", "x-tenant: blue"]);
    assert!(!plain["notes"].to_string().contains("removed"), "{}", plain["notes"]);
}

#[test]
fn what_proxies_in_front_say_is_believed_where_the_flag_trusts_them() {
    let manifests = [FRONT_DOOR, &forward("a", "{path: /a}", "")].concat();
    let sent = ["--header", "x-forwarded-for: 203.0.113.7"];
    let untrusted = "list that proxy in trustedProxies";
    for (flags, is_noted, client) in [
        (&[][..], true, "127.0.0.1"),
        (&["--trusted-proxy=10.0.0.0/8"], false, "127.0.0.1"),
        (
            &["--trusted-proxy=10.0.0.0/8", "--trusted-proxy=127.0.0.1"],
            false,
            "203.0.113.7, 127.0.0.1",
        ),
    ] {
        let told = told(&manifests, "https://www.ep.com/a", &[&sent[..], flags].concat());
        assert_eq!(told["notes"].to_string().contains(untrusted), is_noted, "{told}");
        let headers = &told["request"]["headers"];
        assert_eq!(field(headers, "x-forwarded-for"), Some(client), "{flags:?}");
    }
}

#[test]
fn a_browser_vouches_for_an_origin_that_the_page_hides() {
    let policy = ", cors: {allowOrigins: ['https://app.example.com'], disallowedOrigin: Reject}";
    let manifests = [FRONT_DOOR, &forward("a", "{path: /a}", policy)].concat();
    let hidden = ["--method", "POST", "--origin", "null"];
    let vouched = [&hidden[..], &["--header", "sec-fetch-site: same-origin"]].concat();
    let own = told(&manifests, "https://www.ep.com/a", &vouched);
    assert_eq!(own["browser"]["why"], "same origin: no CORS");
    assert_eq!(field(&own["request"]["headers"], "origin"), Some("null"));
    let other = told(&manifests, "https://www.ep.com/a", &hidden);
    assert_eq!(other["response"]["reason"], "CorsOrigin");
}

#[test]
fn without_an_origin_what_hangs_on_it_is_null() {
    let manifests = [FRONT_DOOR, &forward("a", "{path: /a}", "")].concat();
    let simple = told(&manifests, "http://www.ep.com/a", &[]);
    assert_eq!(simple["browser"]["preflight"], false);
    let json = ["--method", "POST", "--header", "content-type: application/json"];
    let asks = told(&manifests, "http://www.ep.com/a", &json);
    assert_eq!(asks["browser"]["preflight"], Value::Null);
    let why = asks["browser"]["why"].as_str().unwrap();
    assert!(why.ends_with("sends one: content-type application/json is not safelisted"), "{why}");
    assert_eq!(asks["response"]["script"]["reads"], Value::Null);
}

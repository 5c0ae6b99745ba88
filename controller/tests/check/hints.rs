//! What `check` suggests: everything that it tells to write is accepted once it is written.
#![allow(clippy::too_many_lines)] // Lists.

use crate::{FRONT_DOOR, ROUTE, json, problems};
use serde_json::Value;

const SERVICE: &str = "---\napiVersion: v1\nkind: Service\nmetadata: {name: app, namespace: web}\n\
     spec: {ports: [{name: http, port: 80}]}\n---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\n\
     metadata: {name: app-1, namespace: web, labels: {kubernetes.io/service-name: app}}\n\
     addressType: IPv4\nports: [{name: http, port: 8080}]\nendpoints: [{addresses: [10.0.0.1]}]\n";

/// The errors and warnings of what these documents have, each with its field.
pub(crate) fn said(text: &str) -> Vec<String> {
    let (_, report) = json(&[("x.yaml", text)]);
    let text = |problem: &Value| {
        let part = |name: &str| problem[name].as_str().unwrap().to_owned();
        format!("{} {}: {}", part("severity"), part("field"), part("message"))
    };
    problems(&report).into_iter().map(text).collect()
}

/// The same without repetitions: a Route under a FrontDoor that is not accepted quotes its error.
fn said_once(text: &str) -> Vec<String> {
    said(text).into_iter().filter(|problem| !problem.contains("is not accepted: ")).collect()
}

/// A mistake, and the same corrected as the message says: in a document, what is replaced, by which
/// mistake, what the message says, and what corrects it.
type Mistake = (&'static str, &'static str, &'static str, &'static str);

fn corrected(document: &str, mistakes: &[Mistake]) {
    for (good, wrong, hint, right) in mistakes {
        assert!(document.contains(good), "{good}");
        let problems = said_once(&document.replace(good, wrong));
        assert_eq!(problems.len(), 1, "one cause is said once: {wrong}: {problems:#?}");
        assert!(problems[0].contains(hint), "{wrong}: {hint} is not in {}", problems[0]);
        let left = said(&document.replace(good, right));
        assert!(left.is_empty(), "{wrong}: {hint}: {left:#?}");
    }
}

pub(crate) fn everything() -> String {
    [FRONT_DOOR, "---", ROUTE, SERVICE].concat()
}

const RESPOND: &str = "respond: {status: 404}";

#[test]
fn what_a_hint_says_about_values_is_accepted() {
    corrected(
        &everything(),
        &[
            (RESPOND, "respond: {status: \"404\"}", "write 404, without quotes", RESPOND),
            (RESPOND, "respond: 404", "its fields: body, headers, status", RESPOND),
            (
                RESPOND,
                "backends: [{service: {name: app, port: \"80\"}}]",
                "write 80",
                "backends: [{service: {name: app, port: 80}}]",
            ),
            (
                RESPOND,
                "backends: {service: {name: app, port: 80}}",
                "write [{service: {name: app, port: 80}}]",
                "backends: [{service: {name: app, port: 80}}]",
            ),
            (
                RESPOND,
                "timeouts: {request: 30}\n  backends: [{service: {name: app, port: 80}}]",
                "write 30s",
                "timeouts: {request: 30s}\n  backends: [{service: {name: app, port: 80}}]",
            ),
            (
                RESPOND,
                "timeouts: {request: \"30\"}\n  backends: [{service: {name: app, port: 80}}]",
                "write 30s",
                "timeouts: {request: 30s}\n  backends: [{service: {name: app, port: 80}}]",
            ),
            (
                RESPOND,
                "cors: {allowOrigins: [\"https://a.example\"], maxAge: 600}\n  respond: {status: 404}",
                "write 600s",
                "cors: {allowOrigins: [\"https://a.example\"], maxAge: 600s}\n  respond: {status: 404}",
            ),
            (
                RESPOND,
                "cors: {allowOrigins: \"https://a.example\"}\n  respond: {status: 404}",
                "write [\"https://a.example\"]",
                "cors: {allowOrigins: [\"https://a.example\"]}\n  respond: {status: 404}",
            ),
            (
                RESPOND,
                "cors: {allowOrigins: [\"https://a.example\"], debug: \"yes\"}\n  respond: {status: 404}",
                "write true, without quotes",
                "cors: {allowOrigins: [\"https://a.example\"], debug: true}\n  respond: {status: 404}",
            ),
            ("{name: ep}\n  matches", "ep\n  matches", "write {name: ep}", "{name: ep}\n  matches"),
            (
                "[{name: www.ep.com}]",
                "[www.ep.com]",
                "write {name: www.ep.com}",
                "[{name: www.ep.com}]",
            ),
            ("[{path: /home}]", "[{path: home}]", "'/", "[{path: /home}]"),
            (
                "[{path: /home}]",
                "[{path: /home, methods: [get]}]",
                "write GET",
                "[{path: /home, methods: [GET]}]",
            ),
            (
                "[{path: /home}]",
                "[{path: /home, headers: [{name: x, type: present}]}]",
                "did you mean 'Present'?",
                "[{path: /home, headers: [{name: x, type: Present}]}]",
            ),
            (
                "[{path: /home}]",
                "[{path: /home, query: [{name: v, value: 2}]}]",
                "put the value in quotes",
                "[{path: /home, query: [{name: v, value: \"2\"}]}]",
            ),
        ],
    );
}

#[test]
fn what_a_hint_says_about_fields_is_accepted() {
    corrected(
        &everything(),
        &[
            (
                "matches: [{path: /home}]",
                "match: [{path: /home}]",
                "'matches'",
                "matches: [{path: /home}]",
            ),
            (
                "matches: [{path: /home}]",
                "path: /home",
                "write matches: [{path: /home}]",
                "matches: [{path: /home}]",
            ),
            ("[{path: /home}]", "[{prefix: /home}]", "write path: /home", "[{path: /home}]"),
            (
                "[{path: /home}]",
                "[{path: /home, method: GET}]",
                "'methods: [GET]'",
                "[{path: /home, methods: [GET]}]",
            ),
            (
                RESPOND,
                "redirect: {url: \"https://new.ep.com/x\"}",
                "write host: new.ep.com, path: /x, scheme: https",
                "redirect: {scheme: https, host: new.ep.com, path: /x}",
            ),
            (
                RESPOND,
                "redirect: {path: /x, code: 301}",
                "write status: 301",
                "redirect: {path: /x, status: 301}",
            ),
            (
                RESPOND,
                "respond: {status: 200, body: hi, contentType: text/plain}",
                "write headers: [{name: content-type, value: text/plain}]",
                "respond: {status: 200, body: hi, headers: [{name: content-type, value: text/plain}]}",
            ),
            (
                RESPOND,
                "backend: [{service: {name: app, port: 80}}]",
                "'backends'",
                "backends: [{service: {name: app, port: 80}}]",
            ),
            (
                RESPOND,
                "backends: [{servce: {name: app, port: 80}}]",
                "'service'",
                "backends: [{service: {name: app, port: 80}}]",
            ),
            (
                RESPOND,
                "backends: [{url: \"https://api.example\"}]",
                "write external: {url: \"https://api.example\"}",
                "backends: [{external: {url: \"https://api.example\"}}]",
            ),
            (
                RESPOND,
                "timeout: 30s\n  backends: [{service: {name: app, port: 80}}]",
                "write timeouts: {request: 30s}",
                "timeouts: {request: 30s}\n  backends: [{service: {name: app, port: 80}}]",
            ),
            (
                "frontDoorRef: {name: ep}",
                "frontDoor: ep",
                "'frontDoorRef: {name: ep}'",
                "frontDoorRef: {name: ep}",
            ),
            (
                "hosts: [{name: www.ep.com}]",
                "host: www.ep.com",
                "'hosts: [{name: www.ep.com}]'",
                "hosts: [{name: www.ep.com}]",
            ),
        ],
    );
}

#[test]
fn a_certificate_is_named_in_the_form_that_is_accepted() {
    let wrong = FRONT_DOOR.replace("www.ep.com}", "www.ep.com, tls: {secretName: ep-cert}}");
    let problems = said(&wrong);
    assert_eq!(problems.len(), 1, "{problems:#?}");
    assert!(problems[0].contains("write secretRef: {name: ep-cert}"), "{problems:#?}");
    let right = wrong.replace("secretName: ep-cert", "secretRef: {name: ep-cert}");
    let left = said(&right);
    assert!(
        left.iter().all(|problem| problem.contains("Secret web/ep-cert does not exist")),
        "{left:#?}"
    );
    let of_door = FRONT_DOOR.replace("com}]}", "com}], tls: {secretName: ep-cert}}");
    let problems = said(&of_door);
    assert!(
        problems[0].contains("hosts: [{name: HOST, tls: {secretRef: {name: SECRET}}}]"),
        "{problems:#?}"
    );
}

#[test]
fn what_is_taken_literally_is_a_warning_with_the_pattern_that_was_meant() {
    corrected(
        &everything(),
        &[
            ("/home", "\"/num/[0-9]+\"", "write /num/{name}", "\"/num/{name}\""),
            ("/home", "\"/u/:id\"", "write /u/{id}", "\"/u/{id}\""),
            ("/home", "/u/<id>", "write /u/{id}", "\"/u/{id}\""),
            ("/home", "/api/.*", "did you mean /api/*?", "/api/*"),
            (
                "[{path: /home}]",
                "[{path: /home, headers: [{name: x, value: \"^v[0-9]+$\"}]}]",
                "write type: Regex",
                "[{path: /home, headers: [{name: x, type: Regex, value: \"^v[0-9]+$\"}]}]",
            ),
            (
                RESPOND,
                "respond: {status: 200, body: \"{}\"}",
                "write headers: [{name: content-type, value: \"application/json\"}]",
                "respond: {status: 200, body: \"{}\", headers: [{name: content-type, value: application/json}]}",
            ),
            (
                "matches: [{path: /home}]\n  respond: {status: 404}",
                "matches: [{path: /home/*}]\n  redirect: {path: /new/$1}",
                "a final * for what",
                "matches: [{path: /home/*}]\n  redirect: {path: /new/*}",
            ),
        ],
    );
    let claim = everything()
        .replace("com}]}", "com}], attach: [{namespaces: [web], paths: [\"/home/:id\", /home]}]}");
    assert!(said(&claim)[0].contains("write /home/{id}"), "{:?}", said(&claim));
}

#[test]
fn why_there_is_no_endpoint_is_told_apart() {
    let door = [
        FRONT_DOOR,
        "---",
        &ROUTE.replace(RESPOND, "backends: [{service: {name: app, port: 80}}]"),
    ]
    .concat();
    for (good, wrong, hint) in [
        (
            "labels: {kubernetes.io/service-name: app}",
            "labels: {}",
            "EndpointSlice web/app-1 lacks the label kubernetes.io/service-name: app",
        ),
        (
            "service-name: app",
            "service-name: other",
            "no EndpointSlice has the label kubernetes.io/service-name: app",
        ),
        (
            "ports: [{name: http, port: 8080}]",
            "ports: [{name: web, port: 8080}]",
            "its port 80 is named 'http', but its EndpointSlices only have ports named 'web'",
        ),
        ("ports: [{name: http, port: 8080}]", "ports: [{port: 8080}]", "without a name"),
        ("endpoints: [{addresses: [10.0.0.1]}]", "endpoints: []", "Slices have no endpoints"),
        (
            "[{addresses: [10.0.0.1]}]",
            "[{addresses: [10.0.0.1], conditions: {ready: false}}]",
            "no endpoint in its EndpointSlices is ready",
        ),
    ] {
        assert!(SERVICE.contains(good), "{good}");
        let problems = said(&[&door, SERVICE.replace(good, wrong).as_str()].concat());
        assert_eq!(problems.len(), 1, "{problems:#?}");
        assert!(problems[0].contains(hint), "{hint}: {problems:#?}");
    }
    assert!(said(&[&door, SERVICE].concat()).is_empty());
}

#[test]
fn an_object_that_exists_elsewhere_is_seen() {
    let shop = FRONT_DOOR.replace("name: ep, namespace: web", "name: shop, namespace: shop");
    let team =
        ROUTE.replace("namespace: web", "namespace: team").replace("{name: ep}", "{name: shop}");
    let problems = said(&[&shop, "---", &team].concat());
    assert_eq!(problems.len(), 1, "{problems:#?}");
    assert!(
        problems[0].contains("FrontDoor team/shop does not exist: did you mean shop/shop?"),
        "{problems:#?}"
    );
    assert!(problems[0].contains("namespace: shop"), "{problems:#?}");
    assert!(problems[0].contains("attach: [{namespaces: [shop, team]}]"), "{problems:#?}");
    let named = team.replace("{name: shop}", "{name: shop, namespace: shop}");
    let refused = said(&[&shop, "---", &named].concat());
    assert!(refused[0].contains("attach: [{namespaces: [shop, team]}]"), "{refused:#?}");
    let open = shop.replace("com}]}", "com}], attach: [{namespaces: [shop, team]}]}");
    assert!(said(&[&open, "---", &named].concat()).is_empty());
    let problems = said(&[&open, "---", &team].concat());
    assert!(
        problems[0].ends_with("did you mean shop/shop? Write namespace: shop"),
        "{problems:#?}"
    );

    let near = said(&everything().replace("{name: ep}", "{name: epp}"));
    assert!(near[0].contains("did you mean 'ep'?"), "{near:#?}");
    let near = everything().replace(RESPOND, "backends: [{service: {name: ap, port: 80}}]");
    assert!(said(&near)[0].contains("did you mean 'app'?"), "{:?}", said(&near));
    let other = everything()
        .replace(RESPOND, "backends: [{service: {name: app, port: 80}}]")
        .replace("name: app, namespace: web", "name: app, namespace: shop");
    assert!(said(&other)[0].contains("shop/app is in another namespace"), "{:?}", said(&other));
}

#[test]
fn one_cause_is_one_error() {
    for (good, wrong) in [
        ("{name: ep}", "{name: \"EP Shop\"}"),
        (RESPOND, "backends: [{service: {name: App_1, port: 80}}]"),
        (RESPOND, "backends: [{service: {name: app, port: \"80\"}}]"),
        (RESPOND, "backends: [{service: {name: app}}]"),
        (RESPOND, "backends: [{external: {urll: \"https://a.example\"}}]"),
        (RESPOND, "backends: []"),
        (RESPOND, "redirect: {}"),
        (RESPOND, "respnd: {status: 404}"),
        (RESPOND, "respond: {status: 1000}"),
        (
            RESPOND,
            "requestHeaders: {set: [{name: x, valueFrom: {secretRef: {name: a, key: b}}}]}\n  backends: [{service: {name: app, port: 80}}]",
        ),
        ("[{path: /home}]", "[{path: [/home]}]"),
        ("[{path: /home}]", "[]"),
        ("[{name: www.ep.com}]", "[]"),
        ("[{name: www.ep.com}]", "[{name: \"https://www.ep.com\"}]"),
        ("[{name: www.ep.com}]", "[{nam: www.ep.com}]"),
    ] {
        let document = everything();
        assert!(document.contains(good), "{good}");
        let problems = said_once(&document.replace(good, wrong));
        assert_eq!(problems.len(), 1, "{wrong}: {problems:#?}");
    }
    let two = everything().replace(RESPOND, "backends: [{name: app, port: 80}]");
    let two = said_once(&two);
    assert_eq!(two.len(), 2, "two fields that are unknown here: {two:#?}");
}

#[test]
fn a_name_that_is_misspelt_in_one_place_is_missing_in_another() {
    let wrong = "frontDoorRef: {}\n  backends: [{service: {nam: app, port: 80}}]";
    let document = everything().replace("frontDoorRef: {name: ep}", wrong).replace(RESPOND, "");
    let said = said(&document);
    let is_missing = |it: &String| it.contains("spec.frontDoorRef.name: required, but missing");
    assert!(said.iter().any(is_missing), "{said:#?}");
}

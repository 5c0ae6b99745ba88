//! The rules of rules.

use crate::{front_door, route, run};
use serde_json::{Value, json};

fn rule(change: Value) -> Value {
    let mut rule = json!({"name": "a", "do": {"responseHeaders": {"remove": ["server"]}}});
    crate::merge(&mut rule, &change);
    json!({"rules": [rule]})
}

#[test]
fn a_rule_has_an_effect() {
    const EFFECT: &str = "say what to do, or write stop: true";
    for (kind, good) in [("Route", route()), ("FrontDoor", front_door())] {
        run(
            kind,
            &good,
            &[
                (rule(json!({})), "", ""),
                (rule(json!({"do": null, "stop": true})), "", ""),
                (rule(json!({"do": null})), "spec.rules[0]", EFFECT),
                (rule(json!({"do": null, "stop": false})), "spec.rules[0]", EFFECT),
                (
                    rule(json!({"do": {"responseHeaders": null}})),
                    "spec.rules[0].do",
                    "does nothing: set one of redirect, respond,",
                ),
            ],
        );
    }
}

#[test]
fn a_rule_that_ends_the_way_sets_no_more_than_response_headers() {
    for (kind, good) in [("Route", route()), ("FrontDoor", front_door())] {
        run(
            kind,
            &good,
            &[
                (rule(json!({"do": {"redirect": {"path": "/b"}}})), "", ""),
                (rule(json!({"do": {"respond": {"status": 410}}})), "", ""),
                (
                    rule(json!({"do": {"respond": {}, "redirect": {"path": "/b"}}})),
                    "spec.rules[0].do",
                    "redirect or respond, not both",
                ),
                (
                    rule(json!({"do": {"respond": {}, "requestHeaders": {}}})),
                    "spec.rules[0].do.requestHeaders",
                    "only responseHeaders has",
                ),
            ],
        );
    }
    let backends = json!([{"service": {"name": "web", "port": 80}}]);
    for (field, value) in [
        ("backends", backends),
        ("rewrite", json!({})),
        ("timeouts", json!({})),
        ("retry", json!({})),
    ] {
        let mut end = json!({"respond": {}});
        end[field] = value;
        let at = format!("spec.rules[0].do.{field}");
        run("Route", &route(), &[(rule(json!({"do": end})), &at, "only responseHeaders has")]);
    }
}

#[test]
fn a_redirect_of_a_rule_leads_to_hosts_that_are_listed() {
    let redirect = |redirect: Value| rule(json!({"do": {"redirect": redirect}}));
    run(
        "FrontDoor",
        &front_door(),
        &[
            (redirect(json!({"host": "a.example"})), "", ""),
            (redirect(json!({"status": 301})), "spec.rules[0].do.redirect", "at least one of"),
            (
                redirect(json!({"host": "{header.x-host}"})),
                "spec.rules[0].do.redirect.host",
                "list the hosts that it may be in allowedHosts",
            ),
            (redirect(json!({"host": "{header.x-host}", "allowedHosts": ["*.ep.com"]})), "", ""),
        ],
    );
}

#[test]
fn a_predicate_of_a_rule_has_a_value_where_its_type_compares_one() {
    let when = |header: Value| rule(json!({"when": [{"header": header}]}));
    run(
        "Route",
        &route(),
        &[
            (when(json!({"name": "x", "value": "1"})), "", ""),
            (when(json!({"name": "x", "type": "LessThan", "value": "1"})), "", ""),
            (when(json!({"name": "x", "type": "Absent"})), "", ""),
            (when(json!({"name": "x"})), "spec.rules[0].when[0].header", "value is needed"),
            (
                when(json!({"name": "x", "type": "Present", "value": "1"})),
                "spec.rules[0].when[0].header.value",
                "can't be combined",
            ),
        ],
    );
}

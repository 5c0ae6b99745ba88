//! The rules of a FrontDoor, but for its CORS policy.

use super::{front_door, run};
use serde_json::{Value, json};

#[test]
fn an_attach_entry_says_whose_routes() {
    const ONE: &str = "exactly one of namespaces and namespaceSelector";
    let expression = |operator: &str, values: Value| {
        let expression = json!({"key": "team", "operator": operator, "values": values});
        json!({"attach": [{"namespaceSelector": {"matchExpressions": [expression]}}]})
    };
    const AT: &str = "spec.attach[0].namespaceSelector.matchExpressions[0]";
    run(
        "FrontDoor",
        &front_door(),
        &[
            (json!({"attach": [{"namespaces": ["web"]}]}), "", ""),
            (json!({"attach": [{"namespaceSelector": {}}]}), "", ""),
            (
                json!({"attach": [{"namespaces": [], "namespaceSelector": {"matchLabels": {"a": "b"}}}]}),
                "",
                "",
            ),
            (
                json!({"attach": [{"namespaces": ["web"]}, {"paths": ["/a"]}]}),
                "spec.attach[1]",
                ONE,
            ),
            (json!({"attach": [{"namespaces": []}]}), "spec.attach[0]", ONE),
            (
                json!({"attach": [{"namespaces": ["a"], "namespaceSelector": {}}]}),
                "spec.attach[0]",
                ONE,
            ),
            (json!({"attach": []}), "", ""),
            (expression("In", json!(["a"])), "", ""),
            (expression("Exists", json!([])), "", ""),
            (expression("In", json!([])), AT, "values are required"),
            (expression("DoesNotExist", json!(["a"])), AT, "values are required"),
        ],
    );
}

#[test]
fn a_selector_asks_for_labels_that_there_can_be() {
    const KEY: &str = "a label's key is a name of at most 63";
    let labels =
        |key: &str| json!({"attach": [{"namespaceSelector": {"matchLabels": {key: "a"}}}]});
    let (at, longest) = ("spec.attach[0].namespaceSelector.matchLabels", "a".repeat(63));
    let prefix = "a".repeat(253);
    run(
        "FrontDoor",
        &front_door(),
        &[
            (labels("team"), "", ""),
            (labels("a.example/Team_1"), "", ""),
            (labels(&longest), "", ""),
            (labels(&format!("{prefix}/{longest}")), "", ""),
            (labels(&format!("a{longest}")), at, KEY),
            (labels(&format!("a{prefix}/a")), at, KEY),
            (labels("a b"), at, KEY),
            (labels("A.example/a"), at, KEY),
            (labels(""), at, KEY),
        ],
    );
}

#[test]
fn hsts_is_for_whole_seconds_and_preloaded_for_a_year() {
    let hsts = |hsts: Value| json!({"tls": {"hsts": hsts}});
    const PRELOAD: &str = "preload needs includeSubDomains and a maxAge of at least 8760h";
    run(
        "FrontDoor",
        &front_door(),
        &[
            (json!({"tls": {}}), "", ""),
            (hsts(json!({"maxAge": "0s"})), "", ""),
            (hsts(json!({"maxAge": "8760h", "includeSubDomains": true})), "", ""),
            (hsts(json!({"maxAge": "8760h", "includeSubDomains": true, "preload": true})), "", ""),
            (hsts(json!({"maxAge": "1500ms"})), "spec.tls.hsts.maxAge", "whole seconds"),
            (hsts(json!({"maxAge": "8760h", "preload": true})), "spec.tls.hsts.preload", PRELOAD),
            (
                hsts(json!({"maxAge": "8759h", "includeSubDomains": true, "preload": true})),
                "spec.tls.hsts.preload",
                PRELOAD,
            ),
        ],
    );
}

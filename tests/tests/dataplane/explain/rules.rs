//! Which rules hold, and why the others don't.

use super::*;
use portico_dataplane::explain::LookedAt;

#[tokio::test]
async fn each_rule_is_explained() {
    let backend = backend().await;
    let edge = Edge::start(&manifests(&backend)).await.unwrap();
    let compiled = edge.serve(&manifests(&backend)).await.unwrap();
    let rules = |method, target, headers| {
        let explanation = explained(&compiled, &Case { method, target, origin: None, headers });
        let rules = explanation.rules.into_iter();
        let line = |rule: LookedAt| {
            let changes = rule.changes.join("; ");
            format!("{} {}: {} ({changes})", rule.object, rule.name, rule.why)
        };
        rules.map(line).collect::<Vec<_>>()
    };
    assert_eq!(
        rules("GET", "/ruled/7/x", &[("x-a", "blue"), ("x-c", "1")]),
        [
            "FrontDoor web/ep closed: it requires a path that fits /closed/* ()",
            "FrontDoor web/ep mark: it has no conditions (request with x-mark: GET www.ep.com web/ruled; response with x-marked: /ruled/7/x)",
            "Route web/ruled moved: it requires query v to be a number greater than 1 ()",
            "Route web/ruled new: its condition holds (path /r/{header.x-a}/{id}/*, Host new.example; response with added x-add: 7; no further rules)",
        ]
    );
    let rest = rules("GET", "/ruled/7/x?v=1", &[]);
    assert_eq!(
        rest[2..],
        [
            "Route web/ruled moved: it requires query v to be a number greater than 1 ()",
            "Route web/ruled new: it requires header x-a ()",
            "Route web/ruled rest: it requires any of (method PUT or cookie c) ()",
        ]
    );
    assert_eq!(
        rules("GET", "/closed/a", &[]),
        ["FrontDoor web/ep closed: its conditions hold (responds with 410)"]
    );
    let asks = &[("access-control-request-method", "PUT")];
    let case = Case { method: "OPTIONS", target: "/closed/a", origin: Some(PAGE), headers: asks };
    let preflight = explained(&compiled, &case).rules;
    assert_eq!(preflight[0].why, "it redirects or responds, and this is a preflight");
    // What is refused before meets no rule.
    assert!(rules("GET", "/%zz", &[]).is_empty());
}

//! The order in which rules are looked at, and in which what they do applies.

use super::*;

#[tokio::test]
async fn edits_of_requests_go_from_the_front_door_to_the_routes_rules() {
    let add =
        |value: &str| format!("{{requestHeaders: {{add: [{{name: x-by, value: {value}}}]}}}}");
    let stage = Stage::open(
        &format!("rules:\n- {{name: a, do: {}}}\n- {{name: b, do: {}}}", add("f1"), add("f2")),
        &format!(
            "requestHeaders: {{add: [{{name: x-by, value: own}}]}}\nrules:\n- {{name: a, do: {}}}\n- {{name: b, do: {}}}",
            add("r1"),
            add("r2")
        ),
    )
    .await;
    let got = stage.forwarded("/", "X-By: client\r\n").await;
    assert_eq!(got.fields("x-by"), ["client", "f1", "f2", "own", "r1", "r2"]);
}

#[tokio::test]
async fn edits_of_responses_go_from_the_route_to_the_front_doors_rules() {
    let add =
        |value: &str| format!("{{responseHeaders: {{add: [{{name: x-own, value: {value}}}]}}}}");
    let stage = Stage::open(
        &format!("rules:\n- {{name: a, do: {}}}\n- {{name: b, do: {}}}", add("f1"), add("f2")),
        &format!(
            "responseHeaders: {{add: [{{name: x-own, value: route}}]}}\nrules:\n- {{name: a, do: {}}}\n- {{name: b, do: {}}}",
            add("r1"),
            add("r2")
        ),
    )
    .await;
    let answer = stage.get("/", "").await;
    assert_eq!(answer.fields("x-own"), ["own", "route", "r1", "r2", "f1", "f2"]);
}

#[tokio::test]
async fn stop_ends_the_list_that_it_stands_in() {
    let mark = |name: &str, more: &str| {
        format!(
            "- {{name: {name}, do: {{requestHeaders: {{add: [{{name: x-held, value: {name}}}]}}}}{more}}}\n"
        )
    };
    let spec = |prefix: &str| {
        let skipped = format!("- {{name: {prefix}no, when: [{{path: /no}}], stop: true}}\n");
        let names = ["1", "2", "3"].map(|number| format!("{prefix}{number}"));
        format!(
            "rules:\n{skipped}{}{}{}",
            mark(&names[0], ""),
            mark(&names[1], ", stop: true"),
            mark(&names[2], "")
        )
    };
    let stage = Stage::open(&spec("f"), &spec("r")).await;
    assert_eq!(stage.forwarded("/", "").await.fields("x-held"), ["f1", "f2", "r1", "r2"]);
    assert_eq!(stage.forwarded("/no", "").await.fields("x-held"), [""; 0]);
}

#[tokio::test]
async fn no_rule_sees_what_an_earlier_one_has_made() {
    let set =
        "{requestHeaders: {set: [{name: x-a, value: set}], remove: [x-b]}, rewrite: {path: /new}}";
    let look = |name: &str, when: &str| {
        format!(
            "- {{name: {name}, when: [{when}], do: {{requestHeaders: {{add: [{{name: x-held, value: {name}}}]}}}}}}\n"
        )
    };
    let stage = Stage::open(
        "rules:\n- {name: a, do: {requestHeaders: {set: [{name: x-c, value: set}]}}}",
        &format!(
            "rules:\n- {{name: set, do: {set}}}\n{}{}{}{}",
            look("a", "{header: {name: x-a, type: Present}}"),
            look("b", "{header: {name: x-b, type: Present}}"),
            look("c", "{header: {name: x-c, type: Present}}"),
            look("path", "{path: /new}"),
        ),
    )
    .await;
    let got = stage.forwarded("/old", "X-B: 1\r\n").await;
    assert_eq!(got.fields("x-held"), ["b"]);
    assert_eq!((got.target(), got.fields("x-b").len()), ("/new", 0));
}

#[tokio::test]
async fn rules_that_acted_are_counted() {
    let stage = Stage::open(
        "rules:\n- {name: all, do: {responseHeaders: {remove: [server]}}}\n- {name: never, when: [{path: /no}], stop: true}",
        "rules:\n- {name: first, stop: true, when: [{path: /first}]}\n- {name: last, do: {responseHeaders: {remove: [server]}}}",
    )
    .await;
    for target in ["/first", "/last", "/last"] {
        assert_eq!(stage.get(target, "").await.status(), 200);
    }
    let hits = async |object: &str, rule: &str| {
        let sample = format!("portico_rule_hits_total{{object=\"{object}\",rule=\"{rule}\"}}");
        stage.edge.metric::<u64>(&sample).await.unwrap_or(0)
    };
    assert_eq!(hits("FrontDoor web/ep", "all").await, 3);
    assert_eq!(hits("FrontDoor web/ep", "never").await, 0);
    assert_eq!(hits("Route web/app", "first").await, 1);
    assert_eq!(hits("Route web/app", "last").await, 2);
    // Rules that are gone are no longer shown.
    stage.edge.serve(&front_door("")).await.unwrap();
    assert_eq!(hits("FrontDoor web/ep", "all").await, 0);
}

//! Rule 20: `Vary: Origin`, together with what else an answer varies by.

use super::{OTHER, PAGE, Site, from, policy, request};
use portico_tests::{
    backend::{front_door, route},
    edge::Edge,
    wire::ask,
};

#[tokio::test]
async fn rule_20_vary_is_merged_once() {
    for (lines, merged) in [
        ("", &["Origin"][..]),
        ("Vary:\r\n", &["Origin"]),
        ("Vary: Accept-Encoding\r\n", &["Accept-Encoding, Origin"]),
        ("Vary: Accept,Cookie\r\n", &["Accept,Cookie, Origin"]),
        ("Vary: Accept\r\nvary: Cookie\r\n", &["Accept, Cookie, Origin"]),
        ("Vary: X-Origin\r\n", &["X-Origin, Origin"]),
        ("Vary: Origin\r\n", &["Origin"]),
        ("vary: accept, origin\r\n", &["accept, origin"]),
        ("Vary: Accept\r\nVary: ORIGIN\r\n", &["Accept", "ORIGIN"]),
        ("Vary: *\r\n", &["*"]),
        ("Vary: Accept, *\r\n", &["Accept, *"]),
        ("Vary: Accept\r\nVary: *\r\n", &["Accept", "*"]),
    ] {
        let answer = format!("HTTP/1.1 200 OK\r\n{lines}Content-Length: 2\r\n\r\nok");
        for configured in ["", "exposeHeaders: ['*']"] {
            let site = Site::answering(&answer, &policy(configured)).await;
            for request in [
                from(PAGE, "GET /"),
                from(OTHER, "GET /"),
                from("http://www.ep.com", "POST /"),
                from(PAGE, "OPTIONS /"),
                request("GET /"),
            ] {
                let answer = site.send_through(&request).await;
                assert_eq!(answer.fields("vary"), merged, "{lines} {request}");
            }
        }
    }
}

#[tokio::test]
async fn rule_20_an_answer_of_the_edges_own_is_merged_into_too() {
    for (headers, merged) in [
        ("", &["Origin"][..]),
        ("headers: [{name: vary, value: Accept}], ", &["Accept, Origin"]),
        ("headers: [{name: Vary, value: 'origin, accept'}], ", &["origin, accept"]),
        ("headers: [{name: vary, value: '*'}], ", &["*"]),
    ] {
        let fixed = route("fixed", &format!("respond: {{{headers}body: hi}}\n{}", policy("")));
        let edge = Edge::start(&(front_door("") + &fixed)).await.unwrap();
        for request in [from(PAGE, "GET /"), from(OTHER, "GET /"), request("GET /")] {
            let answer = ask(edge.address(), &request).await.unwrap();
            assert_eq!(answer.fields("vary"), merged, "{headers} {request}");
        }
    }
}

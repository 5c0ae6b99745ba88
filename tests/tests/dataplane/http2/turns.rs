//! Requests that are costly to serve, beside one that is not, over one connection.

use super::{
    Answer, ask, connect,
    frames::{Client, END_HEADERS, END_STREAM, HEADERS, frame, head},
    get,
};
use futures_util::future::join_all;
use portico_tests::{
    backend::{front_door, route},
    edge::Edge,
};

const COSTLY: u32 = 20;

/// 100 Routes for one path, each of which asks for another query key, and one that asks for nothing.
async fn edge() -> Edge {
    let asking = |nth: usize| {
        let matches = format!("matches: [{{path: /a, query: [{{name: k{nth}, value: v}}]}}]");
        route(&format!("asks-{nth}"), &format!("{matches}\nrespond: {{body: asks}}"))
    };
    let manifests = [
        front_door(""),
        (0..100).map(asking).collect(),
        route("any", "matches: [{path: /a}]\nrespond: {body: any}"),
    ];
    Edge::start(&manifests.concat()).await.unwrap()
}

/// A target that every Route's predicate looks at.
fn costly() -> String {
    format!("/a?{}", "x".repeat(6_000))
}

#[tokio::test]
async fn requests_that_cost_little_do_not_wait_for_costly_ones() {
    let edge = edge().await;
    let mut client = Client::connect(&edge).await;
    let costly = costly();
    let paths = (0..COSTLY).map(|_| &*costly).chain(["/a"]);
    let last = 2 * COSTLY + 1;
    let requests = (1..=last).step_by(2).zip(paths).flat_map(|(stream, path)| {
        frame(HEADERS, END_HEADERS | END_STREAM, stream, &head("GET", path, &[]))
    });
    client.0.send(requests.collect::<Vec<_>>()).await.unwrap();
    let mut answered = Vec::new();
    while answered.len() <= COSTLY as usize {
        let frame = client.next().await.expect("closed");
        if frame.kind == HEADERS {
            // 200, by its index in HPACK's table (RFC 7541, appendix A).
            assert_eq!(frame.payload.first(), Some(&0x88), "{frame:?}");
            answered.push(frame.stream);
        }
    }
    let before = answered.iter().position(|stream| *stream == last).unwrap();
    assert!(before < COSTLY as usize / 2, "{answered:?}");
}

#[tokio::test]
async fn beyond_a_bound_costly_requests_are_refused() {
    let edge = edge().await;
    let clients = join_all((0..4).map(|_| connect(&edge))).await;
    let costly = costly();
    let asked = clients.iter().flat_map(|client| (0..90).map(|_| ask(client, get(&costly))));
    let answers = join_all(asked).await;
    let (served, refused): (Vec<Answer>, Vec<Answer>) =
        answers.into_iter().partition(|answer| answer.status == 200);
    assert!(served.len() >= 128, "{}", served.len());
    assert!(served.iter().all(|answer| answer.text() == "any"));
    assert!(!refused.is_empty());
    for answer in refused {
        assert_eq!((answer.status.as_u16(), &*answer.reason()), (503, "Overloaded"));
        assert_eq!(answer.field("retry-after"), "1");
    }
    // All turns have ended.
    let answers = join_all((0..4).map(|_| ask(&clients[0], get(&costly)))).await;
    assert!(answers.iter().all(|answer| answer.status == 200), "{answers:?}");
}

//! Calls that are given up, by the client or its deadline.

use crate::{World, client::within};
use portico_tests::wire::PATIENCE;
use std::time::Duration;
use tokio::time::timeout;
use tonic::Code;

#[tokio::test]
async fn a_deadline_reaches_the_server_and_ends_the_call_on_both_sides() {
    let world = World::start().await;
    for (package, server) in [("clear", &world.clear), ("secret", &world.secret)] {
        let mut client = world.door.over_tls().await;
        let request = within("x", Duration::from_millis(500));
        let status = client.unary(&format!("/{package}.Echo/Hang"), request).await.unwrap_err();
        assert!(matches!(status.code(), Code::DeadlineExceeded | Code::Cancelled), "{status:?}");
        timeout(PATIENCE, server.seen.given_up.notified()).await.unwrap();
        let seen = server.seen.metadata.lock().unwrap().clone();
        assert_eq!(seen.get("grpc-timeout").unwrap(), "500000u");
    }
}

#[tokio::test]
async fn a_client_that_cancels_ends_the_call_at_the_server() {
    let world = World::start().await;
    for (package, server) in [("clear", &world.clear), ("secret", &world.secret)] {
        // Before the response has begun.
        let mut client = world.door.over_tls().await;
        let path = format!("/{package}.Echo/Hang");
        let call = tokio::spawn(async move { client.unary(&path, "x".to_owned()).await.map(drop) });
        timeout(PATIENCE, server.seen.began.notified()).await.unwrap();
        call.abort();
        timeout(PATIENCE, server.seen.given_up.notified()).await.unwrap();
        // In the middle of it, on a connection that goes on.
        let mut client = world.door.over_tls().await;
        let mut messages = client.list(&format!("/{package}.Echo/Watch"), "x").await.unwrap();
        assert_eq!(messages.message().await.unwrap().unwrap(), "first");
        drop(messages);
        timeout(PATIENCE, server.seen.given_up.notified()).await.unwrap();
        let unary = client.unary(&format!("/{package}.Echo/Unary"), "x".to_owned()).await.unwrap();
        assert_eq!(unary.into_inner(), "x");
    }
    let broken = "portico_requests_total{route=\"web/clear\",code=\"499\",reason=\"ClientClosed\"}";
    assert_eq!(world.door.edge.metric::<u64>(broken).await.unwrap(), 1);
}

//! Calls that end as the server says.

use crate::{World, client::Client, server};
use futures_util::{StreamExt, stream};
use tonic::{Request, Status, metadata::MetadataValue};

/// Every way through: from the client and to the server, in the clear and over TLS.
async fn ways(world: &World) -> [(Client, &'static str); 4] {
    [
        (world.door.over_tls().await, "clear"),
        (world.door.over_tls().await, "secret"),
        (world.door.in_the_clear().await, "clear"),
        (world.door.in_the_clear().await, "secret"),
    ]
}

#[tokio::test]
async fn calls_of_every_kind_pass() {
    let world = World::start().await;
    for (mut client, package) in ways(&world).await {
        let path = |method: &str| format!("/{package}.Echo/{method}");
        let large = "x".repeat(3_000_000);
        let unary = client.unary(&path("Unary"), large.clone()).await.unwrap();
        assert!(unary.into_inner() == large);

        let messages: Vec<_> = client.list(&path("List"), "50").await.unwrap().collect().await;
        assert_eq!(messages.len(), 50);
        for (n, message) in messages.into_iter().enumerate() {
            let message = message.unwrap();
            assert!(message.starts_with(&format!("{n} x")) && message.len() > 20_000);
        }

        let messages = stream::iter((0..50).map(|_| "y".repeat(20_000)));
        let sum = client.sum(&path("Sum"), messages).await.unwrap();
        assert_eq!(sum.into_inner(), "1000000");

        // Each message is sent when the last one has been answered.
        let (send, sent) = tokio::sync::mpsc::channel::<String>(1);
        let sent = stream::unfold(sent, |mut sent| async { Some((sent.recv().await?, sent)) });
        send.send("0".to_owned()).await.unwrap();
        let mut answers = client.chat(&path("Chat"), sent).await.unwrap();
        for n in 0..20 {
            assert_eq!(answers.message().await.unwrap().unwrap(), format!("re: {n}"));
            send.send((n + 1).to_string()).await.unwrap();
        }
        drop(send);
        assert_eq!(answers.message().await.unwrap().unwrap(), "re: 20");
        assert_eq!(answers.message().await.unwrap(), None);
    }
}

#[tokio::test]
async fn metadata_pass_both_ways() {
    let world = World::start().await;
    for (mut client, package) in ways(&world).await {
        let mut request = Request::new("hello".to_owned());
        request.metadata_mut().insert("x-text", "some text".parse().unwrap());
        let bytes = MetadataValue::from_bytes(&[0, 10, 13, 200, 255]);
        request.metadata_mut().insert_bin("x-bytes-bin", bytes.clone());
        let response = client.unary(&format!("/{package}.Echo/Unary"), request).await.unwrap();
        assert_eq!(response.metadata().get("x-text").unwrap(), "some text");
        assert_eq!(response.metadata().get_bin("x-bytes-bin").unwrap(), bytes);
        let server = if package == "clear" { &world.clear } else { &world.secret };
        let seen = server.seen.metadata.lock().unwrap().clone();
        assert_eq!(seen.get("via").unwrap(), "2 portico-test");
        assert_eq!(seen.get("te").unwrap(), "trailers");
    }
}

fn told(status: &Status) -> (tonic::Code, &str, &[u8], Option<&str>) {
    let why = status.metadata().get("x-why").map(|why| why.to_str().unwrap());
    (status.code(), status.message(), status.details(), why)
}

#[tokio::test]
async fn a_failure_comes_with_all_that_the_server_says_of_it() {
    let world = World::start().await;
    let expected = server::failed();
    for (mut client, package) in ways(&world).await {
        // In the head of the response, which is all of it.
        let status = client.unary(&format!("/{package}.Echo/Fail"), "x".to_owned()).await;
        assert_eq!(told(&status.unwrap_err()), told(&expected));
        // In the trailers, after messages.
        let mut messages = client.list(&format!("/{package}.Echo/Break"), "x").await.unwrap();
        assert_eq!(messages.message().await.unwrap().unwrap(), "one");
        assert_eq!(messages.message().await.unwrap().unwrap(), "two");
        assert_eq!(told(&messages.message().await.unwrap_err()), told(&expected));
    }
}

//! What the front door itself answers: a status of gRPC, and its words as the message.

use crate::{client::Door, server::Echo};
use portico_tests::{
    backend::{route, service},
    tls::Authority,
};
use tonic::{Code, Request, Status};

/// Routes with something wrong behind each.
async fn door(echo: &Echo) -> Door {
    // Nobody listens there any more.
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let to = |name: &str, service: &str, rest: &str| {
        let backends = format!("backends: [{{service: {{name: {service}, port: 80}}}}]");
        route(name, &format!("matches: [{{path: /{name}.Echo/*}}]\n{backends}\n{rest}"))
    };
    Door::start(
        &Authority::new("test").unwrap(),
        &[
            service("echo", "kubernetes.io/h2c", &[echo.address]),
            service("nobody", "kubernetes.io/h2c", &[]),
            service("closed", "kubernetes.io/h2c", &[closed]),
            service("clear", "https", &[echo.address]),
            to("good", "echo", ""),
            to("nobody", "nobody", ""),
            to("closed", "closed", ""),
            to("clear", "clear", ""),
            to("short", "echo", "timeouts: {request: 200ms}"),
            to(
                "pages",
                "echo",
                "cors: {allowOrigins: ['https://app.ep.com'], disallowedOrigin: Reject}",
            ),
        ],
    )
    .await
}

#[tokio::test]
async fn each_is_a_status_with_the_words_of_the_front_door() {
    let echo = Echo::start(None).await;
    let door = door(&echo).await;
    let with = |name: &'static str, value: &str| {
        let mut request = Request::new("x".to_owned());
        request.metadata_mut().insert(name, value.parse().unwrap());
        request
    };
    let plain = || Request::new("x".to_owned());
    for (path, request, code, words) in [
        ("/none.Echo/Unary", plain(), Code::Unimplemented, "No Route"),
        ("/nobody.Echo/Unary", plain(), Code::Unavailable, "ready endpoint"),
        ("/closed.Echo/Unary", plain(), Code::Unavailable, "connection"),
        ("/clear.Echo/Unary", plain(), Code::Unavailable, "TLS"),
        ("/short.Echo/Hang", plain(), Code::DeadlineExceeded, "in time"),
        (
            "/pages.Echo/Unary",
            with("origin", "https://evil.example"),
            Code::PermissionDenied,
            "origin",
        ),
        ("/good.Echo/%zz", plain(), Code::Internal, "path"),
        ("/good.Echo/Unary", with("x-large", &"x".repeat(70_000)), Code::ResourceExhausted, "head"),
        ("/good.Echo/Sum", Request::new("x".repeat(4_100_000)), Code::ResourceExhausted, "body"),
        // The server's own, for comparison.
        ("/good.Echo/Unknown", plain(), Code::Unimplemented, "no such method"),
    ] {
        for mut client in [door.over_tls().await, door.in_the_clear().await] {
            let mut copy = Request::new(request.get_ref().clone());
            *copy.metadata_mut() = request.metadata().clone();
            let status = client.unary(path, copy).await.map(drop).unwrap_err();
            says(path, &status, code, words);
        }
    }
    for (origin, code, words) in [
        ("https://nobody.example", Code::Unimplemented, "host"),
        ("https://other.ep.com", Code::Unknown, "connection"),
    ] {
        let mut client = door.at(origin).await;
        let status = client.unary("/good.Echo/Unary", "x".to_owned()).await.unwrap_err();
        says(origin, &status, code, words);
    }
    // Another call on a connection after all of these.
    let mut client = door.over_tls().await;
    client.unary("/nobody.Echo/Unary", "x".to_owned()).await.unwrap_err();
    client.unary("/good.Echo/Unary", "x".to_owned()).await.unwrap();
}

fn says(what: &str, status: &Status, code: Code, words: &str) {
    assert_eq!(status.code(), code, "{what}: {status:?}");
    assert!(status.message().contains(words), "{what}: {status:?}");
}

#[tokio::test]
async fn a_request_that_takes_too_long_is_counted_as_what_it_is() {
    let echo = Echo::start(None).await;
    let door = door(&echo).await;
    let mut client = door.over_tls().await;
    client.unary("/short.Echo/Hang", "x".to_owned()).await.unwrap_err();
    let counted =
        "portico_requests_total{route=\"web/short\",code=\"504\",reason=\"BackendTimeout\"}";
    assert_eq!(door.edge.metric::<u64>(counted).await.unwrap(), 1);
    // A stream that has begun goes on for longer.
    let mut messages = client.list("/short.Echo/Watch", "x").await.unwrap();
    assert_eq!(messages.message().await.unwrap().unwrap(), "first");
    let more = tokio::time::timeout(std::time::Duration::from_millis(600), messages.message());
    assert!(more.await.is_err(), "the stream was cut");
}

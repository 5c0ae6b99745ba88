//! What the access log says of the bytes of a request, and of who sent it.

use super::*;

#[tokio::test]
async fn upstream_bytes_are_those_of_all_tries_and_of_the_backend_alone() {
    log();
    let failing = Backend::scripted(|_| {
        Reply::raw("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\nbusy")
    });
    let failing = failing.await.unwrap();
    let retrying = "retry: {attempts: 1, backoff: 0s, \"on\": [\"503\"]}";
    let edge = Edge::start(&one_route(failing.address(), retrying)).await.unwrap();
    let put = line(&edge, &post("/", "", "12345").replacen("POST", "PUT", 1)).await;
    assert_eq!((&put["status"], &put["tries"]), (&503.into(), &2.into()), "{put}");
    assert_eq!((&put["bytes_in"], &put["bytes_out"]), (&5.into(), &4.into()), "{put}");
    assert_eq!(upstream_bytes(&put), [10, 4], "{put}");
    // What is answered here comes of no backend.
    let refused = line(&edge, &get("/", "Via: 1.1 portico-test\r\n")).await;
    assert!(refused["bytes_out"].as_u64().unwrap() > 0, "{refused}");
    assert_eq!(upstream_bytes(&refused), [0, 0], "{refused}");
}

#[tokio::test]
async fn what_a_client_says_of_itself_is_logged_up_to_a_kibibyte() {
    log();
    let backend = Backend::saying("ok").await.unwrap();
    let edge = Edge::start(&one_route(backend.address(), "")).await.unwrap();
    let long = format!("User-Agent: {}\r\n", "x".repeat(5_000));
    let line = line(&edge, &get("/", &long)).await;
    assert_eq!(line["user_agent"], "x".repeat(1_024));
}

#[tokio::test]
async fn a_tunnel_has_its_line_when_it_ends() {
    log();
    let stage = Stage::open().await.unwrap();
    let edge = Edge::start(&one_route(stage.address().unwrap(), "")).await.unwrap();
    let mut client = Wire::connect(edge.address()).await.unwrap();
    client.send(get("/", "Connection: upgrade\r\nUpgrade: websocket\r\n")).await.unwrap();
    let mut backend = stage.accept().await.unwrap();
    let request = backend.read_request().await.unwrap().unwrap();
    let switch =
        "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n";
    backend.send(format!("{switch}early")).await.unwrap();
    assert_eq!(client.read_answer("GET").await.unwrap().status(), 101);
    assert_eq!(client.read(5).await.unwrap(), b"early");
    client.send("123").await.unwrap();
    assert_eq!(backend.read(3).await.unwrap(), b"123");
    drop((client, backend));
    let line = lines(&request.field("x-request-id")).await.remove(0);
    assert_eq!((&line["status"], &line["reason"]), (&101.into(), &"".into()), "{line}");
    assert_eq!((&line["bytes_in"], &line["bytes_out"]), (&3.into(), &5.into()), "{line}");
    assert_eq!(upstream_bytes(&line), [3, 5], "{line}");
}

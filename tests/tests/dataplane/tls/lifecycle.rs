//! How TLS connections end, and what they hold while they are idle.

use super::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

#[tokio::test]
async fn draining_closes_idle_connections_and_says_so_in_tls() {
    let (door, _) = Door::with_one_host(Setup::default()).await;
    let client = Client::new().unwrap();
    let mut idle = client.stream(door.edge.https(), "www.ep.com").await.unwrap();
    idle.write_all(GET.as_bytes()).await.unwrap();
    let mut answer = vec![0; 4096];
    assert!(idle.read(&mut answer).await.unwrap() > 0);
    let mut handshaking = Wire::connect(door.edge.https()).await.unwrap();
    handshaking.send([22, 3, 1]).await.unwrap();
    let address = door.edge.https();
    assert!(door.edge.dataplane.drain(LONG).await);
    // Without close_notify this is an error.
    assert_eq!(idle.read(&mut answer).await.unwrap(), 0);
    assert!(handshaking.read_to_end().await.unwrap().is_empty());
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn a_request_in_flight_is_answered_while_draining_and_its_connection_closes() {
    let stage = portico_tests::backend::Stage::open().await.unwrap();
    let (door, pair) = Door::with_one_host(Setup::default()).await;
    let app = route("app", "backends: [{service: {name: app, port: 80}}]");
    let services = service("app", "http", &[stage.address().unwrap()]);
    let manifests = [portico_tests::backend::front_door(""), services, app].concat();
    let tls = [("www.ep.com", pair.host("one").unwrap())];
    door.edge.serve_tls(&manifests, &tls).await.unwrap();
    let mut connected = Client::new().unwrap().connect(&door.edge, "www.ep.com").await.unwrap();
    connected.wire.send(GET).await.unwrap();
    let mut backend = stage.accept().await.unwrap();
    backend.read_request().await.unwrap().unwrap();
    let drained = tokio::spawn(door.edge.dataplane.drain(LONG));
    tokio::time::sleep(SHORT * 3).await;
    assert!(!drained.is_finished());
    backend.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await.unwrap();
    let answer = connected.wire.read_answer("GET").await.unwrap();
    assert_eq!(answer.text(), "ok");
    assert!(answer.closes());
    assert!(connected.wire.read_to_end().await.unwrap().is_empty());
    assert!(drained.await.unwrap());
}

#[tokio::test]
async fn a_websocket_passes_over_tls() {
    let stage = portico_tests::backend::Stage::open().await.unwrap();
    let (door, pair) = Door::with_one_host(Setup::default()).await;
    let app = route("app", "backends: [{service: {name: app, port: 80}}]");
    let services = service("app", "http", &[stage.address().unwrap()]);
    let manifests = [portico_tests::backend::front_door(""), services, app].concat();
    let tls = [("www.ep.com", pair.host("one").unwrap())];
    door.edge.serve_tls(&manifests, &tls).await.unwrap();
    let mut connected = Client::new().unwrap().connect(&door.edge, "www.ep.com").await.unwrap();
    let upgrade =
        "GET / HTTP/1.1\r\nHost: www.ep.com\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n";
    connected.wire.send(upgrade).await.unwrap();
    let mut backend = stage.accept().await.unwrap();
    backend.read_request().await.unwrap().unwrap();
    let switching = "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\nhello";
    backend.send(switching).await.unwrap();
    assert_eq!(connected.wire.read_head().await.unwrap().unwrap().status(), 101);
    assert_eq!(connected.wire.read(5).await.unwrap(), b"hello");
    let large = vec![b'y'; 300_000];
    let echo = tokio::spawn(async move {
        let got = backend.read(300_000).await.unwrap();
        backend.send(&got).await.unwrap();
        got.len()
    });
    connected.wire.send(&large).await.unwrap();
    assert_eq!(connected.wire.read(300_000).await.unwrap(), large);
    assert_eq!(echo.await.unwrap(), 300_000);
}

#[tokio::test]
async fn an_idle_connection_counts_for_little_more_than_one_in_the_clear() {
    let limits = Limits { header_timeout: LONG, idle_timeout: LONG, ..Limits::default() };
    let (door, _) = Door::with_one_host(super::limits(limits)).await;
    let memory = "portico_connection_memory_bytes";
    let client = Client::new().unwrap();
    let mut connected = client.connect(&door.edge, "www.ep.com").await.unwrap();
    assert_eq!(get(&mut connected.wire, "www.ep.com").await.text(), "served");
    let start = Instant::now();
    // It is parked.
    while door.edge.metric::<f64>(memory).await.unwrap() > 4.0 * 1024.0 + 20.0 * 1024.0 {
        assert!(start.elapsed() < PATIENCE);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(get(&mut connected.wire, "www.ep.com").await.text(), "served");
    // A client that closes without close_notify leaves nothing behind.
    drop(connected);
    while door.edge.metric::<f64>(memory).await.unwrap() > 0.0 {
        assert!(start.elapsed() < PATIENCE);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

//! Clients that do not speak TLS, or take their time.

use super::*;

#[tokio::test]
async fn plain_http_on_the_port_for_https_is_told_so() {
    let (door, _) = Door::with_one_host(Setup::default()).await;
    for request in [GET, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc", "G"] {
        let mut wire = Wire::connect(door.edge.https()).await.unwrap();
        wire.send(request).await.unwrap();
        let answer = wire.read_answer("GET").await.unwrap();
        assert_eq!((answer.status(), answer.reason().as_str()), (400, "HttpsExpected"));
        assert!(answer.closes());
        wire.shut().await.unwrap();
        assert!(wire.read_to_end().await.unwrap().is_empty());
    }
    assert_eq!(door.handshakes("plain-http", "").await, 3);
    let refused = "portico_requests_total{route=\"-\",code=\"400\",reason=\"HttpsExpected\"}";
    assert_eq!(door.edge.metric::<u64>(refused).await.unwrap(), 3);
}

#[tokio::test]
async fn garbage_ends_its_connection_alone() {
    let (door, _) = Door::with_one_host(Setup::default()).await;
    let large = [&[22, 3, 1, 0x40, 0][..], &[1, 0, 0x3f, 0xfc], &[0; 20_000]].concat();
    for garbage in [&b"\0\0\0\0\0\0\0\0"[..], &[22, 3, 1, 0, 0], &[0xff; 4096], &large] {
        let mut wire = Wire::connect(door.edge.https()).await.unwrap();
        // It may be closed before all of it is taken.
        let _ = wire.send(garbage).await;
        let answer = wire.read_to_end().await.unwrap();
        // Nothing, or an alert.
        assert!(answer.is_empty() || answer[0] == 21, "{answer:?}");
    }
    let mut connected = Client::new().unwrap().connect(&door.edge, "www.ep.com").await.unwrap();
    assert_eq!(get(&mut connected.wire, "www.ep.com").await.text(), "served");
    assert!(door.handshakes("malformed", "").await >= 3);
}

#[tokio::test]
async fn a_handshake_has_its_time_and_no_more() {
    let limits = Limits { handshake_timeout: SHORT, header_timeout: LONG, ..Limits::default() };
    let (door, _) = Door::with_one_host(super::limits(limits)).await;
    for part in [&b""[..], &[22, 3, 1, 1, 0, 1, 0]] {
        let start = Instant::now();
        let mut wire = Wire::connect(door.edge.https()).await.unwrap();
        wire.send(part).await.unwrap();
        assert!(wire.read_to_end().await.unwrap().is_empty());
        assert!(start.elapsed() >= SHORT);
    }
    assert_eq!(door.handshakes("timeout", "").await, 2);
    // What is connected is not concerned.
    let mut connected = Client::new().unwrap().connect(&door.edge, "www.ep.com").await.unwrap();
    tokio::time::sleep(SHORT * 3).await;
    assert_eq!(get(&mut connected.wire, "www.ep.com").await.text(), "served");
}

#[tokio::test]
async fn a_connection_that_only_asks_whether_the_port_is_open_counts_as_no_handshake() {
    let (door, _) = Door::with_one_host(Setup::default()).await;
    let mut wire = Wire::connect(door.edge.https()).await.unwrap();
    wire.shut().await.unwrap();
    assert!(wire.read_to_end().await.unwrap().is_empty());
    assert_eq!(door.handshakes("closed", "").await, 0);
    let mut wire = Wire::connect(door.edge.https()).await.unwrap();
    wire.send([22, 3, 1]).await.unwrap();
    drop(wire);
    door.counts("closed").await;
}

#[tokio::test]
async fn handshakes_that_say_nothing_keep_nobody_out() {
    let limits = Limits {
        connections: 2,
        handshake_timeout: LONG,
        header_timeout: LONG,
        ..Limits::default()
    };
    let (door, _) = Door::with_one_host(super::limits(limits)).await;
    let mut silent = Vec::new();
    for part in [&b""[..], &[22, 3, 1]] {
        let mut wire = Wire::connect(door.edge.https()).await.unwrap();
        wire.send(part).await.unwrap();
        silent.push(wire);
        tokio::time::sleep(SHORT).await;
    }
    let mut clients = Vec::new();
    for _ in 0..2 {
        let mut connected = Client::new().unwrap().connect(&door.edge, "www.ep.com").await.unwrap();
        assert_eq!(get(&mut connected.wire, "www.ep.com").await.text(), "served");
        clients.push(connected);
    }
    for mut wire in silent {
        assert!(wire.read_to_end().await.unwrap().is_empty());
    }
    assert_eq!(door.handshakes("gave-way", "").await, 2);
}

#[tokio::test]
async fn handshakes_that_have_begun_go_after_those_that_say_nothing() {
    let limits = Limits {
        connections: 2,
        handshake_timeout: LONG,
        header_timeout: LONG,
        ..Limits::default()
    };
    let (door, _) = Door::with_one_host(super::limits(limits)).await;
    let client = Client::new().unwrap();
    let mut begun = Wire::connect(door.edge.https()).await.unwrap();
    begun.send(client.hello("www.ep.com").unwrap()).await.unwrap();
    // The server's own part has come, so the hello has been read.
    assert_eq!(begun.read(1).await.unwrap(), [22]);
    let mut silent = Wire::connect(door.edge.https()).await.unwrap();
    silent.send([22, 3, 1]).await.unwrap();
    tokio::time::sleep(SHORT).await;
    let mut connected = client.connect(&door.edge, "www.ep.com").await.unwrap();
    assert_eq!(get(&mut connected.wire, "www.ep.com").await.text(), "served");
    assert!(silent.read_to_end().await.unwrap().is_empty());
    assert_eq!(door.handshakes("gave-way", "").await, 1);
}

#[tokio::test]
async fn the_chain_that_a_handshake_presents_counts() {
    let limits = Limits { handshake_timeout: LONG, ..Limits::default() };
    let (door, pair) = Door::with_one_host(super::limits(limits)).await;
    let names: Vec<_> = (0..500).map(|nth| format!("{nth}.{}.com", "x".repeat(60))).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let large = door.authority.issue(&names).unwrap();
    let certificate = pair.with_chain(&[&large]).unwrap();
    let chain = certificate.chain_bytes();
    assert!(chain > 30_000, "{chain}");
    let tls = HostTls { certificate: Some(certificate), ..pair.host("one").unwrap() };
    door.serve(&[("www.ep.com", tls)]).await;
    let memory = "portico_connection_memory_bytes";
    let before = door.edge.metric::<usize>(memory).await.unwrap();
    let mut begun = Wire::connect(door.edge.https()).await.unwrap();
    begun.send([22]).await.unwrap();
    let hello = Client::new().unwrap().hello("www.ep.com").unwrap();
    let start = Instant::now();
    let mut silent = before;
    while silent == before {
        assert!(start.elapsed() < PATIENCE);
        silent = door.edge.metric::<usize>(memory).await.unwrap();
    }
    begun.send(&hello[1..]).await.unwrap();
    assert_eq!(begun.read(1).await.unwrap(), [22]);
    assert_eq!(door.edge.metric::<usize>(memory).await.unwrap(), silent + chain);
}

#[tokio::test]
async fn a_client_that_does_not_read_counts_for_no_more_than_documented() {
    let large = 8_000_000;
    let mut answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {large}\r\n\r\n").into_bytes();
    answer.resize(answer.len() + large, b'x');
    let backend = Backend::answering(answer).await.unwrap();
    let (door, pair) = Door::with_one_host(Setup::default()).await;
    let door = Door { backend, ..door };
    door.serve(&[("www.ep.com", pair.host("one").unwrap())]).await;
    let mut connected = Client::new().unwrap().connect(&door.edge, "www.ep.com").await.unwrap();
    connected.wire.send(GET).await.unwrap();
    let memory = "portico_connection_memory_bytes";
    let start = Instant::now();
    while door.edge.metric::<f64>(memory).await.unwrap() < 64_000.0 {
        assert!(start.elapsed() < PATIENCE);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    tokio::time::sleep(SHORT).await;
    let held = door.edge.metric::<f64>(memory).await.unwrap();
    assert!(held <= 220_000.0, "{held}");
    let answer = connected.wire.read_answer("GET").await.unwrap();
    assert!(answer.complete && answer.body.len() == large);
    assert!(answer.body.iter().all(|byte| *byte == b'x'));
}

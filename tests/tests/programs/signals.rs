//! SIGTERM while clients shake hands and have requests.

use crate::{Site, manifests};
use portico_tests::{
    backend::{Backend, Stage, route, service},
    frames::{ACK, Client as Frames, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, PING, field},
    serve::Serve,
    tls::{Authority, Client},
    wire::Wire,
};
use tokio::net::TcpStream;

fn head(path: &str) -> Vec<u8> {
    let head =
        [(":method", "GET"), (":scheme", "https"), (":authority", "www.ep.com"), (":path", path)];
    head.iter().flat_map(|(name, value)| field(name, value)).collect()
}

async fn connect(serve: &Serve) -> Frames {
    let client = Client::new().unwrap().offering(&["h2"]);
    let stream = client.stream(serve.https, "www.ep.com").await.unwrap();
    Frames::over(Wire::new(stream), &[]).await
}

/// The last streams of the GOAWAYs until the connection ends, and the streams whose answers ended.
async fn ends(client: &mut Frames) -> (Vec<u32>, Vec<u32>) {
    let (mut last, mut whole) = (Vec::new(), Vec::new());
    while let Some(frame) = client.next().await {
        match frame.kind {
            PING if frame.flags & ACK == 0 => client.send(PING, ACK, 0, &frame.payload).await,
            GOAWAY => {
                assert_eq!(frame.code(), 0, "{frame:?}");
                last.push(u32::from_be_bytes(frame.payload[..4].try_into().unwrap()));
            }
            DATA if frame.flags & END_STREAM != 0 => whole.push(frame.stream),
            _ => {}
        }
    }
    (last, whole)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_finish_idle_connections_close_and_no_handshake_succeeds() {
    let stage = Stage::open().await.unwrap();
    let unused = Backend::saying("unused").await.unwrap();
    let authority = Authority::new("test").unwrap();
    let one = authority.issue(&["www.ep.com"]).unwrap();
    let two = authority.issue(&["strict.ep.com"]).unwrap();
    let slow = [
        service("slow", "http", &[stage.address().unwrap()]),
        route("slow", "matches: [{path: /slow}]\nbackends: [{service: {name: slow, port: 80}}]"),
    ];
    let mut serve = Serve::start(&(manifests(&unused, &one, &two) + &slow.concat()), &[]).unwrap();

    // One with a request, one without, two that shake hands.
    let mut busy = connect(&serve).await;
    busy.send(HEADERS, END_HEADERS | END_STREAM, 1, &head("/slow")).await;
    let mut backend = stage.accept().await.unwrap();
    backend.read_request().await.unwrap().unwrap();
    let mut idle = connect(&serve).await;
    idle.send(HEADERS, END_HEADERS | END_STREAM, 1, &head("/")).await;
    while idle.of(1).await.flags & END_STREAM == 0 {}
    let silent = TcpStream::connect(serve.https).await.unwrap();
    let mut begun = Wire::connect(serve.https).await.unwrap();
    let client = Client::new().unwrap();
    begun.send(client.hello("www.ep.com").unwrap()).await.unwrap();
    assert_eq!(begun.read(1).await.unwrap(), [22]);

    serve.signal("TERM").unwrap();
    serve.logged("draining", |line| line["message"] == "draining").unwrap();
    // In two steps: first all streams, then those that have come.
    assert_eq!(ends(&mut idle).await, (vec![(1 << 31) - 1, 1], vec![]));
    // Handshakes end, and none begins.
    assert!(Wire::new(silent).read_to_end().await.unwrap().is_empty());
    begun.read_to_end().await.unwrap();
    assert!(client.stream(serve.https, "www.ep.com").await.is_err());
    // What was asked for is answered, and that was it.
    backend.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await.unwrap();
    assert_eq!(ends(&mut busy).await, (vec![(1 << 31) - 1, 1], vec![1]));
    assert_eq!(serve.ended().unwrap().code(), Some(0));
    let line = serve.request("/slow").unwrap();
    assert_eq!((&line["status"], &line["reason"]), (&200.into(), &"".into()), "{line}");
    assert!(serve.log().iter().any(|line| line["message"] == "drained"));
    drop(busy);
}

/// curl's or a browser's view: what was sent before the signal is answered whole.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_request_of_a_busy_connection_is_answered() {
    let site = Site::start(Backend::saying("served").await.unwrap()).await;
    let mut serve = site.serve;
    let mut client = connect(&serve).await;
    for number in 0..50 {
        client.send(HEADERS, END_HEADERS | END_STREAM, number * 2 + 1, &head("/")).await;
    }
    serve.request("/").unwrap();
    serve.signal("TERM").unwrap();
    let (last, whole) = ends(&mut client).await;
    assert_eq!(whole.len(), 50);
    assert_eq!(last, [(1 << 31) - 1, 99]);
    assert_eq!(serve.ended().unwrap().code(), Some(0));
    assert_eq!(serve.access("/").len(), 50);
}

//! Clients that make work: their connections end, and nobody else's.

use super::{
    Client, ask, connect,
    frames::{
        CONTINUATION, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, PING, PRIORITY, RST_STREAM,
        SETTINGS, WINDOW_UPDATE, frame, head,
    },
    get,
};
use crate::forwarding;
use portico_tests::{
    backend::{Backend, Reply, one_route},
    edge::Edge,
};

/// The codes that a flood of frames ends with, sent as fast as the edge takes it.
async fn flooded(edge: &Edge, first: &[u8], mut next: impl FnMut(u32) -> Vec<u8>) -> Vec<u32> {
    let mut client = Client::connect(edge).await;
    client.0.send(first).await.unwrap();
    for round in 0..100 {
        let some: Vec<_> = (0..100).flat_map(|number| next(round * 100 + number)).collect();
        if client.0.send(some).await.is_err() {
            break;
        }
    }
    client.ends_with().await
}

#[tokio::test]
async fn floods_end_their_connection_and_no_other() {
    let (edge, _backend) = forwarding().await;
    let other = connect(&edge).await;
    let get_head = head("GET", "/", &[]);
    let upload = frame(HEADERS, END_HEADERS, 1, &head("POST", "/", &[]));
    let open = frame(HEADERS, 0, 1, &get_head);
    let reset = |number: u32| {
        let stream = number * 2 + 1;
        let request = frame(HEADERS, END_HEADERS | END_STREAM, stream, &get_head);
        [request, frame(RST_STREAM, 0, stream, &[0, 0, 0, 8])].concat()
    };
    // The edge resets the stream, whose window becomes too large.
    let made = |number: u32| {
        let stream = number * 2 + 1;
        let request = frame(HEADERS, END_HEADERS | END_STREAM, stream, &get_head);
        [request, frame(WINDOW_UPDATE, 0, stream, &[0x7f, 255, 255, 255])].concat()
    };
    let none: &[u8] = b"";
    let update = [0, 0, 0, 1];
    type Flood<'f> = (&'f str, &'f [u8], Box<dyn FnMut(u32) -> Vec<u8> + 'f>);
    let floods: Vec<Flood<'_>> = vec![
        ("resets", none, Box::new(reset)),
        ("made resets", none, Box::new(made)),
        ("settings", none, Box::new(|_| frame(SETTINGS, 0, 0, b""))),
        ("pings", none, Box::new(|_| frame(PING, 0, 0, &[0; 8]))),
        ("answers to pings", none, Box::new(|_| frame(PING, 1, 0, &[0; 8]))),
        ("priorities", none, Box::new(|_| frame(PRIORITY, 0, 1, &[0, 0, 0, 0, 1]))),
        ("empty data", &upload, Box::new(|_| frame(DATA, 0, 1, b""))),
        ("padding", &upload, Box::new(|_| frame(DATA, 8, 1, &[3, 0, 0, 0]))),
        ("pieces of heads", &open, Box::new(|_| frame(CONTINUATION, 0, 1, b""))),
        ("windows", &upload, Box::new(move |_| frame(WINDOW_UPDATE, 0, 1, &update))),
        ("windows of the connection", none, Box::new(move |_| frame(WINDOW_UPDATE, 0, 0, &update))),
        ("unknown frames", none, Box::new(|_| frame(99, 0, 0, b""))),
    ];
    for (name, first, next) in floods {
        assert_eq!(flooded(&edge, first, next).await, [11], "{name}");
        assert_eq!(ask(&other, get("/")).await.text(), "served", "{name}");
    }
}

/// What ordinary clients do with long answers is no flood.
#[tokio::test]
async fn windows_that_follow_data_are_no_flood() {
    let (edge, _backend) = forwarding().await;
    let mut client = Client::connect(&edge).await;
    let get_head = head("GET", "/", &[]);
    let mut windows = Vec::new();
    for number in 0..100 {
        // At a time ten, each of which is answered with one frame of data.
        let streams: Vec<u32> = (0..10).map(|n| (number * 10 + n) * 2 + 1).collect();
        for stream in &streams {
            windows.extend(frame(HEADERS, END_HEADERS | END_STREAM, *stream, &get_head));
        }
        client.0.send(std::mem::take(&mut windows)).await.unwrap();
        let mut left = streams.len();
        while left > 0 {
            let got = client.next().await.expect("closed");
            if got.kind == DATA {
                windows.extend(frame(WINDOW_UPDATE, 0, 0, &6_u32.to_be_bytes()));
                windows.extend(frame(WINDOW_UPDATE, 0, got.stream, &6_u32.to_be_bytes()));
                left -= usize::from(got.flags & END_STREAM != 0);
            }
        }
    }
}

/// Clients that read into small buffers enlarge both windows after each.
#[tokio::test]
async fn windows_that_follow_small_reads_are_no_flood() {
    const LENGTH: usize = 16_000_000;
    let large =
        format!("HTTP/1.1 200 OK\r\nContent-Length: {LENGTH}\r\n\r\n{}", "x".repeat(LENGTH));
    let backend = Backend::scripted(move |_| Reply::raw(large.clone())).await.unwrap();
    let edge = Edge::start(&one_route(backend.address(), "")).await.unwrap();
    let mut client = Client::connect(&edge).await;
    client.send(HEADERS, END_HEADERS | END_STREAM, 1, &head("GET", "/", &[])).await;
    let (mut received, mut read) = (0, 0);
    while received < LENGTH {
        let got = client.next().await.expect("closed");
        assert_ne!(got.kind, GOAWAY, "{got:?}");
        received += if got.kind == DATA { got.payload.len() } else { 0 };
        let mut updates = Vec::new();
        while received - read >= 4096 {
            updates.extend(frame(WINDOW_UPDATE, 0, 0, &4096_u32.to_be_bytes()));
            updates.extend(frame(WINDOW_UPDATE, 0, 1, &4096_u32.to_be_bytes()));
            read += 4096;
        }
        client.0.send(updates).await.unwrap();
    }
}

//! `/api/events`.

use super::Site;
use portico_tests::wire::Wire;
use serde_json::{Value, json};
use std::time::Duration;

/// A page that is open.
struct Stream {
    wire: Wire,
    text: String,
}

impl Stream {
    async fn open(site: &Site) -> Self {
        let mut wire = Wire::connect(site.serve.admin).await.unwrap();
        let request = "GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n";
        wire.send(request).await.unwrap();
        let head = wire.read_head().await.unwrap().unwrap();
        assert_eq!(
            (head.status(), head.field("content-type").as_str()),
            (200, "text/event-stream")
        );
        Self { wire, text: String::new() }
    }

    /// The next event of this name, and the names of those before.
    async fn next(&mut self, name: &str) -> (Value, Vec<String>) {
        let mut others = Vec::new();
        loop {
            while let Some((event, rest)) = self.text.split_once("\n\n") {
                let (event, rest) = (event.to_owned(), rest.to_owned());
                self.text = rest;
                let Some((found, data)) = event.split_once("\ndata: ") else { continue };
                let found = found.trim_start_matches("event: ");
                if found == name {
                    return (serde_json::from_str(data).unwrap(), others);
                }
                others.push(found.to_owned());
            }
            self.chunk().await;
        }
    }

    /// Reads a chunk (RFC 9112 §7.1).
    async fn chunk(&mut self) {
        let mut length = String::new();
        while !length.ends_with("\r\n") {
            length += &String::from_utf8(self.wire.read(1).await.unwrap()).unwrap();
        }
        let length = usize::from_str_radix(length.trim(), 16).unwrap();
        assert!(length > 0, "the stream has ended");
        let chunk = self.wire.read(length + 2).await.unwrap();
        self.text += std::str::from_utf8(&chunk[..length]).unwrap();
    }
}

#[tokio::test]
async fn an_open_page_gets_all_and_then_what_changes() {
    let site = Site::start(&[]).await;
    let mut stream = Stream::open(&site).await;
    let (all, _) = stream.next("routes").await;
    assert_eq!(all["routes"].as_array().unwrap().len(), 4);
    let (failures, _) = stream.next("failures").await;
    assert_eq!(failures, json!({"failures": []}));

    assert_eq!(site.request("GET", "/", "").await, 200);
    let (changed, others) = stream.next("traffic").await;
    assert_eq!(others, Vec::<String>::new());
    let routes = changed["routes"].as_object().unwrap();
    assert_eq!(routes.keys().collect::<Vec<_>>(), ["web/app"]);
    assert_eq!(routes["web/app"]["requests"], 1);

    assert_eq!(site.request("GET", "/gone", "").await, 503);
    let (failures, _) = stream.next("failures").await;
    assert_eq!(failures["failures"][0]["reason"], "NoEndpoint");

    // Other objects: all of it again, to whoever has the page open.
    let route =
        portico_tests::backend::route("new", "matches: [{path: /new}]\nrespond: {status: 204}");
    std::fs::write(site.serve.folder().join("new.yaml"), route).unwrap();
    let (all, _) = stream.next("routes").await;
    assert!(!super::row(&all, "web/new").is_null(), "{all:#}");
}

#[tokio::test]
async fn a_reader_who_pauses_ends_up_with_the_last_numbers() {
    let site = Site::start(&[]).await;
    let mut stream = Stream::open(&site).await;
    stream.next("routes").await;
    // Nothing is read meanwhile.
    for _ in 0..4 {
        assert_eq!(site.request("GET", "/", "").await, 200);
        tokio::time::sleep(Duration::from_millis(600)).await;
    }
    let mut requests = json!(0);
    while requests != 4 {
        let (changed, _) = stream.next("traffic").await;
        requests = changed["routes"]["web/app"]["requests"].clone();
    }
}

#[tokio::test]
async fn a_stream_without_news_stays_open() {
    let site = Site::start(&[]).await;
    let mut stream = Stream::open(&site).await;
    stream.next("failures").await;
    // Longer than any other connection may last.
    for _ in 0..4 {
        while !stream.text.contains(":\n\n") {
            stream.chunk().await;
        }
        assert_eq!(stream.text, ":\n\n");
        stream.text.clear();
    }
    site.request("GET", "/", "").await;
    stream.next("traffic").await;
}

#[tokio::test]
async fn streams_are_few_and_end_with_their_reader() {
    let site = Site::start(&[]).await;
    let mut streams = Vec::new();
    for _ in 0..16 {
        streams.push(Stream::open(&site).await);
    }
    let refused = site.page("/api/events").await;
    assert_eq!((refused.status(), refused.text().as_str()), (503, "too many pages are open\n"));
    // Other pages are served meanwhile, and all streams are fed.
    assert_eq!(site.page("/readyz").await.status(), 200);
    for stream in &mut streams {
        stream.next("routes").await;
    }
    streams.pop();
    let start = std::time::Instant::now();
    loop {
        let mut wire = Wire::connect(site.serve.admin).await.unwrap();
        wire.send("GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
        if wire.read_head().await.unwrap().unwrap().status() == 200 {
            break;
        }
        assert!(start.elapsed() < portico_tests::wire::PATIENCE);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

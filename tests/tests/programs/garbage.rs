//! A million bytes of garbage of each kind on the port for TLS: nothing of it lasts, and other
//! clients go on.

use crate::Site;
use futures_util::future::join_all;
use portico_tests::{
    backend::Backend,
    frames::{Client as Frames, END_HEADERS, END_STREAM, GOAWAY, HEADERS, WINDOW_UPDATE, field},
    serve::Serve,
    tls::Client,
    wire::Wire,
};
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// Bytes of each kind, on so many connections.
const BYTES: usize = 1_000_000;
const CONNECTIONS: usize = 20;

/// How it begins; noise follows.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Noise,
    /// A handshake record of the longest length.
    Record,
    /// The first half of a ClientHello.
    Hello,
    /// After a handshake, in the place of records.
    Records,
    /// After a handshake, in the place of HTTP/2 or HTTP/1.1.
    Http2,
    Http1,
}

const KINDS: [Kind; 6] =
    [Kind::Noise, Kind::Record, Kind::Hello, Kind::Records, Kind::Http2, Kind::Http1];

/// The same noise each time.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let byte = |_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    };
    (0..length).map(byte).collect()
}

/// One connection's part, which the other side may end early.
async fn send(serve: &Serve, kind: Kind, noise: &[u8]) {
    let client = Client::new().unwrap();
    let begin: Vec<u8> = match kind {
        Kind::Noise | Kind::Records | Kind::Http2 | Kind::Http1 => vec![],
        Kind::Record => vec![22, 3, 1, 0x40, 0],
        Kind::Hello => {
            let hello = client.hello("www.ep.com").unwrap();
            hello[..hello.len() / 2].to_vec()
        }
    };
    let bytes = [&begin, noise].concat();
    match kind {
        Kind::Noise | Kind::Record | Kind::Hello => {
            let mut stream = TcpStream::connect(serve.https).await.unwrap();
            let _ = stream.write_all(&bytes).await;
            let _ = stream.read_to_end(&mut Vec::new()).await;
        }
        Kind::Records => {
            let stream = client.stream(serve.https, "www.ep.com").await.unwrap();
            let (mut socket, _) = stream.into_inner();
            let _ = socket.write_all(&bytes).await;
            let _ = socket.read_to_end(&mut Vec::new()).await;
        }
        Kind::Http2 | Kind::Http1 => {
            let protocol = if matches!(kind, Kind::Http2) { "h2" } else { "http/1.1" };
            let client = client.offering(&[protocol]);
            let mut stream = client.stream(serve.https, "www.ep.com").await.unwrap();
            let _ = stream.write_all(&bytes).await;
            let _ = stream.read_to_end(&mut Vec::new()).await;
        }
    }
}

/// A client that goes on all the time.
struct Good(Frames, u32);

impl Good {
    async fn connect(serve: &Serve) -> Self {
        let client = Client::new().unwrap().offering(&["h2"]);
        let stream = client.stream(serve.https, "www.ep.com").await.unwrap();
        let mut frames = Frames::over(Wire::new(stream), &[]).await;
        // For all that it will ever be sent.
        frames.send(WINDOW_UPDATE, 0, 0, &(1_u32 << 30).to_be_bytes()).await;
        Self(frames, 1)
    }

    async fn ask(&mut self) {
        let head = [
            (":method", "GET"),
            (":scheme", "https"),
            (":authority", "www.ep.com"),
            (":path", "/"),
        ];
        let head: Vec<_> = head.iter().flat_map(|(name, value)| field(name, value)).collect();
        self.0.send(HEADERS, END_HEADERS | END_STREAM, self.1, &head).await;
        loop {
            let frame = self.0.next().await.expect("the good client's connection was closed");
            if frame.stream == self.1 && frame.flags & END_STREAM != 0 {
                break;
            }
            assert_ne!(frame.kind, GOAWAY, "{frame:?}");
        }
        self.1 += 2;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn garbage_costs_nothing_that_lasts_and_nobody_else() {
    let site = Site::start(Backend::saying("served").await.unwrap()).await;
    let serve = &site.serve;
    let noise = noise(BYTES / CONNECTIONS);
    let mut good = Good::connect(serve).await;
    good.ask().await;
    let mut held = Vec::new();
    // What the first rounds cost is caches that are filled, not leaks.
    for _ in 0..4 {
        for kind in KINDS {
            let is_sent = AtomicBool::new(false);
            let garbage = async {
                join_all((0..CONNECTIONS).map(|_| send(serve, kind, &noise))).await;
                is_sent.store(true, Ordering::Relaxed);
            };
            let asking = async {
                while !is_sent.load(Ordering::Relaxed) {
                    good.ask().await;
                }
            };
            tokio::join!(garbage, asking);
        }
        serve.becomes("portico_connections ", |open| open == 1.0).unwrap();
        held.push(serve.resident().unwrap());
    }
    let malformed = serve.metric("portico_tls_handshakes_total{result=\"malformed\"").unwrap();
    assert!(malformed >= (CONNECTIONS * 4 * 3) as f64, "{malformed}");
    // A new client, too.
    Good::connect(serve).await.ask().await;
    let grown = held[3].saturating_sub(held[1]);
    assert!(grown < 4096, "12 MB of garbage: {held:?} KiB");
}

//! Bodies over a long distance: what one stream of HTTP/2 carries in a round trip.

use crate::{
    http2::frames::{self, Client},
    upstreams::http2_peer::{ACK, DATA, END_STREAM, HEADERS, OK, Peer, SETTINGS, WINDOW_UPDATE},
};
use bytes::Bytes;
use futures_util::stream;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use hyper_util::rt::{TokioExecutor, TokioIo};
use portico_tests::{
    backend::{Stage, front_door, one_route, route, service},
    edge::Edge,
    wire::{PATIENCE, Wire, get},
};
use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::{Semaphore, mpsc},
    time::timeout,
};

const KIB: u32 = 1024;

/// `SETTINGS_INITIAL_WINDOW_SIZE` of a frame, if it has that.
fn initial_window(payload: &[u8]) -> Option<u32> {
    let mut settings = payload.chunks_exact(6);
    let value = settings.find(|setting| setting[..2] == [0, 4])?;
    Some(u32::from_be_bytes(value[2..].try_into().unwrap()))
}

fn increment(payload: &[u8]) -> i64 {
    u32::from_be_bytes(payload.try_into().unwrap()).into()
}

/// A backend's response, sent as its window allows.
struct Sending {
    stream: u32,
    window: i64,
}

impl Sending {
    /// Sends until the edge tells another window, which it returns, and acknowledges that.
    async fn until_told(&mut self, peer: &mut Peer) -> u32 {
        let told = async {
            loop {
                while self.window >= 8192 {
                    peer.send(DATA, 0, self.stream, &[b'b'; 8192]).await;
                    self.window -= 8192;
                }
                let frame = peer.frame().await;
                if frame.kind == WINDOW_UPDATE && frame.stream == self.stream {
                    self.window += increment(&frame.payload);
                } else if frame.kind == SETTINGS
                    && let Some(window) = initial_window(&frame.payload)
                {
                    peer.send(SETTINGS, ACK, 0, &[]).await;
                    return window;
                }
            }
        };
        timeout(PATIENCE, told).await.expect("no other window")
    }
}

/// Reads a client's answer to its end, and drops it.
fn drain(mut client: Wire) {
    tokio::spawn(async move {
        while client.read(64 * 1024).await.is_ok_and(|read| !read.is_empty()) {}
    });
}

async fn asking(edge: &Edge) -> Wire {
    let mut client = Wire::connect(edge.address()).await.unwrap();
    client.send(get("/", "")).await.unwrap();
    client
}

#[tokio::test]
async fn a_long_response_that_is_waited_for_has_its_connections_window() {
    let stage = Stage::open().await.unwrap();
    let app = route("app", "backends: [{service: {name: app, port: 80}}]");
    let services = service("app", "kubernetes.io/h2c", &[stage.address().unwrap()]);
    let edge = Edge::start(&[front_door(""), services, app].concat()).await.unwrap();
    drain(asking(&edge).await);
    let mut peer = Peer::accept(&stage).await;
    let first = peer.frame().await;
    assert_eq!(initial_window(&first.payload), Some(64 * KIB));
    peer.send(SETTINGS, ACK, 0, &[]).await;
    let (stream, _) = peer.request().await;
    peer.head(stream, OK).await;
    let mut sending = Sending { stream, window: i64::from(64 * KIB) };
    assert_eq!(sending.until_told(&mut peer).await, 4096 * KIB);
    // Further requests go over another connection.
    let mut other_client = asking(&edge).await;
    let mut other = Peer::accept(&stage).await;
    let (other_stream, _) = other.request().await;
    other.answer(other_stream).await;
    assert_eq!(other_client.read_answer("GET").await.unwrap().text(), "ok");
    // More of this one than the smallest window, before any of it is said to be read.
    for _ in 0..16 {
        peer.send(DATA, 0, stream, &[b'b'; 16 * 1024]).await;
    }
    peer.send(DATA, END_STREAM, stream, b"last").await;
    // Without requests it has the smallest windows again, and takes further ones.
    loop {
        let frame = peer.frame().await;
        assert!([SETTINGS, WINDOW_UPDATE].contains(&frame.kind), "{}", frame.kind);
        if frame.kind == SETTINGS && frame.flags & ACK == 0 {
            assert_eq!(initial_window(&frame.payload), Some(64 * KIB));
            break;
        }
    }
    peer.send(SETTINGS, ACK, 0, &[]).await;
    let mut client = asking(&edge).await;
    let (stream, _) = peer.request().await;
    peer.answer(stream).await;
    assert_eq!(client.read_answer("GET").await.unwrap().text(), "ok");
}

/// The same for a client's bodies.
struct Uploading {
    stream: u32,
    window: i64,
}

impl Uploading {
    async fn begin(client: &mut Client, stream: u32, window: u32) -> Self {
        let head = frames::head("POST", "/", &[]);
        client.send(HEADERS, frames::END_HEADERS, stream, &head).await;
        Self { stream, window: window.into() }
    }

    async fn until_told(&mut self, client: &mut Client) -> u32 {
        let told = async {
            loop {
                while self.window >= 8192 {
                    client.send(DATA, 0, self.stream, &[b'b'; 8192]).await;
                    self.window -= 8192;
                }
                let frame = client.next().await.expect("closed");
                if frame.kind == WINDOW_UPDATE && frame.stream == self.stream {
                    self.window += increment(&frame.payload);
                } else if frame.kind == SETTINGS
                    && let Some(window) = initial_window(&frame.payload)
                {
                    client.send(SETTINGS, ACK, 0, &[]).await;
                    return window;
                }
            }
        };
        timeout(PATIENCE, told).await.expect("no other window")
    }
}

#[tokio::test]
async fn a_long_body_that_is_waited_for_has_a_larger_window() {
    const SMALLEST: u32 = 4096 * KIB / 100;
    let stage = Stage::open().await.unwrap();
    let edge = Edge::start(&one_route(stage.address().unwrap(), "")).await.unwrap();
    tokio::spawn(async move {
        while let Ok(backend) = stage.accept().await {
            drain(backend);
        }
    });
    let mut client = Client::connect(&edge).await;
    let first = client.next().await.unwrap();
    assert_eq!(initial_window(&first.payload), Some(SMALLEST));
    client.send(SETTINGS, ACK, 0, &[]).await;
    let mut one = Uploading::begin(&mut client, 1, SMALLEST).await;
    assert_eq!(one.until_told(&mut client).await, 3072 * KIB);
    // A second one makes it smaller, and all that wait for nothing the smallest.
    let mut two = Uploading::begin(&mut client, 3, 3072 * KIB).await;
    two.window = 0;
    assert_eq!(two.until_told(&mut client).await, 1024 * KIB);
    for stream in [1, 3] {
        client.send(DATA, END_STREAM, stream, b"").await;
    }
    assert_eq!(two.until_told(&mut client).await, SMALLEST);
}

/// Passes bytes between both after a time, of which no more are on their way than TCP's buffers
/// allow by default.
async fn pass(
    mut from: impl AsyncRead + Send + Unpin + 'static,
    mut to: impl AsyncWrite + Send + Unpin + 'static,
    delay: Duration,
) {
    const IN_FLIGHT: usize = 4 * 1024 * 1024;
    let room = Arc::new(Semaphore::new(IN_FLIGHT));
    let (sender, mut receiver) = mpsc::unbounded_channel::<(Instant, Vec<u8>)>();
    let taken = room.clone();
    tokio::spawn(async move {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(read) = from.read(&mut buffer).await {
            let permits = taken.acquire_many(read as u32).await.unwrap();
            permits.forget();
            if read == 0 || sender.send((Instant::now(), buffer[..read].to_vec())).is_err() {
                return;
            }
        }
    });
    while let Some((sent, bytes)) = receiver.recv().await {
        tokio::time::sleep_until((sent + delay).into()).await;
        if to.write_all(&bytes).await.is_err() {
            return;
        }
        // What TCP learns a round trip after it was sent.
        let room = room.clone();
        tokio::spawn(async move {
            tokio::time::sleep(delay).await;
            room.add_permits(bytes.len());
        });
    }
}

/// What is at `address`, 50 ms of round trip away.
async fn distant(address: SocketAddr) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let here = listener.local_addr().unwrap();
    let delay = Duration::from_millis(25);
    tokio::spawn(async move {
        while let Ok((near, _)) = listener.accept().await {
            let far = TcpStream::connect(address).await.unwrap();
            near.set_nodelay(true).unwrap();
            far.set_nodelay(true).unwrap();
            let ((near_in, near_out), (far_in, far_out)) = (near.into_split(), far.into_split());
            tokio::spawn(pass(near_in, far_out, delay));
            tokio::spawn(pass(far_in, near_out, delay));
        }
    });
    here
}

const TOTAL: usize = 100 * 1024 * 1024;

/// A backend that answers GET with a long body, and reads those that it gets.
async fn long_backend(is_http_2: bool) -> SocketAddr {
    const PIECE: &[u8] = &[b'x'; 32 * 1024];
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let answer = |request: hyper::Request<hyper::body::Incoming>| async move {
        let pieces = if request.method() == "GET" { TOTAL / PIECE.len() } else { 0 };
        let mut body = request.into_body();
        while let Some(frame) = body.frame().await {
            let _ = frame.unwrap();
        }
        let frames =
            (0..pieces).map(|_| Ok::<_, Infallible>(Frame::data(Bytes::from_static(PIECE))));
        Ok::<_, Infallible>(hyper::Response::new(StreamBody::new(stream::iter(frames))))
    };
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (io, service) = (TokioIo::new(socket), hyper::service::service_fn(answer));
                if is_http_2 {
                    let server = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
                    let _ = server.serve_connection(io, service).await;
                } else {
                    let server = hyper::server::conn::http1::Builder::new();
                    let _ = server.serve_connection(io, service).await;
                }
            });
        }
    });
    address
}

/// How long a GET over HTTP/1.1 takes, to the end of its answer.
async fn download(edge: &Edge) -> Duration {
    let began = Instant::now();
    let mut socket = TcpStream::connect(edge.address()).await.unwrap();
    socket.write_all(get("/", "Connection: close\r\n").as_bytes()).await.unwrap();
    let (mut read, mut buffer) = (0, vec![0; 256 * 1024]);
    loop {
        match socket.read(&mut buffer).await.unwrap() {
            0 => break,
            more => read += more,
        }
    }
    assert!(read > TOTAL, "{read}");
    began.elapsed()
}

/// How long a POST over HTTP/1.1 takes.
async fn upload_over_http_1(address: SocketAddr) -> Duration {
    let began = Instant::now();
    let mut socket = TcpStream::connect(address).await.unwrap();
    let head = format!("POST / HTTP/1.1\r\nHost: www.ep.com\r\nContent-Length: {TOTAL}\r\n\r\n");
    socket.write_all(head.as_bytes()).await.unwrap();
    for _ in 0..TOTAL / 65_536 {
        socket.write_all(&[b'x'; 65_536]).await.unwrap();
    }
    let mut answer = [0; 12];
    socket.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200");
    began.elapsed()
}

/// The same over HTTP/2.
async fn upload_over_http_2(address: SocketAddr) -> Duration {
    let began = Instant::now();
    let socket = TcpStream::connect(address).await.unwrap();
    let (mut sender, connection) = h2::client::handshake(socket).await.unwrap();
    tokio::spawn(connection);
    let request = http::Request::post("http://www.ep.com/").body(()).unwrap();
    let (response, mut body) = sender.send_request(request, false).unwrap();
    let mut left = TOTAL;
    while left > 0 {
        body.reserve_capacity(left.min(65_536));
        std::future::poll_fn(|cx| body.poll_capacity(cx)).await.unwrap().unwrap();
        let room = body.capacity().min(left);
        left -= room;
        body.send_data(vec![b'x'; room].into(), left == 0).unwrap();
    }
    assert_eq!(response.await.unwrap().status(), 200);
    began.elapsed()
}

#[expect(clippy::print_stdout, reason = "it is what a measurement is for")]
fn report(what: &str, http_1: Duration, http_2: Duration) {
    let rate = |took: Duration| TOTAL as f64 / took.as_secs_f64() / 1e6;
    let (one, two) = (rate(http_1), rate(http_2));
    println!("{what}: HTTP/1.1 {one:.1} MB/s, HTTP/2 {two:.1} MB/s, {:.0} %", two / one * 100.0);
}

/// `cargo test --release -p portico-tests --test dataplane distance -- --ignored --nocapture`
#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement, on a machine that does nothing else"]
async fn throughput_at_50_ms() {
    let (backend, over_h2c) = (long_backend(false).await, long_backend(true).await);
    let app = "backends: [{service: {name: app, port: 80}}]";
    let edge_to = async |protocol: &str, address| {
        let manifests = [front_door(""), service("app", protocol, &[address]), route("app", app)];
        Edge::start(&manifests.concat()).await.unwrap()
    };
    for _ in 0..2 {
        let over_http_1 = download(&edge_to("http", distant(backend).await).await).await;
        let over_http_2 =
            download(&edge_to("kubernetes.io/h2c", distant(over_h2c).await).await).await;
        report("100 MiB from a backend", over_http_1, over_http_2);
        let edge = edge_to("http", backend).await;
        let edge_far_away = distant(edge.address()).await;
        let over_http_1 = upload_over_http_1(edge_far_away).await;
        let over_http_2 = upload_over_http_2(edge_far_away).await;
        report("100 MiB to a backend", over_http_1, over_http_2);
    }
}

//! What stands behind the front door: an HTTP/1.1 server, one with WebSockets, and one over HTTP/2
//! that resets.

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use h2::{Reason, RecvStream, server::SendResponse};
use http::{HeaderValue, Request, Response};
use portico_tests::{
    backend::{Backend, Reply},
    wire::Message,
};
use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};
use tokio::{
    net::{TcpListener, TcpStream},
    runtime::Runtime,
};
use tokio_tungstenite::tungstenite::{
    Message as Frame,
    handshake::server::{Request as Handshake, Response as Opened},
};

/// All of them; they end when this is dropped.
pub(crate) struct Backends {
    pub(crate) http: Backend,
    pub(crate) socket: SocketAddr,
    pub(crate) resets: SocketAddr,
    reset: Arc<Mutex<Vec<String>>>,
    _runtime: Runtime,
}

impl Backends {
    pub(crate) fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let reset = Arc::<Mutex<Vec<String>>>::default();
        let (http, socket, resets) = runtime.block_on(async {
            let http = Backend::scripted(answer).await.unwrap();
            let seen = reset.clone();
            let resets = listen(move |stream| break_streams(stream, seen.clone())).await;
            (http, listen(echo).await, resets)
        });
        Self { http, socket, resets, reset, _runtime: runtime }
    }

    /// How often the server that resets got a request for this path.
    pub(crate) fn asked_to_reset(&self, path: &str) -> usize {
        self.reset.lock().unwrap().iter().filter(|asked| *asked == path).count()
    }
}

async fn listen<F: Future<Output = ()> + Send + 'static>(
    serve: impl Fn(TcpStream) -> F + Send + 'static,
) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream));
        }
    });
    address
}

fn answer(request: &Message) -> Reply {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nCache-Control: no-store\r\n";
    match request.target() {
        "/" => {
            let page = "<!doctype html><link rel=icon href=data:,><title>a page</title>";
            Reply::raw(format!("{head}Content-Length: {}\r\n\r\n{page}", page.len()))
        }
        "/broken/nothing" => Reply::raw("").then_close(),
        "/broken/length" => {
            Reply::raw(format!("{head}Content-Length: 100\r\n\r\nhalf")).then_close()
        }
        "/broken/chunks" => {
            Reply::raw(format!("{head}Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n"))
                .then_close()
        }
        _ if request.method() == "HEAD" => Reply::raw(format!("{head}Content-Length: 100\r\n\r\n")),
        _ => {
            let body = format!("{} {}", request.method(), request.text());
            Reply::raw(format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()))
        }
    }
}

/// Sends back what comes, and chooses the subprotocol `chat`.
#[expect(clippy::result_large_err, reason = "the library's signature")]
async fn echo(stream: TcpStream) {
    let choose = |_: &Handshake, mut opened: Opened| {
        opened.headers_mut().insert("sec-websocket-protocol", HeaderValue::from_static("chat"));
        Ok(opened)
    };
    let Ok(mut socket) = tokio_tungstenite::accept_hdr_async(stream, choose).await else { return };
    while let Some(Ok(frame)) = socket.next().await {
        if matches!(frame, Frame::Text(_) | Frame::Binary(_)) {
            socket.send(frame).await.unwrap();
        }
    }
}

async fn break_streams(stream: TcpStream, seen: Arc<Mutex<Vec<String>>>) {
    let mut connection = h2::server::handshake(stream).await.unwrap();
    while let Some(Ok((request, respond))) = connection.accept().await {
        seen.lock().unwrap().push(request.uri().path().to_owned());
        tokio::spawn(break_stream(request, respond));
    }
}

/// Resets with the code that the path ends with, as a number; `/reset/body/` after half of a body.
async fn break_stream(request: Request<RecvStream>, mut respond: SendResponse<Bytes>) {
    let path = request.uri().path().to_owned();
    let code: u32 = path.rsplit('/').next().unwrap().parse().unwrap();
    let code = Reason::from(code);
    let mut body = request.into_body();
    while let Some(Ok(data)) = body.data().await {
        body.flow_control().release_capacity(data.len()).unwrap();
    }
    if path.starts_with("/reset/body/") {
        let mut sender = respond.send_response(Response::new(()), false).unwrap();
        sender.send_data(Bytes::from_static(b"half"), false).unwrap();
        // So that the data goes out before it.
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        sender.send_reset(code);
    } else {
        respond.send_reset(code);
    }
}

//! The server.

use crate::text::Text;
use futures_util::{Stream, StreamExt, stream};
use std::{
    convert::Infallible,
    net::SocketAddr,
    pin::Pin,
    sync::{Arc, Mutex},
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Notify,
    task::JoinHandle,
};
use tokio_rustls::TlsAcceptor;
use tonic::{
    Code, Request, Response, Status, Streaming, body::Body, metadata::MetadataMap, server::Grpc,
    transport::Server,
};
use tower::service_fn;

type Messages = Pin<Box<dyn Stream<Item = Result<String, Status>> + Send>>;

/// What a server has seen.
#[derive(Default)]
pub(crate) struct Seen {
    /// The metadata of the last call.
    pub(crate) metadata: Mutex<MetadataMap>,
    /// Whenever a call has begun that does not end by itself.
    pub(crate) began: Notify,
    /// Whenever such a call has been given up.
    pub(crate) given_up: Notify,
}

/// A server for the service `Echo` of any package. Ends when dropped.
pub(crate) struct Echo {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// What it has seen.
    pub(crate) seen: Arc<Seen>,
    task: JoinHandle<()>,
}

impl Drop for Echo {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Echo {
    /// Serves in the clear, or with TLS.
    pub(crate) async fn start(tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::<Seen>::default();
        let shared = seen.clone();
        let service = service_fn(move |request| call(request, shared.clone()));
        let task = tokio::spawn(async move {
            let server = Server::builder();
            match tls.map(with_http2) {
                None => server.serve_with_incoming(service, accepted(listener)).await,
                Some(tls) => {
                    let streams = accepted(listener).then(move |stream| {
                        let tls = tls.clone();
                        async move { tls.accept(stream?).await }
                    });
                    server.serve_with_incoming(service, streams).await
                }
            }
            .unwrap();
        });
        Self { address, seen, task }
    }
}

fn with_http2(tls: TlsAcceptor) -> TlsAcceptor {
    let mut config = (**tls.config()).clone();
    config.alpn_protocols = vec![b"h2".to_vec()];
    Arc::new(config).into()
}

fn accepted(listener: TcpListener) -> impl Stream<Item = std::io::Result<TcpStream>> {
    stream::unfold(listener, |listener| async move {
        Some((listener.accept().await.map(|(stream, _)| stream), listener))
    })
}

/// A call that does not end by itself; what holds this has been given up when it is dropped.
struct Waits(Arc<Seen>);

impl Drop for Waits {
    fn drop(&mut self) {
        self.0.given_up.notify_one();
    }
}

async fn call(
    request: http::Request<Body>,
    seen: Arc<Seen>,
) -> Result<http::Response<Body>, Infallible> {
    let headers = request.headers().clone();
    *seen.metadata.lock().unwrap() = MetadataMap::from_headers(headers);
    let path = request.uri().path().to_owned();
    let mut grpc = Grpc::new(Text);
    Ok(match path.rsplit('/').next().unwrap() {
        "Unary" => grpc.unary(service_fn(unary), request).await,
        "Fail" => {
            grpc.unary(service_fn(|_| async { Err::<Response<String>, _>(failed()) }), request)
                .await
        }
        "Hang" => {
            let hang = move |_| {
                let waits = Waits(seen.clone());
                async move {
                    waits.0.began.notify_one();
                    std::future::pending::<Result<Response<String>, Status>>().await
                }
            };
            grpc.unary(service_fn(hang), request).await
        }
        "Sum" => grpc.client_streaming(service_fn(sum), request).await,
        "List" => grpc.server_streaming(service_fn(list), request).await,
        "Break" => grpc.server_streaming(service_fn(breaks), request).await,
        "Watch" => {
            let watch = move |_| {
                let waits = Waits(seen.clone());
                waits.0.began.notify_one();
                let first = stream::iter([Ok("first".to_owned())]);
                let rest = stream::poll_fn(move |_| {
                    let _ = &waits;
                    std::task::Poll::Pending
                });
                async { Ok::<_, Status>(Response::new(Box::pin(first.chain(rest)) as Messages)) }
            };
            grpc.server_streaming(service_fn(watch), request).await
        }
        "Chat" => grpc.streaming(service_fn(chat), request).await,
        _ => Status::unimplemented("no such method").into_http(),
    })
}

/// The message, and the metadata that begins with `x-`.
async fn unary(request: Request<String>) -> Result<Response<String>, Status> {
    let metadata = request.metadata().clone();
    let mut response = Response::new(request.into_inner());
    for name in ["x-text", "x-bytes-bin"] {
        let headers = metadata.as_ref();
        if let Some(value) = headers.get(name) {
            response.metadata_mut().as_mut().insert(name, value.clone());
        }
    }
    Ok(response)
}

/// A status with all that there is to it.
pub(crate) fn failed() -> Status {
    let mut metadata = MetadataMap::new();
    metadata.insert("x-why", "tests".parse().unwrap());
    let details = bytes::Bytes::from_static(&[0, 255, 7]);
    Status::with_details_and_metadata(Code::FailedPrecondition, "not now, Zoë", details, metadata)
}

async fn sum(request: Request<Streaming<String>>) -> Result<Response<String>, Status> {
    let mut messages = request.into_inner();
    let mut sum = 0;
    while let Some(message) = messages.message().await? {
        sum += message.len();
    }
    Ok(Response::new(sum.to_string()))
}

/// As many messages as the one says.
async fn list(request: Request<String>) -> Result<Response<Messages>, Status> {
    let count: usize = request.into_inner().parse().unwrap();
    let messages = stream::iter((0..count).map(|n| Ok(format!("{n} {}", "x".repeat(20_000)))));
    Ok(Response::new(Box::pin(messages)))
}

/// Two messages, and a failure.
async fn breaks(_: Request<String>) -> Result<Response<Messages>, Status> {
    let messages = ["one", "two"].map(|message| Ok(message.to_owned()));
    Ok(Response::new(Box::pin(stream::iter(messages).chain(stream::iter([Err(failed())])))))
}

/// Each message in return for each.
async fn chat(request: Request<Streaming<String>>) -> Result<Response<Messages>, Status> {
    let answers = request.into_inner().map(|message| Ok(format!("re: {}", message?)));
    Ok(Response::new(Box::pin(answers)))
}

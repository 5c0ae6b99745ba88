//! A backend for Pods: says which Pod it is and what it was asked. Speaks HTTP/1.1, HTTP/2 with prior
//! knowledge, gRPC and WebSocket on port 8080, and the same over TLS on port 8443 if there is a
//! certificate in `/tls`. SIGTERM ends it once what it was asked is answered.
//!
//! `?delay=MS` in a request's query delays the answer; `/fault?mode=…` makes the Pod a bad one, see
//! [`fault`].

mod answer;
mod fault;

use anyhow::{Context, Result};
use fault::Fault;
use http::Request;
use hyper::{
    body::Incoming,
    rt::{Read, Write},
    server::conn::{http1, http2},
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use std::{cell::Cell, convert::Infallible, path::Path, pin::pin, rc::Rc, sync::Arc};
use tokio::{
    net::{TcpListener, TcpStream},
    runtime::LocalRuntime,
    signal::unix::{SignalKind, signal},
    sync::watch,
    task::JoinSet,
};
use tokio_rustls::TlsAcceptor;

const ADDRESS: &str = "0.0.0.0:8080";
const TLS_ADDRESS: &str = "0.0.0.0:8443";
const TLS_FILES: &str = "/tls";

/// How a client that knows that this is HTTP/2 begins (RFC 9113 section 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// What all connections share.
struct Backend {
    fault: Cell<Fault>,
    ending: watch::Receiver<bool>,
}

fn main() -> Result<()> {
    LocalRuntime::new()?.block_on(run())
}

async fn run() -> Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let (end, ending) = watch::channel(false);
    let backend = Rc::new(Backend { fault: Cell::default(), ending });
    let plain = TcpListener::bind(ADDRESS).await?;
    let tls = match acceptor(Path::new(TLS_FILES))? {
        Some(acceptor) => Some((TcpListener::bind(TLS_ADDRESS).await?, acceptor)),
        None => None,
    };
    let accept_tls = async || match &tls {
        Some((listener, acceptor)) => Ok((listener.accept().await?.0, acceptor.clone())),
        None => std::future::pending::<std::io::Result<_>>().await,
    };
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = plain.accept() => {
                connections.spawn_local(backend.clone().serve(accepted?.0));
            }
            accepted = accept_tls() => {
                let (stream, acceptor) = accepted?;
                connections.spawn_local(backend.clone().serve_tls(stream, acceptor));
            }
            Some(_) = connections.join_next() => {}
            _ = terminate.recv() => break,
        }
    }
    drop((plain, tls));
    end.send_replace(true);
    connections.join_all().await;
    Ok(())
}

/// TLS with the certificate in a folder, if it has one.
fn acceptor(folder: &Path) -> Result<Option<TlsAcceptor>> {
    let (chain, key) = (folder.join("tls.crt"), folder.join("tls.key"));
    if !chain.exists() {
        return Ok(None);
    }
    let chain = CertificateDer::pem_file_iter(chain)?.collect::<Result<Vec<_>, _>>()?;
    let key = PrivateKeyDer::from_pem_file(key).context("tls.key")?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth();
    let mut config = config.with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Some(Arc::new(config).into()))
}

impl Backend {
    async fn serve(self: Rc<Self>, stream: TcpStream) {
        let is_http2 = begins_with_preface(&stream).await;
        self.serve_requests(TokioIo::new(stream), is_http2).await;
    }

    async fn serve_tls(self: Rc<Self>, stream: TcpStream, acceptor: TlsAcceptor) {
        let Ok(stream) = acceptor.accept(stream).await else { return };
        let is_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
        self.serve_requests(TokioIo::new(stream), is_http2).await;
    }

    /// Until the connection ends, which is its client's business.
    async fn serve_requests(
        self: Rc<Self>,
        io: impl Read + Write + Unpin + Send + 'static,
        is_http2: bool,
    ) {
        let mut ending = self.ending.clone();
        let answers = service_fn(move |request: Request<Incoming>| {
            let backend = self.clone();
            async move { Ok::<_, Infallible>(backend.answer(request).await) }
        });
        let ending = ending.wait_for(|ending| *ending);
        if is_http2 {
            let mut connection =
                pin!(http2::Builder::new(LocalExecutor).serve_connection(io, answers));
            tokio::select! {
                _ = connection.as_mut() => return,
                _ = ending => {}
            }
            connection.as_mut().graceful_shutdown();
            let _ = connection.await;
        } else {
            let connection = http1::Builder::new().serve_connection(io, answers);
            let mut connection = pin!(connection.with_upgrades());
            tokio::select! {
                _ = connection.as_mut() => return,
                _ = ending => {}
            }
            connection.as_mut().graceful_shutdown();
            let _ = connection.await;
        }
    }
}

/// Whether a client begins as one of HTTP/2 does.
async fn begins_with_preface(stream: &TcpStream) -> bool {
    let mut begun = [0; PREFACE.len()];
    loop {
        match stream.peek(&mut begun).await {
            Ok(read) if read > 0 && read < PREFACE.len() && PREFACE.starts_with(&begun[..read]) => {
                tokio::task::yield_now().await;
            }
            Ok(_) => return begun == *PREFACE,
            Err(_) => return false,
        }
    }
}

/// Runs HTTP/2's tasks on this thread.
#[derive(Clone)]
struct LocalExecutor;

impl<F: Future<Output: 'static> + 'static> hyper::rt::Executor<F> for LocalExecutor {
    fn execute(&self, task: F) {
        tokio::task::spawn_local(task);
    }
}

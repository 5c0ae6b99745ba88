//! Requests to a published port.

use super::k;
use crate::tls;
use anyhow::{Context, Error, Result, anyhow, ensure};
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use std::{env, net::SocketAddr, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::timeout,
};

/// An answer that takes longer counts as failed.
const PATIENCE: Duration = Duration::from_secs(10);

/// A port that a cluster publishes on its nodes, as clients of one host see it.
#[derive(Clone)]
pub struct Published {
    address: SocketAddr,
    host: String,
    /// For https.
    tls: Option<tls::Client>,
}

/// A connection that can be used again.
pub type Connection = SendRequest<Empty<Bytes>>;

impl Published {
    /// A NodePort.
    ///
    /// # Errors
    /// Where no node has an address.
    pub fn new(port: u16, host: impl Into<String>) -> Result<Self> {
        let address = match env::var("PORTICO_TEST_ADDRESS") {
            Ok(address) => address,
            Err(_) => k("get nodes -o jsonpath={.items[0].status.addresses[0].address}")?,
        };
        let ip = address.parse().with_context(|| format!("an address of a node: {address}"))?;
        Ok(Self { address: SocketAddr::new(ip, port), host: host.into(), tls: None })
    }

    /// The same over TLS, by a client that accepts every certificate.
    ///
    /// # Errors
    /// Where TLS can't be set up.
    pub fn over_tls(self) -> Result<Self> {
        Ok(Self { tls: Some(tls::Client::new()?.forgetful()), ..self })
    }

    /// The same port, for another host.
    pub fn host(&self, host: impl Into<String>) -> Self {
        Self { host: host.into(), ..self.clone() }
    }

    /// Where it is.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A new connection.
    ///
    /// # Errors
    /// Where there is none to be had.
    pub async fn connect(&self) -> Result<Connection> {
        timeout(PATIENCE, self.open()).await.context("no connection in time")?
    }

    async fn open(&self) -> Result<Connection> {
        match &self.tls {
            None => spawn(TcpStream::connect(self.address).await?).await,
            Some(client) => spawn(client.stream(self.address, &self.host).await?).await,
        }
    }

    /// A request without a body for this host.
    pub fn request(&self, method: &str, path: &str) -> http::request::Builder {
        Request::builder().method(method).uri(path).header("host", &self.host)
    }

    /// GET over a connection of its own.
    ///
    /// # Errors
    /// Where there is no whole answer.
    pub async fn get(&self, path: &str) -> Result<Response<Bytes>> {
        self.send(self.request("GET", path)).await
    }

    /// A request over a connection of its own.
    ///
    /// # Errors
    /// Where there is no whole answer.
    pub async fn send(&self, request: http::request::Builder) -> Result<Response<Bytes>> {
        exchange(&mut self.connect().await?, request.body(Empty::new())?).await
    }

    /// What a test's backend says of the request that it got.
    ///
    /// # Errors
    /// Where the answer is none of a backend's.
    pub async fn asked(&self, path: &str) -> Result<Value> {
        let answer = self.get(path).await?;
        let body = String::from_utf8_lossy(answer.body());
        ensure!(answer.status() == StatusCode::OK, "{path}: {} {body}", answer.status());
        serde_json::from_str(&body).with_context(|| format!("{path}: {body}"))
    }

    /// The status of the answer to GET.
    ///
    /// # Errors
    /// Where it is another one.
    pub async fn expect(&self, path: &str, status: u16) -> Result<()> {
        let answer = self.get(path).await?;
        ensure!(answer.status() == status, "{path}: {}, not {status}", answer.status());
        Ok(())
    }
}

async fn spawn(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> Result<Connection> {
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    Ok(sender)
}

/// A request and its whole answer.
///
/// # Errors
/// Where the connection breaks, or it takes too long.
pub async fn exchange(
    connection: &mut Connection,
    request: Request<Empty<Bytes>>,
) -> Result<Response<Bytes>> {
    let whole = async {
        connection.ready().await?;
        let (head, body) = connection.send_request(request).await?.into_parts();
        let body = body.collect().await.map_err(|error| anyhow!("in an answer's body: {error}"))?;
        Ok(Response::from_parts(head, body.to_bytes()))
    };
    timeout(PATIENCE, whole).await.context("no answer in time")?
}

/// Whether a connection had ended before anything of an answer came over it.
pub fn met_the_end(error: &Error) -> bool {
    error.downcast_ref::<hyper::Error>().is_some_and(|error| {
        error.is_canceled() || error.is_closed() || error.is_incomplete_message()
    })
}

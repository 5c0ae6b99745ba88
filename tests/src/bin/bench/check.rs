//! Looks at what a proxy does before it is timed: that it answers as it should, in the protocol of
//! the scenario, and that it adds to a request what the others do.

use crate::{
    identity::{self, HOST},
    peer::Proxy,
    scenario::{Load, ORIGIN, Sample, Scenario},
};
use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::client::conn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::net::SocketAddr;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    runtime::Builder,
};

/// What the backend answers.
pub(crate) const SMALL: &str = "a small answer";

/// What every proxy adds to a request. The backend says so where it is asked for `/…/echo`.
pub(crate) const ADDED: [&str; 8] = [
    "X-Forwarded-For",
    "X-Forwarded-Proto",
    "X-Forwarded-Host",
    "X-Forwarded-Port",
    "Forwarded",
    "X-Real-IP",
    "X-Request-Id",
    "Via",
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Protocol {
    Http1,
    Https1,
    Http2,
}

/// Sends a request of the scenario, and one that shows what the backend gets.
pub(crate) fn check(proxy: &Proxy, scenario: Scenario) -> Result<()> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let name = proxy.server.name();
    let checked = runtime.block_on(async {
        answer(proxy, scenario).await?;
        additions(proxy, scenario).await
    });
    checked.with_context(|| format!("{} in {}", name, scenario.title()))
}

async fn answer(proxy: &Proxy, scenario: Scenario) -> Result<()> {
    let response = ask(proxy, scenario, scenario.sample()).await?;
    ensure!(response.status().is_success(), "answers {}", response.status());
    let field = |name: &str| response.headers().get(name).and_then(|it| it.to_str().ok());
    ensure!(field("x-request-id").is_some(), "the answer has no request id");
    if scenario.cors() {
        let origin = field("access-control-allow-origin");
        ensure!(origin == Some(ORIGIN), "allows the origin {origin:?}");
    }
    let body = response.body();
    match scenario {
        Scenario::S3 => {
            let methods = field("access-control-allow-methods");
            ensure!(methods.is_some_and(|it| it.contains("PUT")), "allows {methods:?}");
        }
        Scenario::S5 => ensure!(body.len() == 1 << 20, "a body of {}", body.len()),
        Scenario::S1
        | Scenario::S2
        | Scenario::S4
        | Scenario::S6
        | Scenario::S7
        | Scenario::S7Resumed
        | Scenario::S8
        | Scenario::S9 => ensure!(body == SMALL, "answers {body:?}"),
    }
    Ok(())
}

async fn additions(proxy: &Proxy, scenario: Scenario) -> Result<()> {
    let sample = Sample { method: Method::GET, path: "/route-0/echo", headers: &[], body: 0 };
    let response = ask(proxy, scenario, sample).await?;
    let echo = String::from_utf8_lossy(response.body()).into_owned();
    for name in ADDED {
        let value = echo.split(';').find_map(|part| part.strip_prefix(name)?.strip_prefix('='));
        ensure!(value.is_some_and(|value| !value.is_empty()), "adds no {name}: {echo}");
    }
    let scheme = if scenario.is_tls() { "https" } else { "http" };
    ensure!(echo.contains(&format!("X-Forwarded-Proto={scheme};")), "adds another scheme: {echo}");
    Ok(())
}

async fn ask(proxy: &Proxy, scenario: Scenario, sample: Sample) -> Result<Response<Bytes>> {
    let protocol = match scenario.load() {
        Load::Wrk { is_tls: false } => Protocol::Http1,
        Load::Wrk { is_tls: true } | Load::Handshakes { .. } => Protocol::Https1,
        Load::H2load => Protocol::Http2,
    };
    let request = Request::builder().method(sample.method);
    let mut request = match protocol {
        Protocol::Http1 | Protocol::Https1 => request.uri(sample.path).header("host", HOST),
        Protocol::Http2 => request.uri(format!("https://{HOST}{}", sample.path)),
    };
    for (name, value) in sample.headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Full::new(Bytes::from(vec![b'x'; sample.body])))?;
    let loopback = |port| SocketAddr::from(([127, 0, 0, 1], port));
    match protocol {
        Protocol::Http1 => {
            http1(TcpStream::connect(loopback(proxy.server.port())).await?, request).await
        }
        Protocol::Https1 => {
            let client = identity::client("http/1.1")?;
            http1(client.stream(loopback(proxy.https), HOST).await?, request).await
        }
        Protocol::Http2 => {
            let stream = identity::client("h2")?.stream(loopback(proxy.https), HOST).await?;
            ensure!(stream.get_ref().1.alpn_protocol() == Some(b"h2"), "offers no HTTP/2");
            let io = TokioIo::new(stream);
            let (mut sender, connection) = conn::http2::handshake(TokioExecutor::new(), io).await?;
            tokio::spawn(connection);
            whole(sender.send_request(request).await?).await
        }
    }
}

async fn http1<I>(io: I, request: Request<Full<Bytes>>) -> Result<Response<Bytes>>
where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) = conn::http1::handshake(TokioIo::new(io)).await?;
    tokio::spawn(connection);
    whole(sender.send_request(request).await?).await
}

async fn whole(response: Response<hyper::body::Incoming>) -> Result<Response<Bytes>> {
    let (parts, body) = response.into_parts();
    Ok(Response::from_parts(parts, body.collect().await?.to_bytes()))
}

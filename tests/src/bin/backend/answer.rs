//! What a request is answered with.

use crate::Backend;
use anyhow::Result;
use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full, combinators::UnsyncBoxBody};
use hyper::{body::Incoming, upgrade::Upgraded};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use std::{env, time::Duration};
use tokio::time::sleep;
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{handshake::derive_accept_key, protocol::Role},
};

type Answer = Response<UnsyncBoxBody<Bytes, hyper::Error>>;

const GRPC: HeaderValue = HeaderValue::from_static("application/grpc");
const JSON: HeaderValue = HeaderValue::from_static("application/json");

impl Backend {
    pub(crate) async fn answer(&self, request: Request<Incoming>) -> Answer {
        let query = request.uri().query().unwrap_or_default();
        let status = match request.uri().path() {
            "/fault" => self.set_fault(query),
            // The kubelet's, which sees no fault: only Portico can.
            "/ready" => StatusCode::OK,
            _ => self.suffer().await,
        };
        let delay = query.split('&').find_map(|pair| pair.strip_prefix("delay=")?.parse().ok());
        sleep(Duration::from_millis(delay.unwrap_or(0))).await;
        let headers = request.headers();
        if headers.get(header::CONTENT_TYPE) == Some(&GRPC) && status == StatusCode::OK {
            return echo_messages(request);
        }
        if let Some(key) = headers.get(header::SEC_WEBSOCKET_KEY) {
            let accept = derive_accept_key(key.as_bytes());
            return echo_websocket(request, &accept);
        }
        describe(&request, status)
    }
}

/// The Pod, and the request as it came.
fn describe(request: &Request<Incoming>, status: StatusCode) -> Answer {
    let headers = request.headers().iter().map(|(name, value)| {
        (name.to_string(), Value::from(String::from_utf8_lossy(value.as_bytes())))
    });
    let body = json!({
        "pod": env::var("HOSTNAME").unwrap_or_default(),
        "method": request.method().as_str(),
        "version": format!("{:?}", request.version()),
        "target": request.uri().to_string(),
        "headers": headers.collect::<serde_json::Map<_, _>>(),
    });
    let body = Full::new(Bytes::from(body.to_string())).map_err(|never| match never {});
    let mut response = Response::new(body.boxed_unsync());
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, JSON);
    response
}

/// A gRPC call of whatever kind: each message comes back, and then success.
fn echo_messages(request: Request<Incoming>) -> Answer {
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static("0"));
    let body = request.into_body().with_trailers(async { Some(Ok(trailers)) });
    let mut response = Response::new(body.boxed_unsync());
    response.headers_mut().insert(header::CONTENT_TYPE, GRPC);
    response
}

/// A WebSocket that sends back what it gets.
fn echo_websocket(mut request: Request<Incoming>, accept: &str) -> Answer {
    let upgrade = hyper::upgrade::on(&mut request);
    tokio::task::spawn_local(async move {
        // Its end is its client's business.
        let _ = echo(upgrade.await?).await;
        anyhow::Ok(())
    });
    let body = Full::default().map_err(|never| match never {});
    let mut response = Response::new(body.boxed_unsync());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    if let Ok(accept) = HeaderValue::from_str(accept) {
        headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    }
    response
}

async fn echo(io: Upgraded) -> Result<()> {
    let mut socket = WebSocketStream::from_raw_socket(TokioIo::new(io), Role::Server, None).await;
    while let Some(message) = socket.next().await {
        let message = message?;
        if message.is_text() || message.is_binary() {
            socket.send(message).await?;
        }
    }
    Ok(())
}

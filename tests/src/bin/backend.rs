//! A backend for Pods: says which Pod it is and what it was asked. SIGTERM ends it once what it was
//! asked is answered.
//!
//! `?delay=MS` in a request's query delays the answer.

use anyhow::Result;
use bytes::Bytes;
use http::{Request, Response, header};
use http_body_util::Full;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use std::{convert::Infallible, env, pin::pin, time::Duration};
use tokio::{
    net::{TcpListener, TcpStream},
    signal::unix::{SignalKind, signal},
    sync::watch,
    task::JoinSet,
    time::sleep,
};

const ADDRESS: &str = "0.0.0.0:8080";

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let listener = TcpListener::bind(ADDRESS).await?;
    let (end, ending) = watch::channel(false);
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => drop(connections.spawn(serve(accepted?.0, ending.clone()))),
            Some(_) = connections.join_next() => {}
            _ = terminate.recv() => break,
        }
    }
    drop(listener);
    end.send_replace(true);
    connections.join_all().await;
    Ok(())
}

async fn serve(stream: TcpStream, mut ending: watch::Receiver<bool>) {
    let answers = service_fn(|request| async move { Ok::<_, Infallible>(answer(request).await) });
    let mut connection =
        pin!(http1::Builder::new().serve_connection(TokioIo::new(stream), answers));
    tokio::select! {
        // A connection's end is its client's business.
        _ = connection.as_mut() => return,
        _ = ending.wait_for(|ending| *ending) => {}
    }
    connection.as_mut().graceful_shutdown();
    let _ = connection.await;
}

async fn answer(request: Request<Incoming>) -> Response<Full<Bytes>> {
    let query = request.uri().query().unwrap_or_default();
    let delay = query.split('&').find_map(|pair| pair.strip_prefix("delay=")?.parse().ok());
    sleep(Duration::from_millis(delay.unwrap_or(0))).await;
    let headers = request.headers().iter().map(|(name, value)| {
        (name.to_string(), Value::from(String::from_utf8_lossy(value.as_bytes())))
    });
    let body = json!({
        "pod": env::var("HOSTNAME").unwrap_or_default(),
        "method": request.method().as_str(),
        "target": request.uri().to_string(),
        "headers": headers.collect::<serde_json::Map<_, _>>(),
    });
    let mut response = Response::new(Full::new(Bytes::from(body.to_string())));
    let json = header::HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}

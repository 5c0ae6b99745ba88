//! A service of the demo: a small HTTP server on its own port, and therefore its own origin.

use super::{
    counts::{Counts, FRONT_DOOR_HEADER, is_preflight},
    front_door::Metrics,
    kind::Kind,
    responses::{self, API_KEY},
};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::{Value, json};
use std::{convert::Infallible, io, net::SocketAddr, sync::Arc, time::Duration};
use tokio::{net::TcpListener, task::JoinSet};

/// Far more than the page sends.
const MAX_BODY_BYTES: usize = 64 * 1024;

/// Settings that all services of a run share.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// The delay of every response, as if the service were that far away.
    pub latency: Duration,
    /// The services' ports, so that the page can call them directly.
    pub ports: Vec<(Kind, u16)>,
    /// What the front door has counted, for the web app to report.
    pub metrics: Metrics,
}

impl Settings {
    /// What the page needs to know about this run.
    fn for_page(&self, headers: &HeaderMap) -> Value {
        let ports = self.ports.iter().map(|(kind, port)| (kind.name().to_owned(), json!(port)));
        json!({
            "latencyMs": self.latency.as_secs_f64() * 1e3,
            "ports": Value::Object(ports.collect()),
            "apiKey": API_KEY,
            "throughFrontDoor": headers.contains_key(FRONT_DOOR_HEADER),
        })
    }
}

/// A service that has bound its port. It serves while [`Service::run`] is polled.
#[derive(Debug)]
pub struct Service {
    kind: Kind,
    listener: TcpListener,
}

impl Service {
    /// Binds a service to an address.
    pub async fn bind(kind: Kind, address: SocketAddr) -> io::Result<Self> {
        Ok(Self { kind, listener: TcpListener::bind(address).await? })
    }

    /// The address it listens on.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until dropped.
    pub async fn run(self, settings: Settings) -> Infallible {
        let state = Arc::new(State { kind: self.kind, settings, counts: Counts::default() });
        let mut connections = JoinSet::new();
        loop {
            while connections.try_join_next().is_some() {}
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    // Responses are small, and must not be delayed.
                    let _ = stream.set_nodelay(true);
                    connections.spawn(serve(stream, state.clone()));
                }
                // Out of file descriptors, or a client that went away: neither lasts.
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    }
}

async fn serve(stream: tokio::net::TcpStream, state: Arc<State>) {
    let service = service_fn(move |request| {
        let state = state.clone();
        async move { Ok::<_, Infallible>(state.respond(request).await.map(Full::new)) }
    });
    // How a connection ends is the client's business.
    let _ = http1::Builder::new()
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

struct State {
    kind: Kind,
    settings: Settings,
    counts: Counts,
}

impl State {
    /// The response to a page that asks for counts.
    async fn counts(&self, method: &Method, path: &str) -> Option<Response<Bytes>> {
        match (self.kind, path) {
            // Under its own path it is reached through the front door, too.
            (Kind::App | Kind::Sales | Kind::Profiles, "/demo/counts")
            | (Kind::Sales, "/sales/demo/counts")
            | (Kind::Profiles, "/users/demo/counts")
                if method == Method::GET =>
            {
                Some(responses::json(StatusCode::OK, &json!(self.counts.tally())))
            }
            (Kind::App, "/demo/front-door") if method == Method::GET => {
                Some(match self.settings.metrics.read().await {
                    Some(Ok(counted)) => responses::json(StatusCode::OK, &json!(counted)),
                    Some(Err(error)) => {
                        responses::error(StatusCode::BAD_GATEWAY, &format!("/metrics: {error}"))
                    }
                    None => responses::error(StatusCode::NOT_FOUND, "there is no front door here"),
                })
            }
            (Kind::App | Kind::Sales | Kind::Profiles, _) => None,
        }
    }

    async fn respond(&self, request: Request<Incoming>) -> Response<Bytes> {
        let (head, body) = request.into_parts();
        let counts = self.counts(&head.method, head.uri.path()).await;
        if counts.is_none() {
            self.counts.add(&head.method, &head.headers);
        }
        let mut response = if let Some(counts) = counts {
            counts
        } else if is_preflight(&head.method, &head.headers) {
            permission()
        } else {
            match Limited::new(body, MAX_BODY_BYTES).collect().await {
                Ok(body) => {
                    let page_config = self.settings.for_page(&head.headers);
                    let request = Request::from_parts(head, body.to_bytes());
                    responses::response(self.kind, &request, &page_config)
                }
                Err(_) => responses::error(
                    StatusCode::BAD_REQUEST,
                    "the body is incomplete or longer than 64 KiB",
                ),
            }
        };
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        tokio::time::sleep(self.settings.latency).await;
        response
    }
}

/// The response to a preflight. `Access-Control-Max-Age: 0`, because the demo shows what a call
/// costs without a cached preflight.
fn permission() -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    for (name, value) in [
        (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST, PUT, DELETE"),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, "content-type, x-api-key, x-client"),
        (header::ACCESS_CONTROL_MAX_AGE, "0"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    async fn ask(address: SocketAddr, head: &str) -> String {
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let request = format!("{head}host: x\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut response = String::new();
        stream.read_to_string(&mut response).await.unwrap();
        response
    }

    #[tokio::test]
    async fn permits_what_the_page_sends_and_counts_all_but_questions_for_counts() {
        let service = Service::bind(Kind::Profiles, ([127, 0, 0, 1], 0).into()).await.unwrap();
        let address = service.address().unwrap();
        let running = tokio::spawn(service.run(Settings::default()));

        let preflight = "OPTIONS /users/ada HTTP/1.1\r\norigin: http://a\r\n\
            access-control-request-method: PUT\r\n";
        let permission = ask(address, preflight).await;
        assert!(permission.starts_with("HTTP/1.1 204 "), "{permission}");
        for line in [
            "access-control-allow-origin: *",
            "access-control-allow-methods: GET, POST, PUT, DELETE",
            "access-control-allow-headers: content-type, x-api-key, x-client",
            "access-control-max-age: 0",
        ] {
            assert!(permission.contains(&format!("\r\n{line}\r\n")), "{permission}");
        }
        let refused = ask(address, "GET /users/ada HTTP/1.1\r\nx-front-door: ep\r\n").await;
        assert!(refused.starts_with("HTTP/1.1 401 "), "{refused}");
        for path in ["/demo/counts", "/users/demo/counts"] {
            let counts = ask(address, &format!("GET {path} HTTP/1.1\r\n")).await;
            assert!(
                counts.ends_with(r#"{"direct":{"preflight":1},"frontDoor":{"GET":1}}"#),
                "{counts}"
            );
        }
        running.abort();
    }
}

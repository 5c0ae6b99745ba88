//! The admin port: five pages for probes, scrapers and people. Not to be exposed to the internet.

use super::metrics;
use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use portico_dataplane::{
    serve::{Dataplane, ShownBackend},
    table::Table,
};
use prometheus_client::{encoding::text, registry::Registry};
use serde::Serialize;
use std::{convert::Infallible, future::pending, io, mem, sync::Arc, time::Duration};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, RwLock, Semaphore, watch},
    time::{sleep, timeout},
};

/// Concurrent connections, with one request each. Further ones wait.
const MAX_CONNECTIONS: usize = 256;
/// How long a request's head may take, and how long a connection may take altogether.
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(30);
/// Concurrent requests for pages that take more than a few microseconds.
const MAX_COSTLY_REQUESTS: usize = 4;
/// The Prometheus text format, which every scraper supports.
const METRICS: HeaderValue = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
const PLAIN: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
const JSON: HeaderValue = HeaderValue::from_static("application/json");
const PAGES: &str = "/livez  the process is running\n\
    /readyz  the first full table is being served, and the process is not shutting down\n\
    /metrics  Prometheus metrics\n\
    /debug/table  the table as JSON, secrets as fingerprints\n\
    /debug/backends  the endpoints of all backends as JSON: state, latency, requests in flight\n";

/// The admin pages.
#[derive(Debug)]
pub(super) struct Admin {
    stage: RwLock<Stage>,
    tables: watch::Receiver<Arc<Table>>,
    registry: Registry,
    costly: Semaphore,
}

/// The process's lifecycle.
#[derive(Debug)]
enum Stage {
    /// There is no table yet.
    Starting,
    Serving(Dataplane),
    Draining,
}

impl Admin {
    /// The pages of a process that does not serve yet: the latest of `tables`, and the metrics in
    /// `registry`.
    pub(super) fn new(tables: watch::Receiver<Arc<Table>>, registry: Registry) -> Arc<Self> {
        let stage = RwLock::new(Stage::Starting);
        Arc::new(Self { stage, tables, registry, costly: Semaphore::new(MAX_COSTLY_REQUESTS) })
    }

    /// From now on, `dataplane` serves.
    pub(super) async fn start(&self, dataplane: Dataplane) {
        *self.stage.write().await = Stage::Serving(dataplane);
    }

    /// Takes the dataplane, if there is one, in order to drain it. From now on the process is not
    /// ready.
    pub(super) async fn take(&self) -> Option<Dataplane> {
        match mem::replace(&mut *self.stage.write().await, Stage::Draining) {
            Stage::Serving(dataplane) => Some(dataplane),
            Stage::Starting | Stage::Draining => None,
        }
    }

    /// The oldest table generation that is being served; 0 before the first and while draining.
    pub(super) async fn generation(&self) -> u64 {
        match &*self.stage.read().await {
            Stage::Serving(dataplane) => dataplane.generation(),
            Stage::Starting | Stage::Draining => 0,
        }
    }

    /// What is known of backends; nothing before the dataplane serves, and while it drains.
    pub(super) async fn known_backends(&self) -> Vec<ShownBackend> {
        match &*self.stage.read().await {
            Stage::Serving(dataplane) => dataplane.backends(),
            Stage::Starting | Stage::Draining => Vec::new(),
        }
    }

    /// Waits until the dataplane serves this table generation or a later one. Never ends while
    /// there is no dataplane.
    pub(super) async fn serving(&self, generation: u64) {
        let serving = match &*self.stage.read().await {
            Stage::Serving(dataplane) => dataplane.serving(generation),
            Stage::Starting | Stage::Draining => return pending().await,
        };
        serving.await;
    }

    /// Serves the pages while it is polled.
    pub(super) async fn serve(self: Arc<Self>, listener: TcpListener) -> Infallible {
        let connections = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        loop {
            let permit = connections.clone().acquire_owned().await.ok();
            match listener.accept().await {
                Ok((stream, _)) => drop(tokio::spawn(self.clone().connection(stream, permit))),
                Err(error) => {
                    tracing::warn!("admin: cannot accept a connection: {error}");
                    sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }

    async fn connection(self: Arc<Self>, stream: TcpStream, _permit: Option<OwnedSemaphorePermit>) {
        let admin = &self;
        let pages = service_fn(|request: Request<Incoming>| async move {
            Ok::<_, Infallible>(admin.page(request.method(), request.uri().path()).await)
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIMEOUT)
            .keep_alive(false)
            .serve_connection(TokioIo::new(stream), pages);
        // A client that is slow or disconnects is on its own.
        let _ = timeout(CONNECTION_TIMEOUT, connection).await;
    }

    async fn page(&self, method: &Method, path: &str) -> Response<Full<Bytes>> {
        let is_page = ["/livez", "/readyz", "/metrics", "/debug/table", "/debug/backends"];
        let is_page = is_page.contains(&path);
        if is_page && method != Method::GET && method != Method::HEAD {
            let mut response =
                respond(StatusCode::METHOD_NOT_ALLOWED, PLAIN, "only GET and HEAD are allowed\n");
            response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
            return response;
        }
        match path {
            "/livez" => respond(StatusCode::OK, PLAIN, "ok\n"),
            "/readyz" => self.ready().await,
            "/metrics" => self.metrics().await,
            "/debug/table" => self.table().await,
            "/debug/backends" => self.backends().await,
            _ => respond(StatusCode::NOT_FOUND, PLAIN, PAGES),
        }
    }

    async fn ready(&self) -> Response<Full<Bytes>> {
        let unavailable = |why| respond(StatusCode::SERVICE_UNAVAILABLE, PLAIN, why);
        let first = "the first table is not served yet\n";
        match &*self.stage.read().await {
            Stage::Draining => unavailable("draining\n"),
            Stage::Starting => unavailable(first),
            Stage::Serving(dataplane) if dataplane.generation() == 0 => unavailable(first),
            Stage::Serving(_) => respond(StatusCode::OK, PLAIN, "ok\n"),
        }
    }

    async fn metrics(&self) -> Response<Full<Bytes>> {
        let _permit = self.costly.acquire().await;
        let mut out = String::new();
        if let Stage::Serving(dataplane) = &*self.stage.read().await {
            dataplane.encode_metrics(&mut out).await;
        }
        let own = metrics::encode(&mut out);
        match own.and_then(|()| text::encode_registry(&mut out, &self.registry)) {
            Ok(()) => respond(StatusCode::OK, METRICS, out),
            Err(error) => internal_error(&error),
        }
    }

    async fn table(&self) -> Response<Full<Bytes>> {
        let _permit = self.costly.acquire().await;
        let table = self.tables.borrow().clone();
        json(table).await
    }

    async fn backends(&self) -> Response<Full<Bytes>> {
        let _permit = self.costly.acquire().await;
        let backends = match &*self.stage.read().await {
            Stage::Serving(dataplane) => dataplane.backends(),
            Stage::Starting | Stage::Draining => Vec::new(),
        };
        json(Arc::new(backends)).await
    }
}

/// Large pages take a while: that is kept off the thread that answers probes.
async fn json(page: Arc<impl Serialize + Send + Sync + 'static>) -> Response<Full<Bytes>> {
    let json = tokio::task::spawn_blocking(move || {
        serde_json::to_vec_pretty(&*page).map_err(io::Error::from)
    });
    match json.await.unwrap_or_else(|error| Err(error.into())) {
        Ok(json) => respond(StatusCode::OK, JSON, json),
        Err(error) => internal_error(&error),
    }
}

fn respond(
    status: StatusCode,
    content_type: HeaderValue,
    body: impl Into<Bytes>,
) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, content_type);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

fn internal_error(error: &dyn std::error::Error) -> Response<Full<Bytes>> {
    respond(StatusCode::INTERNAL_SERVER_ERROR, PLAIN, format!("{error}\n"))
}

//! The admin port: pages for probes, scrapers and people. Not to be exposed to the internet.

mod assets;
mod deadline;
mod events;
mod explain;
mod guard;
mod live;
mod report;
mod respond;

use super::metrics;
use crate::publish::StatusUpdate;
use assets::Asset;
use bytes::Bytes;
use deadline::Deadline;
use http::{HeaderValue, Method, Request, StatusCode, header};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use live::Live;
use portico_dataplane::{
    serve::{Dataplane, Measurements, ShownBackend},
    table::{ObjectName, Table},
};
use prometheus_client::{encoding::text, registry::Registry};
use respond::{JSON, METRICS, PLAIN, Response, compact_json, internal_error, json, respond};
use std::{convert::Infallible, future::pending, mem, sync::Arc, time::Duration};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, RwLock, Semaphore, watch},
    time::sleep,
};
use url::form_urlencoded;

/// Concurrent connections, with one request each. Further ones wait.
const MAX_CONNECTIONS: usize = 256;
/// How long a request's head may take.
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);
/// Concurrent requests for pages that take more than a few microseconds.
const MAX_COSTLY_REQUESTS: usize = 4;
/// Of how many Routes one response has the history.
const MAX_HISTORIES: usize = 100;
const PAGES: &str = "/  the page for people: all of the following at a glance, live\n\
    /livez  the process is running\n\
    /readyz  the first full table is being served, and the process is not shutting down\n\
    /metrics  Prometheus metrics\n\
    /api/routes  FrontDoors and Routes as JSON: problems, requests, backends\n\
    /api/failures  the last requests that were refused or failed, as JSON\n\
    /api/history?route=NAMESPACE/NAME  requests and errors of the last day, as JSON; repeatable\n\
    /api/events  both, and what changes of them, as server-sent events\n\
    /api/explain  what happens to a request; POST {\"url\": …}\n\
    /report?since=24h  preflights avoided and time saved, by Route; &format=json, html or text\n\
    /debug/table  the table as JSON, secrets as fingerprints\n\
    /debug/backends  the endpoints of all backends as JSON: state, latency, requests in flight\n";

/// The admin pages.
#[derive(Debug)]
pub(super) struct Admin {
    stage: RwLock<Stage>,
    live: Live,
    registry: Registry,
    costly: Semaphore,
    streams: Arc<Semaphore>,
}

/// The process's lifecycle.
#[derive(Debug)]
enum Stage {
    /// There is no table yet.
    Starting,
    Serving(Dataplane),
    Draining,
}

/// A page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Page {
    Asset(Asset),
    Livez,
    Readyz,
    Metrics,
    Routes,
    Failures,
    History,
    Events,
    Explain,
    Report,
    Table,
    Backends,
}

impl Page {
    fn at(path: &str) -> Option<Self> {
        Some(match path {
            "/livez" => Self::Livez,
            "/readyz" => Self::Readyz,
            "/metrics" => Self::Metrics,
            "/api/routes" => Self::Routes,
            "/api/failures" => Self::Failures,
            "/api/history" => Self::History,
            "/api/events" => Self::Events,
            "/api/explain" => Self::Explain,
            "/report" => Self::Report,
            "/debug/table" => Self::Table,
            "/debug/backends" => Self::Backends,
            _ => Self::Asset(Asset::at(path)?),
        })
    }

    /// The methods that it allows.
    fn methods(self) -> &'static [Method] {
        match self {
            Self::Asset(_)
            | Self::Livez
            | Self::Readyz
            | Self::Metrics
            | Self::Routes
            | Self::Failures
            | Self::History
            | Self::Report
            | Self::Table
            | Self::Backends => &[Method::GET, Method::HEAD],
            Self::Events => &[Method::GET],
            Self::Explain => &[Method::POST],
        }
    }

    /// Whether a browser may be made to read it for another site, which tells that site how
    /// everything is routed.
    fn is_guarded(self) -> bool {
        match self {
            Self::Livez | Self::Readyz | Self::Metrics => false,
            Self::Asset(_)
            | Self::Routes
            | Self::Failures
            | Self::History
            | Self::Events
            | Self::Explain
            | Self::Report
            | Self::Table
            | Self::Backends => true,
        }
    }
}

impl Admin {
    /// The pages of a process that does not serve yet: the latest of `tables` and `statuses`, and
    /// the metrics in `registry`.
    pub(super) fn new(
        tables: watch::Receiver<Arc<Table>>,
        statuses: watch::Receiver<Arc<StatusUpdate>>,
        registry: Registry,
    ) -> Arc<Self> {
        let live = Live::new(tables, statuses);
        let (stage, costly) = (RwLock::new(Stage::Starting), Semaphore::new(MAX_COSTLY_REQUESTS));
        let streams = Arc::new(Semaphore::new(events::MAX_STREAMS));
        Arc::new(Self { stage, live, registry, costly, streams })
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

    /// The main series of `/metrics`; `None` before the dataplane serves, and while it drains.
    pub(super) async fn measurements(&self) -> Option<Measurements> {
        match &*self.stage.read().await {
            Stage::Serving(dataplane) => Some(dataplane.measurements().await),
            Stage::Starting | Stage::Draining => None,
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
        let admin = self.clone();
        tokio::spawn(async move {
            tokio::join!(admin.live.run(&admin.stage), admin.live.record(&admin.stage))
        });
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
        let (admin, deadline) = (&self, &Deadline::new());
        let pages = service_fn(|request: Request<Incoming>| async move {
            Ok::<_, Infallible>(admin.clone().respond(request, deadline).await)
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIMEOUT)
            .keep_alive(false)
            .serve_connection(TokioIo::new(stream), pages);
        // A client that is slow or disconnects is on its own.
        tokio::select! {
            _ = connection => {}
            () = deadline.passed() => {}
        }
    }

    async fn respond(self: Arc<Self>, request: Request<Incoming>, deadline: &Deadline) -> Response {
        let Some(page) = Page::at(request.uri().path()) else {
            return respond(StatusCode::NOT_FOUND, PLAIN, PAGES);
        };
        if !page.methods().contains(request.method()) {
            return not_allowed(page.methods());
        }
        if page.is_guarded()
            && let Some(why) = guard::refusal(&request)
        {
            return respond(StatusCode::FORBIDDEN, PLAIN, why);
        }
        match page {
            Page::Asset(asset) => asset.response(),
            Page::Livez => respond(StatusCode::OK, PLAIN, "ok\n"),
            Page::Readyz => self.ready().await,
            Page::Metrics => self.metrics().await,
            Page::Routes => self.routes().await,
            Page::Failures => self.failures().await,
            Page::History => self.history(request.uri().query().unwrap_or_default()).await,
            Page::Events => self.events(deadline),
            Page::Explain => self.explain(request).await,
            Page::Report => self.report(&request).await,
            Page::Table => self.table().await,
            Page::Backends => self.backends().await,
        }
    }

    async fn ready(&self) -> Response {
        let unavailable = |why| respond(StatusCode::SERVICE_UNAVAILABLE, PLAIN, why);
        let first = "the first table is not served yet\n";
        match &*self.stage.read().await {
            Stage::Draining => unavailable("draining\n"),
            Stage::Starting => unavailable(first),
            Stage::Serving(dataplane) if dataplane.generation() == 0 => unavailable(first),
            Stage::Serving(_) => respond(StatusCode::OK, PLAIN, "ok\n"),
        }
    }

    async fn metrics(&self) -> Response {
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

    async fn routes(&self) -> Response {
        let _permit = self.costly.acquire().await;
        let all: Result<Bytes, _> = match self.live.tick(&self.stage).await {
            Ok(tick) => live::all(tick).await,
            Err(error) => Err(error),
        };
        match all {
            Ok(all) => respond(StatusCode::OK, JSON, all),
            Err(error) => internal_error(&error),
        }
    }

    async fn failures(&self) -> Response {
        let _permit = self.costly.acquire().await;
        match self.live.tick(&self.stage).await {
            Ok(tick) => respond(StatusCode::OK, JSON, tick.failures().json()),
            Err(error) => internal_error(&error),
        }
    }

    async fn history(&self, query: &str) -> Response {
        let routes = form_urlencoded::parse(query.as_bytes()).filter(|(key, _)| key == "route");
        let names = routes.take(MAX_HISTORIES).filter_map(|(_, name)| {
            let (namespace, name) = name.split_once('/')?;
            Some(ObjectName::new(namespace, name))
        });
        compact_json(StatusCode::OK, &self.live.history(names.collect()).await)
    }

    fn events(self: Arc<Self>, deadline: &Deadline) -> Response {
        match self.streams.clone().try_acquire_owned() {
            Ok(permit) => events::response(self, deadline.clone(), permit),
            Err(_) => respond(StatusCode::SERVICE_UNAVAILABLE, PLAIN, "too many pages are open\n"),
        }
    }

    async fn table(&self) -> Response {
        let _permit = self.costly.acquire().await;
        let (table, _) = self.live.served();
        json(table).await
    }

    async fn backends(&self) -> Response {
        let _permit = self.costly.acquire().await;
        json(Arc::new(self.known_backends().await)).await
    }
}

fn not_allowed(methods: &[Method]) -> Response {
    let names: Vec<_> = methods.iter().map(Method::as_str).collect();
    let why = format!(
        "only {} allowed\n",
        match names.as_slice() {
            [only] => format!("{only} is"),
            several => format!("{} are", several.join(" and ")),
        }
    );
    let mut response = respond(StatusCode::METHOD_NOT_ALLOWED, PLAIN, why);
    if let Ok(allow) = HeaderValue::from_str(&names.join(", ")) {
        response.headers_mut().insert(header::ALLOW, allow);
    }
    response
}

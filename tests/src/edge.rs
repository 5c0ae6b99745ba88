//! A running dataplane over manifests, and raw sockets to talk to it: what the socket tier shares.

use anyhow::{Context, Result, bail};
use portico::compile::{Compiled, Options, compile};
use portico_dataplane::{
    access_log::{AccessLog, Buffers, Format},
    address_guard::AddressGuard,
    config::{Config, Limits},
    router::RouteTree,
    serve::Dataplane,
    table::{HostTls, Route, RouteMatch, Selection, Table, VirtualHost},
    trace::Tracing,
};
use std::{
    net::SocketAddr,
    str::FromStr,
    sync::{Arc, OnceLock},
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::watch,
};

/// The lines of requests of all dataplanes that start after [`log_requests`].
static REQUESTS: OnceLock<Arc<Buffers>> = OnceLock::new();

/// Turns the access log on, as JSON, for every dataplane of this process that is started from now
/// on.
pub fn log_requests() {
    REQUESTS.get_or_init(|| Arc::new(Buffers::new(|_| {})));
}

/// The lines of the access log since the last call.
pub fn logged_requests() -> Vec<u8> {
    let mut lines = Vec::new();
    if let Some(requests) = REQUESTS.get() {
        requests.take(&mut lines, &mut Vec::new());
    }
    lines
}

/// A dataplane that serves manifests.
pub struct Edge {
    /// The dataplane.
    pub dataplane: Dataplane,
    tables: watch::Sender<Arc<Table>>,
    options: Options,
}

/// How an [`Edge`] is started, where the defaults won't do.
pub struct Setup {
    /// Bounds on what clients may send.
    pub limits: Limits,
    /// Threads.
    pub workers: usize,
    /// `--allow-external` patterns.
    pub allow_external: Vec<&'static str>,
    /// `--public-https-port`.
    pub public_https_port: Option<u16>,
    /// The name servers, if not those of the system.
    pub name_servers: Vec<SocketAddr>,
    /// How requests are traced, if they are.
    pub tracing: Option<Tracing>,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            workers: 1,
            allow_external: Vec::new(),
            public_https_port: None,
            name_servers: Vec::new(),
            tracing: None,
        }
    }
}

impl Edge {
    /// Serves `manifests` with the defaults.
    pub async fn start(manifests: &str) -> Result<Self> {
        Self::start_with(Setup::default(), manifests).await
    }

    /// Serves `manifests`.
    pub async fn start_with(setup: Setup, manifests: &str) -> Result<Self> {
        let patterns: Result<Vec<_>, _> =
            setup.allow_external.iter().map(|pattern| pattern.parse()).collect();
        let guard = AddressGuard::new(patterns?);
        let options =
            Options { loopback_endpoints: true, guard: guard.clone(), ..Options::default() };
        let access_log = REQUESTS
            .get()
            .map(|requests| AccessLog { format: Format::Json, buffers: requests.clone() });
        let config = Config {
            http: "127.0.0.1:0".parse()?,
            https: "127.0.0.1:0".parse()?,
            public_https_port: setup.public_https_port,
            workers: setup.workers,
            via_name: "portico-test".into(),
            guard,
            name_servers: setup.name_servers.into(),
            access_log,
            tracing: setup.tracing,
            limits: setup.limits,
        };
        let (tables, receiver) = watch::channel(Arc::new(Table::default()));
        let dataplane = Dataplane::start(config, receiver)?;
        let edge = Self { dataplane, tables, options };
        edge.serve(manifests).await?;
        Ok(edge)
    }

    /// Replaces the manifests; returns when every worker serves them. Fails where an object is not
    /// accepted, which in this tier is mostly a mistake of the test.
    pub async fn serve(&self, manifests: &str) -> Result<Compiled> {
        let compiled = self.compile(manifests)?;
        if let Some((object, problems)) = refused(&compiled).next() {
            bail!("{object} is not accepted: {problems:?}");
        }
        self.publish(&compiled).await;
        Ok(compiled)
    }

    /// Replaces the manifests, and gives these hosts TLS.
    pub async fn serve_tls(&self, manifests: &str, tls: &[(&str, HostTls)]) -> Result<()> {
        let mut compiled = self.compile(manifests)?;
        let with_tls = |entry: &VirtualHost| {
            let name = entry.host.to_string();
            let own = tls.iter().find(|(host, _)| *host == name);
            VirtualHost { tls: own.map(|(_, tls)| Arc::new(tls.clone())), ..entry.clone() }
        };
        compiled.table.hosts = compiled.table.hosts.iter().map(with_tls).collect();
        self.publish(&compiled).await;
        Ok(())
    }

    /// Replaces the manifests; all Routes choose like this.
    pub async fn serve_selecting(&self, manifests: &str, selection: &Selection) -> Result<()> {
        let mut compiled = self.compile(manifests)?;
        let selection = Arc::new(selection.clone());
        let with_selection = |entry: &VirtualHost| {
            let matches = entry.routes.matches().iter().map(|matched| {
                let route = Route { selection: selection.clone(), ..(*matched.target).clone() };
                RouteMatch { target: Arc::new(route), ..matched.clone() }
            });
            VirtualHost { routes: Arc::new(RouteTree::new(matches.collect())), ..entry.clone() }
        };
        compiled.table.hosts = compiled.table.hosts.iter().map(with_selection).collect();
        self.publish(&compiled).await;
        Ok(())
    }

    /// The same for manifests of which some are refused: exactly these objects, printed
    /// `Kind namespace/name`.
    pub async fn serve_but_for(&self, refused_objects: &[&str], manifests: &str) -> Result<()> {
        let compiled = self.compile(manifests)?;
        let mut objects: Vec<_> = refused(&compiled).map(|(object, _)| object).collect();
        objects.sort_unstable();
        anyhow::ensure!(objects == refused_objects, "refused: {objects:?}");
        self.publish(&compiled).await;
        Ok(())
    }

    fn compile(&self, manifests: &str) -> Result<Compiled> {
        let folder = tempfile::tempdir()?;
        std::fs::write(folder.path().join("manifests.yaml"), manifests)?;
        let merged = portico::files::read(&[folder.path().to_owned()]);
        Ok(compile(&merged.snapshot, &self.options))
    }

    async fn publish(&self, compiled: &Compiled) {
        let generation = self.tables.borrow().generation + 1;
        let table = Table { generation, ..compiled.table.clone() };
        self.tables.send_replace(Arc::new(table));
        self.dataplane.serving(generation).await;
    }

    /// The value of a metric's sample, named with its labels.
    pub async fn metric<T: FromStr>(&self, sample: &str) -> Result<T> {
        let mut text = String::new();
        self.dataplane.encode_metrics(&mut text).await;
        let value = text.lines().find_map(|line| line.strip_prefix(sample)?.strip_prefix(' '));
        let value = value.with_context(|| format!("no {sample} in {text}"))?;
        value.parse().ok().with_context(|| format!("{sample} {value}"))
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.dataplane.http_addr()
    }

    /// Where it listens for TLS.
    pub fn https(&self) -> SocketAddr {
        self.dataplane.https_addr()
    }

    /// Sends raw bytes on a connection of their own, and reads what comes back until the edge
    /// closes it; a request that keeps the connection alive should say `Connection: close`.
    pub async fn raw(&self, request: impl AsRef<[u8]>) -> Result<String> {
        let mut socket = TcpStream::connect(self.address()).await?;
        socket.write_all(request.as_ref()).await?;
        let mut answer = Vec::new();
        let read = socket.read_to_end(&mut answer);
        // A reset after the answer counts as a close.
        let _ = tokio::time::timeout(Duration::from_secs(20), read)
            .await
            .context("the edge neither answered nor closed the connection")?;
        Ok(String::from_utf8_lossy(&answer).into_owned())
    }
}

/// The objects that are not accepted, and why.
fn refused(compiled: &Compiled) -> impl Iterator<Item = (String, String)> {
    let refused = compiled.statuses.iter().filter(|(_, status)| !status.is_accepted());
    refused.map(|(object, status)| (object.to_string(), format!("{:?}", status.problems)))
}

//! Runs a server, wherever its objects come from.

use super::{
    admin::Admin,
    allocator,
    logging::Logs,
    otlp::{self, Exporter},
    signals::Signals,
};
use crate::{
    cli::ServingArgs,
    publish::{Debouncer, Publisher, Source},
};
use anyhow::Context;
use portico_dataplane::{
    config::Config,
    serve::{Dataplane, ShownBackend, StartError},
    table::Table,
    trace::Tracing,
};
use prometheus_client::registry::Registry;
use std::{env, io, net::SocketAddr, process::ExitCode, sync::Arc, thread, time::Duration};
use tokio::{net::TcpListener, sync::watch, time::sleep};

/// How often it is reported what is known of backends.
const BACKENDS_INTERVAL: Duration = Duration::from_secs(5);

/// A server that has started to serve.
pub(crate) struct Started {
    /// The address at which it serves plain HTTP.
    pub(crate) http: SocketAddr,
    /// The address at which it serves HTTPS.
    pub(crate) https: SocketAddr,
    /// The address of its admin pages.
    pub(crate) admin: SocketAddr,
    /// The table generation that is being served; 0 while draining.
    pub(crate) served: watch::Receiver<u64>,
    /// What is known of backends, every few seconds.
    pub(crate) backends: watch::Receiver<Arc<[ShownBackend]>>,
}

/// Serves until a signal, then drains. The listeners open once there is a table; then `started` is
/// called. `ending` runs after the signal, while requests in flight are completed.
pub(crate) async fn run(
    args: &ServingArgs,
    logs: &Logs,
    mut publisher: Publisher<impl Source + 'static>,
    debouncer: Debouncer,
    mut registry: Registry,
    started: impl FnOnce(Started) -> io::Result<()>,
    ending: impl Future<Output = ()>,
) -> anyhow::Result<ExitCode> {
    let mut signals = Signals::new()?;
    let settings =
        args.telemetry.settings(|name| env::var(name).ok()).map_err(anyhow::Error::msg)?;
    let counts = settings.as_ref().map(|_| otlp::Counts::register(&mut registry));
    let listener =
        TcpListener::bind(args.admin).await.map_err(|error| taken("--admin", args.admin, error))?;
    let address = listener.local_addr()?;
    let statuses = publisher.status_updates();
    publisher.publish();
    tracing::info!("admin pages at http://{address}");
    let tables = publisher.tables();
    let pages = Admin::new(tables.clone(), statuses, registry);
    let exporter = settings.zip(counts);
    let exporter =
        exporter.map(|(settings, counts)| Exporter::start(&settings, counts, pages.clone()));
    let exporter = exporter.transpose()?;
    let tracing = exporter.as_ref().map(Exporter::tracing);
    thread::Builder::new()
        .name("publish".to_owned())
        .spawn(move || publisher.run(debouncer))
        .context("starting a thread")?;
    let serving = async {
        let dataplane = tokio::select! {
            dataplane = start(args, logs, tracing, tables.clone()) => dataplane?,
            signal = signals.next() => {
                tracing::info!(signal = signal.name(), "exiting before the first table");
                ending.await;
                return Ok(ExitCode::SUCCESS);
            }
        };
        let (http, https) = (dataplane.http_addr(), dataplane.https_addr());
        tracing::info!("serving http://{http}");
        tracing::info!("serving https://{https}");
        pages.start(dataplane).await;
        let (sender, served) = watch::channel(0);
        tokio::spawn(allocator::return_memory());
        tokio::spawn(follow_served(pages.clone(), tables.clone(), sender));
        let (sender, backends) = watch::channel(Arc::default());
        tokio::spawn(follow_backends(pages.clone(), sender));
        started(Started { http, https, admin: address, served, backends })?;
        Ok(drain(&pages, args, exporter.as_ref(), &mut signals, ending).await)
    };
    tokio::select! {
        never = pages.clone().serve(listener) => match never {},
        code = serving => code,
    }
}

/// Starts the dataplane once there is a table.
async fn start(
    args: &ServingArgs,
    logs: &Logs,
    tracing: Option<Tracing>,
    mut tables: watch::Receiver<Arc<Table>>,
) -> anyhow::Result<Dataplane> {
    tables.wait_for(|table| table.generation > 0).await.context("waiting for a table")?;
    let config = Config { access_log: logs.access_log(), tracing, ..args.config() };
    Dataplane::start(config, tables).map_err(|error| match error {
        StartError::Http(error) => taken("--http", args.http, error),
        StartError::Https(error) => taken("--https", args.https, error),
        StartError::Worker(error) => anyhow::Error::new(error).context("starting a worker"),
    })
}

/// Keeps reporting which table generation is being served.
async fn follow_served(
    pages: Arc<Admin>,
    mut tables: watch::Receiver<Arc<Table>>,
    served: watch::Sender<u64>,
) {
    loop {
        let generation = tables.borrow_and_update().generation;
        pages.serving(generation).await;
        served.send_replace(pages.generation().await);
        if tables.changed().await.is_err() {
            return;
        }
    }
}

/// Keeps reporting what is known of backends, as long as anybody wants to know.
async fn follow_backends(pages: Arc<Admin>, backends: watch::Sender<Arc<[ShownBackend]>>) {
    while !backends.is_closed() {
        backends.send_replace(pages.known_backends().await.into());
        sleep(BACKENDS_INTERVAL).await;
    }
}

/// An error for an address that can't be bound, with a fix.
pub(crate) fn taken(flag: &str, address: SocketAddr, error: io::Error) -> anyhow::Error {
    let way_out = match error.kind() {
        io::ErrorKind::AddrInUse => format!(": choose another one with {flag} ADDR"),
        _ => String::new(),
    };
    anyhow::anyhow!("{flag} {address}: {error}{way_out}")
}

/// Waits for a signal, and then for the requests in flight or a second signal.
async fn drain(
    admin: &Admin,
    args: &ServingArgs,
    exporter: Option<&Exporter>,
    signals: &mut Signals,
    ending: impl Future<Output = ()>,
) -> ExitCode {
    let first = signals.next().await;
    tracing::info!(signal = first.name(), timeout = ?args.drain_timeout, "draining");
    let metrics = match exporter {
        Some(exporter) => exporter.last_metrics().await,
        None => None,
    };
    let Some(dataplane) = admin.take().await else { return ExitCode::SUCCESS };
    let drained = async {
        let all = dataplane.drain(args.drain_timeout).await;
        // The last spans are those of the requests that were in flight.
        if let Some(exporter) = exporter {
            exporter.flush(metrics).await;
        }
        all
    };
    tokio::select! {
        (all, ()) = async { tokio::join!(drained, ending) } => {
            if all {
                tracing::info!("drained");
            } else {
                tracing::warn!("requests were cut off: they took longer than --drain-timeout");
            }
            ExitCode::SUCCESS
        }
        second = signals.next() => {
            tracing::warn!(signal = second.name(), "exiting immediately");
            second.exit_code()
        }
    }
}

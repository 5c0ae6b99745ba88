//! What every serving mode does once it knows where its objects come from.

use crate::{
    admin::Admin,
    cli::ServingArgs,
    publish::{Publisher, Source, Wakes},
};
use anyhow::Context;
use portico_dataplane::serve::Dataplane;
use prometheus_client::registry::Registry;
use std::{io, net::SocketAddr, process::ExitCode, thread};
use tokio::{
    net::TcpListener,
    signal::unix::{Signal, SignalKind, signal},
};

/// Where a server listens.
pub(super) struct Listening {
    pub(super) http: SocketAddr,
    pub(super) admin: SocketAddr,
}

/// Serves until a signal, then drains. The listeners open when the first table is there; then
/// `started` is called.
pub(super) async fn run(
    args: &ServingArgs,
    mut publisher: Publisher<impl Source + 'static>,
    wakes: Wakes,
    registry: Registry,
    started: impl FnOnce(Listening) -> io::Result<()>,
) -> anyhow::Result<ExitCode> {
    let mut signals = Signals::new()?;
    let listener =
        TcpListener::bind(args.admin).await.map_err(|error| taken("--admin", args.admin, error))?;
    publisher.publish();
    let tables = publisher.tables();
    let dataplane = Dataplane::start(args.config(), tables.clone())
        .map_err(|error| taken("--http", args.http, error))?;
    let listening = Listening { http: dataplane.http_addr(), admin: listener.local_addr()? };
    tracing::info!("serving http://{}", listening.http);
    tracing::info!("admin pages at http://{}", listening.admin);
    if let Some(https) = args.https {
        tracing::warn!("--https {https} is not opened: this release refuses FrontDoors with 'tls'");
    }
    thread::Builder::new()
        .name("publish".to_owned())
        .spawn(move || publisher.run(wakes))
        .context("starting a thread")?;
    started(listening)?;

    let admin = Admin::new(dataplane, tables, registry);
    tokio::select! {
        never = admin.clone().serve(listener) => match never {},
        code = drain(&admin, args, &mut signals) => Ok(code),
    }
}

/// An address that can't be had, and the way out.
pub(super) fn taken(flag: &str, address: SocketAddr, error: io::Error) -> anyhow::Error {
    let way_out = match error.kind() {
        io::ErrorKind::AddrInUse => format!(": choose another one with {flag} ADDR"),
        _ => String::new(),
    };
    anyhow::anyhow!("{flag} {address}: {error}{way_out}")
}

/// Waits for a signal, then for the requests in flight, or for a second signal.
async fn drain(admin: &Admin, args: &ServingArgs, signals: &mut Signals) -> ExitCode {
    let first = signals.next().await;
    tracing::info!(signal = first.name(), timeout = ?args.drain_timeout, "draining");
    let Some(dataplane) = admin.take().await else { return ExitCode::SUCCESS };
    tokio::select! {
        all = dataplane.drain(args.drain_timeout) => {
            if all {
                tracing::info!("drained");
            } else {
                tracing::warn!("requests were cut off: they took longer than --drain-timeout");
            }
            ExitCode::SUCCESS
        }
        second = signals.next() => {
            tracing::warn!(signal = second.name(), "ending at once");
            second.exit_code()
        }
    }
}

/// The signals that end the process.
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

#[derive(Clone, Copy)]
pub(super) enum Ending {
    Terminate,
    Interrupt,
}

impl Signals {
    pub(super) fn new() -> anyhow::Result<Self> {
        let listen = |kind| signal(kind).context("listening for signals");
        Ok(Self {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
        })
    }

    pub(super) async fn next(&mut self) -> Ending {
        tokio::select! {
            _ = self.terminate.recv() => Ending::Terminate,
            _ = self.interrupt.recv() => Ending::Interrupt,
        }
    }
}

impl Ending {
    fn name(self) -> &'static str {
        match self {
            Self::Terminate => "SIGTERM",
            Self::Interrupt => "SIGINT",
        }
    }

    /// 128 and the signal's number, as a shell has it.
    fn exit_code(self) -> ExitCode {
        ExitCode::from(match self {
            Self::Terminate => 143,
            Self::Interrupt => 130,
        })
    }
}

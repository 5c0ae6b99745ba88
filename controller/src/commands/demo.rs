//! `portico demo`.

use crate::{
    cli::demo::DemoArgs,
    compile::Options,
    demo::{Kind, Service, Services, Settings},
    objects::{LastGood, Snapshot},
    process::{
        logging::{self, Logs},
        server::{self, Started},
        signals::Signals,
    },
    publish::{Publisher, Source, debouncer},
};
use anyhow::Context;
use prometheus_client::registry::Registry;
use std::{
    future::ready,
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener},
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

/// Runs the demo, or one of its services, until a signal.
pub(super) async fn run(args: DemoArgs) -> anyhow::Result<ExitCode> {
    let logs = logging::start(&args.serving, "warn")?;
    match args.service {
        Some(kind) => service(kind, &args).await,
        None => demo(args, &logs).await,
    }
}

/// Runs one service.
async fn service(kind: Kind, args: &DemoArgs) -> anyhow::Result<ExitCode> {
    let mut signals = Signals::new()?;
    let wanted = args.serving.http;
    let bound = Service::bind(kind, wanted).await;
    let service = bound.map_err(|error| server::taken("--http", wanted, error))?;
    let address = service.address()?;
    super::print(&format!("{} listens at {}\n", kind.name(), url("http", address)))?;
    let ports = vec![(kind, address.port())];
    let settings = Settings { latency: args.latency, ports, ..Settings::default() };
    tokio::select! {
        never = service.run(settings) => match never {},
        _ = signals.next() => Ok(ExitCode::SUCCESS),
    }
}

/// Runs the whole demo.
async fn demo(mut args: DemoArgs, logs: &Logs) -> anyhow::Result<ExitCode> {
    let DemoArgs { latency, tls, ref mut serving, http_given, https_given, admin_given, .. } = args;
    serving.http = free("--http", serving.http, http_given)?;
    serving.https = free("--https", serving.https, https_given)?;
    serving.admin = free("--admin", serving.admin, admin_given)?;
    let services =
        Services::start(serving.http.ip(), latency).await.context("starting the services")?;

    let options = Options { loopback_endpoints: true, ..serving.compiling.options() };
    let mut registry = Registry::default();
    let objects = match tls {
        true => services.snapshot_with_tls(serving.https.ip()).context("making a certificate")?,
        false => services.snapshot(),
    };
    let publisher = Publisher::new(Fixed(Some(Arc::new(objects))), options, &mut registry);
    // Nothing changes. The publisher runs as long as there is a trigger.
    let (_waker, debouncer) = debouncer();
    let started = |at: Started| {
        services.metrics().are_at(at.admin);
        super::print(&greeting(&at, &services, latency, tls))
    };
    server::run(serving, logs, publisher, debouncer, registry, started, ready(())).await
}

/// Objects that never change.
struct Fixed(Option<Arc<Snapshot>>);

impl Source for Fixed {
    fn snapshot(&mut self, _: &LastGood) -> Option<Arc<Snapshot>> {
        self.0.take()
    }

    fn poll_interval(&self) -> Duration {
        Duration::MAX
    }
}

/// Returns `wanted`, or any free port on the same address if the port is taken and was not given
/// explicitly.
fn free(flag: &str, wanted: SocketAddr, given: bool) -> anyhow::Result<SocketAddr> {
    match TcpListener::bind(wanted) {
        Ok(_) => Ok(wanted),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse && !given => {
            Ok(SocketAddr::new(wanted.ip(), 0))
        }
        Err(error) => Err(server::taken(flag, wanted, error)),
    }
}

/// What the user is shown: first of all, which address to open.
fn greeting(at: &Started, services: &Services, latency: Duration, tls: bool) -> String {
    let (scheme, served) = if tls { ("https", at.https) } else { ("http", at.http) };
    let page = url(scheme, served);
    let mut lines = vec![String::new(), format!("  Open {page}"), String::new()];
    let mut row = |what: &str, is: &str| lines.push(format!("  {what:<12}{is}"));
    for (kind, address) in services.addresses() {
        row(kind.name(), &url("http", address));
    }
    row("front door", &format!("{page} (serves examples/ep)"));
    if tls {
        row("certificate", "made for this run, so the browser warns about it; continue anyway");
        row("plain HTTP", &format!("{} redirects there", url("http", at.http)));
    }
    row(
        "admin",
        &format!("{} (the operator's page, /metrics, /debug/table)", url("http", at.admin)),
    );
    row("latency", &waits(latency));
    if served.ip().is_unspecified() {
        let port = served.port();
        row(
            "elsewhere",
            &format!("{scheme}://<this machine's address>:{port}/, for example on a phone"),
        );
    }
    row("stop", "Ctrl-C");
    lines.extend([String::new(), String::new()]);
    lines.join("\n")
}

fn waits(added: Duration) -> String {
    match added {
        Duration::ZERO => "none added; --latency 60ms simulates distance".to_owned(),
        added => format!(
            "every service's responses are delayed by {added:?}, as if it were that far away; --latency 0ms turns this off"
        ),
    }
}

/// The URL by which a browser on this machine opens an address.
fn url(scheme: &str, address: SocketAddr) -> String {
    let here: [IpAddr; 2] = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
    if here.contains(&address.ip()) || address.ip().is_unspecified() {
        format!("{scheme}://localhost:{}/", address.port())
    } else {
        format!("{scheme}://{address}/")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_usual_port_that_is_taken_gives_way() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap();
        let given = free("--http", address, false).unwrap();
        assert_eq!((given.ip(), given.port()), (address.ip(), 0));
        let error = free("--http", address, true).unwrap_err().to_string();
        assert!(error.contains("choose another one with --http"), "{error}");
        drop(taken);
        assert_eq!(free("--http", address, true).unwrap(), address);
    }

    #[test]
    fn addresses_are_those_that_a_browser_opens() {
        for (address, expected) in [
            ("0.0.0.0:8080", "http://localhost:8080/"),
            ("127.0.0.1:1", "http://localhost:1/"),
            ("127.0.0.2:1", "http://127.0.0.2:1/"),
            ("[::]:1", "http://localhost:1/"),
            ("[::1]:1", "http://localhost:1/"),
            ("192.168.0.7:80", "http://192.168.0.7:80/"),
            ("[fd00::7]:80", "http://[fd00::7]:80/"),
        ] {
            assert_eq!(url("http", address.parse().unwrap()), expected);
        }
    }
}

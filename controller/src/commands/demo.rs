//! `portico demo`.

use crate::{
    cli::demo::{DemoArgs, HTTP},
    compile::{self, Options},
    demo::{Kind, Service, Services, Settings},
};
use anyhow::Context;
use portico_dataplane::serve::Dataplane;
use std::{
    io,
    net::{SocketAddr, TcpListener},
    process::ExitCode,
    sync::Arc,
    time::Duration,
};
use tokio::{runtime, signal, sync::watch};

/// Runs the demo until Ctrl-C.
pub(super) fn run(args: &DemoArgs) -> anyhow::Result<ExitCode> {
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        match args.service {
            Some(kind) => service(kind, args).await,
            None => demo(args).await,
        }
    })
}

/// One service alone.
async fn service(kind: Kind, args: &DemoArgs) -> anyhow::Result<ExitCode> {
    let address = args.serving.http;
    let in_use =
        || format!("{} can't listen at {address}, choose another with --http", kind.name());
    let service = Service::bind(kind, address).await.with_context(in_use)?;
    let address = service.address()?;
    super::print(&format!("{} listens at http://{address}\n", kind.name()))?;
    let settings = Settings { latency: args.latency, ports: vec![(kind, address.port())] };
    tokio::select! {
        never = service.run(settings) => match never {},
        ended = signal::ctrl_c() => ended?,
    }
    Ok(ExitCode::SUCCESS)
}

/// All of it.
async fn demo(args: &DemoArgs) -> anyhow::Result<ExitCode> {
    let mut config = args.serving.config();
    config.http = free(config.http, HTTP).context("the front door")?;
    let services = Services::start(config.http.ip(), args.latency).await.context("a service")?;

    let options = Options { loopback_endpoints: true, ..Options::default() };
    let mut table = compile::compile(&services.snapshot(), &options).table;
    table.generation = 1;
    let (_table, tables) = watch::channel(Arc::new(table));
    let dataplane = Dataplane::start(config, tables).context("the front door")?;
    dataplane.serving(1).await;

    super::print(&greeting(dataplane.http_addr(), &services, args))?;
    signal::ctrl_c().await?;
    dataplane.drain(args.serving.drain_timeout).await;
    Ok(ExitCode::SUCCESS)
}

/// `wanted`, or, where that is the `usual` address and taken, the same with any free port. Asks
/// without SO_REUSEPORT, with which two demos could share a port and not notice.
fn free(wanted: SocketAddr, usual: &str) -> io::Result<SocketAddr> {
    match TcpListener::bind(wanted) {
        Ok(_) => Ok(wanted),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse && wanted.to_string() == usual => {
            Ok(SocketAddr::new(wanted.ip(), 0))
        }
        Err(error) => Err(error),
    }
}

/// What the user is told: first of all, which address to open.
fn greeting(front_door: SocketAddr, services: &Services, args: &DemoArgs) -> String {
    let mut lines = vec![String::new(), format!("  Open {}", url(front_door)), String::new()];
    let mut row = |what: &str, is: &str| lines.push(format!("  {what:<12}{is}"));
    for (kind, address) in services.addresses() {
        row(kind.name(), &url(address));
    }
    row("front door", &format!("{} (examples/ep over them)", url(front_door)));
    row("latency", &latency(args.latency));
    if front_door.ip().is_unspecified() {
        let port = front_door.port();
        row(
            "elsewhere",
            &format!("http://<this machine's address>:{port}/, on a phone for example"),
        );
    }
    row("end", "Ctrl-C");
    lines.extend([String::new(), String::new()]);
    lines.join("\n")
}

fn latency(added: Duration) -> String {
    match added {
        Duration::ZERO => "none added; --latency 60ms shows what distance does".to_owned(),
        added => format!("every answer of a service waits {added:?}"),
    }
}

/// The address as a browser on this machine opens it.
fn url(address: SocketAddr) -> String {
    let ip = address.ip();
    if ip.is_loopback() || ip.is_unspecified() {
        format!("http://localhost:{}/", address.port())
    } else {
        format!("http://{address}/")
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
        let given = free(address, &address.to_string()).unwrap();
        assert_eq!((given.ip(), given.port()), (address.ip(), 0));
        assert_eq!(free(address, HTTP).unwrap_err().kind(), io::ErrorKind::AddrInUse);
        drop(taken);
        assert_eq!(free(address, HTTP).unwrap(), address);
    }

    #[test]
    fn addresses_are_those_that_a_browser_opens() {
        for (address, expected) in [
            ("0.0.0.0:8080", "http://localhost:8080/"),
            ("127.0.0.1:1", "http://localhost:1/"),
            ("[::]:1", "http://localhost:1/"),
            ("192.168.0.7:80", "http://192.168.0.7:80/"),
            ("[fd00::7]:80", "http://[fd00::7]:80/"),
        ] {
            assert_eq!(url(address.parse().unwrap()), expected);
        }
    }
}

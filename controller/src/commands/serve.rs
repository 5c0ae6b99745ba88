//! `portico serve`: manifests from files, served and watched.

use crate::{
    cli::ServeArgs,
    compile::Options,
    files::Files,
    process::{logging, server},
    publish::{Publisher, debouncer},
};
use prometheus_client::registry::Registry;
use std::{future::ready, process::ExitCode};

pub(super) async fn run(args: ServeArgs) -> anyhow::Result<ExitCode> {
    super::exist(&args.paths)?;
    let logs = logging::start(&args.serving, "info")?;
    let mut registry = Registry::default();
    let (trigger, debouncer) = debouncer();
    let files = Files::new(args.paths, trigger, &mut registry);
    let guard = args.serving.external.guard();
    let (host_claims, underscores) =
        (args.serving.hosts.claims(), args.serving.underscores.setting());
    let options =
        Options { loopback_endpoints: true, guard, host_claims, underscores, ..Options::default() };
    let publisher = Publisher::new(files, options, &mut registry);
    server::run(&args.serving, &logs, publisher, debouncer, registry, |_| Ok(()), ready(())).await
}

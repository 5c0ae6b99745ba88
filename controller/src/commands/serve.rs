//! `portico serve`: manifests from files, served and watched.

use crate::{
    cli::{ServeArgs, ServingArgs},
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
    let ServingArgs { external, hosts, underscores, .. } = &args.serving;
    let options = Options {
        trusted_proxies: args.serving.trusted_proxies(),
        // It may be long until the files change, so that dates are not judged.
        now: None,
        ..super::of_files(external, hosts, underscores)
    };
    let publisher = Publisher::new(files, options, &mut registry);
    server::run(&args.serving, &logs, publisher, debouncer, registry, |_| Ok(()), ready(())).await
}

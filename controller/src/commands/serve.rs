//! `portico serve`: manifests from files, served and watched.

use crate::{
    cli::ServeArgs,
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
    let options = super::of_files(&args.serving.compiling);
    let publisher = Publisher::new(files, options, &mut registry);
    server::run(&args.serving, &logs, publisher, debouncer, registry, |_| Ok(()), ready(())).await
}

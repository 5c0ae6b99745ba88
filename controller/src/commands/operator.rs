//! `portico operator`: serves the objects of a cluster, and writes their statuses.

use crate::{
    cli::OperatorArgs,
    compile::Options,
    operator::{self, Operator},
    process::{
        logging,
        server::{self, Started},
    },
    publish::{Publisher, debouncer},
};
use prometheus_client::registry::Registry;
use std::process::ExitCode;

/// The libraries log every retry; the operator itself logs each outage once.
const DEFAULT_LOG_FILTER: &str = "info,kube_client=off,kube_runtime=off,kube_lease_manager=off";

pub(super) async fn run(args: OperatorArgs) -> anyhow::Result<ExitCode> {
    let logs = logging::start(&args.serving, DEFAULT_LOG_FILTER)?;
    let config = operator::config(args.kubeconfig.as_deref()).await?;
    tracing::info!(class = args.class, "watching {}", config.cluster_url);
    let (trigger, debouncer) = debouncer();
    let settings = args.settings();
    let secret_namespaces = settings.secret_namespaces.clone();
    let no_config_maps = settings.no_config_maps;
    let mut registry = Registry::default();
    let operator = Operator::start(config, settings, &trigger, &mut registry)?;

    let options = Options {
        class: Some(args.class),
        loopback_endpoints: false,
        names_others: false,
        secret_namespaces,
        no_config_maps,
        ..args.serving.compiling.options()
    };
    let publisher = Publisher::new(operator.source(), options, &mut registry);
    let write = operator.writer(publisher.status_updates());
    let started = |Started { served, backends, .. }| {
        write(served, backends);
        Ok(())
    };
    // Another replica may write while this one drains, which can take long.
    let ending = operator.end();
    server::run(&args.serving, &logs, publisher, debouncer, registry, started, ending).await
}

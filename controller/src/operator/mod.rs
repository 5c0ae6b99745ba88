//! Objects from a cluster: watched, served like those of files, and told what became of them.
//!
//! Every replica watches and serves. The one that holds the Lease writes statuses and Events.

mod failure_log;
mod metrics;
mod status;
mod watch;

use crate::publish::{Source, StatusUpdate, Trigger};
use anyhow::Context;
use failure_log::FailureLog;
use kube::{
    Client, Config,
    config::{KubeConfigOptions, Kubeconfig},
};
use metrics::Metrics;
use portico_crds::StatusAddress;
use portico_dataplane::table::ObjectName;
use prometheus_client::registry::Registry;
use status::{LeaderElector, Lease, Writer};
use std::{collections::BTreeSet, env, path::Path, sync::Arc, time::Duration};
use tokio::sync::watch as channel;
use watch::{Cluster, Scopes, Watches};

/// How long the API server may take to accept a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long an answer may make no progress. More than the longest quiet time of a watch.
const READ_TIMEOUT: Duration = Duration::from_secs(90);

/// What an operator is told.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The class that it serves.
    pub class: String,
    /// The namespaces that it watches; none: all.
    pub namespaces: BTreeSet<String>,
    /// The namespaces whose Secrets it reads; `None`: all that it watches.
    pub secret_namespaces: Option<BTreeSet<String>>,
    /// Where its Lease is; `None`: in the namespace that it runs in.
    pub lease_namespace: Option<String>,
    /// The addresses of FrontDoors.
    pub publish: Publish,
}

/// Where the addresses of FrontDoors come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Publish {
    /// From here.
    Addresses(Vec<StatusAddress>),
    /// From a Service.
    Service(ObjectName),
}

impl Publish {
    /// An IP address or a host name, as it is.
    pub fn address(value: &str) -> StatusAddress {
        status::address(value)
    }
}

/// How to reach the cluster: as the file says; without one as a Pod does, and outside of a cluster
/// as kubectl does.
///
/// # Errors
/// Where the file can't be read, or where there is neither Pod nor file.
pub async fn config(kubeconfig: Option<&Path>) -> anyhow::Result<Config> {
    let mut config = if let Some(path) = kubeconfig {
        let file = Kubeconfig::read_from(path).with_context(|| format!("{}", path.display()))?;
        let options = KubeConfigOptions::default();
        Config::from_custom_kubeconfig(file, &options)
            .await
            .with_context(|| format!("{}", path.display()))?
    } else if env::var_os("KUBERNETES_SERVICE_HOST").is_some() {
        Config::incluster().context("the Pod's service account")?
    } else {
        Config::from_kubeconfig(&KubeConfigOptions::default())
            .await
            .context("no cluster: give --kubeconfig PATH, or run it in a Pod")?
    };
    config.connect_timeout = Some(CONNECT_TIMEOUT);
    config.read_timeout = Some(READ_TIMEOUT);
    Ok(config)
}

/// A running operator.
pub struct Operator {
    client: Client,
    cluster: Cluster,
    elector: LeaderElector,
    publish: Publish,
    failure_log: FailureLog,
    metrics: Metrics,
}

impl Operator {
    /// Begins to watch. `trigger` fires when something may have changed; `registry` gets the metrics
    /// of all that.
    ///
    /// # Errors
    /// Where the configuration can't be used.
    pub fn start(
        config: Config,
        settings: Settings,
        trigger: &Trigger,
        registry: &mut Registry,
    ) -> anyhow::Result<Self> {
        let Settings { class, namespaces, secret_namespaces, lease_namespace, publish } = settings;
        let namespace = lease_namespace.unwrap_or_else(|| config.default_namespace.clone());
        let client = Client::try_from(config).context("the way to the cluster")?;
        let (failure_log, metrics) = (FailureLog::default(), Metrics::register(registry));
        let lease = Lease { client: client.clone(), namespace, name: format!("portico-{class}") };

        let scopes = Scopes::of(&namespaces, secret_namespaces.as_ref());
        let service = match &publish {
            Publish::Service(name) => Some(name),
            Publish::Addresses(_) => None,
        };
        let watches = Watches {
            client: &client,
            scopes: &scopes,
            publish: service,
            trigger,
            failure_log: &failure_log,
            metrics: &metrics,
        };
        let cluster = watches.start(class);
        let elector = LeaderElector::new(lease, failure_log.clone(), metrics.clone());
        Ok(Self { client, cluster, elector, publish, failure_log, metrics })
    }

    /// What it watches.
    pub fn source(&self) -> impl Source + 'static {
        self.cluster.clone()
    }

    /// What stands for election from its call on, and writes statuses and Events while this replica
    /// holds the Lease.
    pub fn writer(
        &self,
        status_updates: channel::Receiver<Arc<StatusUpdate>>,
    ) -> impl FnOnce(channel::Receiver<u64>) + 'static {
        let (client, cluster) = (self.client.clone(), self.cluster.clone());
        let (leading, publish) = (self.elector.leading(), self.publish.clone());
        let (failure_log, metrics) = (self.failure_log.clone(), self.metrics.clone());
        let start_campaign = self.elector.begin();
        move |served| {
            start_campaign();
            let writer = Writer {
                client,
                cluster,
                status_updates,
                leading,
                served,
                publish,
                failure_log,
                metrics,
            };
            tokio::spawn(writer.run());
        }
    }

    /// Lets another replica write.
    pub async fn end(self) {
        self.elector.withdraw().await;
    }
}

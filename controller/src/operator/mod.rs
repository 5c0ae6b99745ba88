//! The operator: watches a cluster's objects, and writes their statuses.
//!
//! Every replica watches and serves. Only the one that holds the Lease writes statuses and Events;
//! the others tell it what they serve (`replicas`).

mod client;
mod failure_log;
mod lease;
mod metrics;
mod pod;
mod replicas;
mod status;
mod watch;

use crate::publish::{Source, StatusUpdate, Trigger};
use anyhow::Context;
use failure_log::FailureLog;
use kube::{
    Client, Config,
    config::{KubeConfigOptions, Kubeconfig},
};
use lease::Lease;
use metrics::Metrics;
use pod::Pod;
use portico_crds::StatusAddress;
use portico_dataplane::{serve::ShownBackend, table::ObjectName};
use prometheus_client::registry::Registry;
use replicas::{Peers, Replica, Reporter, Serving};
use status::{EventQueue, HealthEvents, LeaderElector, Writer};
use std::{collections::BTreeSet, env, path::Path, sync::Arc};
use tokio::sync::watch as channel;
use watch::{Cluster, Scopes, Watches};

/// The operator's settings.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The class to serve.
    pub class: String,
    /// The namespaces to watch; empty means all.
    pub namespaces: BTreeSet<String>,
    /// The namespaces whose Secrets are read; `None` means all that are watched.
    pub secret_namespaces: Option<BTreeSet<String>>,
    /// Whether no ConfigMaps are read.
    pub no_config_maps: bool,
    /// The namespace of the Lease; `None` means the operator's own.
    pub lease_namespace: Option<String>,
    /// The addresses in the statuses of FrontDoors.
    pub addresses: AddressSource,
}

/// Where the addresses in the statuses of FrontDoors come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AddressSource {
    /// They are fixed.
    Fixed(Vec<StatusAddress>),
    /// They are those of a Service.
    Service(ObjectName),
}

impl AddressSource {
    /// Makes a status address of an IP address or a host name.
    pub fn address(value: &str) -> StatusAddress {
        status::address(value)
    }
}

/// How to reach the cluster: by the given kubeconfig; otherwise by the Pod's service account or,
/// outside a cluster, as kubectl would.
///
/// # Errors
/// If the kubeconfig can't be read, or there is neither a Pod nor a kubeconfig.
pub async fn config(kubeconfig: Option<&Path>) -> anyhow::Result<Config> {
    if let Some(path) = kubeconfig {
        let file = Kubeconfig::read_from(path).with_context(|| format!("{}", path.display()))?;
        let options = KubeConfigOptions::default();
        Config::from_custom_kubeconfig(file, &options)
            .await
            .with_context(|| format!("{}", path.display()))
    } else if env::var_os("KUBERNETES_SERVICE_HOST").is_some() {
        Config::incluster().context("reading the Pod's service account")
    } else {
        Config::from_kubeconfig(&KubeConfigOptions::default())
            .await
            .context("no cluster: set --kubeconfig PATH, or run it in a Pod")
    }
}

/// A running operator.
pub struct Operator {
    client: Client,
    cluster: Cluster,
    elector: LeaderElector,
    /// This replica and its reports; `None` outside a Pod.
    replica: Option<(Replica, Reporter)>,
    addresses: AddressSource,
    failure_log: FailureLog,
    metrics: Metrics,
}

impl Operator {
    /// Starts to watch. `trigger` fires when something may have changed; the operator's metrics are
    /// added to `registry`.
    ///
    /// # Errors
    /// If the configuration can't be used.
    pub fn start(
        config: Config,
        settings: Settings,
        trigger: &Trigger,
        registry: &mut Registry,
    ) -> anyhow::Result<Self> {
        let Settings {
            class,
            namespaces,
            secret_namespaces,
            no_config_maps,
            lease_namespace,
            addresses,
        } = settings;
        let pod = Pod::of_environment(&config.default_namespace);
        let namespace = lease_namespace.unwrap_or_else(|| config.default_namespace.clone());
        let usable = "connecting to the cluster";
        let lease_client = client::short_client(config.clone()).context(usable)?;
        let client = client::client(config).context(usable)?;
        let (failure_log, metrics) = (FailureLog::default(), Metrics::register(registry));
        let lease = Lease { client: lease_client, namespace, name: format!("portico-{class}") };

        let scopes = Scopes::of(&namespaces, secret_namespaces.as_ref(), no_config_maps);
        let service = match &addresses {
            AddressSource::Service(name) => Some(name),
            AddressSource::Fixed(_) => None,
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
        let name = pod.as_ref().map(|pod| pod.name.as_str());
        let elector = LeaderElector::new(lease.clone(), name, failure_log.clone(), metrics.clone());
        let replica = pod.map(|pod| {
            let (client, failure_log) = (client.clone(), failure_log.clone());
            let replica = Replica { client, lease, pod, failure_log };
            (replica.clone(), Reporter::new(replica))
        });
        Ok(Self { client, cluster, elector, replica, addresses, failure_log, metrics })
    }

    /// The watched objects.
    pub fn source(&self) -> impl Source + 'static {
        self.cluster.clone()
    }

    /// Once called with the generation that is served and with what is known of backends, campaigns
    /// for leadership. While this replica leads, it writes statuses and Events; otherwise it reports
    /// what it serves.
    pub fn writer(
        &self,
        status_updates: channel::Receiver<Arc<StatusUpdate>>,
    ) -> impl FnOnce(channel::Receiver<u64>, channel::Receiver<Arc<[ShownBackend]>>) + 'static {
        let (client, cluster) = (self.client.clone(), self.cluster.clone());
        let (leading, addresses) = (self.elector.leading(), self.addresses.clone());
        let (failure_log, metrics) = (self.failure_log.clone(), self.metrics.clone());
        let start_campaign = self.elector.begin();
        let replica = self.replica.as_ref();
        let replica = replica.map(|(replica, reporter)| (replica.clone(), reporter.begin()));
        move |served, backends| {
            start_campaign();
            let peers = match replica {
                Some((replica, report)) => {
                    report(Serving {
                        status_updates: status_updates.clone(),
                        served: served.clone(),
                        leading: leading.clone(),
                        cluster: cluster.clone(),
                    });
                    Peers::follow(replica, leading.clone())
                }
                None => Peers::nobody(),
            };
            let events = EventQueue::new(client.clone(), failure_log.clone(), metrics.clone());
            let health = HealthEvents {
                cluster: cluster.clone(),
                leading: leading.clone(),
                backends,
                // Its own, so that many of its Events push out no others.
                queue: EventQueue::new(client.clone(), failure_log.clone(), metrics.clone()),
            };
            tokio::spawn(health.run());
            let writer = Writer {
                client,
                cluster,
                status_updates,
                leading,
                served,
                peers,
                addresses,
                events,
                failure_log,
                metrics,
            };
            tokio::spawn(writer.run());
        }
    }

    /// Gives up leadership, so that another replica may write, and takes back what was reported, so
    /// that the leader does not wait for this one.
    pub async fn end(self) {
        let take_back = async {
            if let Some((_, reporter)) = self.replica {
                reporter.end().await;
            }
        };
        tokio::join!(self.elector.withdraw(), take_back);
    }
}

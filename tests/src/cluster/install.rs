//! An installed Portico.

use super::{
    get, helm,
    http::Published,
    k,
    patience::eventually,
    scope::{Scope, ready},
};
use anyhow::{Context, Result, ensure};
use serde_json::Value;

/// The NodePort for https of the installs that have one.
pub const HTTPS_PORT: u16 = 30443;

/// A release of the chart, published at a NodePort.
#[derive(Clone, Debug)]
pub struct Install {
    /// The release's name, and so that of its Deployment and Service.
    pub release: String,
    /// Where it is.
    pub namespace: String,
    /// The NodePort.
    pub port: u16,
}

impl Install {
    /// Makes a namespace that enforces the `restricted` Pod Security level, and installs the chart in
    /// it with these values (`key=value`).
    ///
    /// # Errors
    /// What helm complained of, where the Pods do not become ready too.
    pub fn new(scope: &mut Scope, release: &str, port: u16, values: &[&str]) -> Result<Self> {
        let namespace = format!("{release}-system");
        scope.namespace(&namespace, &["pod-security.kubernetes.io/enforce=restricted"])?;
        scope.keep_release(release, &namespace);
        let install = Self { release: release.to_owned(), namespace, port };
        install.apply(values)?;
        Ok(install)
    }

    /// Installs or upgrades it, and waits until it is ready.
    ///
    /// # Errors
    /// What helm complained of.
    pub fn apply(&self, values: &[&str]) -> Result<String> {
        let Self { release, namespace, port } = self;
        let line = format!(
            "upgrade --install {release} charts/portico -n {namespace} --wait --timeout 3m \
             --set fullnameOverride={release} --set service.type=NodePort \
             --set service.nodePorts.http={port}"
        );
        let values = values.iter().flat_map(|value| ["--set", value]);
        helm(line.split_whitespace().chain(values))
    }

    /// The same class as the release's name, and one replica: what a test needs that is about
    /// something else.
    pub fn small(scope: &mut Scope, release: &str, port: u16, values: &[&str]) -> Result<Self> {
        let class = format!("className={release}");
        let mut all = vec![class.as_str(), "replicaCount=1"];
        all.extend(values);
        Self::new(scope, release, port, &all)
    }

    /// Its port, for requests of one host.
    ///
    /// # Errors
    /// Where the cluster's address is not known.
    pub fn published(&self, host: &str) -> Result<Published> {
        Published::new(self.port, host)
    }

    /// Its port for https, if the values publish one, for requests of one host by a client that
    /// accepts every certificate.
    ///
    /// # Errors
    /// Where the cluster's address is not known, or TLS can't be set up.
    pub fn published_over_tls(&self, host: &str) -> Result<Published> {
        Published::new(HTTPS_PORT, host)?.over_tls()
    }

    /// Its Pods that are not ending.
    ///
    /// # Errors
    /// What kubectl complained of.
    pub fn pods(&self) -> Result<Vec<Value>> {
        let Self { release, namespace, .. } = self;
        let mut list =
            get(&format!("pods -n {namespace} -l app.kubernetes.io/instance={release}"))?;
        let pods = list["items"].as_array_mut().map(std::mem::take).unwrap_or_default();
        Ok(pods.into_iter().filter(|pod| pod["metadata"]["deletionTimestamp"].is_null()).collect())
    }

    /// What a page of a Pod's admin port says, by way of the API server.
    ///
    /// # Errors
    /// What kubectl complained of.
    pub fn admin(&self, pod: &str, page: &str) -> Result<String> {
        let namespace = &self.namespace;
        k(&format!("get --raw /api/v1/namespaces/{namespace}/pods/{pod}:9090/proxy{page}"))
    }

    /// A metric, summed over the Pods and over the lines that have all of `labels`.
    ///
    /// # Errors
    /// What kubectl complained of.
    pub fn metric(&self, name: &str, labels: &[&str]) -> Result<f64> {
        let mut sum = 0.0;
        for pod in self.pods()? {
            let pod = pod["metadata"]["name"].as_str().context("a Pod without a name")?;
            sum += sum_of(&self.admin(pod, "/metrics")?, name, labels);
        }
        Ok(sum)
    }

    /// The Pod that writes statuses.
    ///
    /// # Errors
    /// Where nobody holds the Lease.
    pub fn leader(&self, class: &str) -> Result<String> {
        let lease = get(&format!("lease portico-{class} -n {}", self.namespace))?;
        let holder = lease["spec"]["holderIdentity"].as_str().context("nobody leads")?;
        let pods = self.pods()?;
        let names = pods.iter().filter_map(|pod| pod["metadata"]["name"].as_str());
        let leads = |name: &&str| holder.starts_with(*name);
        names
            .into_iter()
            .find(leads)
            .map(str::to_owned)
            .with_context(|| format!("{holder} is gone"))
    }

    /// Waits until its Deployment is what it shall be.
    ///
    /// # Errors
    /// Where it does not become that.
    pub fn ready(&self) -> Result<()> {
        ready(&self.namespace, &self.release)
    }
}

fn sum_of(metrics: &str, name: &str, labels: &[&str]) -> f64 {
    let lines = metrics.lines().filter(|line| {
        line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' ']))
            && labels.iter().all(|label| line.contains(label))
    });
    lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
}

/// The conditions of an object: `type=status/reason`, sorted by type.
///
/// # Errors
/// Where there is no such object.
pub fn conditions(namespace: &str, object: &str) -> Result<Vec<String>> {
    let object = get(&format!("{object} -n {namespace}"))?;
    let text = |condition: &Value, key: &str| condition[key].as_str().unwrap_or("").to_owned();
    let conditions = object["status"]["conditions"].as_array().into_iter().flatten();
    let mut conditions: Vec<_> = conditions
        .map(|c| format!("{}={}/{}", text(c, "type"), text(c, "status"), text(c, "reason")))
        .collect();
    conditions.sort();
    Ok(conditions)
}

/// Waits until an object has such a condition (`Accepted=False/Conflicted`); its message.
///
/// # Errors
/// Where it does not get it.
pub async fn condition(namespace: &str, object: &str, wanted: &str) -> Result<String> {
    let (r#type, status) = wanted.split_once('=').context("type=status/reason")?;
    let (status, reason) = status.split_once('/').context("type=status/reason")?;
    let attempt = || async {
        let found = get(&format!("{object} -n {namespace}"))?;
        let conditions = found["status"]["conditions"].as_array().cloned().unwrap_or_default();
        let condition = conditions.iter().find(|condition| condition["type"] == r#type);
        let condition = condition.with_context(|| format!("{object}: no {}", r#type))?;
        let fits = condition["status"] == status && condition["reason"] == reason;
        ensure!(fits, "{object}: {condition}, not {wanted}");
        let generation = &found["metadata"]["generation"];
        ensure!(condition["observedGeneration"] == *generation, "{object}: of an older generation");
        Ok(condition["message"].as_str().unwrap_or_default().to_owned())
    };
    Ok(eventually(attempt).await?.0)
}

//! Arguments of `portico operator`.

use super::{ServingArgs, values};
use crate::operator::{AddressSource, Settings};
use clap::Args;
use portico_dataplane::table::ObjectName;
use std::{collections::BTreeSet, path::PathBuf};

/// Arguments of `portico operator`.
#[derive(Debug, Args)]
pub struct OperatorArgs {
    /// Serve the FrontDoors with this 'className'
    #[arg(long, value_name = "NAME", default_value = portico_crds::CLASS_DEFAULT, value_parser = values::class)]
    pub class: String,
    /// Watch this namespace; repeatable [default: all]
    #[arg(long = "watch-namespace", value_name = "NAMESPACE", value_parser = values::label)]
    pub watch_namespaces: Vec<String>,
    /// Read Secrets in this namespace; repeatable [default: all that are watched]
    #[arg(long = "secret-namespace", value_name = "NAMESPACE", value_parser = values::label)]
    pub secret_namespaces: Vec<String>,
    /// Don't read Secrets at all; Routes that need one respond with 503
    #[arg(long, conflicts_with = "secret_namespaces")]
    pub no_secrets: bool,
    /// Don't read ConfigMaps; FrontDoors whose 'clientCertificates' refer to one let no client in,
    /// and backends whose 'tls.caRef' refers to one get no requests
    #[arg(long)]
    pub no_config_maps: bool,
    /// The kubeconfig file [default: the service account in a Pod, otherwise kubectl's]
    #[arg(long, value_name = "PATH")]
    pub kubeconfig: Option<PathBuf>,
    /// The namespace of the Lease that decides which replica writes statuses [default: the Pod's
    /// namespace, or the kubeconfig's]
    #[arg(long, value_name = "NAMESPACE", value_parser = values::label)]
    pub lease_namespace: Option<String>,
    /// The Service whose addresses appear in the statuses of FrontDoors
    #[arg(long, value_name = "NAMESPACE/NAME", value_parser = values::object)]
    pub publish_service: Option<ObjectName>,
    /// An address for the statuses of FrontDoors: an IP address or a host name; repeatable
    #[arg(long = "publish-address", value_name = "ADDR", conflicts_with = "publish_service")]
    #[arg(value_parser = values::published)]
    pub publish_addresses: Vec<String>,
    /// Serving flags.
    #[command(flatten)]
    pub serving: ServingArgs,
}

impl OperatorArgs {
    /// Checks that the flags are consistent.
    ///
    /// # Errors
    /// If Secrets are to be read in a namespace that is not watched: no Route there is known.
    pub(super) fn fit_together(&self) -> Result<(), String> {
        let (watched, secrets) = (&self.watch_namespaces, &self.secret_namespaces);
        let outside = secrets.iter().find(|namespace| !watched.contains(namespace));
        match outside {
            Some(namespace) if !watched.is_empty() => Err(format!(
                "--secret-namespace {namespace} is not watched: add --watch-namespace {namespace}, or remove --secret-namespace {namespace}"
            )),
            Some(_) | None => Ok(()),
        }
    }

    /// The namespaces whose Secrets are read; `None` means all that are watched.
    fn secret_namespaces(&self) -> Option<BTreeSet<String>> {
        let is_limited = self.no_secrets || !self.secret_namespaces.is_empty();
        is_limited.then(|| self.secret_namespaces.iter().cloned().collect())
    }

    /// The operator's settings.
    pub fn settings(&self) -> Settings {
        let addresses = || self.publish_addresses.iter().map(|value| AddressSource::address(value));
        Settings {
            class: self.class.clone(),
            namespaces: self.watch_namespaces.iter().cloned().collect(),
            secret_namespaces: self.secret_namespaces(),
            no_config_maps: self.no_config_maps,
            lease_namespace: self.lease_namespace.clone(),
            addresses: match &self.publish_service {
                Some(service) => AddressSource::Service(service.clone()),
                None => AddressSource::Fixed(addresses().collect()),
            },
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        operator: OperatorArgs,
    }

    fn settings(flags: &[&str]) -> Result<Settings, String> {
        let line = ["portico"].iter().chain(flags);
        let line = Line::try_parse_from(line).map_err(|error| error.to_string())?;
        line.operator.fit_together()?;
        Ok(line.operator.settings())
    }

    #[test]
    fn flags_reach_the_settings() {
        let usual = settings(&[]).unwrap();
        assert_eq!((&*usual.class, usual.namespaces.len()), ("portico", 0));
        assert_eq!(usual.addresses, AddressSource::Fixed(Vec::new()));
        let given = settings(&[
            "--class=edge",
            "--watch-namespace=web",
            "--watch-namespace=sales",
            "--watch-namespace=web",
            "--lease-namespace=infra",
            "--publish-service=infra/portico",
        ]);
        let given = given.unwrap();
        assert_eq!(given.class, "edge");
        assert_eq!(given.namespaces.into_iter().collect::<Vec<_>>(), ["sales", "web"]);
        assert_eq!(given.lease_namespace.as_deref(), Some("infra"));
        assert_eq!(given.addresses, AddressSource::Service(ObjectName::new("infra", "portico")));
        let given = settings(&["--publish-address=192.0.2.1", "--publish-address=lb.example"]);
        let addresses = ["192.0.2.1", "lb.example"].map(AddressSource::address).to_vec();
        assert_eq!(given.unwrap().addresses, AddressSource::Fixed(addresses));
    }

    #[test]
    fn secrets_are_read_where_it_is_said_or_else_wherever_is_watched() {
        let read = |flags: &[&str]| settings(flags).unwrap().secret_namespaces;
        assert_eq!(read(&[]), None);
        assert_eq!(read(&["--watch-namespace=web"]), None);
        assert_eq!(read(&["--no-secrets"]), Some(BTreeSet::new()));
        let both = ["--secret-namespace=web", "--secret-namespace=sales"];
        let expected = Some(["sales".to_owned(), "web".to_owned()].into());
        assert_eq!(read(&both), expected);
        let watched =
            ["--watch-namespace=infra", "--watch-namespace=sales", "--watch-namespace=web"];
        assert_eq!(read(&[&both[..], &watched].concat()), expected);
    }

    #[test]
    fn config_maps_are_read_unless_it_is_said_otherwise() {
        assert!(!settings(&[]).unwrap().no_config_maps);
        assert!(settings(&["--no-config-maps"]).unwrap().no_config_maps);
    }

    #[test]
    fn secrets_are_not_read_where_nothing_is_watched() {
        let flags = ["--watch-namespace=web", "--secret-namespace=web", "--secret-namespace=infra"];
        let error = settings(&flags).unwrap_err();
        for part in ["--secret-namespace infra is not watched", "add --watch-namespace infra"] {
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn a_bad_value_says_what_a_good_one_is() {
        for (flags, way_out) in [
            (&["--class=Edge"][..], "lower-case"),
            (&["--watch-namespace="], "lower-case"),
            (&["--secret-namespace="], "lower-case"),
            (&["--secret-namespace=web", "--no-secrets"], "cannot be used"),
            (&["--lease-namespace=a.b"], "lower-case"),
            (&["--publish-service=portico"], "NAMESPACE/NAME"),
            (&["--publish-address=http://x"], "host name"),
            (&["--publish-address=x", "--publish-service=a/b"], "cannot be used"),
        ] {
            let error = settings(flags).unwrap_err();
            assert!(error.contains(way_out), "{flags:?}: {error}");
        }
    }
}

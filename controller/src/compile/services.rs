//! Services, their ports and their endpoints.

mod kept;
mod port;

pub(super) use kept::{KeptServices, Resolution};
pub(super) use port::Port;

use super::{addresses::dialable, names, options::Options};
use crate::{diagnostic::Reason, objects::Snapshot};
use k8s_openapi::{
    api::{
        core::v1::ServicePort,
        discovery::v1::{Endpoint, EndpointPort, EndpointSlice},
    },
    apimachinery::pkg::util::intstr::IntOrString,
};
use kept::{SERVICE_NAME, service_of};
use port::{find_port, is_tcp, protocol};
use portico_crds::ServiceBackend;
use portico_dataplane::table::ObjectName;
use std::{
    cell::OnceCell,
    collections::{BTreeSet, HashMap},
    net::SocketAddr,
    sync::{Arc, Mutex, atomic::AtomicBool},
};

/// How many names of ports a message lists.
const MAX_NAMES_SHOWN: usize = 5;
/// How many slices of a namespace are searched for one without that label.
const MAX_SLICES_SEARCHED: usize = 1000;

/// The Services of a snapshot. Each port is resolved once, however many Routes reference it.
pub(super) struct Services<'k, 's> {
    snapshot: &'s Snapshot,
    loopback: bool,
    names_others: bool,
    /// By namespace and Service, once a port has to be resolved.
    slices: OnceCell<HashMap<(&'s str, &'s str), Vec<&'s EndpointSlice>>>,
    kept: &'k mut KeptServices,
    /// What has been asked for since the last call of [`end`](Self::end).
    asked: Vec<Arc<Resolution>>,
}

impl<'k, 's> Services<'k, 's> {
    pub(super) fn new(
        snapshot: &'s Snapshot,
        options: &Options,
        kept: &'k mut KeptServices,
    ) -> Self {
        let Options { loopback_endpoints: loopback, names_others, .. } = *options;
        Self { snapshot, loopback, names_others, slices: OnceCell::new(), kept, asked: Vec::new() }
    }

    /// What has been asked for since the last call.
    pub(super) fn end(&mut self) -> Box<[Arc<Resolution>]> {
        std::mem::take(&mut self.asked).into()
    }

    /// Resolves the port that a backend references, in the Route's namespace.
    pub(super) fn resolve(
        &mut self,
        namespace: &Arc<str>,
        backend: &ServiceBackend,
    ) -> Arc<Resolution> {
        let ServiceBackend { name, port, .. } = backend;
        let known = self.kept.0.get(&**namespace).and_then(|services| services.get(&**name));
        let known = known.into_iter().flatten().find(|(known, _)| known == port);
        let resolution = match known {
            Some((_, resolution)) => resolution.clone(),
            None => {
                let resolution = Arc::new(self.look_up(namespace, name, port));
                let services = self.kept.0.entry(namespace.clone()).or_default();
                let ports = services.entry(name.as_str().into()).or_default();
                ports.push((port.clone(), resolution.clone()));
                resolution
            }
        };
        self.asked.push(resolution.clone());
        resolution
    }

    /// The slices of a Service.
    fn slices<'n>(&'n self, namespace: &'n str, service: &'n str) -> &'n [&'n EndpointSlice] {
        let all = self.slices.get_or_init(|| {
            let mut all: HashMap<_, Vec<_>> = HashMap::new();
            for (name, slice) in &self.snapshot.endpoint_slices {
                if let Some(service) = service_of(slice) {
                    all.entry((&*name.namespace, service)).or_default().push(&**slice);
                }
            }
            all
        });
        all.get(&(namespace, service)).map(Vec::as_slice).unwrap_or_default()
    }

    fn look_up(&self, namespace: &str, service: &str, wanted: &IntOrString) -> Resolution {
        let slices = self.slices(namespace, service);
        let port = self.port(namespace, service, wanted, slices);
        // What is missing is compared with what else there is.
        let is_current = match &port {
            Ok(port) => port.why_none.is_none() || !slices.is_empty(),
            Err((reason, _)) => *reason != Reason::ServiceNotFound,
        };
        Resolution { port, is_current: AtomicBool::new(is_current) }
    }

    fn port(
        &self,
        namespace: &str,
        service: &str,
        wanted: &IntOrString,
        slices: &[&EndpointSlice],
    ) -> Result<Port, (Reason, String)> {
        let name = ObjectName::new(namespace, service);
        let object = self.snapshot.services.get(&name).ok_or_else(|| {
            let hint = names::hint(&self.snapshot.services, &name, self.names_others);
            let hint = hint.unwrap_or_else(|| "create it or correct the name".to_owned());
            let message = format!(
                "Service {name} does not exist: {hint}; until then this backend gets no requests"
            );
            (Reason::ServiceNotFound, message)
        })?;
        let port = find_port(&name, object, wanted)?;
        let (protocol, warning) = protocol(&name, port);
        let number =
            u16::try_from(port.port).ok().filter(|number| *number > 0).ok_or_else(|| {
                let message = format!("Service {name} has an invalid port, {}", port.port);
                (Reason::PortNotFound, message)
            })?;
        let (service, name) = (name, port.name.as_deref().unwrap_or_default());
        let usable = |is_usable: fn(&Endpoint) -> bool| {
            let endpoints = slices.iter().flat_map(|slice| on_port(slice, name));
            endpoints.filter(move |(endpoint, _)| is_usable(endpoint))
        };
        let is_last_resort = usable(is_ready).next().is_none();
        // As kube-proxy does: those that are about to end are better than none.
        let (endpoints, refused) = match is_last_resort {
            true => self.dialable(usable(serves_while_terminating)),
            false => self.dialable(usable(is_ready)),
        };
        let none = endpoints.is_empty() && refused.is_empty();
        let why_none = none.then(|| self.why_none(&service, port, slices));
        let endpoints = endpoints.into();
        let shared = Mutex::default();
        Ok(Port { number, protocol, endpoints, is_last_resort, refused, warning, why_none, shared })
    }

    /// Why a port has no ready endpoints. Says nothing that changes as endpoints come and go.
    fn why_none(
        &self,
        service: &ObjectName,
        port: &ServicePort,
        slices: &[&EndpointSlice],
    ) -> String {
        if slices.is_empty() {
            return self.why_no_slices(service);
        }
        let name = port.name.as_deref().unwrap_or_default();
        if slices.iter().any(|slice| on_port(slice, name).next().is_some()) {
            return "no endpoint in its EndpointSlices is ready".to_owned();
        }
        let ports = || slices.iter().flat_map(|slice| slice.ports.iter().flatten());
        if ports().any(|port| is_port(port, name)) || ports().next().is_none() {
            return "its EndpointSlices have no endpoints".to_owned();
        }
        let has: BTreeSet<_> =
            ports().map(|port| port.name.as_deref().unwrap_or_default()).collect();
        let has: Vec<_> = has.into_iter().take(MAX_NAMES_SHOWN).map(named).collect();
        format!(
            "its port {} is {}, but its EndpointSlices only have ports {}: the port must have the same name in both",
            port.port,
            named(name),
            has.join(", ")
        )
    }

    fn why_no_slices(&self, service: &ObjectName) -> String {
        let first = ObjectName::new(service.namespace.clone(), "");
        let of_namespace = self.snapshot.endpoint_slices.range(first..);
        let of_namespace = of_namespace
            .take(MAX_SLICES_SEARCHED)
            .take_while(|(name, _)| name.namespace == service.namespace);
        let mut unlabelled = of_namespace.filter(|(name, slice)| {
            let labels = slice.metadata.labels.as_ref();
            name.name.starts_with(&*service.name)
                && labels.is_none_or(|labels| !labels.contains_key(SERVICE_NAME))
        });
        match unlabelled.next() {
            Some((slice, _)) => {
                format!("EndpointSlice {slice} lacks the label {SERVICE_NAME}: {}", service.name)
            }
            None => format!("no EndpointSlice has the label {SERVICE_NAME}: {}", service.name),
        }
    }

    fn dialable<'e>(
        &self,
        usable: impl Iterator<Item = (&'e Endpoint, u16)>,
    ) -> (Vec<SocketAddr>, Vec<String>) {
        let (mut endpoints, mut refused) = (Vec::new(), Vec::new());
        for (endpoint, number) in usable {
            // Further addresses of an endpoint lead to the same Pod.
            let Some(text) = endpoint.addresses.first() else { continue };
            match dialable(text, self.loopback) {
                Ok(address) => endpoints.push(SocketAddr::new(address, number)),
                Err(why) => refused.push(format!("{text} ({why})")),
            }
        }
        endpoints.sort_unstable();
        endpoints.dedup();
        refused.sort_unstable();
        refused.dedup();
        (endpoints, refused)
    }
}

/// A port's name in a sentence.
fn named(name: &str) -> String {
    if name.is_empty() { "without a name".to_owned() } else { format!("named '{name}'") }
}

/// The endpoints of a slice, each with its number of the Service's port of this name.
fn on_port<'e>(
    slice: &'e EndpointSlice,
    name: &'e str,
) -> impl Iterator<Item = (&'e Endpoint, u16)> {
    let ports = slice.ports.iter().flatten().filter(move |port| is_port(port, name));
    let numbers = ports.filter_map(|port| u16::try_from(port.port?).ok());
    numbers.flat_map(|number| slice.endpoints.iter().map(move |endpoint| (endpoint, number)))
}

/// A slice's port is identified by the name of the Service's port; its number is the Pods' own.
fn is_port(port: &EndpointPort, name: &str) -> bool {
    port.name.as_deref().unwrap_or_default() == name && is_tcp(port.protocol.as_deref())
}

/// Whether an endpoint takes requests. It may be terminating all the same: then its Service has
/// `publishNotReadyAddresses`.
fn is_ready(endpoint: &Endpoint) -> bool {
    endpoint.conditions.as_ref().and_then(|conditions| conditions.ready).unwrap_or(true)
}

/// Whether an endpoint still serves while it terminates (KEP-1669): used if none is ready.
fn serves_while_terminating(endpoint: &Endpoint) -> bool {
    endpoint.conditions.as_ref().is_some_and(|conditions| {
        conditions.terminating.unwrap_or(false) && conditions.serving.unwrap_or(false)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_that_no_route_names_any_more_are_not_kept_without_bound() {
        let mut snapshot = Snapshot::default();
        let name = ObjectName::new("web", "app");
        snapshot.services.insert(name.clone(), Arc::default());
        let mut kept = KeptServices::default();
        let resolve = |kept: &mut KeptServices, port: String| {
            let backend =
                ServiceBackend { name: "app".to_owned(), port: IntOrString::String(port) };
            let mut services = Services::new(&snapshot, &Options::default(), kept);
            services.resolve(&name.namespace, &backend)
        };
        let used = resolve(&mut kept, "used".to_owned());
        for number in 0..1000 {
            kept.forget_changed(&snapshot, &snapshot);
            drop(resolve(&mut kept, format!("p{number}")));
        }
        let ports = kept.0.values().flat_map(HashMap::values).flatten();
        assert!(ports.count() <= kept::MAX_UNUSED + 1);
        assert!(Arc::ptr_eq(&resolve(&mut kept, "used".to_owned()), &used));
        assert!(used.is_current());
    }
}

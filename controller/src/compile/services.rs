//! Services, their ports and their endpoints.

use super::{addresses::dialable, names, options::Options};
use crate::{diagnostic::Reason, objects::Snapshot};
use k8s_openapi::{
    api::{
        core::v1::{Service, ServicePort},
        discovery::v1::{Endpoint, EndpointPort, EndpointSlice},
    },
    apimachinery::pkg::util::intstr::IntOrString,
};
use portico_crds::ServiceBackend;
use portico_dataplane::table::{Backend, BackendTls, ObjectName, Protocol, Verification};
use std::{
    cell::RefCell,
    collections::{BTreeSet, HashMap},
    net::SocketAddr,
    rc::Rc,
    sync::Arc,
};

/// The label that ties an EndpointSlice to its Service.
const SERVICE_NAME: &str = "kubernetes.io/service-name";
/// How many names of ports a message lists.
const MAX_NAMES_SHOWN: usize = 5;
/// How many slices of a namespace are searched for one without that label.
const MAX_SLICES_SEARCHED: usize = 1000;

/// How many backends of a port, which differ in weight or priority, are kept for further Routes.
const MAX_SHARED: usize = 16;

/// A port of a Service, with a supported protocol.
#[derive(Debug)]
pub(super) struct Port {
    pub(super) number: u16,
    pub(super) protocol: Protocol,
    /// The ready endpoints that may be dialled, sorted and deduplicated.
    pub(super) endpoints: Arc<[SocketAddr]>,
    /// Whether these only still serve while they terminate, because none is ready.
    pub(super) is_last_resort: bool,
    /// Endpoints that must not be dialled, and why.
    pub(super) refused: Vec<String>,
    /// What is odd about it, though it is used.
    pub(super) warning: Option<String>,
    /// Why there are no endpoints, if there are none.
    pub(super) why_none: Option<String>,
    /// The backends that Routes have made of it.
    shared: RefCell<Vec<Arc<Backend>>>,
}

impl Port {
    /// Whether there is nothing to report of it.
    pub(super) fn is_unremarkable(&self) -> bool {
        self.refused.is_empty() && self.warning.is_none() && self.why_none.is_none()
    }

    /// The backend that an earlier Route has made of it, if that has this weight and priority.
    pub(super) fn shared(&self, weight: u32, priority: u32) -> Option<Arc<Backend>> {
        let shared = self.shared.borrow();
        shared.iter().find(|one| (one.weight, one.priority) == (weight, priority)).cloned()
    }

    /// Keeps a backend for further Routes.
    pub(super) fn share(&self, backend: &Arc<Backend>) {
        let mut shared = self.shared.borrow_mut();
        if shared.len() < MAX_SHARED {
            shared.push(backend.clone());
        }
    }
}

/// What a reference to a Service's port resolves to, or why it does not resolve.
pub(super) type Resolved = Rc<Result<Port, (Reason, String)>>;

/// The Services of a snapshot. Each port is resolved once, however many Routes reference it.
pub(super) struct Services<'s> {
    snapshot: &'s Snapshot,
    loopback: bool,
    names_others: bool,
    slices: HashMap<(&'s str, &'s str), Vec<&'s EndpointSlice>>,
    resolved: HashMap<(&'s str, &'s str, PortKey<'s>), Resolved>,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum PortKey<'s> {
    Number(i32),
    Name(&'s str),
}

impl<'s> Services<'s> {
    pub(super) fn new(snapshot: &'s Snapshot, options: &Options) -> Self {
        let mut slices: HashMap<_, Vec<_>> = HashMap::new();
        for (name, slice) in &snapshot.endpoint_slices {
            let labels = slice.metadata.labels.as_ref();
            if let Some(service) = labels.and_then(|labels| labels.get(SERVICE_NAME)) {
                slices.entry((&*name.namespace, service.as_str())).or_default().push(&**slice);
            }
        }
        let Options { loopback_endpoints: loopback, names_others, .. } = *options;
        Self { snapshot, loopback, names_others, slices, resolved: HashMap::new() }
    }

    /// Resolves the port that a backend references, in the Route's namespace.
    pub(super) fn resolve(&mut self, namespace: &'s str, backend: &'s ServiceBackend) -> Resolved {
        let port = match &backend.port {
            IntOrString::Int(number) => PortKey::Number(*number),
            IntOrString::String(name) => PortKey::Name(name),
        };
        let key = (namespace, backend.name.as_str(), port);
        if let Some(resolved) = self.resolved.get(&key) {
            return resolved.clone();
        }
        let resolved = Rc::new(self.look_up(namespace, &backend.name, port));
        self.resolved.insert(key, resolved.clone());
        resolved
    }

    fn look_up(
        &self,
        namespace: &str,
        service: &str,
        wanted: PortKey<'_>,
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
        let slices = self.slices.get(&(namespace, service)).map(Vec::as_slice).unwrap_or_default();
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
        let shared = RefCell::default();
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

fn find_port<'p>(
    name: &ObjectName,
    service: &'p Service,
    wanted: PortKey<'_>,
) -> Result<&'p ServicePort, (Reason, String)> {
    let spec = service.spec.as_ref();
    if spec.and_then(|spec| spec.type_.as_deref()) == Some("ExternalName") {
        let host = spec.and_then(|spec| spec.external_name.as_deref()).unwrap_or("HOST");
        let message = format!(
            "Service {name} is of type ExternalName, which has no endpoints: name the host as a backend, external: {{url: \"https://{host}\"}}"
        );
        return Err((Reason::UnsupportedService, message));
    }
    let ports = || spec.and_then(|spec| spec.ports.as_ref()).into_iter().flatten();
    let fits = |port: &&ServicePort| match wanted {
        PortKey::Number(number) => port.port == number,
        PortKey::Name(name) => port.name.as_deref() == Some(name),
    };
    let found = || ports().filter(fits);
    match found().find(|port| is_tcp(port.protocol.as_deref())).or_else(|| found().next()) {
        Some(port) if is_tcp(port.protocol.as_deref()) => Ok(port),
        Some(port) => {
            let message = format!(
                "port {} of Service {name} is {}: HTTP needs a TCP port",
                port.port,
                port.protocol.as_deref().unwrap_or_default()
            );
            Err((Reason::UnsupportedService, message))
        }
        None => Err((Reason::PortNotFound, no_such_port(name, wanted, ports()))),
    }
}

fn no_such_port<'p>(
    name: &ObjectName,
    wanted: PortKey<'_>,
    ports: impl Iterator<Item = &'p ServicePort>,
) -> String {
    let has: Vec<_> = ports
        .map(|port| match port.name.as_deref() {
            Some(name) if !name.is_empty() => format!("{} ({name})", port.port),
            _ => port.port.to_string(),
        })
        .collect();
    let has = if has.is_empty() { "none".to_owned() } else { has.join(", ") };
    match wanted {
        PortKey::Number(number) => format!("Service {name} has no port {number}; it has {has}"),
        PortKey::Name(port) if port.parse::<u16>().is_ok() => format!(
            "Service {name} has no port named '{port}'; it has {has}. A port's number is written without quotes"
        ),
        PortKey::Name(port) => format!("Service {name} has no port named '{port}'; it has {has}"),
    }
}

/// The protocol that a port's `appProtocol` stands for, in upper or lower case, and a warning if it
/// stands for none.
fn protocol(name: &ObjectName, port: &ServicePort) -> (Protocol, Option<String>) {
    let given = port.app_protocol.as_deref().unwrap_or_default();
    let protocol = match given.to_ascii_lowercase().as_str() {
        "" | "http" | "ws" | "kubernetes.io/ws" => Protocol::Http1,
        "h2c" | "http2" | "grpc" | "kubernetes.io/h2c" => Protocol::H2c,
        // No public authority signs the certificates of Pods.
        "https" | "wss" | "kubernetes.io/wss" => Protocol::Https(Arc::new(BackendTls {
            server_name: None,
            verification: Verification::None,
            client_certificate: None,
        })),
        _ => {
            let message = format!(
                "port {} of Service {name} has appProtocol '{given}', which Portico does not support, so it uses HTTP/1.1 there: write http, https, h2c, grpc, ws or wss, or leave it out",
                port.port
            );
            return (Protocol::Http1, Some(message));
        }
    };
    (protocol, None)
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

fn is_tcp(protocol: Option<&str>) -> bool {
    matches!(protocol, None | Some("" | "TCP"))
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

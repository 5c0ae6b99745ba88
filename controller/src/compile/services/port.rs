//! A port of a Service.

use crate::diagnostic::Reason;
use k8s_openapi::{
    api::core::v1::{Service, ServicePort},
    apimachinery::pkg::util::intstr::IntOrString,
};
use portico_dataplane::table::{Backend, BackendTls, ObjectName, Protocol, Verification};
use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// How many backends of a port, which differ in weight or priority, are kept for further Routes.
const MAX_SHARED: usize = 16;

/// A port of a Service, with a supported protocol.
#[derive(Debug)]
pub(in crate::compile) struct Port {
    pub(in crate::compile) number: u16,
    pub(in crate::compile) protocol: Protocol,
    /// The ready endpoints that may be dialled, sorted and deduplicated.
    pub(in crate::compile) endpoints: Arc<[SocketAddr]>,
    /// Whether these only still serve while they terminate, because none is ready.
    pub(in crate::compile) is_last_resort: bool,
    /// Endpoints that must not be dialled, and why.
    pub(in crate::compile) refused: Vec<String>,
    /// What is odd about it, though it is used.
    pub(in crate::compile) warning: Option<String>,
    /// Why there are no endpoints, if there are none.
    pub(in crate::compile) why_none: Option<String>,
    /// The backends that Routes have made of it.
    pub(super) shared: Mutex<Vec<Arc<Backend>>>,
}

impl Port {
    /// Whether there is nothing to report of it.
    pub(in crate::compile) fn is_unremarkable(&self) -> bool {
        self.refused.is_empty() && self.warning.is_none() && self.why_none.is_none()
    }

    fn shared(&self) -> MutexGuard<'_, Vec<Arc<Backend>>> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The backend that an earlier Route has made of it, if that has this weight and priority.
    pub(in crate::compile) fn backend(&self, weight: u32, priority: u32) -> Option<Arc<Backend>> {
        let shared = self.shared();
        shared.iter().find(|one| (one.weight, one.priority) == (weight, priority)).cloned()
    }

    /// Keeps a backend for further Routes.
    pub(in crate::compile) fn share(&self, backend: &Arc<Backend>) {
        let mut shared = self.shared();
        if shared.len() < MAX_SHARED {
            shared.push(backend.clone());
        }
    }
}

/// The port that a reference means, or why there is none.
pub(super) fn find_port<'p>(
    name: &ObjectName,
    service: &'p Service,
    wanted: &IntOrString,
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
        IntOrString::Int(number) => port.port == *number,
        IntOrString::String(name) => port.name.as_deref() == Some(name),
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
    wanted: &IntOrString,
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
        IntOrString::Int(number) => format!("Service {name} has no port {number}; it has {has}"),
        IntOrString::String(port) if port.parse::<u16>().is_ok() => format!(
            "Service {name} has no port named '{port}'; it has {has}. A port's number is written without quotes"
        ),
        IntOrString::String(port) => {
            format!("Service {name} has no port named '{port}'; it has {has}")
        }
    }
}

/// The protocol that a port's `appProtocol` stands for, in upper or lower case, and a warning if it
/// stands for none.
pub(super) fn protocol(name: &ObjectName, port: &ServicePort) -> (Protocol, Option<String>) {
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

pub(super) fn is_tcp(protocol: Option<&str>) -> bool {
    matches!(protocol, None | Some("" | "TCP"))
}

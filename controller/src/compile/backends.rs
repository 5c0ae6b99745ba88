//! `spec.backends`: Services in the Route's namespace, and external hosts.

use super::{
    authority,
    backend_tls::BackendTlsField,
    certificates::Certificates,
    report::Report,
    services::{Port, Resolution, Services},
};
use crate::diagnostic::{FieldPath, Reason};
use http::HeaderValue;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use portico_crds as crds;
use portico_dataplane::{
    address_guard::AddressGuard,
    table::{
        Authority, Backend, BackendTls, HostHeader, ObjectName, Protocol, Scheme, ServerName,
        Target, Verification,
    },
};
use std::{net::Ipv4Addr, sync::Arc};

/// How many backends a Route may have.
const MAX_BACKENDS: usize = 16;
/// The largest weight.
const MAX_WEIGHT: i32 = 1_000_000;
/// The highest priority number.
const MAX_PRIORITY: i32 = 1000;

/// Compiles the backends of one Route.
pub(super) struct Backends<'a, 'c, 'k, 's> {
    pub(super) services: &'a mut Services<'k, 's>,
    pub(super) certificates: &'a mut Certificates<'c, 's>,
    pub(super) guard: &'a AddressGuard,
    pub(super) route: &'s ObjectName,
    /// `rewrite.host`.
    pub(super) host: Option<&'s str>,
}

/// What Services and external hosts resolve to: where the backend is and which protocol it speaks.
struct ResolvedBackend {
    name: String,
    protocol: Protocol,
    /// The backend's own name comes first.
    authorities: Vec<Authority>,
    target: Target,
    /// Whether its endpoints are used only if no backend has others.
    is_last_resort: bool,
    default_host: HostMode,
}

#[derive(Clone, Copy)]
enum HostMode {
    Backend,
    Preserve,
}

impl<'s> Backends<'_, '_, '_, 's> {
    pub(super) fn compile(
        mut self,
        backends: &'s [crds::Backend],
        at: &FieldPath<'_>,
        report: &mut Report,
    ) -> Vec<Arc<Backend>> {
        if backends.is_empty() || backends.len() > MAX_BACKENDS {
            report
                .invalid(at, format!("has {} backends: list 1 to {MAX_BACKENDS}", backends.len()));
        }
        let backends = backends.iter().enumerate().take(MAX_BACKENDS);
        let compiled = backends.filter_map(|(i, one)| self.backend(one, &at.index(i), report));
        let mut compiled: Vec<_> = compiled.collect();
        let is_ready = |(backend, is_last_resort): &(Arc<Backend>, bool)| {
            !is_last_resort && backend.weight > 0 && backend.target.is_available()
        };
        if compiled.iter().any(is_ready) {
            // A ready endpoint of any backend is better than one that is about to end.
            for (backend, _) in compiled.iter_mut().filter(|(_, is_last_resort)| *is_last_resort) {
                Arc::make_mut(backend).target = Target::Endpoints(Arc::default());
            }
        }
        compiled.into_iter().map(|(backend, _)| backend).collect()
    }

    /// A backend, and whether its endpoints are used only if no other has any.
    fn backend(
        &mut self,
        backend: &'s crds::Backend,
        at: &FieldPath<'_>,
        report: &mut Report,
    ) -> Option<(Arc<Backend>, bool)> {
        let weight = number(backend.weight, MAX_WEIGHT, &at.child("weight"), report);
        let priority = number(backend.priority, MAX_PRIORITY, &at.child("priority"), report);
        let port = self.plain_port(backend);
        let port = port.as_ref().and_then(|resolution| resolution.port.as_ref().ok());
        if let (Some(port), Some(weight), Some(priority)) = (port, weight, priority)
            && let Some(shared) = port.backend(weight, priority)
        {
            return Some((shared, port.is_last_resort));
        }
        let resolved = match (&backend.service, &backend.external) {
            (Some(service), None) => self.service(service, &at.child("service"), report),
            (None, Some(external)) => {
                self.external(&external.url, &at.child("external").child("url"), report)
            }
            (Some(_), Some(_)) => {
                report.invalid_members(
                    at,
                    &["service", "external"],
                    "has both service and external: keep one, or make two backends",
                );
                None
            }
            (None, None) => {
                report.invalid_members(
                    at,
                    &["service", "external"],
                    "has neither service nor external: set one of them",
                );
                None
            }
        };
        let mut resolved = resolved?;
        if let Some(given) = &backend.tls {
            self.apply_tls(given, &mut resolved, &at.child("tls"), report);
        }
        let ResolvedBackend {
            name,
            protocol,
            mut authorities,
            target,
            is_last_resort,
            default_host,
        } = resolved;
        let host = self.host_header(&protocol, &mut authorities, default_host, report)?;
        let (weight, priority) = (weight?, priority?);
        let own_authorities = authorities;
        let backend = Backend { name, weight, priority, protocol, host, own_authorities, target };
        let backend = Arc::new(backend);
        if let Some(port) = port {
            port.share(&backend);
        }
        Some((backend, is_last_resort))
    }

    /// The port of a Service of which all Routes make the same backend, without anything to report:
    /// neither `tls` nor `rewrite.host` changes it.
    fn plain_port(&mut self, backend: &'s crds::Backend) -> Option<Arc<Resolution>> {
        let is_plain = backend.external.is_none() && backend.tls.is_none() && self.host.is_none();
        let service = backend.service.as_ref().filter(|_| is_plain)?;
        let resolved = self.services.resolve(&self.route.namespace, service);
        let is_unremarkable = resolved.port.as_ref().is_ok_and(Port::is_unremarkable);
        is_unremarkable.then_some(resolved)
    }

    /// Applies `tls`. Without what it refers to, the backend takes no request.
    fn apply_tls(
        &mut self,
        given: &crds::BackendTls,
        resolved: &mut ResolvedBackend,
        at: &FieldPath<'_>,
        report: &mut Report,
    ) {
        let is_service = matches!(resolved.target, Target::Endpoints(_));
        let field = BackendTlsField { namespace: &self.route.namespace, is_service, given };
        let server_name = field.server_name(&at.child("serverName"), report);
        let tls = match &resolved.protocol {
            Protocol::Https(default) => {
                field.compile(server_name, default, self.certificates, at, report)
            }
            Protocol::Http1 | Protocol::H2c => {
                let message = "applies to https only";
                if is_service {
                    report.unresolved(at, Reason::UnsupportedService, format!("{message}: give the Service's port appProtocol https, or leave tls out; until then this backend gets no requests"));
                } else {
                    report.invalid(
                        at,
                        format!("{message}: write https in external.url, or leave tls out"),
                    );
                }
                None
            }
        };
        match tls {
            Some(tls) => resolved.protocol = Protocol::Https(Arc::new(tls)),
            None => resolved.target = Target::Endpoints(Arc::default()),
        }
    }

    fn service(
        &mut self,
        service: &'s crds::ServiceBackend,
        at: &FieldPath<'_>,
        report: &mut Report,
    ) -> Option<ResolvedBackend> {
        let named = ObjectName::new(self.route.namespace.clone(), service.name.as_str());
        let resolved = self.services.resolve(&self.route.namespace, service);
        let (port, protocol, endpoints) = match &resolved.port {
            Ok(port) => {
                endpoint_problems(&named, port, at, report);
                if let Some(warning) = &port.warning {
                    report.warn(&at.child("port"), Reason::UnsupportedService, warning.as_str());
                }
                (port.number.to_string(), port.protocol.clone(), port.endpoints.clone())
            }
            Err((reason, message)) => {
                let port = match *reason {
                    Reason::PortNotFound => &at.child("port"),
                    _ => at,
                };
                report.unresolved(port, *reason, message.as_str());
                (port_text(&service.port), Protocol::Http1, Arc::default())
            }
        };
        let number = port.parse().ok().filter(|n| *n != protocol.scheme().default_port());
        Some(ResolvedBackend {
            name: format!("{named}:{port}"),
            protocol,
            authorities: cluster_names(&named, number),
            target: Target::Endpoints(endpoints),
            is_last_resort: resolved.port.as_ref().is_ok_and(|port| port.is_last_resort),
            default_host: HostMode::Preserve,
        })
    }

    fn external(
        &self,
        url: &str,
        at: &FieldPath<'_>,
        report: &mut Report,
    ) -> Option<ResolvedBackend> {
        let (scheme, authority) =
            authority::parse_url(url).map_err(|error| report.invalid(at, error)).ok()?;
        let host = authority.host.trim_matches(['[', ']']).to_owned();
        let address = match authority::address(&host) {
            None if host == "localhost" || host.ends_with(".localhost") => {
                Some(Ipv4Addr::LOCALHOST.into())
            }
            address => address,
        };
        if address.is_some_and(|address| !self.guard.allows(&host, address)) {
            report.warn(
                at,
                Reason::AddressNotAllowed,
                format!("{host} is not a public address, so nothing will be sent there: allow it with --allow-external {host}"),
            );
        }
        let protocol = match scheme {
            Scheme::Http => Protocol::Http1,
            Scheme::Https => {
                let Ok(name) = ServerName::try_from(host.clone()) else {
                    report.invalid(at, format!("has a host that no certificate can name: {host}"));
                    return None;
                };
                Protocol::Https(Arc::new(BackendTls {
                    server_name: Some(name),
                    verification: Verification::PublicRoots,
                    client_certificate: None,
                }))
            }
        };
        Some(ResolvedBackend {
            name: format!("{}://{authority}", scheme.as_str()),
            protocol,
            target: Target::External {
                host,
                port: authority.port.unwrap_or(scheme.default_port()),
            },
            authorities: vec![authority],
            is_last_resort: false,
            default_host: HostMode::Backend,
        })
    }

    /// The Host header for the backend. A name in `rewrite.host` is added to the backend's own
    /// names.
    fn host_header(
        &self,
        protocol: &Protocol,
        authorities: &mut Vec<Authority>,
        default: HostMode,
        report: &mut Report,
    ) -> Option<HostHeader> {
        let own = match (self.host, default) {
            (Some("Preserve"), _) | (None, HostMode::Preserve) => {
                return Some(HostHeader::Preserve);
            }
            (Some("Backend"), _) | (None, HostMode::Backend) => authorities.first()?.to_string(),
            // The rewrite's name is validated once, with the rewrite itself.
            (Some(name), _) => {
                let named = authority::parse(name, protocol.scheme().default_port()).ok()?;
                let text = named.to_string();
                if !authorities.contains(&named) {
                    authorities.push(named);
                }
                text
            }
        };
        match HeaderValue::try_from(own) {
            Ok(value) => Some(HostHeader::Set(value)),
            Err(_) => {
                report.invalid(
                    &FieldPath::SPEC.child("backends"),
                    "has a name that is not valid in a Host header",
                );
                None
            }
        }
    }
}

fn number(value: i32, max: i32, at: &FieldPath<'_>, report: &mut Report) -> Option<u32> {
    if value > max {
        report.invalid(at, format!("is {value}: must be at most {max}"));
    }
    u32::try_from(value)
        .map_err(|_| report.invalid(at, format!("is {value}: must be at least 0")))
        .ok()
}

fn port_text(port: &IntOrString) -> String {
    match port {
        IntOrString::Int(number) => number.to_string(),
        IntOrString::String(name) => name.clone(),
    }
}

fn endpoint_problems(
    service: &ObjectName,
    Port { refused, why_none, .. }: &Port,
    at: &FieldPath<'_>,
    report: &mut Report,
) {
    /// How many addresses a message lists.
    const MAX_SHOWN: usize = 3;
    if let Some(shown) =
        refused.get(..refused.len().min(MAX_SHOWN)).filter(|shown| !shown.is_empty())
    {
        let more = match refused.len() - shown.len() {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        report.unresolved(
            at,
            Reason::AddressNotAllowed,
            format!(
                "Service {service} has endpoints that are not dialled: {}{more}",
                shown.join(", ")
            ),
        );
    } else if let Some(why) = why_none {
        report.warn(
            at,
            Reason::NoEndpoints,
            format!("Service {service} has no ready endpoint: {why}; until it has one, this backend gets no requests"),
        );
    }
}

/// The names by which a Pod may refer to its own Service.
fn cluster_names(service: &ObjectName, port: Option<u16>) -> Vec<Authority> {
    let ObjectName { namespace, name } = service;
    [
        format!("{name}.{namespace}.svc"),
        format!("{name}.{namespace}.svc.cluster.local"),
        format!("{name}.{namespace}"),
        name.to_string(),
    ]
    .into_iter()
    .map(|host| Authority { host: host.to_ascii_lowercase(), port })
    .collect()
}

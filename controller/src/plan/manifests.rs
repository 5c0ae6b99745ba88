//! The objects of a plan, as YAML.

use super::{
    doors::{BackendTarget, Door, DoorRoute},
    report::Plan,
};
use crate::{
    compile::MAX_MATCHES,
    manifest::{File, document},
    schema::count,
};
use serde::Serialize;
use serde_json::Value;
use std::{collections::BTreeSet, net::IpAddr};

/// The manifests: a file for each FrontDoor, and one for each host behind it.
///
/// # Errors
/// If an object can't be written.
pub fn files(plan: &Plan) -> Result<Vec<File>, serde_saphyr::SerializeError> {
    let mut files = Vec::new();
    for door in &plan.doors {
        let is_alone = plan.doors.len() == 1;
        let name =
            if is_alone { "front-door".to_owned() } else { format!("{}-front-door", door.name) };
        files.push(File { name: format!("{name}.yaml"), text: front_door(plan, door)? });
        for route in &door.routes {
            files.push(File { name: format!("{}.yaml", route.name), text: host(door, route)? });
        }
    }
    Ok(files)
}

type Written = Result<String, serde_saphyr::SerializeError>;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Object<S> {
    api_version: &'static str,
    kind: &'static str,
    metadata: Metadata,
    #[serde(flatten)]
    content: S,
}

#[derive(Serialize)]
struct Metadata {
    name: String,
    namespace: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    labels: Option<Value>,
}

#[derive(Serialize)]
struct Spec<S> {
    spec: S,
}

#[derive(Serialize)]
struct FrontDoorSpec {
    hosts: Vec<Named>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attach: Option<Vec<Value>>,
}

#[derive(Serialize)]
struct Named {
    name: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RouteSpec<'r> {
    front_door_ref: Reference<'r>,
    matches: Vec<Match<'r>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rewrite: Option<Match<'static>>,
    backends: Vec<Value>,
}

#[derive(Serialize)]
struct Reference<'r> {
    name: &'r str,
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace: Option<&'r str>,
}

#[derive(Serialize)]
struct Match<'r> {
    path: &'r str,
}

fn metadata(namespace: &str, name: &str) -> Metadata {
    Metadata { name: name.to_owned(), namespace: namespace.to_owned(), labels: None }
}

/// One of Portico's own objects.
fn own<S>(kind: &'static str, metadata: Metadata, spec: S) -> Object<Spec<S>> {
    Object { api_version: "portico.dev/v1alpha1", kind, metadata, content: Spec { spec } }
}

fn front_door(plan: &Plan, door: &Door) -> Written {
    let namespaces: BTreeSet<_> = door.routes.iter().map(|route| &route.namespace).collect();
    let is_alone = namespaces.iter().all(|namespace| **namespace == door.namespace);
    let attach = (!is_alone).then(|| vec![serde_json::json!({"namespaces": namespaces})]);
    let spec = FrontDoorSpec { hosts: vec![Named { name: door.host.clone() }], attach };
    let object = own("FrontDoor", metadata(&door.namespace, &door.name), spec);
    let page = plan.pages.iter().find(|page| page.origin == door.page);
    let about = match page {
        Some(page) => format!(
            "Pages at {}: {} to other origins, {}.",
            door.page,
            count(page.cross_origin, "recorded call"),
            count(page.preflights.all(), "preflight")
        ),
        None => format!("Pages at {}.", door.page),
    };
    document(&[about], &object)
}

/// The Routes of a host, and the Service that stands for an address.
fn host(door: &Door, route: &DoorRoute) -> Written {
    let mut about = vec![format!("{}: {}.", route.origin, count(route.calls, "recorded request"))];
    if route.origin == door.page && matches!(route.backend, BackendTarget::External(_)) {
        about.push(
            "The front door takes over this host: point the backend at where it is served now."
                .to_owned(),
        );
    }
    if !route.changed.is_empty() {
        about.push("Calls to change in the page:".to_owned());
        let changed =
            route.changed.iter().map(|(method, from, to)| format!("  {method} {from} → {to}"));
        about.extend(changed);
    }
    let mut text = String::new();
    for (at, paths) in route.paths.chunks(MAX_MATCHES).enumerate() {
        let name =
            if at == 0 { route.name.clone() } else { format!("{}-part-{}", route.name, at + 1) };
        let namespace = Some(door.namespace.as_str()).filter(|it| *it != route.namespace);
        let spec = RouteSpec {
            front_door_ref: Reference { name: &door.name, namespace },
            matches: paths.iter().map(|path| Match { path }).collect(),
            rewrite: route.prefix.as_ref().map(|_| Match { path: "/*" }),
            backends: vec![backend(route)],
        };
        let object = own("Route", metadata(&route.namespace, &name), spec);
        text.push_str(&document(if at == 0 { &about } else { &[] }, &object)?);
    }
    if let BackendTarget::Address { address, port, is_https } = route.backend {
        text.push_str(&service(route, address, port, is_https)?);
    }
    Ok(text)
}

fn backend(route: &DoorRoute) -> Value {
    match &route.backend {
        BackendTarget::External(url) => serde_json::json!({"external": {"url": url}}),
        BackendTarget::Service(service) => {
            let port = match service.port.parse::<u16>() {
                Ok(number) => Value::from(number),
                Err(_) => Value::from(service.port.clone()),
            };
            serde_json::json!({"service": {"name": service.name, "port": port}})
        }
        BackendTarget::Address { .. } => {
            serde_json::json!({"service": {"name": route.name, "port": "web"}})
        }
    }
}

/// A Service without a cluster: its endpoint is written beside it.
fn service(route: &DoorRoute, address: IpAddr, port: u16, is_https: bool) -> Written {
    let mut service_port = serde_json::json!({"name": "web", "port": 80});
    if is_https {
        service_port["appProtocol"] = Value::from("https");
    }
    let service = Object {
        api_version: "v1",
        kind: "Service",
        metadata: metadata(&route.namespace, &route.name),
        content: Spec { spec: serde_json::json!({"ports": [service_port]}) },
    };
    let slice = Object {
        api_version: "discovery.k8s.io/v1",
        kind: "EndpointSlice",
        metadata: Metadata {
            labels: Some(serde_json::json!({"kubernetes.io/service-name": route.name})),
            ..metadata(&route.namespace, &format!("{}-1", route.name))
        },
        content: serde_json::json!({
            "addressType": if address.is_ipv4() { "IPv4" } else { "IPv6" },
            "ports": [{"name": "web", "port": port}],
            "endpoints": [{"addresses": [address.to_string()]}],
        }),
    };
    Ok(document(&[], &service)? + &document(&[], &slice)?)
}

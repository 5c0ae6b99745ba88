//! Ingress objects, with the annotations of their controller.
//!
//! What becomes of an annotation stands in a table of its controller: [`nginx`], [`traefik`],
//! [`haproxy`]. Nothing is served more widely than before: where what keeps requests out has no
//! equal, the Route answers 503 until somebody has seen to it.

mod annotation;
mod certificates;
mod checked;
mod controller;
mod doors;
mod haproxy;
mod hosts;
mod literal;
mod location;
mod networks;
mod nginx;
mod object;
mod place;
mod policy;
mod routes;
mod settings;
mod shape;
mod sites;
mod traefik;

pub use controller::Controller;

use super::{Imported, Node, Object, Report, Source};
use annotation::ConfigMaps;
use object::{Ingress, names};

/// Imports Ingress objects of a controller.
pub fn ingress(sources: &[Source], from: Controller) -> Imported {
    let report = Report::default();
    let called: Vec<_> = sources.iter().map(called).collect();
    let objects = import(sources, &called, from, &report);
    Imported { objects, report: report.into_entries() }
}

fn import(sources: &[Source], called: &[String], from: Controller, report: &Report) -> Vec<Object> {
    let config_maps: ConfigMaps<'_> = sources
        .iter()
        .filter(|source| is(source, "v1", "ConfigMap"))
        .map(|source| (names(&source.value), &source.value["data"]))
        .collect();
    let mut ingresses = Vec::new();
    for (order, (source, called)) in sources.iter().zip(called).enumerate() {
        let node = Node::of(&source.value, order, called, report);
        if is(source, "networking.k8s.io/v1", "Ingress") {
            ingresses.push(Ingress::read(node, from, &config_maps));
        } else {
            others(source, &node, &config_maps);
        }
    }
    // What there is one of belongs to the oldest.
    ingresses.sort_by_key(|it| {
        (it.created.is_empty(), it.created, it.namespace.clone(), it.name.clone())
    });
    let mut sites = sites::of(&ingresses, from);
    certificates::assign(&mut sites, &ingresses);
    let written = doors::of(sites, &ingresses, from);
    let objects = checked::only_accepted(written, &ingresses);
    for ingress in &ingresses {
        kept_otherwise(ingress);
        ingress.node.drop_the_rest();
    }
    objects
}

/// Fields that are read, and have no verdict of their own yet.
fn kept_otherwise(ingress: &Ingress<'_>) {
    let spec = ingress.node.field("spec");
    spec.iter().filter_map(|it| it.field("ingressClassName")).for_each(|it| it.kept());
    for rule in &ingress.rules {
        rule.node.field("host").iter().for_each(Node::kept);
    }
    if let Some(target) = &ingress.default_backend
        && !target.node.has_verdict()
    {
        target.node.dropped("every host that it is for has a path for all the rest");
    }
}

fn is(source: &Source, version: &str, kind: &str) -> bool {
    source.value["apiVersion"] == version && source.value["kind"] == kind
}

/// What the report calls an object.
fn called(source: &Source) -> String {
    let kind = source.value["kind"].as_str().unwrap_or("document");
    match names(&source.value) {
        (_, "") => format!("{kind} in {}", source.file),
        (_, name) if kind == "IngressClass" => format!("{kind} {name}"),
        (namespace, name) => format!("{kind} {namespace}/{name}"),
    }
}

/// Reports an object that is no Ingress of a version that is read.
fn others(source: &Source, node: &Node<'_>, config_maps: &ConfigMaps<'_>) {
    let version = source.value["apiVersion"].as_str().unwrap_or_default();
    match source.value["kind"].as_str() {
        Some("Ingress") => node.dropped(format!(
            "{version} is gone since Kubernetes 1.22: write it as networking.k8s.io/v1 \
             (kubectl get ingress -o yaml does)"
        )),
        Some("IngressClass") => node.dropped(
            "an Ingress needs no class here: className of a FrontDoor says which install of \
             Portico serves it",
        ),
        Some("ConfigMap") if config_maps.contains_key(&names(&source.value)) => {
            node.dropped("is read for custom-headers alone: it stays as it is");
        }
        Some(kind) => node.dropped(format!("{kind} is not read: only Ingress objects are")),
        None => node.dropped("is not an object of Kubernetes: it has no kind"),
    }
}

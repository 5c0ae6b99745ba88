//! Azure Front Door, classic (`Microsoft.Network/frontDoors`), Standard and Premium
//! (`Microsoft.Cdn/profiles`): ARM templates, and what `az` prints as JSON.
//!
//! [`template`] finds the resources and works out their expressions; [`classic`] and [`standard`] read
//! them into a [`door`], the same for both; [`routes`] makes Routes of that, with the [`rules`] that
//! each has; [`accepted`] makes sure that Portico takes them.

mod accepted;
mod classic;
mod door;
mod expression;
mod functions;
mod names;
mod pattern;
mod pool;
mod read;
mod resource;
mod routes;
mod rules;
mod scope;
mod shared;
mod standard;
mod template;

use super::{Entry, Imported, Node, Object, Report, Source, Verdict};
use door::{Door, Host};
use names::{Taken, label};
use portico_crds::PlainHttp;
use resource::Resource;
use routes::Routes;
use serde_json::{Value, json};
use std::collections::HashSet;

/// The namespace of all that is written.
const NAMESPACE: &str = "default";
/// How many hosts a FrontDoor may have.
const MAX_HOSTS: usize = 64;

/// Imports templates, with the values of these parameter files.
pub fn azure(sources: &[Source], parameters: &[Source]) -> Imported {
    let resources = template::resources(sources, parameters);
    let report = Report::default();
    let nodes: Vec<_> = resources
        .iter()
        .enumerate()
        .map(|(order, it)| Node::of(&it.value, order, &it.label, &report))
        .collect();
    for (order, resource) in resources.iter().enumerate() {
        for (path, why) in &resource.missing {
            report.note((order, &resource.label), path, Verdict::Dropped, why.clone());
        }
        if let Some(why) = refusal(resource) {
            nodes[order].dropped(why);
        }
    }
    let classic = resources.iter().enumerate().filter(|(_, it)| is_classic(it));
    let classic = classic.filter_map(|(order, _)| classic::door(&resources, order, &report));
    let profiles = standard::Profile::all(&resources, &report);
    let profiles = profiles.iter().map(standard::Profile::door);
    let mut writer = Writer::default();
    classic.chain(profiles).for_each(|door| writer.write(door));
    nodes.iter().for_each(Node::drop_the_rest);
    accepted::accepted(Imported {
        objects: writer.objects,
        report: without_parts_of_dropped(report.into_entries()),
    })
}

fn is_classic(resource: &Resource) -> bool {
    resource.id.kind == classic::FRONT_DOOR && resource.refused.is_none()
}

/// Why nothing becomes of a resource, whatever it says.
fn refusal(resource: &Resource) -> Option<String> {
    if resource.refused.is_some() {
        return resource.refused.clone();
    }
    let kind = resource.id.kind.as_str();
    let why = match kind {
        it if it.contains("webapplicationfirewallpolicies") => shared::WAF,
        "microsoft.cdn/profiles/securitypolicies" => shared::WAF,
        "microsoft.cdn/profiles/secrets" => {
            "the certificate stays in the key vault: export it, and create a Secret of type kubernetes.io/tls"
        }
        "microsoft.cdn/profiles/endpoints" => "is an endpoint of Azure CDN, not of Front Door",
        it if it.starts_with("microsoft.network/dnszones") => {
            "Portico writes no DNS records: point the hosts at it yourself"
        }
        it if it.starts_with(classic::FRONT_DOOR) || it.starts_with(standard::PROFILE) => {
            return None;
        }
        _ => "is not a part of Azure Front Door",
    };
    Some(why.to_owned())
}

/// Writes front doors, one after another.
#[derive(Default)]
struct Writer {
    objects: Vec<Object>,
    doors: Taken,
    routes: Taken,
    hosts: HashSet<String>,
}

impl Writer {
    fn write(&mut self, mut door: Door<'_>) {
        let mut good = Vec::new();
        for host in std::mem::take(&mut door.hosts) {
            let name = host.name.strip_prefix("*.").unwrap_or(&host.name);
            if !pool::is_name(name) {
                host.node.dropped("is no host that a FrontDoor can have");
            } else if !self.hosts.insert(host.name.clone()) {
                host.node.dropped("is named twice: a host belongs to one front door");
            } else {
                good.push(host);
            }
        }
        for hosts in good.chunks(MAX_HOSTS) {
            self.write_some(&door, hosts);
        }
    }

    /// A FrontDoor with some of the hosts, and its Routes.
    fn write_some(&mut self, door: &Door<'_>, hosts: &[Host<'_>]) {
        let routes = Routes::new(door, hosts);
        let name = self.doors.unique(&label(&door.name));
        let about = vec![format!("From {}.", door.label)];
        let spec = front_door(door, hosts, &routes);
        self.objects.push(object("FrontDoor", name.clone(), about.clone(), spec));
        for routes::Draft { name: own, mut spec } in routes.drafts() {
            spec.insert("frontDoorRef".to_owned(), json!({"name": name}));
            let own = self.routes.unique(&own);
            self.objects.push(object("Route", own, about.clone(), Value::Object(spec)));
        }
    }
}

fn object(kind: &'static str, name: String, about: Vec<String>, spec: Value) -> Object {
    let (api_version, namespace) = ("portico.dev/v1alpha1", NAMESPACE.to_owned());
    Object { api_version, kind, namespace, name, about, content: json!({"spec": spec}) }
}

/// The spec of a FrontDoor.
fn front_door(door: &Door<'_>, hosts: &[Host<'_>], routes: &Routes<'_, '_>) -> Value {
    let mut any_tls = false;
    let hosts: Vec<Value> = hosts
        .iter()
        .map(|host| {
            if host.name.ends_with(".azurefd.net") {
                host.node.changed("belongs to Azure: put a host of your own in its place");
            }
            if !routes.has_tls(host) {
                return json!({"name": host.name});
            }
            any_tls = true;
            let secret = format!("{}-tls", label(&host.name.replace('*', "wildcard")));
            host.node.changed(format!(
                "its certificate stays with Azure: create the Secret {NAMESPACE}/{secret} of type kubernetes.io/tls; until then TLS handshakes fail"
            ));
            json!({"name": host.name, "tls": {"secretRef": {"name": secret}}})
        })
        .collect();
    let mut spec = json!({"hosts": hosts});
    if any_tls {
        spec["plainHttp"] = match routes.plain {
            PlainHttp::Redirect => "Redirect",
            PlainHttp::Serve => "Serve",
            PlainHttp::Refuse => "Refuse",
        }
        .into();
    }
    if any_tls && door.is_tls13 {
        spec["tls"] = json!({"minVersion": "VersionTLS13"});
    }
    if let Some(timeout) = &door.timeout {
        spec["defaults"] = json!({"timeouts": {"request": timeout}});
    }
    spec
}

/// What is kept of something is not kept where the whole is not.
fn without_parts_of_dropped(entries: Vec<Entry>) -> Vec<Entry> {
    let dropped = entries.iter().filter(|entry| entry.verdict == Verdict::Dropped);
    let dropped: HashSet<(String, String)> =
        dropped.map(|entry| (entry.source.clone(), entry.field.clone())).collect();
    let is_of_dropped = |entry: &Entry| {
        let ends = entry.field.rmatch_indices(['.', '[']).map(|(at, _)| at);
        let ends = ends.chain((!entry.field.is_empty()).then_some(0));
        let mut wholes = ends.map(|end| (entry.source.clone(), entry.field[..end].to_owned()));
        wholes.any(|whole| dropped.contains(&whole))
    };
    let stays = |entry: &Entry| entry.verdict == Verdict::Dropped || !is_of_dropped(entry);
    entries.into_iter().filter(stays).collect()
}

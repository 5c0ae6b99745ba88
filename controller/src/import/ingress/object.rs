//! Ingress objects.

use super::{
    super::Node,
    annotation::{ConfigMaps, UNKNOWN},
    controller::Controller,
    literal,
    place::PathType,
    settings::Settings,
};
use serde_json::{Value, json};

/// An Ingress.
pub(super) struct Ingress<'s> {
    /// All of it.
    pub(super) node: Node<'s>,
    /// Its namespace.
    pub(super) namespace: String,
    /// Its name.
    pub(super) name: String,
    /// When it was created; empty if it does not say.
    pub(super) created: &'s str,
    /// What its annotations ask for.
    pub(super) settings: Settings,
    /// Its hosts, with their paths.
    pub(super) rules: Vec<Rule<'s>>,
    /// Where requests go that no path matches.
    pub(super) default_backend: Option<Target<'s>>,
}

/// A host, with its paths.
pub(super) struct Rule<'s> {
    /// Where its verdict goes.
    pub(super) node: Node<'s>,
    /// The host as it is written; empty for any.
    pub(super) host: &'s str,
    /// Its paths.
    pub(super) paths: Vec<Path<'s>>,
}

/// A path.
pub(super) struct Path<'s> {
    /// Where its verdict goes.
    pub(super) node: Node<'s>,
    /// The path as it is written.
    pub(super) text: &'s str,
    /// Its type.
    pub(super) kind: PathType,
    /// Where its requests go.
    pub(super) target: Target<'s>,
}

/// Where requests go.
pub(super) struct Target<'s> {
    /// Where its verdict goes.
    pub(super) node: Node<'s>,
    /// A backend of a Route, or why there is none.
    pub(super) backend: Result<Value, String>,
}

/// What an API server writes into objects, and what is not about requests.
const BOOKKEEPING: [&str; 8] = [
    "name",
    "namespace",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "managedFields",
    "selfLink",
];

/// Annotations of others that have to do with Ingress objects.
const OF_OTHERS: [(&str, &str); 4] = [
    (
        "cert-manager.io/",
        "cert-manager issues certificates for Ingress objects: write a Certificate for the Secret",
    ),
    (
        "acme.cert-manager.io/",
        "cert-manager issues certificates for Ingress objects: write a Certificate for the Secret",
    ),
    (
        "external-dns.alpha.kubernetes.io/",
        "external-dns does not read FrontDoors: annotate Portico's Service with the hosts",
    ),
    (
        "meta.helm.sh/",
        "says which chart the Ingress is of: put the FrontDoor and Routes into that chart",
    ),
];

impl<'s> Ingress<'s> {
    /// Reads an Ingress.
    pub(super) fn read(node: Node<'s>, from: Controller, config_maps: &ConfigMaps<'_>) -> Self {
        let (namespace, name) = names(node.value);
        let (namespace, name) = (namespace.to_owned(), name.to_owned());
        let metadata = node.field("metadata");
        let mut settings = Settings::default();
        if let Some(metadata) = &metadata {
            let annotations = metadata.field("annotations");
            from.annotations(annotations.as_ref(), &namespace, config_maps, &mut settings);
            if let Some(annotations) = annotations {
                others(&annotations, from);
            }
            for (field, node) in metadata.fields().filter(|(field, _)| *field != "annotations") {
                match BOOKKEEPING.contains(&field) {
                    true => node.kept(),
                    false => node.dropped("is not copied: add it to the FrontDoor and Routes"),
                }
            }
        }
        for field in ["apiVersion", "kind", "status"] {
            node.field(field).iter().for_each(Node::kept);
        }
        let spec = node.field("spec");
        let read_rule = |node: Node<'s>| {
            let http = node.field("http");
            let paths = http.and_then(|http| http.field("paths"));
            let paths = paths.iter().flat_map(Node::items).map(path).collect();
            let host = node.field("host");
            let host = host.and_then(|host| host.text()).unwrap_or_default();
            Rule { node, host, paths }
        };
        let rules = spec.as_ref().and_then(|spec| spec.field("rules"));
        let rules = rules.iter().flat_map(Node::items).map(read_rule).collect();
        let default_backend = spec.as_ref().and_then(|spec| spec.field("defaultBackend"));
        let created = metadata.and_then(|metadata| metadata.field("creationTimestamp"));
        let created = created.and_then(|it| it.text()).unwrap_or_default();
        let default_backend = default_backend.map(target);
        Self { node, namespace, name, created, settings, rules, default_backend }
    }

    /// Its `spec.tls`: of each the field, the hosts, and the Secret.
    pub(super) fn tls(&self) -> Vec<Tls<'s>> {
        let spec = self.node.field("spec");
        let list = spec.and_then(|spec| spec.field("tls"));
        let read = |node: Node<'s>| {
            let hosts = node.field("hosts");
            let hosts = hosts.iter().flat_map(Node::items).filter_map(|it| it.text()).collect();
            let secret = node.field("secretName").and_then(|it| it.text());
            Tls { hosts, secret: secret.filter(|it| literal::is_object_name(it)), node }
        };
        list.iter().flat_map(Node::items).map(read).collect()
    }
}

/// A certificate.
pub(super) struct Tls<'s> {
    /// Where its verdict goes.
    pub(super) node: Node<'s>,
    /// The hosts that it is for; empty for all of the Ingress.
    pub(super) hosts: Vec<&'s str>,
    /// The Secret; the controller's own certificate if there is none.
    pub(super) secret: Option<&'s str>,
}

/// The namespace and name of an object.
pub(super) fn names(value: &Value) -> (&str, &str) {
    let metadata = &value["metadata"];
    (
        metadata["namespace"].as_str().unwrap_or("default"),
        metadata["name"].as_str().unwrap_or_default(),
    )
}

/// The annotations that are not of the controller.
fn others(annotations: &Node<'_>, from: Controller) {
    for (name, node) in annotations.fields() {
        if from.has(name) {
            continue;
        }
        if name == "kubernetes.io/ingress.class" || name.starts_with("kubectl.kubernetes.io/") {
            node.kept();
        } else if let Some(other) = Controller::ALL.iter().find(|it| it.has(name)) {
            node.dropped(format!("is read with --from {other}"));
        } else {
            let known = OF_OTHERS.iter().find(|(prefix, _)| name.starts_with(prefix));
            node.dropped(known.map_or(UNKNOWN, |(_, why)| why));
        }
    }
}

fn path(node: Node<'_>) -> Path<'_> {
    let text = node.field("path").and_then(|path| path.text()).filter(|path| !path.is_empty());
    let kind = match node.field("pathType").and_then(|kind| kind.text()) {
        Some("Exact") => PathType::Exact,
        Some("Prefix") => PathType::Prefix,
        _ => PathType::Specific,
    };
    let target = match node.field("backend") {
        Some(backend) => target(backend),
        None => Target { node: node.clone(), backend: Err("it has no backend".to_owned()) },
    };
    Path { node, text: text.unwrap_or("/"), kind, target }
}

fn target(node: Node<'_>) -> Target<'_> {
    let backend = backend(node.value);
    Target { node, backend }
}

fn backend(value: &Value) -> Result<Value, String> {
    if !value["resource"].is_null() {
        return Err("is no Service: Routes lead to Services and external URLs only".to_owned());
    }
    let service = &value["service"];
    let name = service["name"].as_str().filter(|name| literal::is_label(name));
    let name = name.ok_or("does not name a Service")?;
    let port = &service["port"];
    let number = port["number"].as_u64().filter(|number| (1..=65_535).contains(number));
    let port = match (number, port["name"].as_str()) {
        (Some(number), _) => json!(number),
        (None, Some(name)) if literal::is_port_name(name) => json!(name),
        _ => return Err("does not name a port of the Service".to_owned()),
    };
    Ok(json!({"service": {"name": name, "port": port}}))
}

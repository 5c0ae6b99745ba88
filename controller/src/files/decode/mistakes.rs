//! Documents of kinds that are not read, which were probably meant otherwise.

use super::{super::unused::described, Wrong, names::is_dns_name};
use crate::{diagnostic::Kind, schema::nearest};
use portico_crds::{GROUP, VERSION};
use serde_json::Value;

/// If a document of no known kind was meant to be one of Portico's own: what is wrong with it.
pub(super) fn mistake(value: &Value) -> Option<Wrong> {
    let text = |field| value.get(field).and_then(Value::as_str);
    let kind = text("kind");
    let Some(api_version) = text("apiVersion") else {
        let kind = Kind::named(kind?)?;
        let message = format!("{kind} without apiVersion: write 'apiVersion: {GROUP}/{VERSION}'");
        return Some(Wrong::new("kind", message));
    };
    let (group, version) = api_version.split_once('/').unwrap_or((api_version, api_version));
    if group != GROUP {
        let own = || kind.and_then(Kind::named).filter(|_| group.starts_with("portico"));
        nearest(group, [GROUP].into_iter()).map(drop).or_else(|| own().map(drop))?;
        let message = format!(
            "{} is not read: its apiVersion is '{api_version}'; did you mean '{GROUP}/{VERSION}'?",
            described(value)
        );
        return Some(Wrong::new("apiVersion", message));
    }
    Some(match kind {
        _ if version != VERSION => Wrong::new(
            "apiVersion",
            format!(
                "apiVersion '{api_version}' is not known to this release: write '{GROUP}/{VERSION}'"
            ),
        ),
        // A list of them.
        Some(known) if Kind::named(known).is_some() => return None,
        Some(other) => {
            let near = nearest(other, Kind::ALL.into_iter().map(Kind::name));
            let near = near.map(|near| format!("; did you mean {near}?")).unwrap_or_default();
            let message = format!(
                "{api_version} has no kind '{other}': its kinds are FrontDoor and Route{near}"
            );
            Wrong::new("kind", message)
        }
        None => Wrong::new(
            "apiVersion",
            format!("{api_version} without 'kind': write FrontDoor or Route"),
        ),
    })
}

/// If a document of a kind that is not read was probably meant to have an effect: what to write
/// instead.
pub(super) fn hint(value: &Value) -> Option<String> {
    if value["apiVersion"] != "v1" || value["kind"] != "Endpoints" {
        return None;
    }
    let name = value["metadata"]["name"].as_str().filter(|name| is_dns_name(name));
    let name = name.unwrap_or("SERVICE");
    Some(format!(
        "Endpoints {name} is not read: write an EndpointSlice (discovery.k8s.io/v1) with the label kubernetes.io/service-name: {name}"
    ))
}

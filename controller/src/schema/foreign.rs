//! Fields as other ingresses and proxies call them, and what they are called here.

use super::{node::Object, suggest};
use crate::diagnostic::{FieldPath, Kind, without_indices};
use serde_json::{Value, json};

/// What to write instead of a field of another ingress.
pub(super) enum Advice {
    /// Another field of the same mapping, with the value in this form: `V` stands for it.
    Field(&'static str, &'static str),
    /// A sentence without its end.
    Say(&'static str),
}

use Advice::{Field, Say};

/// The kind, the mapping that has the field, without indices, and the field.
pub(super) type Foreign = (Kind, &'static str, &'static str, Advice);

pub(super) const FOREIGN: &[Foreign] = &[
    (Kind::FrontDoor, "spec.hosts.tls", "secretName", Field("secretRef", r#"{"name": V}"#)),
    (Kind::FrontDoor, "spec.tls", "secretName", CERTIFICATE),
    (Kind::FrontDoor, "spec.tls", "secretRef", CERTIFICATE),
    (Kind::FrontDoor, "spec.tls", "certificateRefs", CERTIFICATE),
    (Kind::FrontDoor, "spec", "hostname", Field("hosts", r#"[{"name": V}]"#)),
    (Kind::FrontDoor, "spec", "hostnames", Field("hosts", "V")),
    (Kind::FrontDoor, "spec", "routes", ROUTES),
    (Kind::FrontDoor, "spec.rules", "host", ROUTES),
    (Kind::FrontDoor, "spec.rules", "http", ROUTES),
    (Kind::FrontDoor, "spec.rules", "if", Field("when", "V")),
    (Kind::FrontDoor, "spec.rules", "then", Field("do", "V")),
    (Kind::FrontDoor, "spec.rules.do", "backends", IN_ROUTES),
    (Kind::FrontDoor, "spec.rules.do", "rewrite", IN_ROUTES),
    (Kind::FrontDoor, "spec.rules.do", "timeouts", IN_ROUTES),
    (Kind::FrontDoor, "spec.rules.do", "retry", IN_ROUTES),
    (Kind::FrontDoor, "spec", "listeners", Say("write hosts; --http and --https set the ports")),
    (Kind::FrontDoor, "spec", "ingressClassName", Field("className", "V")),
    (Kind::FrontDoor, "spec", "gatewayClassName", Field("className", "V")),
    (Kind::Route, "spec.rules", "host", RULES),
    (Kind::Route, "spec.rules", "http", RULES),
    (Kind::Route, "spec.rules", "matches", RULES),
    (Kind::Route, "spec.rules", "backendRefs", RULES),
    (Kind::Route, "spec.rules", "filters", RULES),
    (Kind::Route, "spec.rules", "if", Field("when", "V")),
    (Kind::Route, "spec.rules", "then", Field("do", "V")),
    (Kind::Route, "spec", "parentRef", Field("frontDoorRef", "V")),
    (Kind::Route, "spec", "parentRefs", Field("frontDoorRef", "V")),
    (Kind::Route, "spec", "hostname", Field("hosts", "[V]")),
    (Kind::Route, "spec", "hostnames", Field("hosts", "V")),
    (Kind::Route, "spec", "path", Field("matches", r#"[{"path": V}]"#)),
    (Kind::Route, "spec", "paths", Field("matches", r#"[{"path": V}]"#)),
    (Kind::Route, "spec", "pathPrefix", Field("matches", r#"[{"path": V}]"#)),
    (Kind::Route, "spec", "methods", Field("matches", r#"[{"methods": V}]"#)),
    (Kind::Route, "spec", "service", Field("backends", r#"[{"service": V}]"#)),
    (Kind::Route, "spec", "external", Field("backends", r#"[{"external": V}]"#)),
    (Kind::Route, "spec", "upstream", Field("backends", "V")),
    (Kind::Route, "spec", "upstreams", Field("backends", "V")),
    (Kind::Route, "spec", "backendRefs", Field("backends", "V")),
    (Kind::Route, "spec", "timeout", Field("timeouts", r#"{"request": V}"#)),
    (Kind::Route, "spec", "headers", Say("write requestHeaders or responseHeaders")),
    (
        Kind::Route,
        "spec",
        "tls",
        Say("certificates belong to the FrontDoor: write spec.hosts[].tls there"),
    ),
    (Kind::Route, "spec.matches", "pathPrefix", Field("path", "V")),
    (Kind::Route, "spec.matches", "prefix", Field("path", "V")),
    (Kind::Route, "spec.matches", "uri", Field("path", "V")),
    (Kind::Route, "spec.matches", "url", Field("path", "V")),
    (Kind::Route, "spec.matches", "host", Say("write it in spec.hosts")),
    (Kind::Route, "spec.backends", "url", Field("external", r#"{"url": V}"#)),
    (Kind::Route, "spec.backends", "name", SERVICE),
    (Kind::Route, "spec.backends", "port", SERVICE),
    (Kind::Route, "spec.backends", "host", Say("write external: {url: \"https://HOST\"}")),
    (
        Kind::Route,
        "spec.backends.service",
        "namespace",
        Say("a Service must be in the namespace of its Route: put the Route there"),
    ),
    (Kind::Route, "spec.backends.service", "targetPort", Field("port", "V")),
    (Kind::Route, "spec.redirect", "url", Say(URL)),
    (Kind::Route, "spec.redirect", "uri", Say(URL)),
    (Kind::Route, "spec.redirect", "to", Say(URL)),
    (Kind::Route, "spec.redirect", "location", Say(URL)),
    (Kind::Route, "spec.redirect", "hostname", Field("host", "V")),
    (Kind::Route, "spec.redirect", "code", Field("status", "V")),
    (Kind::Route, "spec.redirect", "statusCode", Field("status", "V")),
    (Kind::Route, "spec.respond", "code", Field("status", "V")),
    (Kind::Route, "spec.respond", "statusCode", Field("status", "V")),
    (
        Kind::Route,
        "spec.respond",
        "contentType",
        Field("headers", r#"[{"name": "content-type", "value": V}]"#),
    ),
];

const CERTIFICATE: Advice = Say(
    "certificates belong to hosts: write hosts: [{name: HOST, tls: {secretRef: {name: SECRET}}}]",
);
const ROUTES: Advice = Say("write objects of kind Route, whose frontDoorRef names this FrontDoor");
const RULES: Advice = Say(
    "write what a Route matches and its backends in its spec, in a Route for each rule; rules here have name, when and do",
);
const IN_ROUTES: Advice =
    Say("write it in a rule of a Route: those of a FrontDoor redirect, respond and edit headers");
const SERVICE: Advice = Say("write service: {name: NAME, port: PORT}");
const URL: &str = "write scheme, host, port and path as separate fields";

/// What to write instead of an unknown field that another ingress has: a sentence without its end.
pub(super) fn advice(
    kind: Kind,
    parent: &FieldPath<'_>,
    name: &str,
    object: &Object,
    value: &Value,
) -> Option<String> {
    if let Some(lines) = object.fields.get("set").filter(|_| value.is_string()) {
        // Headers by their names.
        let lines = suggest::fitting("set", lines, &json!([{"name": name, "value": "VALUE"}]));
        return lines.map(|lines| format!("write {lines}"));
    }
    let mut own = FOREIGN.iter().filter(|(of, _, field, _)| *of == kind && *field == name);
    let place = without_indices(&parent.to_string());
    let (.., advice) = own.find(|(_, parent, ..)| *parent == place)?;
    match advice {
        Say(URL) => {
            let parts = value.as_str().and_then(suggest::url_parts);
            let parts = parts.and_then(|parts| suggest::fields(object, &parts));
            Some(parts.map_or_else(|| URL.to_owned(), |parts| format!("write {parts}")))
        }
        Say(advice) => Some((*advice).to_owned()),
        Field(field, form) => {
            let form = serde_json::from_str(&form.replace('V', &value.to_string())).ok()?;
            Some(suggest::field(field, object.fields.get(*field)?, &form))
        }
    }
}

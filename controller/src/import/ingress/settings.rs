//! What the annotations of an Ingress ask for, in terms of FrontDoors and Routes.

use serde_json::{Map, Value, json};

/// What the annotations of an Ingress ask for.
#[derive(Clone, Debug, Default)]
pub(super) struct Settings {
    /// Blocks of a Route's spec that need backends: `timeouts`, `retry`, `balance`, …
    pub(super) forwarding: Map<String, Value>,
    /// `requestHeaders`.
    pub(super) request_headers: Edits,
    /// `responseHeaders`.
    pub(super) response_headers: Edits,
    /// `cors`.
    pub(super) cors: Option<Value>,
    /// `backends[].tls`.
    pub(super) backend_tls: Option<Value>,
    /// Rules that keep requests from the backends.
    pub(super) access: Vec<Value>,
    /// `redirect`, instead of backends.
    pub(super) redirect: Option<Value>,
    /// The path that `/` is redirected to.
    pub(super) app_root: Option<String>,
    /// How paths are changed on the way to the backend.
    pub(super) rewrite: Rewriting,
    /// Whether paths are regular expressions.
    pub(super) has_regexes: bool,
    /// Why its requests must not reach its backends: what it needs for that has no equal here.
    pub(super) closed: Vec<String>,
    /// Why no request for its hosts must reach a backend.
    pub(super) closed_hosts: Vec<String>,
    /// Other names of its hosts.
    pub(super) aliases: Vec<String>,
    /// Whether the same name with, or without, `www.` leads to its hosts.
    pub(super) has_www_redirect: bool,
    /// What happens to plain HTTP.
    pub(super) plain_http: PlainHttp,
    /// `tls.clientCertificates` of the FrontDoor.
    pub(super) client_certificates: Option<Value>,
    /// Which requests it takes from another Ingress.
    pub(super) canary: Option<Canary>,
}

/// How paths are changed on the way to the backend.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Rewriting {
    /// Not at all.
    #[default]
    None,
    /// What ingress-nginx's `rewrite-target` says, with groups of the path.
    Target(String),
    /// What the path matches is replaced by this, as HAProxy's `path-rewrite: /` does.
    Prefix(String),
}

/// What happens to plain HTTP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum PlainHttp {
    /// It is redirected on hosts with a certificate.
    #[default]
    Redirect,
    /// It is served.
    Serve,
    /// It is redirected on all hosts.
    RedirectAlways,
}

/// Edits to headers.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Edits {
    /// Headers to set.
    pub(super) set: Vec<(String, String)>,
    /// Header lines to add.
    pub(super) add: Vec<(String, String)>,
    /// Headers to remove.
    pub(super) remove: Vec<String>,
}

impl Edits {
    /// As `requestHeaders` or `responseHeaders`, if there are any but for those that a CORS policy
    /// sets itself.
    pub(super) fn to_value(&self, has_policy: bool) -> Option<Value> {
        let is_free = |name: &str| {
            !has_policy
                || (!name.starts_with("access-control-") && !name.eq_ignore_ascii_case("vary"))
        };
        let lines = |lines: &[(String, String)]| -> Vec<Value> {
            let lines = lines.iter().filter(|(name, _)| is_free(&name.to_lowercase()));
            lines.map(|(name, value)| json!({"name": name, "value": value})).collect()
        };
        let remove: Vec<_> =
            self.remove.iter().filter(|name| is_free(&name.to_lowercase())).collect();
        let mut edits = Map::new();
        for (field, lines) in [("set", lines(&self.set)), ("add", lines(&self.add))] {
            if !lines.is_empty() {
                edits.insert(field.to_owned(), lines.into());
            }
        }
        if !remove.is_empty() {
            edits.insert("remove".to_owned(), json!(remove));
        }
        (!edits.is_empty()).then_some(Value::Object(edits))
    }
}

/// Which requests a canary takes.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Canary {
    /// Conditions, in order: the first that holds decides whether the canary gets the request.
    pub(super) conditions: Vec<(Value, bool)>,
    /// Its share of the others.
    pub(super) weight: u32,
    /// What the shares add up to.
    pub(super) total: u32,
}

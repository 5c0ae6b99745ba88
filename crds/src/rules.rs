//! Rules: conditions on a request, and what is done with one for which they hold.

use crate::{
    Backend, HeaderEdits, RedirectScheme, Respond, Retry, RuleCondition, Timeouts, pattern,
};
use kube::core::Rule;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How many rules an object may have.
pub const MAX_RULES: usize = 32;
/// How many conditions a rule may have, beside those in `not` and `any`.
pub const MAX_CONDITIONS: usize = 16;

/// A rule of a FrontDoor. It meets every request for its hosts, before a Route is found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [needs_effect()]))]
pub struct FrontDoorRule {
    /// The rule's name, by which logs and metrics call it.
    #[schemars(length(min = 1, max = 63), regex(pattern = pattern::LABEL))]
    pub name: String,
    /// Conditions, all of which must hold. Empty: the rule holds for every request.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = MAX_CONDITIONS))]
    pub when: Vec<RuleCondition>,
    /// What is done with a request for which they hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub r#do: Option<Box<FrontDoorActions>>,
    /// Whether the FrontDoor's rules after this one are not looked at, where this one holds. The
    /// Route's rules are.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub stop: bool,
}

/// A rule of a Route. It meets the requests that the Route has won.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [needs_effect()]))]
pub struct RouteRule {
    /// The rule's name, by which logs and metrics call it.
    #[schemars(length(min = 1, max = 63), regex(pattern = pattern::LABEL))]
    pub name: String,
    /// Conditions, all of which must hold. Empty: the rule holds for every request.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = MAX_CONDITIONS))]
    pub when: Vec<RuleCondition>,
    /// What is done with a request for which they hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub r#do: Option<Box<RouteActions>>,
    /// Whether the Route's rules after this one are not looked at, where this one holds.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub stop: bool,
}

fn needs_effect() -> Rule {
    Rule::new("has(self.do) || (has(self.stop) && self.stop)")
        .message("the rule has no effect: say what to do, or write stop: true")
}

/// What a FrontDoor's rule does with a request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("x-kubernetes-validations" = [
    one_end(),
    beside_end("requestHeaders"),
    some_of(&["redirect", "respond", "requestHeaders", "responseHeaders"]),
]))]
pub struct FrontDoorActions {
    /// A redirect. Beside it only `responseHeaders` may be set, which apply to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redirect: Option<RuleRedirect>,
    /// A fixed response. Beside it only `responseHeaders` may be set, which apply to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub respond: Option<Respond>,
    /// Edits to the request's headers on the way to the backend, before the Route's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_headers: Option<HeaderEdits>,
    /// Edits to the response's headers on the way to the client, after the Route's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response_headers: Option<HeaderEdits>,
}

/// What a Route's rule does with a request.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("x-kubernetes-validations" = route_actions_validations()))]
pub struct RouteActions {
    /// A redirect. Beside it only `responseHeaders` may be set, which apply to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redirect: Option<RuleRedirect>,
    /// A fixed response. Beside it only `responseHeaders` may be set, which apply to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub respond: Option<Respond>,
    /// Where the request goes, instead of what the Route says. Of several rules, the last decides.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 16))]
    pub backends: Option<Vec<Backend>>,
    /// How the path and the Host change, instead of the Route's `rewrite`. Of several rules, the
    /// last decides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rewrite: Option<RuleRewrite>,
    /// Edits to the request's headers on the way to the backend, after the Route's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_headers: Option<HeaderEdits>,
    /// Edits to the response's headers on the way to the client, after the Route's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response_headers: Option<HeaderEdits>,
    /// Timeouts, instead of the Route's. Of several rules, the last decides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeouts: Option<Timeouts>,
    /// Which failed requests are sent again, instead of the Route's `retry`. Of several rules, the
    /// last decides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry: Option<Retry>,
}

/// The actions of a Route's rule that apply to backends only.
const FORWARDING_ACTIONS: [&str; 5] =
    ["backends", "rewrite", "requestHeaders", "timeouts", "retry"];

fn route_actions_validations() -> Vec<Rule> {
    let all = [&["redirect", "respond", "responseHeaders"][..], &FORWARDING_ACTIONS].concat();
    let beside = FORWARDING_ACTIONS.map(beside_end);
    [one_end(), some_of(&all)].into_iter().chain(beside).collect()
}

fn one_end() -> Rule {
    Rule::new("!has(self.redirect) || !has(self.respond)")
        .message("set redirect or respond, not both")
}

fn beside_end(field: &str) -> Rule {
    let message = format!(
        "a rule that redirects or responds ends the way: {field} has no place beside it, only responseHeaders has"
    );
    Rule::new(format!("!has(self.{field}) || (!has(self.redirect) && !has(self.respond))"))
        .message(message.as_str())
        .field_path(format!(".{field}"))
}

fn some_of(fields: &[&str]) -> Rule {
    let any: Vec<_> = fields.iter().map(|field| format!("has(self.{field})")).collect();
    let message = format!("does nothing: set one of {}", fields.join(", "));
    Rule::new(any.join(" || ")).message(message.as_str())
}

/// A redirect by a rule. Omitted parts are taken from the request; the query is preserved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [
    Rule::new("has(self.scheme) || has(self.host) || has(self.port) || has(self.path)")
        .message("set at least one of scheme, host, port and path, or the redirect leads back to itself"),
    Rule::new("!has(self.host) || !self.host.contains('{') || (has(self.allowedHosts) && size(self.allowedHosts) > 0)")
        .message("the host comes of the request: list the hosts that it may be in allowedHosts")
        .field_path(".host"),
]))]
pub struct RuleRedirect {
    /// The scheme, `http` or `https`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheme: Option<RedirectScheme>,
    /// The host, a name without a port. It may hold variables such as `{header.x-host}`, beside
    /// `allowedHosts`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253), regex(pattern = pattern::RULE_HOST))]
    pub host: Option<String>,
    /// The hosts that a `host` with variables may lead to: names, or `*.` and a suffix. Any other
    /// host is refused with 400.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(min = 1, max = 253), regex(pattern = pattern::HOST_ENTRY)))]
    pub allowed_hosts: Vec<String>,
    /// The port, 1 to 65535.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 65535))]
    pub port: Option<i32>,
    /// The path, starting with `/`. It may hold variables such as `{path}`, and in a Route's rules
    /// `{name}` and `*`, which are replaced by what they captured in the match.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1024), regex(pattern = pattern::RULE_PATH))]
    pub path: Option<String>,
    /// The status code. 307 and 308 preserve the request's method and body; browsers cache 301 and
    /// 308. Default: 302.
    #[serde(default = "crate::actions::redirect_status_default")]
    #[schemars(extend("enum" = [301, 302, 303, 307, 308]))]
    pub status: i32,
}

/// How the path and the Host change on the way to the backend.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct RuleRewrite {
    /// The path that the backend gets, starting with `/`: `{name}` and `*` are replaced by what they
    /// captured in the match, and variables such as `{header.x-tenant}` by what the request has.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1024), regex(pattern = pattern::RULE_PATH))]
    pub path: Option<String>,
    /// The Host that the backend gets: `Backend`, its own (default for external); `Preserve`, the
    /// client's (default for a service); or a host name.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 259), regex(pattern = pattern::REWRITE_HOST))]
    pub host: Option<String>,
}

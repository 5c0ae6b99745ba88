//! What a Route does with a request, beside sending it to a backend.

use crate::{NamedValue, pattern};
use kube::core::Rule;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How the path and the Host change on the way to the backend.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Rewrite {
    /// The path that the backend gets, starting with `/`: `{name}` and `*` are replaced by what they
    /// captured in the match. `/api/*` with `/users/*` turns `/api/7` into `/users/7`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1024), regex(pattern = pattern::PATH_TEMPLATE))]
    pub path: Option<String>,
    /// The Host that the backend gets: `Backend`, its own (default for external); `Preserve`, the
    /// client's (default for a service); or a host name.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 259), regex(pattern = pattern::REWRITE_HOST))]
    pub host: Option<String>,
}

/// A redirect. Omitted parts are taken from the request; the query is preserved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [
    Rule::new("has(self.scheme) || has(self.host) || has(self.port) || has(self.path)")
        .message("set at least one of scheme, host, port and path, or the redirect leads back to itself"),
]))]
pub struct Redirect {
    /// The scheme, `http` or `https`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheme: Option<RedirectScheme>,
    /// The host, a name without a port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253), regex(pattern = pattern::HOST_NAME))]
    pub host: Option<String>,
    /// The port, 1 to 65535.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 65535))]
    pub port: Option<i32>,
    /// The path, starting with `/`: `{name}` and `*` are replaced by what they captured in the
    /// match.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1024), regex(pattern = pattern::PATH_TEMPLATE))]
    pub path: Option<String>,
    /// The status code. 307 and 308 preserve the request's method and body; browsers cache 301 and
    /// 308. Default: 302.
    #[serde(default = "redirect_status_default")]
    #[schemars(extend("enum" = [301, 302, 303, 307, 308]))]
    pub status: i32,
}

pub(crate) fn redirect_status_default() -> i32 {
    302
}

/// The scheme of a redirect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RedirectScheme {
    /// Plain HTTP.
    Http,
    /// HTTP over TLS.
    Https,
}

/// A fixed response.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [
    Rule::new("!has(self.status) || !(self.status in [204, 205, 304]) || !has(self.body) || size(self.body) == 0")
        .message("responses with the status codes 204, 205 and 304 have no body; leave it out")
        .field_path(".body"),
]))]
pub struct Respond {
    /// The status code, 200 to 599. Default: 200.
    #[serde(default = "respond_status_default")]
    #[schemars(range(min = 200, max = 599))]
    pub status: i32,
    /// The response's headers, such as `content-type`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub headers: Vec<NamedValue>,
    /// The body, at most 65536 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 65536))]
    pub body: Option<String>,
}

fn respond_status_default() -> i32 {
    200
}

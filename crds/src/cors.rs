//! The CORS policy of a FrontDoor or a Route.

use crate::{Duration, pattern, validations};
use kube::core::Rule;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How the edge handles cross-origin requests (Fetch Standard, CORS protocol). Pages on the
/// FrontDoor's own origin don't need a policy.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("x-kubernetes-validations" = policy_validations()))]
pub struct CorsPolicy {
    /// Origins whose pages may read responses: `https://app.example.com`, `https://*.example.com`,
    /// `https://localhost:*`, or `*` alone. An origin is scheme, host and port as browsers
    /// serialise them: no path, no trailing slash, no default port.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 16384),
        inner(length(min = 1, max = 512), regex(pattern = pattern::ORIGIN))
    )]
    pub allow_origins: Vec<String>,
    /// Regular expressions (RE2 syntax), each matching a whole origin, such as
    /// `https://pr-[0-9]+\.example\.com`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(min = 1, max = 1024)))]
    pub allow_origin_regex: Vec<String>,
    /// Whether pages may also read responses to requests with cookies or HTTP authentication.
    pub allow_credentials: bool,
    /// Methods allowed in addition to GET, HEAD and POST, in their exact case, such as `PUT`.
    /// Empty, or `*`: any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 64),
        inner(length(min = 1, max = 64), regex(pattern = pattern::TOKEN)),
        transform = validations::each(validations::usable_method())
    )]
    pub allow_methods: Vec<String>,
    /// Names of request headers allowed in addition to the CORS-safelisted ones, such as
    /// `x-api-key`. Empty, or `*`: any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 256),
        inner(length(min = 1, max = 256), regex(pattern = pattern::TOKEN)),
        transform = validations::each(validations::sendable())
    )]
    pub allow_headers: Vec<String>,
    /// Names of response headers that a script may read in addition to the CORS-safelisted ones,
    /// such as `x-total-count`; without credentials also `*`, meaning all of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 256),
        inner(length(min = 1, max = 256), regex(pattern = pattern::TOKEN)),
        transform = validations::each(validations::readable())
    )]
    pub expose_headers: Vec<String>,
    /// How long a browser may cache a preflight's result: whole seconds, at most 24h; `0s` disables
    /// caching. Browsers cap it (Chromium at 2h).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend(
        "default" = "2h",
        "x-kubernetes-validations" = [
            Rule::new("duration(self) <= duration('24h')").message("maxAge may be at most 24h"),
            Rule::new("duration(self).getMilliseconds() % 1000 == 0").message("maxAge must be in whole seconds"),
        ]
    ))]
    pub max_age: Option<Duration>,
    /// Who answers preflights: with `Answer`, the edge, without a round trip to the backend; with
    /// `Forward`, the backend.
    pub preflight: PreflightHandling,
    /// What happens to a request from a disallowed origin: with `Forward` its response has no CORS
    /// headers, so that the browser hides it from the page; with `Reject` it gets 403.
    pub disallowed_origin: DisallowedOrigin,
    /// `Enforce` applies the policy. `Report` changes nothing and counts what would have happened.
    /// `Disabled` means no policy, which is how a Route opts out of its FrontDoor's.
    pub mode: CorsMode,
    /// Whether pages on allowed origins may also read how long responses took and how large they were
    /// (`Timing-Allow-Origin`). A policy removes the backend's own permission.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub timing: bool,
    /// Whether a denial gives its reason in the response header `Portico-Cors`. For development.
    pub debug: bool,
    /// Safety checks to switch off: `CredentialsWithInsecureOrigins` permits credentials for
    /// `http:` origins and loose regular expressions; `WildcardPublicSuffix` permits them for all
    /// names under a public suffix, such as `https://*.co.uk`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8))]
    pub dangerously_allow: Vec<DangerousSwitch>,
}

fn policy_validations() -> [Rule; 4] {
    [
        Rule::new(
            "self.mode == 'Disabled' || (has(self.allowOrigins) && size(self.allowOrigins) > 0) || (has(self.allowOriginRegex) && size(self.allowOriginRegex) > 0)",
        )
        .message("a policy needs allowOrigins or allowOriginRegex; mode: Disabled opts out of the FrontDoor's policy"),
        Rule::new(
            "!has(self.allowOrigins) || !('*' in self.allowOrigins) || (size(self.allowOrigins) == 1 && (!has(self.allowOriginRegex) || size(self.allowOriginRegex) == 0))",
        )
            .message("allowOrigins: '*' matches every origin and must be the only entry, without allowOriginRegex")
            .field_path(".allowOrigins"),
        Rule::new("!self.allowCredentials || !has(self.allowOrigins) || !('*' in self.allowOrigins)")
            .message("allowCredentials needs explicit allowOrigins: '*' would let every site read responses as the user")
            .field_path(".allowOrigins"),
        Rule::new("!self.allowCredentials || !has(self.exposeHeaders) || !('*' in self.exposeHeaders)")
            .message("exposeHeaders: with allowCredentials '*' is not a wildcard; name the headers")
            .field_path(".exposeHeaders"),
    ]
}

/// Who answers preflights.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum PreflightHandling {
    /// The edge.
    #[default]
    Answer,
    /// The backend.
    Forward,
}

/// What happens to a request from a disallowed origin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum DisallowedOrigin {
    /// It is forwarded, and its response has no CORS headers.
    #[default]
    Forward,
    /// It is rejected with 403.
    Reject,
}

/// Whether a policy is enforced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum CorsMode {
    /// The policy is enforced.
    #[default]
    Enforce,
    /// Nothing changes; what would have happened is counted.
    Report,
    /// No policy: the Route opts out of its FrontDoor's.
    Disabled,
}

/// A safety check that can be switched off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum DangerousSwitch {
    /// Credentials for `http:` origins or loose regular expressions.
    CredentialsWithInsecureOrigins,
    /// A wildcard on a public suffix with credentials.
    WildcardPublicSuffix,
}

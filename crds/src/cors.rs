//! The CORS policy of a FrontDoor or a Route.

use crate::Duration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How cross-origin requests are answered at the edge (Fetch Standard, CORS protocol).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct CorsPolicy {
    /// Origins that may read answers: `https://app.example.com`, `https://*.example.com`,
    /// `https://localhost:*`, or `*` alone.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allow_origins: Vec<String>,
    /// RE2 expressions that match a whole origin.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allow_origin_regex: Vec<String>,
    /// Whether requests with cookies or HTTP authentication may be read.
    pub allow_credentials: bool,
    /// Methods beside GET, HEAD and POST. Empty: any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allow_methods: Vec<String>,
    /// Request headers beside the safelisted ones. Empty: any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allow_headers: Vec<String>,
    /// Response headers that a script may read beside the safelisted ones.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub expose_headers: Vec<String>,
    /// How long a browser may remember a preflight's answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_age: Option<Duration>,
    /// Who answers preflights.
    pub preflight: PreflightHandling,
    /// What becomes of a request from an origin that is not allowed.
    pub disallowed_origin: DisallowedOrigin,
    /// Whether the policy is applied.
    pub mode: CorsMode,
    /// Whether a denial says why in the response header `Portico-Cors`.
    pub debug: bool,
    /// Checks that are switched off.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dangerously_allow: Vec<DangerousSwitch>,
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

/// What becomes of a request from an origin that is not allowed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum DisallowedOrigin {
    /// Forwarded, and answered without CORS headers.
    #[default]
    Forward,
    /// Refused with 403.
    Reject,
}

/// Whether a policy is applied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum CorsMode {
    /// It is.
    #[default]
    Enforce,
    /// Nothing changes; what would have happened is counted.
    Report,
    /// The FrontDoor's policy is declined.
    Disabled,
}

/// A check that can be switched off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum DangerousSwitch {
    /// Credentials for `http:` origins or loose expressions.
    CredentialsWithInsecureOrigins,
    /// A wildcard on a public suffix with credentials.
    WildcardPublicSuffix,
}

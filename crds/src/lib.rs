//! The custom resources of Portico, group `portico.dev`, version `v1alpha1`: [`FrontDoor`] and
//! [`Route`], with the schema and CEL rules that let an API server reject invalid objects. No I/O.

mod actions;
mod backend;
mod balance;
mod common;
mod conditions;
mod cors;
mod foreign;
mod front_door;
mod health;
mod isolation;
mod list_defaults;
mod nulls;
mod pattern;
mod retry;
mod route;
mod rules;
mod tls;
mod validations;

pub use actions::{Redirect, RedirectScheme, Respond, Rewrite};
pub use backend::{Backend, BackendTls, ExternalBackend, ServiceBackend};
pub use balance::{Affinity, Balance, BalancePolicy, Hash, HashOn};
pub use common::{
    AuthoritiesKind, AuthoritiesRef, CLASS_DEFAULT, Condition, Duration, GROUP, HeaderEdits,
    HeaderValue, LocalSecretRef, NamedValue, SecretKeyRef, VERSION, ValueFrom,
};
pub use conditions::{
    HttpVersion, MAX_ALTERNATIVES, MAX_NESTING, Presence, RuleCondition, RuleMatchType,
    RulePredicate, RuleScheme,
};
pub use cors::{CorsMode, CorsPolicy, DangerousSwitch, DisallowedOrigin, PreflightHandling};
pub use front_door::{
    Attach, Defaults, FrontDoor, FrontDoorSpec, FrontDoorStatus, Host, HostTls, PlainHttp, Slashes,
    StatusAddress, TrustedHeaders,
};
pub use health::{CheckMethod, Ejection, HealthCheck};
pub use isolation::{CookieIsolation, Isolation, OriginWide};
pub use nulls::NULL_REFUSED;
pub use retry::{EndpointLimits, Retry};
pub use route::{
    FORWARDING_FIELDS, FrontDoorRef, Match, MatchType, Predicate, Route, RouteSpec, RouteStatus,
    TIMEOUT_DEFAULTS, Timeouts,
};
pub use rules::{
    FrontDoorActions, FrontDoorRule, MAX_CONDITIONS, MAX_RULES, RouteActions, RouteRule,
    RuleRedirect, RuleRewrite,
};
pub use tls::{ClientCertificateMode, ClientCertificates, Hsts, TlsSettings, TlsVersion};
pub use validations::{
    FORBIDDEN_HEADER_PREFIXES, FORBIDDEN_METHODS, FORBIDDEN_REQUEST_HEADERS, UNEDITABLE_HEADERS,
};

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSON,
};
use kube::CustomResourceExt;

/// Both CustomResourceDefinitions: FrontDoor, then Route.
pub fn crds() -> Vec<CustomResourceDefinition> {
    let mut definitions = vec![FrontDoor::crd(), Route::crd()];
    let versions = definitions.iter_mut().flat_map(|it| &mut it.spec.versions);
    let schemas = versions.filter_map(|it| it.schema.as_mut()?.open_api_v3_schema.as_mut());
    for properties in schemas.filter_map(|schema| schema.properties.as_mut()) {
        if let Some(spec) = properties.get_mut("spec") {
            conditions::nest(spec);
            list_defaults::remove(spec);
            nulls::refuse(spec);
        }
        if let Some(status) = properties.get_mut("status") {
            status.default = Some(JSON(foreign::nothing_said_yet()));
        }
    }
    definitions
}

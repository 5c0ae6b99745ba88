//! CORS policies of FrontDoors and Routes, compiled for the dataplane. An invalid policy never
//! widens access: nothing is served under it.

mod credentials;
mod edits;
mod loose;
mod names;
mod origins;
mod suffixes;

use super::{durations, expressions::Expressions, report::Report};
use crate::diagnostic::{FieldPath, Reason};
use portico_crds as crds;
use portico_dataplane::{
    cors::{self, Policy},
    table::ObjectName,
};
use std::{sync::Arc, time::Duration};

/// Chromium's cap, and the default.
const DEFAULT_MAX_AGE: Duration = Duration::from_hours(2);
/// Firefox's cap, the highest of any browser.
const LONGEST_MAX_AGE: Duration = Duration::from_hours(24);

/// What Routes without a policy of their own inherit from their FrontDoor.
#[derive(Debug, PartialEq)]
pub(super) enum Inherited {
    /// No policy: CORS is left to the backends.
    None,
    /// This policy.
    Policy(Arc<Policy>),
    /// An invalid policy. Routes that would inherit it are rejected: dropping it could widen
    /// access.
    Invalid,
}

impl Inherited {
    /// Compiles a FrontDoor's `spec.cors`. Errors found while reading it count too.
    pub(super) fn compile(
        spec: &crds::FrontDoorSpec,
        expressions: &mut Expressions<'_>,
        report: &mut Report,
    ) -> Self {
        let at = FieldPath::SPEC.child("cors");
        let given = spec.cors.as_ref();
        if given.is_some_and(|given| is_in_force(given, &at, report)) {
            edits::check_front_door(spec, format_args!("spec.cors"), report);
        }
        let policy = given.and_then(|given| compile(given, &at, expressions, report));
        if report.refuses(&at) {
            return Self::Invalid;
        }
        policy.map_or(Self::None, Self::Policy)
    }

    /// The policy, if there is a valid one.
    pub(super) fn policy(&self) -> Option<&Arc<Policy>> {
        match self {
            Self::Policy(policy) => Some(policy),
            Self::None | Self::Invalid => None,
        }
    }
}

/// The policy of a Route: its own if it has one, otherwise its FrontDoor's.
pub(super) fn of_route(
    spec: &crds::RouteSpec,
    inherited: &Inherited,
    front_door: &ObjectName,
    expressions: &mut Expressions<'_>,
    report: &mut Report,
) -> Option<Arc<Policy>> {
    let at = FieldPath::SPEC.child("cors");
    if let Some(own) = &spec.cors {
        if is_in_force(own, &at, report) {
            edits::check_route(spec, format_args!("spec.cors"), report);
        }
        return compile(own, &at, expressions, report);
    }
    if report.refuses(&at) {
        return None;
    }
    match inherited {
        Inherited::None => None,
        Inherited::Policy(policy) => {
            edits::check_route(spec, format_args!("spec.cors of FrontDoor {front_door}"), report);
            Some(policy.clone())
        }
        Inherited::Invalid => {
            report.refuse(
                &FieldPath::SPEC.child("frontDoorRef"),
                Reason::FrontDoorNotAccepted,
                format!(
                    "spec.cors of FrontDoor {front_door}, which this Route would inherit, is invalid: correct it there, or give this Route a cors of its own (mode: Disabled for none)"
                ),
            );
            None
        }
    }
}

/// Whether a policy is not switched off. A mode that did not decode may have been meant as Disabled.
fn is_in_force(given: &crds::CorsPolicy, at: &FieldPath<'_>, report: &Report) -> bool {
    given.mode != crds::CorsMode::Disabled && !report.failed_to_decode(&at.child("mode"))
}

/// Compiles a policy; `None` if it is disabled or invalid. It is fully validated either way.
fn compile(
    given: &crds::CorsPolicy,
    at: &FieldPath<'_>,
    expressions: &mut Expressions<'_>,
    report: &mut Report,
) -> Option<Arc<Policy>> {
    let listed = origins::Listed::compile(given, at, expressions, report);
    credentials::check(given, &listed, at, expressions, report);
    let policy = Policy {
        origins: listed.into_origins(),
        credentials: given.allow_credentials,
        methods: names::methods(&given.allow_methods, &at.child("allowMethods"), report),
        headers: names::headers(&given.allow_headers, &at.child("allowHeaders"), report),
        expose_headers: names::exposed(&given.expose_headers, &at.child("exposeHeaders"), report),
        max_age: max_age(given.max_age.as_ref(), &at.child("maxAge"), report),
        preflight: match given.preflight {
            crds::PreflightHandling::Answer => cors::PreflightHandling::Answer,
            crds::PreflightHandling::Forward => cors::PreflightHandling::Forward,
        },
        disallowed_origin: match given.disallowed_origin {
            crds::DisallowedOrigin::Forward => cors::DisallowedOrigin::Forward,
            crds::DisallowedOrigin::Reject => cors::DisallowedOrigin::Reject,
        },
        timing: given.timing,
        report_only: given.mode == crds::CorsMode::Report,
        debug: given.debug,
    };
    let applies = match given.mode {
        crds::CorsMode::Enforce | crds::CorsMode::Report => true,
        crds::CorsMode::Disabled => false,
    };
    (applies && !report.refuses(at)).then(|| Arc::new(policy))
}

/// How long a preflight's response may be cached, in seconds.
fn max_age(given: Option<&crds::Duration>, at: &FieldPath<'_>, report: &mut Report) -> u32 {
    let default = DEFAULT_MAX_AGE.as_secs() as u32;
    let Some(crds::Duration(text)) = given else { return default };
    let Some(age) = durations::parse(text) else {
        report.invalid(at, durations::refusal(text, "10m, 2h, or 0s for no caching"));
        return default;
    };
    if age.subsec_nanos() > 0 {
        report.invalid(at, format!("'{text}' is not in whole seconds: round it"));
    } else if age > LONGEST_MAX_AGE {
        report.invalid(
            at,
            format!(
                "'{text}' is more than 24h, and no browser caches for longer: write 24h or less"
            ),
        );
    } else if age > DEFAULT_MAX_AGE {
        report.warn(
            at,
            Reason::NoEffect,
            format!("'{text}' is longer than most browsers cache: Chromium asks again after 2h, WebKit after 10m"),
        );
    }
    u32::try_from(age.as_secs()).unwrap_or(default)
}

//! Headers of a response that affect more of its origin than the response itself.

use super::super::present::{Field, Present};
use crate::{
    path::{self, PathPattern},
    table::OriginWide,
    telemetry::{IsolationChange, IsolationChanges},
};
use http::{HeaderMap, HeaderName, HeaderValue, header};

const PUBLIC_KEY_PINS: HeaderName = HeaderName::from_static("public-key-pins");
const SERVICE_WORKER_ALLOWED: HeaderName = HeaderName::from_static("service-worker-allowed");

/// Headers that no backend speaks for: `Alt-Svc` would lead browsers past the front door.
static ALWAYS_REMOVED: [(Field, HeaderName); 2] =
    [(Field::AltSvc, header::ALT_SVC), (Field::PublicKeyPins, PUBLIC_KEY_PINS)];

/// Headers that affect a whole origin, or that a proxy in front takes for instructions, beside
/// `Service-Worker-Allowed`. Sorted.
const ORIGIN_WIDE: [&str; 16] = [
    "accept-ch",
    "alt-svc",
    "clear-site-data",
    "critical-ch",
    "expect-ct",
    "nel",
    "origin-agent-cluster",
    "public-key-pins",
    "report-to",
    "reporting-endpoints",
    "set-login",
    "speculation-rules",
    "strict-transport-security",
    "use-as-dictionary",
    "x-accel-redirect",
    "x-sendfile",
];

/// The names of headers that are removed: of all backends' responses, and where a Route strips what
/// affects the whole origin.
pub(crate) fn removed_names(origin_wide: OriginWide) -> Vec<HeaderName> {
    match origin_wide {
        OriginWide::Pass => ALWAYS_REMOVED.iter().map(|(_, name)| name.clone()).collect(),
        OriginWide::Strip => ORIGIN_WIDE.into_iter().map(HeaderName::from_static).collect(),
    }
}

/// Removes from a backend's response, which has `present`, what no backend speaks for.
pub(crate) fn remove_always(headers: &mut HeaderMap, present: Present) -> IsolationChanges {
    let mut changes = IsolationChanges::default();
    for (_, name) in ALWAYS_REMOVED.iter().filter(|(field, _)| present.has(*field)) {
        headers.remove(name);
        changes.count(IsolationChange::HeaderRemoved);
    }
    changes
}

/// Removes what affects more of the origin than the paths of a Route with this pattern.
pub(super) fn strip(pattern: &PathPattern, headers: &mut HeaderMap) -> IsolationChanges {
    let is_removed = |name: &&HeaderName| {
        ORIGIN_WIDE.binary_search(&name.as_str()).is_ok()
            || (**name == SERVICE_WORKER_ALLOWED && !is_scope_within(pattern, headers))
    };
    let removed: Vec<_> = headers.keys().filter(is_removed).cloned().collect();
    let mut changes = IsolationChanges::default();
    for name in removed {
        headers.remove(name);
        changes.count(IsolationChange::HeaderRemoved);
    }
    changes
}

/// What the scope of a service worker must begin with to lie within a literal prefix. Browsers
/// compare scopes as text (Service Workers §4.4): `/shop` would allow one for `/shopping`.
pub(super) fn scope(prefix: &str) -> String {
    format!("{}/", prefix.trim_end_matches('/'))
}

/// Whether the only `Service-Worker-Allowed` allows no more than what lies within the pattern. One
/// that is not an absolute path is not looked into.
fn is_scope_within(pattern: &PathPattern, headers: &HeaderMap) -> bool {
    let mut lines = headers.get_all(SERVICE_WORKER_ALLOWED).iter();
    let (Some(line), None) = (lines.next(), lines.next()) else { return false };
    let Ok(value) = HeaderValue::to_str(line) else { return false };
    let allowed = value.split(['?', '#']).next().unwrap_or_default();
    // What begins with `//` is a host.
    !allowed.starts_with("//")
        && path::normalise(allowed)
            .is_ok_and(|allowed| allowed.starts_with(&scope(pattern.literal_prefix())))
}

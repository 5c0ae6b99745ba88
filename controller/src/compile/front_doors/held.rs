//! What is known of the place of a Route that is not accepted.

use crate::{
    compile::{matches::Matched, report::Report},
    diagnostic::{FieldPath, Reason},
};
use portico_dataplane::table::{Action, HeaderEdits, Route, RouteMatch, Timeouts};
use std::sync::Arc;

/// The matches at which a rejected Route holds its place, if its FrontDoor lets it attach: those
/// that can be read, provided that its hosts can be. `route` is the Route as far as it compiles.
pub(super) fn matches(matched: Vec<Matched>, route: Route, report: &Report) -> Vec<RouteMatch> {
    let spec = FieldPath::SPEC;
    let at = spec.child("matches");
    let (front_door, hosts) = (spec.child("frontDoorRef"), spec.child("hosts"));
    let unreadable =
        ["frontDoorRef", "hosts", "matches"].into_iter().any(|name| report.may_misspell(name))
            || !report.is_readable(&front_door)
            || !report.is_readable(&hosts)
            || report.has_error_at(&at)
            || report.failed_to_decode(&at);
    if unreadable || report.is_refused_for(Reason::NotAllowedByFrontDoor) {
        return Vec::new();
    }
    let cors = route.cors.filter(|_| !report.may_misspell("cors"));
    let route = Arc::new(Route {
        name: route.name,
        front_door: route.front_door,
        action: Action::NotAccepted(report.why()),
        cors,
        // The cookies that it has set are still its own.
        isolation: route.isolation,
        request_headers: HeaderEdits::default(),
        response_headers: HeaderEdits::default(),
        timeouts: Timeouts::default(),
        selection: Arc::default(),
        rules: Box::default(),
        unavailable: None,
    });
    let readable = |m: &Matched| m.is_complete && report.is_readable(&at.index(m.index));
    let readable = matched.into_iter().filter(readable);
    let held = readable.map(|m| RouteMatch {
        path: m.path,
        predicates: m.predicates,
        target: route.clone(),
    });
    held.collect()
}

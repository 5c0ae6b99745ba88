//! `timeouts`.

use super::fields::{duration, is_off};
use crate::{compile::report::Report, diagnostic::FieldPath};
use portico_crds as crds;
use portico_dataplane::table::Timeouts;

/// Compiles timeouts. Absent fields have their defaults, and `0s` means no timeout.
pub(super) fn compile(given: &crds::Timeouts, at: &FieldPath<'_>, report: &mut Report) -> Timeouts {
    let crds::Timeouts { disabled, connect, request, idle } = given;
    let others =
        [("connect", connect.is_some()), ("request", request.is_some()), ("idle", idle.is_some())];
    let mut timeouts = Timeouts::default();
    if is_off(*disabled, &others, at, report) {
        return timeouts;
    }
    for (name, given, timeout) in [
        ("connect", connect, &mut timeouts.connect),
        ("request", request, &mut timeouts.request),
        ("idle", idle, &mut timeouts.idle),
    ] {
        if let Some(given) = duration(given.as_ref(), "no limit", &at.child(name), report) {
            *timeout = Some(given).filter(|given| !given.is_zero());
        }
    }
    timeouts
}

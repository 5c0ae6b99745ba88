//! `timeouts`.

use super::fields::{duration, is_off};
use crate::{compile::report::Report, diagnostic::FieldPath};
use portico_crds as crds;
use portico_dataplane::table::Timeouts;

/// Compiles timeouts. Absent fields have their defaults, and `0s` means no timeout.
pub(super) fn compile(given: &crds::Timeouts, at: &FieldPath<'_>, report: &mut Report) -> Timeouts {
    let crds::Timeouts { disabled, connect, request, idle } = given;
    let fields = crds::TIMEOUT_DEFAULTS.into_iter().zip([connect, request, idle]);
    let is_own = |((name, default), given): ((_, &str), &Option<crds::Duration>)| {
        (name, given.as_ref().is_some_and(|given| given.0 != default))
    };
    let mut timeouts = Timeouts::default();
    if is_off(*disabled, &fields.clone().map(is_own).collect::<Vec<_>>(), at, report) {
        return timeouts;
    }
    let Timeouts { connect, request, idle } = &mut timeouts;
    for (((name, _), given), timeout) in fields.zip([connect, request, idle]) {
        if let Some(given) = duration(given.as_ref(), "no limit", &at.child(name), report) {
            *timeout = Some(given).filter(|given| !given.is_zero());
        }
    }
    timeouts
}

//! Response headers that a CORS policy reserves for itself.

use crate::{compile::report::Report, diagnostic::FieldPath};
use portico_crds as crds;
use std::fmt;

/// Rejects edits of `Access-Control-*`, `Timing-Allow-Origin` and `Vary`, which the policy sets after
/// them, and such headers of a fixed response other than `Vary`, which it removes. `policy` says
/// whose policy applies.
pub(super) fn check(spec: &crds::RouteSpec, policy: fmt::Arguments<'_>, report: &mut Report) {
    let mut refuse = |name: &str, at: &FieldPath<'_>| {
        report.invalid(
            at,
            format!(
                "'{name}' is set by {policy}, which applies here: remove it, or opt out of the policy with cors: {{mode: Disabled}}"
            ),
        );
    };
    if let Some(edits) = spec.response_headers.as_deref() {
        let at = FieldPath::SPEC.child("responseHeaders");
        for (list, lines) in [("set", &edits.set), ("add", &edits.add)] {
            for (index, line) in lines.iter().enumerate().filter(|(_, line)| sets(&line.name)) {
                refuse(&line.name, &at.child(list).index(index).child("name"));
            }
        }
        for (index, name) in edits.remove.iter().enumerate().filter(|(_, name)| sets(name)) {
            refuse(name, &at.child("remove").index(index));
        }
    }
    if let Some(respond) = spec.respond.as_deref() {
        let at = FieldPath::SPEC.child("respond");
        let lines = respond.headers.iter().enumerate();
        for (index, line) in lines.filter(|(_, line)| is_policys(&line.name)) {
            refuse(&line.name, &at.child("headers").index(index).child("name"));
        }
    }
}

/// Whether the policy sets this response header.
fn sets(name: &str) -> bool {
    is_policys(name) || name.eq_ignore_ascii_case("vary")
}

/// Whether the policy owns this header outright; `Vary` is merged with the response's own.
fn is_policys(name: &str) -> bool {
    const PREFIX: &str = "access-control-";
    name.eq_ignore_ascii_case("timing-allow-origin")
        || name.get(..PREFIX.len()).is_some_and(|start| start.eq_ignore_ascii_case(PREFIX))
}

//! Headers of a Route's answers that a CORS policy has to itself.

use crate::compile::report::{Field, Report};
use portico_crds as crds;

/// Refuses edits of `Access-Control-*` and `Vary`, which the policy sets after them, and
/// `Access-Control-*` of a fixed response, which it removes. `policy` says whose policy applies.
pub(super) fn check(spec: &crds::RouteSpec, policy: &str, report: &mut Report) {
    if let Some(edits) = spec.response_headers.as_deref() {
        let at = Field::Spec.key("responseHeaders");
        for (list, lines) in [("set", &edits.set), ("add", &edits.add)] {
            for (index, line) in lines.iter().enumerate() {
                let (at, name) = (at.key(list), &line.name);
                refuse(
                    is_policys(name) || is_vary(name),
                    name,
                    &at.index(index).key("name"),
                    policy,
                    report,
                );
            }
        }
        let at = at.key("remove");
        for (index, name) in edits.remove.iter().enumerate() {
            refuse(is_policys(name) || is_vary(name), name, &at.index(index), policy, report);
        }
    }
    if let Some(respond) = spec.respond.as_deref() {
        let at = Field::Spec.key("respond");
        let at = at.key("headers");
        for (index, line) in respond.headers.iter().enumerate() {
            refuse(
                is_policys(&line.name),
                &line.name,
                &at.index(index).key("name"),
                policy,
                report,
            );
        }
    }
}

fn refuse(refused: bool, name: &str, at: &Field<'_>, policy: &str, report: &mut Report) {
    if refused {
        report.invalid(
            at,
            format!(
                "'{name}' is set by {policy}, which applies here: remove it, or decline the policy with cors: {{mode: Disabled}}"
            ),
        );
    }
}

fn is_policys(name: &str) -> bool {
    const PREFIX: &str = "access-control-";
    name.get(..PREFIX.len()).is_some_and(|start| start.eq_ignore_ascii_case(PREFIX))
}

fn is_vary(name: &str) -> bool {
    name.eq_ignore_ascii_case("vary")
}

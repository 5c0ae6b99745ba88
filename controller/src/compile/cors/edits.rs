//! Response headers that a CORS policy reserves for itself.

use crate::{compile::report::Report, diagnostic::FieldPath};
use portico_crds as crds;
use std::fmt;

/// What an object or a rule says about a response: `responseHeaders` and `respond`.
type Answer<'s> = (Option<&'s crds::HeaderEdits>, Option<&'s crds::Respond>);

/// Rejects edits of `Access-Control-*`, `Timing-Allow-Origin` and `Vary`, which the policy sets after
/// them, and such headers of a fixed response other than `Vary`, which it removes. `policy` says
/// whose policy applies.
pub(super) fn check_route(spec: &crds::RouteSpec, policy: fmt::Arguments<'_>, report: &mut Report) {
    let own = (spec.response_headers.as_deref(), spec.respond.as_deref());
    let actions = spec.rules.iter().map(|rule| rule.r#do.as_deref());
    let rules = actions.map(|actions| {
        let actions = actions.map(|it| (it.response_headers.as_ref(), it.respond.as_ref()));
        actions.unwrap_or_default()
    });
    check(own, rules, policy, report);
}

/// The same for the rules of a FrontDoor, whose answers carry its policy.
pub(super) fn check_front_door(
    spec: &crds::FrontDoorSpec,
    policy: fmt::Arguments<'_>,
    report: &mut Report,
) {
    let actions = spec.rules.iter().map(|rule| rule.r#do.as_deref());
    let rules = actions.map(|actions| {
        let actions = actions.map(|it| (it.response_headers.as_ref(), it.respond.as_ref()));
        actions.unwrap_or_default()
    });
    check(Answer::default(), rules, policy, report);
}

fn check<'s>(
    own: Answer<'s>,
    rules: impl Iterator<Item = Answer<'s>>,
    policy: fmt::Arguments<'_>,
    report: &mut Report,
) {
    let mut check = Check { policy, report };
    check.answer(own, &FieldPath::SPEC);
    let spec = FieldPath::SPEC;
    let at = spec.child("rules");
    for (index, answer) in rules.enumerate() {
        check.answer(answer, &at.index(index).child("do"));
    }
}

struct Check<'a> {
    policy: fmt::Arguments<'a>,
    report: &'a mut Report,
}

impl Check<'_> {
    /// Checks the fields `responseHeaders` and `respond` of what is at this place.
    fn answer(&mut self, (edits, respond): Answer<'_>, at: &FieldPath<'_>) {
        if let Some(edits) = edits {
            let at = at.child("responseHeaders");
            for (list, lines) in [("set", &edits.set), ("add", &edits.add)] {
                for (index, line) in lines.iter().enumerate().filter(|(_, line)| sets(&line.name)) {
                    self.refuse(&line.name, &at.child(list).index(index).child("name"));
                }
            }
            for (index, name) in edits.remove.iter().enumerate().filter(|(_, name)| sets(name)) {
                self.refuse(name, &at.child("remove").index(index));
            }
        }
        if let Some(respond) = respond {
            let at = at.child("respond");
            let lines = respond.headers.iter().enumerate();
            for (index, line) in lines.filter(|(_, line)| is_policys(&line.name)) {
                self.refuse(&line.name, &at.child("headers").index(index).child("name"));
            }
        }
    }

    fn refuse(&mut self, name: &str, at: &FieldPath<'_>) {
        let message = format!(
            "'{name}' is set by {}, which applies here: remove it, or opt out of the policy with cors: {{mode: Disabled}}",
            self.policy
        );
        self.report.invalid(at, message);
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

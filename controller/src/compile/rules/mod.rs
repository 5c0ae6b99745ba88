//! `rules` of FrontDoors and Routes.

mod actions;
mod answers;
mod conditions;
mod given;
mod texts;

pub(super) use actions::CompileBackends;

use super::{expressions::Expressions, headers::Headers, matches::Matched, report::Report};
use crate::{
    diagnostic::{FieldPath, Reason},
    schema::labels::check_label,
};
use actions::Actions;
use conditions::Conditions;
use given::GivenRule;
use portico_crds as crds;
use portico_dataplane::table::{Rule, RuleActions};
use std::collections::HashMap;
use texts::Scope;

/// Compiles the rules of a FrontDoor.
pub(super) fn of_front_door(
    spec: &crds::FrontDoorSpec,
    headers: &mut Headers<'_>,
    expressions: &mut Expressions<'_>,
    report: &mut Report,
) -> Vec<Rule> {
    let underscores = headers.options.underscores;
    let conditions = Conditions { expressions, underscores, count: 0 };
    let scope = Scope::of_front_door(underscores);
    let actions = Actions { headers, scope, backends: None, forwards: true };
    compile(spec.rules.iter().map(GivenRule::from).collect(), conditions, actions, report)
}

/// Compiles the rules of a Route.
pub(super) fn of_route<'s>(
    spec: &'s crds::RouteSpec,
    matches: &[Matched],
    headers: &mut Headers<'_>,
    expressions: &mut Expressions<'_>,
    backends: &mut CompileBackends<'_, 's>,
    report: &mut Report,
) -> Vec<Rule> {
    let underscores = headers.options.underscores;
    let conditions = Conditions { expressions, underscores, count: 0 };
    let scope = Scope::of_route(matches, underscores);
    let forwards = forwards(spec)
        || ["backends", "rules"].iter().any(|it| report.is_incomplete(&FieldPath::SPEC.child(it)));
    let actions = Actions { headers, scope, backends: Some(backends), forwards };
    compile(spec.rules.iter().map(GivenRule::from).collect(), conditions, actions, report)
}

/// Whether a Route, or one of its rules, has backends.
pub(super) fn forwards(spec: &crds::RouteSpec) -> bool {
    let actions = spec.rules.iter().filter_map(|rule| rule.r#do.as_deref());
    spec.backends.is_some() || actions.into_iter().any(|actions| actions.backends.is_some())
}

/// Compiles rules. One whose conditions are not all known is left out: without them it would hold
/// for more requests.
fn compile<'s>(
    rules: Vec<GivenRule<'s>>,
    mut conditions: Conditions<'_, '_>,
    mut actions: Actions<'_, '_, 's>,
    report: &mut Report,
) -> Vec<Rule> {
    let spec = FieldPath::SPEC;
    let at = spec.child("rules");
    if rules.len() > crds::MAX_RULES {
        report.invalid(&at, format!("has {} rules: list at most {}", rules.len(), crds::MAX_RULES));
    }
    check_names(&rules, &at, report);
    warn_of_idle(&rules, &at, report);
    let mut compiled = Vec::with_capacity(rules.len().min(crds::MAX_RULES));
    for (index, rule) in rules.iter().enumerate().take(crds::MAX_RULES) {
        let at = at.index(index);
        if rule.actions.is_none() && !rule.stop {
            report.invalid_members(
                &at,
                &["do", "stop"],
                "has no effect: say what to do, or write stop: true",
            );
        }
        let when = conditions.of_rule(rule.when, &at.child("when"), report);
        let actions = match &rule.actions {
            Some(given) => actions.of_rule(index, given, &at.child("do"), report),
            None => RuleActions::default(),
        };
        if let Some(when) = when {
            compiled.push(Rule { name: rule.name.into(), when, actions, stop: rule.stop });
        }
    }
    compiled
}

fn check_names(rules: &[GivenRule<'_>], at: &FieldPath<'_>, report: &mut Report) {
    let mut first = HashMap::with_capacity(rules.len());
    for (index, rule) in rules.iter().enumerate().take(crds::MAX_RULES) {
        let at = at.index(index);
        let at = at.child("name");
        if check_label(rule.name).is_err() {
            report.invalid(
                &at,
                format!(
                    "'{}' is no name of a rule: write 1 to 63 lower-case letters, digits and '-', a letter or digit first and last",
                    rule.name.escape_debug()
                ),
            );
        }
        let before = *first.entry(rule.name).or_insert(index);
        if before != index {
            report.invalid(
                &at,
                format!(
                    "'{}' is rules[{before}] already: give each rule a name of its own",
                    rule.name
                ),
            );
        }
    }
}

/// Warns of rules after one that holds for every request and is the last to be looked at.
fn warn_of_idle(rules: &[GivenRule<'_>], at: &FieldPath<'_>, report: &mut Report) {
    let ends = |rule: &GivenRule<'_>| rule.when.is_empty() && rule.ends_the_list();
    let Some(last) = rules.iter().position(ends) else { return };
    if rules.len() > last + 1 && !report.failed_to_decode(&at.index(last).child("when")) {
        report.warn(
            &at.index(last + 1),
            Reason::NoEffect,
            format!("is never looked at: rules[{last}] holds for every request, and ends the list"),
        );
    }
}

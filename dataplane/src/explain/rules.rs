//! The rules that a request meets: which of them hold, why the others don't, and what they change.

use crate::{
    proxy::{Arrived, Facts},
    router::Budget,
    rules::{self, Check, Effects, Seen, Values},
    table::{HeaderEdits, Rule, RuleActions, RuleHost, RulePath, RuleReply, RuleRewrite, redacted},
};
use http::request::Parts;
use serde::Serialize;

/// A rule that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LookedAt {
    /// The object that it is in: `FrontDoor web/ep` or `Route web/app`.
    pub object: String,
    /// Its name.
    pub name: String,
    /// Whether it holds.
    pub held: bool,
    /// Why, or why not.
    pub why: String,
    /// What it changes, a phrase each; empty if it does not hold.
    pub changes: Vec<String>,
}

/// All rules that were looked at of a request with this head, in order.
pub(super) fn looked_at(arrived: &Arrived<'_>, facts: &Facts<'_>, head: &Parts) -> Vec<LookedAt> {
    let (Some(effects), Some(destination), Ok(path)) =
        (&arrived.rules, &arrived.destination, &arrived.path)
    else {
        return Vec::new();
    };
    let meeting = destination.meeting(facts, head, path, &destination.cors_request(head));
    let (budget, seen) = (Budget::of_one_request(), meeting.seen());
    let mut all = Vec::new();
    let (host, subject) = (destination.virtual_host, meeting.subject());
    let route = arrived.matched.map(|matched| &matched.target.name);
    let values = Values::of_front_door(&subject, route);
    let look = Look { check: Check::new(&subject, &budget), values, seen, effects };
    look.at(&format!("FrontDoor {}", host.front_door), &host.rules, &mut all);
    if let Some(matched) = arrived.matched.filter(|_| effects.met_route) {
        let headers = meeting.headers_of_backends(matched);
        let subject = meeting.subject_with(&headers);
        let (route, captures) = (&matched.target, matched.path.matches(path).unwrap_or_default());
        let values = Values::of_route(&subject, &route.name, &matched.path, &captures);
        let look = Look { check: Check::new(&subject, &budget), values, seen, effects };
        look.at(&format!("Route {}", route.name), &route.rules, &mut all);
    }
    all
}

/// A look at the rules of a request.
struct Look<'t, 'r> {
    check: Check<'t, 'r>,
    values: Values<'r>,
    seen: Seen,
    effects: &'r Effects<'t>,
}

impl<'t> Look<'t, '_> {
    fn at(&self, object: &str, rules: &'t [Rule], all: &mut Vec<LookedAt>) {
        for rule in rules {
            let why_not = match (self.seen.includes(rule), self.check.unmet(rule)) {
                (false, _) => Some("it redirects or responds, and this is a preflight".to_owned()),
                (true, Some(unmet)) => Some(format!("it requires {unmet}")),
                (true, None) => None,
            };
            let held = why_not.is_none();
            let why = why_not.unwrap_or_else(|| {
                let why = match rule.when.as_slice() {
                    [] => "it has no conditions",
                    [_] => "its condition holds",
                    _ => "its conditions hold",
                };
                why.to_owned()
            });
            let changes = if held { self.changes(rule) } else { Vec::new() };
            let (object, name) = (object.to_owned(), rule.name.to_string());
            all.push(LookedAt { object, name, held, why, changes });
            if held && rules::is_last(rule) {
                break;
            }
        }
    }

    fn changes(&self, rule: &'t Rule) -> Vec<String> {
        let mut changes = Vec::new();
        let actions = &rule.actions;
        let RuleActions { reply, forward, rewrite, timeouts, retry, .. } = actions;
        match reply {
            Some(RuleReply::Redirect(to)) => {
                changes.push(format!("redirects with {}", to.redirect.status.as_u16()));
            }
            Some(RuleReply::Respond(respond)) => {
                changes.push(format!("responds with {}", respond.status.as_u16()));
            }
            Some(RuleReply::Fill(respond)) => {
                changes.push(format!("responds with {}", respond.status.as_u16()));
            }
            None => {}
        }
        if let Some(forward) = forward {
            let names: Vec<_> = forward.backends().iter().map(|it| it.name.as_str()).collect();
            let decides = self.decides(rule, |actions| actions.forward.is_some());
            changes.push(format!("backends {}{decides}", names.join(", ")));
        }
        if let Some(rewrite) = rewrite {
            let decides = self.decides(rule, |actions| actions.rewrite.is_some());
            changes.push(format!("{}{decides}", describe_rewrite(rewrite)));
        }
        let edits =
            [("request", &actions.request_headers), ("response", &actions.response_headers)];
        for (message, edits) in edits {
            // What is refused for its values says so itself.
            for edits in rules::filled([edits].into_iter(), &self.values).unwrap_or_default() {
                describe_edits(message, &edits, &mut changes);
            }
        }
        if timeouts.is_some() {
            let decides = self.decides(rule, |actions| actions.timeouts.is_some());
            changes.push(format!("timeouts{decides}"));
        }
        if retry.is_some() {
            let decides = self.decides(rule, |actions| actions.retry.is_some());
            changes.push(format!("retry{decides}"));
        }
        if rule.stop {
            changes.push("no further rules".to_owned());
        }
        changes
    }

    /// Whether this rule's say counts, of those that say something about it.
    fn decides(&self, rule: &Rule, says: impl Fn(&RuleActions) -> bool) -> &'static str {
        let last = self.effects.route.iter().rev().find(|other| says(&other.actions));
        match last {
            Some(last) if !std::ptr::eq(*last, rule) => ", but a later rule decides",
            Some(_) | None => "",
        }
    }
}

fn describe_rewrite(RuleRewrite { path, host }: &RuleRewrite) -> String {
    let path = match path {
        None => "the request's path".to_owned(),
        Some(RulePath::Template(template)) => format!("path {template}"),
        Some(RulePath::Text(text)) => format!("path {text}"),
    };
    match host {
        RuleHost::Usual => path,
        RuleHost::Backend => format!("{path}, the backend's Host"),
        RuleHost::Preserve => format!("{path}, the client's Host"),
        RuleHost::Set(host) => format!("{path}, Host {}", redacted(host)),
    }
}

fn describe_edits(message: &str, edits: &HeaderEdits, changes: &mut Vec<String>) {
    changes.extend(edits.remove.iter().map(|name| format!("{message} without {name}")));
    for (verb, lines) in [("with", &edits.set), ("with added", &edits.add)] {
        let line = |(name, value): &(_, _)| format!("{message} {verb} {name}: {}", redacted(value));
        changes.extend(lines.iter().map(line));
    }
}

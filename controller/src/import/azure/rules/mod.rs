//! Rules engines and rule sets: what is common to both.

mod action;
mod classic;
mod condition;
mod standard;
mod subject;
mod test;
mod variable;
mod when;

pub(super) use action::{CACHING, redirect};
pub(super) use classic::{REDIRECT, is_redirect, rules as of_engine};
pub(super) use standard::rule as of_rule_set;
pub(super) use when::scheme;

use super::{
    names,
    pattern::{Pattern, escaped},
    pool::{Forwarding, Pool, Scheme},
    read::{Unclear, text, unclear},
    resource::Id,
};
use crate::import::Node;
use portico_crds::{
    Backend, HeaderEdits, MAX_CONDITIONS, RouteActions, RouteRule, RuleCondition, RuleRedirect,
    RuleRewrite,
};

/// What rules refer to.
pub(super) struct Context<'c, 's> {
    /// The hosts that the front door serves.
    pub(super) hosts: &'c [String],
    /// Finds a backend pool or origin group.
    pub(super) pool: &'c dyn Fn(&Id) -> Option<Pool<'s>>,
}

/// A rule, before it is known which paths it is for.
#[derive(Clone, Debug, Default)]
pub(super) struct Rule<'s> {
    name: String,
    when: Vec<RuleCondition>,
    does: Actions<'s>,
    stop: bool,
}

/// What a rule does.
#[derive(Clone, Debug, Default)]
struct Actions<'s> {
    redirect: Option<RuleRedirect>,
    path: Option<PathChange>,
    pool: Option<(Pool<'s>, Forwarding)>,
    request: HeaderEdits,
    response: HeaderEdits,
}

/// How a rule changes the path that the backend gets.
#[derive(Clone, Debug)]
enum PathChange {
    /// A custom forwarding path.
    Forwarding(String),
    /// What the path after the pattern begins with, what takes its place, and whether the rest
    /// follows.
    Source { source: String, destination: String, keeps_rest: bool },
}

/// Where a rule is looked at.
pub(super) struct Place<'p> {
    /// The paths, as a Route matches them.
    pub(super) own: &'p Pattern,
    /// The pattern of the source that matches them.
    pub(super) matched: &'p Pattern,
    /// The path that takes the place of the pattern, if the source has one.
    pub(super) base: Option<&'p str>,
    /// The Host that the Route's backends get.
    pub(super) host: Option<&'p str>,
    /// The scheme that reaches backends where the request's does.
    pub(super) scheme: Scheme,
}

impl Rule<'_> {
    /// The rules that do the same at a place, under one more condition. A change of the path that is
    /// for some paths alone is a rule of its own, before the rest.
    pub(super) fn at(&self, place: &Place<'_>, also: Option<&RuleCondition>) -> Vec<RouteRule> {
        let when = || also.into_iter().chain(&self.when).cloned().collect::<Vec<_>>();
        let mut does = RouteActions::default();
        let edits = |edits: &HeaderEdits| (!is_empty(edits)).then(|| edits.clone());
        does.response_headers = edits(&self.does.response);
        if let Some(redirect) = &self.does.redirect {
            does.redirect = Some(redirect.clone());
            return vec![self.route_rule("", when(), does, false)];
        }
        does.request_headers = edits(&self.does.request);
        let pool = self.does.pool.as_ref();
        does.backends = pool.map(|(pool, by)| backends(pool, *by, place.scheme));
        let host = match pool {
            Some((pool, _)) => pool.host(),
            None => place.host.map(str::to_owned),
        };
        let own_path = place.base.and_then(|base| place.own.moved(place.matched, base));
        let mut rules = Vec::new();
        let new_path = match &self.does.path {
            None => None,
            Some(PathChange::Forwarding(path)) => place.own.moved(place.matched, path),
            Some(PathChange::Source { source, destination, keeps_rest }) => {
                let under = place.base.unwrap_or_else(|| place.matched.prefix());
                let under = under.trim_end_matches('/');
                let destination = format!("{under}/{}", destination.trim_start_matches('/'));
                if *keeps_rest {
                    place.own.moved(place.matched, &destination)
                } else if source == "/" {
                    Some(escaped(&destination))
                } else {
                    let start =
                        format!("{}{}", place.matched.prefix(), source.trim_start_matches('/'));
                    let start = regex::escape(&escaped(&start));
                    let only = RuleCondition {
                        path_regex: Some(format!("{start}.*")),
                        ..RuleCondition::default()
                    };
                    let path = Some(escaped(&destination));
                    let rewrite = RuleRewrite { path, host: host.clone() };
                    let change = RouteActions { rewrite: Some(rewrite), ..Default::default() };
                    let when = when().into_iter().chain([only]).collect();
                    rules.push(self.route_rule("-path", when, change, false));
                    None
                }
            }
        };
        let host_changes = pool.is_some() && host.as_deref() != place.host;
        if new_path.is_some() || host_changes {
            let path = new_path.or(own_path);
            let host = host.or_else(|| host_changes.then(|| "Backend".to_owned()));
            does.rewrite = Some(RuleRewrite { path, host });
        }
        if does != RouteActions::default() || self.stop {
            rules.push(self.route_rule("", when(), does, self.stop));
        }
        rules
    }

    fn route_rule(
        &self,
        suffix: &str,
        when: Vec<RuleCondition>,
        does: RouteActions,
        stop: bool,
    ) -> RouteRule {
        let does = (does != RouteActions::default()).then(|| Box::new(does));
        RouteRule { name: names::label(&format!("{}{suffix}", self.name)), when, r#do: does, stop }
    }
}

/// The backends of a pool, by the scheme that reaches them.
pub(super) fn backends(pool: &Pool<'_>, by: Forwarding, of_request: Scheme) -> Vec<Backend> {
    pool.backends(match by {
        Forwarding::By(scheme) => scheme,
        Forwarding::MatchRequest => of_request,
    })
}

/// Whether the rules after one are not looked at, where it holds.
fn stops(node: &Node<'_>) -> Result<bool, Unclear> {
    match text(node, "matchProcessingBehavior")? {
        Some("Stop") => Ok(true),
        Some("Continue") | None => Ok(false),
        Some(_) => Err(unclear(node, "a rule that continues or stops")),
    }
}

/// A rule that can't be kept is left out: without a condition of it, it would meet more requests.
fn left_out(node: &Node<'_>) {
    let stops = node.field("matchProcessingBehavior").is_some_and(|it| it.text() == Some("Stop"));
    let then = if stops { ", and the rules after it are not stopped" } else { "" };
    node.dropped(format!(
        "the whole rule is left out, so that it does not meet other requests than before: those that it met are handled as if it was not there{then}"
    ));
}

fn never<T>(node: &Node<'_>) -> Option<T> {
    node.changed("never holds, and is left out");
    None
}

/// A rule, unless it does nothing.
fn finished<'s>(node: &Node<'s>, mut rule: Rule<'s>) -> Option<Rule<'s>> {
    let does = &mut rule.does;
    if does.redirect.is_some() && does.forwards() {
        node.changed("a redirect ends the way: what else it does to the request has no effect");
        *does = Actions {
            redirect: does.redirect.take(),
            response: std::mem::take(&mut does.response),
            ..Actions::default()
        };
    }
    if rule.when.len() > MAX_CONDITIONS {
        node.dropped(format!("becomes more than {MAX_CONDITIONS} conditions: write it by hand"));
        return None;
    }
    let does = &rule.does;
    let does_nothing = !does.forwards() && does.redirect.is_none() && is_empty(&does.response);
    (!does_nothing || rule.stop).then_some(rule)
}

impl Actions<'_> {
    /// Whether it does something to requests on their way to a backend.
    fn forwards(&self) -> bool {
        self.path.is_some() || self.pool.is_some() || !is_empty(&self.request)
    }
}

fn is_empty(edits: &HeaderEdits) -> bool {
    edits.set.is_empty() && edits.add.is_empty() && edits.remove.is_empty()
}

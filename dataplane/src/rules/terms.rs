//! The terms on which a request is forwarded: its Route's, or what rules say.

use super::{Check, Seen, Subject, Values, reply};
use crate::{
    path::{Captures, PathTemplate},
    refusal::Refusal,
    router::Budget,
    table::{
        Action, Backend, Forward, HostHeader, Retry, RouteMatch, Rule, RuleHost, RulePath,
        RuleRewrite, Target, Timeouts, VirtualHost,
    },
};
use http::HeaderValue;
use std::borrow::Cow;

/// The terms on which a request is forwarded.
pub(crate) struct Terms<'t> {
    /// The backends.
    pub(crate) forward: &'t Forward,
    /// The template of the path that they get, if it differs from the request's.
    pub(crate) template: Option<Cow<'t, PathTemplate>>,
    /// The Host that they get, if a rule says.
    host: Option<&'t RuleHost>,
    /// Its timeouts.
    pub(crate) timeouts: &'t Timeouts,
    /// Which failed requests are sent again.
    pub(crate) retry: &'t Retry,
}

impl<'t> Terms<'t> {
    /// Those of a Route, without rules; `None` if it has no backends.
    pub(crate) fn of_route(matched: &'t RouteMatch) -> Option<Self> {
        let route = &*matched.target;
        let forward = match &route.action {
            Action::Forward(forward) => forward,
            Action::Redirect(_) | Action::Respond(_) | Action::NotAccepted(_) => return None,
        };
        Some(Self {
            forward,
            template: forward.rewrite().map(|rewrite| Cow::Borrowed(&rewrite.path)),
            host: None,
            timeouts: &route.timeouts,
            retry: &route.selection.retry,
        })
    }

    /// Those of a Route and of its rules that act, of which the last to say something decides. `None`
    /// if neither the Route nor one of these rules has backends.
    ///
    /// # Errors
    /// If what the request has makes no path.
    pub(crate) fn of_rules(
        matched: &'t RouteMatch,
        acting: &[&'t Rule],
        values: &Values<'_>,
    ) -> Result<Option<Self>, Refusal> {
        let actions = || acting.iter().rev().map(|rule| &rule.actions);
        let own = Self::of_route(matched);
        let forward = actions().find_map(|actions| actions.forward.as_ref());
        let Some(forward) = forward.or(own.as_ref().map(|own| own.forward)) else {
            return Ok(None);
        };
        let (template, host) = match actions().find_map(|actions| actions.rewrite.as_ref()) {
            None => (own.and_then(|own| own.template), None),
            Some(RuleRewrite { path, host }) => {
                let template = match path {
                    None => None,
                    Some(RulePath::Template(template)) => Some(Cow::Borrowed(template)),
                    Some(RulePath::Text(text)) => Some(Cow::Owned(values.path(text)?)),
                };
                (template, Some(host))
            }
        };
        let route = &*matched.target;
        let timeouts = actions().find_map(|actions| actions.timeouts.as_ref());
        let retry = actions().find_map(|actions| actions.retry.as_ref());
        Ok(Some(Self {
            forward,
            template,
            host,
            timeouts: timeouts.unwrap_or(&route.timeouts),
            retry: retry.unwrap_or(&route.selection.retry),
        }))
    }

    /// Those on which a request would be forwarded that a host's Route has won; `None` if it would
    /// not be.
    ///
    /// # Errors
    /// If the conditions of rules would have to look at too much of it, or what it has makes no path.
    pub(crate) fn of_request(
        subject: &Subject<'_>,
        budget: &Budget,
        host: &'t VirtualHost,
        matched: &'t RouteMatch,
        captures: &Captures<'_>,
    ) -> Result<Option<Self>, Refusal> {
        let route = &*matched.target;
        if host.unavailable.is_some() || route.unavailable.is_some() {
            return Ok(None);
        }
        if host.rules.is_empty() && route.rules.is_empty() {
            return Ok(Self::of_route(matched));
        }
        let check = Check::new(subject, budget);
        let acting = check.acting(&route.rules, Seen::All)?;
        if reply(&check.acting(&host.rules, Seen::All)?).or(reply(&acting)).is_some() {
            return Ok(None);
        }
        let values = Values::of_route(subject, &route.name, &matched.path, captures);
        Self::of_rules(matched, &acting, &values)
    }

    /// The Host that a backend gets.
    pub(crate) fn host<'b>(&self, backend: &'b Backend) -> Cow<'b, HostHeader> {
        let own = || {
            let own = backend.own_authorities.first().map(ToString::to_string);
            let own = own.and_then(|own| HeaderValue::try_from(own).ok());
            own.map_or(HostHeader::Preserve, HostHeader::Set)
        };
        match (self.host, &backend.target) {
            (None, _) => Cow::Borrowed(&backend.host),
            (Some(RuleHost::Set(name)), _) => Cow::Owned(HostHeader::Set(name.clone())),
            (Some(RuleHost::Preserve), _) | (Some(RuleHost::Usual), Target::Endpoints(_)) => {
                Cow::Owned(HostHeader::Preserve)
            }
            (Some(RuleHost::Backend), _) | (Some(RuleHost::Usual), Target::External { .. }) => {
                Cow::Owned(own())
            }
        }
    }
}

//! What rules do.

use super::{answers, given::GivenActions, texts::Scope};
use crate::{
    compile::{action::rewrite_host, headers::Headers, report::Report, selection},
    diagnostic::FieldPath,
};
use http::HeaderValue;
use portico_crds as crds;
use portico_dataplane::table::{Backend, Forward, RuleActions, RuleEdits, RuleHost, RuleRewrite};
use std::sync::Arc;

/// Compiles the backends of a Route's rule.
pub(in crate::compile) type CompileBackends<'b, 's> =
    dyn FnMut(&'s [crds::Backend], &FieldPath<'_>, &mut Report) -> Vec<Arc<Backend>> + 'b;

/// Compiles what the rules of one object do.
pub(super) struct Actions<'a, 'h, 's> {
    pub(super) headers: &'a mut Headers<'h>,
    /// What the answers of rules may use.
    pub(super) scope: Scope<'a>,
    /// `None` for a FrontDoor's rules, which have no backends.
    pub(super) backends: Option<&'a mut CompileBackends<'a, 's>>,
    /// Whether requests may get to a backend at all.
    pub(super) forwards: bool,
}

impl<'s> Actions<'_, '_, 's> {
    /// Compiles what the rule at this index does.
    pub(super) fn of_rule(
        &mut self,
        index: usize,
        given: &GivenActions<'s>,
        at: &FieldPath<'_>,
        report: &mut Report,
    ) -> RuleActions {
        self.check_fields(given, at, report);
        let answers = self.scope;
        let redirect = given.redirect.and_then(|redirect| {
            answers::redirect(redirect, &answers, &at.child("redirect"), report)
        });
        let respond = given.respond.and_then(|respond| {
            let edits = given.response_headers;
            answers::respond(respond, edits, &answers, &at.child("respond"), report)
        });
        let compile_backends = self.backends.as_mut();
        let forward = given.backends.zip(compile_backends).map(|(backends, compile)| {
            let backends = compile(backends, &at.child("backends"), report);
            Forward::new(backends, None).of_rule(index)
        });
        let (timeouts, retry) = selection::of_rule(given.timeouts, given.retry, at, report);
        RuleActions {
            reply: redirect.or(respond),
            forward,
            rewrite: given.rewrite.map(|it| self.rewrite(it, &at.child("rewrite"), report)),
            request_headers: self.request_headers(given, at, report),
            response_headers: self.response_headers(given, at, report),
            timeouts,
            retry,
        }
    }

    /// Checks which fields there are beside which.
    fn check_fields(&self, given: &GivenActions<'_>, at: &FieldPath<'_>, report: &mut Report) {
        let ends = [("redirect", given.redirect.is_some()), ("respond", given.respond.is_some())];
        let forwarding = [
            ("backends", given.backends.is_some()),
            ("rewrite", given.rewrite.is_some()),
            ("requestHeaders", given.request_headers.is_some()),
            ("timeouts", given.timeouts.is_some()),
            ("retry", given.retry.is_some()),
        ];
        let forwarding = || forwarding.into_iter().filter(|(_, given)| *given);
        let [redirect, respond] = ends.map(|(_, given)| given);
        if redirect && respond {
            let message = "has redirect and respond: keep one, or make two rules";
            report.invalid_members(at, &["redirect", "respond"], message);
        } else if redirect || respond {
            let end = if redirect { "redirect" } else { "respond" };
            for (name, _) in forwarding() {
                report.invalid(
                    &at.child(name),
                    format!("has no place beside {end}: only responseHeaders has; remove it, or make two rules"),
                );
            }
        } else if forwarding().next().is_none() && given.response_headers.is_none() {
            let members: &[&str] = match self.backends {
                Some(_) => &[
                    "redirect",
                    "respond",
                    "backends",
                    "rewrite",
                    "requestHeaders",
                    "responseHeaders",
                    "timeouts",
                    "retry",
                ],
                None => &["redirect", "respond", "requestHeaders", "responseHeaders"],
            };
            let message = format!("does nothing: set one of {}", members.join(", "));
            report.invalid_members(at, members, message);
        } else if !self.forwards {
            for (name, _) in forwarding() {
                report.invalid(
                    &at.child(name),
                    "applies only to backends, and neither this Route nor any of its rules has some: remove it",
                );
            }
        }
    }

    fn rewrite(
        &self,
        given: &crds::RuleRewrite,
        at: &FieldPath<'_>,
        report: &mut Report,
    ) -> RuleRewrite {
        let crds::RuleRewrite { path, host } = given;
        let host = match host.as_deref() {
            None => RuleHost::Usual,
            Some("Backend") => RuleHost::Backend,
            Some("Preserve") => RuleHost::Preserve,
            Some(name) => {
                let name = rewrite_host(name, &at.child("host"), report);
                let value = name.and_then(|it| HeaderValue::try_from(it.to_string()).ok());
                value.map_or(RuleHost::Usual, RuleHost::Set)
            }
        };
        let path = path.as_deref();
        RuleRewrite {
            path: path.and_then(|path| self.scope.path(path, &at.child("path"), report)),
            host,
        }
    }

    fn request_headers(
        &mut self,
        given: &GivenActions<'_>,
        at: &FieldPath<'_>,
        report: &mut Report,
    ) -> RuleEdits {
        let scope = self.scope.of_edits();
        let read = |_: &str, text: &str, at: &FieldPath<'_>, report: &mut Report| {
            scope.value(text, at, report)
        };
        let at = at.child("requestHeaders");
        self.headers.edits_with(given.request_headers, &read, &at, report)
    }

    fn response_headers(
        &mut self,
        given: &GivenActions<'_>,
        at: &FieldPath<'_>,
        report: &mut Report,
    ) -> RuleEdits {
        let scope = self.scope.of_edits();
        let read = |name: &str, text: &str, at: &FieldPath<'_>, report: &mut Report| {
            scope.response_value(name, text, at, report)
        };
        let at = at.child("responseHeaders");
        self.headers.edits_with(given.response_headers, &read, &at, report)
    }
}

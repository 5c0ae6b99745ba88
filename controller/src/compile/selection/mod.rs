//! How a Route chooses among its backends and their endpoints: `health`, `ejection`, `balance`,
//! `affinity`, `retry`, `limits` and `timeouts`, and what of it a FrontDoor's `defaults` say.

mod balance;
mod fields;
mod health;
mod retry;
mod timeouts;

pub(super) use fields::is_token;

use super::{predicates::warn_of_removed_header, report::Report};
use crate::diagnostic::{FieldPath, Reason};
use fields::Blocks;
use portico_crds as crds;
use portico_dataplane::{
    config::Underscores,
    table::{HashOn, Policy, Retry, Selection, Timeouts},
};
use std::sync::Arc;

/// The terms on which requests reach backends.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Terms {
    pub(super) timeouts: Timeouts,
    /// Shared by all Routes of a FrontDoor that don't change it.
    pub(super) selection: Arc<Selection>,
}

impl Terms {
    /// What Routes of a FrontDoor have, unless they say otherwise.
    pub(super) fn of_front_door(given: Option<&crds::Defaults>, report: &mut Report) -> Self {
        let Some(given) = given else { return Self::default() };
        let blocks = Blocks {
            health: given.health.as_ref(),
            ejection: given.ejection.as_ref(),
            balance: given.balance.as_ref(),
            affinity: None,
            retry: given.retry.as_ref(),
            limits: given.limits.as_ref(),
            timeouts: given.timeouts.as_ref(),
        };
        Self::default().replaced_by(&blocks, &FieldPath::SPEC.child("defaults"), report)
    }

    /// What a Route of a FrontDoor with these terms has: a block of its own replaces the
    /// FrontDoor's entirely. Without any backends, which a Route that redirects may have in its
    /// rules, there is nothing to choose, whatever it inherits.
    pub(super) fn of_route(
        &self,
        spec: &crds::RouteSpec,
        forwards: bool,
        underscores: Underscores,
        report: &mut Report,
    ) -> Self {
        let at = FieldPath::SPEC;
        let blocks = Blocks {
            health: spec.health.as_deref(),
            ejection: spec.ejection.as_deref(),
            balance: spec.balance.as_deref(),
            affinity: spec.affinity.as_deref(),
            retry: spec.retry.as_deref(),
            limits: spec.limits.as_deref(),
            timeouts: spec.timeouts.as_deref(),
        };
        let terms = self.replaced_by(&blocks, &at, report);
        warn_of_band(spec, &terms.selection, report);
        warn_of_hash(spec, &terms.selection, underscores, report);
        let own = spec.retry.as_deref();
        warn_of_tries(own, &terms.selection.retry, &terms.timeouts, &at.child("retry"), report);
        if forwards { terms } else { Self::default() }
    }

    fn replaced_by(&self, blocks: &Blocks<'_>, at: &FieldPath<'_>, report: &mut Report) -> Self {
        let at_timeouts = at.child("timeouts");
        let timeouts = blocks.timeouts.map(|it| timeouts::compile(it, &at_timeouts, report));
        let timeouts = timeouts.unwrap_or(self.timeouts);
        if blocks.are_none_of_selection() {
            return Self { timeouts, selection: self.selection.clone() };
        }
        let mut selection = Selection::clone(&self.selection);
        if let Some(given) = blocks.health {
            selection.health = health::check(given, &at.child("health"), report).map(Arc::new);
        }
        if let Some(given) = blocks.ejection {
            selection.ejection = health::ejection(given, &at.child("ejection"), report);
        }
        if let Some(given) = blocks.balance {
            selection.balance = balance::compile(given, &at.child("balance"), report);
        }
        if let Some(given) = blocks.affinity {
            selection.affinity = balance::affinity(given, &at.child("affinity"), report);
        }
        if let Some(given) = blocks.retry {
            selection.retry = retry::compile(given, &at.child("retry"), report);
        }
        if let Some(given) = blocks.limits {
            selection.limits = retry::limits(given, &at.child("limits"), report);
        }
        Self { timeouts, selection: Arc::new(selection) }
    }
}

/// The blocks of a rule, each of which replaces the Route's entirely.
pub(super) fn of_rule(
    timeouts: Option<&crds::Timeouts>,
    own: Option<&crds::Retry>,
    at: &FieldPath<'_>,
    report: &mut Report,
) -> (Option<Timeouts>, Option<Retry>) {
    let timeouts = timeouts.map(|it| timeouts::compile(it, &at.child("timeouts"), report));
    let at = at.child("retry");
    let retry = own.map(|it| retry::compile(it, &at, report));
    if let (Some(timeouts), Some(retry)) = (&timeouts, &retry) {
        warn_of_tries(own, retry, timeouts, &at, report);
    }
    (timeouts, retry)
}

/// A latency band compares backends.
fn warn_of_band(spec: &crds::RouteSpec, selection: &Selection, report: &mut Report) {
    let own = spec.balance.as_ref().and_then(|balance| balance.latency_band.as_ref());
    let is_sole = spec.backends.as_ref().is_some_and(|backends| backends.len() == 1);
    if own.is_some() && selection.balance.latency_band.is_some() && is_sole {
        report.warn(
            &FieldPath::SPEC.child("balance").child("latencyBand"),
            Reason::NoEffect,
            "compares backends, but this Route has only one",
        );
    }
}

/// A hash needs a value that clients can send, and that is not the edge's own.
fn warn_of_hash(
    spec: &crds::RouteSpec,
    selection: &Selection,
    underscores: Underscores,
    report: &mut Report,
) {
    let Policy::Hash(on) = &selection.balance.policy else { return };
    let at = FieldPath::SPEC;
    match on {
        HashOn::Header(name) if spec.balance.is_some() => {
            let at = at.child("balance");
            let at = at.child("hash");
            warn_of_removed_header(name.as_str(), underscores, &at.child("name"), report);
        }
        HashOn::Cookie(name) => {
            if selection.affinity.as_ref().is_some_and(|affinity| affinity.cookie == *name) {
                report.warn(
                    &at.child("affinity").child("cookie"),
                    Reason::NoEffect,
                    format!("'{name}' is also the cookie that balance.hash hashes, so the hash decides nothing: use another name"),
                );
            }
        }
        HashOn::Header(_) | HashOn::ClientAddress => {}
    }
}

/// A try can't take longer than the request.
fn warn_of_tries(
    own: Option<&crds::Retry>,
    retry: &Retry,
    timeouts: &Timeouts,
    at: &FieldPath<'_>,
    report: &mut Report,
) {
    let own = own.and_then(|retry| retry.per_try.as_ref());
    let Some((own, (per_try, request))) = own.zip(retry.per_try.zip(timeouts.request)) else {
        return;
    };
    if per_try >= request {
        report.warn(
            &at.child("perTry"),
            Reason::NoEffect,
            format!("'{}' is not shorter than timeouts.request, which ends all tries", own.0),
        );
    }
}

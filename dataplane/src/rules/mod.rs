//! Rules: which of them hold for a request ([`condition`]), what they put into it ([`values`],
//! [`edits`]), and where they send it ([`terms`]).

mod condition;
mod edits;
mod effects;
mod terms;
mod values;

pub(crate) use edits::{Edits, filled, lines};
pub(crate) use effects::Effects;
pub(crate) use terms::Terms;
pub(crate) use values::Values;

use crate::{
    refusal::Refusal,
    router::{self, Budget, BudgetExceeded, Lookup},
    table::{Condition, Rule, RuleReply, Scheme, TlsVersion},
};
use http::{HeaderMap, HeaderValue, Version};
use std::{borrow::Cow, net::IpAddr};

/// A request as rules see it: as the client sent it, its path normalised.
pub(crate) struct Subject<'r> {
    /// Its method, path, query, headers and cookies.
    pub(crate) request: router::Request<'r>,
    /// Its headers.
    pub(crate) headers: &'r HeaderMap,
    /// Who sent it, and how.
    pub(crate) sender: Sender<'r>,
}

/// Who sent a request, and how.
#[derive(Clone)]
pub(crate) struct Sender<'r> {
    /// The host that the client named: lower case, without port.
    pub(crate) host: Cow<'r, str>,
    /// The scheme that the client used.
    pub(crate) scheme: Scheme,
    /// The client's address.
    pub(crate) address: IpAddr,
    /// The version of HTTP.
    pub(crate) version: Version,
    /// The TLS version of the client's connection, if that is TLS.
    pub(crate) tls: Option<TlsVersion>,
    /// Whether the client has presented a certificate.
    pub(crate) has_certificate: bool,
    /// The request's id.
    pub(crate) id: &'r HeaderValue,
}

/// Which of a request's rules are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    /// All.
    All,
    /// Those that neither redirect nor respond: it is a preflight.
    ByPreflight,
}

impl Seen {
    /// Whether a rule is looked at.
    pub(crate) fn includes(self, rule: &Rule) -> bool {
        match self {
            Self::All => true,
            Self::ByPreflight => rule.actions.reply.is_none(),
        }
    }
}

/// Checks the conditions of rules, and what that costs.
pub(crate) struct Check<'t, 'c> {
    lookup: Lookup<'t, 'c, 'c>,
    subject: &'c Subject<'c>,
}

impl<'t, 'c> Check<'t, 'c> {
    /// For this request; what is looked at of it counts against `budget`.
    pub(crate) fn new(subject: &'c Subject<'c>, budget: &'c Budget) -> Self {
        Self { lookup: Lookup::new(&subject.request, budget), subject }
    }

    /// The rules that act, in order; only the last may reply.
    ///
    /// # Errors
    /// If the conditions would have to look at too much of the request.
    pub(crate) fn acting(&self, rules: &'t [Rule], seen: Seen) -> Result<Vec<&'t Rule>, Refusal> {
        let mut acting = Vec::new();
        for rule in rules.iter().filter(|rule| seen.includes(rule)) {
            if self.unmet(rule).is_none() {
                acting.push(rule);
                if is_last(rule) {
                    break;
                }
            }
        }
        let checked = self.lookup.budget.check();
        checked.map(|()| acting).map_err(|BudgetExceeded| Refusal::PredicatesTooCostly)
    }

    /// The first condition of a rule that does not hold.
    pub(crate) fn unmet(&self, rule: &'t Rule) -> Option<&'t Condition> {
        rule.when.iter().find(|condition| !self.holds(condition))
    }
}

/// Whether further rules are not looked at, where this one holds.
pub(crate) fn is_last(rule: &Rule) -> bool {
    rule.stop || rule.actions.reply.is_some()
}

/// The response of rules that act.
pub(crate) fn reply<'t>(acting: &[&'t Rule]) -> Option<&'t RuleReply> {
    acting.last().and_then(|rule| rule.actions.reply.as_ref())
}

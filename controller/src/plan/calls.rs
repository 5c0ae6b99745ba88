//! What calls have in common that pages and hosts are judged by.

use super::{
    Recordings,
    owners::{self, Owner},
    pages::Pages,
    preflights::{self, Call, Preflight},
    reasons::Reason,
    records::Record,
    target::Authority,
};
use std::collections::{BTreeMap, BTreeSet};

/// All calls, and to whom their hosts belong.
pub(super) struct Calls<'r> {
    pub(super) recordings: &'r Recordings,
    pub(super) calls: Vec<Call>,
    pub(super) owners: BTreeMap<u32, Owner>,
    /// Pages that are in frames of other sites only.
    framed: BTreeSet<u32>,
}

impl<'r> Calls<'r> {
    pub(super) fn new(recordings: &'r Recordings) -> Self {
        let pages = Pages::new(recordings);
        let calls = preflights::calls(recordings, &pages);
        let site = |page: u32| {
            let authority = recordings.origins.get(page).and_then(|it| Authority::of(it))?;
            Some(authority.site().to_owned())
        };
        let all: BTreeSet<_> = calls.iter().filter_map(|call| call.page).collect();
        let (visited, others): (Vec<u32>, Vec<u32>) =
            all.into_iter().partition(|page| pages.is_visited(*page));
        let sites: BTreeSet<_> = visited.into_iter().filter_map(site).collect();
        let framed =
            others.into_iter().filter(|page| site(*page).is_none_or(|it| !sites.contains(&it)));
        let framed: BTreeSet<_> = framed.collect();
        // What only frames of others call is theirs.
        let ours =
            calls.iter().filter(|call| call.page.is_some_and(|page| !framed.contains(&page)));
        let owners = owners::owners(recordings, ours);
        Self { recordings, calls, owners, framed }
    }

    pub(super) fn record(&self, call: &Call) -> Option<&'r Record> {
        self.recordings.records.get(call.record)
    }

    pub(super) fn origin(&self, number: u32) -> &'r str {
        self.recordings.origins.get(number).map_or("", String::as_str)
    }

    /// The record of the preflight that was seen before a call.
    pub(super) fn preflight(&self, call: &Call) -> Option<&'r Record> {
        match call.preflight {
            Preflight::Seen(at) => self.recordings.records.get(at),
            Preflight::None | Preflight::Inferred(_) => None,
        }
    }

    /// Whether a call is a preflight whose request was not sent.
    pub(super) fn is_lone(call: &Call) -> bool {
        call.preflight == Preflight::Seen(call.record)
    }

    /// Whether a call would stay within one origin: its page is not somebody else's frame, nor its
    /// host a third party.
    pub(super) fn would_move(&self, call: &Call) -> bool {
        call.crosses(self.recordings)
            && call.page.is_some_and(|page| !self.framed.contains(&page))
            && self.record(call).is_some_and(|record| self.is_own(record.origin))
    }

    /// Whether an origin that pages on others call is one of somebody's own.
    pub(super) fn is_own(&self, origin: u32) -> bool {
        match self.owners.get(&origin) {
            Some(Owner::Same | Owner::Other) => true,
            Some(Owner::ThirdParty) | None => false,
        }
    }

    /// Why a call has the preflight that it has; empty if the recording does not show it.
    pub(super) fn reason(&self, call: &Call) -> Reason {
        let asked = self.preflight(call).map(|record| record.reason);
        let own = self.record(call).map(|record| record.reason);
        let reasons = &self.recordings.reasons;
        let reason = asked.and_then(|number| reasons.get(number));
        reason.or_else(|| reasons.get(own?)).cloned().unwrap_or_default()
    }
}

//! Which page a request belongs to.

use super::{Recordings, intern::NONE, kinds::Kind, records::Record};
use std::collections::HashSet;

/// The pages of recordings, by the numbers of their origins.
pub(super) struct Pages<'r> {
    recordings: &'r Recordings,
    documents: HashSet<u32>,
}

impl<'r> Pages<'r> {
    pub(super) fn new(recordings: &'r Recordings) -> Self {
        Self { recordings, documents: recordings.documents.values().copied().collect() }
    }

    /// The origin of the page that sent a request; `None` if the recording does not show it. A
    /// document belongs to itself. `Origin` is sure; a `Referer` may be a stylesheet's.
    pub(super) fn of(&self, record: &Record) -> Option<u32> {
        if record.kind == Kind::Document {
            return Some(record.origin);
        }
        let known = |origin: u32| Some(origin).filter(|origin| *origin != NONE);
        known(record.asked_by)
            .or_else(|| known(record.referrer).filter(|origin| self.documents.contains(origin)))
            .or_else(|| self.recordings.documents.get(&record.visit).copied())
            .or_else(|| known(record.referrer))
    }

    /// Whether visits began there, and not only frames did. Where no recorder notes visits, any page
    /// is one.
    pub(super) fn is_visited(&self, page: u32) -> bool {
        self.documents.is_empty() || self.documents.contains(&page)
    }
}

//! How much time each call would have been spared, and how much earlier its page would have been
//! done.

use super::{
    calls::Calls,
    kinds::Kind,
    preflights::{Call, Preflight},
    timeline::{self, LONGEST, Moved, Span},
};
use std::collections::BTreeMap;

/// The calls of one visit, by their numbers, with their places on its timeline.
pub(super) struct Visit {
    pub(super) calls: Vec<usize>,
    pub(super) spans: Vec<Span>,
    pub(super) moved: Vec<Moved>,
}

impl Visit {
    /// How much earlier it would have been done, in microseconds.
    pub(super) fn saved(&self) -> f64 {
        self.moved.iter().map(|moved| moved.measured + moved.estimated).sum()
    }
}

/// All visits.
pub(super) fn visits(calls: &Calls<'_>) -> Vec<Visit> {
    let mut visits: BTreeMap<u32, Vec<(usize, Span)>> = BTreeMap::new();
    for (at, call) in calls.calls.iter().enumerate() {
        let Some(record) = calls.record(call) else { continue };
        if let Some(span) = span(calls, call) {
            visits.entry(record.visit).or_default().push((at, span));
        }
    }
    let visit = |mut all: Vec<(usize, Span)>| {
        all.sort_by_key(|(_, span)| span.start);
        let (calls, spans): (Vec<_>, Vec<_>) = all.into_iter().unzip();
        let moved = timeline::moved(&spans);
        Visit { calls, spans, moved }
    };
    visits.into_values().map(visit).collect()
}

/// The place of a call on the timeline; `None` if nothing waits for it, or it has none.
fn span(calls: &Calls<'_>, call: &Call) -> Option<Span> {
    let record = calls.record(call)?;
    if matches!(record.kind, Kind::Stream | Kind::Beacon) || record.duration > LONGEST {
        return None;
    }
    let (mut start, mut end) = (record.start?, record.end()?);
    let preflight = calls.preflight(call);
    if let Some((from, until)) = preflight.and_then(|it| Some((it.start?, it.end()?))) {
        // A call is sent when its preflight has ended. Firefox dates it before, and leaves the
        // preflight out of its time.
        let wait = if Calls::is_lone(call) { 0 } else { record.wait.unwrap_or(0) };
        let answered = until.saturating_add(wait.into());
        (start, end) = (start.min(from), end.max(answered));
    }
    let mut span = Span { start, end, ..Span::default() };
    if calls.would_move(call) {
        let setup = if Calls::is_lone(call) { 0 } else { record.setup };
        span.measured = setup + preflight.map_or(0, |preflight| preflight.duration);
        span.estimated = match call.preflight {
            Preflight::Inferred(estimate) => estimate.unwrap_or(0),
            Preflight::None | Preflight::Seen(_) => 0,
        };
    }
    Some(span)
}

//! How much earlier a page would have been done. A request can't start before what it waited for has
//! ended: the last request that ended before it started. So when a preflight goes, everything that
//! waited for its call moves forward, and what ran beside it does not.

use super::preflights::TOLERANCE;

/// What lasts longer does not hold a page up: a long poll, a stream, a download. Microseconds.
pub(super) const LONGEST: i64 = 10_000_000;

/// A request on the timeline, in microseconds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Span {
    /// When it started, with its preflight.
    pub(super) start: i64,
    /// When it ended.
    pub(super) end: i64,
    /// What it would have been spared, as recorded.
    pub(super) measured: i64,
    /// What it would have been spared besides, as estimated.
    pub(super) estimated: i64,
}

impl Span {
    fn spared(&self) -> i64 {
        self.measured + self.estimated
    }
}

/// Where a request would have been.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Moved {
    /// How much earlier it would have started, in microseconds.
    pub(super) start: i64,
    /// How much earlier it would have ended.
    pub(super) end: i64,
    /// How much of the saved time is due to it, as recorded.
    pub(super) measured: f64,
    /// The same, as estimated.
    pub(super) estimated: f64,
}

/// Moves the requests of one visit, which are sorted by their start. The time that a visit saves is
/// the sum of what is due to its requests.
pub(super) fn moved(spans: &[Span]) -> Vec<Moved> {
    let mut moved = vec![Moved::default(); spans.len()];
    let mut begin = 0;
    let mut busy_until = i64::MIN;
    let mut earlier = 0;
    for at in 0..=spans.len() {
        // A page without a request in flight waits for its user, who would pause as long, but
        // earlier.
        if at == spans.len() || spans[at].start > busy_until {
            let saved = burst(&spans[begin..at], &mut moved[begin..at]);
            for moved in &mut moved[begin..at] {
                moved.start += earlier;
                moved.end += earlier;
            }
            earlier += saved;
            begin = at;
        }
        if let Some(span) = spans.get(at) {
            busy_until = busy_until.max(span.end);
        }
    }
    moved
}

/// The same for requests without a pause. Returns how much earlier the last of them would have ended.
fn burst(spans: &[Span], moved: &mut [Moved]) -> i64 {
    let mut by_end: Vec<usize> = (0..spans.len()).collect();
    by_end.sort_by_key(|at| spans[*at].end);
    let mut ended = by_end.into_iter().peekable();
    let mut last = None;
    let mut waited_for = vec![None; spans.len()];
    for at in 0..spans.len() {
        while let Some(other) =
            ended.next_if(|other| spans[*other].end <= spans[at].start + TOLERANCE)
        {
            // What is not yet moved started later, and within the tolerance.
            if other < at {
                last = Some(other);
            }
        }
        waited_for[at] = last;
        moved[at].start = last.map_or(0, |last: usize| moved[last].end);
        moved[at].end = moved[at].start + spans[at].spared().min(spans[at].end - spans[at].start);
    }
    let end = |at: &usize| spans[*at].end;
    let Some(last) = (0..spans.len()).max_by_key(end) else { return 0 };
    let done = (0..spans.len()).map(|at| spans[at].end - moved[at].end).max();
    let saved = done.map_or(0, |done| spans[last].end - done);

    // It is due to what the last request waited for.
    let mut chain = Vec::new();
    let mut next = Some(last);
    while let Some(at) = next {
        chain.push(at);
        next = waited_for[at];
    }
    let spared: i64 = chain.iter().map(|at| spans[*at].spared()).sum();
    if spared > 0 {
        let share = saved as f64 / spared as f64;
        for at in chain {
            moved[at].measured = spans[at].measured as f64 * share;
            moved[at].estimated = spans[at].estimated as f64 * share;
        }
    }
    saved
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn span(start: i64, end: i64, measured: i64) -> Span {
        Span { start: start * 1000, end: end * 1000, measured: measured * 1000, estimated: 0 }
    }

    fn saved(spans: &[Span]) -> f64 {
        moved(spans).iter().map(|moved| moved.measured + moved.estimated).sum::<f64>() / 1000.0
    }

    #[test]
    fn what_follows_adds_up_and_what_overlaps_counts_once() {
        for (spans, expected) in [
            // One after the other, without a pause and with one.
            (vec![span(0, 120, 60), span(121, 241, 60)], 120.0),
            (vec![span(0, 120, 60), span(900, 1020, 60)], 120.0),
            // Side by side.
            (vec![span(0, 120, 60), span(0, 120, 60), span(1, 121, 60)], 60.0),
            // Beside something longer, which nothing holds back.
            (vec![span(0, 120, 60), span(0, 300, 0)], 0.0),
            // Two after each other beside something that ends before both.
            (vec![span(0, 120, 60), span(0, 200, 0), span(121, 241, 60)], 41.0),
            // A preflight can't have taken longer than its call did with it.
            (vec![span(0, 50, 60)], 50.0),
            (Vec::new(), 0.0),
        ] {
            assert!((saved(&spans) - expected).abs() < 0.001, "{spans:?}: {}", saved(&spans));
        }
    }

    #[test]
    fn what_waited_moves_forward() {
        let moved = moved(&[span(0, 120, 60), span(120, 240, 60), span(130, 140, 0)]);
        let shifts: Vec<_> = moved.iter().map(|it| (it.start / 1000, it.end / 1000)).collect();
        assert_eq!(shifts, [(0, 60), (60, 120), (60, 60)]);
    }

    proptest! {
        /// Never more than everything that is spared, and never less than nothing.
        #[test]
        fn what_is_saved_is_bounded(
            spans in proptest::collection::vec((0..500_i64, 0..200_i64, 0..100_i64, 0..100_i64), 0..40)
        ) {
            let mut spans: Vec<_> = spans
                .into_iter()
                .map(|(start, length, measured, estimated)| {
                    let end = start + length;
                    Span { estimated, ..Span { start, end, measured, estimated } }
                })
                .collect();
            spans.sort_by_key(|span| span.start);
            let moved = moved(&spans);
            let total: f64 = moved.iter().map(|it| it.measured + it.estimated).sum();
            let spared: i64 = spans.iter().map(Span::spared).sum();
            prop_assert!(total >= -0.001 && total <= spared as f64 + 0.001, "{total} of {spared}");
            for (span, moved) in spans.iter().zip(&moved) {
                prop_assert!(moved.start >= 0 && moved.end >= moved.start);
                prop_assert!(span.end - moved.end >= span.start - moved.start);
            }
        }
    }
}

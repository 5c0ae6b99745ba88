//! The visit that would save most, drawn before and after.

use super::{calls::Calls, savings::Visit, shapes};

/// How many requests are drawn.
const MAX_BARS: usize = 60;

/// A visit's requests over time.
#[derive(Clone, Debug)]
pub struct Waterfall {
    /// The origin of its page.
    pub page: String,
    /// The requests, by their start.
    pub bars: Vec<Bar>,
    /// How many more there are.
    pub omitted: usize,
    /// From the first start to the last end, in milliseconds.
    pub before: f64,
    /// The same with one origin, as estimated.
    pub after: f64,
}

/// A request. Times are in milliseconds from the start of the visit.
#[derive(Clone, Debug)]
pub struct Bar {
    /// Method and path.
    pub call: String,
    /// The origin that it went to.
    pub origin: String,
    /// When it started, with its preflight.
    pub start: f64,
    /// When it ended.
    pub end: f64,
    /// How long the preflight took, and connecting, if that would be spared.
    pub spared: f64,
    /// When it would have started.
    pub moved_start: f64,
    /// When it would have ended.
    pub moved_end: f64,
}

/// Draws the visit that would save most; `None` if none would save anything.
pub(super) fn of(calls: &Calls<'_>, visits: &[Visit]) -> Option<Waterfall> {
    let best = visits.iter().max_by(|a, b| a.saved().total_cmp(&b.saved()))?;
    if best.saved() <= 0.0 {
        return None;
    }
    let begin = best.spans.first()?.start;
    let ms = |micros: i64| micros as f64 / 1000.0;
    let mut bars = Vec::new();
    let mut page = None;
    for ((call, span), moved) in best.calls.iter().zip(&best.spans).zip(&best.moved) {
        let call = calls.calls.get(*call)?;
        let record = calls.record(call)?;
        if calls.would_move(call) {
            page = page.or(call.page);
        }
        let method = calls.recordings.methods.get(record.method).map_or("", String::as_str);
        let shape = calls.recordings.shapes.get(record.shape).map_or("…", String::as_str);
        bars.push(Bar {
            call: format!("{method} {}", shape.replace(shapes::OPEN, "…")),
            origin: calls.origin(record.origin).to_owned(),
            start: ms(span.start - begin),
            end: ms(span.end - begin),
            spared: ms((span.measured + span.estimated).min(span.end - span.start)),
            moved_start: ms(span.start - moved.start - begin),
            moved_end: ms(span.end - moved.end - begin),
        });
    }
    let last = |end: fn(&Bar) -> f64| bars.iter().map(end).fold(0.0, f64::max);
    let (before, after) = (last(|bar| bar.end), last(|bar| bar.moved_end));
    let omitted = bars.len().saturating_sub(MAX_BARS);
    bars.truncate(MAX_BARS);
    Some(Waterfall { page: calls.origin(page?).to_owned(), bars, omitted, before, after })
}

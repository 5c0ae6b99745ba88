//! The recent past, against which rates are measured.

use portico_dataplane::serve::Traffic;
use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

/// How long a window is, at least, once there are samples for it.
const WINDOW: Duration = Duration::from_secs(10);
/// How far samples are apart, at least: they hold memory for each Route.
const SPACING: Duration = Duration::from_secs(2);
/// Older samples are no longer recent.
const MAX_AGE: Duration = Duration::from_secs(60);

/// Samples of all counters, at most a handful: those of the last seconds, and one from before.
#[derive(Debug)]
pub(crate) struct Window {
    /// When all counters were 0.
    started: Instant,
    samples: VecDeque<(Instant, Arc<Traffic>)>,
}

impl Window {
    /// Nothing has been counted before `started`.
    pub(crate) fn new(started: Instant) -> Self {
        Self { started, samples: VecDeque::new() }
    }

    /// The counters at the window's beginning, and how long that is before `now`: about ten seconds,
    /// or since the start if nobody has asked of late.
    pub(crate) fn before(&mut self, now: Instant) -> (Arc<Traffic>, Duration) {
        let age = |at: Instant| now.saturating_duration_since(at);
        self.samples.retain(|(at, _)| age(*at) <= MAX_AGE);
        // The first is the newest of those that are old enough.
        while self.samples.get(1).is_some_and(|(at, _)| age(*at) >= WINDOW) {
            self.samples.pop_front();
        }
        match self.samples.front() {
            Some((at, sample)) => (sample.clone(), age(*at)),
            None => (Arc::default(), age(self.started)),
        }
    }

    /// Keeps a sample, unless there is one of almost the same time.
    pub(crate) fn push(&mut self, now: Instant, sample: Arc<Traffic>) {
        let is_apart = |(at, _): &(Instant, _)| now.saturating_duration_since(*at) >= SPACING;
        if self.samples.back().is_none_or(is_apart) {
            self.samples.push_back((now, sample));
        }
    }

    /// Forgets all samples.
    pub(crate) fn clear(&mut self) {
        self.samples.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_ten_seconds_of_a_few_samples() {
        let start = Instant::now();
        let mut window = Window::new(start);
        let at = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(window.before(at(100)).1, Duration::from_secs(100), "since the start");
        let mut longest = 0;
        for second in 100..200 {
            let (_, length) = window.before(at(second));
            window.push(at(second), Arc::default());
            longest = longest.max(window.samples.len());
            let wanted = 10..12;
            assert!(second < 112 || wanted.contains(&length.as_secs()), "{second}: {length:?}");
        }
        assert!(longest <= 7, "{longest}");
        assert_eq!(window.before(at(400)).1, Duration::from_secs(400), "nobody asked for minutes");
        assert!(window.samples.is_empty());
    }
}

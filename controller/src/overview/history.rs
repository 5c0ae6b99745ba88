//! How many requests each Route had, and how many of them failed, for the last day or so; and, in
//! coarser steps, what became of their preflights.
//!
//! Slots are ten seconds long at first. When all are filled, each two become one, and slots are twice
//! as long from then on, until all of them together are a day; then the oldest make room.

use super::{
    compact::Compact,
    counts::{COLUMNS, Columns, Counts, columns, difference},
};
use portico_dataplane::{
    serve::{RouteTraffic, Traffic},
    table::ObjectName,
};
use serde::Serialize;
use std::{
    array,
    collections::{BTreeMap, HashMap},
    time::{Duration, Instant},
};

/// How many slots there are.
const SLOTS: usize = 288;
/// How long a slot is at first.
const FIRST_SLOT: Duration = Duration::from_secs(10);
/// How long a slot can get: all together, they are more than a day.
const LAST_SLOT: Duration = Duration::from_secs(320);
/// How many slots a step has. There is an even number of steps, so that each two can become one.
const STEP: usize = 12;
const STEPS: usize = SLOTS / STEP;
/// Of how many Routes there is a history: those that had requests first. Each takes 1.6 kilobytes.
const MAX_ROUTES: usize = 10_000;

/// The history of all Routes that have had requests.
#[derive(Debug)]
pub(crate) struct History {
    slot: Duration,
    filled: usize,
    /// When the last slot ended.
    ended: Option<Instant>,
    routes: HashMap<ObjectName, Box<Series>>,
}

/// The history of a Route, the oldest slot first.
#[derive(Debug)]
struct Series {
    slots: [Slot; SLOTS],
    /// All requests, and all errors, when the last slot ended.
    last: [u64; 2],
    /// Those that have ended.
    steps: [Step; STEPS],
    /// All of the other counts when the last step ended.
    begun: Columns,
}

/// Requests and errors in a slot.
type Slot = [Compact; 2];

/// The other counts in a step.
type Step = [Compact; COLUMNS];

/// What was counted since some moment.
#[derive(Debug)]
pub(crate) struct Recent {
    /// How long ago that is.
    pub(crate) age: Duration,
    /// What was counted since then, by Route.
    pub(crate) routes: BTreeMap<ObjectName, Counts>,
    /// Of how many Routes it is not known, because there were too many.
    pub(crate) unknown: usize,
}

/// What `/api/history` shows.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ShownHistory {
    slot_seconds: u64,
    routes: BTreeMap<ObjectName, ShownSeries>,
}

/// The slots of a Route, the oldest first.
#[derive(Debug, Default, Serialize)]
struct ShownSeries {
    requests: Vec<u64>,
    errors: Vec<u64>,
}

impl Default for History {
    fn default() -> Self {
        Self { slot: FIRST_SLOT, filled: 0, ended: None, routes: HashMap::new() }
    }
}

impl History {
    /// How long the slot is that is being filled.
    pub(crate) fn slot(&self) -> Duration {
        if self.filled == SLOTS && self.slot < LAST_SLOT { self.slot * 2 } else { self.slot }
    }

    /// A slot has ended at `now`; `traffic` is all that was counted so far. Forgets Routes that are
    /// gone.
    pub(crate) fn record(&mut self, traffic: &Traffic, now: Instant) {
        self.make_room();
        self.ended = Some(now);
        self.filled += 1;
        self.routes.retain(|name, _| traffic.contains_key(&Some(name.clone())));
        for (name, all) in traffic {
            let Some(name) = name else { continue };
            if self.routes.len() >= MAX_ROUTES && !self.routes.contains_key(name) {
                continue;
            }
            let series = self.routes.entry(name.clone()).or_insert_with(Series::new);
            series.record(self.filled, all);
        }
    }

    fn make_room(&mut self) {
        if self.filled < SLOTS {
            return;
        }
        if self.slot < LAST_SLOT {
            self.slot *= 2;
            self.filled /= 2;
            self.routes.values_mut().for_each(|series| series.halve());
        } else {
            self.filled -= STEP;
            self.routes.values_mut().for_each(|series| series.shift());
        }
    }

    /// What was counted in the time `since` before `now`, or somewhat longer: whole steps, and what
    /// came after them. `traffic` is all that was counted so far. `None` if that time began before
    /// the history.
    pub(crate) fn recent(
        &self,
        since: Duration,
        traffic: &Traffic,
        now: Instant,
    ) -> Option<Recent> {
        let ended = now.saturating_duration_since(self.ended?);
        let age = |slot: usize| {
            let slots = u32::try_from(self.filled - slot).unwrap_or(u32::MAX);
            ended.saturating_add(self.slot.saturating_mul(slots))
        };
        let starts = (0..=self.filled).step_by(STEP);
        let (start, age) =
            starts.map(|slot| (slot, age(slot))).take_while(|(_, age)| *age >= since).last()?;
        let is_complete = self.routes.len() < MAX_ROUTES;
        let mut recent = Recent { age, routes: BTreeMap::new(), unknown: 0 };
        for (name, all) in traffic {
            let Some(name) = name else { continue };
            let counts = match self.routes.get(name) {
                Some(series) => series.since(start, self.filled, all),
                // It is new.
                None if is_complete => Counts::from(all),
                None => {
                    recent.unknown += 1;
                    continue;
                }
            };
            recent.routes.insert(name.clone(), counts);
        }
        Some(recent)
    }

    /// The history of these Routes.
    pub(crate) fn of(&self, names: impl IntoIterator<Item = ObjectName>) -> ShownHistory {
        let shown = |name: ObjectName| {
            let series = self.routes.get(&name).map(|series| series.shown(self.filled));
            (name, series.unwrap_or_default())
        };
        let routes = names.into_iter().map(shown).collect();
        ShownHistory { slot_seconds: self.slot.as_secs(), routes }
    }
}

impl Series {
    fn new() -> Box<Self> {
        let (slots, steps) = ([Slot::default(); SLOTS], [Step::default(); STEPS]);
        Box::new(Self { slots, last: [0; 2], steps, begun: Columns::default() })
    }

    /// The last of so many slots has ended.
    fn record(&mut self, filled: usize, all: &RouteTraffic) {
        let now = [all.requests, all.errors];
        let (before, begun) = self.before(all);
        let new = |which: usize| Compact::of(now[which].saturating_sub(before[which]));
        (self.slots[filled - 1], self.last) = ([new(0), new(1)], now);
        self.begun = begun;
        if filled.is_multiple_of(STEP) {
            let now = columns(all);
            self.steps[filled / STEP - 1] = difference(&now, &begun).map(Compact::of);
            self.begun = now;
        }
    }

    /// All that was counted when the last slot and the last step ended. A Route that was deleted and
    /// created again starts over.
    fn before(&self, all: &RouteTraffic) -> ([u64; 2], Columns) {
        let is_new = all.requests < self.last[0];
        if is_new { Default::default() } else { (self.last, self.begun) }
    }

    /// What was counted from the beginning of slot `start`, which begins a step, until `all` was;
    /// so many slots have ended.
    fn since(&self, start: usize, filled: usize, all: &RouteTraffic) -> Counts {
        let (before, begun) = self.before(all);
        let slots = &self.slots[start..filled];
        let ended = |which: usize| slots.iter().map(|slot| slot[which].count()).sum::<u64>();
        let now = [all.requests, all.errors];
        let [requests, errors] =
            array::from_fn(|which| ended(which) + now[which].saturating_sub(before[which]));
        let steps = &self.steps[start / STEP..filled / STEP];
        let rest = difference(&columns(all), &begun);
        let columns = array::from_fn(|which| {
            rest[which] + steps.iter().map(|step| step[which].count()).sum::<u64>()
        });
        Counts::new(requests, errors, columns)
    }

    /// Makes one slot of each two, and one step.
    fn halve(&mut self) {
        for slot in 0..SLOTS / 2 {
            let [one, other] = [self.slots[2 * slot], self.slots[2 * slot + 1]];
            self.slots[slot] = array::from_fn(|which| one[which].plus(other[which]));
        }
        for step in 0..STEPS / 2 {
            let [one, other] = [self.steps[2 * step], self.steps[2 * step + 1]];
            self.steps[step] = array::from_fn(|which| one[which].plus(other[which]));
        }
    }

    /// Forgets the oldest step.
    fn shift(&mut self) {
        self.slots.copy_within(STEP.., 0);
        self.steps.copy_within(1.., 0);
    }

    fn shown(&self, filled: usize) -> ShownSeries {
        let column =
            |which: usize| self.slots.iter().take(filled).map(|slot| slot[which].count()).collect();
        ShownSeries { requests: column(0), errors: column(1) }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn name() -> ObjectName {
        ObjectName::new("web", "sales")
    }

    fn traffic(requests: u64, errors: u64) -> Traffic {
        let mut traffic = RouteTraffic::default();
        (traffic.requests, traffic.errors) = (requests, errors);
        Traffic::from([(Some(name()), traffic), (None, RouteTraffic::default())])
    }

    #[test]
    fn a_slot_has_what_came_in_it() {
        let (mut history, now) = (History::default(), Instant::now());
        for (requests, errors) in [(3, 1), (3, 1), (10, 5), (4, 0)] {
            history.record(&traffic(requests, errors), now);
        }
        let shown = serde_json::to_value(history.of([name()])).unwrap();
        let series = serde_json::json!({"requests": [3, 0, 7, 4], "errors": [1, 0, 4, 0]});
        assert_eq!(shown, serde_json::json!({"slotSeconds": 10, "routes": {"web/sales": series}}));
        history.record(&Traffic::new(), now);
        assert!(history.routes.is_empty(), "the Route is gone");
    }

    /// Each second a request for which a preflight was avoided that would have taken 20 ms, and
    /// every fourth second a preflight that was denied.
    fn steady(seconds: u64) -> Traffic {
        let mut traffic = traffic(seconds, 0);
        if let Some(all) = traffic.get_mut(&Some(name())) {
            (all.avoided, all.saved) = (seconds, Duration::from_millis(20 * seconds));
            all.preflights.denied_origin = seconds / 4;
        }
        traffic
    }

    #[test]
    fn slots_get_longer_until_they_are_a_day() {
        let (mut history, start) = (History::default(), Instant::now());
        let (mut time, day) = (Duration::ZERO, Duration::from_hours(24));
        while time < Duration::from_hours(60) {
            let slot = history.slot();
            time += slot.min(LAST_SLOT);
            history.record(&steady(time.as_secs()), start + time);
            let shown = history.of([name()]);
            let all = &shown.routes[&name()].requests;
            assert!(all.iter().all(|count| *count == shown.slot_seconds), "{all:?}");
            let span = history.slot * u32::try_from(history.filled).unwrap();
            assert!(span == time || span >= day, "{span:?} of {time:?}");

            // Between two slots.
            let (later, step) = (time + slot / 2, history.slot * u32::try_from(STEP).unwrap());
            let traffic = steady(later.as_secs());
            for since in [1, 600, 3_600, 20_000, 86_400].map(Duration::from_secs) {
                let Some(recent) = history.recent(since, &traffic, start + later) else {
                    assert!(later < since, "{since:?} of {later:?}");
                    continue;
                };
                let counts = &recent.routes[&name()];
                let age = recent.age.as_secs();
                assert!(recent.age >= since && recent.age < since + step, "{since:?}: {age}");
                let is_close = |count: u64, wanted: u64| count.abs_diff(wanted) <= wanted / 500 + 1;
                assert!(is_close(counts.requests, age), "{counts:?} in {age} s");
                assert!(is_close(counts.avoided, age), "{counts:?} in {age} s");
                assert!(is_close(counts.denied, age / 4), "{counts:?} in {age} s");
                let saved = counts.saved.as_secs_f64() / (age as f64 * 0.02);
                assert!((0.99..1.01).contains(&saved), "{counts:?} in {age} s");
            }
        }
        assert!(history.filled > SLOTS - STEP);
        let longer = Duration::from_hours(40);
        assert!(history.recent(longer, &steady(60 * 3_600), start + time).is_none());
    }

    #[test]
    fn a_route_that_is_created_again_starts_over() {
        let (mut history, start) = (History::default(), Instant::now());
        let at = |slots: u32| start + FIRST_SLOT * slots;
        (1..=18).for_each(|slots| history.record(&steady(100 * u64::from(slots)), at(slots)));
        history.record(&steady(5), at(19));
        let recent = history.recent(FIRST_SLOT * 2, &steady(9), at(20)).unwrap();
        // A step and what came after it: six slots, then four and five requests.
        let counts = &recent.routes[&name()];
        assert_eq!((counts.requests, counts.avoided), (609, 9), "{recent:?}");
    }

    #[test]
    fn ten_thousand_routes_take_less_than_sixteen_mebibytes() {
        let name_bytes = size_of::<ObjectName>() + size_of::<usize>() + 1;
        // A hash table is at least half full, or 7/16 after it has grown.
        let entry = name_bytes * 16 / 7 + size_of::<Series>();
        assert!(MAX_ROUTES * entry < 16 << 20, "{} bytes", MAX_ROUTES * entry);
        let (mut history, now) = (History::default(), Instant::now());
        let routes = (0..MAX_ROUTES + 10).map(|number| {
            (Some(ObjectName::new("web", format!("route-{number}"))), RouteTraffic::default())
        });
        let routes = routes.collect();
        history.record(&routes, now);
        assert_eq!(history.routes.len(), MAX_ROUTES);
        let recent = history.recent(Duration::ZERO, &routes, now).unwrap();
        assert_eq!((recent.routes.len(), recent.unknown), (MAX_ROUTES, 10));
    }
}

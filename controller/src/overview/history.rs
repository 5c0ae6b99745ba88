//! How many requests each Route had, and how many of them failed, for the last day or so.
//!
//! Slots are ten seconds long at first. When all are filled, each two become one, and slots are twice
//! as long from then on, until all of them together are a day; then the oldest makes room.

use portico_dataplane::{serve::Traffic, table::ObjectName};
use serde::Serialize;
use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

/// How many slots there are.
const SLOTS: usize = 288;
/// How long a slot is at first.
const FIRST_SLOT: Duration = Duration::from_secs(10);
/// How long a slot can get: all together, they are more than a day.
const LAST_SLOT: Duration = Duration::from_secs(320);
/// Of how many Routes there is a history: those that had requests first. Each takes a good kilobyte.
const MAX_ROUTES: usize = 10_000;

/// The history of all Routes that have had requests.
#[derive(Debug)]
pub(crate) struct History {
    slot: Duration,
    filled: usize,
    routes: HashMap<ObjectName, Box<Series>>,
}

/// The history of a Route, the oldest slot first.
#[derive(Debug)]
struct Series {
    slots: [Slot; SLOTS],
    /// All requests, and all errors, when the last slot ended.
    last: [u64; 2],
}

/// Requests and errors in a slot.
type Slot = [Compact; 2];

/// A count in two bytes: eleven bits of it, and how far they are shifted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Compact(u16);

const DIGITS: u32 = 11;

impl Compact {
    fn of(count: u64) -> Self {
        let shift = (u64::BITS - count.leading_zeros()).saturating_sub(DIGITS).min(31);
        let digits = (count >> shift).min((1 << DIGITS) - 1);
        // Invariant: five bits of shift and eleven of digits are sixteen.
        Self(u16::try_from(u64::from(shift) << DIGITS | digits).unwrap_or(u16::MAX))
    }

    fn count(self) -> u64 {
        u64::from(self.0 & ((1 << DIGITS) - 1)) << (self.0 >> DIGITS)
    }

    fn plus(self, other: Self) -> Self {
        Self::of(self.count() + other.count())
    }
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
        Self { slot: FIRST_SLOT, filled: 0, routes: HashMap::new() }
    }
}

impl History {
    /// How long the slot is that is being filled.
    pub(crate) fn slot(&self) -> Duration {
        self.slot
    }

    /// A slot has ended; `traffic` is all that was counted so far. Forgets Routes that are gone.
    pub(crate) fn record(&mut self, traffic: &Traffic) {
        self.make_room();
        let at = self.filled;
        self.filled += 1;
        self.routes.retain(|name, _| traffic.contains_key(&Some(name.clone())));
        for (name, all) in traffic {
            let Some(name) = name else { continue };
            if self.routes.len() >= MAX_ROUTES && !self.routes.contains_key(name) {
                continue;
            }
            let now = [all.requests, all.errors];
            let series = self.routes.entry(name.clone()).or_insert_with(Series::new);
            // One that was deleted and created again starts over.
            let before = if now[0] < series.last[0] { [0; 2] } else { series.last };
            let new = |which: usize| Compact::of(now[which].saturating_sub(before[which]));
            (series.slots[at], series.last) = ([new(0), new(1)], now);
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
            self.filled -= 1;
            self.routes.values_mut().for_each(|series| series.slots.copy_within(1.., 0));
        }
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
        Box::new(Self { slots: [Slot::default(); SLOTS], last: [0; 2] })
    }

    /// Makes one slot of each two.
    fn halve(&mut self) {
        for slot in 0..SLOTS {
            let pair = self.slots.get(2 * slot).zip(self.slots.get(2 * slot + 1));
            self.slots[slot] = match pair {
                Some((one, other)) => [one[0].plus(other[0]), one[1].plus(other[1])],
                None => Slot::default(),
            };
        }
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
    use portico_dataplane::serve::RouteTraffic;
    use proptest::prelude::*;

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
        let mut history = History::default();
        for (requests, errors) in [(3, 1), (3, 1), (10, 5), (4, 0)] {
            history.record(&traffic(requests, errors));
        }
        let shown = serde_json::to_value(history.of([name()])).unwrap();
        let series = serde_json::json!({"requests": [3, 0, 7, 4], "errors": [1, 0, 4, 0]});
        assert_eq!(shown, serde_json::json!({"slotSeconds": 10, "routes": {"web/sales": series}}));
        history.record(&Traffic::new());
        assert!(history.routes.is_empty(), "the Route is gone");
    }

    #[test]
    fn slots_get_longer_until_they_are_a_day() {
        let mut history = History::default();
        let (mut requests, mut time) = (0, Duration::ZERO);
        while time < Duration::from_hours(60) {
            // One request a second.
            let slot = if history.filled == SLOTS { history.slot * 2 } else { history.slot };
            let slot = slot.min(LAST_SLOT);
            (requests, time) = (requests + slot.as_secs(), time + slot);
            history.record(&traffic(requests, requests));
            let shown = history.of([name()]);
            let all = &shown.routes[&name()].requests;
            assert!(all.iter().all(|count| *count == shown.slot_seconds), "{all:?}");
            let span = history.slot * u32::try_from(history.filled).unwrap();
            assert!(span == time || span >= Duration::from_hours(24), "{span:?} of {time:?}");
        }
        assert_eq!(history.filled, SLOTS);
    }

    #[test]
    fn ten_thousand_routes_take_less_than_sixteen_mebibytes() {
        let name_bytes = size_of::<ObjectName>() + size_of::<usize>() + 1;
        // A hash table is at least half full, or 7/16 after it has grown.
        let entry = name_bytes * 16 / 7 + size_of::<Series>();
        assert!(MAX_ROUTES * entry < 16 << 20, "{} bytes", MAX_ROUTES * entry);
        let mut history = History::default();
        let routes = (0..MAX_ROUTES + 10).map(|number| {
            (Some(ObjectName::new("web", format!("route-{number}"))), RouteTraffic::default())
        });
        history.record(&routes.collect());
        assert_eq!(history.routes.len(), MAX_ROUTES);
    }

    proptest! {
        #[test]
        fn counts_are_right_to_three_digits(count in 0_u64..1 << 42) {
            let shown = Compact::of(count).count();
            prop_assert!(shown <= count && (count - shown) as f64 <= count as f64 / 1000.0);
        }
    }
}

//! Consistent hashing: where an endpoint goes, only its keys move, and each to another one.

use super::endpoint::{Load, mix};

/// How many points of the ring belong to each endpoint. The more, the more even are the shares:
/// their standard deviation is 8 %.
const POINTS: u64 = 160;

/// How many points are passed over that belong to endpoints that are not available or still reach
/// their share, before any that is available is taken. Endpoints that are gone have no points, so
/// this is only long where most are out.
const MAX_STEPS: usize = 4096;

/// The points of all endpoints on a ring of hashes. Each endpoint has the keys that lie before its
/// points.
#[derive(Debug)]
pub(crate) struct Ring {
    /// Each point with the index of its endpoint, in order.
    points: Box<[(u64, u32)]>,
    /// Where to look for a point: by its highest bits, the first one that has these or higher ones.
    /// As points are spread evenly, there are few with the same.
    starts: Box<[u32]>,
    /// How many bits of a point are none of the highest.
    shift: u32,
}

impl Ring {
    /// The ring of endpoints with these ids.
    pub(crate) fn new(ids: impl Iterator<Item = u64>) -> Self {
        let points = (0u32..)
            .zip(ids)
            .flat_map(|(index, id)| (0..POINTS).map(move |number| (mix(id ^ mix(number)), index)));
        let mut points: Box<[_]> = points.collect();
        points.sort_unstable();
        let bits = points.len().next_power_of_two().trailing_zeros().max(1);
        let (shift, mut next) = (u64::BITS - bits, 0);
        let starts = (0..1u64 << bits).map(|highest| {
            while points.get(next as usize).is_some_and(|(point, _)| point >> shift < highest) {
                next += 1;
            }
            next
        });
        Self { starts: starts.collect(), points, shift }
    }

    /// The number of points before `key`.
    fn before(&self, key: u64) -> usize {
        let start =
            self.starts.get((key >> self.shift) as usize).map_or(0, |start| *start as usize);
        let rest = self.points.get(start..).unwrap_or_default();
        start + rest.iter().take_while(|(point, _)| *point < key).count()
    }

    /// The index of the available endpoint that has `key`. Those for which `load` is `None` are not
    /// available; `None` if all are.
    pub(crate) fn pick(&self, key: u64, load: impl Fn(usize) -> Option<Load>) -> Option<usize> {
        let key = mix(key);
        let (before, after) = self.points.split_at_checked(self.before(key))?;
        // Which share of an endpoint's keys it has already: the same ones for each request.
        let place = (mix(!key) >> 40) as f32 / (1u64 << 24) as f32;
        let mut last = None;
        for (_, index) in after.iter().chain(before).take(MAX_STEPS) {
            let index = *index as usize;
            if let Some(load) = load(index) {
                if load.share >= 1.0 || place < load.share {
                    return Some(index);
                }
                last = last.or(Some(index));
            }
        }
        last.or_else(|| {
            self.points.iter().map(|(_, index)| *index as usize).find(|one| load(*one).is_some())
        })
    }
}

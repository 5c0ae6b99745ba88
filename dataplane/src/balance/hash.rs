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
#[derive(Debug, Default)]
pub(crate) struct Ring(Box<[(u64, u32)]>);

impl Ring {
    /// The ring of endpoints with these ids.
    pub(crate) fn new(ids: impl Iterator<Item = u64>) -> Self {
        let points = (0u32..)
            .zip(ids)
            .flat_map(|(index, id)| (0..POINTS).map(move |number| (mix(id ^ mix(number)), index)));
        let mut points: Box<[_]> = points.collect();
        points.sort_unstable();
        Self(points)
    }

    /// The index of the available endpoint that has `key`. Those for which `load` is `None` are not
    /// available; `None` if all are.
    pub(crate) fn pick(&self, key: u64, load: impl Fn(usize) -> Option<Load>) -> Option<usize> {
        let key = mix(key);
        let first = self.0.partition_point(|(point, _)| *point < key);
        let (before, after) = self.0.split_at_checked(first)?;
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
            self.0.iter().map(|(_, index)| *index as usize).find(|one| load(*one).is_some())
        })
    }
}

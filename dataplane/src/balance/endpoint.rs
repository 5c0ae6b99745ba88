//! Which endpoint of a backend gets a request.

use super::sequence::index;

/// How often one is drawn before the available are counted.
const MAX_DRAWS: usize = 8;

/// An endpoint as the choice sees it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Load {
    /// Requests in flight.
    pub(crate) in_flight: u32,
    /// How much of its full share it gets, from 0 to 1.
    pub(crate) share: f32,
}

/// The one of two different endpoints, drawn at `point` among `len`, that has fewer requests in
/// flight; the first of them if they have as many. Those for which `load` is `None` are not
/// available; `None` if all are. One with a share below 1 is drawn that much less often.
pub(crate) fn least_request(
    len: usize,
    point: u64,
    load: impl Fn(usize) -> Option<Load>,
) -> Option<usize> {
    let (first, first_load) = draw(len, point, None, &load)?;
    if len < 2 {
        return Some(first);
    }
    let Some((second, second_load)) = draw(len, mix(point), Some(first), &load) else {
        return Some(first);
    };
    Some(if second_load.in_flight < first_load.in_flight { second } else { first })
}

/// The first available endpoint from the one at `turn` on, which is taken modulo `len`; the turn
/// after it comes next. One with a share below 1 is passed over that much more often: `point`
/// decides.
pub(crate) fn in_turn(
    len: usize,
    turn: usize,
    point: u64,
    load: impl Fn(usize) -> Option<Load>,
) -> Option<usize> {
    let first = turn.checked_rem(len)?;
    let mut last = None;
    for index in (first..len).chain(0..first) {
        if let Some(load) = load(index) {
            if load.share >= 1.0 || fraction(mix(point ^ index as u64)) < load.share {
                return Some(index);
            }
            last = last.or(Some(index));
        }
    }
    last
}

/// An available endpoint other than `not`, each with a probability that follows its share.
fn draw(
    len: usize,
    mut point: u64,
    not: Option<usize>,
    load: &impl Fn(usize) -> Option<Load>,
) -> Option<(usize, Load)> {
    let available = |index| load(index).filter(|_| Some(index) != not);
    let mut last = None;
    for _ in 0..MAX_DRAWS {
        let drawn = (len > 0).then(|| index(point, len))?;
        if let Some(load) = available(drawn) {
            if load.share >= 1.0 || fraction(mix(!point)) < load.share {
                return Some((drawn, load));
            }
            last = Some((drawn, load));
        }
        point = mix(point);
    }
    if last.is_some() {
        // They may all be new.
        return last;
    }
    let count = (0..len).filter(|index| available(*index).is_some()).count();
    let chosen = (count > 0).then(|| index(point, count))?;
    (0..len).filter_map(|index| Some((index, available(index)?))).nth(chosen)
}

/// A point that has nothing to do with this one (the finaliser of SplitMix64).
pub(crate) fn mix(point: u64) -> u64 {
    let mut mixed = point.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

fn fraction(point: u64) -> f32 {
    (point >> 40) as f32 / (1u64 << 24) as f32
}

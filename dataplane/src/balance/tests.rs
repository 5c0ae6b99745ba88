//! The choice against naive twins, and its shares.

use super::*;
use proptest::prelude::*;
use std::time::Duration;

const PICKS: u32 = 100_000;

fn views() -> impl Strategy<Value = Vec<View>> {
    let latency = proptest::option::of((0u64..5).prop_map(|step| Duration::from_millis(20 * step)));
    let view = (0u32..3, 0u32..20, any::<bool>(), latency);
    let view = view.prop_map(|(priority, weight, available, latency)| View {
        priority,
        weight,
        available,
        latency,
    });
    proptest::collection::vec(view, 0..6)
}

/// The backends that get requests, step by step as the documentation has it.
fn eligible(views: &[View], band: Option<Duration>) -> Vec<usize> {
    let mut left: Vec<usize> = (0..views.len()).collect();
    left.retain(|index| views[*index].available && views[*index].weight > 0);
    let lowest = left.iter().map(|index| views[*index].priority).min();
    left.retain(|index| Some(views[*index].priority) == lowest);
    let fastest = left.iter().filter_map(|index| views[*index].latency).min();
    if let (Some(fastest), Some(band)) = (fastest, band) {
        left.retain(|index| views[*index].latency.is_none_or(|own| own - fastest <= band));
    }
    left
}

fn load(in_flight: u32) -> Load {
    Load { in_flight, share: 1.0 }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn backends_get_their_weights_shares(
        views in views(),
        band in proptest::option::of((0u64..4).prop_map(|step| Duration::from_millis(15 * step))),
        seed: u64,
    ) {
        let eligible = eligible(&views, band);
        let total: u32 = eligible.iter().map(|index| views[*index].weight).sum();
        let sequence = Sequence::of_backends(seed);
        let mut counts = vec![0u32; views.len()];
        for _ in 0..PICKS {
            match choose(&views, band, sequence.next()) {
                Some(index) => counts[index] += 1,
                None => prop_assert!(eligible.is_empty()),
            }
        }
        for (index, count) in counts.iter().enumerate() {
            let weight = if eligible.contains(&index) { views[index].weight } else { 0 };
            let expected = f64::from(weight) / f64::from(total.max(1));
            prop_assert!((f64::from(*count) / f64::from(PICKS) - expected).abs() < 0.01);
        }
        let slow: Vec<_> = too_slow(&views, band).collect();
        let without = self::eligible(&views, None);
        let expected: Vec<_> =
            without.into_iter().filter(|index| !eligible.contains(index)).collect();
        prop_assert_eq!(slow, expected);
    }

    /// Where what was drawn is out, another draw gives the others their weights' shares.
    #[test]
    fn drawing_again_keeps_the_shares(views in views(), seed: u64) {
        let all: Vec<_> = views.iter().map(|view| View { available: true, ..*view }).collect();
        let lowest = eligible(&all, None);
        let still = eligible(&views, None);
        prop_assume!(still.iter().any(|index| lowest.contains(index)));
        let total: u32 = still.iter().map(|index| views[*index].weight).sum();
        let sequence = Sequence::of_backends(seed);
        let mut counts = vec![0u32; views.len()];
        for _ in 0..PICKS {
            let point = sequence.next();
            let first = choose(&all, None, point).unwrap();
            let taken = match views[first].available {
                true => first,
                false => choose(&views, None, mix(point)).unwrap(),
            };
            counts[taken] += 1;
        }
        for index in still {
            let expected = f64::from(views[index].weight) / f64::from(total);
            let share = f64::from(counts[index]) / f64::from(PICKS);
            prop_assert!((share - expected).abs() < 0.01, "{share} {expected}");
        }
    }

    #[test]
    fn idle_endpoints_share_evenly_whichever_are_out(
        available in proptest::collection::vec(any::<bool>(), 1..12),
        seed: u64,
    ) {
        let count = available.iter().filter(|is| **is).count();
        let sequence = Sequence::of_backends(seed);
        let (mut least, mut turns) = (vec![0u32; available.len()], vec![0u32; available.len()]);
        let mut turn = seed as usize;
        for _ in 0..PICKS {
            let point = sequence.next();
            let of = |index: usize| available[index].then(|| load(0));
            let picked = least_request(available.len(), point, of);
            prop_assert_eq!(picked.is_none(), count == 0);
            let Some(picked) = picked else { return Ok(()) };
            least[picked] += 1;
            let picked = in_turn(available.len(), turn, point, of).unwrap();
            turn = picked + 1;
            turns[picked] += 1;
        }
        for (index, is_available) in available.iter().enumerate() {
            let expected = if *is_available { 1.0 / count as f64 } else { 0.0 };
            for counts in [&least, &turns] {
                let share = f64::from(counts[index]) / f64::from(PICKS);
                prop_assert!((share - expected).abs() < 0.01, "{share} {expected}");
            }
            let each = PICKS / count as u32;
            prop_assert!(!is_available || turns[index].abs_diff(each) <= 1);
        }
    }

    #[test]
    fn of_two_that_are_drawn_the_one_with_fewer_requests_is_taken(
        loads in proptest::collection::vec(proptest::option::of(0u32..9), 1..9),
        point: u64,
    ) {
        let of = |index: usize| loads[index].map(load);
        let picked = least_request(loads.len(), point, of);
        let available: Vec<u32> = loads.iter().flatten().copied().collect();
        prop_assert_eq!(picked.is_none(), available.is_empty());
        if let Some(picked) = picked {
            let own = loads[picked].unwrap();
            // It beats another one, unless it is alone.
            let beats = available.iter().filter(|other| own <= **other).count();
            prop_assert!(available.len() == 1 || beats >= 2);
        }
    }

    #[test]
    fn only_the_keys_of_an_endpoint_that_goes_move(
        ids in proptest::collection::hash_set(any::<u64>(), 2..20),
        keys in proptest::collection::vec(any::<u64>(), 200),
        gone: prop::sample::Index,
    ) {
        let ids: Vec<_> = ids.into_iter().collect();
        let gone = gone.index(ids.len());
        let (ring, all) = (Ring::new(ids.iter().copied()), |_: usize| Some(load(0)));
        let less = Ring::new(ids.iter().copied().filter(|id| *id != ids[gone]));
        for key in keys {
            let owner = ring.pick(key, all).unwrap();
            let is_out = ring.pick(key, |index| (index != gone).then(|| load(0))).unwrap();
            let without = less.pick(key, all).unwrap();
            let without = without + usize::from(without >= gone);
            // Whether it is out or gone, its keys go to the same others.
            prop_assert_eq!(is_out, without);
            prop_assert!(owner == gone || is_out == owner);
            prop_assert!(is_out != gone);
        }
        prop_assert_eq!(ring.pick(1, |_| None), None);
    }
}

#[test]
fn keys_are_spread_over_all_endpoints_and_those_of_one_over_the_others() {
    let ids = (0..10u64).map(mix);
    let ring = Ring::new(ids);
    let (mut counts, mut moved) = ([0u32; 10], [0u32; 10]);
    for key in 0..u64::from(PICKS) {
        let owner = ring.pick(key, |_| Some(load(0))).unwrap();
        counts[owner] += 1;
        if owner == 3 {
            moved[ring.pick(key, |index| (index != 3).then(|| load(0))).unwrap()] += 1;
        }
    }
    let even = PICKS / 10;
    assert!(
        counts.iter().all(|count| (even * 7 / 10..even * 13 / 10).contains(count)),
        "{counts:?}"
    );
    assert!(moved.iter().filter(|count| **count > 0).count() >= 8, "{moved:?}");
    assert_eq!(Ring::new(std::iter::empty()).pick(1, |_| Some(load(0))), None);
}

#[test]
fn one_that_starts_slowly_gets_its_part_of_a_share() {
    let of = |share: f32| {
        move |index: usize| Some(Load { in_flight: 0, share: if index == 0 { share } else { 1.0 } })
    };
    let ring = Ring::new((0..4u64).map(mix));
    for share in [0.0, 0.25, 0.5, 1.0] {
        let (sequence, mut turn) = (Sequence::of_backends(7), 0);
        let mut counts = [0u32; 3];
        for key in 0..u64::from(PICKS) {
            let point = sequence.next();
            counts[0] += u32::from(least_request(4, point, of(share)) == Some(0));
            let picked = in_turn(4, turn, point, of(share)).unwrap();
            turn = picked + 1;
            counts[1] += u32::from(picked == 0);
            counts[2] += u32::from(ring.pick(key, of(share)) == Some(0));
        }
        let whole = ring_share(&ring);
        let shares = counts.map(|count| count as f32 / PICKS as f32);
        // Of four, one has a quarter; drawn again, its missing part goes to all.
        assert!((shares[0] - share / (3.0 + share)).abs() < 0.02, "{share} {shares:?}");
        assert!((shares[1] - share / (3.0 + share)).abs() < 0.04, "{share} {shares:?}");
        assert!((shares[2] - share * whole).abs() < 0.01, "{share} {shares:?} {whole}");
    }
    // Where all are new, all get the same.
    let new = |_: usize| Some(Load { in_flight: 0, share: 0.0 });
    assert!(least_request(4, 1, new).is_some() && in_turn(4, 3, 1, new) == Some(3));
}

fn ring_share(ring: &Ring) -> f32 {
    let own = (0..u64::from(PICKS)).filter(|key| ring.pick(*key, |_| Some(load(0))) == Some(0));
    own.count() as f32 / PICKS as f32
}

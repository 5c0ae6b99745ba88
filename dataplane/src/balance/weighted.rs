//! Weighted choice among the available candidates with the lowest priority number.

/// The properties of a backend that the choice depends on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Candidate {
    /// Lower numbers are preferred.
    pub(crate) priority: u32,
    /// Its weight among those of its priority; 0 gets no traffic.
    pub(crate) weight: u32,
    /// Whether it has a ready endpoint.
    pub(crate) available: bool,
}

/// The candidates that receive traffic, as cumulative weights. Built once per table; a pick is a
/// binary search.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Weighted {
    /// Each active candidate's cumulative weight, including its own, and its index among all
    /// candidates.
    active: Box<[(u64, u16)]>,
}

impl Weighted {
    /// Traffic goes to the lowest priority number that has an available candidate with a weight
    /// above 0; within that priority, shares follow the weights.
    pub(crate) fn new(candidates: impl Iterator<Item = Candidate> + Clone) -> Self {
        let is_eligible = |candidate: &Candidate| candidate.weight > 0 && candidate.available;
        let lowest =
            candidates.clone().filter(is_eligible).map(|candidate| candidate.priority).min();
        let mut total = 0;
        let active = (0u16..)
            .zip(candidates)
            .filter(|(_, candidate)| is_eligible(candidate) && Some(candidate.priority) == lowest)
            .map(|(index, candidate)| {
                total += u64::from(candidate.weight);
                (total, index)
            })
            .collect();
        Self { active }
    }

    /// The index of the candidate at `point`, a fraction of the total weight in [0, 1) scaled to
    /// the whole range of `u64`. `None` if no candidate receives traffic.
    pub(crate) fn pick(&self, point: u64) -> Option<usize> {
        let total = self.active.last()?.0;
        let threshold = ((u128::from(point) * u128::from(total)) >> 64) as u64;
        let position = self.active.partition_point(|(cumulative, _)| *cumulative <= threshold);
        self.active.get(position).map(|(_, index)| usize::from(*index))
    }

    /// The share of requests that the candidate at `index` gets, from 0 to 1.
    pub(crate) fn share(&self, index: usize) -> f64 {
        let sums = || self.active.iter().map(|(cumulative, _)| *cumulative);
        let before = std::iter::once(0).chain(sums());
        let mut shares = self.active.iter().zip(before);
        let total = sums().next_back().unwrap_or(1);
        let own = shares.find(|((_, active), _)| usize::from(*active) == index);
        own.map_or(0.0, |((cumulative, _), before)| (cumulative - before) as f64 / total as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::{super::Sequence, *};
    use proptest::prelude::*;

    fn candidates() -> impl Strategy<Value = Vec<Candidate>> {
        let candidate = (0u32..3, 0u32..20, any::<bool>());
        let candidate = candidate.prop_map(|(priority, weight, available)| Candidate {
            priority,
            weight,
            available,
        });
        proptest::collection::vec(candidate, 0..6)
    }

    /// Each candidate's share, computed directly from the definition.
    fn expected(candidates: &[Candidate]) -> Vec<f64> {
        let is_eligible = |one: &&Candidate| one.available && one.weight > 0;
        let lowest = candidates.iter().filter(is_eligible).map(|one| one.priority).min();
        let is_active = |one: &&Candidate| is_eligible(one) && Some(one.priority) == lowest;
        let total: u32 = candidates.iter().filter(is_active).map(|one| one.weight).sum();
        let share = |one: &Candidate| f64::from(one.weight) / f64::from(total.max(1));
        candidates.iter().map(|one| if is_active(&one) { share(one) } else { 0.0 }).collect()
    }

    proptest! {
        #[test]
        fn shares_follow_the_weights_of_the_lowest_available_priority(
            candidates in candidates(),
            seed: u64,
        ) {
            let weighted = Weighted::new(candidates.iter().copied());
            let shares: Vec<_> = (0..candidates.len()).map(|index| weighted.share(index)).collect();
            let expected = expected(&candidates);
            prop_assert_eq!(&shares, &expected);
            let sequence = Sequence::of_backends(seed);
            const PICKS: u32 = 5_000;
            let mut counts = vec![0u32; candidates.len()];
            for _ in 0..PICKS {
                match weighted.pick(sequence.next()) {
                    Some(index) => counts[index] += 1,
                    None => prop_assert!(expected.iter().all(|share| *share == 0.0)),
                }
            }
            for (count, share) in counts.into_iter().zip(expected) {
                prop_assert!((f64::from(count) / f64::from(PICKS) - share).abs() < 0.01);
            }
        }
    }
}

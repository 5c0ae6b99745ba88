//! Where a backend is chosen, and which of its endpoints: what is known of them becomes what
//! [`balance`] decides on.

use super::route_state::Sets;
use crate::{
    balance::{self, Load, View},
    endpoint::{BackendSet, Member, Missing, Use},
    refusal::Refusal,
    table::{Backend, Forward, Policy, Route, Selection},
};
use std::{rc::Rc, sync::Arc, time::Instant};

/// An endpoint for a request.
#[derive(Clone, Debug)]
pub(super) struct Chosen {
    sets: Rc<Sets>,
    /// The backend's index.
    pub(super) backend: usize,
    /// The index of the endpoint among the backend's.
    pub(super) index: usize,
    /// Whether it was taken because all endpoints are out.
    pub(super) panic: bool,
}

impl Chosen {
    /// What is known of its backend.
    pub(super) fn set(&self) -> &BackendSet {
        &self.sets.sets[self.backend]
    }

    /// What is known of it.
    pub(super) fn member(&self) -> &Member {
        // Invariant: the indices are of these sets, which don't change.
        &self.set().members[self.index]
    }
}

/// What a request gets.
pub(super) enum Choice {
    /// This endpoint.
    Endpoint(Chosen),
    /// One of the backend at this index, whose name is being looked up.
    Pending(usize),
}

/// What a choice depends on.
pub(super) struct Choosing<'r> {
    pub(super) route: &'r Route,
    pub(super) forward: &'r Forward,
    pub(super) sets: &'r Rc<Sets>,
    pub(super) now: Instant,
    /// The hash of what the policy `Hash` is about, if the request has it.
    pub(super) key: Option<u64>,
    /// What has been tried: it is not taken again.
    pub(super) tried: &'r [Chosen],
    /// Points of the sequences of backends and endpoints.
    pub(super) points: (u64, u64),
}

impl Choosing<'_> {
    /// Chooses; where something has been tried, another endpoint of the same backend if possible.
    pub(super) fn choose(&self) -> Result<Choice, Refusal> {
        if let Some(last) = self.tried.last()
            && let Some(chosen) = self.endpoint(last.backend, last.panic)
        {
            return Ok(Choice::Endpoint(chosen));
        }
        let band = self.selection().balance.latency_band;
        let first = self.forward.pick_index(self.points.0);
        // The shares are still right where others are out: theirs are drawn again.
        if self.tried.is_empty()
            && band.is_none()
            && let Some(choice) = first.and_then(|backend| self.of_backend(backend))
        {
            return Ok(choice);
        }
        self.among_available().or_else(|| self.in_panic()).ok_or_else(|| self.refusal())
    }

    fn selection(&self) -> &Selection {
        &self.route.selection
    }

    /// Chooses among the backends that have something available.
    fn among_available(&self) -> Option<Choice> {
        let Selection { balance, ejection, .. } = self.selection();
        let views = self.views(|set| {
            let untried = || self.candidates(set, false).next().is_some();
            set.missing == Some(Missing::Pending) || untried()
        });
        if balance.latency_band.is_some() && self.tried.is_empty() {
            for backend in balance::too_slow(&views, balance.latency_band) {
                let set = self.set(backend)?;
                if let Some(member) = set.to_measure(ejection, self.now) {
                    return self.chosen(backend, member, false).map(Choice::Endpoint);
                }
            }
        }
        let point = balance::mix(self.points.0);
        self.of_backend(balance::choose(&views, balance.latency_band, point)?)
    }

    /// Chooses as if nothing was out.
    fn in_panic(&self) -> Option<Choice> {
        let views = self.views(|set| self.candidates(set, true).next().is_some());
        let backend = balance::choose(&views, None, self.points.0)?;
        self.endpoint(backend, true).map(Choice::Endpoint)
    }

    /// Why there is nothing to choose.
    fn refusal(&self) -> Refusal {
        let any = |missing| self.sets.sets.iter().any(|set| set.missing == Some(missing));
        if any(Missing::NotAllowed) {
            Refusal::AddressNotAllowed
        } else if any(Missing::Unresolved) {
            Refusal::NameNotResolved
        } else {
            Refusal::NoEndpoint
        }
    }

    fn views(&self, is_available: impl Fn(&BackendSet) -> bool) -> Vec<View> {
        let Selection { balance, ejection, .. } = self.selection();
        let all = self.forward.backends().iter().zip(&self.sets.sets);
        all.map(|(backend, set)| View {
            priority: backend.priority,
            weight: backend.weight,
            available: is_available(set),
            latency: balance.latency_band.and_then(|_| set.latency(ejection, self.now)),
        })
        .collect()
    }

    /// The indices of the members that may be taken.
    fn candidates<'s>(
        &'s self,
        set: &'s BackendSet,
        panic: bool,
    ) -> impl Iterator<Item = usize> + 's {
        let members = set.members.iter().enumerate();
        let may_be_taken = members.filter(move |(_, member)| self.may_take(member, panic));
        may_be_taken.map(|(index, _)| index)
    }

    fn may_take(&self, member: &Member, panic: bool) -> bool {
        let is_same = |tried: &Chosen| Arc::ptr_eq(&tried.member().endpoint, &member.endpoint);
        (panic || member.is_available(&self.selection().ejection, self.now))
            && !self.tried.iter().any(is_same)
    }

    fn set(&self, backend: usize) -> Option<&Arc<BackendSet>> {
        self.sets.sets.get(backend)
    }

    fn of_backend(&self, backend: usize) -> Option<Choice> {
        if self.set(backend)?.missing == Some(Missing::Pending) {
            return Some(Choice::Pending(backend));
        }
        self.endpoint(backend, false).map(Choice::Endpoint)
    }

    /// An endpoint of a backend: one that accepts connections, as far as is known, if there is one.
    fn endpoint(&self, backend: usize, panic: bool) -> Option<Chosen> {
        let set = self.set(backend)?;
        let used = self.used(self.forward.backends().get(backend)?);
        let load = |index: usize, any: bool| {
            let member = set.members.get(index).filter(|member| self.may_take(member, panic))?;
            let is_passed_over = || member.endpoint.is_passed_over(used, self.now);
            (any || !is_passed_over()).then(|| Load {
                in_flight: member.endpoint.in_flight(),
                share: member.share(self.selection().balance.slow_start, self.now),
            })
        };
        let pick = |any: bool| self.pick(backend, set, |index| load(index, any));
        let index = pick(false).or_else(|| pick(true))?;
        self.chosen(backend, index, panic)
    }

    fn pick(
        &self,
        backend: usize,
        set: &BackendSet,
        load: impl Fn(usize) -> Option<Load>,
    ) -> Option<usize> {
        let (len, point) = (set.members.len(), self.points.1);
        match (&self.selection().balance.policy, self.key) {
            (Policy::RoundRobin, _) => {
                let turn = self.sets.turns.get(backend)?;
                let picked = balance::in_turn(len, turn.get(), point, load)?;
                turn.set(picked + 1);
                Some(picked)
            }
            (Policy::Hash(_), Some(key)) => set.ring().pick(key, load),
            (Policy::LeastRequest | Policy::Hash(_), _) => balance::least_request(len, point, load),
        }
    }

    fn chosen(&self, backend: usize, index: usize, panic: bool) -> Option<Chosen> {
        let is_known = self.set(backend)?.members.len() > index;
        is_known.then(|| Chosen { sets: self.sets.clone(), backend, index, panic })
    }

    fn used<'b>(&self, backend: &'b Backend) -> Use<'b> {
        let timeouts = self.route.timeouts;
        Use { backend: &backend.name, connect: timeouts.connect, request: timeouts.request }
    }
}

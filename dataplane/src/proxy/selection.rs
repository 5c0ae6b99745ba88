//! Where a backend is chosen, and which of its endpoints: what is known of them becomes what
//! [`balance`] decides on.

use super::route_state::Sets;
use crate::{
    balance::{self, Load, View},
    endpoint::{BackendSet, Endpoint, Failure, InFlight, Member, Missing, Use},
    refusal::Refusal,
    table::{Backend, EndpointLimits, Forward, Policy, Route, Selection},
};
use std::{num::NonZeroU32, rc::Rc, sync::Arc, time::Instant};

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
    /// The endpoint at this place, if there is one.
    pub(super) fn of(sets: &Rc<Sets>, backend: usize, index: usize, panic: bool) -> Option<Self> {
        let is_known = sets.sets.get(backend)?.members.len() > index;
        is_known.then(|| Self { sets: sets.clone(), backend, index, panic })
    }

    /// Another endpoint of the same backend.
    pub(super) fn at(&self, index: usize) -> Self {
        Self { index, ..self.clone() }
    }

    /// It has failed a request.
    pub(super) fn failed(&self, why: Failure, now: Instant) {
        self.set().failed(self.member(), why, self.sets.ejection(), now);
    }

    /// What is known of all backends.
    pub(super) fn sets(&self) -> &Rc<Sets> {
        &self.sets
    }

    /// Whether it is the same endpoint of the same backend.
    pub(super) fn is(&self, other: &Self) -> bool {
        self.backend == other.backend
            && Arc::ptr_eq(&self.member().endpoint, &other.member().endpoint)
    }

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
#[derive(Clone, Copy)]
pub(super) struct Choosing<'r> {
    pub(super) route: &'r Route,
    pub(super) forward: &'r Forward,
    pub(super) sets: &'r Rc<Sets>,
    pub(super) now: Instant,
    /// The hash of what the policy `Hash` is about, if the request has it.
    pub(super) key: Option<u64>,
    /// What has been tried: it is not taken again.
    pub(super) tried: &'r [Chosen],
    /// The bounds for each endpoint; those that have reached theirs are not taken.
    pub(super) limits: Option<EndpointLimits>,
    /// Points of the sequences of backends and endpoints.
    pub(super) points: (u64, u64),
}

impl Choosing<'_> {
    /// Chooses; where something has been tried, another endpoint of the same backend if possible.
    pub(super) fn choose(&self) -> Result<Choice, Refusal> {
        if let Some(choice) = self.first_choice().or_else(|| self.among_available(false)) {
            if self.accepts(&choice) {
                return Ok(choice);
            }
            // As far as is known, nobody accepts connections there: elsewhere somebody may.
            return Ok(self.among_available(true).unwrap_or(choice));
        }
        let whatever_they_have = Self { limits: None, ..*self };
        if self.limits.is_some() && whatever_they_have.among_available(false).is_some() {
            return Err(Refusal::Overloaded);
        }
        if self.tried.last().is_some_and(|last| !last.panic) {
            return Err(self.refusal());
        }
        match self.in_panic() {
            Some(choice) => Ok(choice),
            None if whatever_they_have.in_panic().is_some() => Err(Refusal::Overloaded),
            None => Err(self.refusal()),
        }
    }

    /// Another endpoint of the backend that has been tried, or one of the backend that is drawn.
    fn first_choice(&self) -> Option<Choice> {
        match self.tried.last() {
            Some(last) => self.endpoint(last.backend, last.panic).map(Choice::Endpoint),
            None if self.selection().balance.latency_band.is_some() => None,
            // The shares are still right where others are out: theirs are drawn again.
            None => self.of_backend(self.forward.pick_index(self.points.0)?),
        }
    }

    /// Whether an endpoint accepts connections, as far as is known.
    fn accepts(&self, choice: &Choice) -> bool {
        match choice {
            Choice::Pending(_) => true,
            Choice::Endpoint(chosen) => {
                let used = self.forward.backends().get(chosen.backend).map(|one| self.used(one));
                used.is_none_or(|used| !chosen.member().endpoint.is_passed_over(used, self.now))
            }
        }
    }

    /// Whether a client's session may stay with an endpoint: it is available, whether full or not,
    /// accepts connections, and no backend of a lower priority number is available.
    pub(super) fn may_stay(&self, chosen: &Chosen) -> bool {
        let Some(own) = self.forward.backends().get(chosen.backend) else { return false };
        let member = chosen.member();
        let ejection = &self.selection().ejection;
        let is_preferred = |(other, set): (&Arc<Backend>, &Arc<BackendSet>)| {
            other.priority < own.priority && other.weight > 0 && self.has_available(set)
        };
        member.is_available(ejection, self.now)
            && !member.endpoint.is_passed_over(self.used(own), self.now)
            && !self.forward.backends().iter().zip(&self.sets.sets).any(is_preferred)
    }

    fn selection(&self) -> &Selection {
        &self.route.selection
    }

    /// Chooses among the backends that have something available, which `accepts` connections if it
    /// must.
    fn among_available(&self, accepts: bool) -> Option<Choice> {
        let Selection { balance, ejection, .. } = self.selection();
        let views = self.views(|backend, set| {
            let used = self.used(backend);
            let will_do = |index: usize| {
                let member = set.members.get(index);
                let passed = |one: &Member| one.endpoint.is_passed_over(used, self.now);
                !accepts || !member.is_some_and(passed)
            };
            let untried = || self.candidates(set, false).any(will_do);
            (self.tried.is_empty() && set.missing == Some(Missing::Pending)) || untried()
        });
        let is_first = self.tried.is_empty();
        if balance.latency_band.is_some() && is_first {
            for backend in balance::too_slow(&views, balance.latency_band) {
                let set = self.set(backend)?;
                if let Some(member) = set.to_measure(ejection, self.now) {
                    return self.chosen(backend, member, false).map(Choice::Endpoint);
                }
            }
        }
        // What was drawn first is out: another draw.
        let point = match is_first && balance.latency_band.is_none() {
            true => balance::mix(self.points.0),
            false => self.points.0,
        };
        self.of_backend(balance::choose(&views, balance.latency_band, point)?)
    }

    /// Chooses as if nothing was out.
    fn in_panic(&self) -> Option<Choice> {
        let views = self.views(|_, set| self.candidates(set, true).next().is_some());
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

    fn views(&self, is_available: impl Fn(&Backend, &BackendSet) -> bool) -> Vec<View> {
        let Selection { balance, ejection, .. } = self.selection();
        let all = self.forward.backends().iter().zip(&self.sets.sets);
        all.map(|(backend, set)| View {
            priority: backend.priority,
            weight: backend.weight,
            available: is_available(backend, set),
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
        // Others wait for what becomes free, and come first.
        let is_closed = self.limits.is_some() && set.queue().is_awaited();
        let members = set.members.iter().enumerate().filter(move |_| !is_closed);
        let may_be_taken = members.filter(move |(_, member)| self.may_take(member, panic));
        may_be_taken.map(|(index, _)| index)
    }

    fn may_take(&self, member: &Member, panic: bool) -> bool {
        let is_same = |tried: &Chosen| Arc::ptr_eq(&tried.member().endpoint, &member.endpoint);
        (panic || member.is_available(&self.selection().ejection, self.now))
            && !self.tried.iter().any(is_same)
            && !self.is_full(member)
    }

    fn has_available(&self, set: &BackendSet) -> bool {
        let ejection = &self.selection().ejection;
        set.members.iter().any(|member| member.is_available(ejection, self.now))
    }

    fn is_full(&self, member: &Member) -> bool {
        is_full(self.limits.as_ref(), &member.endpoint)
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
        if self.limits.is_some() && set.queue().is_awaited() {
            return None;
        }
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

    /// A member of the backend's that has been waited for.
    pub(super) fn waited_for(
        &self,
        backend: usize,
        place: &InFlight,
        panic: bool,
    ) -> Option<Chosen> {
        let mut members = self.set(backend)?.members.iter();
        let index = members.position(|member| member.endpoint.has(place))?;
        self.chosen(backend, index, panic)
    }

    /// The backends that may be waited for instead of `first`: those of its priority.
    pub(super) fn instead_of(&self, first: usize) -> impl Iterator<Item = usize> + '_ {
        let backends = self.forward.backends();
        let own = backends.get(first).map(|backend| backend.priority);
        let all = backends.iter().zip(&self.sets.sets).enumerate();
        let others = all.filter(move |(index, (backend, set))| {
            *index != first
                && backend.weight > 0
                && Some(backend.priority) == own
                && self.has_available(set)
        });
        others.map(|(index, _)| index)
    }

    fn chosen(&self, backend: usize, index: usize, panic: bool) -> Option<Chosen> {
        Chosen::of(self.sets, backend, index, panic)
    }

    fn used<'b>(&self, backend: &'b Backend) -> Use<'b> {
        let timeouts = self.route.timeouts;
        Use { backend: &backend.name, connect: timeouts.connect, request: timeouts.request }
    }
}

/// How many requests an endpoint may have in flight: over HTTP/1.1, each has a connection.
pub(super) fn limit(limits: &EndpointLimits, endpoint: &Endpoint) -> Option<NonZeroU32> {
    let connections = limits.connections.filter(|_| endpoint.speaks_http1());
    limits.requests.into_iter().chain(connections).min()
}

/// Whether an endpoint has as many requests in flight as it may.
pub(super) fn is_full(limits: Option<&EndpointLimits>, endpoint: &Endpoint) -> bool {
    let limit = limits.and_then(|limits| limit(limits, endpoint));
    limit.is_some_and(|limit| endpoint.in_flight() >= limit.get())
}

#[cfg(test)]
#[allow(clippy::panic, clippy::unwrap_used)]
mod tests;

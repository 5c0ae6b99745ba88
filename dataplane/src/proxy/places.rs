//! A request's place at an endpoint: one that is free, or the next that becomes free.

use super::{
    Exchange,
    arrived::ForwardPlan,
    attempts::Preference,
    downstream::Downstream,
    selection::{Choice, Choosing, Chosen, limit},
};
use crate::{
    endpoint::{Endpoint, InFlight, QueueFull},
    refusal::Refusal,
    table::EndpointLimits,
};
use std::sync::Arc;
use tokio::time::timeout;

/// How often another request may take the place that was free before it is waited for one.
const MAX_RACES: usize = 4;

impl<D: Downstream> Exchange<'_, D> {
    /// Chooses an endpoint for the first try of a request without a session, and takes a place
    /// there; `None` where there is more to it, which [`place`](Self::place) does.
    pub(super) fn place_at_once(
        &self,
        plan: &ForwardPlan<'_>,
        preference: &Preference,
    ) -> Option<(Chosen, InFlight)> {
        if preference.session.is_some() {
            return None;
        }
        let route = &plan.matched.target;
        let limits = route.selection.limits;
        let sets = &self.route.as_ref()?.sets(route, plan.terms.forward, &self.shared.registry);
        match self.choosing(plan, sets, preference, limits, &[]).choose().ok()? {
            Choice::Endpoint(chosen) => {
                let place = take(&chosen.member().endpoint, limits.as_ref())?;
                Some((chosen, place))
            }
            Choice::Pending(_) => None,
        }
    }

    /// Chooses an endpoint for the first try, and takes a place there. Waits for one where all are
    /// full.
    pub(super) async fn place(
        &mut self,
        plan: &ForwardPlan<'_>,
        preference: &Preference,
    ) -> Result<(Chosen, InFlight), Refusal> {
        let limits = plan.matched.target.selection.limits;
        if preference.session.is_some()
            && let Some(placed) = self.place_of_session(plan, preference, limits).await?
        {
            return Ok(placed);
        }
        match (self.free_place(plan, preference, &[]).await, limits) {
            (Err(Refusal::Overloaded), Some(limits)) => {
                self.wait_for_any(plan, preference, &limits).await
            }
            (placed, _) => placed,
        }
    }

    /// Chooses an endpoint other than those that were `tried`, and takes a place there.
    ///
    /// # Errors
    /// `Overloaded` if all are full.
    pub(super) async fn free_place(
        &mut self,
        plan: &ForwardPlan<'_>,
        preference: &Preference,
        tried: &[Chosen],
    ) -> Result<(Chosen, InFlight), Refusal> {
        let limits = plan.matched.target.selection.limits;
        for _ in 0..MAX_RACES {
            let chosen = self.choose(plan, preference, limits, tried).await?;
            if let Some(place) = take(&chosen.member().endpoint, limits.as_ref()) {
                return Ok((chosen, place));
            }
        }
        Err(Refusal::Overloaded)
    }

    /// A place at the endpoint that the client's session is with, if it still is with one. One that
    /// is full is waited for; `None` if too many do.
    async fn place_of_session(
        &mut self,
        plan: &ForwardPlan<'_>,
        preference: &Preference,
        limits: Option<EndpointLimits>,
    ) -> Result<Option<(Chosen, InFlight)>, Refusal> {
        let Some(chosen) = preference.session.clone() else { return Ok(None) };
        let choosing = self.choosing(plan, chosen.sets(), preference, None, &[]);
        if !choosing.may_stay(&chosen) {
            return Ok(None);
        }
        let endpoint = &chosen.member().endpoint;
        let is_free = limits.is_none() || !chosen.set().queue().is_awaited();
        if is_free && let Some(place) = take(endpoint, limits.as_ref()) {
            return Ok(Some((chosen, place)));
        }
        let Some(limits) = limits else { return Ok(None) };
        let only = Some(chosen.index);
        let waited = self.wait(&choosing, chosen.backend, only, false, &limits).await?;
        Ok(waited.map(|place| (chosen, place)).ok())
    }

    /// Waits for a place at any endpoint of a backend, or if too many do, of another.
    async fn wait_for_any(
        &mut self,
        plan: &ForwardPlan<'_>,
        preference: &Preference,
        limits: &EndpointLimits,
    ) -> Result<(Chosen, InFlight), Refusal> {
        // Full is all of them, so the choice is as if none was.
        let chosen = self.choose(plan, preference, None, &[]).await?;
        let state = self.route.clone().ok_or(Refusal::NoRoute)?;
        let sets = &state.sets(&plan.matched.target, plan.terms.forward, &self.shared.registry);
        let choosing = self.choosing(plan, sets, &Preference::default(), None, &[]);
        let others = choosing.instead_of(chosen.backend).collect::<Vec<_>>();
        for backend in [chosen.backend].into_iter().chain(others) {
            if let Ok(place) = self.wait(&choosing, backend, None, chosen.panic, limits).await? {
                let chosen = choosing.waited_for(backend, &place, chosen.panic);
                return chosen.map(|chosen| (chosen, place)).ok_or(Refusal::Overloaded);
            }
        }
        Err(Refusal::Overloaded)
    }

    /// Waits for a place at an endpoint of the backend, as long as is allowed and the request has
    /// time.
    async fn wait(
        &self,
        choosing: &Choosing<'_>,
        backend: usize,
        only: Option<usize>,
        panic: bool,
        limits: &EndpointLimits,
    ) -> Result<Result<InFlight, QueueFull>, Refusal> {
        let Some(set) = choosing.sets.sets.get(backend) else { return Ok(Err(QueueFull)) };
        let one = set.members.get(only.unwrap_or_default());
        let Some(limit) = one.and_then(|member| limit(limits, &member.endpoint)) else {
            return Ok(Err(QueueFull));
        };
        let ejection = (!panic).then_some(choosing.route.selection.ejection);
        let wanted = set.wanted(only, limit, ejection);
        let left = self.downstream.state().deadline.left();
        let patience = left.map_or(limits.queue_time, |left| left.min(limits.queue_time));
        let waiting = set.queue().wait(wanted, limits.queue);
        timeout(patience, waiting).await.map_err(|_| Refusal::Overloaded)
    }
}

/// A place at an endpoint, unless it is full.
fn take(endpoint: &Arc<Endpoint>, limits: Option<&EndpointLimits>) -> Option<InFlight> {
    match limits.and_then(|limits| limit(limits, endpoint)) {
        Some(limit) => endpoint.begin_below(limit),
        None => Some(endpoint.begin()),
    }
}

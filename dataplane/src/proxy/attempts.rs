//! One try: choose an endpoint, send the request to it, and note what that says of the endpoint.

use super::{
    Exchange,
    decide::ForwardPlan,
    downstream::Downstream,
    selection::{Choice, Choosing, Chosen},
};
use crate::{
    endpoint::{Candidates, Failure, Member, Use},
    refusal::Refusal,
    request::RequestBody,
    table::{Backend, Route, Target, Timeouts},
    upstream::{UpstreamError, UpstreamResponse},
};
use http::request::Parts;
use hyper::body::Body;
use std::{iter, time::Instant};
use tokio::time::timeout;

impl<D: Downstream> Exchange<'_, D> {
    /// Chooses an endpoint other than those that were `tried`; `key` is what the policy `Hash`
    /// hashes. Waits for the first look-up of an external name.
    pub(super) async fn choose(
        &mut self,
        plan: &ForwardPlan<'_>,
        key: Option<u64>,
        tried: &[Chosen],
    ) -> Result<Chosen, Refusal> {
        let (route, forward) = (&plan.matched.target, plan.forward);
        // Invariant: only requests with a Route have a plan.
        let state = self.route.clone().ok_or(Refusal::NoRoute)?;
        let points = (state.backends.next(), self.shared.endpoints.next());
        for _ in 0..=forward.backends().len() {
            let sets = &state.sets(route, forward, &self.shared.registry);
            let now = self.downstream.state().deadline.now();
            let choosing = Choosing { route, forward, sets, now, key, tried, points };
            let chosen = choosing.choose().inspect_err(|why| self.has_no_endpoint(plan, *why))?;
            match chosen {
                Choice::Endpoint(chosen) => {
                    self.note_chosen(&forward.backends()[chosen.backend], Some(&chosen));
                    return Ok(chosen);
                }
                Choice::Pending(index) => {
                    let backend = &forward.backends()[index];
                    self.note_chosen(backend, None);
                    self.resolved(route, backend).await?;
                }
            }
        }
        Err(Refusal::NameNotResolved)
    }

    /// Sends the request to an endpoint, once, and notes what that says of it.
    pub(super) async fn attempt(
        &mut self,
        plan: &ForwardPlan<'_>,
        chosen: &Chosen,
        head: &mut Parts,
        body: &mut RequestBody,
    ) -> Result<UpstreamResponse, UpstreamError> {
        let state = self.downstream.state();
        let (route, backend) = (&plan.matched.target, &plan.forward.backends()[chosen.backend]);
        let (set, ejection) = (chosen.set(), &route.selection.ejection);
        let (sent_at, has_body) = (state.deadline.now(), !body.is_end_stream());
        let others = match &backend.target {
            Target::Endpoints(_) => Vec::new(),
            Target::External { .. } => others(route, backend, chosen, sent_at),
        };
        let (only, many);
        let endpoints = if others.is_empty() {
            only = [&chosen.member().endpoint];
            &only[..]
        } else {
            let others = others.iter().map(|member| &member.endpoint);
            many = iter::once(&chosen.member().endpoint).chain(others).collect::<Vec<_>>();
            &many
        };
        let candidates = Candidates::of_request(endpoints);
        let (upstreams, deadline) = (&self.shared.upstreams, &state.deadline);
        let sending = upstreams.send(backend, &candidates, head, body, deadline, &route.timeouts);
        let sent = sending.await;
        let now = state.deadline.now();
        let candidate = |index: usize| match index.checked_sub(1) {
            Some(index) => others.get(index).copied().unwrap_or(chosen.member()),
            None => chosen.member(),
        };
        let member = candidate(candidates.taken());
        let (in_flight, refused) = candidates.into_parts();
        let failure = match &sent {
            Ok(received) => {
                self.note_endpoint(member);
                self.in_flight = in_flight;
                if let Some(sent_at) = self.sent_whole_at(sent_at, has_body) {
                    let took = now.saturating_duration_since(sent_at);
                    member.endpoint.took(took.saturating_sub(received.connecting), now);
                }
                let status = received.response.status();
                status.is_server_error().then_some(Failure::Status(status.as_u16()))
            }
            // Those that were tried beside each other have each failed for themselves.
            Err(error) => self.endpoints_failure(error).filter(|_| refused.is_empty()),
        };
        for index in refused {
            set.failed(candidate(index), Failure::Connect, ejection, now);
        }
        match failure {
            Some(why) => set.failed(member, why, ejection, now),
            None if sent.is_ok() => member.endpoint.succeeded(),
            None => {}
        }
        sent
    }

    /// Since when the endpoint has had the whole request, at the earliest; `None` if it does not.
    fn sent_whole_at(&self, sent_at: Instant, has_body: bool) -> Option<Instant> {
        let ended = self.downstream.state().body.ended.get();
        if has_body { Some(ended?.max(sent_at)) } else { Some(sent_at) }
    }

    /// The failure that the endpoint is to blame for, and not the client.
    fn endpoints_failure(&self, error: &UpstreamError) -> Option<Failure> {
        let body = &self.downstream.state().body;
        let is_clients = |failure: &Failure| {
            body.failure.get().is_some() || (*failure == Failure::Timeout && body.awaited.get())
        };
        error.failure().filter(|failure| !is_clients(failure))
    }

    /// Why an exchange failed; the client is to blame if its body is what failed.
    pub(super) fn failed(&self, backend: &Backend, error: &UpstreamError) -> Refusal {
        tracing::debug!(backend = backend.name, %error, "no response");
        if let Some(rule) = error.broken_rule() {
            self.record.malformed(&backend.name, rule);
        }
        let body = &self.downstream.state().body;
        match error.refusal() {
            Refusal::BackendTimeout if body.awaited.get() => Refusal::BodyTimeout,
            refusal => body.failure.get().unwrap_or(refusal),
        }
    }

    /// Waits until the name of an external backend has been looked up, for as long as connecting to
    /// it may take.
    async fn resolved(&self, route: &Route, backend: &Backend) -> Result<(), Refusal> {
        let Target::External { host, .. } = &backend.target else { return Ok(()) };
        let Timeouts { connect, request, .. } = route.timeouts;
        let looked_up = self.shared.registry.names().looked_up(host);
        match [connect, request].into_iter().flatten().min() {
            Some(limit) => timeout(limit, looked_up).await.map_err(|_| Refusal::NameNotResolved),
            None => Ok(looked_up.await),
        }
    }

    /// Notes that no endpoint of any backend can be taken.
    fn has_no_endpoint(&mut self, plan: &ForwardPlan<'_>, why: Refusal) {
        let external = |backend: &&Backend| matches!(backend.target, Target::External { .. });
        let backend = plan.forward.backends().iter().find(external);
        if let (Refusal::AddressNotAllowed | Refusal::NameNotResolved, Some(backend)) =
            (why, backend)
        {
            self.note_chosen(backend, None);
            self.shared.upstreams.stats.connected(false);
        }
    }

    /// Notes for the access log which endpoint has served the request.
    fn note_endpoint(&mut self, member: &Member) {
        if let Some(fields) = &mut self.record.log {
            fields.endpoint = Some(member.endpoint.address());
        }
    }

    /// Notes for the access log what was chosen.
    fn note_chosen(&mut self, backend: &Backend, chosen: Option<&Chosen>) {
        if let Some(fields) = &mut self.record.log {
            fields.backend = Some(backend.name.clone());
            fields.endpoint = chosen.map(|chosen| chosen.member().endpoint.address());
            fields.panic = chosen.is_some_and(|chosen| chosen.panic);
        }
    }
}

/// The members beside the chosen one that may be connected to in its stead.
fn others<'c>(
    route: &Route,
    backend: &Backend,
    chosen: &'c Chosen,
    now: Instant,
) -> Vec<&'c Member> {
    let Timeouts { connect, request, .. } = route.timeouts;
    let used = Use { backend: &backend.name, connect, request };
    let ejection = &route.selection.ejection;
    let members = chosen.set().members.iter().enumerate();
    // Each begins where it is, so that those behind it share what it can't take.
    let (before, after): (Vec<_>, Vec<_>) = members
        .filter(|(index, member)| {
            *index != chosen.index
                && member.is_available(ejection, now)
                && !member.endpoint.is_passed_over(used, now)
        })
        .partition(|(index, _)| *index < chosen.index);
    after.into_iter().chain(before).map(|(_, member)| member).collect()
}

//! One try: choose an endpoint, send the request to it, and note what that says of the endpoint.

use super::{
    Exchange,
    decide::ForwardPlan,
    downstream::Downstream,
    selection::{Choice, Choosing, Chosen},
};
use crate::{
    endpoint::Failure,
    refusal::Refusal,
    request::RequestBody,
    table::{Backend, Route, Target, Timeouts},
    upstream::{UpstreamError, UpstreamResponse},
};
use http::request::Parts;
use hyper::body::Body;
use std::time::Instant;
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
        let (member, ejection) = (chosen.member(), &route.selection.ejection);
        let (in_flight, sent_at) = (member.endpoint.begin(), state.deadline.now());
        let has_body = !body.is_end_stream();
        let sending = self.shared.upstreams.send(
            backend,
            &member.endpoint,
            head,
            body,
            &state.deadline,
            &route.timeouts,
        );
        let sent = sending.await;
        let now = state.deadline.now();
        let failure = match &sent {
            Ok(received) => {
                self.in_flight = Some(in_flight);
                if let Some(sent_at) = self.sent_whole_at(sent_at, has_body) {
                    let took = now.saturating_duration_since(sent_at);
                    member.endpoint.took(took.saturating_sub(received.connecting), now);
                }
                let status = received.response.status();
                status.is_server_error().then_some(Failure::Status(status.as_u16()))
            }
            Err(error) => self.endpoints_failure(error),
        };
        match failure {
            Some(why) => chosen.set().failed(member, why, ejection, now),
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

    /// Notes for the access log what was chosen.
    fn note_chosen(&mut self, backend: &Backend, chosen: Option<&Chosen>) {
        if let Some(fields) = &mut self.record.log {
            fields.backend = Some(backend.name.clone());
            fields.endpoint = chosen.map(|chosen| chosen.member().endpoint.address());
            fields.panic = chosen.is_some_and(|chosen| chosen.panic);
        }
    }
}

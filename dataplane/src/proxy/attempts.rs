//! One try: choose an endpoint, send the request to it, and note what that says of the endpoint.
//! What follows a try that fails is in [`retries`](super::retries).

use super::{
    Exchange,
    context::ForwardContext,
    decide::ForwardPlan,
    downstream::Downstream,
    route_state::Sets,
    selection::{Choice, Choosing, Chosen},
};
use crate::{
    endpoint::{Failure, InFlight},
    refusal::Refusal,
    request::{BodyProgress, RequestBody},
    table::{Backend, EndpointLimits, Target},
    upstream::{Bounds, Caller, UpstreamError, UpstreamResponse},
};
use http::{HeaderValue, Response, Version, request::Parts};
use hyper::body::Body;
use std::{
    future::{Future, poll_fn},
    net::SocketAddr,
    pin::pin,
    rc::Rc,
    task::Poll,
    time::{Duration, Instant},
};
use tokio::time::sleep;

/// What of a request decides where it is sent.
#[derive(Debug, Default)]
pub(super) struct Preference {
    /// The hash of what the policy `Hash` is about, if the request has it.
    pub(super) key: Option<u64>,
    /// What its cookie names, whether or not that can be taken.
    pub(super) session: Option<Chosen>,
}

/// Why a try has brought no response.
pub(super) struct Failed {
    pub(super) error: UpstreamError,
    /// Whether `perTry` was exceeded, and not the request's timeout.
    pub(super) is_per_try: bool,
}

impl<D: Downstream> Exchange<'_, D> {
    /// Chooses an endpoint other than those that were `tried`. Waits for the first resolution of an
    /// external name, within the request's timeout.
    pub(super) async fn choose(
        &mut self,
        plan: &ForwardPlan<'_>,
        preference: &Preference,
        limits: Option<EndpointLimits>,
        tried: &[Chosen],
    ) -> Result<Chosen, Refusal> {
        let (route, forward) = (&plan.matched.target, plan.forward);
        // Invariant: only requests with a Route have a plan.
        let state = self.route.clone().ok_or(Refusal::NoRoute)?;
        for _ in 0..=forward.backends().len() {
            let sets = &state.sets(route, forward, &self.shared.registry);
            let choosing = self.choosing(plan, sets, preference, limits, tried);
            let chosen = choosing.choose().inspect_err(|why| self.has_no_endpoint(plan, *why))?;
            match chosen {
                Choice::Endpoint(chosen) => return Ok(chosen),
                Choice::Unresolved(index) => {
                    let backend = &forward.backends()[index];
                    self.note_chosen(backend, None);
                    // Boxed, so that other requests don't carry a resolver's state.
                    Box::pin(self.resolve(backend)).await?;
                }
            }
        }
        Err(Refusal::NameNotResolved)
    }

    /// What a choice depends on now.
    pub(super) fn choosing<'c>(
        &self,
        plan: &'c ForwardPlan<'_>,
        sets: &'c Rc<Sets>,
        preference: &Preference,
        limits: Option<EndpointLimits>,
        tried: &'c [Chosen],
    ) -> Choosing<'c> {
        let (route, forward, key) = (&*plan.matched.target, plan.forward, preference.key);
        let backends = self.route.as_ref().map_or(0, |route| route.backends.next());
        let points = (backends, self.shared.endpoints.next());
        let now = self.downstream.state().deadline.now();
        Choosing { route, forward, sets, now, key, tried, limits, points }
    }

    /// Sends the request to an endpoint, where it has a place, once, and notes what that says of the
    /// endpoint.
    pub(super) async fn attempt(
        &mut self,
        context: &ForwardContext<'_, '_>,
        (chosen, place): (&Chosen, InFlight),
        sent_host: &HeaderValue,
        head: &mut Parts,
        body: &mut RequestBody,
    ) -> Result<UpstreamResponse, Failed> {
        let (plan, downstream) = (context.plan, self.downstream);
        let state = downstream.state();
        let (route, backend) = (&plan.matched.target, &plan.forward.backends()[chosen.backend]);
        self.note_chosen(backend, Some(chosen));
        self.record.tries += 1;
        let (member, selection) = (chosen.member(), &route.selection);
        let (sent_at, has_body) = (state.deadline.now(), !body.is_end_stream());
        let connections = selection.limits.and_then(|limits| limits.connections);
        // HTTP/1.0 has no interim responses (RFC 9110 §15.2).
        let takes_interim = head.version > Version::HTTP_10;
        let on_interim = |mut response: Response<()>, dialled: SocketAddr| {
            if takes_interim {
                let rewrite = context.response_rewrite(backend, sent_host, dialled);
                context.rewrite_interim(&rewrite, &mut response);
                downstream.send_interim(response);
            }
        };
        let sending = self.shared.upstreams.send(
            backend,
            &member.endpoint,
            head,
            body,
            Caller { deadline: &state.deadline, on_interim: &on_interim },
            Bounds { timeouts: &route.timeouts, connections: Some(connections) },
        );
        // Until the response has ended, or the next try begins.
        self.in_flight = Some(place);
        let sent = match within_try(selection.retry.per_try, &state.body, sending).await {
            Some(sent) => sent.map_err(|error| Failed { error, is_per_try: false }),
            None => Err(Failed { error: UpstreamError::too_late(), is_per_try: true }),
        };
        let now = state.deadline.now();
        let failure = match &sent {
            Ok(received) => {
                if let Some(sent_at) = self.sent_whole_at(sent_at, has_body) {
                    let took = now.saturating_duration_since(sent_at);
                    member.endpoint.took(took.saturating_sub(received.connecting), now);
                }
                let status = received.response.status();
                status.is_server_error().then_some(Failure::Status(status.as_u16()))
            }
            Err(failed) => self.endpoints_failure(&failed.error),
        };
        match failure {
            Some(why) => chosen.set().failed(member, why, &selection.ejection, now),
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

    /// Resolves the name of an external backend.
    async fn resolve(&self, backend: &Backend) -> Result<(), Refusal> {
        let Target::External { host, .. } = &backend.target else { return Ok(()) };
        let (shared, deadline) = (self.shared, &self.downstream.state().deadline);
        let resolved = shared.upstreams.resolve(host, deadline).await;
        let addresses = resolved.map_err(|error| {
            let refusal = error.refusal();
            self.has_no_address(backend, refusal);
            refusal
        })?;
        shared.registry.resolved(host, &addresses);
        Ok(())
    }

    /// Notes that no endpoint of any backend can be taken.
    fn has_no_endpoint(&mut self, plan: &ForwardPlan<'_>, why: Refusal) {
        let external = |backend: &&Backend| matches!(backend.target, Target::External { .. });
        let backend = plan.forward.backends().iter().find(external);
        if let (Refusal::AddressNotAllowed, Some(backend)) = (why, backend) {
            self.note_chosen(backend, None);
            self.has_no_address(backend, why);
        }
    }

    /// Notes that no address of an external backend can be dialled.
    fn has_no_address(&self, backend: &Backend, why: Refusal) {
        self.shared.upstreams.stats.connected(false);
        if self.shared.registry.logs_no_address(&backend.name, Instant::now()) {
            let why = why.reason();
            tracing::warn!(backend = backend.name, why, "can't find an address for a backend");
        }
    }

    /// Notes for the access log what was chosen.
    fn note_chosen(&mut self, backend: &Backend, chosen: Option<&Chosen>) {
        if self.record.tries == 0 && chosen.is_some_and(|chosen| chosen.panic) {
            self.record.route.panicked();
        }
        if let Some(fields) = &mut self.record.log {
            fields.backend = Some(backend.name.clone());
            fields.endpoint = chosen.map(|chosen| chosen.member().endpoint.address());
            fields.panic = chosen.is_some_and(|chosen| chosen.panic);
        }
    }
}

/// What comes of a try, unless it takes longer than `limit` without waiting for its client: `None`.
async fn within_try<T>(
    limit: Option<Duration>,
    body: &BodyProgress,
    sending: impl Future<Output = T>,
) -> Option<T> {
    let Some(limit) = limit else { return Some(sending.await) };
    // Boxed, so that requests without a limit don't carry a timer.
    let (mut sending, mut patience) = (pin!(sending), Box::pin(sleep(limit)));
    poll_fn(|cx| {
        if let Poll::Ready(sent) = sending.as_mut().poll(cx) {
            return Poll::Ready(Some(sent));
        }
        while patience.as_mut().poll(cx).is_ready() {
            if !body.awaited.get() {
                return Poll::Ready(None);
            }
            // The time that the client takes is not the endpoint's.
            patience.as_mut().reset(tokio::time::Instant::now() + limit);
        }
        Poll::Pending
    })
    .await
}

//! One try: choose an endpoint, send the request to it, and note what that says of the endpoint.
//! What follows a try that fails is in [`retries`](super::retries).

use super::{
    Exchange,
    arrived::ForwardPlan,
    context::ForwardContext,
    downstream::Downstream,
    headers::{Present, ResponseRewrite},
    route_state::Sets,
    selection::{Choice, Choosing, Chosen, is_full},
    verdict,
};
use crate::{
    endpoint::{Candidates, Failure, InFlight, Use},
    refusal::Refusal,
    request::BodyProgress,
    table::{Backend, EndpointLimits, Route, Target, Timeouts},
    upstream::{Bounds, Caller, RequestToSend, UpstreamError, UpstreamResponse},
};
use http::{HeaderValue, Response, Version};
use hyper::body::Body;
use std::{
    future::{Future, poll_fn},
    iter,
    net::SocketAddr,
    pin::{Pin, pin},
    rc::Rc,
    sync::Arc,
    task::Poll,
    time::{Duration, Instant},
};
use tokio::time::{sleep, timeout};

/// How often a request looks at what is known of a name that other names and tables change beside
/// it.
const MAX_LOOKS: usize = 8;

/// How many other addresses of a name, of each family, may be tried for a request: no more are tried
/// for one connection, and a name may have many.
const MAX_OTHERS: usize = 8;

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

impl From<UpstreamError> for Failed {
    fn from(error: UpstreamError) -> Self {
        Self { error, is_per_try: false }
    }
}

impl<D: Downstream> Exchange<'_, D> {
    /// Chooses an endpoint other than those that were `tried`. Waits for the first look-up of an
    /// external name.
    pub(super) async fn choose(
        &mut self,
        plan: &ForwardPlan<'_>,
        preference: &Preference,
        limits: Option<EndpointLimits>,
        tried: &[Chosen],
    ) -> Result<Chosen, Refusal> {
        let (route, forward) = (&plan.matched.target, plan.terms.forward);
        // Invariant: only requests with a Route have a plan.
        let state = self.route.clone().ok_or(Refusal::NoRoute)?;
        for _ in 0..forward.backends().len() + MAX_LOOKS {
            let sets = &state.sets(route, forward, &self.shared.registry);
            let choosing = self.choosing(plan, sets, preference, limits, tried);
            let chosen = choosing.choose();
            if let (Err(why), []) = (&chosen, tried) {
                self.has_no_endpoint(plan, *why);
            }
            match chosen? {
                Choice::Endpoint(chosen) => return Ok(chosen),
                Choice::Pending(index) => {
                    let backend = &forward.backends()[index];
                    self.note_chosen(backend, None);
                    // Boxed, so that other requests don't carry its state.
                    Box::pin(self.resolved(plan.terms.timeouts, backend, sets.version)).await?;
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
        let (route, forward, key) = (&*plan.matched.target, plan.terms.forward, preference.key);
        let backends = self.route.as_ref().map_or(0, |route| route.backends.next());
        let points = (backends, self.shared.endpoints.next());
        let now = self.downstream.state().deadline.now();
        Choosing { route, forward, sets, now, key, tried, limits, points }
    }

    /// Sends the request to an endpoint, where it has a place, once, and notes what that says of the
    /// endpoint. Where another address of a name was faster, that one is the chosen one then.
    pub(super) async fn attempt(
        &mut self,
        context: &ForwardContext<'_, '_>,
        (chosen, place): (&mut Chosen, InFlight),
        sent_host: &HeaderValue,
        request: RequestToSend<'_>,
    ) -> Result<Box<UpstreamResponse>, Failed> {
        let (plan, downstream) = (context.plan, self.downstream);
        let state = downstream.state();
        let (route, terms) = (&plan.matched.target, &plan.terms);
        let backend = &terms.forward.backends()[chosen.backend];
        self.note_chosen(backend, Some(chosen));
        self.record.tries += 1;
        let (sent_at, has_body) = (state.deadline.now(), !request.body.is_end_stream());
        // That of the try before, whose body may have been awaited when it failed.
        state.body.awaited.set(false);
        let others = others(route, terms.timeouts, backend, chosen, sent_at);
        let (only, many);
        let endpoints = if others.is_empty() {
            only = [&chosen.member().endpoint];
            &only[..]
        } else {
            let all = iter::once(&*chosen).chain(&others);
            many = all.map(|one| &one.member().endpoint).collect::<Vec<_>>();
            &many
        };
        // HTTP/1.0 has no interim responses (RFC 9110 §15.2).
        let takes_interim = request.head.version > Version::HTTP_10;
        let on_interim = |mut response: Response<()>, dialled: SocketAddr| {
            let present = Present::of(response.headers());
            // One that takes long to map is not worth it: it only hints at the final response.
            if takes_interim && !ResponseRewrite::takes_long(response.headers(), present) {
                let rewrite = context.response_rewrite(backend, sent_host, dialled);
                context.rewrite_interim(&rewrite, &mut response);
                downstream.send_interim(response);
            }
        };
        let caller = Caller { deadline: &state.deadline, on_interim: &on_interim };
        let connections = route.selection.limits.and_then(|limits| limits.connections);
        let bounds = Bounds { timeouts: terms.timeouts, connections: Some(connections) };
        let candidates = Candidates::of_request(endpoints, place);
        let sent = {
            let upstreams = &self.shared.upstreams;
            let sending = pin!(upstreams.send(backend, &candidates, request, caller, bounds));
            match terms.retry.per_try {
                None => sending.await.map_err(Failed::from),
                // Boxed, so that requests without a limit don't carry a timer.
                Some(limit) => Box::pin(within_try(limit, &state.body, sending)).await,
            }
        };
        let (taken, refused);
        (taken, self.in_flight, refused) = candidates.into_parts();
        let now = state.deadline.now();
        // Those that were tried beside each other have each failed for themselves.
        for index in &refused {
            let refused = index.checked_sub(1).and_then(|index| others.get(index));
            refused.unwrap_or(chosen).failed(Failure::Connect, now);
        }
        if let Some(winner) = taken.checked_sub(1).and_then(|index| others.get(index)) {
            chosen.clone_from(winner);
            self.note_chosen(backend, Some(chosen));
        }
        if !refused.contains(&taken) {
            self.judge(chosen, &sent, self.sent_whole_at(sent_at, has_body));
        }
        sent
    }

    /// Notes what the outcome of a try, of which the endpoint has had all since `sent_at`, says of
    /// the endpoint.
    fn judge(
        &self,
        chosen: &Chosen,
        sent: &Result<Box<UpstreamResponse>, Failed>,
        sent_at: Option<Instant>,
    ) {
        let (endpoint, now) = (&chosen.member().endpoint, self.downstream.state().deadline.now());
        let (failure, is_known) = match sent {
            Ok(received) if received.response.status().is_server_error() => {
                // How fast it fails says nothing of how fast it serves.
                (Some(Failure::Status(received.response.status().as_u16())), true)
            }
            Ok(received) => {
                if let Some(sent_at) = sent_at {
                    let took = now.saturating_duration_since(sent_at);
                    endpoint.took(took.saturating_sub(received.connecting), now);
                }
                (None, !verdict::depends_on_body(&received.response))
            }
            Err(failed) => (self.endpoints_failure(&failed.error), false),
        };
        match failure {
            Some(why) => chosen.failed(why, now),
            None if is_known => endpoint.succeeded(),
            None => {}
        }
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

    /// Waits until the name of an external backend has been looked up, and what is known of endpoints
    /// is newer than this version, for as long as connecting to it may take.
    async fn resolved(
        &self,
        timeouts: &Timeouts,
        backend: &Backend,
        version: u64,
    ) -> Result<(), Refusal> {
        let Target::External { host, .. } = &backend.target else { return Ok(()) };
        let Timeouts { connect, request, .. } = *timeouts;
        let looked_up = self.shared.registry.looked_up(host, version);
        let left = self.downstream.state().deadline.left();
        match [connect, request, left].into_iter().flatten().min() {
            Some(limit) => timeout(limit, looked_up).await.map_err(|_| Refusal::NameNotResolved)?,
            None => looked_up.await,
        }
        Ok(())
    }

    /// Notes that no endpoint of any backend can be taken.
    fn has_no_endpoint(&mut self, plan: &ForwardPlan<'_>, why: Refusal) {
        let external = |backend: &&Arc<Backend>| matches!(backend.target, Target::External { .. });
        let backend = plan.terms.forward.backends().iter().find(external);
        if let (Refusal::AddressNotAllowed | Refusal::NameNotResolved, Some(backend)) =
            (why, backend)
        {
            self.note_chosen(backend, None);
            self.shared.upstreams.stats.connected(&backend.name, false);
        }
    }

    /// Notes for the access log what was chosen.
    fn note_chosen(&mut self, backend: &Backend, chosen: Option<&Chosen>) {
        if self.record.tries == 0 && chosen.is_some_and(|chosen| chosen.panic) {
            self.record.route.panicked();
        }
        if let Some(noted) = &mut self.record.log {
            let endpoint = chosen.map(|chosen| chosen.member().endpoint.address());
            noted.selected(&backend.name, endpoint, chosen.is_some_and(|chosen| chosen.panic));
        }
    }
}

/// What comes of a try, which fails if it takes longer than `limit` without waiting for its client.
async fn within_try<T>(
    limit: Duration,
    body: &BodyProgress,
    mut sending: Pin<&mut impl Future<Output = Result<T, UpstreamError>>>,
) -> Result<T, Failed> {
    let mut patience = pin!(sleep(limit));
    poll_fn(|cx| {
        if let Poll::Ready(sent) = sending.as_mut().poll(cx) {
            return Poll::Ready(sent.map_err(Failed::from));
        }
        while patience.as_mut().poll(cx).is_ready() {
            if !body.awaited.get() {
                let error = UpstreamError::too_late();
                return Poll::Ready(Err(Failed { error, is_per_try: true }));
            }
            // The time that the client takes is not the endpoint's.
            patience.as_mut().reset(tokio::time::Instant::now() + limit);
        }
        Poll::Pending
    })
    .await
}

/// The endpoints beside the chosen one that may be connected to in its stead: other addresses of an
/// external name.
fn others(
    route: &Route,
    timeouts: &Timeouts,
    backend: &Backend,
    chosen: &Chosen,
    now: Instant,
) -> Vec<Chosen> {
    match &backend.target {
        Target::Endpoints(_) => return Vec::new(),
        Target::External { .. } => {}
    }
    let limits = route.selection.limits.as_ref();
    let Timeouts { connect, request, .. } = *timeouts;
    let used = Use { backend: &backend.name, connect, request };
    let ejection = &route.selection.ejection;
    let members = &chosen.set().members;
    let mut room = [MAX_OTHERS; 2];
    // Each begins where it is, so that those behind it share what it can't take.
    let behind = (1..members.len()).map(|step| (chosen.index + step) % members.len());
    let others = behind.filter(|index| {
        let member = &members[*index];
        let room = &mut room[usize::from(member.endpoint.address().is_ipv6())];
        let may_be_tried = *room > 0
            && member.is_available(ejection, now)
            && !member.endpoint.is_passed_over(used, now)
            && !is_full(limits, &member.endpoint);
        *room -= usize::from(may_be_tried);
        may_be_tried
    });
    others.map(|index| chosen.at(index)).collect()
}

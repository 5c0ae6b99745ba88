//! Tries until one brings a response that the client gets: the loop around one [try](super::attempts).

use super::{
    Exchange,
    arrived::ForwardPlan,
    attempts::{Failed, Preference},
    context::ForwardContext,
    downstream::Downstream,
    headers::RequestRewrite,
    retry::{self, Waits, When},
    selection::Chosen,
};
use crate::{
    endpoint::{Failure, InFlight},
    random::random,
    refusal::Refusal,
    request::{AddedFields, RequestBody},
    table::Retry,
    telemetry::{RequestRecord, RetryReason},
    upstream::{RequestToSend, UpstreamBody, UpstreamResponse},
};
use http::{HeaderValue, Response, request::Parts};
use hyper::body::Body;
use std::{
    pin::Pin,
    task::{Context, Poll, Waker},
    time::{Duration, SystemTime},
};

/// How many pieces of the body of a response that nobody gets are read, so that its connection can
/// be used again. One that needs more is closed.
const MAX_DISCARDED: usize = 16;

/// A response that the client gets, and what is to be known of the try that brought it.
pub(super) struct Answered {
    pub(super) received: Box<UpstreamResponse>,
    pub(super) chosen: Chosen,
    /// The Host that the backend got.
    pub(super) sent_host: HeaderValue,
    /// Whether the endpoint of the client's session was tried, and accepts connections.
    pub(super) keeps_session: bool,
}

/// A request that may be sent more than once.
struct Resendable<'r> {
    context: &'r ForwardContext<'r, 'r>,
    head: &'r mut Parts,
    body: RequestBody,
    /// The client's head, where another backend may get it, or the head of a response may take the
    /// place of the one that was sent.
    client_head: Option<Box<Parts>>,
    /// The same body from its beginning, where it may be sent after some of it was.
    again: Option<RequestBody>,
    is_idempotent: bool,
    /// Whether each try is a span, whose id its head has.
    has_spans: bool,
    /// The backend that `head` is for.
    prepared: Option<usize>,
    /// The Host that it gets, and the fields that it gets beside the head's.
    host: HeaderValue,
    added: AddedFields,
}

/// A further try.
struct Next {
    reason: RetryReason,
    chosen: Chosen,
    place: InFlight,
    wait: Duration,
    is_unsent: bool,
}

/// The tries so far.
struct Tries<'p> {
    tried: Vec<Chosen>,
    waits: Waits,
    preference: &'p Preference,
}

impl<D: Downstream> Exchange<'_, D> {
    /// Sends the request, again if need be, until a response comes that the client gets.
    pub(super) async fn send(
        &mut self,
        context: &ForwardContext<'_, '_>,
        preference: &Preference,
        head: &mut Parts,
        body: RequestBody,
    ) -> Result<Answered, Refusal> {
        let plan = context.plan;
        let retry = plan.terms.retry;
        let mut request = Resendable::new(context, head, body, retry, self.has_spans());
        let mut tries = Tries { tried: Vec::new(), waits: Waits::new(retry.backoff), preference };
        self.count_for_budget(plan);
        let (mut chosen, mut place) = match self.place_at_once(plan, preference) {
            Some(placed) => placed,
            // Boxed, so that requests that need not wait don't carry its state.
            None => Box::pin(self.place(plan, preference)).await?,
        };
        let mut keeps_session = preference.session.as_ref().is_some_and(|home| home.is(&chosen));
        loop {
            let backend = &plan.terms.forward.backends()[chosen.backend];
            if request.takes_long() {
                Box::pin(self.take_turn()).await?;
            }
            let (sent_host, sent) = request.prepare(chosen.backend, &mut self.record)?;
            self.turn = None;
            self.try_begins(backend, &chosen, sent_host, sent.head);
            let outcome = self.attempt(context, (&mut chosen, place), sent_host, sent).await;
            // What is refused here says nothing of the endpoint, and stays as it is.
            let refusal = outcome.as_ref().err().map(|failed| self.failed(backend, &failed.error));
            self.try_ended(&chosen, &outcome, refusal);
            let reason = self.reason(&outcome).filter(|reason| retry::applies(&retry.on, *reason));
            let next = match reason {
                // Boxed, so that requests whose first try succeeds don't carry its state.
                Some(reason) => {
                    Box::pin(self.next(plan, &request, &mut tries, &chosen, &outcome, reason)).await
                }
                None => None,
            };
            let Some(next) = next else {
                let sent_host = request.host;
                let answered =
                    outcome.map(|received| Answered { received, chosen, sent_host, keeps_session });
                return answered.map_err(|_| refusal.unwrap_or(Refusal::BackendBroken));
            };
            if let Ok(received) = outcome {
                discard(received.response);
            }
            keeps_session &= next.reason != RetryReason::ConnectFailure;
            let may_follow = (tries.tried.len() as u32) < retry.attempts;
            request.again(next.is_unsent, may_follow);
            if !next.wait.is_zero() {
                Box::pin(tokio::time::sleep(next.wait)).await;
            }
            (chosen, place) = (next.chosen, next.place);
        }
    }

    /// The next try, if there is to be one: at another endpoint, or where there is none at the same,
    /// unless that is sure to fail.
    async fn next(
        &mut self,
        plan: &ForwardPlan<'_>,
        request: &Resendable<'_>,
        tries: &mut Tries<'_>,
        chosen: &Chosen,
        outcome: &Result<Box<UpstreamResponse>, Failed>,
        reason: RetryReason,
    ) -> Option<Next> {
        let retry = plan.terms.retry;
        let is_unsent = outcome
            .as_ref()
            .err()
            .is_some_and(|failed| !failed.is_per_try && failed.error.is_unsent());
        if tries.tried.len() as u32 >= retry.attempts || !request.may_go(is_unsent) {
            return None;
        }
        tries.tried.push(chosen.clone());
        let when = match outcome {
            Ok(received) => {
                let response = &received.response;
                When::of(response.status().as_u16(), response.headers(), SystemTime::now())
            }
            Err(_) => When::Usual,
        };
        let another = self.free_place(plan, tries.preference, &tries.tried).await.ok();
        let wait = match when {
            When::After(wait) => wait,
            When::Elsewhere => Duration::ZERO,
            // Another endpoint has not failed yet.
            When::Usual if another.is_some() && tries.tried.len() == 1 => Duration::ZERO,
            When::Usual => tries.waits.next(random()),
        };
        let is_in_vain = reason == RetryReason::ConnectFailure || when == When::Elsewhere;
        let is_late = self.downstream.state().deadline.left().is_some_and(|left| left <= wait);
        if (another.is_none() && is_in_vain) || is_late {
            return None;
        }
        if !is_unsent && !self.budget_allows(plan, retry) {
            self.record.route.suppressed();
            return None;
        }
        self.record.route.retried(reason);
        let own = self.in_flight.take();
        let (chosen, place) = another.or_else(|| tries.tried.last().cloned().zip(own))?;
        Some(Next { reason, chosen, place, wait, is_unsent })
    }

    /// What failed, as far as `retry.on` has a name for it.
    fn reason(&self, outcome: &Result<Box<UpstreamResponse>, Failed>) -> Option<RetryReason> {
        let failed = match outcome {
            Ok(received) => return Some(RetryReason::Status(received.response.status().as_u16())),
            Err(failed) => failed,
        };
        let is_final = self.downstream.state().body.failure.get().is_some()
            || failed.error.broken_rule().is_some();
        match failed.error.failure().filter(|_| !is_final)? {
            Failure::Connect => Some(RetryReason::ConnectFailure),
            Failure::Reset => Some(RetryReason::Reset),
            Failure::Timeout => failed.is_per_try.then_some(RetryReason::PerTryTimeout),
            Failure::Status(_) => None,
        }
    }

    fn count_for_budget(&self, plan: &ForwardPlan<'_>) {
        let route = &plan.matched.target;
        if let Some(state) = self.route.as_ref().filter(|_| plan.terms.retry.attempts > 0) {
            let second = self.shared.registry.second(self.downstream.state().deadline.now());
            state.retries(&self.shared.registry, route).count(second);
        }
    }

    fn budget_allows(&self, plan: &ForwardPlan<'_>, retry: &Retry) -> bool {
        let second = self.shared.registry.second(self.downstream.state().deadline.now());
        self.route.as_ref().is_some_and(|state| {
            let share = state.retries(&self.shared.registry, &plan.matched.target);
            share.take(second, retry.budget)
        })
    }
}

impl<'r> Resendable<'r> {
    fn new(
        context: &'r ForwardContext<'r, 'r>,
        head: &'r mut Parts,
        body: RequestBody,
        retry: &Retry,
        has_spans: bool,
    ) -> Self {
        let is_idempotent = retry::is_idempotent(&head.method);
        let may_follow = retry.attempts > 0;
        let has_others = context.plan.terms.forward.backends().len() > 1;
        let may_be_replaced = is_idempotent && !retry.on.statuses.is_empty();
        let is_kept = may_follow && (has_others || may_be_replaced || has_spans);
        let client_head = is_kept.then(|| Box::new(head.clone()));
        let again = (may_follow && is_idempotent && !body.is_long()).then(|| body.fork());
        let (again, prepared, added) = (again.flatten(), None, AddedFields::default());
        let host = HeaderValue::from_static("");
        Self {
            context,
            head,
            body,
            client_head,
            again,
            is_idempotent,
            has_spans,
            prepared,
            host,
            added,
        }
    }

    /// Whether it may take long to make the head that a backend gets.
    fn takes_long(&self) -> bool {
        let present = self.context.destination.present;
        RequestRewrite::takes_long(&self.head.method, &self.head.headers, present)
    }

    /// Makes the request that the backend at this index gets; returns its Host, too.
    fn prepare(
        &mut self,
        index: usize,
        record: &mut RequestRecord,
    ) -> Result<(&HeaderValue, RequestToSend<'_>), Refusal> {
        if self.prepared != Some(index) {
            if self.prepared.is_some()
                && let Some(head) = &self.client_head
            {
                *self.head = (**head).clone();
            }
            let backend = &self.context.plan.terms.forward.backends()[index];
            let (id, trace) = (&record.id, record.trace.as_deref_mut());
            (self.host, self.added) = self.context.prepare(backend, id, trace, self.head)?;
            self.prepared = Some(index);
        }
        let Self { head, host, added, body, .. } = self;
        Ok((host, RequestToSend { head, added, body }))
    }

    /// Whether it may be sent again after a try of which something, or nothing, was sent.
    fn may_go(&self, is_unsent: bool) -> bool {
        let is_kept = |again: &RequestBody| again.is_short() && again.has_rest();
        is_unsent || (self.is_idempotent && self.again.as_ref().is_some_and(is_kept))
    }

    /// Makes it ready to be sent again.
    fn again(&mut self, is_unsent: bool, may_follow: bool) {
        if self.has_spans {
            self.prepared = self.prepared.map(|_| usize::MAX);
        }
        if is_unsent {
            return;
        }
        if let Some(body) = self.again.take() {
            self.again = if may_follow { body.fork() } else { None };
            self.body = body;
        }
        // The head of a response may have taken the place of the one that was sent.
        if self.client_head.is_some() {
            self.prepared = self.prepared.map(|_| usize::MAX);
        }
    }
}

/// Reads the rest of a response that nobody gets, as far as it is there: then its connection can be
/// used again. Otherwise it is closed.
fn discard(response: Response<UpstreamBody>) {
    let mut body = response.into_body();
    let mut cx = Context::from_waker(Waker::noop());
    for _ in 0..MAX_DISCARDED {
        match Pin::new(&mut body).poll_frame(&mut cx) {
            Poll::Ready(Some(Ok(_))) => {}
            Poll::Ready(Some(Err(_)) | None) | Poll::Pending => return,
        }
    }
}

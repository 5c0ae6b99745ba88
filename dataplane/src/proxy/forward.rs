//! Forwarding: prepare the request, send it, rewrite the response. That it may take several tries
//! until there is one is a matter of [`retries`](super::retries).

use super::{
    Exchange, affinity,
    arrived::{Arrived, ForwardPlan},
    attempts::Preference,
    context::ForwardContext,
    downstream::Downstream,
    hash_key::hash_key,
    headers::{Field, Present, ResponseRewrite, hop_by_hop, remove_always, trailers},
    response_body::Content,
    retries::Answered,
    selection::Chosen,
    verdict::Verdict,
};
use crate::{
    refusal::Refusal,
    request::{Incoming, RequestBody, TrailerFilter},
    table::Scheme,
    upstream::UpstreamResponse,
};
use http::{HeaderMap, HeaderValue, Response, StatusCode, Version, header, request::Parts};
use hyper::body::Body;

impl<D: Downstream> Exchange<'_, D> {
    /// Sends the request to a backend and returns its response.
    pub(super) async fn forward(
        &mut self,
        arrived: &Arrived<'_>,
        plan: &ForwardPlan<'_>,
        head: &mut Parts,
        body: Incoming,
    ) -> Result<Response<Content>, Refusal> {
        let (downstream, state) = (self.downstream, self.downstream.state());
        if plan.avoids_preflight {
            self.record.route.cors.avoided();
            downstream.record_saved_trip(&self.record.route);
        }
        let upgrade = downstream.offers_upgrade() && hop_by_hop::asks_for_websocket(&head.headers);
        let (peer, via) = (downstream.peer(), &self.shared.via);
        // Invariant: only requests with a destination have a plan.
        let destination = arrived.destination.as_ref().ok_or(Refusal::NoHost)?;
        let context = ForwardContext { peer, via, arrived, destination, plan, upgrade };
        // A body of HTTP/1.1 with a known length has no trailer section.
        let ended = body.is_end_stream()
            || (head.version < Version::HTTP_2 && body.size_hint().exact().is_some());
        let trailers = match ended {
            true => TrailerFilter::default(),
            false => trailers::of_request(
                &head.headers,
                arrived.request_edits(),
                arrived.deciding_headers(),
            ),
        };
        let body = RequestBody::new(body, state, self.shared.limits.body_bytes, trailers);

        let timeouts = plan.terms.timeouts;
        let sent_at = state.deadline.now();
        state.body.timeout.set(timeouts.request);
        state.body.idle.set(timeouts.idle);
        state.deadline.set(state.body.wait(body.is_end_stream()));
        let preference = self.preference(&context, &head.headers);
        let changes = context.keep_cookies_apart(&mut head.headers);
        self.record.route.isolated(&changes);
        let answered = self.send(&context, &preference, head, body).await?;
        self.record.upstream = Some(state.deadline.now().saturating_duration_since(sent_at));
        self.idle = timeouts.idle;
        state.body.timeout.set(self.idle);
        let session = self.new_session(&context, &preference, &answered);
        let affinity = plan.matched.target.selection.affinity.as_ref();
        let headers = answered.received.response.headers();
        let present = Present::of(headers);
        if ResponseRewrite::takes_long(headers, present) {
            Box::pin(self.take_turn()).await?;
        }
        let mut response = self.rewrite_response(&context, answered, present)?;
        if let Some(affinity) = affinity {
            affinity::remove_set_cookies(response.headers_mut(), &affinity.cookie);
        }
        if let Some(cookie) = session {
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
        Ok(response)
    }

    /// What of a request decides where it is sent.
    fn preference(&self, context: &ForwardContext<'_, '_>, headers: &HeaderMap) -> Preference {
        let (plan, host) = (context.plan, context.destination.virtual_host);
        let route = &plan.matched.target;
        let policy = &route.selection.balance.policy;
        let key = hash_key(policy, headers, self.record.client, context.arrived.kept_apart());
        let affinity = route.selection.affinity.as_ref();
        let session = affinity.zip(self.route.as_ref()).and_then(|(affinity, state)| {
            let sets = &state.sets(route, plan.terms.forward, &self.shared.registry);
            let (backend, index) =
                sets.sessions(&host.uid, plan.terms.forward).find(headers, affinity)?;
            Chosen::of(sets, backend, index, false)
        });
        Preference { key, session }
    }

    /// The cookie that the client gets: where it has no session yet, or another one now, or one that
    /// is renewed.
    fn new_session(
        &self,
        context: &ForwardContext<'_, '_>,
        preference: &Preference,
        answered: &Answered,
    ) -> Option<HeaderValue> {
        let affinity = context.plan.matched.target.selection.affinity.as_ref()?;
        let home = match preference.session.as_ref().filter(|_| answered.keeps_session) {
            Some(_) if affinity.max_age.is_none() => return None,
            Some(session) => session,
            None => &answered.chosen,
        };
        let host = context.destination.virtual_host;
        let sessions = home.sets().sessions(&host.uid, context.plan.terms.forward);
        let is_https = context.destination.client.scheme == Scheme::Https;
        sessions.id(home.backend, home.index)?.set_cookie(affinity, is_https)
    }

    /// Rewrites a backend's response, which has `present`, for the front door.
    fn rewrite_response(
        &mut self,
        context: &ForwardContext<'_, '_>,
        answered: Answered,
        present: Present,
    ) -> Result<Response<Content>, Refusal> {
        let Answered { received, chosen, sent_host, .. } = answered;
        let backend = &context.plan.terms.forward.backends()[chosen.backend];
        let UpstreamResponse { mut response, address, upgraded: tunnel, .. } = *received;
        *response.version_mut() = Version::HTTP_11;
        let upgraded = response.status() == StatusCode::SWITCHING_PROTOCOLS;
        if upgraded && !context.upgrade {
            self.record.malformed(&backend.name, "a 101 that nobody asked for");
            return Err(Refusal::BackendMalformed);
        }
        if upgraded && !self.downstream.is_accepted(response.headers()) {
            self.record.malformed(&backend.name, "a 101 that does not answer the key");
            return Err(Refusal::BackendMalformed);
        }
        let announced = present.has(Field::Trailer);
        let trailers = match announced || response.body().may_have_trailers() {
            true => trailers::of_response(response.headers(), context.arrived.response_edits()),
            false => TrailerFilter::default(),
        };
        hop_by_hop::remove_from_response(response.headers_mut(), present, upgraded);
        self.record.route.isolated(&remove_always(response.headers_mut(), present));
        if announced {
            trailers.announce(response.headers_mut());
        }
        if upgraded || response.status() == StatusCode::NO_CONTENT {
            // They have no content, and so no length, to HEAD neither (RFC 9110 §8.6).
            response.headers_mut().remove(header::CONTENT_LENGTH);
        }
        let rewrite = context.response_rewrite(backend, &sent_host, address);
        rewrite.apply(response.headers_mut(), present);
        self.upgraded = tunnel;
        let verdict = Verdict::awaited(chosen, &response);
        // That of a tunnel goes with its stream.
        let in_flight = if upgraded { None } else { self.in_flight.take() };
        Ok(response.map(|body| Content::Upstream(body, trailers, verdict, in_flight)))
    }
}

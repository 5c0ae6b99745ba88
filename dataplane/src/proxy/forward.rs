//! Forwarding: choose an endpoint of a backend, prepare the request, send it, rewrite the response.

use super::{
    Exchange,
    decide::{Arrived, Destination, ForwardPlan},
    downstream::Downstream,
    hash_key::hash_key,
    headers::{
        self, Field, Outbound, Present, RequestRewrite, ResponseRewrite, Via, hop_by_hop, trailers,
    },
    peer::Peer,
    response_body::Content,
};
use crate::{
    endpoint::Failure,
    refusal::Refusal,
    request::{Incoming, RequestBody, TrailerFilter},
    table::{Backend, Protocol},
    upstream::UpstreamResponse,
};
use http::{HeaderValue, Method, Response, StatusCode, Version, header, request::Parts};
use hyper::body::Body;

/// How many endpoints are dialled before a request fails.
const MAX_DIALS: usize = 3;

/// How a request is forwarded, regardless of the backend.
#[derive(Clone, Copy)]
pub(crate) struct ForwardContext<'a, 't> {
    /// The other end of the client's connection.
    pub(crate) peer: &'a Peer,
    /// This install's name in `Via`.
    pub(crate) via: &'a Via,
    /// What is known about the request.
    pub(crate) arrived: &'a Arrived<'t>,
    /// Its virtual host and client.
    pub(crate) destination: &'a Destination<'t>,
    /// The backends, and their path.
    pub(crate) plan: &'a ForwardPlan<'t>,
    /// Whether the request becomes a WebSocket.
    pub(crate) upgrade: bool,
}

impl ForwardContext<'_, '_> {
    /// Turns the client's head into that for `backend`; returns the backend's Host.
    pub(crate) fn prepare(
        &self,
        backend: &Backend,
        id: &HeaderValue,
        head: &mut Parts,
    ) -> Result<HeaderValue, Refusal> {
        let outbound = Outbound {
            peer: self.peer,
            client: &self.destination.client,
            route: &self.plan.matched.target,
            backend,
            id,
            via: self.via,
            version: head.version,
            upgrade: self.upgrade,
        };
        let rewrite = RequestRewrite {
            client: &self.destination.client,
            virtual_host: self.destination.virtual_host,
            backend,
            forward: self.plan.forward,
        };
        rewrite.apply(&head.method, &mut head.headers)?;
        let present = Present::of(&head.headers);
        let announced = present.has(Field::Trailer);
        let trailers = announced.then(|| trailers::of_request(&head.headers, self.plan.matched));
        if head.method == Method::OPTIONS {
            headers::count_hop(&mut head.headers);
        }
        let host = outbound.prepare(&mut head.headers, present);
        if let Some(trailers) = trailers {
            trailers.announce(&mut head.headers);
        }
        let path = self.arrived.target_path(self.plan);
        head.uri = headers::target(path, &head.uri, &backend.protocol, &host)?;
        Ok(host)
    }
}

/// Refuses an `upgrade` to WebSocket that `backend` can't get: over HTTP/2 it would need extended
/// CONNECT (RFC 8441), and as a plain GET it would mean something else.
pub(crate) fn admit_upgrade(upgrade: bool, backend: &Backend) -> Result<(), Refusal> {
    match backend.protocol {
        Protocol::H2c if upgrade => Err(Refusal::UpgradeUnsupported),
        Protocol::H2c | Protocol::Http1 | Protocol::Https(_) => Ok(()),
    }
}

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
        let policy = &plan.matched.target.selection.balance.policy;
        let key = hash_key(policy, &head.headers, self.record.client);
        let mut chosen = self.choose(plan, key, &[]).await?;
        let backend = &plan.forward.backends()[chosen.backend];
        let upgrade = downstream.offers_upgrade() && hop_by_hop::asks_for_websocket(&head.headers);
        admit_upgrade(upgrade, backend)?;
        let (peer, via) = (downstream.peer(), &self.shared.via);
        // Invariant: only requests with a destination have a plan.
        let destination = arrived.destination.as_ref().ok_or(Refusal::NoHost)?;
        let context = ForwardContext { peer, via, arrived, destination, plan, upgrade };
        // A body of HTTP/1.1 with a known length has no trailer section.
        let ended = body.is_end_stream()
            || (head.version < Version::HTTP_2 && body.size_hint().exact().is_some());
        let trailers = match ended {
            true => TrailerFilter::default(),
            false => trailers::of_request(&head.headers, plan.matched),
        };
        let sent_host = context.prepare(backend, &self.record.id, head)?;
        let mut body = RequestBody::new(body, state, self.shared.limits.body_bytes, trailers);

        let timeouts = &plan.matched.target.timeouts;
        let sent_at = state.deadline.now();
        state.body.timeout.set(timeouts.request);
        state.body.idle.set(timeouts.idle);
        state.deadline.set(state.body.wait(body.is_end_stream()));
        let mut tried = Vec::new();
        let received = loop {
            let error = match self.attempt(plan, &chosen, head, &mut body).await {
                Ok(received) => break received,
                Err(error) => error,
            };
            let refusal = self.failed(backend, &error);
            let may_try = error.failure() == Some(Failure::Connect) && error.is_unsent();
            let own = chosen.backend;
            tried.push(chosen);
            if !may_try || tried.len() >= MAX_DIALS {
                return Err(refusal);
            }
            match self.choose(plan, key, &tried).await {
                Ok(next) if next.backend == own => chosen = next,
                Ok(_) | Err(_) => return Err(refusal),
            }
        };
        self.record.upstream = Some(state.deadline.now().saturating_duration_since(sent_at));
        self.idle = timeouts.idle;
        state.body.timeout.set(self.idle);
        self.rewrite_response(&context, backend, &sent_host, received)
    }

    /// Rewrites a backend's response for the front door.
    fn rewrite_response(
        &mut self,
        context: &ForwardContext<'_, '_>,
        backend: &Backend,
        sent_host: &HeaderValue,
        received: UpstreamResponse,
    ) -> Result<Response<Content>, Refusal> {
        let mut response = received.response;
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
        let present = Present::of(response.headers());
        let announced = present.has(Field::Trailer);
        let trailers = match announced || response.body().may_have_trailers() {
            true => trailers::of_response(response.headers(), context.plan.matched),
            false => TrailerFilter::default(),
        };
        hop_by_hop::remove_from_response(response.headers_mut(), present, upgraded);
        if announced {
            trailers.announce(response.headers_mut());
        }
        if upgraded || response.status() == StatusCode::NO_CONTENT {
            // They have no content, and so no length, to HEAD neither (RFC 9110 §8.6).
            response.headers_mut().remove(header::CONTENT_LENGTH);
        }
        let rewrite = ResponseRewrite {
            client: &context.destination.client,
            backend,
            sent_host,
            dialled: received.address,
            forward: context.plan.forward,
            pattern: &context.plan.matched.path,
            path: context.arrived.path.as_deref().unwrap_or_default(),
        };
        rewrite.apply(response.headers_mut(), present);
        self.upgraded = received.upgraded;
        // That of a tunnel goes with its stream.
        let in_flight = if upgraded { None } else { self.in_flight.take() };
        Ok(response.map(|body| Content::Upstream(body, trailers, in_flight)))
    }
}

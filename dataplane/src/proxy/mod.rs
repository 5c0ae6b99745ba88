//! The pipeline: what happens to a request, phase by phase. [`handle`] is all of it on one page;
//! [`Arrived::decide`] is the part without I/O.

mod affinity;
mod arrived;
mod attempts;
mod context;
mod decide;
mod downstream;
mod forward;
mod grpc;
mod hash_key;
mod headers;
mod interim;
mod local_reply;
mod peer;
mod places;
mod request_id;
mod response_body;
mod retries;
mod retry;
mod route_state;
mod rules;
mod selection;
mod shared;
mod strict_transport;
mod target;
mod traced;
mod turns;
mod verdict;

pub(crate) use arrived::{Arrived, Destination, Facts, ForwardPlan, Next};
pub(crate) use context::ForwardContext;
pub(crate) use decide::routed;
pub(crate) use downstream::{Downstream, Upgraded};
pub(crate) use headers::{Present, Via, hop_by_hop, remove_always, removed_names};
pub(crate) use local_reply::{preflight, refuse};
pub(crate) use peer::{ClientCertificate, Peer, Session};
pub(crate) use response_body::ResponseBody;
pub(crate) use shared::Shared;
pub(crate) use target::Host;

use crate::{
    cors::ResponseHeaders,
    endpoint::InFlight,
    refusal::Refusal,
    request::Incoming,
    router,
    rules::Effects,
    table::Table,
    telemetry::{RequestRecord, RuleOwner},
    upstream::Tunnel,
};
use bytes::Bytes;
use http::{HeaderValue, Method, Response, StatusCode, Version, header, request::Parts};
use hyper::body::Body;
use response_body::Content;
use route_state::RouteState;
use std::{convert::Infallible, future::poll_fn, rc::Rc, time::Duration};
use strict_transport::StrictTransport;
use turns::Turn;

/// How long a client may take to accept a response that Portico generates.
const LOCAL_REPLY_TIMEOUT: Duration = Duration::from_secs(30);

/// Serves one request. Never fails: a refusal is a response too. The head is boxed because an `async`
/// function keeps what it is given beside what it makes of it, for as long as it runs.
pub(crate) async fn handle<D: Downstream>(
    shared: Rc<Shared>,
    downstream: Rc<D>,
    mut head: Box<Parts>,
    body: Incoming,
) -> Result<Response<ResponseBody<D>>, Infallible> {
    downstream.begin();
    poll_fn(|cx| downstream.poll_turn(cx)).await;
    let (method, version) = (head.method.clone(), head.version);
    let is_grpc = grpc::is_call(version, &head.headers);
    let id = shared.ids.next();
    let start = downstream.state().deadline.now();
    let unrouted = shared.routes.unrouted().clone();
    let (client, log) = (downstream.peer().address.ip(), shared.access_log.as_ref());
    let mut record = RequestRecord::new(start, unrouted, id, client, log);
    record.trace = shared.tracer.as_ref().map(|tracer| tracer.trace(&head.headers));
    let table = shared.table();
    let mut exchange = Exchange {
        shared: &shared,
        downstream: &downstream,
        table: &table,
        record: Box::new(record),
        route: None,
        turn: None,
        response_headers: ResponseHeaders::default(),
        strict_transport: StrictTransport::of_connection(downstream.peer()),
        idle: Some(LOCAL_REPLY_TIMEOUT),
        upgraded: None,
        in_flight: None,
    };
    let mut arrived = Arrived::default();
    let responded = exchange.respond(&mut arrived, &mut head, body).await;
    let response = match responded.and_then(|response| exchange.settle(response, version)) {
        Ok(response) => response,
        Err(refusal) => {
            exchange.record.refusal = Some(refusal);
            let id = &exchange.record.id;
            match is_grpc {
                true => grpc::refuse(refusal, id),
                false => local_reply::refuse(refusal, id, &method),
            }
            .map(Content::from)
        }
    };
    exchange.note_failure(&arrived, &method, exchange.status(&response));
    Ok(exchange.finish(response, version))
}

/// A request between its head and the head of its response.
struct Exchange<'w, D> {
    shared: &'w Shared,
    downstream: &'w Rc<D>,
    table: &'w Table,
    record: Box<RequestRecord>,
    /// The worker's state for its Route.
    route: Option<Rc<RouteState>>,
    /// The turn that it has, while it does what takes long.
    turn: Option<Turn<'w>>,
    /// What the CORS policy does with the response's headers.
    response_headers: ResponseHeaders<'w>,
    /// What the response says of https.
    strict_transport: StrictTransport<'w>,
    /// Timeout between bytes of the response's body.
    idle: Option<Duration>,
    /// After a 101: the backend's stream, bytes read after the head, and what counts it as in flight.
    upgraded: Option<(Tunnel, Bytes)>,
    in_flight: Option<InFlight>,
}

impl<'w, D: Downstream> Exchange<'w, D> {
    /// The phases: decide, then answer here or forward.
    async fn respond(
        &mut self,
        arrived: &mut Arrived<'w>,
        head: &mut Parts,
        body: Incoming,
    ) -> Result<Response<Content>, Refusal> {
        let predicates = router::Budget::in_turns();
        let body_length = body.size_hint().exact();
        let next = loop {
            let facts = Facts {
                peer: self.downstream.peer(),
                via: &self.shared.via,
                https_ports: self.shared.https_ports,
                underscores: self.shared.limits.underscores,
                max_body_bytes: self.shared.limits.body_bytes,
                body_length,
                predicates: &predicates,
                id: &self.record.id,
            };
            let next = arrived.decide(self.table, &facts, head);
            if !predicates.is_paused() {
                break next;
            }
            self.downstream.state().deadline.set(Some(self.shared.limits.header_timeout));
            // Boxed: hardly any request needs its state.
            if let Err(refusal) = Box::pin(self.take_turn()).await {
                break Err(refusal);
            }
            predicates.resume();
        };
        // What may be waited for from here on is no work.
        self.turn = None;
        // The head that stands in for a refused one has no valid Host.
        let host_line = || head.headers.get(header::HOST).map(HeaderValue::as_bytes);
        if let Err(Refusal::InvalidHost) = next
            && let Some(refusal) = self.downstream.take_refused(host_line())
        {
            return Err(refusal);
        }
        self.note_arrived(arrived, head);
        let mut content_type = None;
        let mut response = match next? {
            Next::AllowPreflight(headers) => {
                return Ok(local_reply::preflight(*headers, &self.record.id).map(Content::from));
            }
            Next::Respond(reply) => {
                content_type = reply.content_type();
                reply.into_response().map(Content::from)
            }
            Next::Forward(plan) => self.forward(arrived, &plan, head, body).await?,
        };
        let changes = arrived.edit_response(&self.record.id, response.headers_mut());
        self.record.route.isolated(&changes);
        if let Some(content_type) = content_type {
            response.headers_mut().insert(header::CONTENT_TYPE, content_type);
        }
        Ok(response)
    }

    /// Waits for the next turn of those that have work which takes long.
    async fn take_turn(&mut self) -> Result<(), Refusal> {
        match &self.turn {
            Some(turn) => turn.pause().await,
            None => {
                let deadline = &self.downstream.state().deadline;
                self.turn = Some(self.shared.turns.next(deadline).await?);
            }
        }
        Ok(())
    }

    /// Records what is known about the request, whether or not it was refused.
    fn note_arrived(&mut self, arrived: &mut Arrived<'w>, head: &Parts) {
        if let Some(noted) = &mut self.record.log {
            let path = arrived.path.as_deref().ok();
            noted.request(&head.method, arrived.host.as_deref(), path, head.version);
            let certificate = self.downstream.peer().certificate().map(|one| one.name.clone());
            noted.client(certificate, &head.headers);
        }
        self.trace_arrived(arrived, head);
        if let Some(destination) = &arrived.destination {
            self.record.client = destination.client.address;
            if let Some(id) = destination.client.trusted_id(&head.headers) {
                self.record.id = request_id::never_indexed(id.clone());
            }
        }
        if let Some(matched) = arrived.matched {
            let route = self.shared.routes.get(&matched.target.name);
            self.record.route = route.stats.clone();
            self.route = Some(route);
        }
        if let Some(rules) = &arrived.rules {
            self.note_rules(arrived, rules);
        }
        self.record.cors = arrived.verdict;
        self.response_headers = arrived.take_response_headers();
        if arrived.host.is_some() {
            self.strict_transport = arrived.strict_transport;
        }
    }

    /// Keeps a request that was refused, or whose response is a 5xx, among the last failed ones.
    fn note_failure(&self, arrived: &Arrived<'_>, method: &Method, status: StatusCode) {
        if self.record.refusal.is_some() || status.is_server_error() {
            let (host, path) = (arrived.host.as_deref(), arrived.path.as_deref().ok());
            // Nothing of a head without a valid host is sure to be the request's.
            let method = host.map(|_| method.as_str());
            self.record.failed([method, host, path], status);
        }
    }

    /// Counts and logs the rules that act.
    fn note_rules(&mut self, arrived: &Arrived<'w>, rules: &Effects<'w>) {
        let Effects { front_door, route, .. } = rules;
        if let Some(destination) = &arrived.destination {
            let owner = RuleOwner::FrontDoor(destination.virtual_host.front_door.clone());
            self.shared.rules.count(owner, front_door);
        }
        if let Some(matched) = arrived.matched {
            self.shared.rules.count(RuleOwner::Route(matched.target.name.clone()), route);
        }
        if let Some(noted) = &mut self.record.log {
            noted.rules(front_door.iter().chain(route).map(|rule| &*rule.name));
        }
    }

    /// Over HTTP/2 a response that succeeds has accepted a WebSocket (RFC 8441 §5), which over
    /// HTTP/1.1 only a 101 does.
    fn settle(
        &self,
        response: Response<Content>,
        version: Version,
    ) -> Result<Response<Content>, Refusal> {
        let is_accepted = version == Version::HTTP_2
            && response.status().is_success()
            && self.upgraded.is_none()
            && self.downstream.offers_upgrade();
        if is_accepted { Err(Refusal::UpgradeUnsupported) } else { Ok(response) }
    }

    /// The status that is counted. To gRPC, a refusal is a 200.
    fn status(&self, response: &Response<Content>) -> StatusCode {
        self.record.refusal.map_or(response.status(), Refusal::status)
    }

    /// Completes a response to a request of `version` and hands it to the client's connection.
    fn finish(
        mut self,
        mut response: Response<Content>,
        version: Version,
    ) -> Response<ResponseBody<D>> {
        let downstream = self.downstream.clone();
        downstream.state().deadline.set(self.idle);
        self.record.status = Some(self.status(&response));
        std::mem::take(&mut self.response_headers).apply(response.headers_mut());
        self.strict_transport.apply(response.headers_mut());
        let must_close = downstream.is_closing()
            || (version == Version::HTTP_10 && !response.body().has_length());
        if must_close && self.upgraded.is_none() {
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
            if version == Version::HTTP_10 {
                // To a client that asks for it, hyper promises that an HTTP/1.1 response keeps the
                // connection open, whatever the response says.
                *response.version_mut() = Version::HTTP_10;
            }
        }
        let (parts, content) = response.into_parts();
        self.record.complete = matches!(content, Content::Fixed(_));
        let idle = self.idle;
        let record = self.settle_upgrade();
        Response::from_parts(parts, ResponseBody::new(content, record, downstream, idle))
    }

    /// After a 101 the connection's task takes over both streams and the record; any other response
    /// declines an offered upgrade.
    fn settle_upgrade(self) -> Option<Box<RequestRecord>> {
        let Some(upgraded) = self.upgraded else {
            self.downstream.decline_upgrade();
            return Some(self.record);
        };
        let (io, read) = upgraded;
        let (in_flight, idle) = (self.in_flight, self.idle);
        self.downstream.upgrade(Upgraded { io, read, idle, in_flight, record: self.record });
        None
    }
}

//! A request's way, phase by phase: [`handle`] is the whole of it on one page.

mod downstream;
mod headers;
mod local_reply;
mod peer;
pub(crate) mod rehearsal;
mod request_id;
mod response_body;
mod route_state;
mod shared;
mod target;

pub(crate) use downstream::{Downstream, Upgraded};
pub(crate) use headers::Via;
pub(crate) use peer::Peer;
pub(crate) use response_body::ResponseBody;
pub(crate) use shared::Shared;

use crate::{
    cors::{
        self, CorsRequest, Decision, Disposition, Policy, Preflight, RequestedHeaders,
        ResponseHeaders,
    },
    path::Captures,
    refusal::Refusal,
    request::RequestBody,
    router,
    table::{Action, Forward, RouteMatch, Table, VirtualHost},
    telemetry::{AccessLogFields, RequestRecord},
    upstream::Stream,
};
use bytes::Bytes;
use headers::{ClientInfo, Outbound, REQUEST_ID, ResponseRewrite, hop_by_hop};
use http::{
    HeaderMap, HeaderValue, Request, Response, StatusCode, Version, header, request::Parts,
};
use hyper::body::{Body, Incoming};
use response_body::Content;
use route_state::RouteState;
use std::{borrow::Cow, convert::Infallible, rc::Rc, time::Duration};

/// How long a client may take to accept an answer of the edge's own.
const LOCAL_REPLY_TIMEOUT: Duration = Duration::from_secs(30);

/// Answers one request. It never fails: what can't be served is a refusal, and a refusal is an
/// answer too.
pub(crate) async fn handle<D: Downstream>(
    shared: Rc<Shared>,
    downstream: Rc<D>,
    request: Request<Incoming>,
) -> Result<Response<ResponseBody<D>>, Infallible> {
    downstream.begin();
    let (mut head, body) = request.into_parts();
    let method = head.method.clone();
    let id = shared.ids.next();
    let start = downstream.state().deadline.now();
    let record = RequestRecord::new(
        start,
        shared.routes.unrouted().clone(),
        id,
        downstream.peer().address.ip(),
    );
    let table = shared.table();
    let mut exchange = Exchange {
        shared: &shared,
        downstream: &downstream,
        table: &table,
        record: Box::new(record),
        route: None,
        cors: ResponseHeaders::default(),
        idle: Some(LOCAL_REPLY_TIMEOUT),
        upgraded: None,
    };
    let answer = exchange.answer(&mut head, body).await;
    let response = match answer {
        Ok(response) => response,
        Err(refusal) => {
            exchange.record.refusal = Some(refusal);
            local_reply::refuse(refusal, &exchange.record.id, &method).map(Content::from)
        }
    };
    Ok(exchange.finish(response))
}

/// A request between its head and the head of its answer.
struct Exchange<'w, D> {
    shared: &'w Shared,
    downstream: &'w Rc<D>,
    table: &'w Table,
    record: Box<RequestRecord>,
    /// What the worker keeps of its Route.
    route: Option<Rc<RouteState>>,
    /// What the CORS policy makes of the answer's headers.
    cors: ResponseHeaders<'w>,
    /// How long no byte of the answer's body may pass.
    idle: Option<Duration>,
    /// The backend's stream after a 101, and what was read from it behind the head.
    upgraded: Option<Box<(Stream, Bytes)>>,
}

impl<'w, D: Downstream> Exchange<'w, D> {
    /// The phases: find the virtual host and the Route, decide on CORS, then do what the Route says.
    async fn answer(
        &mut self,
        head: &mut Parts,
        body: Incoming,
    ) -> Result<Response<Content>, Refusal> {
        let host_line = head.headers.get(header::HOST).map(HeaderValue::as_bytes);
        if let Some(refusal) = self.downstream.take_refused(host_line) {
            return Err(refusal);
        }
        self.note(|line| line.method = Some(head.method.clone()));
        let host_value = target::settle_host(head)?;
        let (host, port) = target::read_host(self.downstream.peer(), &host_value)?;
        self.note(|line| line.host = Some(host.to_string()));
        let path = target::path(head).map(Cow::into_owned);
        self.note(|line| line.path = path.as_ref().ok().cloned());

        let virtual_host = self.table.hosts.find(&host).ok_or(Refusal::NoHost)?;
        let proxies = &virtual_host.trusted_proxies;
        let client =
            ClientInfo::of(self.downstream.peer(), &head.headers, proxies, &host_value, port);
        self.identify(&client, head);
        headers::remove_untrusted_forwarding(&mut head.headers, client.trusted);

        let is_own = |origin: &HeaderValue| client.is_own_origin(origin.as_bytes());
        let cors_request = CorsRequest::of(&head.method, &head.headers, is_own);
        let path = path.as_deref().map_err(|refusal| *refusal);
        let found = path.and_then(|path| find_match(virtual_host, head, path, &cors_request));
        let matched = found.as_ref().ok().map(|(matched, _)| *matched);
        if let Some(matched) = matched {
            let state = self.shared.routes.get(&matched.target.name);
            self.record.route = state.stats.clone();
            self.route = Some(state);
        }
        // Before anything of the Route's own: a preflight is answered, a disallowed origin refused,
        // without a word to the backend.
        if let Some(headers) = self.decide_cors(virtual_host, matched, &cors_request)? {
            return Ok(local_reply::preflight(headers, &self.record.id).map(Content::from));
        }
        self.admit(head, &body)?;
        let (path, (matched, captures)) = (path?, found?);
        let route = &*matched.target;
        if route.unavailable.is_some() {
            return Err(Refusal::NotResolved);
        }

        let mut response = match &route.action {
            Action::Redirect(redirect) => {
                local_reply::redirect(redirect, &client, &head.uri, path, &matched.path, &captures)?
                    .map(Content::from)
            }
            Action::Respond(respond) => local_reply::respond(respond).map(Content::from),
            Action::Forward(forward) => {
                if cors::avoids_preflight(&cors_request, &head.method, &head.headers) {
                    self.record.route.cors.avoided();
                    self.downstream.record_saved_trip(&self.record.route);
                }
                let rewritten = forward.rewrite().map(|to| to.path.fill(&matched.path, &captures));
                let target = rewritten.as_deref().unwrap_or(path);
                let way = Way { client: &client, matched, forward, path, target };
                self.forward(way, head, body).await?
            }
        };
        // One id names the request here, in logs and at the backend, whatever that calls it.
        response.headers_mut().insert(REQUEST_ID, self.record.id.clone());
        route.response_headers.apply(response.headers_mut());
        Ok(response)
    }

    /// What the Route's policy says, or for want of a Route the FrontDoor's default one: the
    /// headers of the answer to a preflight, or a refusal, or nothing that ends the request's way.
    fn decide_cors(
        &mut self,
        host: &'w VirtualHost,
        matched: Option<&'w RouteMatch>,
        cors_request: &CorsRequest<'_>,
    ) -> Result<Option<HeaderMap>, Refusal> {
        let decision = Decision::of(policy_of(host, matched), cors_request);
        self.record.cors = decision.verdict;
        self.cors = decision.response_headers;
        match decision.disposition {
            Disposition::Proceed => Ok(None),
            Disposition::Answer(headers) => Ok(Some(*headers)),
            Disposition::Refuse(denial) => Err(Refusal::CorsDenied(denial)),
        }
    }

    /// Notes what only the access log shows, where it is on.
    fn note(&mut self, note: impl FnOnce(&mut AccessLogFields)) {
        if let Some(line) = &mut self.record.line {
            note(line);
        }
    }

    /// What is refused whatever the Route.
    fn admit(&self, head: &Parts, body: &Incoming) -> Result<(), Refusal> {
        headers::refuse_loops(&head.headers, &self.shared.via)?;
        let length = body.size_hint().exact();
        match (self.shared.limits.body_bytes, length) {
            (Some(limit), Some(length)) if length > limit => Err(Refusal::BodyTooLarge),
            (Some(_) | None, _) => Ok(()),
        }
    }

    /// Takes over what a trusted proxy says: who the client is, and the request's id.
    fn identify(&mut self, client: &ClientInfo, head: &Parts) {
        self.record.client = client.address;
        if let (true, Some(id)) = (client.trusted, head.headers.get(REQUEST_ID))
            && (1..=128).contains(&id.len())
            && id.as_bytes().iter().all(u8::is_ascii_graphic)
        {
            self.record.id = id.clone();
        }
    }

    /// Sends the request to a backend, and gives its answer.
    async fn forward(
        &mut self,
        way: Way<'_>,
        head: &mut Parts,
        body: Incoming,
    ) -> Result<Response<Content>, Refusal> {
        let (downstream, route) = (self.downstream, &*way.matched.target);
        let point = self.route.as_ref().map(|route| route.backends.next()).unwrap_or_default();
        let backend = way.forward.pick(point).ok_or(Refusal::NoEndpoint)?;
        self.note(|line| line.backend = Some(backend.name.clone()));
        let upgrade = downstream.offers_upgrade() && hop_by_hop::asks_for_websocket(&head.headers);
        let outbound = Outbound {
            peer: downstream.peer(),
            client: way.client,
            route,
            backend,
            id: &self.record.id,
            via: &self.shared.via,
            version: head.version,
            upgrade,
        };
        let sent_host = outbound.prepare(&mut head.headers);
        head.uri = headers::target(way.target, &head.uri, backend.protocol, &sent_host)?;
        let body = RequestBody::new(body, downstream.state(), self.shared.limits.body_bytes);

        let sending = downstream.state().deadline.now();
        downstream.state().body.timeout.set(route.timeouts.request);
        downstream.state().body.idle.set(route.timeouts.idle);
        downstream.state().deadline.set(downstream.state().body.wait(body.is_end_stream()));
        let answer = self
            .shared
            .upstreams
            .send(backend, head, body, &downstream.state().deadline, &route.timeouts)
            .await;
        let answer = answer.map_err(|refusal| self.blame_client(refusal))?;
        self.record.upstream =
            Some(downstream.state().deadline.now().saturating_duration_since(sending));
        self.idle = route.timeouts.idle;
        downstream.state().body.timeout.set(self.idle);

        let mut response = answer.response;
        *response.version_mut() = Version::HTTP_11;
        let upgraded = response.status() == StatusCode::SWITCHING_PROTOCOLS;
        if upgraded && !upgrade {
            return Err(Refusal::BackendBroken);
        }
        hop_by_hop::remove_from_response(response.headers_mut(), upgraded);
        let mapping = ResponseRewrite {
            client: way.client,
            backend,
            sent_host: &sent_host,
            dialled: answer.address,
            forward: way.forward,
            pattern: &way.matched.path,
            path: way.path,
        };
        mapping.apply(response.headers_mut());
        self.upgraded = answer.upgraded;
        Ok(response.map(Content::Upstream))
    }

    /// A failed exchange is the client's fault where its body is what failed.
    fn blame_client(&self, refusal: Refusal) -> Refusal {
        let body = &self.downstream.state().body;
        match refusal {
            Refusal::BackendTimeout if body.awaited.get() => Refusal::BodyTimeout,
            refusal => body.failure.get().unwrap_or(refusal),
        }
    }

    /// Completes an answer, and hands it to the client's connection.
    fn finish(mut self, mut response: Response<Content>) -> Response<ResponseBody<D>> {
        let downstream = self.downstream.clone();
        downstream.state().deadline.set(self.idle);
        self.record.status = Some(response.status());
        std::mem::take(&mut self.cors).apply(response.headers_mut());
        if downstream.is_closing() && self.upgraded.is_none() {
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        let (parts, content) = response.into_parts();
        self.record.complete = matches!(content, Content::Fixed(_));
        let idle = self.idle;
        let record = self.decide_upgrade();
        Response::from_parts(parts, ResponseBody::new(content, record, downstream, idle))
    }

    /// After a 101 the connection's task takes over both streams, and the record with them; any
    /// other answer to an offered upgrade declines it.
    fn decide_upgrade(self) -> Option<Box<RequestRecord>> {
        let Some(upgraded) = self.upgraded else {
            self.downstream.decline_upgrade();
            return Some(self.record);
        };
        let (io, read) = *upgraded;
        self.downstream.upgrade(Upgraded { io, read, idle: self.idle, record: self.record });
        None
    }
}

/// The policy that has the say: the Route's, or for want of a Route the FrontDoor's default one.
fn policy_of<'t>(host: &'t VirtualHost, matched: Option<&'t RouteMatch>) -> Option<&'t Policy> {
    matched.map_or(&host.cors, |matched| &matched.target.cors).as_deref()
}

/// The match that a request meets; of a preflight, the one that the request meets which it asks for.
fn find_match<'t, 'r>(
    host: &'t VirtualHost,
    head: &'r Parts,
    path: &'r str,
    cors_request: &'r CorsRequest<'_>,
) -> Result<(&'t RouteMatch, Captures<'r>), Refusal> {
    host.routes.find(&routed(head, path, cors_request)).ok_or(Refusal::NoRoute)
}

/// A request as the router sees it; a preflight, as the request which it asks for.
fn routed<'r>(
    head: &'r Parts,
    path: &'r str,
    cors_request: &'r CorsRequest<'_>,
) -> router::Request<'r> {
    let (method, headers) = match cors_request {
        CorsRequest::Preflight(Preflight { method: Some(method), headers, .. }) => {
            let names = headers.as_ref().map(RequestedHeaders::names).unwrap_or_default();
            (method, router::Headers::Announced(names))
        }
        CorsRequest::Preflight(_)
        | CorsRequest::Plain
        | CorsRequest::SameOrigin
        | CorsRequest::CrossOrigin(_) => (&head.method, router::Headers::Sent(&head.headers)),
    };
    router::Request { method, path, query: head.uri.query(), headers }
}

/// A request that goes to a backend, and why there.
#[derive(Clone, Copy)]
struct Way<'a> {
    client: &'a ClientInfo,
    matched: &'a RouteMatch,
    forward: &'a Forward,
    /// The normalised path.
    path: &'a str,
    /// The path that the backend gets.
    target: &'a str,
}

//! A request's way, phase by phase: [`handle`] is the whole of it on one page.

mod answers;
mod body;
mod client;
mod forwarded;
mod hops;
pub(crate) mod rehearsal;
mod request;
mod reverse;
mod route_state;
mod target;

pub(crate) use body::{RequestBody, ResponseBody};
pub(crate) use request::Via;
pub(crate) use route_state::RouteStates;

use crate::{
    connection::{ConnState, Draining, Tunnel, Upgrade},
    cors::{
        self, CorsRequest, Decision, Disposition, Policy, Preflight, RequestedHeaders,
        ResponseHeaders,
    },
    path::Captures,
    refusal::Refusal,
    router,
    serve::Worker,
    table::{Action, Forward, RouteMatch, Table, VirtualHost},
    telemetry::{AccessLogFields, RequestRecord},
    upstream::Stream,
};
use body::Content;
use bytes::Bytes;
use client::{Client, REQUEST_ID};
use http::{
    HeaderMap, HeaderValue, Request, Response, StatusCode, Version, header, request::Parts,
};
use hyper::body::{Body, Incoming};
use request::Outbound;
use reverse::Mapping;
use route_state::RouteState;
use std::{borrow::Cow, convert::Infallible, rc::Rc, time::Duration};

/// How long a client may take to accept an answer of the edge's own.
const PATIENCE: Duration = Duration::from_secs(30);

/// Answers one request. It never fails: what can't be served is a refusal, and a refusal is an
/// answer too.
pub(crate) async fn handle(
    worker: Rc<Worker>,
    conn: Rc<ConnState>,
    request: Request<Incoming>,
) -> Result<Response<ResponseBody>, Infallible> {
    conn.request_begins();
    let (mut head, body) = request.into_parts();
    let method = head.method.clone();
    let id = worker.ids.next();
    let start = conn.alarm.now();
    let record =
        RequestRecord::new(start, worker.routes.unrouted().clone(), id, conn.peer.address.ip());
    let table = worker.table();
    let mut exchange = Exchange {
        worker: &worker,
        conn: &conn,
        table: &table,
        record: Box::new(record),
        route: None,
        cors: ResponseHeaders::default(),
        idle: Some(PATIENCE),
        upgraded: None,
    };
    let answer = exchange.answer(&mut head, body).await;
    let response = match answer {
        Ok(response) => response,
        Err(refusal) => {
            exchange.record.refusal = Some(refusal);
            answers::refuse(refusal, &exchange.record.id, &method).map(Content::from)
        }
    };
    Ok(exchange.finish(response))
}

/// A request between its head and the head of its answer.
struct Exchange<'w> {
    worker: &'w Rc<Worker>,
    conn: &'w Rc<ConnState>,
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

impl From<Bytes> for Content {
    fn from(bytes: Bytes) -> Self {
        Self::Fixed(Some(bytes).filter(|bytes| !bytes.is_empty()))
    }
}

impl<'w> Exchange<'w> {
    /// The phases: find the virtual host and the Route, decide on CORS, then do what the Route says.
    async fn answer(
        &mut self,
        head: &mut Parts,
        body: Incoming,
    ) -> Result<Response<Content>, Refusal> {
        let host_line = head.headers.get(header::HOST).map(HeaderValue::as_bytes);
        if let Some(refusal) = self.conn.take_refused(host_line) {
            return Err(refusal);
        }
        self.note(|line| line.method = Some(head.method.clone()));
        let host_value = target::settle_host(head)?;
        let (host, port) = target::read_host(&self.conn.peer, &host_value)?;
        self.note(|line| line.host = Some(host.to_string()));
        let path = target::path(head).map(Cow::into_owned);
        self.note(|line| line.path = path.as_ref().ok().cloned());

        let virtual_host = self.table.hosts.find(&host).ok_or(Refusal::NoHost)?;
        let proxies = &virtual_host.trusted_proxies;
        let client = Client::of(&self.conn.peer, &head.headers, proxies, &host_value, port);
        self.identify(&client, head);
        request::remove_hearsay(&mut head.headers, client.trusted);

        let is_own = |origin: &HeaderValue| client.is_own_origin(origin.as_bytes());
        let cors_request = CorsRequest::of(&head.method, &head.headers, is_own);
        let path = path.as_deref().map_err(|refusal| *refusal);
        let found = path.and_then(|path| find_match(virtual_host, head, path, &cors_request));
        let matched = found.as_ref().ok().map(|(matched, _)| *matched);
        if let Some(matched) = matched {
            let state = self.worker.routes.get(&matched.target.name);
            self.record.route = state.stats.clone();
            self.route = Some(state);
        }
        // Before anything of the Route's own: a preflight is answered, a disallowed origin refused,
        // without a word to the backend.
        if let Some(headers) = self.decide_cors(virtual_host, matched, &cors_request)? {
            return Ok(answers::preflight(headers, &self.record.id).map(Content::from));
        }
        self.admit(head, &body)?;
        let (path, (matched, captures)) = (path?, found?);
        let route = &*matched.target;
        if route.unavailable.is_some() {
            return Err(Refusal::NotResolved);
        }

        let mut response = match &route.action {
            Action::Redirect(redirect) => {
                answers::redirect(redirect, &client, &head.uri, path, &matched.path, &captures)?
                    .map(Content::from)
            }
            Action::Respond(respond) => answers::respond(respond).map(Content::from),
            Action::Forward(forward) => {
                if cors::avoids_preflight(&cors_request, &head.method, &head.headers) {
                    self.record.route.cors.avoided();
                    self.conn.saved_trips.owe(&self.record.route);
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
        request::refuse_loops(&head.headers, &self.worker.via)?;
        let length = body.size_hint().exact();
        match (self.worker.limits.body_bytes, length) {
            (Some(limit), Some(length)) if length > limit => Err(Refusal::BodyTooLarge),
            (Some(_) | None, _) => Ok(()),
        }
    }

    /// Takes over what a trusted proxy says: who the client is, and the request's id.
    fn identify(&mut self, client: &Client, head: &Parts) {
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
        let (conn, route) = (self.conn, &*way.matched.target);
        let point = self.route.as_ref().map(|route| route.backends.next()).unwrap_or_default();
        let backend = way.forward.pick(point).ok_or(Refusal::NoEndpoint)?;
        self.note(|line| line.backend = Some(backend.name.clone()));
        let upgrade = conn.offers_upgrade() && hops::asks_for_websocket(&head.headers);
        let outbound = Outbound {
            peer: &conn.peer,
            client: way.client,
            route,
            backend,
            id: &self.record.id,
            via: &self.worker.via,
            version: head.version,
            upgrade,
        };
        let sent_host = outbound.prepare(&mut head.headers);
        head.uri = request::target(way.target, &head.uri, backend.protocol, &sent_host)?;
        let body = RequestBody::new(body, conn, self.worker.limits.body_bytes);

        let sending = conn.alarm.now();
        conn.body.patience.set(route.timeouts.request);
        conn.body.idle.set(route.timeouts.idle);
        conn.alarm.set(conn.body.wait(body.is_end_stream()));
        let answer = self.worker.upstreams.send(backend, head, body, conn, &route.timeouts).await;
        let answer = answer.map_err(|refusal| self.whose_fault(refusal))?;
        self.record.upstream = Some(conn.alarm.now().saturating_duration_since(sending));
        self.idle = route.timeouts.idle;
        conn.body.patience.set(self.idle);

        let mut response = answer.response;
        *response.version_mut() = Version::HTTP_11;
        let upgraded = response.status() == StatusCode::SWITCHING_PROTOCOLS;
        if upgraded && !upgrade {
            return Err(Refusal::BackendBroken);
        }
        hops::remove_from_answer(response.headers_mut(), upgraded);
        let mapping = Mapping {
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
    fn whose_fault(&self, refusal: Refusal) -> Refusal {
        let body = &self.conn.body;
        match refusal {
            Refusal::BackendTimeout if body.awaited.get() => Refusal::BodyTimeout,
            refusal => body.failure.get().unwrap_or(refusal),
        }
    }

    /// Completes an answer, and hands it to the client's connection.
    fn finish(mut self, mut response: Response<Content>) -> Response<ResponseBody> {
        let conn = self.conn.clone();
        conn.alarm.set(self.idle);
        self.record.status = Some(response.status());
        std::mem::take(&mut self.cors).apply(response.headers_mut());
        if conn.draining.get() != Draining::No && self.upgraded.is_none() {
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        let (parts, content) = response.into_parts();
        self.record.complete = matches!(content, Content::Fixed(_));
        let idle = self.idle;
        let record = self.decide_upgrade();
        Response::from_parts(parts, ResponseBody::new(content, record, conn, idle))
    }

    /// After a 101 the connection's task takes over both streams, and the record with them; any
    /// other answer to an offered upgrade declines it.
    fn decide_upgrade(self) -> Option<Box<RequestRecord>> {
        let Some(upgraded) = self.upgraded else {
            if self.conn.offers_upgrade() {
                self.conn.upgrade.set(Upgrade::None);
                self.conn.wake();
            }
            return Some(self.record);
        };
        let (io, read) = *upgraded;
        let tunnel = Tunnel { io, read, idle: self.idle, record: self.record };
        self.conn.tunnel.replace(Some(tunnel));
        self.conn.upgrade.set(Upgrade::Taken);
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
    client: &'a Client,
    matched: &'a RouteMatch,
    forward: &'a Forward,
    /// The normalised path.
    path: &'a str,
    /// The path that the backend gets.
    target: &'a str,
}

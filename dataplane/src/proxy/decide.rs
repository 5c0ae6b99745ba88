//! The decision: what happens to a request, given only the table, the peer and the head.
//! [`handle`](super::handle) acts on it and `explain` shows it, so the order of the phases is
//! defined only here, in [`Arrived::decide`].

use super::{
    arrived::{Arrived, Destination, Facts, ForwardPlan, Next},
    headers::{self, ClientInfo, Field, Present},
    local_reply::{self, RouteReply},
    rules::Ruled,
    strict_transport::StrictTransport,
    target,
};
use crate::{
    cors::{self, CorsRequest, Disposition, Policy, Preflight, RequestedHeaders},
    path::Captures,
    refusal::Refusal,
    router::{self, BudgetExceeded},
    rules::Terms,
    table::{Action, PlainHttp, RouteMatch, Scheme, Table, VirtualHost},
};
use http::{Method, StatusCode, request::Parts};

impl<'t> Arrived<'t> {
    /// Decides what happens to a request. Normalises Host and the forwarding headers of its head: an
    /// absolute target's authority replaces Host (RFC 9112 §3.2.2), and fields that the peer is not
    /// trusted to set are removed. If the budget for predicates is paused afterwards, the decision
    /// is not made yet, and the call has to be repeated.
    ///
    /// The phases: find the virtual host, see to it that it may be reached like this, do what the
    /// FrontDoor's rules say, find the match, apply the CORS policy, then do what the Route and its
    /// rules say.
    pub(crate) fn decide(
        &mut self,
        table: &'t Table,
        facts: &Facts<'_>,
        head: &mut Parts,
    ) -> Result<Next<'t>, Refusal> {
        let host_value = target::settle_host(head)?;
        let (host, port) = target::read_host(facts.peer, &host_value)?;
        let virtual_host = table.hosts.find(&host);
        let slashes = virtual_host.map(|host| host.slashes).unwrap_or_default();
        self.path = target::path(head, slashes);
        self.host = Some(host);
        let reached = virtual_host.filter(|host| facts.peer.may_reach(host));
        if let Some(host) = reached {
            self.strict_transport = StrictTransport::of(facts.peer.scheme, host.tls.as_deref());
        }
        target::refuse_method(&head.method)?;
        let unreached = if virtual_host.is_some() { Refusal::Misdirected } else { Refusal::NoHost };
        let virtual_host = reached.ok_or(unreached)?;
        let has_host = |name: &str| {
            let other = table.hosts.find(name);
            other.is_some_and(|other| other.front_door == virtual_host.front_door)
        };
        let client =
            ClientInfo::of(facts.peer, &head.headers, virtual_host, &host_value, port, has_host)?;
        let present =
            headers::remove_untrusted(&mut head.headers, client.trusted, facts.underscores);
        self.strict_transport = StrictTransport::of(client.scheme, virtual_host.tls.as_deref());
        let destination = self.destination.insert(Destination { virtual_host, client, present });
        if let Some(reply) = destination.turn_away(facts, head, &self.path)? {
            return Ok(Next::Respond(reply));
        }

        let cors_request = destination.cors_request(head);
        let path = self.path.as_deref().map_err(|refusal| *refusal);
        // What is refused for its path meets no rule.
        let meeting = path.map(|path| destination.meeting(facts, head, path, &cors_request));
        if let Ok(meeting) = &meeting
            && let Some(reply) = meeting.front_door(&mut self.rules)?
        {
            let policy = virtual_host.cors.as_deref();
            let cors = cors::Decision::of(policy, &cors_request);
            (self.policy, self.verdict) = (policy, cors.verdict);
            self.response_headers = cors.response_headers;
            if let Disposition::Refuse(denial) = cors.disposition {
                return Err(Refusal::CorsDenied(denial));
            }
            facts.admit(head, present)?;
            return Ok(Next::Respond(reply));
        }
        let routed = path.map(|path| routed(head, path, &cors_request));
        let found = routed.and_then(|request| find_match(virtual_host, &request, facts.predicates));
        if facts.predicates.is_paused() {
            return Err(Refusal::PredicatesTooCostly);
        }
        self.matched = found.as_ref().ok().map(|(matched, _)| *matched);
        // Before anything of the Route's own: preflights are answered, and disallowed origins
        // refused, without contacting the backend.
        self.policy = policy_of(virtual_host, self.matched);
        let cors = cors::Decision::of(self.policy, &cors_request);
        self.verdict = cors.verdict;
        self.response_headers = cors.response_headers;
        match cors.disposition {
            Disposition::Proceed => {}
            Disposition::Answer(headers) => return Ok(Next::AllowPreflight(headers)),
            Disposition::Refuse(denial) => return Err(Refusal::CorsDenied(denial)),
        }
        facts.admit(head, present)?;
        if head.uri.path() == "*" && is_last_hop(head) {
            return Ok(Next::Respond(RouteReply::Options));
        }
        let (matched, captures) = found?;
        if virtual_host.unavailable.is_some() || matched.target.unavailable.is_some() {
            return Err(Refusal::NotResolved);
        }
        match meeting?.route(&mut self.rules, matched, &captures)? {
            Ruled::Reply(reply) => Ok(Next::Respond(reply)),
            Ruled::AsRouted(terms) => {
                let client = &destination.client;
                let route = Routed { client, matched, captures, path: path?, head };
                route.next(terms, &cors_request)
            }
        }
    }
}

impl<'t> Destination<'t> {
    /// The response to plain HTTP for a host with TLS, unless that is served.
    fn turn_away<'r>(
        &self,
        facts: &Facts<'_>,
        head: &Parts,
        path: &Result<String, Refusal>,
    ) -> Result<Option<RouteReply<'r>>, Refusal> {
        // By a trusted proxy's word. But no certificate has been shown to Portico.
        let is_https_elsewhere =
            facts.peer.scheme == Scheme::Http && self.client.scheme == Scheme::Https;
        if is_https_elsewhere && self.virtual_host.requires_certificates() {
            return Err(Refusal::PlainHttp);
        }
        match self.plain_http() {
            None | Some(PlainHttp::Serve) => Ok(None),
            Some(PlainHttp::Refuse) => Err(Refusal::PlainHttp),
            Some(PlainHttp::Redirect) => {
                // What is refused over https is so here.
                path.as_ref().map_err(|refusal| *refusal)?;
                let location = local_reply::https(&self.client, &head.uri, facts.https_ports)?;
                let status = StatusCode::PERMANENT_REDIRECT;
                Ok(Some(RouteReply::Redirect(status, location)))
            }
        }
    }
}

impl Facts<'_> {
    /// Refusals that do not depend on the Route.
    fn admit(&self, head: &Parts, present: Present) -> Result<(), Refusal> {
        if present.has(Field::Via) {
            headers::refuse_loops(&head.headers, self.via)?;
        }
        match (self.max_body_bytes, self.body_length) {
            (Some(limit), Some(length)) if length > limit => Err(Refusal::BodyTooLarge),
            (Some(_) | None, _) => Ok(()),
        }
    }
}

/// A request that its CORS policy lets through, and the match that it is for.
struct Routed<'t, 'r> {
    client: &'r ClientInfo,
    matched: &'t RouteMatch,
    captures: Captures<'r>,
    path: &'r str,
    head: &'r Parts,
}

impl<'t> Routed<'t, '_> {
    /// What the Route does with the request, which it forwards on these terms.
    fn next(
        &self,
        terms: Option<Terms<'t>>,
        cors_request: &CorsRequest<'_>,
    ) -> Result<Next<'t>, Refusal> {
        let Self { client, matched, captures, path, head } = self;
        if let Some(terms) = terms {
            if is_last_hop(head) {
                return Ok(Next::Respond(RouteReply::Options));
            }
            let template = terms.template.as_deref();
            let rewritten = template.map(|to| to.fill(&matched.path, captures)).transpose();
            return Ok(Next::Forward(ForwardPlan {
                matched,
                terms,
                rewritten: rewritten.map_err(Refusal::InvalidPath)?,
                avoids_preflight: cors::avoids_preflight(cors_request, &head.method, &head.headers),
            }));
        }
        match &matched.target.action {
            Action::Redirect(redirect) => {
                let pattern = &matched.path;
                let location =
                    local_reply::location(redirect, client, &head.uri, path, pattern, captures)?;
                Ok(Next::Respond(RouteReply::Redirect(redirect.status, location)))
            }
            Action::Respond(respond) => Ok(Next::Respond(RouteReply::Fixed(respond))),
            // Invariant: a Route that forwards has terms.
            Action::NotAccepted(_) | Action::Forward(_) => Err(Refusal::RouteNotAccepted),
        }
    }
}

/// Whether a request must not be forwarded any further (RFC 9110 §7.6.2).
fn is_last_hop(head: &Parts) -> bool {
    head.method == Method::OPTIONS && headers::remaining_hops(&head.headers) == Some(0)
}

/// The policy that applies: the Route's, or, without a Route, the FrontDoor's default.
fn policy_of<'t>(host: &'t VirtualHost, matched: Option<&'t RouteMatch>) -> Option<&'t Policy> {
    matched.map_or(&host.cors, |matched| &matched.target.cors).as_deref()
}

/// The match for a request; for a preflight, the match of the request it announces.
fn find_match<'t, 'r>(
    host: &'t VirtualHost,
    request: &router::Request<'r>,
    predicates: &router::Budget,
) -> Result<(&'t RouteMatch, Captures<'r>), Refusal> {
    let found = host.routes.find_within(request, predicates);
    found.map_err(|BudgetExceeded| Refusal::PredicatesTooCostly)?.ok_or(match host.not_accepted {
        Some(_) => Refusal::FrontDoorNotAccepted,
        None => Refusal::NoRoute,
    })
}

/// A request as the router sees it; a preflight stands for the request it announces.
pub(crate) fn routed<'r>(
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

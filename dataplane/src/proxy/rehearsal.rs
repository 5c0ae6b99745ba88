//! A request's way without connections: the phases of [`handle`](super::handle) for a head alone, by
//! the same functions, as far as no backend is needed. It is what `explain` shows.

use super::{
    find_match,
    headers::{self, ClientInfo, Outbound, REQUEST_ID, hop_by_hop},
    local_reply,
    peer::Peer,
    policy_of, target,
};
use crate::{
    cors::{CorsRequest, Decision, Disposition, Policy, ResponseHeaders, Verdict},
    path::Captures,
    refusal::Refusal,
    router,
    table::{Action, Forward, Hosts, Route, RouteMatch, Table, VirtualHost},
};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, Version, header, request::Parts};

pub(crate) use super::headers::Via;

/// What stands for a field of a backend's answer that is not known.
pub(crate) const BACKENDS_OWN: HeaderValue = HeaderValue::from_static("(the backend's)");

/// Stands for every further `Access-Control-*` of a backend's answer.
pub(crate) const OTHER_CORS_FIELDS: HeaderName = HeaderName::from_static("access-control-*");

/// The fields by which a backend answers for itself what the policy decides here.
const CORS_FIELDS: [HeaderName; 7] = [
    OTHER_CORS_FIELDS,
    header::ACCESS_CONTROL_ALLOW_ORIGIN,
    header::ACCESS_CONTROL_ALLOW_CREDENTIALS,
    header::ACCESS_CONTROL_EXPOSE_HEADERS,
    header::ACCESS_CONTROL_ALLOW_METHODS,
    header::ACCESS_CONTROL_ALLOW_HEADERS,
    header::ACCESS_CONTROL_MAX_AGE,
];

/// What of this install the messages carry.
pub(crate) struct Install<'a> {
    pub(crate) peer: &'a Peer,
    /// The request's id.
    pub(crate) id: &'a HeaderValue,
    pub(crate) via: &'a Via,
}

/// A request whose host has been found.
pub(crate) struct Arrival<'t> {
    pub(crate) host: &'t VirtualHost,
    client: ClientInfo,
    head: Parts,
    /// The normalised path.
    path: Result<String, Refusal>,
}

/// What becomes of a request.
pub(crate) struct Course<'t> {
    /// The match that wins, and what its path captured: names and values, the rest as `*`.
    pub(crate) found: Option<(&'t RouteMatch, Vec<(String, String)>)>,
    /// The policy that has the say.
    pub(crate) policy: Option<&'t Policy>,
    /// What it says.
    pub(crate) verdict: Option<Verdict>,
    /// What the Route's backends get, or would get if one had an endpoint.
    pub(crate) sending: Option<Sending<'t>>,
    pub(crate) answer: Answer,
}

/// A request as backends get it.
pub(crate) struct Sending<'t> {
    pub(crate) forward: &'t Forward,
    /// Path and query.
    pub(crate) target: String,
    /// For each of the Route's backends.
    pub(crate) headers: Vec<HeaderMap>,
}

/// What the client gets.
pub(crate) enum Answer {
    /// The edge's own answer, and why, where it is a refusal.
    Edge(Response<Bytes>, Option<Refusal>),
    /// A backend's. What is done to its fields, shown on one whose values are [`BACKENDS_OWN`].
    Backend {
        /// The fields that something may be done to.
        before: HeaderMap,
        /// What comes of them, and what is added.
        after: HeaderMap,
    },
}

impl<'t> Arrival<'t> {
    /// Finds the virtual host, and out who asks.
    pub(crate) fn of(table: &'t Table, peer: &Peer, mut head: Parts) -> Result<Self, Refusal> {
        let host_value = target::settle_host(&mut head)?;
        let (name, port) = target::read_host(peer, &host_value)?;
        let path = target::path(&head).map(String::from);
        let host = table.hosts.find(&name).ok_or(Refusal::NoHost)?;
        let proxies = &host.trusted_proxies;
        let client = ClientInfo::of(peer, &head.headers, proxies, &host_value, port);
        headers::remove_untrusted_forwarding(&mut head.headers, client.trusted);
        Ok(Self { host, client, head, path })
    }

    /// What the request is to CORS.
    pub(crate) fn cors_request(&self) -> CorsRequest<'_> {
        let is_own = |origin: &HeaderValue| self.client.is_own_origin(origin.as_bytes());
        CorsRequest::of(&self.head.method, &self.head.headers, is_own)
    }

    /// The request as the router sees it; `None` where its path can't be read.
    pub(crate) fn routed<'r>(
        &'r self,
        cors_request: &'r CorsRequest<'_>,
    ) -> Option<router::Request<'r>> {
        self.path.as_deref().ok().map(|path| super::routed(&self.head, path, cors_request))
    }

    /// Goes the request's way to its end.
    pub(crate) fn course(
        &self,
        cors_request: &CorsRequest<'_>,
        install: &Install<'_>,
    ) -> Course<'t> {
        let path = self.path.as_deref().map_err(|refusal| *refusal);
        let found = path.and_then(|path| find_match(self.host, &self.head, path, cors_request));
        let matched = found.as_ref().ok().map(|(matched, _)| *matched);
        let policy = policy_of(self.host, matched);
        let Decision { verdict, disposition, response_headers } =
            Decision::of(policy, cors_request);
        let captured =
            found.as_ref().ok().map(|(matched, captures)| (*matched, named(matched, captures)));
        let mut sending = None;
        let end = self.end(disposition, found, install, &mut sending);
        let answer = answer(end, response_headers, matched, install.id, &self.head.method);
        Course { found: captured, policy, verdict, sending, answer }
    }

    fn end(
        &self,
        disposition: Disposition,
        found: Result<(&'t RouteMatch, Captures<'_>), Refusal>,
        install: &Install<'_>,
        sending: &mut Option<Sending<'t>>,
    ) -> Result<End, Refusal> {
        match disposition {
            Disposition::Proceed => {}
            Disposition::Answer(headers) => {
                return Ok(End::Preflight(local_reply::preflight(*headers, install.id)));
            }
            Disposition::Refuse(denial) => return Err(Refusal::CorsDenied(denial)),
        }
        headers::refuse_loops(&self.head.headers, install.via)?;
        let path = self.path.as_deref().map_err(|refusal| *refusal)?;
        let (matched, captures) = found?;
        if matched.target.unavailable.is_some() {
            return Err(Refusal::NotResolved);
        }
        match &matched.target.action {
            Action::Redirect(redirect) => {
                let Self { client, head, .. } = self;
                local_reply::redirect(redirect, client, &head.uri, path, &matched.path, &captures)
                    .map(End::Edge)
            }
            Action::Respond(respond) => Ok(End::Edge(local_reply::respond(respond))),
            Action::Forward(forward) => {
                let rewritten = forward.rewrite().map(|to| to.path.fill(&matched.path, &captures));
                let target = rewritten.as_deref().unwrap_or(path);
                *sending = Some(self.sending(&matched.target, forward, target, install)?);
                forward.pick(0).map(|_| End::Backend).ok_or(Refusal::NoEndpoint)
            }
        }
    }

    fn sending(
        &self,
        route: &Route,
        forward: &'t Forward,
        path: &str,
        install: &Install<'_>,
    ) -> Result<Sending<'t>, Refusal> {
        let mut sending = Sending { forward, target: String::new(), headers: Vec::new() };
        for backend in forward.backends() {
            let mut headers = self.head.headers.clone();
            let outbound = Outbound {
                peer: install.peer,
                client: &self.client,
                route,
                backend,
                id: install.id,
                via: install.via,
                version: Version::HTTP_11,
                upgrade: hop_by_hop::asks_for_websocket(&headers),
            };
            let host = outbound.prepare(&mut headers);
            let target = headers::target(path, &self.head.uri, backend.protocol, &host)?;
            sending.target = target.path_and_query().map(ToString::to_string).unwrap_or_default();
            sending.headers.push(headers);
        }
        Ok(sending)
    }
}

/// The virtual host that has a Host.
pub(crate) fn find_host<'t>(hosts: &'t Hosts, value: &HeaderValue) -> Option<&'t VirtualHost> {
    hosts.find(&target::Host::parse(value.as_bytes())?.name)
}

/// How a request's way ends where nothing refuses it.
enum End {
    /// With the answer to a preflight.
    Preflight(Response<Bytes>),
    /// With the Route's own answer.
    Edge(Response<Bytes>),
    /// With a backend's.
    Backend,
}

/// A refusal of a request whose host has not been found, so that no policy has a say.
pub(crate) fn refused(refusal: Refusal, id: &HeaderValue, method: &Method) -> Answer {
    Answer::Edge(local_reply::refuse(refusal, id, method), Some(refusal))
}

fn answer(
    end: Result<End, Refusal>,
    response_headers: ResponseHeaders<'_>,
    matched: Option<&RouteMatch>,
    id: &HeaderValue,
    method: &Method,
) -> Answer {
    let edit = |headers: &mut HeaderMap| {
        headers.insert(REQUEST_ID, id.clone());
        if let Some(matched) = matched {
            matched.target.response_headers.apply(headers);
        }
    };
    let (mut response, refusal) = match end {
        Err(refusal) => (local_reply::refuse(refusal, id, method), Some(refusal)),
        Ok(End::Preflight(response)) => (response, None),
        Ok(End::Edge(mut response)) => {
            edit(response.headers_mut());
            (response, None)
        }
        Ok(End::Backend) => {
            let before = sample(matched);
            let mut after = before.clone();
            hop_by_hop::remove_from_response(&mut after, false);
            edit(&mut after);
            response_headers.apply(&mut after);
            return Answer::Backend { before, after };
        }
    };
    response_headers.apply(response.headers_mut());
    Answer::Edge(response, refusal)
}

/// The fields of a backend's answer that the policy or the Route may change.
fn sample(matched: Option<&RouteMatch>) -> HeaderMap {
    let mut fields: HeaderMap = CORS_FIELDS.into_iter().map(|name| (name, BACKENDS_OWN)).collect();
    fields.insert(header::VARY, BACKENDS_OWN);
    if let Some(matched) = matched {
        let edits = &matched.target.response_headers;
        let written = edits.set.iter().chain(&edits.add).map(|(name, _)| name);
        for name in edits.remove.iter().chain(written) {
            fields.insert(name.clone(), BACKENDS_OWN);
        }
    }
    fields
}

fn named(matched: &RouteMatch, captures: &Captures<'_>) -> Vec<(String, String)> {
    let names = matched.path.names().map(str::to_owned);
    let values = captures.values().iter().map(|value| (*value).to_owned());
    let rest = captures.rest().map(|rest| ("*".to_owned(), rest.to_owned()));
    names.zip(values).chain(rest).collect()
}

//! A request that has arrived, and what is known of it.

use super::{
    headers::{ClientInfo, Field, KeptApart, Present, REQUEST_ID, Via},
    local_reply::RouteReply,
    peer::Peer,
    rules::Meeting,
    strict_transport::StrictTransport,
};
use crate::{
    config::{HttpsPorts, Underscores},
    cors::{CorsRequest, Policy, ResponseHeaders, Verdict},
    refusal::Refusal,
    router,
    rules::{Edits, Effects, Seen, Terms},
    table::{PlainHttp, RouteMatch, Rule, Scheme, VirtualHost},
    telemetry::IsolationChanges,
};
use http::{HeaderMap, HeaderName, HeaderValue, request::Parts};
use std::rc::Rc;

/// What a decision depends on in addition to the table and the head.
#[derive(Clone, Copy)]
pub(crate) struct Facts<'a> {
    /// The other end of the connection.
    pub(crate) peer: &'a Peer,
    /// This install's name in `Via`.
    pub(crate) via: &'a Via,
    /// Where plain HTTP is redirected to.
    pub(crate) https_ports: HttpsPorts,
    /// `--underscores`.
    pub(crate) underscores: Underscores,
    /// `--max-body-bytes`.
    pub(crate) max_body_bytes: Option<u64>,
    /// The length of the body, if known.
    pub(crate) body_length: Option<u64>,
    /// What the predicates of Routes, and of rules, may cost.
    pub(crate) predicates: &'a router::Budget,
    /// The request's id, unless a trusted proxy has assigned one.
    pub(crate) id: &'a HeaderValue,
}

/// The virtual host that a request is for, and the client that sent it.
pub(crate) struct Destination<'t> {
    /// The virtual host.
    pub(crate) virtual_host: &'t VirtualHost,
    /// The client.
    pub(super) client: ClientInfo,
    /// The fields that the request has, without those that the client is not trusted to set.
    pub(super) present: Present,
}

/// What is known about a request when it is decided what happens [`Next`]. Fields are filled in
/// phase by phase, so a refusal leaves the later ones empty.
pub(crate) struct Arrived<'t> {
    /// The requested host: lower case, without port; `None` if it is invalid.
    pub(super) host: Option<Rc<str>>,
    /// Its normalised path, or why that is refused.
    pub(crate) path: Result<String, Refusal>,
    /// `None` if no FrontDoor has its host.
    pub(crate) destination: Option<Destination<'t>>,
    /// The winning match.
    pub(crate) matched: Option<&'t RouteMatch>,
    /// The CORS policy that applies: the Route's, or without a Route the FrontDoor's.
    pub(crate) policy: Option<&'t Policy>,
    /// The policy's verdict.
    pub(crate) verdict: Option<Verdict>,
    /// What the policy does with the response's headers.
    pub(super) response_headers: ResponseHeaders<'t>,
    /// What the response says of https.
    pub(crate) strict_transport: StrictTransport<'t>,
    /// What rules make of it, if there are any.
    pub(crate) rules: Option<Box<Effects<'t>>>,
}

/// What happens to a request that is not refused.
pub(crate) enum Next<'t> {
    /// It is an allowed preflight, answered here with these headers, to which no Route's edits
    /// apply (Fetch, "CORS-preflight fetch").
    AllowPreflight(Box<HeaderMap>),
    /// Its Route generates the response.
    Respond(RouteReply<'t>),
    /// It is forwarded to one of the Route's backends.
    Forward(ForwardPlan<'t>),
}

/// How a request is forwarded.
pub(crate) struct ForwardPlan<'t> {
    /// The winning match.
    pub(crate) matched: &'t RouteMatch,
    /// The backends, and on what terms they are reached.
    pub(crate) terms: Terms<'t>,
    /// The path that they get, if it differs from the request's.
    pub(crate) rewritten: Option<String>,
    /// Whether a browser would have sent a preflight if its page had called the backend on another
    /// origin.
    pub(super) avoids_preflight: bool,
}

impl Default for Arrived<'_> {
    /// A request of which nothing is known.
    fn default() -> Self {
        Self {
            host: None,
            path: Err(Refusal::InvalidHost),
            destination: None,
            matched: None,
            policy: None,
            verdict: None,
            response_headers: ResponseHeaders::default(),
            strict_transport: StrictTransport::default(),
            rules: None,
        }
    }
}

impl<'t> Arrived<'t> {
    /// Adds the request id to the response, applies the edits of the Route and of its rules, and keeps
    /// what the response does to its origin within the Route, whoever of its has written it. Then come
    /// the edits of the FrontDoor's rules; the CORS headers are set after these.
    pub(crate) fn edit_response(
        &self,
        id: &HeaderValue,
        headers: &mut HeaderMap,
    ) -> IsolationChanges {
        // The same id identifies the request here, in logs and at the backend, so it replaces the
        // backend's.
        headers.insert(REQUEST_ID, id.clone());
        let (of_route, of_front_door) = self.response_edits().split_last();
        of_route.apply(headers);
        let path = self.path.as_deref().unwrap_or_default();
        let changes = self.kept_apart().map(|it| it.response(path, headers)).unwrap_or_default();
        of_front_door.apply(headers);
        changes
    }

    /// All edits of the request's headers.
    pub(crate) fn request_edits(&self) -> Edits<'_> {
        let own = self.matched.map(|matched| &matched.target.request_headers);
        match &self.rules {
            Some(effects) => effects.request_edits(own),
            None => Edits { own, ..Edits::default() },
        }
    }

    /// What keeps its messages apart from those of other Routes, if anything does.
    pub(crate) fn kept_apart(&self) -> Option<KeptApart<'t>> {
        KeptApart::of(self.destination.as_ref()?.virtual_host, self.matched?)
    }

    /// All edits of the response's headers.
    pub(crate) fn response_edits(&self) -> Edits<'_> {
        let own = self.matched.map(|matched| &matched.target.response_headers);
        match &self.rules {
            Some(effects) => effects.response_edits(own),
            None => Edits { own, ..Edits::default() },
        }
    }

    /// The headers that have decided about it: those that its match, and rules, look at.
    pub(crate) fn deciding_headers(&self) -> impl Iterator<Item = HeaderName> {
        let matched = self.matched.into_iter();
        let predicates = matched.clone().flat_map(|matched| &matched.predicates.headers);
        let names = predicates.flat_map(|it| HeaderName::from_bytes(it.name.as_bytes()));
        let front_door = self.destination.iter().flat_map(|it| it.virtual_host.rules.iter());
        let rules = front_door.chain(matched.flat_map(|matched| &matched.target.rules));
        names.chain(rules.flat_map(Rule::headers))
    }

    /// The path that the backends of a plan get.
    pub(crate) fn target_path<'d>(&'d self, plan: &'d ForwardPlan<'_>) -> &'d str {
        plan.rewritten.as_deref().or(self.path.as_deref().ok()).unwrap_or_default()
    }

    /// Takes what the policy does with the response's headers.
    pub(crate) fn take_response_headers(&mut self) -> ResponseHeaders<'t> {
        std::mem::take(&mut self.response_headers)
    }
}

impl<'t> Destination<'t> {
    /// What happens to this request if it came over plain HTTP, and the host has TLS.
    pub(crate) fn plain_http(&self) -> Option<PlainHttp> {
        let tls = self.virtual_host.tls.as_ref().filter(|_| self.client.scheme == Scheme::Http);
        tls.map(|tls| tls.plain_http)
    }

    /// The request with this head and normalised path, as it meets rules.
    pub(crate) fn meeting<'r>(
        &'r self,
        facts: &Facts<'r>,
        head: &'r Parts,
        path: &'r str,
        cors_request: &CorsRequest<'_>,
    ) -> Meeting<'r, 't> {
        Meeting {
            virtual_host: self.virtual_host,
            peer: facts.peer,
            client: &self.client,
            head,
            path,
            id: facts.id,
            budget: facts.predicates,
            seen: match cors_request {
                CorsRequest::Preflight(_) => Seen::ByPreflight,
                CorsRequest::Plain | CorsRequest::SameOrigin | CorsRequest::CrossOrigin(_) => {
                    Seen::All
                }
            },
        }
    }

    /// Classifies the request for CORS.
    pub(crate) fn cors_request<'h>(&self, head: &'h Parts) -> CorsRequest<'h> {
        if !self.present.has(Field::Origin) {
            return CorsRequest::Plain;
        }
        let is_own = |origin: &HeaderValue| self.client.is_own_origin(origin.as_bytes());
        CorsRequest::of(&head.method, &head.headers, is_own)
    }
}

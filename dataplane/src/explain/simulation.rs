//! Takes requests through the pipeline's own functions, with only a head and no connection.

use super::{
    Target,
    rules::{self, LookedAt},
    sample::sample,
};
use crate::{
    config::{HttpsPorts, Underscores},
    cors::{CorsRequest, ResponseHeaders, denial_reason},
    proxy::{
        self, Arrived, Destination, Facts, ForwardContext, ForwardPlan, Next, Peer, Present, Via,
        hop_by_hop, remove_always,
    },
    refusal::Refusal,
    router,
    table::{Forward, Retry, Table},
};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, header, request::Parts};

/// Placeholder for the id that each request gets.
const ID: HeaderValue = HeaderValue::from_static("(random for each request)");

/// The context of dry runs.
pub(super) struct Simulation<'a, 't> {
    pub(super) table: &'t Table,
    pub(super) target: &'a Target,
    pub(super) peer: &'a Peer,
    pub(super) via: &'a Via,
    pub(super) underscores: Underscores,
    pub(super) https_ports: HttpsPorts,
}

/// A request, and what would happen to it.
pub(super) struct DryRun<'t> {
    head: Parts,
    pub(super) arrived: Arrived<'t>,
    /// What the Route's backends get, or would get if one had an endpoint.
    pub(super) sent: Option<Sent<'t>>,
    pub(super) reply: Reply,
    /// The rules that were looked at.
    pub(super) rules: Vec<LookedAt>,
}

/// A request as backends get it.
pub(super) struct Sent<'t> {
    pub(super) forward: &'t Forward,
    /// Which failed requests are sent again.
    pub(super) retry: &'t Retry,
    /// Path and query.
    pub(super) target: String,
    /// One map for each of the Route's backends.
    pub(super) headers: Vec<HeaderMap>,
    /// The names of the cookies that they don't get, because other Routes' are kept apart.
    pub(super) withheld: Vec<String>,
}

/// The response that the client gets.
pub(super) enum Reply {
    /// Portico's own response, and the reason if it is a refusal.
    Edge(Response<Bytes>, Option<Refusal>),
    /// A backend's response. Changes to its fields are shown on a [`sample`].
    Backend {
        /// The fields that may change.
        before: HeaderMap,
        /// The fields after the changes, with those added.
        after: HeaderMap,
    },
}

impl<'t> Simulation<'_, 't> {
    /// Runs a request to its end.
    pub(super) fn run(&self, method: &Method, headers: &HeaderMap) -> DryRun<'t> {
        let mut head = self.head(method, headers);
        let facts = Facts {
            peer: self.peer,
            via: self.via,
            https_ports: self.https_ports,
            underscores: self.underscores,
            max_body_bytes: None,
            body_length: None,
            predicates: &router::Budget::of_one_request(),
            id: &ID,
        };
        let mut arrived = Arrived::default();
        let next = arrived.decide(self.table, &facts, &mut head);
        let response_headers = arrived.take_response_headers();
        let mut sent = None;
        let end = next.and_then(|next| self.end(next, &arrived, &head, &mut sent));
        let reply = reply(end, &arrived, response_headers, method);
        let rules = rules::looked_at(&arrived, &facts, &head);
        DryRun { head, arrived, sent, reply, rules }
    }

    fn head(&self, method: &Method, headers: &HeaderMap) -> Parts {
        let (mut head, ()) = http::Request::new(()).into_parts();
        head.method = method.clone();
        head.uri = self.target.uri();
        head.headers = headers.clone();
        head.headers.insert(header::HOST, self.target.host().clone());
        head
    }

    fn end(
        &self,
        next: Next<'t>,
        arrived: &Arrived<'t>,
        head: &Parts,
        sent: &mut Option<Sent<'t>>,
    ) -> Result<End, Refusal> {
        match next {
            Next::AllowPreflight(headers) => {
                Ok(End::AllowedPreflight(proxy::preflight(*headers, &ID)))
            }
            Next::Respond(reply) => {
                let content_type = reply.content_type();
                Ok(End::Edge(reply.into_response(), content_type))
            }
            Next::Forward(plan) => {
                if let Some(destination) = &arrived.destination {
                    *sent = Some(self.sent(arrived, destination, &plan, head)?);
                }
                plan.terms.forward.pick(0).ok_or(Refusal::NoEndpoint)?;
                Ok(End::Backend)
            }
        }
    }

    fn sent(
        &self,
        arrived: &Arrived<'t>,
        destination: &Destination<'t>,
        plan: &ForwardPlan<'t>,
        head: &Parts,
    ) -> Result<Sent<'t>, Refusal> {
        let forward = plan.terms.forward;
        let (retry, target, headers) = (plan.terms.retry, String::new(), Vec::new());
        let kept_apart = arrived.kept_apart();
        let withheld = kept_apart.iter().flat_map(|it| it.withheld(&head.headers));
        let withheld = withheld.map(|name| name.into_owned()).collect();
        let mut sent = Sent { forward, retry, target, headers, withheld };
        let upgrade = hop_by_hop::asks_for_websocket(&head.headers);
        let Self { peer, via, .. } = *self;
        let context = ForwardContext { peer, via, arrived, destination, plan, upgrade };
        let mut left = head.clone();
        context.keep_cookies_apart(&mut left.headers);
        for backend in forward.backends() {
            let mut head = left.clone();
            let (_, mut added) = context.prepare(backend, &ID, None, &mut head)?;
            added.move_into(&mut head.headers);
            let target = head.uri.path_and_query();
            sent.target = target.map(ToString::to_string).unwrap_or_default();
            sent.headers.push(head.headers);
        }
        Ok(sent)
    }
}

/// How a request that is not refused ends.
enum End {
    /// With the response to an allowed preflight.
    AllowedPreflight(Response<Bytes>),
    /// With a response that the Route, or a rule, generates, whose content type no edit changes if it
    /// is given.
    Edge(Response<Bytes>, Option<HeaderValue>),
    /// With a backend's response.
    Backend,
}

fn reply(
    end: Result<End, Refusal>,
    arrived: &Arrived<'_>,
    response_headers: ResponseHeaders<'_>,
    method: &Method,
) -> Reply {
    let (mut response, refusal) = match end {
        Err(refusal) => (proxy::refuse(refusal, &ID, method), Some(refusal)),
        Ok(End::AllowedPreflight(response)) => (response, None),
        Ok(End::Edge(mut response, content_type)) => {
            arrived.edit_response(&ID, response.headers_mut());
            if let Some(content_type) = content_type {
                response.headers_mut().insert(header::CONTENT_TYPE, content_type);
            }
            (response, None)
        }
        Ok(End::Backend) => {
            let isolation = arrived.matched.map(|matched| &matched.target.isolation);
            let origin_wide = isolation.map(|it| it.origin_wide).unwrap_or_default();
            let before = sample(arrived.response_edits(), origin_wide);
            let mut after = before.clone();
            let present = Present::of(&after);
            hop_by_hop::remove_from_response(&mut after, present, false);
            remove_always(&mut after, present);
            arrived.edit_response(&ID, &mut after);
            response_headers.apply(&mut after);
            arrived.strict_transport.apply(&mut after);
            return Reply::Backend { before, after };
        }
    };
    response_headers.apply(response.headers_mut());
    arrived.strict_transport.apply(response.headers_mut());
    Reply::Edge(response, refusal)
}

impl<'t> DryRun<'t> {
    /// Classifies the request for CORS; `None` if no FrontDoor has its host.
    pub(super) fn cors_request(&self) -> Option<CorsRequest<'_>> {
        Some(self.arrived.destination.as_ref()?.cors_request(&self.head))
    }

    /// The request as the router sees it; `None` if its path is refused.
    pub(super) fn routed<'r>(
        &'r self,
        cors_request: &'r CorsRequest<'_>,
    ) -> Option<router::Request<'r>> {
        let path = self.arrived.path.as_deref().ok()?;
        Some(proxy::routed(&self.head, path, cors_request))
    }

    /// A note about `headers` of the request that Portico does not believe.
    pub(super) fn removed_note(&self, headers: &HeaderMap) -> Option<String> {
        let removed = headers.keys().filter(|name| !self.head.headers.contains_key(*name));
        let mut names: Vec<_> = removed.map(HeaderName::as_str).collect();
        names.sort_unstable();
        let (noun, verb) = match names.as_slice() {
            [] => return None,
            [_] => ("header", "is"),
            _ => ("headers", "are"),
        };
        Some(format!(
            "{noun} {} {verb} removed: clients are not trusted to set names that proxies use, nor, without --underscores allow, names with an underscore",
            names.join(", ")
        ))
    }

    /// What the policy does not allow, and why.
    pub(super) fn denial(&self, cors_request: &CorsRequest<'_>) -> Option<String> {
        let denial = self.arrived.verdict?.outcome.denial()?;
        Some(denial_reason(denial, self.arrived.policy?, cors_request))
    }

    /// What the winning match's path captured, by name; the rest is under `*`.
    pub(super) fn captures(&self) -> Vec<(String, String)> {
        let path = self.arrived.path.as_deref().ok();
        let Some((matched, path)) = self.arrived.matched.zip(path) else { return Vec::new() };
        let Some(captures) = matched.path.matches(path) else { return Vec::new() };
        let names = matched.path.names().map(str::to_owned);
        let values = captures.values().iter().map(|value| (*value).to_owned());
        let rest = captures.rest().map(|rest| ("*".to_owned(), rest.to_owned()));
        names.zip(values).chain(rest).collect()
    }
}

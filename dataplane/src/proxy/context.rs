//! How the client's head becomes that which a backend gets.

use super::{
    affinity,
    decide::{Arrived, Destination, ForwardPlan},
    headers::{self, Field, Outbound, RequestRewrite, ResponseRewrite, Via, trailers},
    peer::Peer,
};
use crate::{refusal::Refusal, request::AddedFields, table::Backend, telemetry::IsolationChanges};
use http::{HeaderMap, HeaderValue, Method, request::Parts};
use std::net::SocketAddr;

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
    /// Leaves of the client's cookies those that backends get, under the names that they use.
    pub(crate) fn keep_cookies_apart(&self, headers: &mut HeaderMap) -> IsolationChanges {
        affinity::remove_cookies(headers, &self.destination.virtual_host.affinity_cookies);
        self.arrived.kept_apart().map(|it| it.request(headers)).unwrap_or_default()
    }

    /// Turns the client's head into that for `backend`; returns the backend's Host, and the fields
    /// that it gets beside the head's.
    pub(crate) fn prepare(
        &self,
        backend: &Backend,
        id: &HeaderValue,
        head: &mut Parts,
    ) -> Result<(HeaderValue, AddedFields), Refusal> {
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
        let present = self.destination.present;
        rewrite.apply(&head.method, &mut head.headers, present)?;
        let announced = present.has(Field::Trailer);
        let trailers = announced.then(|| trailers::of_request(&head.headers, self.plan.matched));
        if head.method == Method::OPTIONS {
            headers::count_hop(&mut head.headers);
        }
        let (host, added) = outbound.prepare(&mut head.headers, present);
        if let Some(trailers) = trailers {
            trailers.announce(&mut head.headers);
        }
        let path = self.arrived.target_path(self.plan);
        head.uri = headers::target(path, &head.uri, &backend.protocol, &host)?;
        Ok((host, added))
    }

    /// How what `backend` responds is mapped back, given the Host that it got and the address that
    /// was dialled.
    pub(super) fn response_rewrite<'r>(
        &'r self,
        backend: &'r Backend,
        sent_host: &'r HeaderValue,
        dialled: SocketAddr,
    ) -> ResponseRewrite<'r> {
        ResponseRewrite {
            client: &self.destination.client,
            backend,
            sent_host,
            dialled,
            forward: self.plan.forward,
            pattern: &self.plan.matched.path,
            path: self.arrived.path.as_deref().unwrap_or_default(),
        }
    }
}

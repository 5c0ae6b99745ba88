//! How the client's head becomes that which a backend gets.

use super::{
    affinity,
    arrived::{Arrived, Destination, ForwardPlan},
    headers::{self, Field, Outbound, RequestRewrite, ResponseRewrite, Via, trailers},
    peer::Peer,
    rules::sender,
};
use crate::{
    refusal::Refusal,
    request::AddedFields,
    table::{Backend, HostHeader},
    telemetry::IsolationChanges,
    trace::RequestTrace,
};
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

    /// Turns the client's head into that for `backend`, in its `trace` if it is traced; returns the
    /// backend's Host, and the fields that it gets beside the head's.
    pub(crate) fn prepare(
        &self,
        backend: &Backend,
        id: &HeaderValue,
        trace: Option<&mut RequestTrace>,
        head: &mut Parts,
    ) -> Result<(HeaderValue, AddedFields), Refusal> {
        let host = self.plan.terms.host(backend);
        let trace_parent = trace.map(|trace| {
            trace.remove_replaced(&mut head.headers);
            trace.next_try()
        });
        let outbound = Outbound {
            peer: self.peer,
            client: &self.destination.client,
            edits: self.arrived.request_edits(),
            backend,
            host: &host,
            id,
            trace_parent: trace_parent.as_ref(),
            via: self.via,
            version: head.version,
            upgrade: self.upgrade,
        };
        let present = self.destination.present;
        if RequestRewrite::is_due(&head.method, present) {
            let client = &self.destination.client;
            let rewrite = RequestRewrite {
                client,
                virtual_host: self.destination.virtual_host,
                backend,
                host: &host,
                is_rewritten: self.plan.terms.template.is_some(),
                sender: sender(self.peer, client, head.version, id),
            };
            rewrite.apply(&head.method, &mut head.headers)?;
        }
        let announced = present.has(Field::Trailer);
        let trailers = announced.then(|| {
            let deciding = self.arrived.deciding_headers();
            trailers::of_request(&head.headers, self.arrived.request_edits(), deciding)
        });
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
            preserves_host: *self.plan.terms.host(backend) == HostHeader::Preserve,
            template: self.plan.terms.template.as_deref(),
            pattern: &self.plan.matched.path,
            path: self.arrived.path.as_deref().unwrap_or_default(),
        }
    }
}

//! What the spans of a request show, noted as it becomes known.

use super::{
    Exchange, arrived::Arrived, attempts::Failed, downstream::Downstream, selection::Chosen,
};
use crate::{
    refusal::Refusal,
    table::Backend,
    telemetry::RequestRecord,
    trace::{Arrival, RequestTrace, Started, TryEnd},
    upstream::UpstreamResponse,
};
use http::{HeaderValue, request::Parts};

impl<D: Downstream> Exchange<'_, D> {
    /// Whether each try is a span.
    pub(super) fn has_spans(&self) -> bool {
        self.record.trace.as_deref().is_some_and(RequestTrace::is_recorded)
    }

    /// Notes what is known of the request.
    pub(super) fn trace_arrived(&mut self, arrived: &Arrived<'_>, head: &Parts) {
        let Some(trace) = self.record.trace.as_deref_mut() else { return };
        let peer = self.downstream.peer();
        let client = arrived.destination.as_ref().map(|destination| &destination.client);
        trace.arrived(Arrival {
            peer: peer.address,
            scheme: client.map_or(peer.scheme, |client| client.scheme),
            host: arrived.host.as_deref(),
            port: client.map(|client| client.port),
            method: &head.method,
            path: arrived.path.as_deref().ok(),
            version: head.version,
            headers: &head.headers,
            pattern: arrived.matched.map(|matched| &matched.path),
        });
    }

    /// Notes that this head is sent.
    pub(super) fn try_begins(
        &mut self,
        backend: &Backend,
        chosen: &Chosen,
        host: &HeaderValue,
        head: &Parts,
    ) {
        let now = self.downstream.state().deadline.now();
        let RequestRecord { trace: Some(trace), start, .. } = &mut *self.record else { return };
        trace.try_begins(Started {
            backend: &backend.name,
            scheme: backend.protocol.scheme(),
            host,
            path: head.uri.path(),
            endpoint: chosen.member().endpoint.address(),
            at: now.saturating_duration_since(*start),
        });
    }

    /// Notes what came of it: a response, or why there was none.
    pub(super) fn try_ended(
        &mut self,
        chosen: &Chosen,
        outcome: &Result<Box<UpstreamResponse>, Failed>,
        refusal: Option<Refusal>,
    ) {
        let now = self.downstream.state().deadline.now();
        let RequestRecord { trace: Some(trace), start, .. } = &mut *self.record else { return };
        let at = now.saturating_duration_since(*start);
        let status = outcome.as_ref().ok().map(|received| received.response.status().as_u16());
        let reason = refusal.map_or("", Refusal::reason);
        let endpoint = chosen.member().endpoint.address();
        trace.try_ended(TryEnd { endpoint, status, reason, at });
    }
}

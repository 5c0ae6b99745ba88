//! One check: a request to one endpoint, and whether its answer is a success.

use crate::{
    endpoint::{Candidates, CheckFailure, Checked},
    refusal::Refusal,
    request::{AddedFields, Deadline, RequestBody},
    table::{Backend, CheckMethod, HealthCheck, HostHeader, Protocol, Timeouts},
    upstream::{Caller, RequestToSend, UpstreamBody, Upstreams},
};
use bytes::Bytes;
use http::{
    HeaderValue, Method, Request, Uri, header,
    request::Parts,
    uri::{Authority, PathAndQuery},
};
use http_body_util::BodyExt;
use std::time::{Duration, Instant};
use tokio::time::timeout_at;

/// The `User-Agent` of checks.
const USER_AGENT: HeaderValue = HeaderValue::from_static("portico-health");

/// How much of a response's body is read, so that its connection serves the next check; a longer
/// one ends the connection.
const MAX_BODY_BYTES: usize = 64 * 1024;

/// Checks an endpoint once. Returns how long a response took that is a success.
pub(super) async fn check(
    upstreams: &Upstreams,
    checked: &Checked,
) -> Result<Duration, CheckFailure> {
    let Checked { endpoint, backend, block, .. } = checked;
    let mut head = head(backend, block).ok_or(CheckFailure::NoResponse(Refusal::InvalidTarget))?;
    let mut body = RequestBody::empty();
    let began = Instant::now();
    let until = began + block.timeout;
    let (limit, deadline) = (Some(block.timeout), Deadline::new());
    let timeouts = Timeouts { connect: limit, request: limit, idle: limit };
    let only = [endpoint];
    let candidates = Candidates::of_check(&only);
    let caller = Caller { deadline: &deadline, on_interim: &|_, _| {} };
    let added = AddedFields::default();
    let request = RequestToSend { head: &mut head, added: &added, body: &mut body };
    let sending = upstreams.send(backend, &candidates, request, caller, &timeouts);
    let (response, connecting) = match timeout_at(until.into(), sending).await {
        Ok(Ok(received)) => (received.response, received.connecting),
        Ok(Err(error)) => return Err(CheckFailure::NoResponse(error.refusal())),
        Err(_) => return Err(CheckFailure::NoResponse(Refusal::BackendTimeout)),
    };
    let took = began.elapsed().saturating_sub(connecting);
    let status = response.status();
    // The body decides nothing.
    let _ = timeout_at(until.into(), finish(response.into_body())).await;
    if block.expects(status) { Ok(took) } else { Err(CheckFailure::Status(status)) }
}

/// Reads a body to its end, unless that is far.
async fn finish(mut body: UpstreamBody) {
    let mut left = MAX_BODY_BYTES;
    while let Some(Ok(frame)) = body.frame().await {
        let length = frame.data_ref().map_or(0, Bytes::len);
        match left.checked_sub(length) {
            Some(rest) => left = rest,
            None => return,
        }
    }
}

/// The head of a check; `None` where the block's path is no target.
fn head(backend: &Backend, block: &HealthCheck) -> Option<Parts> {
    let host = host(backend, block)?;
    let path = PathAndQuery::try_from(block.path.as_str()).ok()?;
    let uri = match &backend.protocol {
        Protocol::Http1 => Uri::from(path),
        // HTTP/2 has the authority in the target; HTTP/1.1 leaves it out.
        Protocol::H2c | Protocol::Https(_) => Uri::builder()
            .scheme(backend.protocol.scheme().as_str())
            .authority(Authority::try_from(host.as_bytes()).ok()?)
            .path_and_query(path)
            .build()
            .ok()?,
    };
    let method = match block.method {
        CheckMethod::Get => Method::GET,
        CheckMethod::Head => Method::HEAD,
    };
    let request = Request::builder().method(method).uri(uri).header(header::HOST, host);
    let request = request.header(header::USER_AGENT, USER_AGENT).header(header::ACCEPT, "*/*");
    Some(request.body(()).ok()?.into_parts().0)
}

/// The Host of a check: the block's, or what requests get, which with `host: Preserve` is the
/// backend's own.
fn host(backend: &Backend, block: &HealthCheck) -> Option<HeaderValue> {
    match (&block.host, &backend.host) {
        (Some(host), _) | (None, HostHeader::Set(host)) => Some(host.clone()),
        (None, HostHeader::Preserve) => {
            let own = backend.own_authorities.first()?;
            HeaderValue::try_from(own.to_string()).ok()
        }
    }
}

//! HTTP/2 with prior knowledge (RFC 9113 §3.3) to backends whose Service says so: one connection
//! per endpoint and worker, in a task of its own, shared by all requests.

use super::{Kind, SendError, Stream, UpstreamBody, UpstreamResponse};
use crate::{refusal::Refusal, request::RequestBody};
use http::{Request, Version, header, request::Parts};
use hyper::client::conn::http2::{Builder, SendRequest};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::{
    cell::RefCell, collections::HashMap, error::Error, future::Future, net::SocketAddr,
    time::Duration,
};

/// The connections of a worker.
#[derive(Default)]
pub(super) struct H2c {
    senders: RefCell<HashMap<SocketAddr, SendRequest<RequestBody>>>,
}

/// Runs hyper's tasks on this worker's thread.
#[derive(Clone)]
struct Here;

impl<F: Future<Output: 'static> + 'static> hyper::rt::Executor<F> for Here {
    fn execute(&self, future: F) {
        tokio::task::spawn_local(future);
    }
}

impl H2c {
    /// The live connection to `address`, if there is one.
    pub(super) fn get(&self, address: SocketAddr) -> Option<SendRequest<RequestBody>> {
        let mut senders = self.senders.borrow_mut();
        let sender = senders.get(&address)?;
        if sender.is_closed() {
            senders.remove(&address);
            return None;
        }
        Some(sender.clone())
    }

    /// Speaks HTTP/2 over a fresh stream.
    pub(super) async fn handshake(
        &self,
        stream: Stream,
        address: SocketAddr,
    ) -> Result<SendRequest<RequestBody>, Refusal> {
        let (sender, connection) = Builder::new(Here)
            .timer(TokioTimer::new())
            .keep_alive_interval(Duration::from_secs(20))
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|_| Refusal::BackendBroken)?;
        tokio::task::spawn_local(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%address, %error, "HTTP/2 connection to a backend failed");
            }
        });
        self.senders.borrow_mut().insert(address, sender.clone());
        Ok(sender)
    }

    /// Forgets closed connections.
    pub(super) fn evict_idle(&self) {
        self.senders.borrow_mut().retain(|_, sender| !sender.is_closed());
    }
}

/// Sends a request over a connection. An error counts as unanswered where the connection has ended,
/// and not this request alone. `head` stays as it was, and so does `body` where nothing is sent.
pub(super) async fn send(
    sender: &mut SendRequest<RequestBody>,
    address: SocketAddr,
    head: &Parts,
    body: &mut RequestBody,
) -> Result<UpstreamResponse, SendError> {
    let mut request = Request::new(std::mem::replace(body, RequestBody::empty()));
    *request.method_mut() = head.method.clone();
    *request.uri_mut() = head.uri.clone();
    *request.version_mut() = Version::HTTP_2;
    *request.headers_mut() = head.headers.clone();
    // The authority is in the target, and what frames the body in frames of HTTP/2.
    for name in [header::HOST, header::CONNECTION] {
        request.headers_mut().remove(name);
    }
    match sender.try_send_request(request).await {
        Ok(response) => {
            let response = response.map(|body| UpstreamBody(Kind::Http2(body)));
            Ok(UpstreamResponse { response, address, upgraded: None })
        }
        Err(mut failed) => {
            let unsent = failed.take_message();
            let is_unsent = unsent.is_some();
            *body = unsent.map_or(RequestBody::empty(), Request::into_body);
            let error = failed.into_error();
            let cause = error.source().and_then(|cause| cause.downcast_ref::<h2::Error>());
            let unanswered = !cause.is_some_and(h2::Error::is_reset);
            Err(SendError { unsent: is_unsent, unanswered, source: Some(error.into()) })
        }
    }
}

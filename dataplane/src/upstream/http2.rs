//! HTTP/2 with prior knowledge (RFC 9113 §3.3) to backends whose Service asks for it: one
//! connection per endpoint and worker, in a task of its own, shared by all requests.

use super::{Stream, UpstreamBody, UpstreamResponse, body::Kind, error::UpstreamError};
use crate::request::RequestBody;
use http::{Request, Version, header, request::Parts};
use hyper::client::conn::http2::{Builder, SendRequest};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::{
    cell::RefCell, collections::HashMap, error::Error, future::Future, net::SocketAddr,
    time::Duration,
};

/// How often a connection with open streams is pinged (RFC 9113 §6.7).
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(20);

/// The HTTP/2 connections of a worker.
#[derive(Default)]
pub(super) struct Http2Connections {
    senders: RefCell<HashMap<SocketAddr, SendRequest<RequestBody>>>,
}

/// A connection, shared with other requests.
pub(super) struct Http2 {
    sender: SendRequest<RequestBody>,
    address: SocketAddr,
}

/// Runs hyper's tasks on this worker's thread.
#[derive(Clone)]
struct LocalExecutor;

impl<F: Future<Output: 'static> + 'static> hyper::rt::Executor<F> for LocalExecutor {
    fn execute(&self, future: F) {
        tokio::task::spawn_local(future);
    }
}

impl Http2Connections {
    /// The live connection to `address`, if there is one.
    pub(super) fn get(&self, address: SocketAddr) -> Option<Http2> {
        let mut senders = self.senders.borrow_mut();
        let sender = senders.get(&address)?;
        if sender.is_closed() {
            senders.remove(&address);
            return None;
        }
        Some(Http2 { sender: sender.clone(), address })
    }

    /// Starts HTTP/2 on a new stream.
    pub(super) async fn handshake(
        &self,
        stream: Stream,
        address: SocketAddr,
    ) -> Result<Http2, UpstreamError> {
        let (sender, connection) = Builder::new(LocalExecutor)
            .timer(TokioTimer::new())
            .keep_alive_interval(KEEP_ALIVE_INTERVAL)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|error| UpstreamError::exchange(false, false, error))?;
        tokio::task::spawn_local(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%address, %error, "HTTP/2 connection to a backend failed");
            }
        });
        self.senders.borrow_mut().insert(address, sender.clone());
        Ok(Http2 { sender, address })
    }

    /// Drops closed connections.
    pub(super) fn evict_closed(&self) {
        self.senders.borrow_mut().retain(|_, sender| !sender.is_closed());
    }
}

impl Http2 {
    /// Sends a request and waits for the head of its response. An error counts as unanswered if the
    /// whole connection has ended, rather than only this request's stream. `head` is unchanged, and
    /// so is `body` if nothing was sent.
    pub(super) async fn send(
        mut self,
        head: &Parts,
        body: &mut RequestBody,
    ) -> Result<UpstreamResponse, UpstreamError> {
        let mut request = Request::new(std::mem::replace(body, RequestBody::empty()));
        *request.method_mut() = head.method.clone();
        *request.uri_mut() = head.uri.clone();
        *request.version_mut() = Version::HTTP_2;
        *request.headers_mut() = head.headers.clone();
        // The authority is in the target, and HTTP/2 has no Connection field (RFC 9113 §8.2.2,
        // §8.3.1).
        for name in [header::HOST, header::CONNECTION] {
            request.headers_mut().remove(name);
        }
        match self.sender.try_send_request(request).await {
            Ok(response) => {
                let response = response.map(|body| UpstreamBody(Kind::Http2(body)));
                Ok(UpstreamResponse { response, address: self.address, upgraded: None })
            }
            Err(mut failed) => {
                let unsent = failed.take_message();
                let sent = unsent.is_none();
                *body = unsent.map_or(RequestBody::empty(), Request::into_body);
                let error = failed.into_error();
                let cause = error.source().and_then(|cause| cause.downcast_ref::<h2::Error>());
                let answered = cause.is_some_and(h2::Error::is_reset);
                Err(UpstreamError::exchange(sent, answered, error))
            }
        }
    }
}

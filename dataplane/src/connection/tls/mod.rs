//! TLS connections from clients: the handshake, with the certificate of the host that the client
//! names, and the stream after it.

mod bounded;
mod client_certificate;
mod handshake;
mod settings;
mod stream;
mod tickets;

pub(crate) use settings::TlsAcceptor;
pub(crate) use tickets::Tickets;

use super::{
    http1, http2,
    registry::{Activity, ConnectionHandle, Draining, Registered},
};
use crate::{
    proxy::{Peer, Shared},
    refusal::Refusal,
    table::Scheme,
};
use bytes::Bytes;
use handshake::{Failure, Outcome};
use std::{
    future::{Future, poll_fn},
    net::SocketAddr,
    pin::pin,
    rc::Rc,
    task::Poll,
    time::{Duration, Instant},
};
use tokio::{net::TcpStream, time::sleep};

/// What a connection holds at most during its handshake, beside the chain that it presents: what
/// every connection does, the state of TLS, and what the client has sent.
const HANDSHAKE_BYTES: usize = 12 * 1024 + bounded::MAX_HANDSHAKE_BYTES;

/// Serves a connection that was accepted for TLS to its end.
pub(super) async fn serve(
    shared: Rc<Shared>,
    registered: Registered,
    acceptor: Rc<TlsAcceptor>,
    io: TcpStream,
    address: SocketAddr,
) {
    let accepted_at = Instant::now();
    let handle = registered.handle.clone();
    // Until it has said what it is for, it is one of those that say nothing.
    handle.set_activity(Activity::Idle, accepted_at);
    handle.set_memory(HANDSHAKE_BYTES);
    // Boxed, so that a connection does not keep the memory of its beginning.
    let handshake = Box::pin(acceptor.handshake(&shared, &handle, io));
    let result = within(&handle, shared.limits.handshake_timeout, handshake).await;
    acceptor.count(address, accepted_at.elapsed(), &result);
    // As HTTP takes it for, until it has looked.
    handle.set_activity(Activity::Busy, Instant::now());
    match result {
        Ok(Outcome::Tls(io, session)) => {
            let peer = Peer::over_tls(address, session);
            if io.is_http_2() {
                // Boxed, as where a client has prior knowledge.
                Box::pin(http2::serve(shared, handle, peer, io, Bytes::new())).await;
            } else {
                // Over TLS it is ALPN alone that chooses HTTP/2 (RFC 9113 §3.2).
                drop(http1::serve(shared, handle, io, peer).await);
            }
        }
        Ok(Outcome::PlainHttp(io)) => {
            let peer = Peer::new(address, Scheme::Http);
            let refusal = Refusal::HttpsExpected;
            Box::pin(http1::refuse(shared, handle, io, peer, refusal)).await;
        }
        Err(_) => {}
    }
    drop(registered);
}

/// A handshake's result, as long as the connection has the time, and its place.
async fn within(
    handle: &ConnectionHandle,
    limit: Duration,
    mut handshake: impl Future<Output = Result<Outcome, Failure>> + Unpin,
) -> Result<Outcome, Failure> {
    let mut timeout = pin!(sleep(limit));
    poll_fn(|cx| {
        handle.remember(cx.waker());
        match handle.draining() {
            Draining::No | Draining::AfterRequest => {}
            Draining::Now | Draining::GiveWay => return Poll::Ready(Err(Failure::GaveWay)),
        }
        if let Poll::Ready(result) = pin!(&mut handshake).poll(cx) {
            return Poll::Ready(result);
        }
        timeout.as_mut().poll(cx).map(|()| Err(Failure::Timeout))
    })
    .await
}

//! One client connection, from accept to close.

mod clients;
pub(crate) mod http1;
mod http2;
mod memory;
mod queues;
mod registry;
mod rtt;
mod tls;
mod tunnel;

pub(crate) use clients::{Admission, Clients};
pub(crate) use memory::MemoryBudget;
pub(crate) use registry::Registry;
pub(crate) use tls::{Tickets, TlsAcceptor};

use crate::proxy::{Peer, Shared};
use rtt::RoundTrip;
use std::{net::SocketAddr, rc::Rc};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};

/// The Host of the head that replaces a refused one: no valid Host, so that no client's request can
/// be mistaken for it.
const STAND_IN_HOST: &str = "<refused>";

/// Serves one connection of `peer` to its end; its first bytes choose the protocol. It is registered
/// by the call, not by the first poll, and counts for its client until it has ended.
pub(crate) fn serve<T>(
    shared: Rc<Shared>,
    registry: &Rc<Registry>,
    io: T,
    peer: Peer,
    admission: Admission,
) -> impl Future<Output = ()> + use<T>
where
    T: AsyncRead + AsyncWrite + RoundTrip + Unpin + 'static,
{
    let registered = registry.register(admission);
    let handle = registered.handle.clone();
    let served = http1::serve(shared.clone(), handle.clone(), io, peer);
    async move {
        if let Some((io, read, peer)) = served.await {
            // Boxed, so that a connection of HTTP/1.1 does not take its memory.
            Box::pin(http2::serve(shared, handle, peer, io, read.into())).await;
        }
        drop(registered);
    }
}

/// The same for a connection that begins with a TLS handshake.
pub(crate) fn serve_tls(
    shared: Rc<Shared>,
    registry: &Rc<Registry>,
    acceptor: Rc<TlsAcceptor>,
    io: TcpStream,
    address: SocketAddr,
    admission: Admission,
) -> impl Future<Output = ()> + use<> {
    let registered = registry.register(admission);
    tls::serve(shared, registered, acceptor, io, address)
}

//! One client connection, from accept to close.

pub(crate) mod http1;
mod registry;
mod rtt;
mod tunnel;

pub(crate) use registry::Registry;

use crate::proxy::Shared;
use rtt::RoundTrip;
use std::{net::SocketAddr, rc::Rc};
use tokio::io::{AsyncRead, AsyncWrite};

/// Serves one connection to its end. It is registered by the call, not by the first poll.
pub(crate) fn serve<T>(
    shared: Rc<Shared>,
    registry: &Rc<Registry>,
    io: T,
    peer: SocketAddr,
) -> impl Future<Output = ()> + use<T>
where
    T: AsyncRead + AsyncWrite + RoundTrip + Unpin + 'static,
{
    http1::serve(shared, registry, io, peer)
}

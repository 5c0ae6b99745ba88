//! One client connection, from accept to close.

mod clients;
pub(crate) mod http1;
mod memory;
mod queues;
mod registry;
mod rtt;
mod tunnel;

pub(crate) use clients::{Admission, Clients};
pub(crate) use memory::MemoryBudget;
pub(crate) use registry::Registry;

use crate::proxy::Shared;
use rtt::RoundTrip;
use std::{net::SocketAddr, rc::Rc};
use tokio::io::{AsyncRead, AsyncWrite};

/// Serves one connection to its end. It is registered by the call, not by the first poll, and
/// counts for its client until it has ended.
pub(crate) fn serve<T>(
    shared: Rc<Shared>,
    registry: &Rc<Registry>,
    io: T,
    peer: SocketAddr,
    admission: Admission,
) -> impl Future<Output = ()> + use<T>
where
    T: AsyncRead + AsyncWrite + RoundTrip + Unpin + 'static,
{
    let registered = registry.register(admission);
    http1::serve(shared, registered, io, peer)
}

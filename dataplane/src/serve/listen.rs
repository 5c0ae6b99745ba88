//! Listeners: one per worker on each address, so that the kernel distributes connections.

use crate::table::Scheme;
use socket2::{Domain, Protocol, Socket, Type};
use std::{
    io,
    net::{SocketAddr, TcpListener},
};
use tokio::net::TcpStream;

/// How many connections may wait to be accepted.
const BACKLOG: i32 = 4096;

/// The sockets of a worker.
#[derive(Debug)]
pub(super) struct Listeners<T> {
    /// For plain HTTP.
    pub(super) http: T,
    /// For HTTPS.
    pub(super) https: T,
}

impl Listeners<TcpListener> {
    /// The same for the current runtime.
    pub(super) fn into_async(self) -> io::Result<Listeners<tokio::net::TcpListener>> {
        let Self { http, https } = self;
        let [http, https] = [http, https].map(tokio::net::TcpListener::from_std);
        Ok(Listeners { http: http?, https: https? })
    }
}

impl Listeners<tokio::net::TcpListener> {
    /// The next connection on any of them; none keeps the others waiting.
    pub(super) async fn accept(&self) -> (Scheme, io::Result<(TcpStream, SocketAddr)>) {
        tokio::select! {
            accepted = self.http.accept() => (Scheme::Http, accepted),
            accepted = self.https.accept() => (Scheme::Https, accepted),
        }
    }
}

/// Binds `count` listeners to `address`; with port 0 the system chooses one port for all.
pub(super) fn bind(
    address: SocketAddr,
    count: usize,
) -> io::Result<(SocketAddr, Vec<TcpListener>)> {
    if address.port() != 0 {
        // With SO_REUSEPORT, a second process of the same user would share the port silently.
        drop(socket(address, false)?);
    }
    let first = socket(address, true)?;
    let address = first.local_addr()?;
    let mut listeners = vec![first];
    for _ in 1..count {
        listeners.push(socket(address, true)?);
    }
    Ok((address, listeners))
}

fn socket(address: SocketAddr, shared: bool) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(shared)?;
    socket.set_nonblocking(true)?;
    // Inherited by the connections. Responses are written whole, so waiting to fill segments would
    // only delay them.
    socket.set_tcp_nodelay(true)?;
    socket.bind(&address.into())?;
    if shared {
        socket.listen(BACKLOG)?;
    }
    Ok(socket.into())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn connections_delay_nothing() {
        let (address, listeners) = bind(([127, 0, 0, 1], 0).into(), 1).unwrap();
        let _client = std::net::TcpStream::connect(address).unwrap();
        listeners[0].set_nonblocking(false).unwrap();
        let (accepted, _) = listeners[0].accept().unwrap();
        assert!(accepted.nodelay().unwrap());
    }
}

//! Backends that fail, are late, or are not there; and those that speak more than plain HTTP/1.1.

mod backend_tls;
mod connects;
mod failures;
mod http2;
mod http2_frames;
mod http2_peer;
mod http2_sharing;
mod names;
mod retries;
mod timeouts;
mod tls;

use portico_tests::{
    backend::Stage,
    edge::Edge,
    wire::{ask, get},
};
use std::{net::SocketAddr, time::Duration};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// An address where nobody listens.
pub(super) async fn nobody() -> SocketAddr {
    Stage::open().await.unwrap().address().unwrap()
}

/// An address that lets connections wait for ever: its queue is full, and nobody takes any.
async fn black_hole() -> (TcpListener, Vec<TcpStream>, SocketAddr) {
    black_hole_at("127.0.0.1:0").await.unwrap()
}

/// The same at this address, if the machine has it.
async fn black_hole_at(
    address: &str,
) -> std::io::Result<(TcpListener, Vec<TcpStream>, SocketAddr)> {
    let address: SocketAddr = address.parse().unwrap();
    let socket = if address.is_ipv6() { TcpSocket::new_v6() } else { TcpSocket::new_v4() }?;
    socket.bind(address)?;
    let listener = socket.listen(1)?;
    let address = listener.local_addr().unwrap();
    let mut waiting = Vec::new();
    let patience = Duration::from_millis(300);
    while let Ok(stream) = tokio::time::timeout(patience, TcpStream::connect(address)).await {
        waiting.push(stream.unwrap());
    }
    Ok((listener, waiting, address))
}

/// Status and reason of the answer to a GET.
async fn outcome(edge: &Edge) -> (u16, String) {
    let answer = ask(edge.address(), get("/", "")).await.unwrap();
    (answer.status(), answer.reason())
}

fn is(status: u16, reason: &str) -> (u16, String) {
    (status, reason.to_owned())
}

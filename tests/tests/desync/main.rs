//! A differential fuzzer of framing: random requests and responses, good and bad, through the edge
//! and over sockets, to peers that read strictly and record every byte. No ambiguous message leaves
//! the edge, and every response belongs to its request.
//!
//! `DESYNC_SECONDS` says how long each direction takes (30), `DESYNC_SEED` where to begin; a failure
//! prints its seed.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, clippy::indexing_slicing)]

mod generate;
mod peer;
mod requests;
mod responses;
mod strict;

use peer::Peer;
use portico_tests::{backend::one_route, edge::Edge};
use std::{
    env,
    io::{ErrorKind, Read, Write},
    net::{Shutdown, SocketAddr, TcpStream},
    time::{Duration, Instant},
};

/// How long the edge may take for a response, or to close the connection.
const DEADLINE: Duration = Duration::from_secs(10);
/// How long a client waits before it ends its side.
const PATIENCE: Duration = Duration::from_millis(200);

/// An edge with one Route for everything, to one backend.
struct Rig {
    edge: Edge,
    peer: Peer,
}

impl Rig {
    async fn start() -> Self {
        let peer = Peer::start();
        let manifests = one_route(peer.address, "timeouts: {request: 5s, idle: 5s}");
        Self { edge: Edge::start(&manifests).await.unwrap(), peer }
    }

    fn address(&self) -> SocketAddr {
        self.edge.address()
    }
}

/// Runs `case` with one seed after the other.
fn fuzz(mut case: impl FnMut(u64)) {
    let number = |name| env::var(name).ok().and_then(|value| value.parse::<u64>().ok());
    let time = Duration::from_secs(number("DESYNC_SECONDS").unwrap_or(30));
    let first = number("DESYNC_SEED").unwrap_or(1);
    let (begin, mut seed) = (Instant::now(), first);
    while begin.elapsed() < time {
        case(seed);
        seed += 1;
    }
    println!("{} cases from seed {first} on", seed - first);
}

/// Sends pieces on a connection of their own, and reads until the edge closes. A client that is owed
/// nothing for a while says that it sends no more.
fn exchange(address: SocketAddr, pieces: &[&[u8]], seed: u64) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_nodelay(true).unwrap();
    for piece in pieces {
        // The edge may have closed the connection on an earlier one.
        if stream.write_all(piece).is_err() {
            break;
        }
    }
    let mut received = Vec::new();
    for patience in [PATIENCE, DEADLINE] {
        stream.set_read_timeout(Some(patience)).unwrap();
        match stream.read_to_end(&mut received) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            // A reset is an end too.
            Ok(_) | Err(_) => return received,
        }
        let _ = stream.shutdown(Shutdown::Write);
    }
    panic!("seed {seed}: the edge hangs on {:?}", String::from_utf8_lossy(&pieces.concat()));
}

//! Bodies on their way, and the connections that they leave behind.

mod aborted;
mod connections;
mod framing;
mod streaming;

use portico_tests::{backend::Reply, wire::Message};

const MIB: usize = 1 << 20;

/// Bytes in which a lost, doubled or swapped piece shows.
fn pattern(length: usize) -> Vec<u8> {
    (0..length as u32).map(|n| (n ^ (n >> 8) ^ (n >> 16)) as u8).collect()
}

fn echo(request: &Message) -> Reply {
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", request.body.len());
    let mut answer = head.into_bytes();
    answer.extend_from_slice(&request.body);
    Reply::raw(answer)
}

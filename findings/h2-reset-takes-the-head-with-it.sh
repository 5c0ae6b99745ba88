#!/usr/bin/env bash
# h2 0.4.20: SendStream::send_reset() drops whatever of the stream still waits to be written, the
# response's HEADERS included. A server, or a proxy whose backend breaks off, that calls
# send_response() and then send_reset() before the connection has been polled sends a bare
# RST_STREAM: its client sees no status at all, and clients repeat such requests (Firefox does, POST
# too). Which of the two happens depends on when the connection's task runs. A SendStream that is
# dropped instead is reset too (CANCEL), but after its HEADERS; its queued DATA is dropped.
#
# So once a response has been handed over, break it off by dropping the stream.
#
# Seen, with a client and a server over a pipe in memory:
#   send_reset: no response: stream error received: unexpected internal error encountered
#   drop: 200, then the body: stream error received: stream no longer needed
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
mkdir src
cat >Cargo.toml <<'TOML'
[package]
name = "resets"
version = "0.0.0"
edition = "2024"
[dependencies]
bytes = "1"
h2 = "=0.4.20"
http = "1"
tokio = { version = "1", features = ["rt", "macros", "io-util", "time"] }
TOML
cat >src/main.rs <<'RUST'
use bytes::Bytes;
use http::{Request, Response};

#[tokio::main(flavor = "current_thread")]
async fn main() {
    for way in ["send_reset", "drop"] {
        let (client, server) = tokio::io::duplex(1 << 16);
        tokio::spawn(async move {
            let mut connection = h2::server::handshake(server).await.unwrap();
            while let Some(request) = connection.accept().await {
                let (_, mut respond) = request.unwrap();
                let mut stream = respond.send_response(Response::new(()), false).unwrap();
                stream.send_data(Bytes::from_static(b"half of it"), false).unwrap();
                match way {
                    "send_reset" => stream.send_reset(h2::Reason::INTERNAL_ERROR),
                    _ => drop(stream),
                }
            }
        });
        let (send, connection) = h2::client::handshake(client).await.unwrap();
        tokio::spawn(connection);
        let mut send = send.ready().await.unwrap();
        let request = Request::get("http://a.test/").body(()).unwrap();
        let (response, _) = send.send_request(request, true).unwrap();
        match response.await {
            Err(error) => println!("{way}: no response: {error}"),
            Ok(response) => {
                let status = response.status().as_u16();
                let mut body = response.into_body();
                let end = loop {
                    match body.data().await {
                        Some(Ok(_)) => {}
                        Some(Err(error)) => break error.to_string(),
                        None => break "whole".to_owned(),
                    }
                };
                println!("{way}: {status}, then the body: {end}");
            }
        }
    }
}
RUST
cargo run --quiet | tee seen
diff seen - <<'SEEN'
send_reset: no response: stream error received: unexpected internal error encountered
drop: 200, then the body: stream error received: stream no longer needed
SEEN

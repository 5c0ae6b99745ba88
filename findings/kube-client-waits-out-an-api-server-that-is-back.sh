#!/usr/bin/env bash
# kube-client 5.0.0 retries 429, 503 and 504 by itself: Config::default_retry is true unless it is
# set otherwise. Delays double from 5 ms, 15 times, with jitter on top, and are capped at 1,000 s. So
# a watch, a list or a renewal of a Lease that meets an API server that is starting (503) returns
# neither a response nor an error meanwhile, and may go on waiting when the server is back: the
# longer it was away, the longer. A watcher's own backoff never sees the 503s.
#
# A controller that must recover soon sets default_retry = false, and retries by itself.
#
# Seen with a server that answers 503 for 20 s, then 200:
#   default_retry=true: 12 requests, the longest delay between two of them 12.3 s, Ok after 22.9 s
#   default_retry=false: 1 requests, the longest delay between two of them 0.0 s, Err after 0.0 s
# Delays are random; this checks that one grew beyond 5 s, and that nothing was returned meanwhile.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
mkdir src
cat >Cargo.toml <<'TOML'
[package]
name = "retries"
version = "0.0.0"
edition = "2024"
[dependencies]
kube = { version = "=5.0.0", default-features = false, features = ["client"] }
kube-client = "=5.0.0"
k8s-openapi = { version = "=0.29.0", default-features = false, features = ["std", "v1_34"] }
tokio = { version = "1", features = ["rt", "macros", "time"] }
TOML
cat >src/main.rs <<'RUST'
use kube::{Client, Config};
use std::{
    io::{Read, Write},
    net::TcpListener,
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

const AWAY: Duration = Duration::from_secs(20);
const VERSION: &str = r#"{"major":"1","minor":"34","gitVersion":"v1.34.0","gitCommit":"","gitTreeState":"","buildDate":"","goVersion":"","compiler":"","platform":""}"#;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mut seen = Vec::new();
    for default_retry in [true, false] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let begin = Instant::now();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let times = requests.clone();
        thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                while matches!(stream.read(&mut [0; 4096]), Ok(1..)) {
                    times.lock().unwrap().push(begin.elapsed());
                    let (code, body) = if begin.elapsed() < AWAY { (503, "{}") } else { (200, VERSION) };
                    let length = body.len();
                    let head = format!("HTTP/1.1 {code} X\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n");
                    stream.write_all((head + body).as_bytes()).unwrap();
                }
            }
        });
        let mut config = Config::new(url.parse().unwrap());
        if !default_retry {
            config.default_retry = false;
        }
        let result = Client::try_from(config).unwrap().apiserver_version().await;
        let took = begin.elapsed().as_secs_f64();
        let times = requests.lock().unwrap().clone();
        let gap = times.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or_default();
        let word = if result.is_ok() { "Ok" } else { "Err" };
        println!(
            "default_retry={default_retry}: {} requests, the longest delay between two of them {:.1} s, {word} after {took:.1} s",
            times.len(),
            gap.as_secs_f64()
        );
        seen.push((result.is_ok(), times.len(), gap));
    }
    assert!(seen[0].0 && seen[0].1 <= 16 && seen[0].2 > Duration::from_secs(5), "it has changed");
    assert!(!seen[1].0 && seen[1].1 == 1, "it has changed");
}
RUST
cargo run --quiet

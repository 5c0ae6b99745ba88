//! A good client: one connection, requests at a modest, even pace.

use crate::http::read_head;
use anyhow::{Context, Result, ensure};
use std::{
    io::{BufReader, Read, Write},
    net::TcpStream,
    thread,
    time::{Duration, Instant},
};

/// The time from one request to the next, unless a response takes longer.
const INTERVAL: Duration = Duration::from_millis(4);
/// A response that takes longer is a failure.
const TIMEOUT: Duration = Duration::from_secs(10);
const REQUEST: &[u8] = b"GET /route-0/small HTTP/1.1\r\nHost: localhost\r\n\r\n";

/// What it saw.
#[derive(Default)]
pub(crate) struct Witness {
    /// From a request's first byte to its response's last.
    times: Vec<Duration>,
    /// How often it had to connect again.
    pub(crate) reconnects: u64,
}

impl Witness {
    /// Adds what was seen in another turn.
    pub(crate) fn join(&mut self, other: Self) {
        self.times.extend(other.times);
        self.times.sort();
        self.reconnects += other.reconnects;
    }

    /// The time that so many of a hundred responses took at most, in milliseconds.
    pub(crate) fn percentile(&self, percent: usize) -> f64 {
        let nth = self.times.len() * percent / 100;
        self.times.get(nth).map_or(f64::NAN, |time| time.as_secs_f64() * 1000.0)
    }
}

/// Asks for `time`. A closed connection is replaced, and its request sent again.
pub(crate) fn watch(port: u16, time: Duration) -> Result<Witness> {
    let start = Instant::now();
    let mut seen = Witness::default();
    let mut connection = connect(port)?;
    while start.elapsed() < time {
        let sent = Instant::now();
        while let Err(error) = ask(&mut connection) {
            ensure!(sent.elapsed() < TIMEOUT, "a good client gets no response: {error}");
            seen.reconnects += 1;
            connection = connect(port)?;
        }
        seen.times.push(sent.elapsed());
        thread::sleep(INTERVAL.saturating_sub(sent.elapsed()));
    }
    Ok(seen)
}

fn connect(port: u16) -> Result<BufReader<TcpStream>> {
    let stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    Ok(BufReader::new(stream))
}

fn ask(connection: &mut BufReader<TcpStream>) -> Result<()> {
    connection.get_mut().write_all(REQUEST)?;
    let (status, length) = read_head(connection)?.context("closed")?;
    ensure!(status.contains(" 200 "), "{status}");
    Ok(connection.read_exact(&mut vec![0; length])?)
}

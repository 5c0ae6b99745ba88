//! The hostile clients: a process of its own, which prints how many bytes it has sent.

use super::{
    backend,
    kind::{Client, Kind},
    pace::Pace,
};
use anyhow::Result;
use std::{
    collections::VecDeque,
    io::{Read, Write},
    net::{Shutdown, TcpStream},
    sync::Arc,
    thread,
    time::Duration,
};

/// How many clients there are.
const CLIENTS: usize = 16;
/// A write that takes longer is not taken.
const WRITE_TIMEOUT: Duration = Duration::from_millis(50);
/// What a client waits for that has not got a connection, or a response.
const RETRY_DELAY: Duration = Duration::from_millis(1);
/// A response that takes longer is not waited for.
const READ_TIMEOUT: Duration = Duration::from_secs(2);

/// The ports of Portico, and of the backends that it expects.
#[derive(Clone, Copy)]
pub(crate) struct Target {
    pub(crate) edge: u16,
    pub(crate) http1: u16,
    pub(crate) http2: u16,
}

/// Sends up to `bytes` in `time`; returns how many were sent.
pub(crate) fn run(kind: Kind, target: Target, time: Duration, bytes: u64) -> Result<u64> {
    let pace = Arc::new(Pace::new(time, bytes));
    backend::listen(target.http1, kind.backend(), pace.clone(), false)?;
    backend::listen(target.http2, kind.backend(), pace.clone(), true)?;
    thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                let mut held = VecDeque::new();
                while pace.wait() {
                    // Whatever Portico does with a connection, the next one follows.
                    if client(&kind.client(), target.edge, &pace, &mut held).is_err() {
                        thread::sleep(RETRY_DELAY);
                    }
                }
            });
        }
    });
    Ok(pace.sent())
}

/// One connection of a client.
fn client(
    client: &Client,
    port: u16,
    pace: &Arc<Pace>,
    held: &mut VecDeque<TcpStream>,
) -> Result<()> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    match client {
        Client::Ask(request) => ask(stream, request, pace),
        Client::Hold(first, then, most) => {
            stream.set_write_timeout(Some(WRITE_TIMEOUT))?;
            stream.write_all(first)?;
            pace.count(first.len());
            while !then.is_empty() && pace.wait() && stream.write_all(then).is_ok() {
                pace.count(then.len());
            }
            held.push_back(stream);
            if held.len() > *most {
                held.pop_front();
            }
            Ok(())
        }
        Client::Leave { half } => {
            pace.count(1);
            if *half {
                stream.shutdown(Shutdown::Write)?;
                stream.set_read_timeout(Some(READ_TIMEOUT))?;
                stream.read_to_end(&mut Vec::new())?;
            }
            Ok(())
        }
    }
}

/// Sends the request over and over; another thread reads, so that neither side waits for the other.
fn ask(mut stream: TcpStream, request: &[u8], pace: &Arc<Pace>) -> Result<()> {
    stream.set_nodelay(true)?;
    stream.set_write_timeout(Some(READ_TIMEOUT))?;
    let mut answers = stream.try_clone()?;
    answers.set_read_timeout(Some(READ_TIMEOUT))?;
    let reader = thread::spawn(move || std::io::copy(&mut answers, &mut std::io::sink()));
    while pace.wait() {
        if stream.write_all(request).is_err() {
            break;
        }
        pace.count(request.len());
    }
    let _ = stream.shutdown(Shutdown::Both);
    let _ = reader.join();
    Ok(())
}

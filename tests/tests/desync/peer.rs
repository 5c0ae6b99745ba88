//! A backend that reads strictly, records what it read, and writes scripted bytes.

use crate::strict::{Kind, Message, Reader, Unread};
use std::{
    collections::HashMap,
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

/// What the backend does once it has read a request.
#[derive(Clone, Debug)]
pub(crate) struct Script {
    pub(crate) pieces: Vec<Vec<u8>>,
    pub(crate) close: bool,
}

#[derive(Default)]
struct Seen {
    requests: Vec<Message>,
    /// What was not strictly an HTTP/1 request, with the bytes.
    violations: Vec<String>,
    /// Scripts by target; other targets get an echo of theirs.
    scripts: HashMap<String, Script>,
    /// How many responses have been written.
    written: usize,
}

#[derive(Clone)]
pub(crate) struct Peer {
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<Seen>>,
}

impl Peer {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let peer = Self { address: listener.local_addr().unwrap(), seen: Arc::default() };
        let serving = peer.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let peer = serving.clone();
                thread::spawn(move || peer.serve(stream));
            }
        });
        peer
    }

    pub(crate) fn script(&self, target: &str, script: Script) {
        self.seen.lock().unwrap().scripts.insert(target.to_owned(), script);
    }

    /// The requests read since the last call, and what was not strictly one.
    pub(crate) fn take(&self) -> (Vec<Message>, Vec<String>) {
        let mut seen = self.seen.lock().unwrap();
        seen.scripts.clear();
        (std::mem::take(&mut seen.requests), std::mem::take(&mut seen.violations))
    }

    /// How many responses have been written, each with all that was to follow it.
    pub(crate) fn written(&self) -> usize {
        self.seen.lock().unwrap().written
    }

    fn serve(&self, mut stream: TcpStream) -> Option<()> {
        // What follows a response must not be held back until the next request.
        stream.set_nodelay(true).ok()?;
        let mut unread = Vec::new();
        loop {
            match Message::read(&unread, Kind::Request, Reader::Strict) {
                Ok(request) => {
                    unread.drain(..request.length);
                    let script = self.take_request(request);
                    let written = script.pieces.iter().try_for_each(|it| stream.write_all(it));
                    self.seen.lock().unwrap().written += 1;
                    written.ok()?;
                    if script.close {
                        return None;
                    }
                }
                Err(Unread::Incomplete) => {
                    let mut buffer = [0; 16 << 10];
                    let read = stream.read(&mut buffer).ok().filter(|read| *read > 0)?;
                    unread.extend_from_slice(&buffer[..read]);
                }
                Err(Unread::Malformed(why)) => {
                    let why = format!("{why} in {:?}", String::from_utf8_lossy(&unread));
                    self.seen.lock().unwrap().violations.push(why);
                    return None;
                }
            }
        }
    }

    fn take_request(&self, request: Message) -> Script {
        let mut seen = self.seen.lock().unwrap();
        let target = request.target().to_owned();
        let script = seen.scripts.get(&target).cloned().unwrap_or_else(|| {
            let body = if request.method() == "HEAD" { "" } else { &target };
            let length = target.len();
            let echo = format!(
                "HTTP/1.1 200 OK\r\nX-Target: {target}\r\nContent-Length: {length}\r\n\r\n{body}"
            );
            Script { pieces: vec![echo.into_bytes()], close: false }
        });
        seen.requests.push(request);
        script
    }
}

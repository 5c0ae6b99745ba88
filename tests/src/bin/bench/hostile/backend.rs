//! The hostile backend, over HTTP/1.1 and HTTP/2.

use super::pace::Pace;
use anyhow::{Context, Result, bail, ensure};
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::Arc,
    thread,
};

/// What it does with a request.
#[derive(Clone)]
pub(super) enum Manner {
    /// Takes it, and answers with a few bytes: nothing hostile.
    Serve,
    /// Reads nothing behind the head.
    Nothing,
    /// Answers with these bytes.
    Answer(Vec<u8>),
    /// Answers with these bytes, of which one is sent at a time.
    Drip(Vec<u8>),
    /// Answers with more than a client takes that does not read.
    Large,
    /// 16 interim responses and a final one, or interim ones without end.
    Interim { last: bool },
    /// A body of chunks of one byte.
    TinyChunks,
    /// Switches protocols; sends without end, and takes what comes.
    Tunnel,
    /// HTTP/2: the head of a response, then this frame without end.
    Frames(Vec<u8>),
    /// HTTP/2: a response of frames with so many bytes each.
    Data(u8),
}

const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const CONTINUE: &[u8] = b"HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n";
/// Frames and chunks that are written at once.
const AT_ONCE: usize = 1_000;

/// Serves until the process ends.
pub(super) fn listen(port: u16, manner: Manner, pace: Arc<Pace>, http2: bool) -> Result<()> {
    let listener = TcpListener::bind(("127.0.0.1", port))?;
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (manner, pace) = (manner.clone(), pace.clone());
            // A connection that Portico ends is none of our errors.
            thread::spawn(move || {
                if http2 { frames(stream, &manner, &pace) } else { serve(stream, &manner, &pace) }
            });
        }
    });
    Ok(())
}

/// What is written, and counted as hostile.
struct Output<'p>(TcpStream, &'p Pace);

impl Output<'_> {
    fn send(&mut self, bytes: &[u8]) -> Result<()> {
        ensure!(self.1.wait(), "the time is up");
        self.0.write_all(bytes)?;
        self.1.count(bytes.len());
        Ok(())
    }
}

fn serve(stream: TcpStream, manner: &Manner, pace: &Pace) -> Result<()> {
    stream.set_nodelay(true)?;
    let mut output = Output(stream.try_clone()?, pace);
    let mut input = BufReader::new(stream);
    while let Some(body) = read_head(&mut input)? {
        match manner {
            Manner::Nothing => loop {
                thread::park();
            },
            Manner::Tunnel => {
                output.send(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n")?;
                thread::spawn(move || std::io::copy(&mut input, &mut std::io::sink()));
                loop {
                    output.send(&[b'x'; 1 << 14])?;
                }
            }
            _ => skip(&mut input, body)?,
        }
        match manner {
            Manner::Serve => output.0.write_all(OK)?,
            Manner::Answer(bytes) => output.send(bytes)?,
            Manner::Drip(bytes) => {
                for byte in bytes {
                    output.send(&[*byte])?;
                }
            }
            Manner::Large => {
                write!(output.0, "HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")?;
                loop {
                    output.send(&[b'x'; 1 << 16])?;
                }
            }
            Manner::Interim { last: true } => {
                output.send(&[CONTINUE.repeat(16), OK.to_vec()].concat())?;
            }
            Manner::Interim { last: false } => loop {
                output.send(&CONTINUE.repeat(AT_ONCE))?;
            },
            Manner::TinyChunks => {
                write!(output.0, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")?;
                for _ in 0..100 {
                    output.send(&b"1\r\nx\r\n".repeat(AT_ONCE))?;
                }
                output.send(b"0\r\n\r\n")?;
            }
            Manner::Nothing | Manner::Tunnel | Manner::Frames(_) | Manner::Data(_) => return Ok(()),
        }
    }
    Ok(())
}

/// How a body is framed.
enum Framing {
    Length(u64),
    Chunked,
}

fn read_head(input: &mut impl BufRead) -> Result<Option<Framing>> {
    let (mut framing, mut line) = (Framing::Length(0), String::new());
    if input.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    loop {
        line.clear();
        ensure!(input.read_line(&mut line)? > 0, "the connection ended within a head");
        let Some((name, value)) = line.trim_end().split_once(':') else { return Ok(Some(framing)) };
        if name.eq_ignore_ascii_case("content-length") {
            framing = Framing::Length(value.trim().parse()?);
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            framing = Framing::Chunked;
        }
    }
}

fn skip(input: &mut impl BufRead, framing: Framing) -> Result<()> {
    match framing {
        Framing::Length(length) => drop_bytes(input, length),
        Framing::Chunked => loop {
            let mut line = String::new();
            input.read_line(&mut line)?;
            let size = line.trim_end().split(';').next().unwrap_or_default();
            let size = u64::from_str_radix(size, 16).context("no chunk")?;
            if size == 0 {
                while line != "\r\n" && !line.is_empty() {
                    line.clear();
                    input.read_line(&mut line)?;
                }
                return Ok(());
            }
            drop_bytes(input, size + 2)?;
        },
    }
}

fn drop_bytes(input: &mut impl BufRead, length: u64) -> Result<()> {
    let dropped = std::io::copy(&mut input.take(length), &mut std::io::sink())?;
    ensure!(dropped == length, "the connection ended within a body");
    Ok(())
}

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const ACK: u8 = 1;
/// A response's bytes: no more than the window of its stream.
const WINDOW: usize = 32_000;

fn frames(mut input: TcpStream, manner: &Manner, pace: &Pace) -> Result<()> {
    let mut output = Output(input.try_clone()?, pace);
    input.read_exact(&mut [0; 24])?;
    output.0.write_all(&frame(SETTINGS, 0, 0, &[]))?;
    loop {
        let mut head = [0; 9];
        input.read_exact(&mut head)?;
        let [_, high, low, kind, flags, stream @ ..] = head;
        let mut payload = vec![0; usize::from(high) << 8 | usize::from(low)];
        input.read_exact(&mut payload)?;
        let stream = u32::from_be_bytes(stream);
        if kind == SETTINGS && flags & ACK == 0 {
            output.0.write_all(&frame(SETTINGS, ACK, 0, &[]))?;
        }
        if kind != HEADERS {
            continue;
        }
        // `:status: 200` (RFC 7541, Appendix A).
        output.0.write_all(&frame(HEADERS, END_HEADERS, stream, &[0x88]))?;
        match manner {
            Manner::Data(length) => {
                let data = frame(DATA, 0, stream, &vec![b'x'; usize::from(*length)]);
                for _ in 0..WINDOW / AT_ONCE {
                    output.send(&data.repeat(AT_ONCE))?;
                }
                output.send(&frame(DATA, END_STREAM, stream, &[]))?;
            }
            Manner::Frames(flood) => {
                let mut answers = input.try_clone()?;
                thread::spawn(move || std::io::copy(&mut answers, &mut std::io::sink()));
                loop {
                    output.send(&flood.repeat(AT_ONCE))?;
                }
            }
            _ => bail!("that is not HTTP/2"),
        }
    }
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u32).to_be_bytes();
    let head = [&length[1..], &[kind, flags], &stream.to_be_bytes()].concat();
    [&head, payload].concat()
}

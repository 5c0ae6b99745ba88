//! A client of HTTP/2 frame by frame, which may do what no library does.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "what is not as expected fails the test"
)]

use crate::{edge::Edge, wire::Wire};

/// The type of a DATA frame.
pub const DATA: u8 = 0;
/// The type of a HEADERS frame.
pub const HEADERS: u8 = 1;
/// The type of a PRIORITY frame.
pub const PRIORITY: u8 = 2;
/// The type of a RST_STREAM frame.
pub const RST_STREAM: u8 = 3;
/// The type of a SETTINGS frame.
pub const SETTINGS: u8 = 4;
/// The type of a PING frame.
pub const PING: u8 = 6;
/// The type of a GOAWAY frame.
pub const GOAWAY: u8 = 7;
/// The type of a WINDOW_UPDATE frame.
pub const WINDOW_UPDATE: u8 = 8;
/// The type of a CONTINUATION frame.
pub const CONTINUATION: u8 = 9;

/// The flag END_STREAM.
pub const END_STREAM: u8 = 1;
/// The flag ACK.
pub const ACK: u8 = 1;
/// The flag END_HEADERS.
pub const END_HEADERS: u8 = 4;

const PREFACE: &str = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A client's end of a connection.
pub struct Client(
    /// The connection.
    pub Wire,
);

/// A frame.
#[derive(Clone, Debug)]
pub struct Frame {
    /// Its type.
    pub kind: u8,
    /// Its flags.
    pub flags: u8,
    /// Its stream; 0 is the connection.
    pub stream: u32,
    /// What it carries, with padding if there is any.
    pub payload: Vec<u8>,
}

impl Frame {
    /// The code of a reset or a GOAWAY.
    pub fn code(&self) -> u32 {
        let at = if self.kind == GOAWAY { 4 } else { 0 };
        u32::from_be_bytes(self.payload[at..at + 4].try_into().unwrap())
    }
}

/// A frame as it is sent.
pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut frame = (payload.len() as u32).to_be_bytes()[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// A field as HPACK writes it without compression (RFC 7541 §6.2.2).
pub fn field(name: &str, value: &str) -> Vec<u8> {
    let mut field = vec![0];
    for text in [name, value] {
        match text.len() {
            short @ 0..127 => field.push(short as u8),
            long => {
                field.push(127);
                let mut rest = long - 127;
                while rest >= 128 {
                    field.push((rest % 128 + 128) as u8);
                    rest /= 128;
                }
                field.push(rest as u8);
            }
        }
        field.extend(text.as_bytes());
    }
    field
}

/// A head: a method, a path, and further fields.
pub fn head(method: &str, path: &str, fields: &[(&str, &str)]) -> Vec<u8> {
    let pseudo =
        [(":method", method), (":scheme", "http"), (":authority", "www.ep.com"), (":path", path)];
    pseudo.iter().chain(fields).flat_map(|(name, value)| field(name, value)).collect()
}

impl Client {
    /// A connection in the clear.
    pub async fn connect(edge: &Edge) -> Self {
        Self::connect_with(edge, &[]).await
    }

    /// With these settings.
    pub async fn connect_with(edge: &Edge, settings: &[(u16, u32)]) -> Self {
        Self::over(Wire::connect(edge.address()).await.unwrap(), settings).await
    }

    /// With these settings, on a connection that there is.
    pub async fn over(mut wire: Wire, settings: &[(u16, u32)]) -> Self {
        let mut payload = Vec::new();
        for (name, value) in settings {
            payload.extend(name.to_be_bytes());
            payload.extend(value.to_be_bytes());
        }
        let first = [PREFACE.as_bytes(), &frame(SETTINGS, 0, 0, &payload)].concat();
        wire.send(first).await.unwrap();
        Self(wire)
    }

    /// Sends a frame; the edge may have closed the connection.
    pub async fn send(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        let _ = self.0.send(frame(kind, flags, stream, payload)).await;
    }

    /// The next frame; `None` at the end of the connection.
    pub async fn next(&mut self) -> Option<Frame> {
        let head = self.0.read(9).await.unwrap();
        if head.len() < 9 {
            return None;
        }
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
        let payload = self.0.read(length).await.unwrap();
        Some(Frame { kind: head[3], flags: head[4], stream, payload })
    }

    /// The next frame of a request's answer.
    pub async fn of(&mut self, stream: u32) -> Frame {
        loop {
            let frame = self.next().await.expect("closed");
            assert_ne!(frame.kind, GOAWAY, "{frame:?}");
            if frame.stream == stream && frame.kind != WINDOW_UPDATE {
                return frame;
            }
        }
    }

    /// All frames until the connection ends.
    pub async fn rest(&mut self) -> Vec<Frame> {
        let mut frames = Vec::new();
        while let Some(frame) = self.next().await {
            frames.push(frame);
        }
        frames
    }

    /// The codes of the GOAWAYs until the connection ends.
    pub async fn ends_with(&mut self) -> Vec<u32> {
        let frames = self.rest().await;
        frames.iter().filter(|frame| frame.kind == GOAWAY).map(Frame::code).collect()
    }
}

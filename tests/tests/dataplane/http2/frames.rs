//! A client frame by frame, which may do what no library does.

use portico_tests::{edge::Edge, wire::Wire};

pub(super) const DATA: u8 = 0;
pub(super) const HEADERS: u8 = 1;
pub(super) const PRIORITY: u8 = 2;
pub(super) const RST_STREAM: u8 = 3;
pub(super) const SETTINGS: u8 = 4;
pub(super) const PING: u8 = 6;
pub(super) const GOAWAY: u8 = 7;
pub(super) const WINDOW_UPDATE: u8 = 8;
pub(super) const CONTINUATION: u8 = 9;

pub(super) const END_STREAM: u8 = 1;
pub(super) const ACK: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;

const PREFACE: &str = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A client's end of a connection.
pub(crate) struct Client(pub(super) Wire);

#[derive(Clone, Debug)]
pub(crate) struct Frame {
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    pub(crate) stream: u32,
    pub(crate) payload: Vec<u8>,
}

impl Frame {
    /// The code of a reset or a GOAWAY.
    pub(super) fn code(&self) -> u32 {
        let at = if self.kind == GOAWAY { 4 } else { 0 };
        u32::from_be_bytes(self.payload[at..at + 4].try_into().unwrap())
    }
}

/// A frame as it is sent.
pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut frame = (payload.len() as u32).to_be_bytes()[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// A field as HPACK writes it without compression (RFC 7541 §6.2.2).
pub(crate) fn field(name: &str, value: &str) -> Vec<u8> {
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
pub(crate) fn head(method: &str, path: &str, fields: &[(&str, &str)]) -> Vec<u8> {
    let pseudo =
        [(":method", method), (":scheme", "http"), (":authority", "www.ep.com"), (":path", path)];
    pseudo.iter().chain(fields).flat_map(|(name, value)| field(name, value)).collect()
}

impl Client {
    pub(crate) async fn connect(edge: &Edge) -> Self {
        Self::connect_with(edge, &[]).await
    }

    /// With these settings.
    pub(crate) async fn connect_with(edge: &Edge, settings: &[(u16, u32)]) -> Self {
        let mut wire = Wire::connect(edge.address()).await.unwrap();
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
    pub(crate) async fn send(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        let _ = self.0.send(frame(kind, flags, stream, payload)).await;
    }

    /// The next frame; `None` at the end of the connection.
    pub(crate) async fn next(&mut self) -> Option<Frame> {
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
    pub(crate) async fn of(&mut self, stream: u32) -> Frame {
        loop {
            let frame = self.next().await.expect("closed");
            assert_ne!(frame.kind, GOAWAY, "{frame:?}");
            if frame.stream == stream && frame.kind != WINDOW_UPDATE {
                return frame;
            }
        }
    }

    /// All frames until the connection ends.
    pub(crate) async fn rest(&mut self) -> Vec<Frame> {
        let mut frames = Vec::new();
        while let Some(frame) = self.next().await {
            frames.push(frame);
        }
        frames
    }

    /// The codes of the GOAWAYs until the connection ends.
    pub(crate) async fn ends_with(&mut self) -> Vec<u32> {
        let frames = self.rest().await;
        frames.iter().filter(|frame| frame.kind == GOAWAY).map(Frame::code).collect()
    }
}

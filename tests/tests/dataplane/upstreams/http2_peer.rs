//! A backend's end of an HTTP/2 connection, frame by frame.

use crate::http2::frames;
use portico_tests::{backend::Stage, wire::Wire};
use std::time::Duration;

pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const WINDOW_UPDATE: u8 = 8;
pub(crate) const CONTINUATION: u8 = 9;
pub(crate) const END_STREAM: u8 = 1;
pub(crate) const ACK: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;
/// `:status: 200` (RFC 7541, Appendix A).
pub(crate) const OK: &[u8] = &[0x88];

/// A backend's end of an HTTP/2 connection.
pub(crate) struct Peer(Wire);

pub(crate) struct Frame {
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    pub(crate) stream: u32,
    pub(crate) payload: Vec<u8>,
}

impl Peer {
    pub(crate) async fn accept(stage: &Stage) -> Self {
        let mut wire = stage.accept().await.unwrap();
        assert!(wire.read(24).await.unwrap().starts_with(b"PRI * HTTP/2.0"));
        let mut peer = Self(wire);
        peer.send(SETTINGS, 0, 0, &[]).await;
        peer
    }

    pub(crate) async fn send(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        // The edge may have closed the connection.
        let _ = self.0.send(frames::frame(kind, flags, stream, payload)).await;
    }

    pub(crate) async fn frame(&mut self) -> Frame {
        let head = self.0.read(9).await.unwrap();
        assert_eq!(head.len(), 9, "closed");
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
        let payload = self.0.read(length).await.unwrap();
        Frame { kind: head[3], flags: head[4], stream, payload }
    }

    /// The next request's stream, and whether a body follows.
    pub(crate) async fn request(&mut self) -> (u32, bool) {
        loop {
            let frame = self.frame().await;
            if frame.kind == HEADERS {
                return (frame.stream, frame.flags & END_STREAM == 0);
            }
        }
    }

    /// The body of the current request, until its end or until it has so many bytes.
    pub(crate) async fn body(&mut self, limit: usize) -> Vec<u8> {
        let mut body = Vec::new();
        while body.len() < limit {
            let frame = self.frame().await;
            if frame.kind == DATA {
                body.extend(frame.payload);
                if frame.flags & END_STREAM != 0 {
                    break;
                }
            }
        }
        body
    }

    /// A head in as many frames as it takes.
    pub(crate) async fn head(&mut self, stream: u32, block: &[u8]) {
        let pieces: Vec<_> = block.chunks(16 * 1024).collect();
        for (index, piece) in pieces.iter().enumerate() {
            let kind = if index == 0 { HEADERS } else { CONTINUATION };
            let flags = if index + 1 == pieces.len() { END_HEADERS } else { 0 };
            self.send(kind, flags, stream, piece).await;
        }
    }

    /// Many DATA frames of one byte.
    pub(crate) async fn bytes(&mut self, stream: u32, count: usize) {
        let frame = [0, 0, 1, DATA, 0, 0, 0, 0, stream as u8, b'b'];
        self.0.send(frame.repeat(count)).await.unwrap();
    }

    /// Sends data on a stream until no more of it is read for a while, which is more than the edge
    /// itself keeps. Returns how much it was, of which the window has 24 KiB left.
    pub(crate) async fn fill(&mut self, stream: u32) -> usize {
        const AHEAD: usize = 40 * 1024;
        let (mut sent, mut read) = (0, 0);
        loop {
            while sent + 8192 <= read + AHEAD {
                self.send(DATA, 0, stream, &[b'b'; 8192]).await;
                sent += 8192;
            }
            let frame = tokio::time::timeout(Duration::from_millis(500), self.frame());
            let Ok(frame) = frame.await else {
                assert!(sent > 2 * 64 * 1024, "only {sent} bytes are read");
                return sent;
            };
            if frame.kind == WINDOW_UPDATE && frame.stream == stream {
                let update = frame.payload.try_into().unwrap();
                read += u32::from_be_bytes(update) as usize;
            }
        }
    }

    pub(crate) async fn answer(&mut self, stream: u32) {
        self.head(stream, OK).await;
        self.send(DATA, END_STREAM, stream, b"ok").await;
    }
}

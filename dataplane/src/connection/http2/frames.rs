//! Frames as they pass (RFC 9113 §4.1): their heads are read, their payloads skipped.

use std::time::{Duration, Instant};

/// The length of a frame's head.
const HEAD_BYTES: usize = 9;

const DATA: u8 = 0x0;
const HEADERS: u8 = 0x1;
const RST_STREAM: u8 = 0x3;
const CONTINUATION: u8 = 0x9;

const END_STREAM: u8 = 0x1;
const END_HEADERS: u8 = 0x4;

/// The head of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    length: usize,
    kind: u8,
    flags: u8,
    /// Its stream; 0: the connection.
    pub(super) stream: u32,
}

impl Frame {
    /// Whether a client that sends it makes work and gets no further with a request: resets,
    /// settings, pings, priorities, window updates, empty data, and whatever is unknown. A head that
    /// is in many pieces is the library's to refuse.
    pub(super) fn is_overhead(self) -> bool {
        match self.kind {
            DATA => self.length == 0 && self.flags & END_STREAM == 0,
            HEADERS | CONTINUATION => false,
            _ => true,
        }
    }

    /// Whether it carries part of a message.
    pub(super) fn is_message(self) -> bool {
        matches!(self.kind, DATA | HEADERS)
    }

    /// Whether it begins a head, or trailers.
    pub(super) fn begins_fields(self) -> bool {
        self.kind == HEADERS
    }

    /// How many bytes of a body it carries.
    pub(super) fn data(self) -> usize {
        if self.kind == DATA { self.length } else { 0 }
    }

    /// Whether its sender sends nothing more on its stream.
    pub(super) fn ends_stream(self) -> bool {
        self.is_reset() || (self.is_message() && self.flags & END_STREAM != 0)
    }

    /// Whether it is a reset.
    pub(super) fn is_reset(self) -> bool {
        self.kind == RST_STREAM
    }
}

/// Follows the frames of one direction.
#[derive(Debug)]
pub(super) struct FrameScan {
    head: [u8; HEAD_BYTES],
    /// How much of `head` has arrived.
    filled: usize,
    /// The frame whose payload is passing.
    current: Option<Frame>,
    /// How much of the payload has not passed.
    payload: usize,
    block: Block,
}

/// Where the frames are in a field block (RFC 9113 §4.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Block {
    Outside,
    /// In a frame after which more of it follows.
    Open,
    /// In its last frame.
    Last,
}

impl FrameScan {
    /// Frames that follow a preface of so many bytes.
    pub(super) fn after(preface: usize) -> Self {
        let head = [0; HEAD_BYTES];
        Self { head, filled: 0, current: None, payload: preface, block: Block::Outside }
    }

    /// Calls `each` for every frame that ends in `bytes`.
    pub(super) fn advance(&mut self, mut bytes: &[u8], mut each: impl FnMut(Frame)) {
        while !bytes.is_empty() {
            if self.payload > 0 {
                let here = self.payload.min(bytes.len());
                self.payload -= here;
                bytes = &bytes[here..];
            } else {
                let here = (HEAD_BYTES - self.filled).min(bytes.len());
                self.head[self.filled..self.filled + here].copy_from_slice(&bytes[..here]);
                self.filled += here;
                bytes = &bytes[here..];
                if self.filled == HEAD_BYTES {
                    self.begin();
                }
            }
            if self.payload == 0
                && let Some(frame) = self.current.take()
            {
                each(frame);
            }
        }
    }

    fn begin(&mut self) {
        let [a, b, c, kind, flags, stream @ ..] = self.head;
        let length = u32::from_be_bytes([0, a, b, c]) as usize;
        // The first bit is reserved.
        let stream = u32::from_be_bytes(stream) & (u32::MAX >> 1);
        self.current = Some(Frame { length, kind, flags, stream });
        (self.filled, self.payload) = (0, length);
        self.block = match kind {
            HEADERS | CONTINUATION if flags & END_HEADERS == 0 => Block::Open,
            HEADERS | CONTINUATION => Block::Last,
            _ => Block::Outside,
        };
    }

    /// Whether a field block has begun and is incomplete.
    pub(super) fn is_in_block(&self) -> bool {
        match self.block {
            Block::Outside => false,
            Block::Open => true,
            Block::Last => self.payload > 0,
        }
    }
}

/// How many frames of mere overhead a client may send at once.
const MAX_OVERHEAD: u32 = 1000;

/// In which time it may send one more.
const OVERHEAD_INTERVAL: Duration = Duration::from_millis(10);

/// How many more it may send at least for each frame of a message that it is sent: it enlarges the
/// windows of the stream and of the connection, and may measure the round trip.
const OVERHEAD_PER_FRAME: u32 = 3;

/// For how many bytes of a message it may send one more: clients that read into small buffers
/// enlarge both windows after each.
const BYTES_PER_OVERHEAD: usize = 1024;

/// How much overhead a client may still cause.
#[derive(Debug)]
pub(super) struct Budget {
    left: u32,
    refilled: Instant,
}

impl Budget {
    /// All of it, at this time.
    pub(super) fn full(now: Instant) -> Self {
        Self { left: MAX_OVERHEAD, refilled: now }
    }

    /// The client is sent this part of a message.
    pub(super) fn earn(&mut self, part: Frame) {
        let by_length = u32::try_from(part.length / BYTES_PER_OVERHEAD).unwrap_or(MAX_OVERHEAD);
        let more = by_length.max(OVERHEAD_PER_FRAME);
        self.left = self.left.saturating_add(more).min(MAX_OVERHEAD);
    }

    /// The client causes overhead; `false` if that is too much.
    pub(super) fn spend(&mut self, now: Instant) -> bool {
        if self.left == 0 {
            let intervals = now.saturating_duration_since(self.refilled).as_nanos()
                / OVERHEAD_INTERVAL.as_nanos();
            self.left = u32::try_from(intervals).unwrap_or(MAX_OVERHEAD).min(MAX_OVERHEAD);
            self.refilled = now;
        }
        match self.left.checked_sub(1) {
            Some(left) => {
                self.left = left;
                true
            }
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, flags: u8, payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(payload.len()).unwrap_or_default().to_be_bytes();
        let mut frame = length[1..].to_vec();
        frame.extend([kind, flags, 0, 0, 0, 1]);
        frame.extend(payload);
        frame
    }

    #[test]
    fn frames_are_the_same_however_they_are_cut() {
        let bytes = [
            b"preface".to_vec(),
            frame(HEADERS, 0, &[0; 300]),
            frame(CONTINUATION, END_HEADERS, b""),
            frame(DATA, 0, b""),
            frame(DATA, END_STREAM, b""),
            frame(6, 0, &[0; 8]),
        ]
        .concat();
        for size in 1..bytes.len() {
            let (mut scan, mut seen) = (FrameScan::after(7), Vec::new());
            for piece in bytes.chunks(size) {
                scan.advance(piece, |frame| seen.push(frame));
            }
            let kinds: Vec<_> = seen.iter().map(|frame| (frame.kind, frame.length)).collect();
            let all = [(HEADERS, 300), (CONTINUATION, 0), (DATA, 0), (DATA, 0), (6, 8)];
            assert_eq!(kinds, all, "{size}");
            assert!(seen.iter().all(|frame| frame.stream == 1), "{size}");
            let overhead: Vec<_> = seen.iter().map(|frame| frame.is_overhead()).collect();
            assert_eq!(overhead, [false, false, true, false, true], "{size}");
        }
    }

    #[test]
    fn a_field_block_ends_with_its_last_frame() {
        let bytes = [frame(HEADERS, 0, b"ab"), frame(CONTINUATION, END_HEADERS, b"c")].concat();
        let mut scan = FrameScan::after(0);
        for (number, byte) in bytes.iter().enumerate() {
            let is_inside = scan.is_in_block();
            assert_eq!(is_inside, number >= HEAD_BYTES, "{number}");
            scan.advance(&[*byte], |_| {});
        }
        assert!(!scan.is_in_block());
        scan.advance(&frame(HEADERS, END_HEADERS, b""), |_| {});
        assert!(!scan.is_in_block());
    }

    #[test]
    fn overhead_is_limited_at_once_over_time_and_beside_messages() {
        let now = Instant::now();
        let mut budget = Budget::full(now);
        let spend = |budget: &mut Budget, now| (0..9999).take_while(|_| budget.spend(now)).count();
        assert_eq!(spend(&mut budget, now), 1000);
        assert_eq!(spend(&mut budget, now + Duration::from_secs(1)), 100);
        assert_eq!(spend(&mut budget, now + Duration::from_secs(3600)), 1000);
        for (length, more) in [(0, 3), (4096, 4), (16_384, 16), (16_777_215, 1000)] {
            budget.earn(Frame { length, kind: DATA, flags: 0, stream: 1 });
            assert_eq!(spend(&mut budget, now), more, "{length}");
        }
    }
}

//! Responses that have been handed to the library and not, or not wholly, been written.

use super::frames::Frame;
use hashbrown::HashMap;
use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
};

/// What the library holds of responses, also when their requests have ended.
#[derive(Debug, Default)]
pub(super) struct Unsent {
    /// Bytes of bodies, by streams whose ends have not been written.
    streams: RefCell<HashMap<u32, usize>>,
    /// Interim responses in their order: their streams, and how large they are.
    interims: RefCell<VecDeque<(u32, usize)>>,
    bytes: Cell<usize>,
}

/// How many bytes of interim responses may wait to be written.
const MAX_INTERIM_BYTES: usize = 64 * 1024;

/// What one takes beside its fields.
const INTERIM_BYTES: usize = 256;

impl Unsent {
    /// Whether another interim response, with fields of this size, may wait to be written.
    pub(super) fn has_room(&self, fields: usize) -> bool {
        let waiting: usize = self.interims.borrow().iter().map(|(_, bytes)| bytes).sum();
        waiting + fields + INTERIM_BYTES <= MAX_INTERIM_BYTES
    }

    /// An interim response has been handed to the library.
    pub(super) fn hand_on_interim(&self, stream: u32, fields: usize) {
        let bytes = fields + INTERIM_BYTES;
        self.interims.borrow_mut().push_back((stream, bytes));
        self.bytes.set(self.bytes.get() + bytes);
    }

    /// The first interim response of a stream no longer waits; `false` if there is none.
    fn take_interim(&self, stream: u32) -> bool {
        let mut interims = self.interims.borrow_mut();
        let first = interims.iter().position(|(of, _)| *of == stream);
        let taken = first.and_then(|at| interims.remove(at));
        self.bytes.set(self.bytes.get() - taken.map_or(0, |(_, bytes)| bytes));
        taken.is_some()
    }

    /// A response begins.
    pub(super) fn begin(&self, stream: u32) {
        self.streams.borrow_mut().insert(stream, 0);
    }

    /// So many bytes of its body have been handed to the library, which drops them if the stream has
    /// been reset.
    pub(super) fn hand_on(&self, stream: u32, bytes: usize) {
        if let Some(unsent) = self.streams.borrow_mut().get_mut(&stream) {
            *unsent += bytes;
            self.bytes.set(self.bytes.get() + bytes);
        }
    }

    /// This frame has been written.
    pub(super) fn written(&self, frame: Frame) {
        if frame.begins_fields() {
            self.take_interim(frame.stream);
        }
        if let Some(unsent) = self.streams.borrow_mut().get_mut(&frame.stream) {
            let written = frame.data().min(*unsent);
            *unsent -= written;
            self.bytes.set(self.bytes.get() - written);
        }
        if frame.ends_stream() {
            self.end(frame.stream);
        }
    }

    /// Nothing more of a stream is written.
    pub(super) fn end(&self, stream: u32) {
        while self.take_interim(stream) {}
        let bytes = self.streams.borrow_mut().remove(&stream).unwrap_or(0);
        self.bytes.set(self.bytes.get() - bytes);
    }

    /// How many bytes wait to be written.
    pub(super) fn bytes(&self) -> usize {
        self.bytes.get()
    }

    /// Whether everything has been written.
    pub(super) fn is_empty(&self) -> bool {
        self.streams.borrow().is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::{super::frames::FrameScan, *};

    /// The frame with this type, of a stream.
    fn frame(kind: u8, stream: u8) -> Frame {
        let mut frames = Vec::new();
        FrameScan::after(0).advance(&[0, 0, 0, kind, 4, 0, 0, 0, stream], |one| frames.push(one));
        frames[0]
    }

    #[test]
    fn interim_responses_wait_within_a_bound_until_they_are_written_or_their_stream_ends() {
        const HEADERS: u8 = 1;
        const RST_STREAM: u8 = 3;
        let unsent = Unsent::default();
        let mut waiting = 0;
        while unsent.has_room(1000) {
            unsent.hand_on_interim(1 + 2 * (waiting % 2), 1000);
            waiting += 1;
        }
        assert!(unsent.bytes() <= MAX_INTERIM_BYTES && waiting > 40, "{waiting}");
        assert!(
            !unsent.has_room(MAX_INTERIM_BYTES) && !Unsent::default().has_room(MAX_INTERIM_BYTES)
        );
        unsent.written(frame(HEADERS, 1));
        assert!(unsent.has_room(1000));
        unsent.written(frame(RST_STREAM, 1));
        assert_eq!(unsent.bytes(), (waiting as usize / 2) * (1000 + INTERIM_BYTES));
        unsent.end(3);
        assert_eq!(unsent.bytes(), 0);
    }
}

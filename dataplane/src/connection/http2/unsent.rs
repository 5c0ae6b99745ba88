//! Responses that have been handed to the library and not, or not wholly, been written.

use super::frames::Frame;
use hashbrown::HashMap;
use std::cell::{Cell, RefCell};

/// What the library holds of responses, also when their requests have ended.
#[derive(Debug, Default)]
pub(super) struct Unsent {
    /// Bytes of bodies, by streams whose ends have not been written.
    streams: RefCell<HashMap<u32, usize>>,
    bytes: Cell<usize>,
}

impl Unsent {
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

//! The access log: one line per request, formatted by the worker that served it into a buffer of its
//! own, from which whoever writes the log takes them.

mod buffers;
mod clock;
mod combined;
mod entry;
mod fields;
mod noted;

pub use buffers::{Buffers, Pressure};
pub(crate) use entry::Entry;
pub(crate) use noted::Noted;

use buffers::Buffer;
use clock::Clock;
use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    sync::Arc,
    time::Instant,
};

/// How a line is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `name=value` pairs, for people.
    Text {
        /// Whether it is for a terminal that shows colours.
        colours: bool,
    },
    /// A JSON object.
    Json,
    /// The combined log format of Apache and nginx.
    Combined,
}

/// Whether and how requests are logged.
#[derive(Clone, Debug)]
pub struct AccessLog {
    /// How lines are written.
    pub format: Format,
    /// Where they are written to.
    pub buffers: Arc<Buffers>,
}

/// How many texts of requests a worker keeps, to be used again.
const MAX_SPARE: usize = 64;
/// One that is larger is not kept.
const MAX_SPARE_BYTES: usize = 4 * 1024;

/// The access log of one worker.
#[derive(Debug)]
pub(crate) struct WorkerLog {
    format: Format,
    buffer: Arc<Buffer>,
    buffers: Arc<Buffers>,
    clock: Cell<Clock>,
    spare: RefCell<Vec<String>>,
}

impl AccessLog {
    /// The log of another worker.
    pub(crate) fn of_worker(&self) -> Rc<WorkerLog> {
        Rc::new(WorkerLog {
            format: self.format,
            buffer: self.buffers.open(),
            buffers: self.buffers.clone(),
            clock: Cell::new(Clock::new()),
            spare: RefCell::default(),
        })
    }
}

impl WorkerLog {
    /// Writes the line of a request that has ended at `ended`.
    pub(crate) fn write(&self, entry: &Entry<'_>, ended: Instant) {
        let mut clock = self.clock.get();
        let time = clock.at(ended);
        self.clock.set(clock);
        let pressure = self.buffer.add(|out| match self.format {
            Format::Text { colours } => entry.write_text(&time, colours, out),
            Format::Json => entry.write_json(&time, out),
            Format::Combined => combined::write(entry, &time, out),
        });
        if let Some(pressure) = pressure {
            self.buffers.wake(pressure);
        }
    }

    /// Whether it shows the page from which a request was sent.
    fn has_referer(&self) -> bool {
        match self.format {
            Format::Combined => true,
            Format::Text { .. } | Format::Json => false,
        }
    }

    fn take_text(&self) -> String {
        self.spare.borrow_mut().pop().unwrap_or_default()
    }

    fn give_back(&self, mut text: String) {
        let mut spare = self.spare.borrow_mut();
        if spare.len() < MAX_SPARE && text.capacity() <= MAX_SPARE_BYTES {
            text.clear();
            spare.push(text);
        }
    }
}

//! Lines on their way from the workers to whoever writes them.

use std::{
    fmt, mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// How much of a worker's lines is kept while nobody takes them. Further ones are dropped and
/// counted.
const MAX_BYTES: usize = 2 << 20;
/// From how much on they should be taken at once.
const PROMPT_BYTES: usize = 256 << 10;

/// How urgent it is to take lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Pressure {
    /// There is a first one.
    Some,
    /// There are many.
    Many,
}

/// The lines of all workers. A worker shares its own with nobody but the one who takes them, so
/// their lock is free whenever a worker needs it, but for the moment in which they are taken.
pub struct Buffers {
    all: Mutex<Vec<Arc<Buffer>>>,
    wake: Box<dyn Fn(Pressure) + Send + Sync>,
}

/// The lines of one worker.
#[derive(Debug, Default)]
pub(super) struct Buffer(Mutex<Lines>);

#[derive(Debug, Default)]
struct Lines {
    text: Vec<u8>,
    dropped: u64,
}

impl fmt::Debug for Buffers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Buffers").field("all", &self.all).finish_non_exhaustive()
    }
}

impl Buffers {
    /// Without lines yet; `wake` is called by workers, when there are some to take.
    pub fn new(wake: impl Fn(Pressure) + Send + Sync + 'static) -> Self {
        Self { all: Mutex::default(), wake: Box::new(wake) }
    }

    /// Appends all lines that there are to `out`, and returns how many were dropped because too many
    /// had not been taken. `spare` is an empty buffer that changes hands.
    pub fn take(&self, out: &mut Vec<u8>, spare: &mut Vec<u8>) -> u64 {
        let mut dropped = 0;
        let mut all = locked(&self.all);
        all.retain(|buffer| {
            // Before its lines are taken: a worker that has ended adds none.
            let is_open = Arc::strong_count(buffer) > 1;
            let mut lines = locked(&buffer.0);
            mem::swap(&mut lines.text, spare);
            dropped += mem::take(&mut lines.dropped);
            drop(lines);
            out.append(spare);
            is_open
        });
        dropped
    }

    /// A buffer for another worker.
    pub(super) fn open(&self) -> Arc<Buffer> {
        let buffer = Arc::<Buffer>::default();
        locked(&self.all).push(buffer.clone());
        buffer
    }

    /// Says that there are lines to take.
    pub(super) fn wake(&self, pressure: Pressure) {
        (self.wake)(pressure);
    }
}

impl Buffer {
    /// Adds a line, and tells if it is time to say that there are some.
    pub(super) fn add(&self, write: impl FnOnce(&mut Vec<u8>)) -> Option<Pressure> {
        let mut lines = locked(&self.0);
        let before = lines.text.len();
        if before >= MAX_BYTES {
            lines.dropped += 1;
            return None;
        }
        write(&mut lines.text);
        let after = lines.text.len();
        match before {
            0 => Some(Pressure::Some),
            _ if before < PROMPT_BYTES && after >= PROMPT_BYTES => Some(Pressure::Many),
            _ => None,
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(buffers: &Buffers) -> (Vec<u8>, u64) {
        let (mut out, mut spare) = (Vec::new(), Vec::new());
        let dropped = buffers.take(&mut out, &mut spare);
        (out, dropped)
    }

    #[test]
    fn lines_of_all_workers_are_taken_once_and_those_of_one_that_ended_too() {
        let buffers = Buffers::new(|_| {});
        let (one, other) = (buffers.open(), buffers.open());
        assert_eq!(one.add(|out| out.extend(b"a\n")), Some(Pressure::Some));
        assert_eq!(one.add(|out| out.extend(b"b\n")), None);
        other.add(|out| out.extend(b"c\n"));
        drop(other);
        assert_eq!(take(&buffers), (b"a\nb\nc\n".to_vec(), 0));
        assert_eq!(locked(&buffers.all).len(), 1);
        assert_eq!(take(&buffers), (Vec::new(), 0));
        assert_eq!(one.add(|out| out.extend(b"d\n")), Some(Pressure::Some));
    }

    #[test]
    fn what_nobody_takes_is_bounded_and_counted() {
        let buffers = Buffers::new(|_| {});
        let buffer = buffers.open();
        let line = vec![b'x'; PROMPT_BYTES / 2];
        let pressures = (0..20).map(|_| buffer.add(|out| out.extend_from_slice(&line)));
        let pressures: Vec<_> = pressures.flatten().collect();
        assert_eq!(pressures, [Pressure::Some, Pressure::Many]);
        let (lines, dropped) = take(&buffers);
        assert_eq!((lines.len(), dropped), (MAX_BYTES, 4));
        assert_eq!(take(&buffers).1, 0);
    }
}

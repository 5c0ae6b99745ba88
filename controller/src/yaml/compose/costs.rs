//! What a text may cost.

use crate::yaml::token::Error;

/// How much memory the value of one document may take, roughly. A list of ten thousand objects takes
/// a third of it.
const MAX_DOCUMENT_BYTES: usize = 512 << 20;
/// How much memory may be added by aliases and merge keys, beside twice the length of the text.
const MAX_ADDED_BYTES: usize = 16 << 20;

/// What a file costs beyond what is written in it.
#[derive(Debug)]
pub(crate) struct Costs {
    /// The bytes that aliases and merge keys may still add.
    left: usize,
}

impl Costs {
    /// For a text of this length.
    pub(crate) fn of(length: usize) -> Self {
        Self { left: MAX_ADDED_BYTES + 2 * length }
    }

    /// Counts the memory of something that is written.
    pub(super) fn takes(&self, count: &mut Count, bytes: usize, at: usize) -> Result<(), Error> {
        count.bytes = count.bytes.saturating_add(bytes);
        if count.bytes <= MAX_DOCUMENT_BYTES {
            return Ok(());
        }
        Err(Error::bound(at, "the document takes more than 512 MiB of memory: split it"))
    }

    /// Counts the memory of a copy.
    pub(super) fn adds(&mut self, count: &mut Count, bytes: usize, at: usize) -> Result<(), Error> {
        self.takes(count, bytes, at)?;
        let left = self.left.checked_sub(bytes);
        self.left = left.ok_or_else(|| {
            Error::bound(
                at,
                "aliases and merge keys add more than 16 MiB to the file: write it out",
            )
        })?;
        Ok(())
    }
}

/// What a document consists of.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Count {
    /// The nodes, including those that aliases repeat.
    nodes: u64,
    /// Those that aliases repeat.
    repeated: u64,
    /// How much memory its values take, roughly.
    bytes: usize,
}

impl Count {
    /// Counts a node that is written.
    pub(super) fn written(&mut self) {
        self.nodes += 1;
    }

    /// go-yaml does not count the list behind a merge key.
    pub(super) fn not_written(&mut self) {
        self.nodes -= 1;
    }

    /// Counts nodes that an alias repeats.
    pub(super) fn repeated(&mut self, nodes: u64) {
        self.nodes += nodes;
        self.repeated += nodes;
    }

    /// Nodes and bytes since then.
    pub(super) fn since(&self, before: Self) -> (u64, usize) {
        (self.nodes - before.nodes, self.bytes - before.bytes)
    }

    /// go-yaml's bound: an alias may cause most of a small document, and a tenth of a large one.
    pub(super) fn is_excessive(&self) -> bool {
        const SMALL: f64 = 400_000.0;
        const LARGE: f64 = 4_000_000.0;
        if self.repeated <= 100 || self.nodes <= 1000 {
            return false;
        }
        let (nodes, repeated) = (self.nodes as f64, self.repeated as f64);
        let share = 0.99 - 0.89 * ((nodes - SMALL) / (LARGE - SMALL)).clamp(0.0, 1.0);
        repeated / nodes > share
    }
}

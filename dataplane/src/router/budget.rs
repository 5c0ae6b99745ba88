//! How much work predicates may cause.

use std::cell::Cell;

/// The number of bytes that the predicates of all matches may look at for one request. Each
/// predicate counts for itself, and so do bytes that several of them look at, except those in which
/// the same cookie or query key is looked for several times in a row.
#[derive(Debug)]
pub(crate) struct Budget(Cell<Option<usize>>);

/// A request whose predicates would look at more than is allowed: it is large, and its path has many
/// matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BudgetExceeded;

impl Budget {
    /// A byte takes at most a few nanoseconds.
    pub(super) const BYTES: usize = 1 << 20;
    /// What a predicate costs even if there is nothing to look at.
    const PREDICATE: usize = 32;

    /// What a cookie or query key costs beside its bytes.
    pub(super) const PIECE: usize = 16;

    /// For the matches of one request.
    pub(crate) fn of_one_request() -> Self {
        Self(Cell::new(Some(Self::BYTES)))
    }

    /// For a question that no client can ask.
    pub(super) fn unlimited() -> Self {
        Self(Cell::new(Some(usize::MAX)))
    }

    /// Whether a predicate may look at this many bytes. If not, none may look at anything any more.
    pub(super) fn allows(&self, bytes: usize) -> bool {
        let left = self.0.get();
        self.0.set(left.and_then(|left| left.checked_sub(bytes + Self::PREDICATE)));
        self.0.get().is_some()
    }

    /// # Errors
    /// If a predicate was not allowed to look at what it had to.
    pub(super) fn check(&self) -> Result<(), BudgetExceeded> {
        self.0.get().map(drop).ok_or(BudgetExceeded)
    }
}

//! How much work predicates may cause, for one request and in one go.

use std::cell::Cell;

/// The number of bytes that the predicates of all matches may look at for one request. Each
/// predicate counts for itself, and so do bytes that several of them look at, except those in which
/// the same cookie or query key is looked for several times in a row.
///
/// A lookup within a budget [in turns](Self::in_turns) pauses where it would take long, and is made
/// again once the budget has [resumed](Self::resume): it then passes over the matches that it has
/// tried.
#[derive(Debug)]
pub(crate) struct Budget {
    left: Cell<usize>,
    state: Cell<State>,
    /// With fewer left, no further match is tried.
    pause_at: Cell<usize>,
    /// How many matches were tried before the last pause, all in vain.
    tried: Cell<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Within,
    /// The lookup may go on later.
    Paused,
    Exceeded,
}

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

    /// What comes before the first pause: hardly any request needs more, and it takes as long as a
    /// few of those do.
    const FIRST_TURN: usize = 32 << 10;
    /// What comes before each further one: half a millisecond.
    const TURN: usize = 128 << 10;

    /// For the matches of one request, without pauses.
    pub(crate) fn of_one_request() -> Self {
        Self::of(Self::BYTES)
    }

    /// The same, with pauses.
    pub(crate) fn in_turns() -> Self {
        let budget = Self::of_one_request();
        budget.pause_at.set(Self::BYTES - Self::FIRST_TURN);
        budget
    }

    /// For a question that no client can ask.
    pub(super) fn unlimited() -> Self {
        Self::of(usize::MAX)
    }

    fn of(bytes: usize) -> Self {
        Self {
            left: Cell::new(bytes),
            state: Cell::new(State::Within),
            pause_at: Cell::new(0),
            tried: Cell::new(0),
        }
    }

    /// Whether a predicate may look at this many bytes. If not, none may look at anything any more.
    pub(crate) fn allows(&self, bytes: usize) -> bool {
        if self.state.get() != State::Within {
            return false;
        }
        match self.left.get().checked_sub(bytes + Self::PREDICATE) {
            Some(left) => self.left.set(left),
            None => self.state.set(State::Exceeded),
        }
        self.state.get() == State::Within
    }

    /// Whether the match that comes after `before` others is to be tried: not if it has been, nor if
    /// that has to wait.
    pub(super) fn tries(&self, before: usize) -> bool {
        if before < self.tried.get() || self.state.get() != State::Within {
            return false;
        }
        if self.left.get() < self.pause_at.get() {
            self.state.set(State::Paused);
            self.tried.set(before);
            return false;
        }
        true
    }

    /// Whether the lookup is not finished, and has to be made again.
    pub(crate) fn is_paused(&self) -> bool {
        self.state.get() == State::Paused
    }

    /// Ends the pause.
    pub(crate) fn resume(&self) {
        if self.is_paused() {
            self.state.set(State::Within);
            self.pause_at.set(self.left.get().saturating_sub(Self::TURN));
        }
    }

    /// # Errors
    /// If a predicate was not allowed to look at what it had to, or not yet.
    pub(crate) fn check(&self) -> Result<(), BudgetExceeded> {
        match self.state.get() {
            State::Within => Ok(()),
            State::Paused | State::Exceeded => Err(BudgetExceeded),
        }
    }
}

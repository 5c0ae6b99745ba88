//! The endpoint that a request is for, and those that may carry it instead.

use super::state::{Endpoint, InFlight};
use std::{
    cell::{Cell, RefCell},
    sync::Arc,
};

/// The endpoint that was chosen for a request, and others of its backend: while there is no
/// connection, they are tried beside it (RFC 8305).
#[derive(Debug)]
pub(crate) struct Candidates<'e> {
    /// The chosen one first.
    all: &'e [&'e Arc<Endpoint>],
    /// The one that carries the request, as far as is known.
    taken: Cell<usize>,
    /// The request in flight there, if it counts.
    in_flight: RefCell<Option<InFlight>>,
    /// Those that accepted no connection while another one did, or none did.
    refused: RefCell<Vec<usize>>,
}

impl<'e> Candidates<'e> {
    /// Those for a request, which is in flight from now on; `all` begins with the chosen one.
    pub(crate) fn of_request(all: &'e [&'e Arc<Endpoint>]) -> Self {
        let candidates = Self::of_check(all);
        candidates.in_flight.replace(all.first().map(|chosen| chosen.begin()));
        candidates
    }

    /// The same for what does not count as in flight.
    pub(crate) fn of_check(all: &'e [&'e Arc<Endpoint>]) -> Self {
        let (taken, in_flight, refused) = (Cell::new(0), RefCell::default(), RefCell::default());
        Self { all, taken, in_flight, refused }
    }

    /// All of them; the chosen one first.
    pub(crate) fn all(&self) -> &'e [&'e Arc<Endpoint>] {
        self.all
    }

    /// The index of the one that carries the request, as far as is known.
    pub(crate) fn taken(&self) -> usize {
        self.taken.get()
    }

    /// This one carries the request.
    pub(crate) fn take(&self, index: usize) {
        if self.taken.replace(index) != index
            && let Some(in_flight) = &mut *self.in_flight.borrow_mut()
            && let Some(endpoint) = self.all.get(index)
        {
            *in_flight = endpoint.begin();
        }
    }

    /// This one has accepted no connection.
    pub(crate) fn refuse(&self, index: usize) {
        self.refused.borrow_mut().push(index);
    }

    /// The request in flight, and the indices of those that accepted no connection.
    pub(crate) fn into_parts(self) -> (Option<InFlight>, Vec<usize>) {
        (self.in_flight.into_inner(), self.refused.into_inner())
    }
}

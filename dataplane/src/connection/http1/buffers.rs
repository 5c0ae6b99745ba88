//! What the buffers of an HTTP/1.1 connection hold, as far as it can be seen from outside hyper.

use crate::{
    connection::memory::{TLS_BUFFER_BYTES, session_bytes},
    proxy::Session,
};
use std::cell::Cell;

/// What an open connection takes whatever it does: its task, timer, socket and states.
const CONNECTION_BYTES: usize = 4 * 1024;

/// What hyper's connection takes, with a request and its connection to a backend.
const HYPER_BYTES: usize = 24 * 1024;

/// The size of hyper's buffer for reads until they fill it, and of the one for responses' heads
/// until one exceeds it.
pub(super) const HYPER_BUFFER_BYTES: usize = 8 * 1024;

/// What is read of a body at a time.
pub(super) const BODY_READ_BYTES: usize = 32 * 1024;

/// The largest buffer for reads from the backend.
const BACKEND_READ_BYTES: usize = 48 * 1024;

/// The buffers' sizes.
#[derive(Debug, Default)]
pub(super) struct Buffers {
    /// What the TLS session takes; 0 without one.
    session: usize,
    /// Whether hyper's connection exists; it does not while a connection is parked.
    pub(super) has_hyper: Cell<bool>,
    /// The size of the guard's buffer.
    pub(super) held: Cell<usize>,
    /// The largest buffer that hyper has read into.
    pub(super) read_into: Cell<usize>,
    /// The longest piece of a response that hyper has written from its own buffer.
    pub(super) head: Cell<usize>,
    /// Whether the last write could not be completed.
    pub(super) is_blocked: Cell<bool>,
}

impl Buffers {
    /// Those of a new connection.
    pub(super) fn new(session: Option<&Session>) -> Self {
        Self { session: session_bytes(session), ..Self::default() }
    }

    /// An estimate of all that the connection holds, `unwritten` of it waiting to be written.
    pub(super) fn bytes(&self, unwritten: usize) -> usize {
        let beyond = |size: usize| size.saturating_sub(HYPER_BUFFER_BYTES);
        let mut bytes = CONNECTION_BYTES + self.session + self.held.get();
        if self.session > 0 && unwritten > 0 {
            bytes += TLS_BUFFER_BYTES;
        }
        if self.has_hyper.get() {
            bytes += HYPER_BYTES + beyond(self.head.get());
            if beyond(self.read_into.get()) > 0 {
                // One is being filled, one is on its way to the backend.
                bytes += 2 * self.read_into.get();
            }
            if unwritten > 0 {
                // The rest of a buffer, all of which it keeps, and one more.
                bytes += (unwritten + BACKEND_READ_BYTES).min(2 * BACKEND_READ_BYTES);
            }
        }
        bytes
    }

    /// Whether hyper's buffers are so large that an idle connection must not keep them at all.
    pub(super) fn are_large(&self) -> bool {
        self.head.get().max(self.read_into.get()) > 2 * HYPER_BUFFER_BYTES
    }

    /// hyper's connection has been made or, with its buffers, freed.
    pub(super) fn set_hyper(&self, exists: bool) {
        self.has_hyper.set(exists);
        self.head.set(0);
        self.read_into.set(0);
        self.is_blocked.set(false);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{connection::memory::TLS_BYTES, proxy::ClientCertificate};
    use http::HeaderValue;

    #[test]
    fn tls_counts_with_the_clients_certificate_and_what_waits_for_the_socket() {
        let client = ClientCertificate {
            own: HeaderValue::from_static(":AQ==:"),
            chain: Some(HeaderValue::from_static(":AgI=:, :Aw==:")),
            name: "".into(),
        };
        let session = Session { client: Some(client), ..Session::sample() };
        let (plain, tls) = (Buffers::new(None), Buffers::new(Some(&session)));
        assert_eq!(tls.bytes(0), plain.bytes(0) + TLS_BYTES + 2 * (6 + 14));
        assert_eq!(tls.bytes(1) - tls.bytes(0), TLS_BUFFER_BYTES + plain.bytes(1) - plain.bytes(0));
    }
}

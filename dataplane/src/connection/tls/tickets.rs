//! Session tickets (RFC 8446 §4.6.1, RFC 5077): one key for all workers of the process, so that a
//! session resumes whichever of them gets the connection.

use rustls::{Error, crypto::aws_lc_rs::Ticketer, server::ProducesTickets};
use std::sync::Arc;

/// The source of tickets that the workers share. Its keys change every six hours, and a ticket is
/// valid for twelve at most.
#[derive(Clone, Debug)]
pub(crate) struct Tickets(Arc<dyn ProducesTickets>);

/// What a session has been established under. A ticket is of use only under the same: who resumes a
/// session does not see the certificate again.
pub(super) type Terms = [u8; 32];

/// Tickets of sessions under certain terms.
#[derive(Debug)]
struct BoundTickets {
    tickets: Tickets,
    terms: Terms,
}

impl Tickets {
    /// With fresh keys.
    ///
    /// # Errors If there is no randomness.
    pub(crate) fn new() -> Result<Self, Error> {
        Ticketer::new().map(Self)
    }

    /// Tickets that are of use under these terms only.
    pub(super) fn under(&self, terms: Terms) -> Arc<dyn ProducesTickets> {
        Arc::new(BoundTickets { tickets: self.clone(), terms })
    }
}

impl ProducesTickets for BoundTickets {
    fn enabled(&self) -> bool {
        self.tickets.0.enabled()
    }

    fn lifetime(&self) -> u32 {
        self.tickets.0.lifetime()
    }

    fn encrypt(&self, plain: &[u8]) -> Option<Vec<u8>> {
        self.tickets.0.encrypt(&[&self.terms, plain].concat())
    }

    fn decrypt(&self, cipher: &[u8]) -> Option<Vec<u8>> {
        let plain = self.tickets.0.decrypt(cipher)?;
        plain.strip_prefix(&self.terms).map(<[u8]>::to_vec)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_is_of_use_to_every_worker_but_under_its_own_terms_only() {
        let tickets = Tickets::new().unwrap();
        let (ours, theirs) = (tickets.under([1; 32]), tickets.under([2; 32]));
        let ticket = ours.encrypt(b"session").unwrap();
        assert_eq!(ours.decrypt(&ticket).unwrap(), b"session");
        assert_eq!(tickets.clone().under([1; 32]).decrypt(&ticket).unwrap(), b"session");
        assert_eq!(theirs.decrypt(&ticket), None);
        assert_eq!(Tickets::new().unwrap().under([1; 32]).decrypt(&ticket), None);
    }

    #[test]
    fn a_ticket_lives_for_twelve_hours_at_most() {
        let tickets = Tickets::new().unwrap().under([0; 32]);
        assert!(tickets.enabled());
        assert!((1..=12 * 60 * 60).contains(&tickets.lifetime()), "{}", tickets.lifetime());
    }
}

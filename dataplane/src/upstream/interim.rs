//! Interim responses (RFC 9110 §15.2), which come before the final one.

use super::error::Malformed;
use http::{Response, StatusCode};
use std::net::SocketAddr;

/// How many there may be to a request.
pub(super) const MAX_INTERIM: usize = 16;

/// What becomes of an interim response from this address. It is called while the final one is
/// waited for, never for 100 (nothing here asks for it) and 101 (which is final).
pub(crate) type OnInterim<'r> = &'r dyn Fn(Response<()>, SocketAddr);

/// The interim responses to a request that has been sent to an address.
pub(super) struct Interims<'r> {
    address: SocketAddr,
    pass: OnInterim<'r>,
    received: usize,
}

impl<'r> Interims<'r> {
    /// None yet.
    pub(super) fn new(address: SocketAddr, pass: OnInterim<'r>) -> Self {
        Self { address, pass, received: 0 }
    }

    /// One has arrived; an error if that is one too many.
    pub(super) fn receive(&mut self, response: Response<()>) -> Result<(), Malformed> {
        self.received += 1;
        if self.received > MAX_INTERIM {
            return Err(Malformed(format!("more than {MAX_INTERIM} interim responses").into()));
        }
        match response.status() {
            StatusCode::CONTINUE => {}
            // HTTP/2 has none (RFC 9113 §8.6), and that of HTTP/1.1 is final.
            StatusCode::SWITCHING_PROTOCOLS => {
                return Err(Malformed("a 101 that is no final response".into()));
            }
            _ => (self.pass)(response, self.address),
        }
        Ok(())
    }

    /// Whether any has arrived.
    pub(super) fn has_begun(&self) -> bool {
        self.received > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    #[test]
    fn all_count_and_all_but_100_pass() {
        let passed = Cell::new(0);
        let pass = |_: Response<()>, _| passed.set(passed.get() + 1);
        let mut interims = Interims::new(([127, 0, 0, 1], 80).into(), &pass);
        for n in 0..MAX_INTERIM + 3 {
            let status = if n % 2 == 0 { StatusCode::CONTINUE } else { StatusCode::EARLY_HINTS };
            let mut response = Response::new(());
            *response.status_mut() = status;
            assert_eq!(interims.receive(response).is_ok(), n < MAX_INTERIM, "{n}");
        }
        assert_eq!(passed.get(), MAX_INTERIM / 2);
    }

    #[test]
    fn a_101_is_not_one_of_them() {
        let passed = Cell::new(0);
        let pass = |_: Response<()>, _| passed.set(passed.get() + 1);
        let mut interims = Interims::new(([127, 0, 0, 1], 80).into(), &pass);
        let mut response = Response::new(());
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        assert!(interims.receive(response).is_err() && passed.get() == 0);
    }
}

//! Request ids: 128 bits, 32 hexadecimal digits, unique across workers and restarts for all
//! practical purposes. They identify requests in logs; no security depends on them.

use crate::random::random;
use http::HeaderValue;
use std::cell::Cell;

/// A worker's source of ids.
#[derive(Debug)]
pub(crate) struct RequestIds {
    worker: u64,
    next: Cell<u64>,
}

impl RequestIds {
    pub(super) fn new() -> Self {
        Self { worker: random(), next: Cell::new(random()) }
    }

    /// The next id.
    pub(crate) fn next(&self) -> HeaderValue {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let next = self.next.get().wrapping_add(1);
        self.next.set(next);
        // Multiplying by an odd factor permutes: ids stay distinct but do not look sequential.
        let scattered = next.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let bytes = (u128::from(self.worker) << 64 | u128::from(scattered)).to_be_bytes();
        let mut text = [0; 32];
        for (pair, byte) in text.chunks_exact_mut(2).zip(bytes) {
            pair[0] = DIGITS[usize::from(byte >> 4)];
            pair[1] = DIGITS[usize::from(byte & 15)];
        }
        // Hexadecimal digits are always a valid value.
        never_indexed(HeaderValue::from_bytes(&text).unwrap_or(HeaderValue::from_static("-")))
    }
}

/// Keeps an id out of HPACK's tables (RFC 7541 §7.1.3), whose entries it would be compared with and
/// displace: no other message has it.
pub(super) fn never_indexed(mut id: HeaderValue) -> HeaderValue {
    id.set_sensitive(true);
    id
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_distinct_and_of_one_length() {
        let ids = RequestIds::new();
        let ids_seen: std::collections::HashSet<_> = (0..10_000).map(|_| ids.next()).collect();
        assert_eq!(ids_seen.len(), 10_000);
        assert!(ids_seen.iter().all(|id| id.len() == 32));
    }
}

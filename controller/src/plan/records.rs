//! What is kept of each entry: numbers only, so that large recordings fit into memory.

use super::kinds::Kind;

/// One entry.
#[derive(Clone, Debug)]
pub(super) struct Record {
    /// When it started, in microseconds since 1970; `None` if it was not recorded.
    pub(super) start: Option<i64>,
    /// How long it took, in microseconds; 0 if that was not recorded.
    pub(super) duration: i64,
    /// How long resolving and connecting took, with the TLS handshake, in microseconds.
    pub(super) setup: i64,
    /// How long the response took to begin, in microseconds; `None` if that was not recorded.
    pub(super) wait: Option<u32>,
    /// A hash of the URL.
    pub(super) url: u64,
    /// The visit of a page that it belongs to.
    pub(super) visit: u32,
    /// The origin that it went to.
    pub(super) origin: u32,
    /// The shape of its path.
    pub(super) shape: u32,
    /// Why a script's call to another origin with this head needs a preflight; for a preflight, what
    /// it asked for.
    pub(super) reason: u32,
    /// The origin in its `Origin`.
    pub(super) asked_by: u32,
    /// The origin in its `Referer`.
    pub(super) referrer: u32,
    /// The method.
    pub(super) method: u32,
    /// The file.
    pub(super) file: u32,
    pub(super) kind: Kind,
    /// Whether it opened a connection.
    pub(super) connected: bool,
    /// Whether it made a TLS handshake.
    pub(super) secured: bool,
}

impl Record {
    /// When it ended; `None` if it was not recorded when it started.
    pub(super) fn end(&self) -> Option<i64> {
        self.start.map(|start| start.saturating_add(self.duration))
    }
}

/// Microseconds of milliseconds, within a day.
pub(super) fn micros(milliseconds: f64) -> i64 {
    const DAY: f64 = 86_400_000.0;
    // Within a day, nothing is lost.
    (milliseconds.clamp(0.0, DAY) * 1000.0).round() as i64
}

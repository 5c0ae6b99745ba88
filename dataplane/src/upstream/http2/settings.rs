//! Whether the backend takes extended CONNECT, as its first SETTINGS say (RFC 8441 §3). h2 sends one
//! without looking, and does not tell when they have arrived.

use std::{cell::Cell, rc::Rc};
use tokio::sync::Notify;

/// The length of a frame's head (RFC 9113 §4.1).
const HEAD_BYTES: usize = 9;

/// The longest frame that is allowed before other SETTINGS (RFC 9113 §4.2).
const MAX_PAYLOAD_BYTES: usize = 16 * 1024;

const SETTINGS: u8 = 0x4;
const ENABLE_CONNECT_PROTOCOL: u16 = 0x8;

/// What is known of a connection's first SETTINGS.
#[derive(Debug, Default)]
pub(super) struct FirstSettings {
    state: Cell<State>,
    changed: Notify,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// They have not arrived.
    #[default]
    Awaited,
    /// They have; whether extended CONNECT is announced.
    Known(bool),
    /// The connection has ended before.
    Ended,
}

impl FirstSettings {
    fn set(&self, state: State) {
        self.state.set(state);
        self.changed.notify_waiters();
    }

    /// Waits for them: whether extended CONNECT is announced; `None` if the connection ends before.
    pub(super) async fn announce_connect(&self) -> Option<bool> {
        loop {
            let changed = self.changed.notified();
            match self.state.get() {
                State::Awaited => changed.await,
                State::Known(is_announced) => return Some(is_announced),
                State::Ended => return None,
            }
        }
    }
}

/// Reads them as they pass.
#[derive(Debug)]
pub(super) struct SettingsScan {
    found: Rc<FirstSettings>,
    /// The first frame, as far as it has arrived.
    frame: Vec<u8>,
}

impl SettingsScan {
    /// Before anything has arrived.
    pub(super) fn new(found: Rc<FirstSettings>) -> Self {
        Self { found, frame: Vec::new() }
    }

    /// The backend has sent this.
    pub(super) fn advance(&mut self, bytes: &[u8]) {
        if self.found.state.get() != State::Awaited {
            return;
        }
        let room = HEAD_BYTES + MAX_PAYLOAD_BYTES - self.frame.len();
        self.frame.extend_from_slice(&bytes[..bytes.len().min(room)]);
        if let Some(is_announced) = announces_connect(&self.frame) {
            self.frame = Vec::new();
            self.found.set(State::Known(is_announced));
        }
    }
}

impl Drop for SettingsScan {
    /// Nothing more will arrive.
    fn drop(&mut self) {
        if self.found.state.get() == State::Awaited {
            self.found.set(State::Ended);
        }
    }
}

/// Whether a connection that begins with `bytes` announces extended CONNECT; `None` before its first
/// frame is complete. One that is no SETTINGS is for h2 to refuse.
fn announces_connect(bytes: &[u8]) -> Option<bool> {
    let (head, payload) = bytes.split_at_checked(HEAD_BYTES)?;
    let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
    if head[3] != SETTINGS || length > MAX_PAYLOAD_BYTES {
        return Some(false);
    }
    let settings = payload.get(..length)?.chunks_exact(6);
    let mut values = settings.filter_map(|setting| match *setting {
        [a, b, ..] if u16::from_be_bytes([a, b]) != ENABLE_CONNECT_PROTOCOL => None,
        [_, _, ref value @ ..] => Some(value == [0, 0, 0, 1]),
        _ => None,
    });
    // The last one counts (RFC 9113 §6.5).
    Some(values.next_back().unwrap_or(false))
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    fn settings(entries: &[(u16, u32)]) -> Vec<u8> {
        let mut frame = vec![0, 0, (entries.len() * 6) as u8, SETTINGS, 0, 0, 0, 0, 0];
        for (name, value) in entries {
            frame.extend(name.to_be_bytes());
            frame.extend(value.to_be_bytes());
        }
        frame
    }

    #[test]
    fn the_first_settings_tell_however_they_are_cut() {
        for (frame, is_announced) in [
            (settings(&[]), false),
            (settings(&[(8, 1)]), true),
            (settings(&[(3, 100), (8, 1), (4, 1)]), true),
            (settings(&[(8, 0)]), false),
            (settings(&[(8, 1), (8, 0)]), false),
            (settings(&[(4, 1)]), false),
            // Not SETTINGS.
            (vec![0, 0, 0, 6, 0, 0, 0, 0, 0], false),
        ] {
            for size in 1..=frame.len() {
                let found = Rc::<FirstSettings>::default();
                let mut scan = SettingsScan::new(found.clone());
                for piece in frame.chunks(size) {
                    assert_eq!(found.announce_connect().now_or_never(), None);
                    scan.advance(piece);
                }
                // What comes later is not theirs.
                scan.advance(&settings(&[(8, 1)]));
                drop(scan);
                let told = found.announce_connect().now_or_never();
                assert_eq!(told, Some(Some(is_announced)), "{frame:?} {size}");
            }
        }
    }

    #[test]
    fn a_connection_that_ends_before_them_tells_nothing() {
        let found = Rc::<FirstSettings>::default();
        let mut scan = SettingsScan::new(found.clone());
        scan.advance(&settings(&[(8, 1)])[..12]);
        let mut waiting = Box::pin(found.announce_connect());
        assert_eq!((&mut waiting).now_or_never(), None);
        drop(scan);
        assert_eq!(waiting.now_or_never(), Some(None));
    }
}

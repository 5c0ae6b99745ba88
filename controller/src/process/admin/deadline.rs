//! How long a connection may stay open.

use std::{sync::Arc, time::Duration};
use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};

/// How long a connection may take to read its response, or the next piece of one.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Until when a connection may stay open.
#[derive(Clone, Debug)]
pub(super) struct Deadline(Arc<watch::Sender<Instant>>);

impl Deadline {
    /// The usual time, from now on.
    pub(super) fn new() -> Self {
        Self(Arc::new(watch::Sender::new(Instant::now() + TIMEOUT)))
    }

    /// The same again.
    pub(super) fn extend(&self) {
        self.0.send_replace(Instant::now() + TIMEOUT);
    }

    /// Waits for the deadline, wherever it has moved to meanwhile.
    pub(super) async fn passed(&self) {
        loop {
            let at = *self.0.borrow();
            if at <= Instant::now() {
                return;
            }
            sleep_until(at).await;
        }
    }
}

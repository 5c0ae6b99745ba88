//! Waiting for what a cluster does in its own time.

use anyhow::{Result, bail};
use std::{
    future::Future,
    time::{Duration, Instant},
};
use tokio::time::sleep;

/// Longer than anything takes in a cluster that works.
pub const PATIENCE: Duration = Duration::from_secs(120);
const POLL: Duration = Duration::from_millis(20);

/// Tries until it gets a value, and says how long that took.
///
/// # Errors
/// What the last try was refused with, after [`PATIENCE`].
pub async fn eventually<T, F>(mut attempt: impl FnMut() -> F) -> Result<(T, Duration)>
where
    F: Future<Output = Result<T>>,
{
    let start = Instant::now();
    loop {
        match attempt().await {
            Ok(value) => return Ok((value, start.elapsed())),
            Err(error) if start.elapsed() > PATIENCE => {
                bail!("not within {PATIENCE:?}: {error:#}");
            }
            Err(_) => sleep(POLL).await,
        }
    }
}

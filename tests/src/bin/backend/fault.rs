//! What a test makes of a Pod: `/fault?mode=…`.

use crate::Backend;
use http::StatusCode;
use std::{future::pending, process, time::Duration};
use tokio::time::sleep;

/// Like a process that SIGKILL ends.
const KILLED: i32 = 137;

/// How a Pod answers.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) enum Fault {
    /// `mode=none`: as it should.
    #[default]
    None,
    /// `mode=error`: with 500.
    Error,
    /// `mode=hang`: not at all.
    Hang,
    /// `mode=slow`: half a second late.
    Slow,
}

impl Backend {
    /// What `/fault` is answered with; `mode=kill` ends the process before it is.
    pub(crate) fn set_fault(&self, query: &str) -> StatusCode {
        let fault = match query {
            "mode=none" => Fault::None,
            "mode=error" => Fault::Error,
            "mode=hang" => Fault::Hang,
            "mode=slow" => Fault::Slow,
            "mode=kill" => process::exit(KILLED),
            _ => return StatusCode::BAD_REQUEST,
        };
        self.fault.set(fault);
        StatusCode::OK
    }

    /// Waits as long as its fault lets a request wait; the status that the answer then has.
    pub(crate) async fn suffer(&self) -> StatusCode {
        match self.fault.get() {
            Fault::None => {}
            Fault::Error => return StatusCode::INTERNAL_SERVER_ERROR,
            Fault::Hang => pending().await,
            Fault::Slow => sleep(Duration::from_millis(500)).await,
        }
        StatusCode::OK
    }
}

//! What operators see at a glance: every FrontDoor and Route with its problems, its requests and its
//! backends. Pure: it joins what the compiler, the workers and the registry of endpoints know.

mod backends;
mod compact;
mod counts;
mod facts;
mod failures;
mod history;
mod tick;
mod traffic;
mod window;

pub(crate) use counts::Counts;
pub(crate) use facts::Facts;
pub(crate) use failures::FailureList;
pub(crate) use history::{History, Recent, ShownHistory};
pub(crate) use tick::{Changes, Inputs, Tick};
pub(crate) use window::Window;

use bytes::Bytes;
use serde::Serialize;

/// Never fails: there are only texts, numbers, and maps whose keys are texts.
fn json(value: &impl Serialize) -> Bytes {
    serde_json::to_vec(value).unwrap_or_default().into()
}

//! Things to look at before a host moves.

use crate::compile::MAX_MATCHES;
use serde::Serialize;

/// Something to look at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Review {
    /// What it is about: `cookies`, `redirect`, `third-party` and so on.
    pub kind: &'static str,
    /// The origin of the host that it concerns.
    pub host: String,
    /// What to look at, and why.
    pub why: String,
}

impl Review {
    pub(super) fn new(kind: &'static str, host: &str, why: &str) -> Self {
        Self { kind, host: host.to_owned(), why: why.to_owned() }
    }
}

/// Says which patterns stand for several paths.
pub(super) fn widened<'w>(
    origin: &'w str,
    widened: &'w [(String, usize)],
) -> impl Iterator<Item = Review> + use<'w> {
    widened.iter().map(move |(pattern, count)| {
        let why = format!(
            "{pattern} stands for {count} recorded paths, and for others below it: a Route has at most {MAX_MATCHES}"
        );
        Review::new("paths", origin, &why)
    })
}

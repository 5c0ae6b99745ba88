//! What Portico promises of itself, whatever others do.

use std::borrow::Cow;

/// A number and what it must not exceed.
pub(crate) struct Finding {
    pub(crate) what: Cow<'static, str>,
    pub(crate) value: f64,
    pub(crate) unit: &'static str,
    /// The promise, if there is one.
    pub(crate) limit: Option<f64>,
}

impl Finding {
    /// Whether the promise is kept.
    pub(crate) fn kept(&self) -> bool {
        self.limit.is_none_or(|limit| self.value <= limit)
    }
}

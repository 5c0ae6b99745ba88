//! Why bodies fail.

use std::error::Error;

/// Why an exchange or a body failed; only for logs.
pub(crate) type BoxError = Box<dyn Error + Send + Sync>;

/// A body was cut off; the request's state or record has the reason.
#[derive(Debug, thiserror::Error)]
#[error("the body was cut off")]
pub(crate) struct BodyError;

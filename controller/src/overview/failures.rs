//! The last requests that were refused or failed, as they are shown.

use bytes::Bytes;
use portico_dataplane::serve::FailedRequest;
use serde::Serialize;
use std::sync::{Arc, OnceLock};

/// The last ones, the newest first. Its JSON is made when it is first asked for.
#[derive(Debug, Default)]
pub(crate) struct FailureList {
    failures: Vec<Arc<FailedRequest>>,
    json: OnceLock<Bytes>,
}

/// `/api/failures`.
#[derive(Serialize)]
struct All<'f> {
    failures: Vec<&'f FailedRequest>,
}

impl FailureList {
    /// `last` if it has the same ones, otherwise a new list.
    pub(super) fn of(failures: Vec<Arc<FailedRequest>>, last: Option<&Arc<Self>>) -> Arc<Self> {
        let is_same = |last: &&Arc<Self>| {
            let pairs = last.failures.iter().zip(&failures);
            last.failures.len() == failures.len()
                && pairs.into_iter().all(|(one, other)| Arc::ptr_eq(one, other))
        };
        let last = last.filter(is_same).cloned();
        last.unwrap_or_else(|| Arc::new(Self { failures, json: OnceLock::new() }))
    }

    /// The list as JSON, on one line.
    pub(crate) fn json(&self) -> Bytes {
        let failures = || self.failures.iter().map(|failed| &**failed).collect();
        self.json.get_or_init(|| super::json(&All { failures: failures() })).clone()
    }
}

//! The last requests that were refused or failed, kept in memory.

use crate::table::ObjectName;
use serde::{Serialize, Serializer};
use std::{cell::RefCell, cmp::Reverse, collections::VecDeque, sync::Arc, time::SystemTime};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// How many failed requests a worker keeps, and are shown.
const MAX_FAILURES: usize = 100;

/// How much is kept of a host and of a path, in bytes.
const MAX_TEXT_BYTES: usize = 256;
/// The same of an id, which is no longer anyway, and of a method.
const MAX_WORD_BYTES: usize = 128;

/// A request that Portico refused, or whose response was a 5xx or was cut off. It has no query, no
/// header values but the host, and nothing of a body.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FailedRequest {
    /// When that was known.
    #[serde(serialize_with = "rfc3339")]
    pub at: SystemTime,
    /// `X-Request-Id`.
    pub request_id: String,
    /// The Route; `None` if none matched.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub route: Option<ObjectName>,
    /// The method, up to 128 bytes of it. `None`, as `host` and `path`, if the request had no valid
    /// head, or if it failed after its response had begun and there is no access log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// The host, up to 256 bytes of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// The normalised path, up to 256 bytes of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The response's status code.
    pub status: u16,
    /// The `reason` of metrics and the access log; `None` if the response is a backend's, or one that
    /// the Route prescribes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'static str>,
}

impl FailedRequest {
    /// A request that fails now.
    pub(crate) fn now(
        request_id: &str,
        route: Option<&ObjectName>,
        [method, host, path]: [Option<&str>; 3],
        status: u16,
        reason: Option<&'static str>,
    ) -> Self {
        Self {
            at: SystemTime::now(),
            request_id: cut(request_id, MAX_WORD_BYTES),
            route: route.cloned(),
            method: method.map(|method| cut(method, MAX_WORD_BYTES)),
            host: host.map(|host| cut(host, MAX_TEXT_BYTES)),
            path: path.map(|path| cut(path, MAX_TEXT_BYTES)),
            status,
            reason,
        }
    }
}

/// The beginning of a text, up to a character's end.
fn cut(text: &str, max: usize) -> String {
    text.get(..text.floor_char_boundary(max)).unwrap_or_default().to_owned()
}

fn rfc3339<S: Serializer>(at: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
    let at = OffsetDateTime::from(*at);
    let at = at.replace_millisecond(at.millisecond()).unwrap_or(at);
    serializer.serialize_str(&at.format(&Rfc3339).map_err(serde::ser::Error::custom)?)
}

/// The last failed requests of one worker.
#[derive(Debug, Default)]
pub(crate) struct Failures {
    last: RefCell<VecDeque<Arc<FailedRequest>>>,
}

impl Failures {
    /// Adds one; the oldest makes room for it.
    pub(crate) fn push(&self, failed: FailedRequest) {
        let mut last = self.last.borrow_mut();
        last.truncate(MAX_FAILURES - 1);
        last.push_front(Arc::new(failed));
    }

    /// All of them, the newest first.
    pub(crate) fn all(&self) -> Vec<Arc<FailedRequest>> {
        self.last.borrow().iter().cloned().collect()
    }
}

/// The last ones of all workers, the newest first.
pub(crate) fn last_failures(workers: Vec<Vec<Arc<FailedRequest>>>) -> Vec<Arc<FailedRequest>> {
    let mut all: Vec<_> = workers.into_iter().flatten().collect();
    all.sort_by_key(|failed| Reverse(failed.at));
    all.truncate(MAX_FAILURES);
    all
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn failed(id: usize) -> FailedRequest {
        let parts = [Some("GET"), Some("a.example"), Some("/")];
        let failed = FailedRequest::now(&id.to_string(), None, parts, 502, Some("ConnectFailed"));
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(id as u64);
        FailedRequest { at, ..failed }
    }

    #[test]
    fn the_last_hundred_of_all_workers_are_kept() {
        let (one, other) = (Failures::default(), Failures::default());
        for id in 0..500 {
            if id % 5 == 0 { &one } else { &other }.push(failed(id));
        }
        let all = last_failures(vec![one.all(), other.all()]);
        let ids: Vec<_> = all.iter().map(|failed| failed.request_id.clone()).collect();
        let newest: Vec<_> = (400..500).rev().map(|id| id.to_string()).collect();
        assert_eq!(ids, newest);
        assert_eq!(one.all().len(), 100);
    }

    #[test]
    fn texts_are_cut_between_characters() {
        let long = "/é".repeat(1_000);
        let parts = [Some(long.as_str()); 3];
        let failed = FailedRequest::now(&long, None, parts, 400, None);
        assert_eq!(failed.path.unwrap().len(), 256);
        assert_eq!((failed.request_id.len(), failed.method.unwrap().len()), (127, 127));
        assert_eq!(cut("éé", 3), "é");
        assert_eq!(cut("short", 64), "short");
    }
}

//! Replicas that stay behind: whether their Pods are still there, and ready.

use super::{
    Failure, REQUEST_TIMEOUT, Replica,
    report::{Report, Reports},
};
use futures_util::{StreamExt, stream};
use k8s_openapi::api::core::v1;
use kube::Api;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};
use tokio::{
    sync::watch as channel,
    time::{Instant, sleep_until, timeout},
};

/// How long a replica may stay behind before its Pod is read. Most need less.
const PATIENCE: Duration = Duration::from_millis(500);
/// How often a Pod is read while its replica stays behind.
const INTERVAL: Duration = Duration::from_secs(5);
/// How many Pods are read at a time.
const MAX_CONCURRENT_READS: usize = 4;
/// How many Pods are read in a row, before it is checked again who stays behind.
const MAX_READS: usize = 16;
const WHAT: &str = "reading Pods of replicas that stay behind";

/// Reads the Pods of replicas that stay behind.
pub(super) struct Laggards {
    pub(super) replica: Replica,
    pub(super) reports: channel::Receiver<Option<Arc<Reports>>>,
    /// The keys of their annotations.
    pub(super) lagging: channel::Receiver<BTreeSet<String>>,
    /// Those of them that don't count.
    pub(super) absent: channel::Sender<BTreeSet<String>>,
}

impl Laggards {
    /// Reads until nobody wants to know.
    pub(super) async fn run(mut self) {
        let mut lookups = Lookups::default();
        loop {
            lookups.update(&self.lagging.borrow_and_update().clone(), Instant::now());
            let due = lookups.due(Instant::now());
            let answers = stream::iter(due).map(|key| self.look_up(key));
            let mut answers = answers.buffer_unordered(MAX_CONCURRENT_READS);
            while let Some((key, is_absent)) = answers.next().await {
                lookups.answered(&key, is_absent, Instant::now());
            }
            drop(answers);
            self.absent.send_if_modified(|absent| {
                let now = lookups.absent();
                let differs = *absent != now;
                *absent = now;
                differs
            });
            let next = lookups.next();
            tokio::select! {
                changed = self.lagging.changed() => {
                    if changed.is_err() {
                        return;
                    }
                }
                () = sleep_until(next.unwrap_or_else(Instant::now)), if next.is_some() => {}
            }
        }
    }

    /// Whether a replica is absent: its Pod is gone, ends, or is not ready. The report of one that
    /// is gone is removed.
    async fn look_up(&self, key: String) -> (String, bool) {
        let reports = self.reports.borrow().clone();
        let report = reports.as_ref().and_then(|reports| reports.by_key.get(&key));
        let (Some(reports), Some(report)) = (&reports, report) else { return (key, false) };
        let Replica { lease, pod, failure_log, .. } = &self.replica;
        let pods: Api<v1::Pod> = Api::namespaced(lease.client.clone(), &pod.namespace);
        let found = match timeout(REQUEST_TIMEOUT, pods.get_opt(&report.pod)).await {
            Ok(Ok(found)) => found,
            Ok(Err(error)) => {
                failure_log.failed(WHAT, &error);
                return (key, false);
            }
            Err(error) => {
                failure_log.failed(WHAT, &error);
                return (key, false);
            }
        };
        failure_log.worked(WHAT);
        let found = found.filter(|pod| is_of(pod, report));
        if found.is_none() {
            // Only from the Lease as it was: a Pod of the same name may be about to report.
            match self.replica.annotate(&key, None, Some(&reports.version)).await {
                Ok(()) => tracing::info!(pod = report.pod, "forgetting a replica that is gone"),
                Err(Failure::Conflict) => {}
                Err(Failure::Error(error)) => failure_log.failed(WHAT, &*error),
            }
        }
        (key, found.is_none_or(|pod| !serves(&pod)))
    }
}

/// Whether this is the Pod that reported, and not another one of the same name.
fn is_of(pod: &v1::Pod, report: &Report) -> bool {
    let uids = pod.metadata.uid.as_ref().zip(report.uid.as_ref());
    uids.is_none_or(|(found, reported)| found == reported)
}

/// Whether a Pod gets requests: it is ready, and does not end.
fn serves(pod: &v1::Pod) -> bool {
    let conditions = pod.status.as_ref().and_then(|status| status.conditions.as_ref());
    let is_ready =
        |condition: &v1::PodCondition| condition.type_ == "Ready" && condition.status == "True";
    pod.metadata.deletion_timestamp.is_none() && conditions.into_iter().flatten().any(is_ready)
}

/// Whose Pods are to be read, and when.
#[derive(Debug, Default)]
struct Lookups(BTreeMap<String, Lookup>);

#[derive(Debug)]
struct Lookup {
    lags: bool,
    /// When its Pod is read next.
    due: Instant,
    is_absent: bool,
}

impl Lookups {
    /// Takes note of who lags. Of others it is remembered, for a while, that they were asked for.
    fn update(&mut self, lagging: &BTreeSet<String>, now: Instant) {
        self.0.retain(|key, lookup| {
            lookup.lags = lagging.contains(key);
            lookup.lags || lookup.due > now
        });
        for key in lagging {
            let new = || Lookup { lags: true, due: now + PATIENCE, is_absent: false };
            self.0.entry(key.clone()).or_insert_with(new);
        }
    }

    fn lagging(&self) -> impl Iterator<Item = (&String, &Lookup)> {
        self.0.iter().filter(|(_, lookup)| lookup.lags)
    }

    /// Whose Pods are to be read now.
    fn due(&self, now: Instant) -> Vec<String> {
        let due = self.lagging().filter(|(_, lookup)| lookup.due <= now);
        due.map(|(key, _)| key.clone()).take(MAX_READS).collect()
    }

    /// When a Pod is to be read next.
    fn next(&self) -> Option<Instant> {
        self.lagging().map(|(_, lookup)| lookup.due).min()
    }

    fn answered(&mut self, key: &str, is_absent: bool, now: Instant) {
        if let Some(lookup) = self.0.get_mut(key) {
            (lookup.is_absent, lookup.due) = (is_absent, now + INTERVAL);
        }
    }

    fn absent(&self) -> BTreeSet<String> {
        let absent = self.lagging().filter(|(_, lookup)| lookup.is_absent);
        absent.map(|(key, _)| key.clone()).collect()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::{
        super::report::tests::{pod, positions},
        *,
    };
    use serde_json::{Value, json};

    fn set(keys: &[&str]) -> BTreeSet<String> {
        keys.iter().map(|key| (*key).to_owned()).collect()
    }

    #[test]
    fn a_pod_is_read_soon_and_then_every_few_seconds_while_it_lags() {
        let (mut lookups, start) = (Lookups::default(), Instant::now());
        lookups.update(&set(&["a"]), start);
        assert_eq!((lookups.due(start), lookups.next()), (Vec::new(), Some(start + PATIENCE)));
        let read = start + PATIENCE;
        assert_eq!(lookups.due(read), ["a"]);
        lookups.answered("a", true, read);
        assert_eq!((lookups.due(read), lookups.absent()), (Vec::new(), set(&["a"])));
        lookups.update(&set(&["a", "b"]), read);
        assert_eq!(lookups.due(read + INTERVAL), ["a", "b"]);

        // It caught up, and lags again.
        lookups.update(&set(&[]), read);
        assert_eq!((lookups.next(), lookups.absent()), (None, set(&[])));
        lookups.update(&set(&["a"]), read + INTERVAL / 2);
        assert_eq!((lookups.next(), lookups.absent()), (Some(read + INTERVAL), set(&["a"])));
        lookups.update(&set(&[]), read + INTERVAL);
        lookups.update(&set(&["a"]), read + INTERVAL);
        assert_eq!(lookups.absent(), set(&[]), "what was read then is too old");
    }

    #[test]
    fn so_many_pods_are_read_in_a_row_and_no_more() {
        let (mut lookups, start) = (Lookups::default(), Instant::now());
        let all: BTreeSet<_> = (0..100).map(|number| number.to_string()).collect();
        lookups.update(&all, start);
        let mut read = BTreeSet::new();
        loop {
            let due = lookups.due(start + PATIENCE);
            assert!(due.len() <= MAX_READS);
            due.iter().for_each(|key| lookups.answered(key, false, start + PATIENCE));
            if due.is_empty() {
                break;
            }
            read.extend(due);
        }
        assert_eq!(read, all);
    }

    #[test]
    fn a_pod_serves_if_it_is_ready_does_not_end_and_is_the_one_that_reported() {
        let read = |metadata: Value, ready: &str| -> v1::Pod {
            let conditions = json!([{"type": "Ready", "status": ready}]);
            let status = json!({"conditions": conditions});
            serde_json::from_value(json!({"metadata": metadata, "status": status})).unwrap()
        };
        assert!(serves(&read(json!({}), "True")));
        assert!(!serves(&read(json!({}), "False")));
        assert!(!serves(&read(json!({}), "Unknown")), "its node is gone");
        assert!(!serves(&read(json!({"deletionTimestamp": "2026-01-01T00:00:00Z"}), "True")));
        assert!(!serves(&v1::Pod::default()));
        let report = Report::new(&pod("a"), &positions(1, 1, 1));
        assert!(is_of(&read(json!({"uid": "u1"}), "True"), &report));
        assert!(!is_of(&read(json!({"uid": "u2"}), "True"), &report));
        let mut unknown = pod("a");
        unknown.uid = None;
        let report = Report::new(&unknown, &positions(1, 1, 1));
        assert!(is_of(&read(json!({"uid": "u2"}), "True"), &report));
    }
}

//! What the other replicas report, as the leader reads it from the Lease.

use super::{
    Replica,
    lacking::{Lacking, Need},
    laggards::Laggards,
    report::{Report, Reports},
};
use crate::operator::{client::RetryDelays, failure_log, watch};
use futures_util::StreamExt;
use k8s_openapi::api::coordination::v1::Lease;
use kube::{
    Api,
    core::PartialObjectMeta,
    runtime::{
        WatchStreamExt,
        watcher::{Event, watcher},
    },
};
use std::{collections::BTreeSet, future, pin::pin, sync::Arc};
use tokio::sync::watch as channel;

const WHAT: &str = "watching the Lease for what other replicas serve";

/// The other replicas, as far as this one knows.
#[derive(Debug)]
pub(crate) struct Peers {
    /// `None` while they are not known.
    reports: channel::Receiver<Option<Arc<Reports>>>,
    /// Those that stay behind, by the keys of their annotations.
    lagging: channel::Sender<BTreeSet<String>>,
    /// Those that stay behind with some object that was asked about lately.
    behind: BTreeSet<String>,
    /// Those of them that don't count.
    absent: channel::Receiver<BTreeSet<String>>,
}

impl Peers {
    /// Nobody else, for a replica that has no Pod.
    pub(crate) fn nobody() -> Self {
        let (_, reports) = channel::channel(Some(Arc::default()));
        let (lagging, _) = channel::channel(BTreeSet::new());
        let (_, absent) = channel::channel(BTreeSet::new());
        Self { reports, lagging, behind: BTreeSet::new(), absent }
    }

    /// Follows the reports while this replica leads.
    pub(crate) fn follow(replica: Replica, leading: channel::Receiver<bool>) -> Self {
        let (sender, reports) = channel::channel(None);
        let (lagging, laggards) = channel::channel(BTreeSet::new());
        let (found, absent) = channel::channel(BTreeSet::new());
        let laggards = Laggards {
            replica: replica.clone(),
            reports: reports.clone(),
            lagging: laggards,
            absent: found,
        };
        tokio::spawn(laggards.run());
        tokio::spawn(follow(replica, leading, sender));
        Self { reports, lagging, behind: BTreeSet::new(), absent }
    }

    /// Returns when it may have changed who lacks what.
    pub(crate) async fn changed(&mut self) {
        let changed = tokio::select! {
            changed = self.reports.changed() => changed,
            changed = self.absent.changed() => changed,
        };
        if changed.is_err() {
            future::pending().await
        }
    }

    /// Who lacks an object; `None` while that is not known.
    pub(crate) fn lacking(&mut self, needs: &[Need]) -> Option<Lacking> {
        let reports = self.reports.borrow().clone()?;
        let absent = self.absent.borrow();
        let mut lacking = Lacking { of: 1, pods: Vec::new() };
        let mut behind = Vec::new();
        for (key, report) in &reports.by_key {
            let meets = report.meets(needs);
            if !meets {
                behind.push(key.clone());
                if absent.contains(key) {
                    continue;
                }
                lacking.pods.push(report.pod.clone());
            }
            lacking.of += 1;
        }
        lacking.pods.sort_unstable();
        drop(absent);
        self.look_into(behind);
        Some(lacking)
    }

    fn look_into(&mut self, keys: Vec<String>) {
        let new: Vec<_> = keys.into_iter().filter(|key| self.behind.insert(key.clone())).collect();
        if !new.is_empty() {
            self.lagging.send_if_modified(|lagging| {
                let before = lagging.len();
                lagging.extend(new);
                lagging.len() > before
            });
        }
    }

    /// Every object has been asked about since the last call: whoever lacks none of them is looked
    /// into no longer.
    pub(crate) fn asked_about_all(&mut self) {
        let behind = std::mem::take(&mut self.behind);
        self.lagging.send_if_modified(|lagging| {
            let differs = *lagging != behind;
            *lagging = behind;
            differs
        });
    }
}

async fn follow(
    replica: Replica,
    mut leading: channel::Receiver<bool>,
    reports: channel::Sender<Option<Arc<Reports>>>,
) {
    while leading.wait_for(|leading| *leading).await.is_ok() {
        tokio::select! {
            () = watch_lease(&replica, &reports) => {}
            _ = leading.wait_for(|leading| !leading) => {}
        }
        reports.send_replace(None);
    }
}

/// Keeps up with the Lease.
async fn watch_lease(replica: &Replica, reports: &channel::Sender<Option<Arc<Reports>>>) {
    let Replica { client, lease, pod, failure_log } = replica;
    let own_key = Report::key_of(&pod.name);
    let config = watch::config().fields(&format!("metadata.name={}", lease.name));
    let api: Api<PartialObjectMeta<Lease>> = Api::namespaced(client.clone(), &lease.namespace);
    let mut events = pin!(watcher(api, config).backoff(RetryDelays::default()));
    let mut listed = Reports::default();
    while let Some(event) = events.next().await {
        let now = match event {
            Ok(event) => {
                if !matches!(event, Event::Init) {
                    failure_log.worked(WHAT);
                }
                after(event, &mut listed, &own_key)
            }
            Err(error) => {
                failure_log.failed(WHAT, &error);
                // Nobody can tell this replica anything, so it is not waited for.
                failure_log::is_forbidden(&error).then(Reports::default)
            }
        };
        let Some(now) = now else { continue };
        reports.send_if_modified(|reports| {
            // The Lease is also renewed every few seconds.
            let is_news = reports.as_ref().is_none_or(|before| before.by_key != now.by_key);
            *reports = Some(Arc::new(now));
            is_news
        });
    }
}

/// The reports after an event, if it tells of any. `listed` are those of the list that is being
/// received.
fn after(
    event: Event<PartialObjectMeta<Lease>>,
    listed: &mut Reports,
    own_key: &str,
) -> Option<Reports> {
    match event {
        Event::Init => {
            *listed = Reports::default();
            None
        }
        Event::InitApply(lease) => {
            *listed = Reports::read(lease.metadata, own_key);
            None
        }
        Event::InitDone => Some(std::mem::take(listed)),
        Event::Apply(lease) => Some(Reports::read(lease.metadata, own_key)),
        Event::Delete(_) => Some(Reports::default()),
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::report::tests::{pod, positions},
        *,
    };
    use crate::diagnostic::Kind;

    /// The replicas `a`, `b` and so on, which have seen so much.
    struct Others {
        reports: channel::Sender<Option<Arc<Reports>>>,
        absent: channel::Sender<BTreeSet<String>>,
        lagging: channel::Receiver<BTreeSet<String>>,
        peers: Peers,
    }

    fn reports(seen: &[(&str, u64)]) -> Arc<Reports> {
        let of = seen.iter().map(|(name, seen)| {
            let report = Report::new(&pod(name), &positions(*seen, *seen, *seen));
            (report.key(), report)
        });
        Arc::new(Reports { version: "1".to_owned(), by_key: of.collect() })
    }

    fn others(seen: &[(&str, u64)]) -> Others {
        let (sender, reports) = channel::channel(Some(reports(seen)));
        let (absent, found) = channel::channel(BTreeSet::new());
        let (lagging, laggards) = channel::channel(BTreeSet::new());
        let peers = Peers { reports, lagging, behind: BTreeSet::new(), absent: found };
        Others { reports: sender, absent, lagging: laggards, peers }
    }

    fn route(since: u64) -> [Need; 1] {
        [Need { kind: Kind::Route, namespace: "web".into(), since }]
    }

    fn lacking(of: usize, pods: &[&str]) -> Option<Lacking> {
        Some(Lacking { of, pods: pods.iter().map(|pod| (*pod).to_owned()).collect() })
    }

    #[test]
    fn those_that_have_not_come_so_far_lack_it() {
        let mut others = others(&[("a", 5), ("b", 7), ("c", 4)]);
        assert_eq!(others.peers.lacking(&route(4)), lacking(4, &[]));
        assert_eq!(others.peers.lacking(&route(5)), lacking(4, &["c"]));
        assert_eq!(others.peers.lacking(&route(9)), lacking(4, &["a", "b", "c"]));
        others.reports.send_replace(Some(reports(&[("a", 9)])));
        assert_eq!(others.peers.lacking(&route(9)), lacking(2, &[]));
        others.reports.send_replace(None);
        assert_eq!(others.peers.lacking(&route(1)), None, "nothing is known");
        assert_eq!(Peers::nobody().lacking(&route(9)), lacking(1, &[]));
    }

    #[test]
    fn who_is_absent_does_not_count_but_is_looked_into_as_long_as_it_lags() {
        let mut others = others(&[("a", 5), ("b", 7)]);
        let [a, b] = ["a", "b"].map(Report::key_of);
        assert_eq!(others.peers.lacking(&route(7)), lacking(3, &["a"]));
        assert_eq!(*others.lagging.borrow(), [a.clone()].into(), "at once");
        others.absent.send_replace([a.clone()].into());
        others.peers.asked_about_all();
        assert_eq!(others.peers.lacking(&route(7)), lacking(2, &[]));
        assert_eq!(others.peers.lacking(&route(8)), lacking(2, &["b"]));
        assert_eq!(*others.lagging.borrow(), [a.clone(), b].into());
        others.peers.asked_about_all();
        assert_eq!(others.peers.lacking(&route(7)), lacking(2, &[]));
        others.peers.asked_about_all();
        assert_eq!(*others.lagging.borrow(), [a].into());
        others.peers.asked_about_all();
        assert!(others.lagging.borrow().is_empty());
    }
}

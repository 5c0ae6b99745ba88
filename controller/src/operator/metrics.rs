//! Metrics of the operator's own work.

use crate::diagnostic::Kind;
use kube::runtime::watcher::Event;
use prometheus_client::{
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

type Label = (&'static str, &'static str);

/// The metrics, shared by everything that updates them.
#[derive(Clone, Debug, Default)]
pub(super) struct Metrics {
    leader: Gauge,
    status_writes: Family<[Label; 2], Counter>,
    events: Family<[Label; 1], Counter>,
    watch_events: Family<[Label; 2], Counter>,
    watch_up: Family<[Label; 1], Gauge>,
    /// How many watches of each kind are not working.
    failing: Arc<Mutex<BTreeMap<&'static str, u64>>>,
}

/// The outcome of writing a status.
#[derive(Clone, Copy, Debug)]
pub(super) enum WriteOutcome {
    Written,
    /// The object is gone, or has changed since it was observed. The watch will report that.
    Conflict,
    /// The API server rejected the write.
    Refused,
    /// The API server could not be reached.
    Failed,
}

impl WriteOutcome {
    pub(super) const ALL: [Self; 4] = [Self::Written, Self::Conflict, Self::Refused, Self::Failed];

    /// The label in metrics.
    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Written => "written",
            Self::Conflict => "overtaken",
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }
}

/// The outcome of writing an Event.
#[derive(Clone, Copy, Debug)]
pub(super) enum EventOutcome {
    Written,
    /// The API server rejected it, or could not be reached.
    Failed,
    /// The queue was full; it is sent later.
    Postponed,
}

impl EventOutcome {
    pub(super) const ALL: [Self; 3] = [Self::Written, Self::Failed, Self::Postponed];

    /// The label in metrics.
    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Written => "written",
            Self::Failed => "failed",
            Self::Postponed => "postponed",
        }
    }
}

/// Metrics of one watch, which counts as not working until it is reported to work.
#[derive(Debug)]
pub(super) struct WatchMetrics {
    metrics: Metrics,
    kind: &'static str,
    works: bool,
}

impl Metrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        let leader =
            "Whether this replica holds the Lease and so writes statuses and Events: 1 or 0";
        registry.register("portico_leader", leader, metrics.leader.clone());
        let writes = "Status writes attempted, by result";
        registry.register("portico_status_writes", writes, metrics.status_writes.clone());
        let events = "Kubernetes Events to write, by result";
        registry.register("portico_events", events, metrics.events.clone());
        let watched =
            "Events received from watches: objects applied, objects deleted, and complete lists";
        registry.register("portico_watch_events", watched, metrics.watch_events.clone());
        let up =
            "Whether every watch of the kind works: 1, or 0 while one fails or has not started";
        registry.register("portico_watch_up", up, metrics.watch_up.clone());
        metrics.begin_at_zero();
        metrics
    }

    /// Rates need a value from before the first increase.
    fn begin_at_zero(&self) {
        for kind in Kind::ALL {
            for outcome in WriteOutcome::ALL {
                drop(self.status_writes.get_or_create(&status_write(kind, outcome)));
            }
        }
        for outcome in EventOutcome::ALL {
            drop(self.events.get_or_create(&[("result", outcome.label())]));
        }
    }

    /// Records whether this replica holds the Lease.
    pub(super) fn leads(&self, leads: bool) {
        self.leader.set(i64::from(leads));
    }

    /// Counts an attempt to write a status.
    pub(super) fn status_write(&self, kind: Kind, outcome: WriteOutcome) {
        self.status_writes.get_or_create(&status_write(kind, outcome)).inc();
    }

    /// Counts an attempt to write an Event.
    pub(super) fn event(&self, outcome: EventOutcome) {
        self.events.get_or_create(&[("result", outcome.label())]).inc();
    }

    /// Adds a watch of this kind.
    pub(super) fn watch(&self, kind: &'static str) -> WatchMetrics {
        for r#type in ["apply", "delete", "list"] {
            drop(self.watch_events.get_or_create(&[("kind", kind), ("type", r#type)]));
        }
        self.failing(kind, |failing| failing + 1);
        WatchMetrics { metrics: self.clone(), kind, works: false }
    }

    #[cfg(test)]
    pub(super) fn up(&self, kind: &'static str) -> i64 {
        self.watch_up.get_or_create(&[("kind", kind)]).get()
    }

    fn failing(&self, kind: &'static str, change: impl FnOnce(u64) -> u64) {
        let mut failing = self.failing.lock().unwrap_or_else(PoisonError::into_inner);
        let failing = failing.entry(kind).or_default();
        *failing = change(*failing);
        self.watch_up.get_or_create(&[("kind", kind)]).set(i64::from(*failing == 0));
    }
}

impl WatchMetrics {
    /// Counts an event.
    pub(super) fn saw<K>(&self, event: &Event<K>) {
        let r#type = match event {
            Event::Apply(_) => "apply",
            Event::Delete(_) => "delete",
            Event::InitDone => "list",
            // The list that has begun is counted when it is complete.
            Event::Init | Event::InitApply(_) => return,
        };
        self.metrics.watch_events.get_or_create(&[("kind", self.kind), ("type", r#type)]).inc();
    }

    /// Records whether the watch works.
    pub(super) fn works(&mut self, works: bool) {
        if std::mem::replace(&mut self.works, works) != works {
            let change = |failing: u64| if works { failing.saturating_sub(1) } else { failing + 1 };
            self.metrics.failing(self.kind, change);
        }
    }
}

fn status_write(kind: Kind, outcome: WriteOutcome) -> [Label; 2] {
    [("kind", kind.name()), ("result", outcome.label())]
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use prometheus_client::encoding::text::encode;

    #[test]
    fn a_kind_is_up_while_each_of_its_watches_works() {
        let metrics = Metrics::default();
        let up = || metrics.up("Route");
        let (mut web, mut sales) = (metrics.watch("Route"), metrics.watch("Route"));
        metrics.watch("Secret");
        assert_eq!(up(), 0, "none has begun");
        web.works(true);
        web.works(true);
        assert_eq!(up(), 0, "one works");
        sales.works(true);
        assert_eq!(up(), 1);
        web.works(false);
        web.works(false);
        assert_eq!(up(), 0);
        web.works(true);
        assert_eq!(up(), 1);
    }

    #[test]
    fn a_list_counts_once_and_nothing_is_missing_at_zero() {
        let mut registry = Registry::default();
        let metrics = Metrics::register(&mut registry);
        let watch = metrics.watch("Route");
        for event in [Event::Init, Event::InitApply(1), Event::InitDone, Event::Apply(1)] {
            watch.saw(&event);
        }
        let mut text = String::new();
        encode(&mut text, &registry).unwrap();
        for line in [
            r#"portico_watch_events_total{kind="Route",type="list"} 1"#,
            r#"portico_watch_events_total{kind="Route",type="apply"} 1"#,
            r#"portico_watch_events_total{kind="Route",type="delete"} 0"#,
            r#"portico_status_writes_total{kind="FrontDoor",result="refused"} 0"#,
            r#"portico_events_total{result="postponed"} 0"#,
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
    }
}

//! One look at everything, and what has changed since the one before.

use super::{
    backends::BackendRow,
    facts::{Facts, FrontDoorRow, RouteRow},
    failures::FailureList,
    json,
    traffic::{TrafficRow, significant},
};
use bytes::Bytes;
use portico_dataplane::{
    serve::{FailedRequest, ShownBackend, Traffic},
    table::ObjectName,
};
use serde::Serialize;
use std::{
    collections::BTreeMap,
    sync::{Arc, OnceLock},
    time::{Duration, SystemTime},
};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// What a look is made of.
#[derive(Debug)]
pub(crate) struct Inputs {
    /// When it is.
    pub(crate) at: SystemTime,
    /// The table generation that `facts` are about.
    pub(crate) generation: u64,
    /// What is known of the objects.
    pub(crate) facts: Arc<Facts>,
    /// All requests so far.
    pub(crate) traffic: Arc<Traffic>,
    /// The same when the window began, and how long ago that is.
    pub(crate) earlier: (Arc<Traffic>, Duration),
    /// What is known of backends.
    pub(crate) backends: Vec<ShownBackend>,
    /// The last failed requests, the newest first.
    pub(crate) failures: Vec<Arc<FailedRequest>>,
}

/// One look. Its JSON is made when it is first asked for.
#[derive(Debug)]
pub(crate) struct Tick {
    number: u64,
    header: Header,
    facts: Arc<Facts>,
    traffic: BTreeMap<ObjectName, TrafficRow>,
    unrouted: TrafficRow,
    backends: Vec<BackendRow>,
    failures: Arc<FailureList>,
    changes: Changes,
    all: OnceLock<Bytes>,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Header {
    generation: u64,
    at: String,
    window_seconds: f64,
}

/// How a tick differs from the one before.
#[derive(Clone, Debug)]
pub(crate) enum Changes {
    /// Not at all.
    None,
    /// In these numbers, as JSON.
    Numbers(Bytes),
    /// In the objects, or in what is not known: only all of it will do.
    Objects,
}

/// `/api/routes`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct All<'t> {
    #[serde(flatten)]
    header: &'t Header,
    front_doors: &'t [FrontDoorRow],
    routes: Vec<RouteAndTraffic<'t>>,
    unrouted: &'t TrafficRow,
    backends: &'t [BackendRow],
}

#[derive(Serialize)]
struct RouteAndTraffic<'t> {
    #[serde(flatten)]
    route: &'t RouteRow,
    #[serde(skip_serializing_if = "Option::is_none")]
    traffic: Option<&'t TrafficRow>,
}

/// What an event `traffic` has: only what differs.
#[derive(Serialize)]
struct Numbers<'t> {
    #[serde(flatten)]
    header: &'t Header,
    routes: BTreeMap<&'t ObjectName, &'t TrafficRow>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unrouted: Option<&'t TrafficRow>,
    /// By their place in the list.
    backends: BTreeMap<usize, &'t BackendRow>,
}

impl Tick {
    /// The look after `previous`. Takes milliseconds where there are thousands of Routes.
    pub(crate) fn next(inputs: Inputs, previous: Option<&Self>) -> Self {
        let Inputs { at, generation, facts, traffic, backends, failures, .. } = inputs;
        let (earlier, window) = inputs.earlier;
        let row = |name: &Option<ObjectName>, all| TrafficRow::of(all, earlier.get(name), window);
        let rows = traffic.iter().filter_map(|(name, all)| Some((name.clone()?, row(name, all))));
        let rows: BTreeMap<_, _> = rows.collect();
        let unrouted = traffic.get(&None).map(|all| row(&None, all)).unwrap_or_default();
        let at = OffsetDateTime::from(at);
        let at = at.replace_nanosecond(0).unwrap_or(at).format(&Rfc3339).unwrap_or_default();
        let mut tick = Self {
            number: previous.map_or(0, |previous| previous.number) + 1,
            header: Header { generation, at, window_seconds: significant(window.as_secs_f64()) },
            facts,
            traffic: rows,
            unrouted,
            backends: BackendRow::all(backends),
            failures: FailureList::of(failures, previous.map(|previous| &previous.failures)),
            changes: Changes::Objects,
            all: OnceLock::new(),
        };
        if let Some(previous) = previous {
            tick.changes = tick.since(previous);
        }
        tick
    }

    /// Counts ticks.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// The last failed requests; the same list as that of the tick before if nothing has changed.
    pub(crate) fn failures(&self) -> &Arc<FailureList> {
        &self.failures
    }

    /// What is new, but for failed requests, to a reader who was last shown the tick with the number
    /// `seen`, if any.
    pub(crate) fn since_seen(&self, seen: Option<u64>) -> Changes {
        if seen == Some(self.number) {
            return Changes::None;
        }
        let is_next = seen.is_some_and(|seen| seen + 1 == self.number);
        if is_next { self.changes.clone() } else { Changes::Objects }
    }

    /// All of it as JSON on one line. Takes milliseconds where there are thousands of Routes, but
    /// only once.
    pub(crate) fn all(&self) -> Bytes {
        let all = self.all.get_or_init(|| {
            let row = |route| RouteAndTraffic { route, traffic: self.traffic.get(&route.name) };
            json(&All {
                header: &self.header,
                front_doors: &self.facts.front_doors,
                routes: self.facts.routes.iter().map(row).collect(),
                unrouted: &self.unrouted,
                backends: &self.backends,
            })
        });
        all.clone()
    }

    fn since(&self, previous: &Self) -> Changes {
        let mut backends = self.backends.iter().zip(&previous.backends);
        let is_same_list = self.backends.len() == previous.backends.len()
            && backends.all(|(backend, before)| backend.is_of_same(before));
        let is_complete = previous.traffic.keys().all(|name| self.traffic.contains_key(name));
        if !Arc::ptr_eq(&self.facts, &previous.facts) || !is_same_list || !is_complete {
            return Changes::Objects;
        }
        let routes =
            self.traffic.iter().filter(|(name, row)| previous.traffic.get(name) != Some(row));
        let backends = self.backends.iter().zip(&previous.backends).enumerate();
        let numbers = Numbers {
            header: &self.header,
            routes: routes.collect(),
            unrouted: Some(&self.unrouted).filter(|row| **row != previous.unrouted),
            backends: backends
                .filter(|(_, (row, before))| row != before)
                .map(|(place, (row, _))| (place, row))
                .collect(),
        };
        if numbers.routes.is_empty() && numbers.unrouted.is_none() && numbers.backends.is_empty() {
            return Changes::None;
        }
        Changes::Numbers(json(&numbers))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests;

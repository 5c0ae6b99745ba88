//! The plan: what was recorded, what one origin would have saved, and what to do.

use super::{
    Recordings, Skipped,
    calls::Calls,
    doors::{self, Conflict, Door, Services},
    note::Review,
    patterns,
    preflights::{Call, Preflight},
    reasons::Reason,
    review, savings,
    waterfall::{self, Waterfall},
};
use serde::{Serialize, Serializer};
use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, HashSet},
};

/// How many of the calls that were held back longest are kept.
const MAX_HELD: usize = 10;

/// What `portico plan` says. Serialized, it is the output of `-o json`. Times are in milliseconds.
#[derive(Debug, Default, Serialize)]
pub struct Plan {
    /// The pages, by the time that they would save.
    pub pages: Vec<PageReport>,
    /// The hosts that pages on other origins call, by the time that they would save.
    pub hosts: Vec<HostReport>,
    /// What one origin would have saved.
    pub total: Total,
    /// Paths that several hosts use.
    pub conflicts: Vec<Conflict>,
    /// What to look at before.
    pub review: Vec<Review>,
    /// What was left out.
    pub skipped: Vec<Skipped>,
    /// The front doors.
    #[serde(skip)]
    pub doors: Vec<Door>,
    /// The calls that were held back longest.
    #[serde(skip)]
    pub held: Vec<Held>,
    /// The visit that would save most.
    #[serde(skip)]
    pub waterfall: Option<Waterfall>,
}

/// The pages of one origin.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PageReport {
    /// Its origin.
    pub origin: String,
    /// How many requests they made. Preflights don't count.
    pub calls: usize,
    /// How many of them went to other origins.
    pub cross_origin: usize,
    /// The preflights of those.
    pub preflights: Preflights,
    /// How much earlier they would have been done: time on the critical path.
    #[serde(serialize_with = "rounded")]
    pub milliseconds: f64,
    /// Why there were preflights. One may have several causes.
    pub why: Why,
    /// The headers that are not safelisted, and how many preflights asked for each.
    #[serde(skip)]
    pub headers: BTreeMap<String, usize>,
    /// The methods that are not safelisted.
    #[serde(skip)]
    pub methods: BTreeMap<String, usize>,
}

/// How many preflights.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Preflights {
    /// Recorded.
    pub seen: usize,
    /// Not recorded, but sent according to Fetch's rules.
    pub inferred: usize,
}

impl Preflights {
    /// All of them.
    pub fn all(self) -> usize {
        self.seen + self.inferred
    }

    fn add(&mut self, preflight: Preflight) {
        match preflight {
            Preflight::None => {}
            Preflight::Seen(_) => self.seen += 1,
            Preflight::Inferred(_) => self.inferred += 1,
        }
    }
}

/// How many preflights each cause had.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Why {
    /// A method that is not safelisted.
    pub method: usize,
    /// A header that is not safelisted.
    pub header: usize,
    /// A media type that is not safelisted.
    pub content_type: usize,
}

/// A host that pages on other origins call.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HostReport {
    /// Its origin.
    pub origin: String,
    /// How many calls from other origins.
    pub calls: usize,
    /// How many preflights, seen or inferred.
    pub preflights: usize,
    /// How much earlier pages would have been done; 0 for a third party, which stays where it is.
    #[serde(serialize_with = "rounded")]
    pub milliseconds: f64,
    /// Connections that were opened to it.
    pub connections: usize,
    /// Patterns of the paths that were called; none for a third party.
    pub paths: Vec<String>,
    /// Whether it is better left alone.
    pub third_party: bool,
    /// How many of the preflights were not recorded.
    #[serde(skip)]
    pub inferred: usize,
    /// TLS handshakes with it.
    #[serde(skip)]
    pub handshakes: usize,
    /// The median time of its preflights; `None` if no time was recorded.
    #[serde(skip)]
    pub median: Option<f64>,
}

/// What one origin would have saved.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Total {
    /// Preflights.
    pub preflights: usize,
    /// Time on the critical paths of all pages.
    #[serde(serialize_with = "rounded")]
    pub milliseconds: f64,
    /// Connections.
    pub connections: usize,
    /// TLS handshakes.
    #[serde(skip)]
    pub handshakes: usize,
    /// How much of the time is due to what was recorded; the rest is estimated.
    #[serde(skip)]
    pub measured: f64,
}

/// A call that a preflight held back.
#[derive(Clone, Debug)]
pub struct Held {
    /// Method, origin and path.
    pub call: String,
    /// How long the preflight took.
    pub milliseconds: f64,
    /// Why it was sent.
    pub reason: Reason,
    /// Whether its time is an estimate.
    pub is_estimate: bool,
}

/// Rounds to tenths.
fn rounded<S: Serializer>(milliseconds: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64((milliseconds * 10.0).round() / 10.0)
}

impl Plan {
    /// Makes the plan of recordings. `services` are those that run in the cluster.
    pub fn of(recordings: Recordings, services: &Services) -> Self {
        let calls = Calls::new(&recordings);
        let visits = savings::visits(&calls);
        let mut tally = Tally::default();
        for call in &calls.calls {
            tally.count(&calls, call);
        }
        for visit in &visits {
            for (call, moved) in visit.calls.iter().zip(&visit.moved) {
                let Some(call) = calls.calls.get(*call) else { continue };
                let (Some(page), Some(record)) = (call.page, calls.record(call)) else { continue };
                let saved = (moved.measured + moved.estimated) / 1000.0;
                tally.pages.entry(page).or_default().milliseconds += saved;
                if let Some(host) = tally.hosts.get_mut(&record.origin).filter(|_| saved > 0.0) {
                    host.report.milliseconds += saved;
                }
                tally.total.milliseconds += saved;
                tally.total.measured += moved.measured / 1000.0;
            }
        }
        let planned = doors::plan(&calls, services);
        let mut review = review::of(&calls, &planned.doors);
        review.extend(planned.review);
        review.sort_by(|a, b| (a.kind, &a.host).cmp(&(b.kind, &b.host)));
        review.dedup();
        let waterfall = waterfall::of(&calls, &visits);
        let mut plan = Self {
            conflicts: planned.conflicts,
            review,
            doors: planned.doors,
            waterfall,
            ..tally.finish(&calls)
        };
        plan.skipped = recordings.skipped;
        plan
    }
}

/// Counts.
#[derive(Default)]
struct Tally {
    pages: BTreeMap<u32, PageReport>,
    hosts: BTreeMap<u32, HostTally>,
    total: Total,
    held: Vec<Held>,
}

#[derive(Default)]
struct HostTally {
    report: HostReport,
    shapes: BTreeSet<u32>,
    opened: usize,
    times: Vec<i64>,
}

impl Tally {
    fn count(&mut self, calls: &Calls<'_>, call: &Call) {
        let (Some(page), Some(record)) = (call.page, calls.record(call)) else { return };
        let crosses = call.crosses(calls.recordings);
        let is_call = usize::from(!Calls::is_lone(call));
        let report = self.pages.entry(page).or_default();
        report.calls += is_call;
        if !crosses {
            return;
        }
        report.cross_origin += is_call;
        report.preflights.add(call.preflight);
        let preflight = calls.preflight(call);
        let reason = calls.reason(call);
        if call.preflight != Preflight::None {
            report.why.method += usize::from(reason.method.is_some());
            report.why.header += usize::from(!reason.headers.is_empty());
            report.why.content_type += usize::from(reason.content_type);
            for header in &reason.headers {
                *report.headers.entry(header.clone()).or_default() += 1;
            }
            if let Some(method) = &reason.method {
                *report.methods.entry(method.clone()).or_default() += 1;
            }
        }

        let host = self.hosts.entry(record.origin).or_default();
        host.report.calls += is_call;
        host.report.preflights += usize::from(call.preflight != Preflight::None);
        host.report.inferred += usize::from(matches!(call.preflight, Preflight::Inferred(_)));
        host.shapes.insert(record.shape);
        // A preflight that nothing followed is its own record.
        let records = preflight.into_iter().chain(Some(record).filter(|_| is_call > 0));
        for record in records {
            host.opened += usize::from(record.connected);
            host.report.handshakes += usize::from(record.secured);
        }
        let estimate = match call.preflight {
            Preflight::Inferred(estimate) => estimate,
            Preflight::None | Preflight::Seen(_) => None,
        };
        let time = preflight.map(|record| record.duration).or(estimate);
        host.times.extend(time);
        if let Some(time) = time.filter(|_| calls.would_move(call)) {
            let method = calls.recordings.methods.get(record.method).filter(|_| is_call > 0);
            let method = method.or(reason.method.as_ref()).map_or("a call", String::as_str);
            let shape = calls.recordings.shapes.get(record.shape).map_or("", String::as_str);
            let shape = shape.replace(super::shapes::OPEN, "…");
            self.held.push(Held {
                call: format!("{method} {}{shape}", calls.origin(record.origin)),
                milliseconds: time as f64 / 1000.0,
                reason,
                is_estimate: estimate.is_some(),
            });
            if self.held.len() >= 64 * MAX_HELD {
                self.keep_longest();
            }
        }
    }

    fn keep_longest(&mut self) {
        self.held.sort_by(|a, b| b.milliseconds.total_cmp(&a.milliseconds));
        self.held.truncate(MAX_HELD);
    }

    fn finish(mut self, calls: &Calls<'_>) -> Plan {
        self.keep_longest();
        let mut hosts = Vec::new();
        for (number, mut tally) in self.hosts {
            let is_own = calls.is_own(number);
            let shapes =
                tally.shapes.iter().filter_map(|shape| calls.recordings.shapes.get(*shape));
            let paths = patterns::of(shapes.map(String::as_str)).patterns;
            let ids = calls.recordings.facts.get(&number).map(|facts| &facts.connections);
            // Where nobody timed connecting, the ids of connections are left.
            let connections =
                if tally.opened > 0 { tally.opened } else { ids.map_or(0, HashSet::len) };
            tally.times.sort_unstable();
            let median = tally.times.get(tally.times.len() / 2);
            let report = HostReport {
                origin: calls.origin(number).to_owned(),
                connections,
                paths: if is_own { paths } else { Vec::new() },
                third_party: !is_own,
                median: median.map(|time| *time as f64 / 1000.0),
                ..tally.report
            };
            if is_own {
                self.total.preflights += report.preflights;
                self.total.connections += report.connections;
                self.total.handshakes += report.handshakes;
            }
            hosts.push(report);
        }
        let micros = |milliseconds: f64| (milliseconds * 1000.0) as i64;
        hosts.sort_by_key(|host| {
            (
                Reverse(micros(host.milliseconds)),
                Reverse(host.preflights),
                Reverse(host.calls),
                host.origin.clone(),
            )
        });
        let mut pages: Vec<_> = self
            .pages
            .into_iter()
            .map(|(number, page)| PageReport { origin: calls.origin(number).to_owned(), ..page })
            .collect();
        pages.sort_by_key(|page| {
            (Reverse(micros(page.milliseconds)), Reverse(page.calls), page.origin.clone())
        });
        Plan { pages, hosts, total: self.total, held: self.held, ..Plan::default() }
    }
}

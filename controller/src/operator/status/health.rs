//! Events about backends: `BackendUnhealthy` and `BackendHealthy` on the Routes that name them.

use super::events::EventQueue;
use crate::{
    diagnostic::{Kind, ObjectRef},
    operator::watch::Cluster,
};
use kube::runtime::events::{Event, EventType};
use portico_dataplane::{
    serve::{EndpointState as State, ShownBackend, ShownEndpoint},
    table::ObjectName,
};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::sync::watch;

/// How often a Route may get an Event for each of the two reasons.
const INTERVAL: Duration = Duration::from_secs(60);
/// How many endpoints of a backend a note lists.
const MAX_LISTED: usize = 3;

/// A Route's backends by name, and their endpoints.
type Backends<'b> = BTreeMap<&'b str, Vec<&'b ShownEndpoint>>;

/// Endpoints that are out.
type Out = BTreeSet<SocketAddr>;

/// Reports what happens to backends, while this replica leads.
pub(crate) struct HealthEvents {
    pub(crate) cluster: Cluster,
    pub(crate) leading: watch::Receiver<bool>,
    /// What is known of backends, again and again.
    pub(crate) backends: watch::Receiver<Arc<[ShownBackend]>>,
    pub(crate) queue: EventQueue,
}

impl HealthEvents {
    /// Reports until nothing more will be known of backends.
    pub(crate) async fn run(mut self) {
        let mut reported = Reported::default();
        while self.backends.changed().await.is_ok() {
            if !*self.leading.borrow() {
                reported = Reported::default();
                continue;
            }
            let backends = self.backends.borrow_and_update().clone();
            reported.report(&backends, Instant::now(), |route, event| {
                let object = ObjectRef { kind: Kind::Route, name: route.clone() };
                let observed = self.cluster.observed(&object);
                observed.is_some_and(|observed| self.queue.send(&object, &observed.uid, event))
            });
        }
    }
}

/// What was reported of each Route's backends.
#[derive(Debug, Default)]
struct Reported(HashMap<ObjectName, OfRoute>);

/// What was reported of one Route's backends.
#[derive(Debug, Default)]
struct OfRoute {
    /// The endpoints that are out, by backend; those without any are not here.
    out: BTreeMap<String, Out>,
    /// When the last Event of each reason was.
    unhealthy: Option<Instant>,
    healthy: Option<Instant>,
}

impl Reported {
    /// Sends the Events that are due; one for which `send` returns false is due again the next time.
    /// What changes again before an Event is due is not reported.
    fn report(
        &mut self,
        backends: &[ShownBackend],
        now: Instant,
        mut send: impl FnMut(&ObjectName, Event) -> bool,
    ) {
        let mut by_route = BTreeMap::<&ObjectName, Backends<'_>>::new();
        for backend in backends {
            for route in &backend.routes {
                let named = by_route.entry(route).or_default();
                named.entry(&backend.name).or_default().extend(&backend.endpoints);
            }
        }
        self.0.retain(|route, _| by_route.contains_key(route));
        for (route, backends) in by_route {
            let is_out = |one: &&&ShownEndpoint| is_out(one.state);
            let none_is_out = !backends.values().flatten().any(|one| is_out(&one));
            if none_is_out && !self.0.contains_key(route) {
                continue;
            }
            let of_route = self.0.entry(route.clone()).or_default();
            of_route.report(&backends, now, |event| send(route, event));
        }
    }
}

impl OfRoute {
    fn report(
        &mut self,
        backends: &Backends<'_>,
        now: Instant,
        mut send: impl FnMut(Event) -> bool,
    ) {
        self.out.retain(|name, _| backends.contains_key(name.as_str()));
        let is_due = |last: Option<Instant>| {
            last.is_none_or(|last| now.saturating_duration_since(last) >= INTERVAL)
        };
        if is_due(self.unhealthy) {
            let worse = self.worse(backends);
            let notes: Vec<_> =
                worse.iter().map(|(name, endpoints, _)| describe(name, endpoints)).collect();
            let note = notes.join("; ");
            if !notes.is_empty() && send(event(EventType::Warning, "BackendUnhealthy", note)) {
                self.unhealthy = Some(now);
                self.out.extend(worse.into_iter().map(|(name, _, out)| (name.to_owned(), out)));
            }
        }
        if is_due(self.healthy) {
            let better = self.better(backends);
            let notes: Vec<_> = better
                .iter()
                .map(|(name, endpoints)| {
                    format!("{name}: {0} of {0} endpoints back in rotation", endpoints.len())
                })
                .collect();
            let note = notes.join("; ");
            if !notes.is_empty() && send(event(EventType::Normal, "BackendHealthy", note)) {
                self.healthy = Some(now);
                better.iter().for_each(|(name, _)| drop(self.out.remove(*name)));
            }
        }
    }

    /// The backends with endpoints out that were not reported, and all of theirs that are out.
    fn worse<'b>(
        &self,
        backends: &'b Backends<'b>,
    ) -> Vec<(&'b str, &'b [&'b ShownEndpoint], Out)> {
        let all = backends.iter().map(|(name, endpoints)| (*name, &**endpoints, out(endpoints)));
        let is_news = |name: &str, out: &Out| {
            !self.out.get(name).is_some_and(|reported| out.is_subset(reported))
        };
        all.filter(|(name, _, out)| !out.is_empty() && is_news(name, out)).collect()
    }

    /// The backends that were reported, and have no endpoint out any more. Without endpoints nothing
    /// gets requests again.
    fn better<'b>(&self, backends: &'b Backends<'b>) -> Vec<(&'b str, &'b [&'b ShownEndpoint])> {
        let all = backends.iter().map(|(name, endpoints)| (*name, &**endpoints));
        let is_well = |endpoints: &[_]| !endpoints.is_empty() && out(endpoints).is_empty();
        all.filter(|(name, all)| self.out.contains_key(*name) && is_well(all)).collect()
    }
}

/// The endpoints that are out.
fn out(endpoints: &[&ShownEndpoint]) -> Out {
    endpoints.iter().filter(|one| is_out(one.state)).map(|one| one.address).collect()
}

fn is_out(state: State) -> bool {
    match state {
        State::Unhealthy | State::Ejected => true,
        State::Healthy | State::BackingOff => false,
    }
}

/// Which endpoints of a backend are out, and why.
fn describe(name: &str, endpoints: &[&ShownEndpoint]) -> String {
    let out: Vec<_> = endpoints.iter().filter(|one| is_out(one.state)).collect();
    let listed = out.iter().take(MAX_LISTED).map(|one| {
        let why = one.reason.as_ref().map(|why| format!(", {why}")).unwrap_or_default();
        format!("{} ({}{why})", one.address, one.state.name())
    });
    let mut listed = listed.collect::<Vec<_>>().join(", ");
    if let Some(more) = out.len().checked_sub(MAX_LISTED).filter(|more| *more > 0) {
        listed += &format!(" and {more} more");
    }
    format!("{name}: {} of {} endpoints out of rotation: {listed}", out.len(), endpoints.len())
}

fn event(type_: EventType, reason: &str, note: String) -> Event {
    Event {
        type_,
        reason: reason.to_owned(),
        note: Some(note),
        action: "Balance".to_owned(),
        secondary: None,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::*;
    use std::time::SystemTime;

    /// A backend `app` with endpoints in these states, named by the Route `web/r`.
    fn backend(states: &[State]) -> ShownBackend {
        let endpoints = states.iter().zip(1u16..).map(|(state, port)| ShownEndpoint {
            address: ([10, 0, 0, 1], port).into(),
            state: *state,
            reason: Some("status 503".to_owned()).filter(|_| is_out(*state)),
            since: SystemTime::UNIX_EPOCH,
            latency_seconds: None,
            in_flight: 0,
            ejections: 0,
        });
        ShownBackend {
            name: "app".to_owned(),
            routes: vec![ObjectName::new("web", "r")],
            protocol: "http",
            health_path: None,
            latency_seconds: None,
            ejections: 0,
            unresolved_since: None,
            endpoints: endpoints.collect(),
        }
    }

    struct Clock {
        reported: Reported,
        now: Instant,
    }

    impl Clock {
        fn new() -> Self {
            Self { reported: Reported::default(), now: Instant::now() }
        }

        /// The reasons and notes of what is due so many seconds later.
        fn after(&mut self, seconds: u64, states: &[State]) -> Vec<(String, String)> {
            self.told_after(seconds, states, true)
        }

        /// The same where Events can be written, or not.
        fn told_after(
            &mut self,
            seconds: u64,
            states: &[State],
            is_written: bool,
        ) -> Vec<(String, String)> {
            self.now += Duration::from_secs(seconds);
            let mut told = Vec::new();
            self.reported.report(&[backend(states)], self.now, |route, event| {
                assert_eq!(*route, ObjectName::new("web", "r"));
                told.push((event.reason, event.note.unwrap()));
                is_written
            });
            told
        }
    }

    fn told(reason: &str, note: &str) -> Vec<(String, String)> {
        vec![(reason.to_owned(), note.to_owned())]
    }

    use State::{BackingOff, Ejected, Healthy, Unhealthy};

    #[test]
    fn what_goes_out_and_comes_back_is_told_once() {
        let mut clock = Clock::new();
        assert_eq!(clock.after(0, &[Healthy, BackingOff]), []);
        let one = told(
            "BackendUnhealthy",
            "app: 1 of 2 endpoints out of rotation: 10.0.0.1:2 (unhealthy, status 503)",
        );
        assert_eq!(clock.after(1, &[Healthy, Unhealthy]), one);
        assert_eq!(clock.after(100, &[Healthy, Unhealthy]), []);
        let both = clock.after(100, &[Ejected, Unhealthy]);
        assert_eq!(both[0].0, "BackendUnhealthy");
        assert!(
            both[0]
                .1
                .contains("2 of 2 endpoints out of rotation: 10.0.0.1:1 (ejected, status 503), ")
        );
        assert_eq!(clock.after(1, &[Healthy, Unhealthy]), [], "one is still out");
        let all = told("BackendHealthy", "app: 2 of 2 endpoints back in rotation");
        assert_eq!(clock.after(1, &[Healthy, Healthy]), all);
        assert_eq!(clock.after(100, &[Healthy, Healthy]), []);
    }

    #[test]
    fn a_route_has_no_more_than_one_event_of_a_kind_in_a_minute() {
        let mut clock = Clock::new();
        let mut told = Vec::new();
        for second in 0..600 {
            let state = if second % 7 < 3 { Ejected } else { Healthy };
            told.extend(clock.after(1, &[state, Healthy]).into_iter().map(|(reason, _)| reason));
        }
        for reason in ["BackendUnhealthy", "BackendHealthy"] {
            let count = told.iter().filter(|told| *told == reason).count();
            assert!((8..=10).contains(&count), "{reason}: {count}");
        }
    }

    #[test]
    fn a_change_within_the_minute_is_told_after_it() {
        let mut clock = Clock::new();
        assert_eq!(clock.after(0, &[Ejected, Healthy]).len(), 1);
        assert_eq!(clock.after(1, &[Healthy, Healthy]).len(), 1);
        assert_eq!(clock.after(1, &[Healthy, Ejected]), []);
        assert_eq!(clock.after(57, &[Healthy, Ejected]), []);
        assert_eq!(clock.after(1, &[Healthy, Ejected])[0].0, "BackendUnhealthy");
    }

    #[test]
    fn what_could_not_be_told_is_told_as_soon_as_it_can_be() {
        let mut clock = Clock::new();
        let reasons = |told: Vec<(String, String)>| told.into_iter().map(|(reason, _)| reason);
        for (states, reason) in
            [([Ejected, Healthy], "BackendUnhealthy"), ([Healthy, Healthy], "BackendHealthy")]
        {
            for is_written in [false, false, true] {
                let told = clock.told_after(5, &states, is_written);
                assert_eq!(reasons(told).collect::<Vec<_>>(), [reason]);
            }
            assert_eq!(clock.after(100, &states), []);
        }
    }

    #[test]
    fn a_route_that_is_gone_is_forgotten() {
        let mut clock = Clock::new();
        assert_eq!(clock.after(0, &[Ejected, Healthy]).len(), 1);
        clock.reported.report(&[], clock.now, |route, _| panic!("{route}"));
        assert!(clock.reported.0.is_empty());
    }
}

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
            for (route, event) in reported.unreported(&backends, Instant::now()) {
                let object = ObjectRef { kind: Kind::Route, name: route };
                if let Some(observed) = self.cluster.observed(&object) {
                    self.queue.send(&object, &observed.uid, event);
                }
            }
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
    out: BTreeMap<String, BTreeSet<SocketAddr>>,
    /// When the last Event of each reason was.
    unhealthy: Option<Instant>,
    healthy: Option<Instant>,
}

impl Reported {
    /// The Events that are due. What changes again before an Event is due is not reported.
    fn unreported(&mut self, backends: &[ShownBackend], now: Instant) -> Vec<(ObjectName, Event)> {
        let mut by_route: BTreeMap<&ObjectName, BTreeMap<&str, Vec<&ShownEndpoint>>> =
            BTreeMap::new();
        for backend in backends {
            for route in &backend.routes {
                let named = by_route.entry(route).or_default();
                named.entry(&backend.name).or_default().extend(&backend.endpoints);
            }
        }
        self.0.retain(|route, _| by_route.contains_key(route));
        let mut events = Vec::new();
        for (route, backends) in by_route {
            let is_out = |one: &&&ShownEndpoint| is_out(one.state);
            let none_is_out = !backends.values().flatten().any(|one| is_out(&one));
            if none_is_out && !self.0.contains_key(route) {
                continue;
            }
            let of_route = self.0.entry(route.clone()).or_default();
            let due = of_route.unreported(&backends, now);
            events.extend(due.into_iter().map(|event| (route.clone(), event)));
        }
        events
    }
}

impl OfRoute {
    fn unreported(
        &mut self,
        backends: &BTreeMap<&str, Vec<&ShownEndpoint>>,
        now: Instant,
    ) -> Vec<Event> {
        self.out.retain(|name, _| backends.contains_key(name.as_str()));
        let is_due = |last: Option<Instant>| {
            last.is_none_or(|last| now.saturating_duration_since(last) >= INTERVAL)
        };
        let (mut worse, mut better) = (Vec::new(), Vec::new());
        for (name, endpoints) in backends {
            let out = endpoints.iter().filter(|one| is_out(one.state)).map(|one| one.address);
            let out: BTreeSet<_> = out.collect();
            let reported = self.out.get(*name);
            if out.is_empty() {
                // Without endpoints nothing gets requests again.
                if !endpoints.is_empty() && reported.is_some() && is_due(self.healthy) {
                    self.out.remove(*name);
                    better.push(format!("{name}: all {} endpoints", endpoints.len()));
                }
            } else if !reported.is_some_and(|reported| out.is_subset(reported))
                && is_due(self.unhealthy)
            {
                worse.push(describe(name, endpoints));
                self.out.insert((*name).to_owned(), out);
            }
        }
        let mut events = Vec::new();
        if !worse.is_empty() {
            self.unhealthy = Some(now);
            let note = format!("get no requests: {}", worse.join("; "));
            events.push(event(EventType::Warning, "BackendUnhealthy", note));
        }
        if !better.is_empty() {
            self.healthy = Some(now);
            let note = format!("get requests again: {}", better.join("; "));
            events.push(event(EventType::Normal, "BackendHealthy", note));
        }
        events
    }
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
    format!("{name}: {} of {} endpoints: {listed}", out.len(), endpoints.len())
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
#[allow(clippy::unwrap_used)]
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
            self.now += Duration::from_secs(seconds);
            let due = self.reported.unreported(&[backend(states)], self.now);
            due.into_iter()
                .map(|(route, event)| {
                    assert_eq!(route, ObjectName::new("web", "r"));
                    (event.reason, event.note.unwrap())
                })
                .collect()
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
            "get no requests: app: 1 of 2 endpoints: 10.0.0.1:2 (unhealthy, status 503)",
        );
        assert_eq!(clock.after(1, &[Healthy, Unhealthy]), one);
        assert_eq!(clock.after(100, &[Healthy, Unhealthy]), []);
        let both = clock.after(100, &[Ejected, Unhealthy]);
        assert_eq!(both[0].0, "BackendUnhealthy");
        assert!(both[0].1.contains("2 of 2 endpoints: 10.0.0.1:1 (ejected, status 503), "));
        assert_eq!(clock.after(1, &[Healthy, Unhealthy]), [], "one is still out");
        let all = told("BackendHealthy", "get requests again: app: all 2 endpoints");
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
    fn a_route_that_is_gone_is_forgotten() {
        let mut clock = Clock::new();
        assert_eq!(clock.after(0, &[Ejected, Healthy]).len(), 1);
        assert!(clock.reported.unreported(&[], clock.now).is_empty());
        assert!(clock.reported.0.is_empty());
    }
}

//! What is taken of a snapshot, and what is not.

use super::*;
use crate::{
    address_guard::AddressGuard,
    balance::Sequence,
    endpoint::{
        Attempt, Failure, Fault, Names, Registry,
        fixtures::{backend, route, service},
    },
    proxy::route_state::RouteStates,
    table::{Action, Balance, Ejection, Target},
    telemetry::UpstreamStats,
};
use std::{cell::Cell, collections::BTreeMap, time::Duration};

/// A Route, and what is known of its endpoints.
struct World {
    route: Arc<Route>,
    sets: Rc<Sets>,
    sequences: [Sequence; 2],
    now: Instant,
}

impl World {
    fn new(backends: Vec<Backend>, selection: Selection) -> Self {
        let registry = Registry::new(Names::new(AddressGuard::default()));
        let route = route(backends, selection);
        let states = RouteStates::new(7);
        let Action::Forward(forward) = &route.action else { unreachable!() };
        let sets = states.get(&route.name).sets(&route, forward, &registry);
        let sequences = [Sequence::of_backends(1), Sequence::of_endpoints()];
        Self { route, sets, sequences, now: Instant::now() }
    }

    fn forward(&self) -> &Forward {
        let Action::Forward(forward) = &self.route.action else { unreachable!() };
        forward
    }

    fn choosing<'c>(&'c self, tried: &'c [Chosen]) -> Choosing<'c> {
        Choosing {
            route: &self.route,
            forward: self.forward(),
            sets: &self.sets,
            now: self.now,
            key: None,
            tried,
            limits: self.route.selection.limits,
            points: (self.sequences[0].next(), self.sequences[1].next()),
        }
    }

    fn choose(&self, tried: &[Chosen]) -> Result<Choice, Refusal> {
        self.choosing(tried).choose()
    }

    fn endpoint(&self, tried: &[Chosen]) -> Chosen {
        match self.choose(tried) {
            Ok(Choice::Endpoint(chosen)) => chosen,
            Ok(Choice::Pending(_)) => panic!("not resolved"),
            Err(why) => panic!("{why:?}"),
        }
    }

    fn member(&self, port: u16) -> (&BackendSet, &Member) {
        let all = self.sets.sets.iter().flat_map(|set| set.members.iter().map(|one| (&**set, one)));
        let mut found = all.filter(|(_, one)| one.endpoint.address().port() == port);
        found.next().unwrap()
    }

    fn eject(&self, port: u16) {
        let (set, member) = self.member(port);
        let terms = Ejection { errors: 1, max_share: 100, ..Ejection::default() };
        set.failed(member, Failure::Reset, &terms, self.now);
        assert!(member.endpoint.is_ejected(self.now));
    }

    /// How many of so many requests each port gets, in per mille.
    fn shares(&self) -> BTreeMap<u16, u32> {
        let mut counts = BTreeMap::new();
        for _ in 0..10_000 {
            *counts.entry(port(&self.endpoint(&[]))).or_default() += 1;
        }
        counts.into_iter().map(|(port, count): (u16, u32)| (port, (count + 5) / 10)).collect()
    }
}

fn port(chosen: &Chosen) -> u16 {
    chosen.member().endpoint.address().port()
}

fn with_priority(backend: Backend, priority: u32, weight: u32) -> Backend {
    Backend { priority, weight, ..backend }
}

fn assert_shares(world: &World, expected: &[(u16, u32)]) {
    let shares = world.shares();
    let ports: Vec<_> = shares.keys().copied().collect();
    assert_eq!(ports, expected.iter().map(|(port, _)| *port).collect::<Vec<_>>());
    for (port, share) in expected {
        assert!(shares[port].abs_diff(*share) <= 10, "{port}: {shares:?}");
    }
}

#[test]
fn endpoints_share_evenly_and_backends_by_weight_whatever_is_out() {
    let backends = vec![
        with_priority(service("a", &[1, 2]), 0, 3),
        with_priority(service("b", &[3]), 0, 1),
        with_priority(service("c", &[4]), 0, 1),
        with_priority(service("d", &[5, 6]), 1, 1),
    ];
    let world = World::new(backends, Selection::default());
    assert_shares(&world, &[(1, 300), (2, 300), (3, 200), (4, 200)]);
    world.eject(1);
    assert_shares(&world, &[(2, 600), (3, 200), (4, 200)]);
    let terms = Ejection { errors: 1, max_share: 100, ..Ejection::default() };
    let (set, member) = world.member(2);
    set.failed(member, Failure::Reset, &terms, world.now);
    assert_shares(&world, &[(3, 500), (4, 500)]);
}

#[test]
fn the_next_priority_serves_where_all_of_the_lowest_are_out() {
    let backends = vec![
        with_priority(service("a", &[1, 2]), 0, 1),
        with_priority(service("b", &[3, 4]), 5, 1),
    ];
    let world = World::new(backends, Selection::default());
    world.eject(1);
    assert_shares(&world, &[(2, 1000)]);
    world.eject(2);
    assert_shares(&world, &[(3, 500), (4, 500)]);
    world.eject(3);
    assert!(!world.endpoint(&[]).panic);
    world.eject(4);
    // All are out: all are used as if none was.
    assert_shares(&world, &[(1, 500), (2, 500)]);
    assert!(world.endpoint(&[]).panic);
}

#[test]
fn those_that_accept_no_connections_are_taken_where_there_is_no_other() {
    let world = World::new(vec![service("a", &[1, 2])], Selection::default());
    let (stats, is_late) = (UpstreamStats::default(), Cell::new(false));
    let fail = |port| {
        let timeouts = world.route.timeouts;
        let used = Use { backend: "a", connect: timeouts.connect, request: timeouts.request };
        let endpoint = &world.member(port).1.endpoint;
        Attempt::begin(endpoint, &stats, used, &is_late).failed(Fault::Refused, "refused");
    };
    fail(1);
    assert_shares(&world, &[(2, 1000)]);
    fail(2);
    assert_shares(&world, &[(1, 500), (2, 500)]);
    assert!(!world.endpoint(&[]).panic);
}

#[test]
fn another_try_goes_elsewhere_in_the_same_backend_then_the_same_priority_then_the_next() {
    let backends = vec![
        with_priority(service("a", &[1, 2]), 0, 1),
        with_priority(service("b", &[3]), 0, 1),
        with_priority(service("c", &[4]), 1, 1),
    ];
    let world = World::new(backends, Selection::default());
    let mut tried = Vec::new();
    while tried.len() < 4 {
        tried.push(world.endpoint(&tried));
    }
    let backends: Vec<_> = tried.iter().map(|chosen| chosen.backend).collect();
    assert!(backends == [0, 0, 1, 2] || backends == [1, 0, 0, 2], "{backends:?}");
    assert!(matches!(world.choose(&tried), Err(Refusal::NoEndpoint)));
}

#[test]
fn slow_backends_get_nothing_but_what_measures_them() {
    let band = Balance { latency_band: Some(Duration::from_millis(100)), ..Balance::default() };
    let backends = vec![service("a", &[1]), service("b", &[2]), service("c", &[3])];
    let mut world = World::new(backends, Selection { balance: band, ..Selection::default() });
    let took = |world: &World, port, millis| {
        let member = world.member(port).1;
        member.endpoint.took(Duration::from_millis(millis), world.now);
    };
    took(&world, 1, 20);
    took(&world, 2, 300);
    // One that was never measured is within the band.
    assert_shares(&world, &[(1, 500), (3, 500)]);
    world.now += Duration::from_secs(6);
    took(&world, 3, 90);
    let counts = (0..100).filter(|_| port(&world.endpoint(&[])) == 2).count();
    assert_eq!(counts, 1);
}

#[test]
fn what_has_no_endpoints_or_no_weight_is_not_chosen() {
    let none = World::new(vec![service("a", &[])], Selection::default());
    assert!(matches!(none.choose(&[]), Err(Refusal::NoEndpoint)));
    let unweighted = vec![with_priority(service("a", &[1]), 0, 0)];
    let unweighted = World::new(unweighted, Selection::default());
    assert!(matches!(unweighted.choose(&[]), Err(Refusal::NoEndpoint)));
    let external = |host: &str| backend(host, Target::External { host: host.into(), port: 80 });
    let forbidden = World::new(vec![external("10.0.0.1")], Selection::default());
    assert!(matches!(forbidden.choose(&[]), Err(Refusal::AddressNotAllowed)));
    let unresolved = World::new(vec![external("app.example")], Selection::default());
    assert!(matches!(unresolved.choose(&[]), Ok(Choice::Pending(0))));
}

#[test]
fn requests_in_flight_count_for_everyone() {
    let world = World::new(vec![service("a", &[1, 2])], Selection::default());
    let guards = [1, 2, 2].map(|port| world.member(port).1.endpoint.begin());
    assert_shares(&world, &[(1, 1000)]);
    drop(guards);
    assert_shares(&world, &[(1, 500), (2, 500)]);
}

fn limited(requests: u32) -> Selection {
    let limits = EndpointLimits {
        connections: None,
        requests: NonZeroU32::new(requests),
        queue: 1,
        queue_time: Duration::from_secs(1),
    };
    Selection { limits: Some(limits), ..Selection::default() }
}

#[test]
fn what_is_full_is_passed_over_and_all_full_is_no_panic() {
    let first = with_priority(service("a", &[1, 2]), 0, 1);
    let world = World::new(vec![first, with_priority(service("b", &[3, 4]), 1, 1)], limited(1));
    let mut places = Vec::new();
    for expected in [&[1, 2][..], &[1, 2], &[3, 4], &[3, 4]] {
        let chosen = world.endpoint(&[]);
        assert!(expected.contains(&port(&chosen)) && !chosen.panic);
        places.push(chosen.member().endpoint.begin());
    }
    assert_eq!(world.choose(&[]).err(), Some(Refusal::Overloaded));
    // A free place at one that is out is none.
    world.eject(3);
    let out = places.iter().position(|place| world.member(3).1.endpoint.has(place)).unwrap();
    places.remove(out);
    assert_eq!(world.choose(&[]).err(), Some(Refusal::Overloaded));
    [1, 2, 4].into_iter().for_each(|port| world.eject(port));
    let chosen = world.endpoint(&[]);
    assert!(chosen.panic && port(&chosen) == 3);
    places.push(chosen.member().endpoint.begin());
    assert_eq!(world.choose(&[]).err(), Some(Refusal::Overloaded));
}

#[test]
fn another_try_is_no_panic() {
    let world = World::new(vec![service("a", &[1, 2])], Selection::default());
    world.eject(2);
    let first = world.endpoint(&[]);
    assert_eq!((port(&first), first.panic), (1, false));
    assert_eq!(world.choose(&[first]).err(), Some(Refusal::NoEndpoint));
}

#[test]
fn a_session_stays_while_it_may() {
    let backends = |weight: u32| {
        vec![
            with_priority(service("a", &[1, 5]), 0, weight),
            with_priority(service("b", &[2]), 1, 1),
        ]
    };
    let home = |world: &World, backend| Chosen::of(&world.sets, backend, 0, false).unwrap();
    // A weight is for others, a limit to be waited for, a priority for all.
    for (weight, expected) in [(1, [true, false]), (0, [true, true])] {
        let world = World::new(backends(weight), limited(1));
        let _full = world.member(1).1.endpoint.begin();
        let may_stay = [0, 1].map(|backend| world.choosing(&[]).may_stay(&home(&world, backend)));
        assert_eq!(may_stay, expected, "{weight}");
        world.eject(1);
        let may_stay = [0, 1].map(|backend| world.choosing(&[]).may_stay(&home(&world, backend)));
        assert_eq!(may_stay, [false, weight == 0]);
    }
}

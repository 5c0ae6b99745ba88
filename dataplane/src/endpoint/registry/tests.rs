//! What is kept when the table changes, what is forgotten, and what takes an endpoint out.

use super::{
    super::{
        fixtures::{address, backend, route, service, table},
        shown::State,
        state::Failure,
    },
    *,
};
use crate::{
    address_guard::AddressGuard,
    table::{CheckMethod, Ejection, Selection},
};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

fn registry() -> Registry {
    Registry::new(Names::new(AddressGuard::default()))
}

fn terms(errors: u32) -> Ejection {
    Ejection { errors, ..Ejection::default() }
}

fn fail(set: &BackendSet, index: usize, terms: &Ejection, times: u32, now: Instant) {
    for _ in 0..times {
        set.failed(&set.members[index], Failure::Status(503), terms, now);
    }
}

fn out(set: &BackendSet, now: Instant) -> Vec<usize> {
    let members = set.members.iter().enumerate();
    members.filter(|(_, one)| !one.is_available(&terms(1), now)).map(|(index, _)| index).collect()
}

#[test]
fn so_many_failures_in_a_row_take_an_endpoint_out_and_time_brings_it_back() {
    let (registry, now) = (registry(), Instant::now());
    let set = registry.set(&service("a", &[1, 2, 3]), None);
    let terms = terms(3);
    fail(&set, 0, &terms, 2, now);
    set.members[0].endpoint.succeeded();
    fail(&set, 0, &terms, 2, now);
    assert_eq!(out(&set, now), [0; 0]);
    fail(&set, 0, &terms, 1, now);
    assert_eq!(out(&set, now), [0]);
    // What fails meanwhile does not count.
    fail(&set, 0, &terms, 9, now + SECOND);
    assert_eq!(out(&set, now + 29 * SECOND), [0]);
    let back = now + 31 * SECOND;
    assert_eq!(out(&set, back), [0; 0]);
    fail(&set, 0, &terms, 2, back);
    assert_eq!(out(&set, back), [0; 0]);
    fail(&set, 0, &terms, 1, back);
    assert_eq!(out(&set, back + 59 * SECOND), [0]);
    assert_eq!(out(&set, back + 61 * SECOND), [0; 0]);
    assert_eq!(set.ejections(), 2);
}

#[test]
fn a_route_without_ejection_neither_ejects_nor_minds() {
    let (registry, now) = (registry(), Instant::now());
    let set = registry.set(&service("a", &[1, 2, 3]), None);
    fail(&set, 0, &terms(0), 100, now);
    assert_eq!(out(&set, now), [0; 0]);
    fail(&set, 0, &terms(1), 1, now);
    assert_eq!(out(&set, now), [0]);
    assert!(set.members[0].is_available(&terms(0), now));
}

#[test]
fn one_of_one_stays_and_so_does_whatever_max_share_keeps() {
    let (registry, now) = (registry(), Instant::now());
    for (ports, max_share, expected) in [
        (&[1][..], 100, 0),
        (&[2, 3], 50, 1),
        (&[4, 5, 6], 50, 1),
        (&[7, 8, 9, 10], 50, 2),
        (&[11, 12], 100, 2),
        (&[13, 14, 15], 1, 1),
    ] {
        let set = registry.set(&service(&format!("{ports:?}"), ports), None);
        let terms = Ejection { max_share, ..terms(2) };
        for index in 0..ports.len() {
            fail(&set, index, &terms, 5, now);
        }
        assert_eq!(out(&set, now).len(), expected, "{max_share}% of {ports:?}");
    }
}

#[test]
fn threads_that_eject_at_once_keep_to_max_share() {
    let (registry, now) = (registry(), Instant::now());
    let ports: Vec<u16> = (1..=8).collect();
    let set = registry.set(&service("a", &ports), None);
    std::thread::scope(|scope| {
        for index in 0..8 {
            let set = &set;
            scope.spawn(move || fail(set, index, &terms(1), 50, now));
        }
    });
    assert_eq!(out(&set, now).len(), 4);
    assert_eq!(set.ejections(), 4);
}

#[test]
fn a_new_table_keeps_what_is_known_and_forgets_what_it_does_not_name() {
    let (registry, now) = (registry(), Instant::now());
    let first = table(1, &[route(vec![service("a", &[1, 2, 3])], Selection::default())]);
    registry.table_changed(&first);
    let set = registry.set(&service("a", &[1, 2, 3]), None);
    set.members[0].endpoint.took(SECOND, now);
    fail(&set, 0, &terms(1), 1, now);
    let version = registry.version();
    // Another backend shares an endpoint, and one of the first is gone.
    let backends = vec![service("a", &[1, 3]), service("b", &[1])];
    registry.table_changed(&table(2, &[route(backends, Selection::default())]));
    assert_ne!(registry.version(), version);
    let changed = registry.set(&service("a", &[1, 3]), None);
    assert!(Arc::ptr_eq(&changed.members[0].endpoint, &set.members[0].endpoint));
    assert_eq!((out(&changed, now), changed.ejections()), (vec![0], 1));
    assert_eq!(changed.members[0].endpoint.latency(), Some(SECOND));
    let other = registry.set(&service("b", &[1]), None);
    assert!(Arc::ptr_eq(&other.members[0].endpoint, &set.members[0].endpoint));
    assert_eq!(registry.lock().endpoints.len(), 2);
    // Unchanged, a set is the same one.
    registry.table_changed(&table(3, &[route(vec![service("a", &[1, 3])], Selection::default())]));
    assert!(Arc::ptr_eq(&registry.set(&service("a", &[1, 3]), None), &changed));
    // An older table, which another worker comes with later, changes nothing.
    registry.table_changed(&first);
    assert_eq!(registry.lock().endpoints.len(), 2);
    // Nobody names it any longer: it begins anew.
    registry.table_changed(&table(4, &[]));
    assert_eq!(registry.lock().endpoints.len(), 0);
    assert_eq!(registry.lock().sets.len(), 0);
    let fresh = registry.set(&service("a", &[1, 3]), None);
    assert_eq!((out(&fresh, now), fresh.members[0].endpoint.latency()), (vec![], None));
}

#[test]
fn checks_of_one_endpoint_and_block_are_one() {
    let block = |path: &str| {
        Arc::new(HealthCheck {
            path: path.into(),
            method: CheckMethod::Get,
            host: None,
            interval: 10 * SECOND,
            timeout: 2 * SECOND,
            healthy_after: 2.try_into().unwrap(),
            unhealthy_after: 3.try_into().unwrap(),
            expect: vec![200..=399],
        })
    };
    let checked = |path: &str, backends| {
        route(backends, Selection { health: Some(block(path)), ..Selection::default() })
    };
    let registry = registry();
    let table = table(
        1,
        &[
            checked("/healthz", vec![service("a", &[1, 2])]),
            checked("/healthz", vec![service("b", &[2, 3])]),
            checked("/other", vec![service("a", &[1])]),
            route(vec![service("a", &[1, 2, 9])], Selection::default()),
        ],
    );
    registry.table_changed(&table);
    let checks = registry.checks();
    let mut found: Vec<_> =
        checks.iter().map(|one| (one.block.path.clone(), one.endpoint.address())).collect();
    found.sort();
    let expected = [("/healthz", 1), ("/healthz", 2), ("/healthz", 3), ("/other", 1)];
    let expected = expected.map(|(path, port)| (path.to_owned(), address(port)));
    assert_eq!(found, expected);
    let [one, other] = ["/healthz", "/other"].map(|path| {
        let set = registry.set(&service("a", &[1]), Some(&block(path)));
        set.members[0].check.clone().unwrap()
    });
    assert!(!Arc::ptr_eq(&one, &other));
    let same = registry.set(&service("b", &[1]), Some(&block("/healthz")));
    assert!(Arc::ptr_eq(same.members[0].check.as_ref().unwrap(), &one));
}

#[test]
fn external_hosts_have_the_addresses_that_are_allowed_once_they_are_resolved() {
    let external = |host: &str| backend(host, Target::External { host: host.into(), port: 80 });
    let guard = AddressGuard::new(vec!["127.0.0.1".parse().unwrap()]);
    let registry = Registry::new(Names::new(guard));
    let names = ["app.example", "127.0.0.1", "10.0.0.1"];
    let backends = names.map(external).to_vec();
    registry.table_changed(&table(1, &[route(backends, Selection::default())]));
    let missing = |host: &str| registry.set(&external(host), None).missing;
    assert_eq!(missing("app.example"), Some(Missing::Pending));
    assert_eq!(missing("127.0.0.1"), None);
    assert_eq!(missing("10.0.0.1"), Some(Missing::NotAllowed));
    let resolve = |addresses: [&str; 2]| {
        if registry.names.answered("app.example", &addresses) {
            registry.refresh(&mut registry.lock());
        }
        let set = registry.set(&external("app.example"), None);
        set.members.iter().map(|one| one.endpoint.address().to_string()).collect::<Vec<_>>()
    };
    let version = registry.version();
    assert_eq!(resolve(["10.0.0.1", "93.184.215.14"]), ["93.184.215.14:80"]);
    assert_ne!(registry.version(), version);
    let version = registry.version();
    assert_eq!(resolve(["10.0.0.1", "93.184.215.14"]), ["93.184.215.14:80"]);
    assert_eq!(registry.version(), version);
    assert_eq!(resolve(["127.0.0.1", "10.0.0.1"]), ["127.0.0.1:80"]);
    assert_eq!(resolve(["10.0.0.2", "10.0.0.1"]), [""; 0]);
    assert_eq!(missing("app.example"), Some(Missing::NotAllowed));
}

#[test]
fn everything_is_shown() {
    let (registry, now) = (registry(), Instant::now());
    registry.table_changed(&table(
        1,
        &[
            route(vec![service("b", &[3])], Selection::default()),
            route(vec![service("a", &[1, 2]), service("b", &[3])], Selection::default()),
        ],
    ));
    let set = registry.set(&service("a", &[1, 2]), None);
    let in_flight = set.members[1].endpoint.begin();
    set.members[0].endpoint.took(9 * SECOND, now);
    set.members[1].endpoint.took(SECOND / 2, now);
    fail(&set, 0, &terms(1), 1, now);
    let shown = registry.shown();
    let names: Vec<_> = shown.iter().map(|backend| backend.name.as_str()).collect();
    assert_eq!(names, ["a", "b"]);
    // That of the endpoint that is out does not count.
    assert_eq!((shown[0].latency_seconds, shown[0].ejections), (Some(0.5), 1));
    let [ejected, healthy] = &shown[0].endpoints[..] else { panic!("two endpoints") };
    assert_eq!((ejected.state, ejected.reason.as_deref()), (State::Ejected, Some("status 503")));
    assert_eq!((ejected.ejections, ejected.in_flight), (1, 0));
    assert_eq!((healthy.state, healthy.in_flight), (State::Healthy, 1));
    drop(in_flight);
    let json = serde_json::to_value(registry.shown()).unwrap();
    assert_eq!(json[0]["endpoints"][1]["inFlight"], 0);
    assert_eq!(json[0]["endpoints"][0]["state"], "ejected");
    assert!(json[0]["endpoints"][0]["since"].as_str().unwrap().ends_with('Z'));
}

#[test]
fn a_backend_is_measured_by_one_request_where_nothing_else_does() {
    let (registry, now) = (registry(), Instant::now());
    let set = registry.set(&service("a", &[1, 2]), None);
    let terms = Ejection::default();
    let measured = |after| set.to_measure(&terms, now + after);
    assert!(measured(Duration::ZERO).is_some());
    assert_eq!(measured(4 * SECOND), None);
    set.members[1].endpoint.took(SECOND, now + 4 * SECOND);
    // Another request has measured it.
    assert_eq!(measured(6 * SECOND), None);
    // The one that was measured longest ago comes first.
    assert_eq!(measured(10 * SECOND), Some(0));
    assert_eq!(measured(10 * SECOND), None);
}

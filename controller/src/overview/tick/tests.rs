use super::*;
use crate::{
    compile::{self, Options},
    objects::Snapshot,
    publish::StatusUpdate,
};
use portico_dataplane::serve::{EndpointState, Preflights, RouteTraffic, ShownEndpoint};
use serde_json::{Value, json};

/// 10,000 Routes of a FrontDoor, each with a backend of its own.
const ROUTES: usize = 10_000;

fn name(route: usize) -> ObjectName {
    ObjectName::new("web", format!("team-{route:05}-orders"))
}

fn objects(routes: usize) -> Snapshot {
    let mut snapshot = Snapshot::default();
    let front_door = json!({
        "metadata": {"namespace": "web", "name": "ep"},
        "spec": {"hosts": [{"name": "www.ep.com"}]},
    });
    let front_door =
        crate::objects::Entry::good(Arc::new(serde_json::from_value(front_door).unwrap()));
    snapshot.front_doors.insert(ObjectName::new("web", "ep"), front_door);
    for number in 0..routes {
        let name = name(number);
        let route = json!({
            "metadata": {"namespace": "web", "name": &*name.name},
            "spec": {
                "frontDoorRef": {"name": "ep"},
                "matches": [{"path": format!("/api/team-{number:05}/orders/*"), "methods": ["GET", "PUT"]}],
                "backends": [{"external": {"url": format!("http://orders-{number:05}.example")}}],
            },
        });
        let route = crate::objects::Entry::good(Arc::new(serde_json::from_value(route).unwrap()));
        snapshot.routes.insert(name, route);
    }
    snapshot
}

fn facts(objects: Snapshot) -> Arc<Facts> {
    let compile::Compiled { table, statuses, .. } = compile::compile(&objects, &Options::default());
    let update = StatusUpdate { generation: 1, statuses, objects: Arc::new(objects) };
    Arc::new(Facts::of(&table, &update))
}

/// Traffic in which almost everything is there to be shown.
fn busy(requests: u64) -> RouteTraffic {
    let mut traffic = RouteTraffic::default();
    (traffic.requests, traffic.errors, traffic.avoided) = (requests, requests / 7, requests / 3);
    traffic.saved = Duration::from_micros(requests * 12_345);
    traffic.preflights =
        Preflights { answered: requests, denied_origin: requests, ..Preflights::default() };
    traffic
}

fn backend(route: usize, state: EndpointState) -> ShownBackend {
    let name = name(route);
    ShownBackend {
        name: format!("http://orders-{route:05}.example"),
        routes: vec![name],
        protocol: "http",
        health_path: None,
        latency_seconds: Some(0.012_345),
        ejections: 1,
        unresolved_since: None,
        endpoints: vec![ShownEndpoint {
            address: ([10, 0, (route / 250) as u8, (route % 250) as u8], 8080).into(),
            state,
            reason: None,
            since: SystemTime::now(),
            latency_seconds: Some(0.012_345),
            in_flight: 3,
            ejections: 1,
        }],
    }
}

fn inputs(facts: &Arc<Facts>, traffic: Traffic, backends: Vec<ShownBackend>) -> Inputs {
    Inputs {
        at: SystemTime::now(),
        generation: 1,
        facts: facts.clone(),
        traffic: Arc::new(traffic),
        earlier: (Arc::default(), Duration::from_secs(10)),
        backends,
        failures: Vec::new(),
    }
}

fn numbers(tick: &Tick) -> Value {
    match &tick.changes {
        Changes::Numbers(json) => serde_json::from_slice(json).unwrap(),
        other @ (Changes::None | Changes::Objects) => panic!("{other:?}"),
    }
}

#[test]
fn ten_thousand_busy_routes_fit_in_five_megabytes() {
    let facts = facts(objects(ROUTES));
    let traffic = (0..ROUTES).map(|route| (Some(name(route)), busy(123_456))).collect();
    let backends = (0..ROUTES).map(|route| backend(route, EndpointState::Healthy)).collect();
    let all = Tick::next(inputs(&facts, traffic, backends), None).all();
    let shown: Value = serde_json::from_slice(&all).unwrap();
    assert_eq!(shown["routes"].as_array().unwrap().len(), ROUTES);
    assert_eq!(shown["routes"][ROUTES - 1]["traffic"]["requests"], 123_456);
    // Durations can't be made up here.
    let durations = r#""p50Seconds":0.0123,"p99Seconds":0.123,"#.len() * ROUTES;
    let bytes = all.len() + durations;
    assert!(bytes < 5_000_000, "{bytes} bytes: {} {}", shown["routes"][7], shown["backends"][7]);
    assert!(!all.contains(&b'\n'), "an event is one line");
}

#[test]
fn only_what_changes_is_sent_again() {
    let facts = facts(objects(3));
    let traffic = |requests: [u64; 3]| {
        let routes = requests.into_iter().enumerate();
        routes.map(|(route, requests)| (Some(name(route)), busy(requests))).collect::<Traffic>()
    };
    let backends = |state| vec![backend(0, EndpointState::Healthy), backend(1, state)];
    let healthy = EndpointState::Healthy;
    let first = Tick::next(inputs(&facts, traffic([1, 2, 3]), backends(healthy)), None);
    assert!(matches!(first.changes, Changes::Objects));
    let same = inputs(&facts, traffic([1, 2, 3]), backends(healthy));
    let same = Tick::next(same, Some(&first));
    assert!(matches!(same.changes, Changes::None), "{:?}", same.changes);

    let next = inputs(&facts, traffic([1, 5, 3]), backends(EndpointState::Ejected));
    let next = Tick::next(next, Some(&same));
    // Whoever has missed a tick gets all of the next.
    assert!(matches!(next.since_seen(None), Changes::Objects));
    assert!(matches!(next.since_seen(Some(first.number())), Changes::Objects));
    assert!(matches!(next.since_seen(Some(same.number())), Changes::Numbers(_)));
    assert!(matches!(next.since_seen(Some(next.number())), Changes::None));
    let changed = numbers(&next);
    let routes: Vec<_> = changed["routes"].as_object().unwrap().keys().collect();
    assert_eq!(routes, ["web/team-00001-orders"]);
    assert_eq!(changed["backends"].as_object().unwrap().len(), 1);
    assert_eq!(changed["backends"]["1"]["endpoints"][0]["state"], "ejected");

    // Other objects, or a backend more: all of it again.
    let more = inputs(&facts, traffic([1, 5, 3]), vec![backend(0, healthy)]);
    assert!(matches!(Tick::next(more, Some(&next)).changes, Changes::Objects));
    let changed = inputs(&self::facts(objects(3)), traffic([1, 5, 3]), backends(healthy));
    assert!(matches!(Tick::next(changed, Some(&next)).changes, Changes::Objects));
}

#[test]
fn refused_objects_say_why() {
    let mut objects = objects(2);
    let broken = json!({
        "metadata": {"namespace": "web", "name": "broken"},
        "spec": {
            "frontDoorRef": {"name": "nowhere"},
            "matches": [{"path": "/broken/*"}],
            "backends": [{"external": {"url": "http://a.example"}}],
        },
    });
    let broken = crate::objects::Entry::good(Arc::new(serde_json::from_value(broken).unwrap()));
    objects.routes.insert(ObjectName::new("web", "broken"), broken);
    let tick = Tick::next(inputs(&facts(objects), Traffic::new(), Vec::new()), None);
    let shown: Value = serde_json::from_slice(&tick.all()).unwrap();
    let route = &shown["routes"][0];
    assert_eq!(route["name"], "web/broken");
    assert_eq!(
        (&route["state"], &route["frontDoor"]),
        (&json!("NotAccepted"), &json!("web/nowhere"))
    );
    assert_eq!(route["matches"], json!([{"path": "/broken/*"}]));
    assert_eq!(route["problems"][0]["field"], "spec.frontDoorRef");
    assert_eq!(route["problems"][0]["reason"], "FrontDoorNotFound");
    assert_eq!(shown["routes"][1]["backends"][0]["name"], "http://orders-00000.example");
    assert_eq!(shown["frontDoors"][0]["attachedRoutes"], 2);
}

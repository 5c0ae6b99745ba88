//! What a status becomes, and when it is current.

use super::*;
use crate::{
    compile::Version,
    diagnostic::{ConditionType, ObjectRef, Problem, Reason, Severity},
};
use portico_dataplane::table::ObjectName;
use serde_json::json;

fn status(accepted: bool, generation: i64) -> Status {
    let computed = |r#type, status, reason: &str| ComputedCondition {
        r#type,
        status,
        reason: reason.to_owned(),
        message: String::new(),
    };
    let reason = if accepted { "Accepted" } else { "Conflicted" };
    let conditions = vec![
        computed("Accepted", accepted, reason),
        computed("ResolvedRefs", true, "ResolvedRefs"),
    ];
    Status {
        uid: None,
        generation: Some(generation),
        conditions,
        problems: Vec::new(),
        attached_routes: 2,
        last_good: None,
        holds_place: false,
        reported_elsewhere: false,
    }
}

/// The desired status of an object that all replicas serve.
fn desired(
    kind: Kind,
    status: &Status,
    addresses: Option<&[StatusAddress]>,
    observed: &FrontDoorStatus,
    now: Timestamp,
) -> FrontDoorStatus {
    super::desired(kind, status, addresses, &Lacking::default(), observed, now)
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn summary(status: &FrontDoorStatus) -> Vec<(&str, &str, &str, i64)> {
    let of = status
        .conditions
        .iter()
        .map(|c| (&*c.type_, &*c.status, &*c.reason, c.last_transition_time.0.as_second()));
    of.collect()
}

#[test]
fn the_time_moves_with_the_status_alone() {
    let none = FrontDoorStatus::default();
    let first = desired(Kind::Route, &status(true, 1), Some(&[]), &none, at(1));
    assert_eq!(
        summary(&first),
        [
            ("Accepted", "True", "Accepted", 1),
            ("ResolvedRefs", "True", "ResolvedRefs", 1),
            ("Programmed", "True", "Programmed", 1),
            ("Ready", "True", "Ready", 1),
            ("Stalled", "False", "NotStalled", 1),
        ]
    );
    let second = desired(Kind::Route, &status(false, 2), Some(&[]), &first, at(2));
    assert_eq!(
        summary(&second),
        [
            ("Accepted", "False", "Conflicted", 2),
            ("ResolvedRefs", "True", "ResolvedRefs", 1),
            ("Programmed", "False", "NotAccepted", 2),
            ("Ready", "False", "Conflicted", 2),
            ("Stalled", "False", "NotStalled", 1),
        ]
    );
    assert!(second.conditions.iter().all(|c| c.observed_generation == Some(2)));
    assert_eq!(second.observed_generation, Some(2));
}

#[test]
fn an_earlier_version_that_is_served_stays_programmed() {
    let none = FrontDoorStatus::default();
    let first = desired(Kind::Route, &status(true, 3), Some(&[]), &none, at(1));
    let invalid =
        Status { last_good: Some(Version { generation: Some(3), file: None }), ..status(false, 4) };
    let second = desired(Kind::Route, &invalid, Some(&[]), &first, at(2));
    assert_eq!(
        summary(&second),
        [
            ("Accepted", "False", "Conflicted", 2),
            ("ResolvedRefs", "True", "ResolvedRefs", 1),
            ("Programmed", "True", "Programmed", 1),
            ("Ready", "False", "Conflicted", 2),
            ("Stalled", "False", "NotStalled", 1),
        ]
    );
    let generations: Vec<_> =
        second.conditions.iter().map(|c| c.observed_generation.unwrap()).collect();
    assert_eq!(generations, [4, 4, 3, 4, 4]);
    assert_eq!(second.observed_generation, Some(4));
    assert!(second.conditions[2].message.contains("generation 3"), "{second:?}");
    let waiting =
        Status { last_good: Some(Version { generation: Some(3), file: None }), ..status(true, 4) };
    let accepted = desired(Kind::Route, &waiting, Some(&[]), &first, at(2));
    assert_eq!(accepted.conditions[2].observed_generation, Some(3), "it is not served yet");
    let ready = &accepted.conditions[3];
    assert_eq!((&*ready.status, &*ready.reason), ("False", "EarlierVersion"));
    assert!(ready.message.contains("generation 3"), "{ready:?}");
    let third = desired(Kind::Route, &status(true, 5), Some(&[]), &second, at(3));
    assert_eq!(third.conditions[2].observed_generation, Some(5));
    assert_eq!(third.conditions[2].message, "");
}

#[test]
fn what_only_its_author_can_mend_is_stalled() {
    let refused_for = |reason: Reason| {
        let name = ObjectName::new("web", "a");
        let problem = Problem {
            object: ObjectRef { kind: Kind::Route, name },
            severity: Severity::Error,
            condition: ConditionType::Accepted,
            reason,
            field: "spec.matches".to_owned(),
            message: "why".to_owned(),
        };
        let refused = Status { problems: vec![problem], ..status(false, 1) };
        let none = FrontDoorStatus::default();
        let desired = desired(Kind::Route, &refused, Some(&[]), &none, at(1));
        desired.conditions[4].status.clone()
    };
    assert_eq!(refused_for(Reason::Invalid), "True");
    assert_eq!(refused_for(Reason::Conflicted), "False", "the other may give way");
    assert_eq!(refused_for(Reason::FrontDoorNotFound), "False", "it may come later");
}

#[test]
fn a_reference_that_does_not_resolve_is_not_ready() {
    let mut unresolved = status(true, 1);
    unresolved.conditions[1].status = false;
    unresolved.conditions[1].reason = "ServiceNotFound".to_owned();
    unresolved.conditions[1].message = "no Service".to_owned();
    let none = FrontDoorStatus::default();
    let desired = desired(Kind::Route, &unresolved, Some(&[]), &none, at(1));
    let ready = &desired.conditions[3];
    let said = (&*ready.type_, &*ready.status, &*ready.reason, &*ready.message);
    assert_eq!(said, ("Ready", "False", "ServiceNotFound", "no Service"));
    assert_eq!(desired.conditions[4].status, "False", "it may still be created");
}

#[test]
fn what_is_said_already_is_not_said_again() {
    let none = FrontDoorStatus::default();
    let first = desired(Kind::FrontDoor, &status(true, 1), Some(&[]), &none, at(1));
    assert!(!is_current(&none, &first));
    let mut observed = first.clone();
    let foreign = Condition { type_: "Others".to_owned(), ..observed.conditions[0].clone() };
    observed.conditions.insert(0, foreign);
    let again = desired(Kind::FrontDoor, &status(true, 1), Some(&[]), &observed, at(2));
    assert!(is_current(&observed, &again), "another's condition is nothing of ours");
    let moved = [address("192.0.2.1")];
    let moved = desired(Kind::FrontDoor, &status(true, 1), Some(&moved), &observed, at(2));
    assert!(!is_current(&observed, &moved));
    let newer = desired(Kind::FrontDoor, &status(true, 2), Some(&[]), &observed, at(2));
    assert!(!is_current(&observed, &newer));
    observed.conditions.remove(1);
    assert!(!is_current(&observed, &again), "somebody took one away");
}

#[test]
fn only_a_front_door_has_routes_and_addresses() {
    let none = FrontDoorStatus::default();
    let addresses = [address("192.0.2.1")];
    let front_door = desired(Kind::FrontDoor, &status(true, 1), Some(&addresses), &none, at(1));
    assert_eq!((front_door.attached_routes, front_door.addresses.len()), (Some(2), 1));
    let route = desired(Kind::Route, &status(true, 1), Some(&addresses), &none, at(1));
    assert_eq!((route.attached_routes, route.addresses.len()), (None, 0));
    let unknown = desired(Kind::FrontDoor, &status(true, 1), None, &front_door, at(1));
    assert_eq!(unknown.addresses, addresses, "they stay as they are");
    let many = vec![address("192.0.2.1"); 100];
    let front_door = desired(Kind::FrontDoor, &status(true, 1), Some(&many), &none, at(1));
    assert_eq!(front_door.addresses.len(), MAX_ADDRESSES);
}

#[test]
fn a_service_is_reached_by_what_is_most_outside() {
    let of = |value| addresses(&serde_json::from_value::<Service>(value).unwrap());
    let cluster = json!({"clusterIPs": ["10.0.0.1", "fd00::1"]});
    assert_eq!(of(json!({"spec": cluster})), [address("10.0.0.1"), address("fd00::1")]);
    assert_eq!(of(json!({"spec": {"clusterIPs": ["None"]}})), []);
    let external = json!({"clusterIPs": ["10.0.0.1"], "externalIPs": ["192.0.2.7"]});
    assert_eq!(of(json!({"spec": external})), [address("192.0.2.7")]);
    let ingress = json!([{"ip": "192.0.2.1"}, {"hostname": "lb.example"}]);
    let balanced = of(json!({
        "spec": external, "status": {"loadBalancer": {"ingress": ingress}},
    }));
    assert_eq!(balanced, [address("192.0.2.1"), address("lb.example")]);
    assert_eq!(balanced[1].r#type, "Hostname");
}

#[test]
fn what_a_replica_lacks_is_pending() {
    let none = FrontDoorStatus::default();
    let lacking = Lacking { of: 2, pods: vec!["portico-a".to_owned()] };
    let with = |status: &Status, observed: &FrontDoorStatus, second| {
        super::desired(Kind::Route, status, Some(&[]), &lacking, observed, at(second))
    };
    assert!(is_to_be_acknowledged(&status(true, 1), &none));
    let first = with(&status(true, 1), &none, 1);
    assert_eq!(
        summary(&first),
        [
            ("Accepted", "True", "Accepted", 1),
            ("ResolvedRefs", "True", "ResolvedRefs", 1),
            ("Programmed", "False", "Pending", 1),
            ("Ready", "False", "Pending", 1),
            ("Stalled", "False", "NotStalled", 1),
        ]
    );
    for condition in [&first.conditions[2], &first.conditions[3]] {
        assert_eq!(condition.message, "served by 1 of 2 replicas, not yet by portico-a");
    }
    assert!(is_to_be_acknowledged(&status(true, 1), &first), "it is not programmed yet");
    let second = desired(Kind::Route, &status(true, 1), Some(&[]), &first, at(2));
    assert_eq!(
        summary(&second)[2..4],
        [("Programmed", "True", "Programmed", 2), ("Ready", "True", "Ready", 2)]
    );
    assert!(!is_to_be_acknowledged(&status(true, 1), &second), "whoever comes later");
    assert!(is_to_be_acknowledged(&status(true, 2), &second), "another generation");

    // Nobody serves what is not accepted, and what is served in its place was acknowledged.
    assert!(!is_to_be_acknowledged(&status(false, 2), &second));
    let invalid =
        Status { last_good: Some(Version { generation: Some(1), file: None }), ..status(false, 2) };
    assert!(!is_to_be_acknowledged(&invalid, &second));
    let refused = with(&status(false, 2), &second, 3);
    assert_eq!(
        summary(&refused)[2..4],
        [("Programmed", "False", "NotAccepted", 3), ("Ready", "False", "Conflicted", 3)]
    );
}

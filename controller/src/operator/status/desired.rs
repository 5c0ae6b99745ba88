//! Computes the desired status and compares it with the observed one.

use crate::{
    compile::{ComputedCondition, Status},
    diagnostic::Kind,
};
use k8s_openapi::{
    api::core::v1::Service, apimachinery::pkg::apis::meta::v1::Time, jiff::Timestamp,
};
use portico_crds::{Condition, FrontDoorStatus, StatusAddress};
use std::net::IpAddr;

/// How many addresses a status may have, by its schema.
const MAX_ADDRESSES: usize = 64;

/// The desired status of an object whose table is served. `observed` is its current status: a
/// condition's transition time only changes with its status, and addresses that are not known yet
/// stay as they are. A Route has no attached Routes and no addresses.
pub(super) fn desired(
    kind: Kind,
    status: &Status,
    addresses: Option<&[StatusAddress]>,
    observed: &FrontDoorStatus,
    now: Timestamp,
) -> FrontDoorStatus {
    let (attached_routes, addresses) = match kind {
        Kind::FrontDoor => {
            let routes = i32::try_from(status.attached_routes).unwrap_or(i32::MAX);
            let addresses = addresses.unwrap_or(&observed.addresses);
            (Some(routes), addresses.iter().take(MAX_ADDRESSES).cloned().collect())
        }
        Kind::Route => (None, Vec::new()),
    };
    let of = |computed, generation| condition(computed, generation, observed, now);
    let computed = status.conditions.iter().map(|computed| of(computed.clone(), status.generation));
    let (programmed, generation) = programmed(status);
    let of_all = [ready(status), stalled(status)];
    let of_all = of_all.into_iter().map(|computed| of(computed, status.generation));
    let conditions = computed.chain([of(programmed, generation)]).chain(of_all).collect();
    FrontDoorStatus {
        observed_generation: status.generation,
        attached_routes,
        addresses,
        conditions,
    }
}

/// The condition `Programmed`, and the generation that it is about: that which is served, the
/// object's own or its last accepted version.
fn programmed(status: &Status) -> (ComputedCondition, Option<i64>) {
    let (reason, message, generation) = match &status.last_good {
        Some(version) => ("Programmed", version.to_string(), version.generation),
        None if status.is_accepted() => ("Programmed", String::new(), status.generation),
        None => {
            let message = "not served: see the condition Accepted".to_owned();
            ("NotAccepted", message, status.generation)
        }
    };
    let condition = ComputedCondition {
        r#type: "Programmed",
        status: status.is_served(),
        reason: reason.to_owned(),
        message,
    };
    (condition, generation)
}

/// The condition `Ready`, which is about all others: this version is served, with all that it refers
/// to.
fn ready(status: &Status) -> ComputedCondition {
    let unmet = status.conditions.iter().find(|condition| !condition.status);
    let (reason, message) = match (unmet, &status.last_good) {
        (Some(unmet), _) => (unmet.reason.clone(), unmet.message.clone()),
        // What is accepted may wait, and leave an earlier version in service.
        (None, Some(version)) => ("EarlierVersion".to_owned(), version.to_string()),
        (None, None) => ("Ready".to_owned(), String::new()),
    };
    let is_ready = unmet.is_none() && status.last_good.is_none();
    ComputedCondition { r#type: "Ready", status: is_ready, reason, message }
}

/// The condition `Stalled`: waiting does not help. Tools that know conditions by kstatus
/// (sigs.k8s.io/cli-utils) take such an object for failed, and any other that is not ready for one
/// in progress.
fn stalled(status: &Status) -> ComputedCondition {
    let cause = status.conditions.iter().find(|it| it.r#type == "Accepted" && status.is_stalled());
    let (reason, message) = match cause {
        Some(accepted) => (accepted.reason.clone(), accepted.message.clone()),
        None => ("NotStalled".to_owned(), String::new()),
    };
    ComputedCondition { r#type: "Stalled", status: cause.is_some(), reason, message }
}

fn condition(
    computed: ComputedCondition,
    generation: Option<i64>,
    observed: &FrontDoorStatus,
    now: Timestamp,
) -> Condition {
    let status = if computed.status { "True" } else { "False" };
    let before =
        observed.conditions.iter().find(|c| c.type_ == computed.r#type && c.status == status);
    Condition {
        type_: computed.r#type.to_owned(),
        status: status.to_owned(),
        observed_generation: generation,
        last_transition_time: before.map_or(Time(now), |c| c.last_transition_time.clone()),
        reason: computed.reason,
        message: computed.message,
    }
}

/// Whether `observed` has everything that `desired` has. It may also have conditions written by
/// others.
pub(super) fn is_current(observed: &FrontDoorStatus, desired: &FrontDoorStatus) -> bool {
    observed.observed_generation == desired.observed_generation
        && observed.attached_routes == desired.attached_routes
        && observed.addresses == desired.addresses
        && desired.conditions.iter().all(|condition| observed.conditions.contains(condition))
}

/// An address in the form of a status.
pub(crate) fn address(value: &str) -> StatusAddress {
    let r#type = if value.parse::<IpAddr>().is_ok() { "IPAddress" } else { "Hostname" };
    StatusAddress { r#type: r#type.to_owned(), value: value.to_owned() }
}

/// Where a Service can be reached: the addresses of its load balancer, or else its external IPs, or
/// else its cluster IPs.
pub(super) fn addresses(service: &Service) -> Vec<StatusAddress> {
    let balancer = service.status.as_ref().and_then(|status| status.load_balancer.as_ref());
    let ingress = balancer.and_then(|balancer| balancer.ingress.as_ref()).into_iter().flatten();
    let mut values: Vec<&String> =
        ingress.filter_map(|ingress| ingress.ip.as_ref().or(ingress.hostname.as_ref())).collect();
    if let Some(spec) = &service.spec {
        if values.is_empty() {
            values.extend(spec.external_ips.iter().flatten());
        }
        if values.is_empty() {
            values.extend(spec.cluster_ips.iter().flatten().filter(|ip| *ip != "None"));
        }
    }
    values.into_iter().map(|value| address(value)).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
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
        let invalid = Status {
            last_good: Some(Version { generation: Some(3), file: None }),
            ..status(false, 4)
        };
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
        let waiting = Status {
            last_good: Some(Version { generation: Some(3), file: None }),
            ..status(true, 4)
        };
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
}

//! Computes the desired status and compares it with the observed one.

use crate::{
    compile::{ComputedCondition, Status},
    diagnostic::Kind,
    operator::replicas::Lacking,
};
use k8s_openapi::{
    api::core::v1::Service, apimachinery::pkg::apis::meta::v1::Time, jiff::Timestamp,
};
use portico_crds::{Condition, FrontDoorStatus, StatusAddress};
use std::net::IpAddr;

/// How many addresses a status may have, by its schema.
const MAX_ADDRESSES: usize = 64;
/// The condition, and its reason.
const PROGRAMMED: &str = "Programmed";
/// The reason of conditions that are False only until all replicas serve the object.
const PENDING: &str = "Pending";

/// The desired status of an object whose table is served by this replica, but not by those that are
/// `lacking` it. `observed` is its current status: a condition's transition time only changes with
/// its status, and addresses that are not known yet stay as they are. A Route has no attached Routes
/// and no addresses.
pub(super) fn desired(
    kind: Kind,
    status: &Status,
    addresses: Option<&[StatusAddress]>,
    lacking: &Lacking,
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
    let (programmed, generation) = (programmed(status, lacking), served_generation(status));
    let of_all = [ready(status, lacking), stalled(status)];
    let of_all = of_all.into_iter().map(|computed| of(computed, status.generation));
    let conditions = computed.chain([of(programmed, generation)]).chain(of_all).collect();
    FrontDoorStatus {
        observed_generation: status.generation,
        attached_routes,
        addresses,
        conditions,
    }
}

/// The generation that is served: the object's own, or that of its last accepted version.
fn served_generation(status: &Status) -> Option<i64> {
    status.last_good.as_ref().map_or(status.generation, |version| version.generation)
}

/// Whether all replicas are asked for an object: it is served, and its status does not say so of
/// this generation. A replica that starts later takes nothing back.
pub(super) fn is_to_be_acknowledged(status: &Status, observed: &FrontDoorStatus) -> bool {
    let generation = served_generation(status);
    let is_programmed = observed.conditions.iter().any(|condition| {
        condition.type_ == PROGRAMMED
            && condition.status == "True"
            && condition.observed_generation == generation
    });
    status.is_served() && !is_programmed
}

/// The condition `Programmed`, which is about the generation that is served.
fn programmed(status: &Status, lacking: &Lacking) -> ComputedCondition {
    let (is_programmed, reason, message) = match &status.last_good {
        None if !status.is_accepted() => {
            (false, "NotAccepted", "not served: see the condition Accepted".to_owned())
        }
        Some(_) | None if !lacking.is_nobody() => (false, PENDING, lacking.to_string()),
        Some(version) => (true, PROGRAMMED, version.to_string()),
        None => (true, PROGRAMMED, String::new()),
    };
    ComputedCondition {
        r#type: PROGRAMMED,
        status: is_programmed,
        reason: reason.to_owned(),
        message,
    }
}

/// The condition `Ready`, which is about all others: this version is served by all replicas, with
/// all that it refers to.
fn ready(status: &Status, lacking: &Lacking) -> ComputedCondition {
    let unmet = status.conditions.iter().find(|condition| !condition.status);
    let (is_ready, reason, message) = match (unmet, &status.last_good) {
        (Some(unmet), _) => (false, unmet.reason.clone(), unmet.message.clone()),
        // What is accepted may wait, and leave an earlier version in service.
        (None, Some(version)) => (false, "EarlierVersion".to_owned(), version.to_string()),
        (None, None) if !lacking.is_nobody() => (false, PENDING.to_owned(), lacking.to_string()),
        (None, None) => (true, "Ready".to_owned(), String::new()),
    };
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
mod tests;

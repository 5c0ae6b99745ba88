//! Which backend gets a request: what is known before it is sent, and what decides then.

use crate::table::{
    Affinity, Backend, CheckMethod, Ejection, EndpointLimits, Forward, HashOn, HealthCheck, Policy,
    Retry, Route,
};
use serde::Serialize;
use std::{fmt::Write, ops::RangeInclusive, sync::Arc, time::Duration};

/// Something that decides at run time which backend and endpoint get a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Deciding {
    /// The Route's block, or the FrontDoor's.
    pub by: &'static str,
    /// How it decides.
    pub how: String,
}

/// Why a backend gets no request, as far as that is known from the table.
pub(super) fn why_not(
    backend: &Backend,
    forward: &Forward,
    affinity: Option<&Affinity>,
) -> Option<String> {
    let is_eligible = |other: &&Arc<Backend>| other.weight > 0 && other.target.is_available();
    if !backend.target.is_available() {
        return Some("no endpoint is ready".to_owned());
    }
    if backend.weight == 0 {
        return Some(match affinity {
            None => "its weight is 0".to_owned(),
            Some(affinity) => format!(
                "its weight is 0: only clients whose cookie {} names it stay with it",
                affinity.cookie
            ),
        });
    }
    let first = forward.backends().iter().filter(is_eligible).map(|other| other.priority).min()?;
    (first < backend.priority)
        .then(|| format!("only while no backend of priority {first} is available"))
}

/// What decides at run time. With one backend and the defaults, nothing worth telling does.
pub(super) fn decides(route: &Route, forward: &Forward, retries: &Retry) -> Vec<Deciding> {
    let selection = &*route.selection;
    let is_choice = forward.backends().len() > 1;
    if !is_choice && *selection == Default::default() {
        return Vec::new();
    }
    let balance = &selection.balance;
    let blocks = [
        ("health", selection.health.as_deref().map(health)),
        ("ejection", ejection(&selection.ejection)),
        ("latencyBand", balance.latency_band.filter(|_| is_choice).map(band)),
        ("affinity", selection.affinity.as_ref().map(affinity)),
        ("balance", Some(policy(&balance.policy, balance.slow_start))),
        ("limits", selection.limits.as_ref().map(limits)),
        ("retry", retry(retries)),
    ];
    let told = blocks.into_iter().filter_map(|(by, how)| Some(Deciding { by, how: how? }));
    told.collect()
}

fn health(check: &HealthCheck) -> String {
    let method = match check.method {
        CheckMethod::Get => "GET",
        CheckMethod::Head => "HEAD",
    };
    let expect: Vec<_> = check.expect.iter().map(statuses).collect();
    format!(
        "an endpoint that does not answer {method} {} with {} within {:?}, {} times in a row, gets no requests; it is checked every {:?}",
        check.path,
        expect.join(", "),
        check.timeout,
        check.unhealthy_after,
        check.interval,
    )
}

fn statuses(range: &RangeInclusive<u16>) -> String {
    match (range.start(), range.end()) {
        (first, last) if first == last => first.to_string(),
        (first, last) => format!("{first}-{last}"),
    }
}

fn ejection(ejection: &Ejection) -> Option<String> {
    let Ejection { errors, time, max_time, max_share } = ejection;
    (*errors > 0).then(|| {
        format!("an endpoint that fails {errors} requests in a row gets no more for {time:?}, and for longer each time, up to {max_time:?}; at most {max_share}% of a backend's endpoints at once")
    })
}

fn band(band: Duration) -> String {
    format!("a backend that is slower than the fastest by more than {band:?} gets no requests")
}

fn affinity(affinity: &Affinity) -> String {
    format!(
        "a client whose cookie {} names an endpoint stays with it while it is available",
        affinity.cookie
    )
}

fn policy(policy: &Policy, slow_start: Duration) -> String {
    let mut how = match policy {
        Policy::LeastRequest => {
            "of two endpoints chosen at random, the one with fewer requests in flight".to_owned()
        }
        Policy::RoundRobin => "endpoints in turn".to_owned(),
        Policy::Hash(HashOn::Header(name)) => {
            format!("the same endpoint for the same value of header {name}")
        }
        Policy::Hash(HashOn::Cookie(name)) => {
            format!("the same endpoint for the same value of cookie {name}")
        }
        Policy::Hash(HashOn::ClientAddress) => {
            "the same endpoint for the same address of the client".to_owned()
        }
    };
    if !slow_start.is_zero() {
        // Writing to a string never fails.
        let _ = write!(how, "; a new one reaches its full share after {slow_start:?}");
    }
    how
}

fn limits(limits: &EndpointLimits) -> String {
    let EndpointLimits { connections, requests, queue, queue_time } = limits;
    let bounds = [(requests, "requests in flight"), (connections, "HTTP/1.1 connections")];
    let bounds =
        bounds.into_iter().filter_map(|(bound, what)| Some(format!("{} {what}", (*bound)?)));
    let bounds: Vec<_> = bounds.collect();
    format!(
        "an endpoint takes at most {}; while all are full, up to {queue} requests wait for up to {queue_time:?}",
        bounds.join(" and ")
    )
}

fn retry(retry: &Retry) -> Option<String> {
    let on = &retry.on;
    let named = [
        (on.connect_failure, "ConnectFailure"),
        (on.reset, "Reset"),
        (on.per_try_timeout, "PerTryTimeout"),
    ];
    let mut causes: Vec<_> =
        named.into_iter().filter(|(is_on, _)| *is_on).map(|(_, name)| name.to_owned()).collect();
    causes.extend(on.statuses.iter().map(u16::to_string));
    (retry.attempts > 0 && !causes.is_empty()).then(|| {
        let tries = if retry.attempts == 1 { "try" } else { "tries" };
        format!(
            "up to {} more {tries}, on another endpoint where there is one, after {}",
            retry.attempts,
            causes.join(", ")
        )
    })
}

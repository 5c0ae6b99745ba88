//! `balance` and `affinity`.

use super::fields::{duration, is_off, is_token};
use crate::{compile::report::Report, diagnostic::FieldPath};
use http::HeaderName;
use portico_crds as crds;
use portico_dataplane::table::{Affinity, Balance, HashOn, Policy};
use std::time::Duration;

const DEFAULT_COOKIE: &str = "portico-affinity";

/// Compiles `balance`.
pub(super) fn compile(given: &crds::Balance, at: &FieldPath<'_>, report: &mut Report) -> Balance {
    let crds::Balance { disabled, policy, hash, latency_band, slow_start } = given;
    let others = [
        ("policy", policy.is_some()),
        ("hash", hash.is_some()),
        ("latencyBand", latency_band.is_some()),
        ("slowStart", slow_start.is_some()),
    ];
    if is_off(*disabled, &others, at, report) {
        return Balance::default();
    }
    let at_hash = at.child("hash");
    let on = hash.as_ref().map(|hash| self::hash(hash, &at_hash, report));
    let policy = match (policy.unwrap_or_default(), on) {
        (crds::BalancePolicy::LeastRequest, None) => Policy::LeastRequest,
        (crds::BalancePolicy::RoundRobin, None) => Policy::RoundRobin,
        (crds::BalancePolicy::Hash, Some(on)) => on.map_or(Policy::LeastRequest, Policy::Hash),
        (crds::BalancePolicy::Hash, None) => {
            report.invalid_members(
                at,
                &["policy", "hash"],
                "has policy: Hash, but no hash: set what is hashed, such as hash: {\"on\": Header, name: x-user}",
            );
            Policy::LeastRequest
        }
        (crds::BalancePolicy::LeastRequest | crds::BalancePolicy::RoundRobin, Some(_)) => {
            report.invalid_members(
                at,
                &["policy", "hash"],
                "has hash, which needs policy: Hash: set that, or leave hash out",
            );
            Policy::LeastRequest
        }
    };
    let latency_band =
        duration(latency_band.as_ref(), "the fastest alone", &at.child("latencyBand"), report);
    let slow_start = duration(slow_start.as_ref(), "none", &at.child("slowStart"), report);
    Balance { policy, latency_band, slow_start: slow_start.unwrap_or_default() }
}

fn hash(given: &crds::Hash, at: &FieldPath<'_>, report: &mut Report) -> Option<HashOn> {
    let name = given.name.as_deref();
    let at_name = at.child("name");
    match (given.on, name) {
        (None, _) => {
            report.invalid_members(
                at,
                &["on"],
                "has no on: set it to Header, Cookie or ClientAddress",
            );
            None
        }
        (Some(crds::HashOn::Header | crds::HashOn::Cookie), None) => {
            report.invalid_members(
                at,
                &["name", "on"],
                "has no name: name the header or cookie that is hashed",
            );
            None
        }
        (Some(crds::HashOn::Header), Some(name)) => match HeaderName::from_bytes(name.as_bytes()) {
            Ok(name) => Some(HashOn::Header(name)),
            Err(_) => {
                let message = format!("'{}' is not a header name", name.escape_debug());
                report.invalid(&at_name, message);
                None
            }
        },
        (Some(crds::HashOn::Cookie), Some(name)) => {
            cookie(name, &at_name, report).map(HashOn::Cookie)
        }
        (Some(crds::HashOn::ClientAddress), None) => Some(HashOn::ClientAddress),
        (Some(crds::HashOn::ClientAddress), Some(_)) => {
            report.invalid(
                &at_name,
                "names a header or a cookie, but on is ClientAddress: remove it",
            );
            None
        }
    }
}

fn cookie(name: &str, at: &FieldPath<'_>, report: &mut Report) -> Option<String> {
    if !is_token(name) {
        report.invalid(
            at,
            format!(
                "'{}' is not a cookie's name: use letters, digits and '-'",
                name.escape_debug()
            ),
        );
        return None;
    }
    Some(name.to_owned())
}

/// Compiles `affinity`; `None` if its cookie has no valid name.
pub(super) fn affinity(
    given: &crds::Affinity,
    at: &FieldPath<'_>,
    report: &mut Report,
) -> Option<Affinity> {
    let crds::Affinity { cookie, max_age } = given;
    let name = cookie.as_deref().unwrap_or(DEFAULT_COOKIE);
    let cookie = self::cookie(name, &at.child("cookie"), report);
    let at = at.child("maxAge");
    let max_age = duration(max_age.as_ref(), "a session cookie", &at, report);
    if max_age.is_some_and(|max_age| max_age.subsec_nanos() > 0) {
        report.invalid(&at, "is not in whole seconds: round it");
    }
    Some(Affinity { cookie: cookie?, max_age: max_age.filter(|age: &Duration| !age.is_zero()) })
}

//! Reading the fields of blocks.

use crate::{
    compile::{durations, report::Report},
    diagnostic::FieldPath,
};
use portico_crds as crds;
use std::{ops::RangeInclusive, time::Duration};

/// The blocks that a Route or a FrontDoor gives.
pub(super) struct Blocks<'s> {
    pub(super) health: Option<&'s crds::HealthCheck>,
    pub(super) ejection: Option<&'s crds::Ejection>,
    pub(super) balance: Option<&'s crds::Balance>,
    pub(super) affinity: Option<&'s crds::Affinity>,
    pub(super) retry: Option<&'s crds::Retry>,
    pub(super) limits: Option<&'s crds::EndpointLimits>,
    pub(super) timeouts: Option<&'s crds::Timeouts>,
}

impl Blocks<'_> {
    /// Whether there is no block but `timeouts`.
    pub(super) fn are_none_of_selection(&self) -> bool {
        self.health.is_none()
            && self.ejection.is_none()
            && self.balance.is_none()
            && self.affinity.is_none()
            && self.retry.is_none()
            && self.limits.is_none()
    }
}

/// Whether a block is switched off; it may then have none of its `others`, by name and whether they
/// are given.
pub(super) fn is_off(
    disabled: bool,
    others: &[(&str, bool)],
    at: &FieldPath<'_>,
    report: &mut Report,
) -> bool {
    let others: Vec<&str> =
        others.iter().filter_map(|(name, given)| given.then_some(*name)).collect();
    if disabled && !others.is_empty() {
        report.invalid(
            &at.child("disabled"),
            format!(
                "switches the whole block off, which also has {}: leave out one or the other",
                others.join(", ")
            ),
        );
    }
    disabled
}

/// A number within bounds, or the default.
pub(super) fn number(
    given: Option<i32>,
    bounds: RangeInclusive<i32>,
    default: u32,
    at: &FieldPath<'_>,
    report: &mut Report,
) -> u32 {
    let Some(given) = given else { return default };
    if !bounds.contains(&given) {
        report.invalid(at, format!("is {given}: must be {} to {}", bounds.start(), bounds.end()));
    }
    u32::try_from(given).unwrap_or(default)
}

/// A percentage, or the default.
pub(super) fn percent(
    given: Option<i32>,
    default: u8,
    at: &FieldPath<'_>,
    report: &mut Report,
) -> u8 {
    u8::try_from(number(given, 0..=100, default.into(), at, report)).unwrap_or(default)
}

/// A duration; `None` if there is none, or it does not parse. `0s` means what `zero` says.
pub(super) fn duration(
    given: Option<&crds::Duration>,
    zero: &str,
    at: &FieldPath<'_>,
    report: &mut Report,
) -> Option<Duration> {
    let crds::Duration(text) = given?;
    let duration = durations::parse(text);
    if duration.is_none() {
        let examples = format!("500ms, 30s, 1h30m, or 0s for {zero}");
        report.invalid(at, durations::refusal(text, &examples));
    }
    duration
}

/// A duration within bounds, which are written as users write them.
pub(super) fn duration_within(
    given: Option<&crds::Duration>,
    [min, max]: [&str; 2],
    at: &FieldPath<'_>,
    report: &mut Report,
) -> Option<Duration> {
    let crds::Duration(text) = given?;
    let Some(duration) = durations::parse(text) else {
        report.invalid(at, format!("'{text}' is not a duration: use {min} to {max}"));
        return None;
    };
    let is_in = durations::parse(min).is_none_or(|min| min <= duration)
        && durations::parse(max).is_none_or(|max| duration <= max);
    if !is_in {
        report.invalid(at, format!("is '{text}': must be {min} to {max}"));
    }
    is_in.then_some(duration)
}

/// Whether a name is a token (RFC 9110 §5.6.2), which cookies' names are too (RFC 6265 §4.1.1).
pub(in crate::compile) fn is_token(name: &str) -> bool {
    let is_token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    !name.is_empty() && name.bytes().all(is_token)
}

//! `health` and `ejection`.

use super::fields::{duration_within, is_off, number, percent};
use crate::{
    compile::{authority, report::Report},
    diagnostic::{FieldPath, Reason},
};
use http::{HeaderValue, uri::PathAndQuery};
use portico_crds as crds;
use portico_dataplane::table::{CheckMethod, Ejection, HealthCheck};
use std::{num::NonZeroU32, ops::RangeInclusive, time::Duration};

/// How many entries `expect` may have.
const MAX_EXPECTED: usize = 16;
const DEFAULT_INTERVAL: Duration = Duration::from_secs(10);
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(2);

/// Compiles `health`; `None` if it is switched off or has no valid path.
pub(super) fn check(
    given: &crds::HealthCheck,
    at: &FieldPath<'_>,
    report: &mut Report,
) -> Option<HealthCheck> {
    let crds::HealthCheck {
        disabled,
        path,
        method,
        host,
        interval,
        timeout,
        healthy_after,
        unhealthy_after,
        expect,
    } = given;
    let others = [
        ("path", path.is_some()),
        ("method", method.is_some()),
        ("host", host.is_some()),
        ("interval", interval.is_some()),
        ("timeout", timeout.is_some()),
        ("healthyAfter", healthy_after.is_some()),
        ("unhealthyAfter", unhealthy_after.is_some()),
        ("expect", expect.is_some()),
    ];
    if is_off(*disabled, &others, at, report) {
        return None;
    }
    let path = self::path(path.as_deref(), at, report);
    let host = host.as_deref().and_then(|host| self::host(host, &at.child("host"), report));
    let interval = duration_within(interval.as_ref(), ["1s", "1h"], &at.child("interval"), report)
        .unwrap_or(DEFAULT_INTERVAL);
    let timeout = self::timeout(timeout.as_ref(), interval, &at.child("timeout"), report);
    let mut count = |given, default, name| {
        let count = number(given, 1..=100, default, &at.child(name), report);
        NonZeroU32::new(count).unwrap_or(NonZeroU32::MIN)
    };
    let healthy_after = count(*healthy_after, 2, "healthyAfter");
    let unhealthy_after = count(*unhealthy_after, 3, "unhealthyAfter");
    let expect = expected(expect.as_deref(), &at.child("expect"), report);
    Some(HealthCheck {
        path: path?,
        method: match method {
            None | Some(crds::CheckMethod::Get) => CheckMethod::Get,
            Some(crds::CheckMethod::Head) => CheckMethod::Head,
        },
        host,
        interval,
        timeout,
        healthy_after,
        unhealthy_after,
        expect,
    })
}

fn path(given: Option<&str>, at: &FieldPath<'_>, report: &mut Report) -> Option<String> {
    let Some(path) = given else {
        report.invalid_members(
            at,
            &["path", "disabled"],
            "has no path: set the path that checks request, such as /healthz",
        );
        return None;
    };
    let is_sent_as_written = path.starts_with('/')
        && !path.contains('#')
        && path.bytes().all(|byte| byte.is_ascii_graphic())
        && path.parse::<PathAndQuery>().is_ok();
    if !is_sent_as_written {
        report.invalid(
            &at.child("path"),
            format!(
                "'{}' can't be sent as it is: write a path, and possibly a query, without spaces, such as /healthz?full=1",
                path.escape_debug()
            ),
        );
    }
    is_sent_as_written.then(|| path.to_owned())
}

/// A check must end before the next begins.
fn timeout(
    given: Option<&crds::Duration>,
    interval: Duration,
    at: &FieldPath<'_>,
    report: &mut Report,
) -> Duration {
    let timeout = duration_within(given, ["1ms", "1h"], at, report);
    if timeout.is_some_and(|timeout| timeout > interval) {
        report.invalid(
            at,
            format!("is longer than interval, which is {interval:?}: a check must end before the next begins"),
        );
    }
    timeout.unwrap_or(DEFAULT_TIMEOUT).min(interval)
}

fn host(text: &str, at: &FieldPath<'_>, report: &mut Report) -> Option<HeaderValue> {
    // No port is 0, so that none is left out for being a default.
    let host = authority::parse(text, 0).map_err(|error| report.invalid(at, error)).ok()?;
    HeaderValue::try_from(host.to_string()).ok()
}

fn expected(
    given: Option<&[String]>,
    at: &FieldPath<'_>,
    report: &mut Report,
) -> Vec<RangeInclusive<u16>> {
    let Some(given) = given else { return vec![200..=399] };
    if given.is_empty() || given.len() > MAX_EXPECTED {
        report.invalid(at, format!("has {} entries: list 1 to {MAX_EXPECTED}", given.len()));
    }
    let mut ranges = Vec::with_capacity(given.len().min(MAX_EXPECTED));
    for (index, text) in given.iter().enumerate().take(MAX_EXPECTED) {
        match range(text) {
            Some(range) => ranges.push(range),
            None => report.invalid(
                &at.index(index),
                format!(
                    "'{}' is neither a status code, such as 204, nor a range of them, such as 200-399",
                    text.escape_debug()
                ),
            ),
        }
    }
    ranges
}

fn range(text: &str) -> Option<RangeInclusive<u16>> {
    let code = |text: &str| {
        let digits = text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse().ok().filter(|code| digits && (100..=599).contains(code))
    };
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let range = code(first)?..=code(last)?;
    (!range.is_empty()).then_some(range)
}

/// Compiles `ejection`.
pub(super) fn ejection(
    given: &crds::Ejection,
    at: &FieldPath<'_>,
    report: &mut Report,
) -> Ejection {
    let crds::Ejection { disabled, errors, time, max_time, max_share } = given;
    let others = [
        ("errors", errors.is_some()),
        ("time", time.is_some()),
        ("maxTime", max_time.is_some()),
        ("maxShare", max_share.is_some()),
    ];
    let default = Ejection::default();
    if is_off(*disabled, &others, at, report) {
        return Ejection { errors: 0, ..default };
    }
    let errors = number(*errors, 0..=1000, default.errors, &at.child("errors"), report);
    let bounds = ["1ms", "24h"];
    let time = duration_within(time.as_ref(), bounds, &at.child("time"), report);
    let time = time.unwrap_or(default.time);
    let longest = duration_within(max_time.as_ref(), bounds, &at.child("maxTime"), report);
    if longest.is_some_and(|longest| longest < time) {
        report.invalid(
            &at.child("maxTime"),
            format!("is shorter than time, which is {time:?}: make it at least as long"),
        );
    }
    let max_time = longest.unwrap_or(default.max_time).max(time);
    if *max_share == Some(0) {
        report.warn(
            &at.child("maxShare"),
            Reason::NoEffect,
            "is 0, but one endpoint of several may still be ejected: use disabled: true to eject none",
        );
    }
    let max_share = percent(*max_share, default.max_share, &at.child("maxShare"), report);
    Ejection { errors, time, max_time, max_share }
}

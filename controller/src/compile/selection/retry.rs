//! `retry` and `limits`.

use super::fields::{duration, duration_within, is_off, number, percent};
use crate::{
    compile::report::Report,
    diagnostic::{FieldPath, Reason},
};
use portico_crds as crds;
use portico_dataplane::table::{EndpointLimits, Retry, RetryOn};
use std::{num::NonZeroU32, time::Duration};

/// How many entries `on` may have.
const MAX_CAUSES: usize = 16;

/// Compiles `retry`.
pub(super) fn compile(given: &crds::Retry, at: &FieldPath<'_>, report: &mut Report) -> Retry {
    let crds::Retry { disabled, attempts, on, per_try, budget, backoff } = given;
    let others = [
        ("attempts", attempts.is_some()),
        ("on", on.is_some()),
        ("perTry", per_try.is_some()),
        ("budget", budget.is_some()),
        ("backoff", backoff.is_some()),
    ];
    if is_off(*disabled, &others, at, report) {
        return Retry::disabled();
    }
    let default = Retry::default();
    let attempts = number(*attempts, 0..=5, default.attempts, &at.child("attempts"), report);
    let at_on = at.child("on");
    let on = on.as_deref().map_or(default.on, |on| causes(on, &at_on, report));
    let per_try = duration(per_try.as_ref(), "no limit", &at.child("perTry"), report);
    let per_try = per_try.filter(|per_try| !per_try.is_zero());
    if on.per_try_timeout && per_try.is_none() {
        report.warn(
            &at_on,
            Reason::NoEffect,
            "has PerTryTimeout, but no try has a time limit: set perTry",
        );
    }
    let budget = percent(*budget, default.budget, &at.child("budget"), report);
    let backoff = duration_within(backoff.as_ref(), ["0s", "1m"], &at.child("backoff"), report);
    Retry { attempts, on, per_try, budget, backoff: backoff.unwrap_or(default.backoff) }
}

fn causes(given: &[String], at: &FieldPath<'_>, report: &mut Report) -> RetryOn {
    if given.len() > MAX_CAUSES {
        report.invalid(at, format!("has {} entries: list at most {MAX_CAUSES}", given.len()));
    }
    let mut on = RetryOn {
        connect_failure: false,
        reset: false,
        per_try_timeout: false,
        statuses: Vec::new(),
    };
    for (index, text) in given.iter().enumerate().take(MAX_CAUSES) {
        match (text.as_str(), status(text)) {
            ("ConnectFailure", _) => on.connect_failure = true,
            ("Reset", _) => on.reset = true,
            ("PerTryTimeout", _) => on.per_try_timeout = true,
            (_, Some(status)) => on.statuses.push(status),
            (_, None) => report.invalid(
                &at.index(index),
                format!(
                    "'{}' is none of ConnectFailure, Reset, PerTryTimeout, 429 and the codes 500 to 599",
                    text.escape_debug()
                ),
            ),
        }
    }
    on.statuses.sort_unstable();
    on.statuses.dedup();
    on
}

/// A status code that may be tried again.
fn status(text: &str) -> Option<u16> {
    let code = text.parse().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()));
    code.filter(|code| text.len() == 3 && (*code == 429 || (500..=599).contains(code)))
}

/// Compiles `limits`; `None` if they are switched off.
pub(super) fn limits(
    given: &crds::EndpointLimits,
    at: &FieldPath<'_>,
    report: &mut Report,
) -> Option<EndpointLimits> {
    let crds::EndpointLimits { disabled, connections, requests, queue, queue_time } = given;
    let others = [
        ("connections", connections.is_some()),
        ("requests", requests.is_some()),
        ("queue", queue.is_some()),
        ("queueTime", queue_time.is_some()),
    ];
    if is_off(*disabled, &others, at, report) {
        return None;
    }
    let connections = number(*connections, 1..=1_000_000, 256, &at.child("connections"), report);
    let requests = number(*requests, 1..=1_000_000, 1024, &at.child("requests"), report);
    let queue = number(*queue, 0..=100_000, 128, &at.child("queue"), report);
    let queue_time =
        duration_within(queue_time.as_ref(), ["1ms", "1h"], &at.child("queueTime"), report);
    Some(EndpointLimits {
        connections: NonZeroU32::new(connections),
        requests: NonZeroU32::new(requests),
        queue,
        queue_time: queue_time.unwrap_or(Duration::from_secs(1)),
    })
}

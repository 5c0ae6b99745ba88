//! Mistakes about who asks, and with what.

use super::*;
use crate::policy::without_port;

#[test]
fn the_suffix_of_a_wildcard_needs_no_dot() {
    mistaking(
        |policy, request| {
            let origin = origin(request);
            let suffixes = policy.allow_origins.iter().filter_map(|entry| entry.split_once("*."));
            let undotted = suffixes.into_iter().find_map(|(scheme, suffix)| {
                let host = origin.strip_prefix(scheme)?.strip_suffix(suffix)?;
                let is_label = host.bytes().all(|byte| byte.is_ascii_alphanumeric());
                (is_label && !host.is_empty()).then(|| format!("{scheme}x.{suffix}"))
            });
            undotted.into_iter().for_each(|taken| request.headers.set("Origin", &taken));
        },
        READS,
    );
}

#[test]
fn a_wildcard_fits_the_bare_domain() {
    mistaking(
        |policy, request| {
            let origin = origin(request);
            if let Some((scheme, host)) = origin.split_once("://")
                && policy.allow_origins.iter().any(|e| *e == format!("{scheme}://*.{host}"))
            {
                request.headers.set("Origin", &format!("{scheme}://x.{host}"));
            }
        },
        READS,
    );
}

#[test]
fn the_port_does_not_count() {
    mistaking(
        |_, request| {
            let origin = origin(request);
            let portless = without_port(&origin);
            if portless != origin {
                request.headers.set("Origin", portless);
            }
        },
        READS,
    );
}

#[test]
fn the_scheme_does_not_count() {
    mistaking(
        |_, request| {
            if let Some(rest) = origin(request).strip_prefix("http://") {
                request.headers.set("Origin", &format!("https://{rest}"));
            }
        },
        READS,
    );
}

#[test]
fn what_stands_behind_an_origin_does_not_count() {
    mistaking(
        |_, request| {
            if let Some(start) = origin(request).strip_suffix(".evil.test") {
                request.headers.set("Origin", start);
            }
        },
        READS,
    );
}

#[test]
fn null_is_like_an_origin_that_is_listed() {
    mistaking(
        |policy, request| {
            if origin(request) == "null" {
                let listed = policy.allow_origins.first();
                listed.into_iter().for_each(|listed| request.headers.set("Origin", listed));
            }
        },
        READS,
    );
}

#[test]
fn every_origin_is_echoed() {
    spoiling(|scene, answer| answer.headers.set(ALLOW_ORIGIN, &origin(scene.request)), READS);
}

#[test]
fn a_literal_asterisk_is_what_pages_with_credentials_get() {
    spoiling(|_, answer| replace(answer, ALLOW_ORIGIN, "*"), CANT_READ);
}

#[test]
fn a_disallowed_origin_is_told_of_credentials() {
    spoiling(
        |_, answer| {
            if !is_granted(answer) {
                answer.headers.set(ALLOW_CREDENTIALS, "true");
            }
        },
        DENIAL,
    );
}

#[test]
fn credentials_are_allowed_unasked() {
    spoiling(
        |_, answer| {
            if is_granted(answer) {
                answer.headers.set(ALLOW_CREDENTIALS, "true");
            }
        },
        READS,
    );
}

#[test]
fn credentials_are_forgotten() {
    spoiling(|_, answer| answer.headers.remove(ALLOW_CREDENTIALS), CANT_READ);
}

#[test]
fn a_refused_request_reaches_the_backend() {
    leaking(|request, answer| !request.is_preflight() && answer.status == 403, BACKEND_GETS);
}

#[test]
fn a_request_of_the_own_origin_is_taken_for_another_ones() {
    mistaking(
        |_, request| {
            if origin(request) == request.target {
                request.headers.set("Origin", "https://backend.internal");
            }
        },
        "a script reads another answer",
    );
}

//! Mistakes with preflights.

use super::*;

#[test]
fn a_denied_preflight_has_the_headers_of_a_grant() {
    spoiling(
        |scene, answer| {
            if scene.request.is_preflight() && answer.status == 403 {
                grant(scene, &mut answer.headers);
            }
        },
        DENIAL,
    );
}

#[test]
fn a_preflight_is_never_denied() {
    spoiling(
        |scene, answer| {
            if scene.request.is_preflight() {
                answer.status = 204;
                grant(scene, &mut answer.headers);
            }
        },
        BACKEND_GETS,
    );
}

#[test]
fn a_preflight_reaches_the_backend() {
    leaking(|request, _| request.is_preflight(), BACKEND_GETS);
}

#[test]
fn a_denied_preflight_reaches_the_backend() {
    leaking(|request, answer| request.is_preflight() && answer.status == 403, BACKEND_GETS);
}

#[test]
fn methods_have_no_case() {
    spoiling(
        |scene, answer| {
            let asked = scene.request.headers.get("Access-Control-Request-Method");
            let listed = scene.policy.allow_methods.iter();
            let fits = |asked: &String| listed.clone().any(|m| m.eq_ignore_ascii_case(asked));
            if let Some(asked) = asked.filter(fits)
                && scene.policy.allows_origin(&origin(scene.request))
            {
                answer.status = 204;
                grant(scene, &mut answer.headers);
                answer.headers.set(ALLOW_METHODS, &asked);
            }
        },
        READS,
    );
}

#[test]
fn a_literal_asterisk_stands_for_methods() {
    spoiling(|_, answer| replace(answer, ALLOW_METHODS, "*"), CANT_READ);
}

#[test]
fn a_literal_asterisk_stands_for_headers() {
    spoiling(|_, answer| replace(answer, ALLOW_HEADERS, "*"), CANT_READ);
}

#[test]
fn safelisted_headers_are_not_granted() {
    spoiling(
        |scene, answer| replace(answer, ALLOW_HEADERS, &scene.policy.allow_headers.join(", ")),
        CANT_READ,
    );
}

#[test]
fn preflights_are_remembered_for_a_time_that_nobody_set() {
    spoiling(
        |_, answer| replace(answer, "Access-Control-Max-Age", "86400"),
        "a preflight may be remembered",
    );
}

//! Mistakes in what an answer says: to caches, and through the backend's own headers.

use super::*;

#[test]
fn vary_is_missing() {
    spoiling(|_, answer| answer.headers.remove("Vary"), CACHE);
}

#[test]
fn vary_is_missing_where_no_origin_is_named() {
    spoiling(
        |scene, answer| {
            if origin(scene.request).is_empty() {
                answer.headers.remove("Vary");
            }
        },
        CACHE,
    );
}

#[test]
fn vary_is_missing_where_the_origin_is_not_allowed() {
    spoiling(
        |_, answer| {
            if !is_granted(answer) {
                answer.headers.remove("Vary");
            }
        },
        CACHE,
    );
}

#[test]
fn vary_of_the_backend_is_clobbered() {
    spoiling(|_, answer| answer.headers.set("Vary", "Origin"), CACHE);
}

#[test]
fn cors_headers_of_the_backend_reach_pages_that_are_not_allowed() {
    spoiling(
        |scene, answer| {
            if !is_granted(answer) && answer.status == scene.backend.status {
                append_the_backends(scene, answer);
            }
        },
        READS,
    );
}

#[test]
fn cors_headers_of_the_backend_stand_beside_the_policys() {
    spoiling(
        |scene, answer| {
            if is_granted(answer) && !scene.request.is_preflight() {
                append_the_backends(scene, answer);
            }
        },
        CANT_READ,
    );
}

fn append_the_backends(scene: &Scene<'_>, answer: &mut Answer) {
    for (name, value) in scene.backend.headers(scene.request).iter() {
        if name.eq_ignore_ascii_case(ALLOW_ORIGIN) || name == ALLOW_CREDENTIALS {
            answer.headers.append(name, value);
        }
    }
}

#[test]
fn headers_that_the_backend_exposes_are_exposed() {
    spoiling(
        |scene, answer| {
            for (name, value) in scene.backend.headers(scene.request).iter() {
                if is_granted(answer) && name == EXPOSE_HEADERS {
                    answer.headers.append(name, value);
                }
            }
        },
        "a script can read",
    );
}

#[test]
fn exposed_headers_are_not_listed() {
    spoiling(|_, answer| answer.headers.remove(EXPOSE_HEADERS), "a script can't read ");
}

#[test]
fn an_answer_to_the_own_origin_has_the_backends_headers() {
    spoiling(
        |scene, answer| {
            if !is_granted(answer) && origin(scene.request) == scene.request.target {
                append_the_backends(scene, answer);
            }
        },
        "a script can read access-control-",
    );
}

/// Whether the edge says why it has no better answer.
fn is_problem(answer: &Answer) -> bool {
    answer.headers.get("Content-Type").is_some_and(|kind| kind == "application/problem+json")
}

#[test]
fn errors_of_the_edge_have_no_cors_headers() {
    spoiling(
        |_, answer| {
            if is_problem(answer) {
                answer.headers.remove(ALLOW_ORIGIN);
            }
        },
        CANT_READ,
    );
}

#[test]
fn errors_of_the_edge_have_no_vary() {
    spoiling(
        |_, answer| {
            if is_problem(answer) {
                answer.headers.remove("Vary");
            }
        },
        CACHE,
    );
}

#[test]
fn a_report_removes_cors_headers_of_the_backend() {
    spoiling(
        |scene, answer| {
            if !scene.policy.applies() {
                answer.headers.remove(ALLOW_ORIGIN);
            }
        },
        UNTOUCHED,
    );
}

#[test]
fn a_report_says_that_answers_vary() {
    spoiling(
        |scene, answer| {
            if !scene.policy.applies() {
                answer.headers.set("Vary", "Origin");
            }
        },
        UNTOUCHED,
    );
}

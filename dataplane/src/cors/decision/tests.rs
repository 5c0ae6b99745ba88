//! What the policy decides for each kind of request.

use super::*;
use crate::cors::{
    AllowedHeaders, AllowedMethods, Origins,
    fixtures::{PAGE, lines, policy},
};
use http::Method;

const ORIGIN: (&str, &str) = ("origin", PAGE);
const OTHER: (&str, &str) = ("origin", "https://other.example");
const OWN: (&str, &str) = ("origin", "https://own");
const PUT: (&str, &str) = ("access-control-request-method", "PUT");
const DELETE: (&str, &str) = ("access-control-request-method", "DELETE");
const NAMES: (&str, &str) = ("access-control-request-headers", "x-b");
const BROKEN: (&str, &str) = ("access-control-request-headers", "x b");

type Lines = &'static [(&'static str, &'static str)];

/// The decision on a request with these headers to `https://own`: the verdict, and what happens to
/// the request and to its response's headers.
fn decided(
    policy: Option<&Policy>,
    method: &Method,
    headers: Lines,
) -> (Option<Outcome>, &'static str, &'static str) {
    let headers = lines(headers);
    let cors_request = CorsRequest::of(method, &headers, |origin| origin == OWN.1);
    let Decision { verdict, disposition, response_headers } = Decision::of(policy, &cors_request);
    assert_eq!(response_headers.why, None, "a reason is only given if the policy's debug is set");
    let disposition = match disposition {
        Disposition::Proceed => "proceeds",
        Disposition::Answer(_) => "answered",
        Disposition::Refuse(_) => "refused",
    };
    let headers = match response_headers.headers {
        CorsHeaders::Untouched => "untouched",
        CorsHeaders::Withheld => "withheld",
        CorsHeaders::Granted(..) => "granted",
        CorsHeaders::Preflight => "preflight",
    };
    (verdict.map(|verdict| verdict.outcome), disposition, headers)
}

/// One of each kind of request, with the verdict of a policy that lists PUT and `x-a`.
const REQUESTS: [(Method, Lines, Option<Outcome>); 11] = [
    (Method::GET, &[], None),
    (Method::OPTIONS, &[PUT], None),
    (Method::POST, &[OWN], None),
    (Method::OPTIONS, &[OWN, PUT], None),
    (Method::GET, &[ORIGIN], Some(Outcome::Allowed)),
    (Method::OPTIONS, &[ORIGIN], Some(Outcome::Allowed)),
    (Method::GET, &[OTHER], Some(Outcome::Disallowed)),
    (Method::GET, &[ORIGIN, ORIGIN], Some(Outcome::Disallowed)),
    (Method::OPTIONS, &[ORIGIN, PUT], Some(Outcome::PreflightAllowed)),
    (Method::OPTIONS, &[OTHER, PUT], Some(Outcome::PreflightDenied(Denial::Origin))),
    (Method::OPTIONS, &[ORIGIN, DELETE], Some(Outcome::PreflightDenied(Denial::Method))),
];

fn strict() -> Policy {
    Policy {
        methods: AllowedMethods::listed([Method::PUT]),
        headers: AllowedHeaders::listed([http::HeaderName::from_static("x-a")]),
        ..policy()
    }
}

#[test]
fn rule_04_without_a_policy_nothing_is_touched() {
    for (method, headers, _) in REQUESTS {
        let nothing = (None, "proceeds", "untouched");
        assert_eq!(decided(None, &method, headers), nothing, "{method} {headers:?}");
    }
}

#[test]
fn rule_22_report_mode_changes_nothing_but_still_decides() {
    for handling in [PreflightHandling::Answer, PreflightHandling::Forward] {
        for disallowed_origin in [DisallowedOrigin::Forward, DisallowedOrigin::Reject] {
            let enforced = Policy { preflight: handling, disallowed_origin, ..strict() };
            let reported = Policy { report_only: true, debug: true, ..enforced.clone() };
            for (method, headers, _) in REQUESTS {
                let (outcome, _, _) = decided(Some(&enforced), &method, headers);
                let unchanged = (outcome, "proceeds", "untouched");
                assert_eq!(decided(Some(&reported), &method, headers), unchanged, "{method}");
            }
        }
    }
    let reported = Policy { report_only: true, ..strict() };
    let headers = lines(&[OTHER]);
    let cors_request = CorsRequest::of(&Method::GET, &headers, |_| false);
    let verdict = Verdict { outcome: Outcome::Disallowed, report_only: true };
    assert_eq!(Decision::of(Some(&reported), &cors_request).verdict, Some(verdict));
}

#[test]
fn each_kind_of_request_gets_its_verdict() {
    let policy = strict();
    for (method, headers, outcome) in REQUESTS {
        let expected = match outcome {
            None | Some(Outcome::Disallowed) => (outcome, "proceeds", "withheld"),
            Some(Outcome::Allowed) => (outcome, "proceeds", "granted"),
            Some(Outcome::PreflightAllowed) => (outcome, "answered", "preflight"),
            Some(Outcome::PreflightDenied(_)) => (outcome, "refused", "preflight"),
            Some(Outcome::PreflightForwarded | Outcome::Rejected) => unreachable!("not here"),
        };
        assert_eq!(decided(Some(&policy), &method, headers), expected, "{method} {headers:?}");
    }
}

#[test]
fn rule_08_the_origin_is_checked_before_method_and_headers() {
    let policy = strict();
    for (headers, denial) in [
        (&[ORIGIN, DELETE][..], Denial::Method),
        (&[ORIGIN, PUT, NAMES], Denial::Header),
        (&[ORIGIN, PUT, BROKEN], Denial::Malformed),
        (&[ORIGIN, DELETE, BROKEN], Denial::Method),
        (&[OTHER, PUT], Denial::Origin),
        (&[OTHER, DELETE, BROKEN], Denial::Origin),
    ] {
        let denied = (Some(Outcome::PreflightDenied(denial)), "refused", "preflight");
        assert_eq!(decided(Some(&policy), &Method::OPTIONS, headers), denied, "{headers:?}");
    }
}

#[test]
fn rule_14_forwarded_preflights_are_left_alone_except_for_a_rejected_origin() {
    use DisallowedOrigin::{Forward, Reject};
    let forwarded = (Some(Outcome::PreflightForwarded), "proceeds", "untouched");
    let denied = (Some(Outcome::PreflightDenied(Denial::Origin)), "refused", "preflight");
    for (disallowed_origin, headers, expected) in [
        (Forward, &[ORIGIN, PUT][..], forwarded),
        (Forward, &[OTHER, PUT], forwarded),
        (Reject, &[ORIGIN, PUT], forwarded),
        (Reject, &[OTHER, PUT], denied),
        // What the policy would deny is left to the backend.
        (Forward, &[ORIGIN, DELETE, NAMES], forwarded),
        (Reject, &[ORIGIN, DELETE, BROKEN], forwarded),
    ] {
        let preflight = PreflightHandling::Forward;
        let policy = Policy { preflight, disallowed_origin, ..strict() };
        assert_eq!(decided(Some(&policy), &Method::OPTIONS, headers), expected, "{headers:?}");
    }
}

#[test]
fn rules_02_and_18_reject_refuses_other_origins_and_never_its_own() {
    let policy = Policy { disallowed_origin: DisallowedOrigin::Reject, ..policy() };
    let rejected = (Some(Outcome::Rejected), "refused", "withheld");
    for (headers, expected) in [
        (&[OTHER][..], rejected),
        (&[("origin", "")], rejected),
        (&[("origin", "null")], rejected),
        (&[ORIGIN, ORIGIN], rejected),
        (&[ORIGIN], (Some(Outcome::Allowed), "proceeds", "granted")),
        (&[OWN], (None, "proceeds", "withheld")),
        (&[], (None, "proceeds", "withheld")),
    ] {
        assert_eq!(decided(Some(&policy), &Method::GET, headers), expected, "{headers:?}");
    }
}

#[test]
fn rule_27_any_origin_includes_the_opaque_one() {
    let any = Origins::new(vec!["*".parse().unwrap()], Vec::new());
    let any = Policy { origins: any, ..policy() };
    for (policy, outcome) in [(any, Outcome::Allowed), (policy(), Outcome::Disallowed)] {
        let (verdict, ..) = decided(Some(&policy), &Method::GET, &[("origin", "null")]);
        assert_eq!(verdict, Some(outcome));
    }
}

#[test]
fn a_denial_says_why_in_debug_mode() {
    let policy = Policy { debug: true, ..strict() };
    for (method, headers, why) in [
        (Method::GET, &[ORIGIN][..], None),
        (Method::GET, &[], None),
        (Method::GET, &[OWN], None),
        (Method::OPTIONS, &[ORIGIN, PUT], None),
        (Method::GET, &[OTHER], Some("origin 'https://other.example' is not allowed")),
        (Method::GET, &[ORIGIN, ORIGIN], Some("Origin occurs more than once")),
        (Method::OPTIONS, &[OTHER, PUT], Some("origin 'https://other.example' is not allowed")),
        (Method::OPTIONS, &[ORIGIN, DELETE], Some("method 'DELETE' is not allowed")),
        (Method::OPTIONS, &[ORIGIN, PUT, NAMES], Some("header 'x-b' is not allowed")),
        (
            Method::OPTIONS,
            &[ORIGIN, PUT, BROKEN],
            Some("Access-Control-Request-Headers has an element that is not a header name"),
        ),
    ] {
        let headers = lines(headers);
        let cors_request = CorsRequest::of(&method, &headers, |origin| origin == OWN.1);
        let reason = Decision::of(Some(&policy), &cors_request).response_headers.why;
        assert_eq!(reason.as_ref().map(|why| why.to_str().unwrap()), why, "{method} {headers:?}");
    }
}

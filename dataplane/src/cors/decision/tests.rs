//! What the policy says of each kind of request.

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

/// The decision on a request with these headers to `https://own`: the verdict, what becomes of
/// the request and of its answer's headers.
fn decided(
    policy: Option<&Policy>,
    method: &Method,
    headers: Lines,
) -> (Option<Verdict>, &'static str, &'static str) {
    let headers = lines(headers);
    let asking = Asking::of(method, &headers, |origin| origin == OWN.1);
    let Decision { judged, step, treatment } = Decision::of(policy, &asking);
    assert_eq!(treatment.why, None, "nothing is said unless the policy is to be debugged");
    let step = match step {
        Step::Proceed => "proceeds",
        Step::Answer(_) => "answered",
        Step::Refuse(_) => "refused",
    };
    let headers = match treatment.headers {
        AnswerHeaders::Untouched => "untouched",
        AnswerHeaders::Withheld => "withheld",
        AnswerHeaders::Granted(..) => "granted",
        AnswerHeaders::Preflight => "preflight",
    };
    (judged.map(|judged| judged.verdict), step, headers)
}

/// One of each kind of request, with the verdict of a policy that lists PUT and `x-a`.
const REQUESTS: [(Method, Lines, Option<Verdict>); 11] = [
    (Method::GET, &[], None),
    (Method::OPTIONS, &[PUT], None),
    (Method::POST, &[OWN], None),
    (Method::OPTIONS, &[OWN, PUT], None),
    (Method::GET, &[ORIGIN], Some(Verdict::Allowed)),
    (Method::OPTIONS, &[ORIGIN], Some(Verdict::Allowed)),
    (Method::GET, &[OTHER], Some(Verdict::Disallowed)),
    (Method::GET, &[ORIGIN, ORIGIN], Some(Verdict::Disallowed)),
    (Method::OPTIONS, &[ORIGIN, PUT], Some(Verdict::PreflightAllowed)),
    (Method::OPTIONS, &[OTHER, PUT], Some(Verdict::PreflightDenied(Denial::Origin))),
    (Method::OPTIONS, &[ORIGIN, DELETE], Some(Verdict::PreflightDenied(Denial::Method))),
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
fn rule_22_report_changes_nothing_and_judges_all_the_same() {
    for handling in [PreflightHandling::Answer, PreflightHandling::Forward] {
        for disallowed_origin in [DisallowedOrigin::Forward, DisallowedOrigin::Reject] {
            let enforced = Policy { preflight: handling, disallowed_origin, ..strict() };
            let reported = Policy { report_only: true, debug: true, ..enforced.clone() };
            for (method, headers, _) in REQUESTS {
                let (verdict, _, _) = decided(Some(&enforced), &method, headers);
                let unchanged = (verdict, "proceeds", "untouched");
                assert_eq!(decided(Some(&reported), &method, headers), unchanged, "{method}");
            }
        }
    }
    let reported = Policy { report_only: true, ..strict() };
    let headers = lines(&[OTHER]);
    let asking = Asking::of(&Method::GET, &headers, |_| false);
    let judged = Judged { verdict: Verdict::Disallowed, report_only: true };
    assert_eq!(Decision::of(Some(&reported), &asking).judged, Some(judged));
}

#[test]
fn each_kind_of_request_gets_its_verdict() {
    let policy = strict();
    for (method, headers, verdict) in REQUESTS {
        let becomes = match verdict {
            None | Some(Verdict::Disallowed) => (verdict, "proceeds", "withheld"),
            Some(Verdict::Allowed) => (verdict, "proceeds", "granted"),
            Some(Verdict::PreflightAllowed) => (verdict, "answered", "preflight"),
            Some(Verdict::PreflightDenied(_)) => (verdict, "refused", "preflight"),
            Some(Verdict::PreflightForwarded | Verdict::Rejected) => unreachable!("not here"),
        };
        assert_eq!(decided(Some(&policy), &method, headers), becomes, "{method} {headers:?}");
    }
}

#[test]
fn rule_08_the_origin_is_judged_before_what_it_asks_for() {
    let policy = strict();
    for (headers, denial) in [
        (&[ORIGIN, DELETE][..], Denial::Method),
        (&[ORIGIN, PUT, NAMES], Denial::Header),
        (&[ORIGIN, PUT, BROKEN], Denial::Malformed),
        (&[ORIGIN, DELETE, BROKEN], Denial::Method),
        (&[OTHER, PUT], Denial::Origin),
        (&[OTHER, DELETE, BROKEN], Denial::Origin),
    ] {
        let denied = (Some(Verdict::PreflightDenied(denial)), "refused", "preflight");
        assert_eq!(decided(Some(&policy), &Method::OPTIONS, headers), denied, "{headers:?}");
    }
}

#[test]
fn rule_14_forwarded_preflights_are_left_alone_but_for_a_rejected_origin() {
    use DisallowedOrigin::{Forward, Reject};
    let forwarded = (Some(Verdict::PreflightForwarded), "proceeds", "untouched");
    let denied = (Some(Verdict::PreflightDenied(Denial::Origin)), "refused", "preflight");
    for (disallowed_origin, headers, becomes) in [
        (Forward, &[ORIGIN, PUT][..], forwarded),
        (Forward, &[OTHER, PUT], forwarded),
        (Reject, &[ORIGIN, PUT], forwarded),
        (Reject, &[OTHER, PUT], denied),
        // What the policy would deny is the backend's to judge.
        (Forward, &[ORIGIN, DELETE, NAMES], forwarded),
        (Reject, &[ORIGIN, DELETE, BROKEN], forwarded),
    ] {
        let preflight = PreflightHandling::Forward;
        let policy = Policy { preflight, disallowed_origin, ..strict() };
        assert_eq!(decided(Some(&policy), &Method::OPTIONS, headers), becomes, "{headers:?}");
    }
}

#[test]
fn rules_02_and_18_reject_refuses_other_origins_and_never_the_own() {
    let policy = Policy { disallowed_origin: DisallowedOrigin::Reject, ..policy() };
    let rejected = (Some(Verdict::Rejected), "refused", "withheld");
    for (headers, becomes) in [
        (&[OTHER][..], rejected),
        (&[("origin", "")], rejected),
        (&[("origin", "null")], rejected),
        (&[ORIGIN, ORIGIN], rejected),
        (&[ORIGIN], (Some(Verdict::Allowed), "proceeds", "granted")),
        (&[OWN], (None, "proceeds", "withheld")),
        (&[], (None, "proceeds", "withheld")),
    ] {
        assert_eq!(decided(Some(&policy), &Method::GET, headers), becomes, "{headers:?}");
    }
}

#[test]
fn rule_27_any_origin_is_the_opaque_one_too() {
    let any = Origins::new(vec!["*".parse().unwrap()], Vec::new());
    let any = Policy { origins: any, ..policy() };
    for (policy, verdict) in [(any, Verdict::Allowed), (policy(), Verdict::Disallowed)] {
        let (judged, ..) = decided(Some(&policy), &Method::GET, &[("origin", "null")]);
        assert_eq!(judged, Some(verdict));
    }
}

#[test]
fn a_denial_says_why_where_the_policy_is_to_be_debugged() {
    let policy = Policy { debug: true, ..strict() };
    for (method, headers, why) in [
        (Method::GET, &[ORIGIN][..], None),
        (Method::GET, &[], None),
        (Method::GET, &[OWN], None),
        (Method::OPTIONS, &[ORIGIN, PUT], None),
        (Method::GET, &[OTHER], Some("origin 'https://other.example' is not allowed")),
        (Method::GET, &[ORIGIN, ORIGIN], Some("Origin came twice")),
        (Method::OPTIONS, &[OTHER, PUT], Some("origin 'https://other.example' is not allowed")),
        (Method::OPTIONS, &[ORIGIN, DELETE], Some("method 'DELETE' is not allowed")),
        (Method::OPTIONS, &[ORIGIN, PUT, NAMES], Some("header 'x-b' is not allowed")),
        (
            Method::OPTIONS,
            &[ORIGIN, PUT, BROKEN],
            Some("Access-Control-Request-Headers has an element that is no header name"),
        ),
    ] {
        let headers = lines(headers);
        let asking = Asking::of(&method, &headers, |origin| origin == OWN.1);
        let said = Decision::of(Some(&policy), &asking).treatment.why;
        assert_eq!(said.as_ref().map(|why| why.to_str().unwrap()), why, "{method} {headers:?}");
    }
}

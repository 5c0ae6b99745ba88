//! Edges with one mistake each, made of the real one: the property must find every one of them, or
//! it shows nothing.

mod answers;
mod origins;
mod preflight;

use super::{find_counterexample, policy::Policy, world::Scene};
use portico_tests::fetch_model::{Answer, Headers, Request};

/// A mistake of an edge.
#[derive(Clone, Copy)]
pub(crate) struct Fault {
    /// What it takes a request for. Where it answers for the origin that it mistakes the page's for,
    /// its answer names the page's.
    pub(crate) mistakes: fn(&Policy, &mut Request),
    /// Whether the backend gets the request although the edge has answered.
    pub(crate) leaks: fn(&Request, &Answer) -> bool,
    /// What it does to an answer.
    pub(crate) spoils: fn(&Scene<'_>, &mut Answer),
}

impl Fault {
    /// The real edge.
    pub(crate) const NONE: Self =
        Self { mistakes: |_, _| {}, leaks: |_, _| false, spoils: |_, _| {} };
}

const ALLOW_ORIGIN: &str = "Access-Control-Allow-Origin";
const ALLOW_CREDENTIALS: &str = "Access-Control-Allow-Credentials";
const ALLOW_METHODS: &str = "Access-Control-Allow-Methods";
const ALLOW_HEADERS: &str = "Access-Control-Allow-Headers";
const EXPOSE_HEADERS: &str = "Access-Control-Expose-Headers";

#[track_caller]
fn spoiling(spoils: fn(&Scene<'_>, &mut Answer), found: &str) {
    is_found(Fault { spoils, ..Fault::NONE }, found);
}

#[track_caller]
fn mistaking(mistakes: fn(&Policy, &mut Request), found: &str) {
    is_found(Fault { mistakes, ..Fault::NONE }, found);
}

#[track_caller]
fn leaking(leaks: fn(&Request, &Answer) -> bool, found: &str) {
    is_found(Fault { leaks, ..Fault::NONE }, found);
}

/// The property fails for an edge with this fault, and among what it says is this.
#[track_caller]
fn is_found(fault: Fault, why: &str) {
    assert!(find_counterexample(fault, why).is_some(), "nobody noticed that {why}");
}

fn origin(request: &Request) -> String {
    request.headers.get("Origin").unwrap_or_default()
}

fn is_granted(answer: &Answer) -> bool {
    answer.headers.get(ALLOW_ORIGIN).is_some()
}

/// Where a header of a grant is there, it says this instead.
fn replace(answer: &mut Answer, name: &str, value: &str) {
    if answer.headers.get(name).is_some() {
        answer.headers.set(name, value);
    }
}

fn grant(scene: &Scene<'_>, headers: &mut Headers) {
    headers.set(ALLOW_ORIGIN, &origin(scene.request));
    headers.set(ALLOW_CREDENTIALS, "true");
    for (asked, allowed) in [("Method", ALLOW_METHODS), ("Headers", ALLOW_HEADERS)] {
        let asked = scene.request.headers.get(&format!("Access-Control-Request-{asked}"));
        asked.into_iter().for_each(|asked| headers.set(allowed, &asked));
    }
}

const READS: &str = "a script reads what is not permitted";
const CANT_READ: &str = "a script can't read what is permitted";
const CACHE: &str = "a shared cache may answer";
const BACKEND_GETS: &str = "the backend got";
const DENIAL: &str = "a denial";
const UNTOUCHED: &str = "without a policy a script gets something else";

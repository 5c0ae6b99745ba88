//! For every policy and every fetch: a browser lets the script read the answer exactly when the
//! policy permits it, and never through a header of the backend's; and where a policy has no say, for
//! it only reports or is disabled, nobody can tell the edge from the backend.
//!
//! Policies go through the real compiler, requests through the real dataplane over a socket; the
//! browser is `fetch_model`, the policy's meaning `policy`. Cases are the same every time;
//! `PROPTEST_CASES=20000` tries more of them, and `PROPTEST_RNG_SEED=1` others.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod faults;
mod generate;
mod policy;
mod property;
mod scenario;
mod world;

use faults::Fault;
use policy::Denied;
use property::Fate;
use proptest::test_runner::{
    Config, RngSeed, TestCaseError, TestError, TestRunner, contextualize_config,
};
use std::{cell::RefCell, collections::BTreeMap};
use world::World;

/// How many scenarios, of 1 to 11 fetches each.
const CASES: u32 = 500;

/// What was tried.
#[derive(Debug, Default)]
struct Tried {
    scenarios: usize,
    /// Whose policy the compiler refuses.
    refused: usize,
    fates: BTreeMap<Fate, usize>,
}

#[test]
fn scripts_read_what_the_policy_permits() {
    let tried =
        try_out(Fault::NONE, u32::MAX, |_| true).unwrap_or_else(|failure| panic!("{failure}"));
    assert!(tried.refused * 2 < tried.scenarios, "too many policies are refused: {tried:?}");
    for fate in [
        Fate::SameOrigin,
        Fate::Permitted,
        Fate::PermittedAfterPreflight,
        Fate::Denied(Denied::Origin),
        Fate::Denied(Denied::Credentials),
        Fate::DeniedByPreflight(Denied::Origin),
        Fate::DeniedByPreflight(Denied::Method),
        Fate::DeniedByPreflight(Denied::Header),
        Fate::DeniedByPreflight(Denied::Credentials),
        Fate::Untouched,
    ] {
        let count = tried.fates.get(&fate).copied().unwrap_or_default();
        assert!(count * 100 > tried.scenarios, "{fate:?} is too rare: {tried:?}");
    }
}

/// Why the property does not hold for an edge with this fault, in words that start like this; `None`
/// where it seems to hold.
fn find_counterexample(fault: Fault, start: &str) -> Option<String> {
    try_out(fault, 0, |why| why.starts_with(start)).err()
}

/// Tries scenarios until one fails for a reason that counts. It is made as small as that takes no
/// more than so many steps.
fn try_out(fault: Fault, shrinking: u32, counts: impl Fn(&str) -> bool) -> Result<Tried, String> {
    let config = Config {
        cases: CASES,
        max_shrink_iters: shrinking,
        rng_seed: RngSeed::Fixed(0),
        failure_persistence: None,
        ..Config::default()
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let world = runtime.block_on(World::start(fault)).unwrap();
    let tried = RefCell::new(Tried::default());
    let mut runner = TestRunner::new(contextualize_config(config));
    let run = runner.run(&generate::scenario(), |scenario| {
        let mut tried = tried.borrow_mut();
        tried.scenarios += 1;
        if !runtime.block_on(world.serve(&scenario)).unwrap() {
            tried.refused += 1;
            return Ok(());
        }
        for fate in runtime.block_on(property::check(&world, &scenario)) {
            match fate {
                Ok(fate) => *tried.fates.entry(fate).or_default() += 1,
                Err(why) if counts(&why.to_string()) => {
                    return Err(TestCaseError::fail(why.to_string()));
                }
                Err(_) => {}
            }
        }
        Ok(())
    });
    match run {
        Ok(()) => Ok(tried.into_inner()),
        Err(TestError::Fail(why, scenario)) => Err(format!("{}\n\n{scenario:?}", why.message())),
        Err(TestError::Abort(why)) => panic!("{why}"),
    }
}

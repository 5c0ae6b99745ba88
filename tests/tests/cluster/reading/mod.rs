//! What is read offline is what a cluster would store: random objects, and what an API server and
//! `portico check` make of each.
//!
//! `READING_CASES` says how many (default 10,000), `READING_SEED` which. Every field of both kinds is
//! in one that is good.

mod core;
mod grow;
mod judge;
mod known;
mod mutate;
mod schema;
mod seeds;
mod widening;

use anyhow::Result;
use futures_util::{StreamExt, stream};
use judge::{ApiServer, How, Verdict, offline};
use known::Known;
use portico::diagnostic::Kind;
use portico_tests::{cluster::scope::Scope, random::Random};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    env,
    fmt::Debug,
    str::FromStr,
    time::Instant,
};

/// How many objects there are, unless it is said.
const COUNT: usize = 10_000;
/// Which, unless it is said.
const SEED: u64 = 1;
/// How many objects of each kind are kept to grow from.
const KEPT: usize = 64;
/// How many requests are made at a time.
const AT_A_TIME: usize = 16;
/// How many kinds of differences are made small and shown.
const SHOWN: usize = 24;

/// What is asked about one object.
#[derive(Clone, Debug)]
struct Case {
    kind: Kind,
    how: How,
    object: Value,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_check_accepts_an_api_server_takes_and_stores_alike() {
    let _scope = Scope::new().unwrap();
    let server = ApiServer::connect().await.unwrap();
    fn number<N: FromStr<Err: Debug>>(name: &str, usual: N) -> N {
        env::var(name).map_or(usual, |it| it.parse().unwrap())
    }
    let (count, seed) = (number("READING_CASES", COUNT), number("READING_SEED", SEED));

    let start = Instant::now();
    let cases = cases(count, &mut Random::new(seed));
    let made = start.elapsed();
    let judged: Vec<_> = stream::iter(cases)
        .map(|case| compare(&server, case))
        .buffer_unordered(AT_A_TIME)
        .collect()
        .await;
    let judged: Vec<Outcome> = judged.into_iter().collect::<Result<_>>().unwrap();

    let taken = judged.iter().filter(|outcome| outcome.taken).count();
    println!(
        "{count} objects of seed {seed}, of which the API server took {taken}, in {:.0?}, of which {made:.0?} to make them",
        start.elapsed()
    );
    let different = show(&server, &judged).await.unwrap();
    assert_eq!(different, 0, "objects that are judged differently");
    assert!(taken * 4 > judged.len(), "too few objects are good to show anything");
    let good = judged.iter().filter(|it| it.taken).map(|it| &it.case);
    assert_eq!(fields_without(good), [""; 0], "fields that no good object has");
}

/// The first of the same objects, judged without a cluster.
#[test]
fn every_field_is_in_an_object_that_check_accepts() {
    for kind in Kind::ALL {
        for object in seeds::of(kind) {
            let verdict = offline(kind, &object);
            assert!(matches!(verdict, Verdict::Taken(_)), "{verdict:?}: {object}");
        }
    }
    let cases = cases(COUNT / 10, &mut Random::new(SEED));
    let is_good = |case: &&Case| matches!(offline(case.kind, &case.object), Verdict::Taken(_));
    let missing = fields_without(cases.iter().filter(is_good));
    assert_eq!(missing, [""; 0], "fields that no good object has");
}

/// Prints the known differences, and the smallest object of each kind of others. How many others
/// there are.
async fn show(server: &ApiServer, judged: &[Outcome]) -> Result<usize> {
    let mut met = BTreeMap::new();
    for known in judged.iter().flat_map(|outcome| &outcome.known) {
        *met.entry(*known).or_insert(0_usize) += 1;
    }
    met.iter().for_each(|(why, times)| println!("{times} times: {why}"));
    let different: Vec<_> = judged.iter().filter(|outcome| outcome.difference.is_some()).collect();
    let mut shown = BTreeSet::new();
    for outcome in &different {
        let difference = outcome.difference.as_deref().unwrap_or_default();
        if shown.len() < SHOWN && shown.insert(without_details(difference)) {
            let (case, difference) = smallest(server, outcome).await?;
            println!("{:?} {}: {difference}\n{}", case.how, case.kind, case.object);
        }
    }
    Ok(different.len())
}

/// The fields below `spec` that none of these objects has.
fn fields_without<'c>(cases: impl IntoIterator<Item = &'c Case>) -> Vec<String> {
    let mut given = BTreeSet::new();
    for Case { kind, object, .. } in cases {
        let fields = schema::given(schema::of(*kind), object);
        given.extend(fields.into_iter().map(|field| format!("{kind}: {field}")));
    }
    let of_kind = |kind: Kind| {
        schema::fields(schema::of(kind)).into_iter().map(move |field| format!("{kind}: {field}"))
    };
    Kind::ALL.into_iter().flat_map(of_kind).filter(|field| !given.contains(field)).collect()
}

/// The seeds; then objects that `check` accepts, each a little larger than one before it, and
/// mistakes in them.
fn cases(count: usize, random: &mut Random) -> Vec<Case> {
    let schemas = Kind::ALL.map(schema::of);
    let mut kept = Kind::ALL.map(seeds::of);
    let seeds = Kind::ALL.into_iter().zip(&kept);
    let seeds = seeds.flat_map(|(kind, objects)| objects.iter().map(move |it| (kind, it.clone())));
    let mut cases: Vec<_> =
        seeds.map(|(kind, object)| Case { kind, how: How::Create, object }).collect();
    while cases.len() < count {
        let which = random.below(2);
        let (kind, schema, kept) = (Kind::ALL[which], schemas[which], &mut kept[which]);
        let mut object = random.pick(kept).clone();
        grow::grow(schema, &mut object, random);
        let how = if random.percent(25) { How::Apply } else { How::Create };
        if matches!(offline(kind, &object), Verdict::Taken(_)) {
            if kept.len() < KEPT {
                kept.push(object.clone());
            } else {
                let place = random.below(KEPT);
                kept[place] = object.clone();
            }
            if random.percent(60) {
                mutate::mutate(schema, &mut object, random);
            }
        }
        // Only a good name makes a URL.
        let is_named = object["metadata"]["name"] == "x" && object["metadata"].is_object();
        let how = if is_named { how } else { How::Create };
        cases.push(Case { kind, how, object });
    }
    cases
}

/// What came of a case.
struct Outcome {
    case: Case,
    /// Whether the API server took it.
    taken: bool,
    /// Reasons of known differences.
    known: Vec<&'static str>,
    /// A difference that is not known.
    difference: Option<String>,
}

async fn compare(server: &ApiServer, case: Case) -> Result<Outcome> {
    let there = server.judge(case.kind, case.how, &case.object).await?;
    let here = offline(case.kind, &case.object);
    let taken = matches!(there, Verdict::Taken(_));
    let explained = |reasons: &[String], list: &'static [Known]| -> Vec<&'static str> {
        let is_about = |words: &str| reasons.iter().any(|reason| reason.contains(words));
        list.iter().filter(|(words, _)| is_about(words)).map(|(_, why)| *why).collect()
    };
    let (known, difference) = match (&here, &there) {
        (Verdict::Refused(_), Verdict::Refused(_)) => (Vec::new(), None),
        (Verdict::Taken(here), Verdict::Taken(there)) => {
            let schema = schema::of(case.kind);
            let (mut here, mut there) = (here.clone(), there.clone());
            for spec in [&mut here, &mut there] {
                schema::add_defaults(&schema["properties"]["spec"], spec);
            }
            (Vec::new(), (here != there).then(|| format!("read as {here}, stored as {there}")))
        }
        (Verdict::Refused(here), Verdict::Taken(_)) => {
            let known = explained(here, known::ONLY_OFFLINE);
            let difference =
                known.is_empty().then(|| format!("only check refuses it: {}", here.join("; ")));
            (known, difference)
        }
        (Verdict::Taken(_), Verdict::Refused(there)) => {
            let known = explained(there, known::ONLY_IN_A_CLUSTER);
            let difference = known
                .is_empty()
                .then(|| format!("only the API server refuses it: {}", there.join("; ")));
            (known, difference)
        }
    };
    Ok(Outcome { case, taken, known, difference })
}

/// A difference without what is quoted, and without numbers: the kind of it.
fn without_details(difference: &str) -> String {
    let outside = difference.split(['"', '\'']).step_by(2);
    let letters = outside.flat_map(str::chars).filter(|c| !c.is_ascii_digit());
    letters.take(120).collect()
}

/// The same difference without what it does not need.
async fn smallest(server: &ApiServer, outcome: &Outcome) -> Result<(Case, String)> {
    let kind_of = |difference: &str| difference.split(':').next().unwrap_or_default().to_owned();
    let mut difference = outcome.difference.clone().unwrap_or_default();
    let mut case = outcome.case.clone();
    let schema = schema::of(case.kind);
    let mut again = true;
    while again {
        again = false;
        for place in schema::places(schema, &case.object) {
            let mut smaller = case.clone();
            if !remove(&mut smaller.object, &place.pointer) {
                continue;
            }
            let found = compare(server, smaller).await?;
            if let Some(other) = found.difference.filter(|it| kind_of(it) == kind_of(&difference)) {
                (case, difference, again) = (found.case, other, true);
                break;
            }
        }
    }
    Ok((case, difference))
}

/// Removes a field or an item. False where there is none, or the object is nothing without it.
fn remove(object: &mut Value, pointer: &str) -> bool {
    let Some((parent, last)) = pointer.rsplit_once('/') else { return false };
    let is_needed = ["/metadata", "/metadata/name", "/spec"].contains(&pointer);
    match object.pointer_mut(parent) {
        _ if is_needed => false,
        Some(Value::Object(fields)) => {
            fields.remove(&last.replace("~1", "/").replace("~0", "~")).is_some()
        }
        Some(Value::Array(items)) if items.len() > 1 => last.parse().is_ok_and(|index: usize| {
            index < items.len() && {
                items.remove(index);
                true
            }
        }),
        _ => false,
    }
}

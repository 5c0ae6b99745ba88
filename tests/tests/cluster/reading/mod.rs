//! What is read offline is what a cluster would store: random objects, and what an API server and
//! `portico check` make of each.
//!
//! `READING_CASES` says how many (default 10,000), `READING_SEED` which.

mod core;
mod grow;
mod judge;
mod known;
mod mutate;
mod schema;
mod widening;

use anyhow::Result;
use futures_util::{StreamExt, stream};
use judge::{ApiServer, How, NAMESPACE, Verdict, offline};
use known::Known;
use portico::diagnostic::Kind;
use portico_tests::{cluster::scope::Scope, random::Random};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    env,
    time::Instant,
};

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
    let number = |name: &str, usual: u64| env::var(name).map_or(usual, |it| it.parse().unwrap());
    let (count, seed) = (number("READING_CASES", 10_000), number("READING_SEED", 1));

    let start = Instant::now();
    let cases = cases(usize::try_from(count).unwrap(), &mut Random::new(seed));
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
    show_what_was_not_taken(&judged);
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

/// Prints the fields that no object had which the API server took.
fn show_what_was_not_taken(judged: &[Outcome]) {
    for kind in Kind::ALL {
        let schema = schema::of(kind);
        let of_kind = judged.iter().filter(|it| it.taken && it.case.kind == kind);
        let given: BTreeSet<String> =
            of_kind.flat_map(|it| schema::given(schema, &it.case.object)).collect();
        let fields = schema::fields(schema);
        let missing: Vec<_> = fields.iter().filter(|field| !given.contains(*field)).collect();
        println!("{kind}: fields that no good object has: {missing:?}");
    }
}

/// Objects that `check` accepts, each a little larger than one before it, and mistakes in them.
fn cases(count: usize, random: &mut Random) -> Vec<Case> {
    let schemas = Kind::ALL.map(schema::of);
    let mut kept = Kind::ALL.map(seeds);
    let mut cases = Vec::with_capacity(count);
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

/// Small objects that between them have what can't be had together.
fn seeds(kind: Kind) -> Vec<Value> {
    let specs = match kind {
        Kind::FrontDoor => vec![
            json!({"hosts": [{"name": "www.ep.com"}]}),
            json!({
                "hosts": [{"name": "ep.com", "tls": {"secretRef": {"name": "ep"}}}],
                "attach": [{"namespaces": ["web"], "paths": ["/a/*"]}, {"namespaceSelector": {"matchLabels": {"team": "web"}}}],
                "cors": {"allowOrigins": ["https://app.example.com"]},
                "defaults": {"health": {"path": "/"}, "balance": {"policy": "Hash", "hash": {"on": "Header", "name": "a"}}},
            }),
        ],
        Kind::Route => {
            let reference = json!({"name": "ep"});
            vec![
                json!({"frontDoorRef": reference, "backends": [{"service": {"name": "web", "port": 80}}]}),
                json!({"frontDoorRef": reference, "redirect": {"path": "/b"}}),
                json!({"frontDoorRef": reference, "respond": {"status": 200}}),
                json!({
                    "frontDoorRef": reference,
                    "backends": [{"external": {"url": "https://a.example"}, "tls": {"caRef": {"kind": "Secret", "name": "a"}}}],
                    "balance": {"policy": "Hash", "hash": {"true": "ClientAddress"}},
                    "retry": {"true": ["Reset"]},
                    "health": {"path": "/"},
                    "requestHeaders": {"set": [{"name": "a", "valueFrom": {"secretKeyRef": {"name": "a", "key": "b"}}}]},
                    "cors": {"allowOrigins": ["https://app.example.com"]},
                }),
            ]
        }
    };
    let object = |spec: Value| {
        json!({
            "apiVersion": "portico.dev/v1alpha1", "kind": kind.name(),
            "metadata": {"name": "x", "namespace": NAMESPACE, "labels": {"a": "b"}, "annotations": {"a": "b"}},
            "spec": spec,
            "status": {"observedGeneration": 1, "conditions": []},
        })
    };
    specs.into_iter().map(object).collect()
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

#![allow(clippy::unwrap_used)]

use super::*;
use k8s_openapi::api::core::v1::Secret;
use kube::runtime::watcher::Event;
use serde_json::json;

type Secrets = Referenced<Secret>;

fn name(name: &str) -> ObjectName {
    ObjectName::new("web", name)
}

fn at(secrets: &Secrets, of: &str, version: &str) {
    let trim = |(of, version)| (name(of), Some(Version(version)));
    secrets.versions.take(0, Event::Apply((of, Arc::from(version))), trim);
}

fn answer(version: &str, token: &str) -> Answer<Secret> {
    let secret = json!({
        "metadata": {"name": "key", "resourceVersion": version, "annotations": {"a": "token"}},
        "stringData": {"token": token},
    });
    Answer::Object(Box::new(serde_json::from_value(secret).unwrap()))
}

fn named_only(names: &[&str]) -> BTreeSet<ObjectName> {
    names.iter().map(|of| name(of)).collect()
}

fn named(
    secrets: &Secrets,
    names: BTreeSet<ObjectName>,
) -> Option<BTreeMap<ObjectName, Arc<Secret>>> {
    secrets.named(names, Instant::now())
}

#[test]
fn only_what_is_named_is_asked_for() {
    let secrets = Secrets::new(1);
    at(&secrets, "key", "1");
    at(&secrets, "other", "1");
    assert_eq!(secrets.wanted(), []);
    assert_eq!(named(&secrets, named_only(&["key", "missing"])), None, "it is on its way");
    assert_eq!(secrets.wanted(), [(name("key"), "1".into())]);
    assert!(secrets.take(name("key"), "1".into(), answer("1", "x")));
    let held = named(&secrets, named_only(&["key", "missing"])).unwrap();
    assert_eq!(held.keys().collect::<Vec<_>>(), [&name("key")]);
    assert_eq!(held[&name("key")].metadata.annotations, None);
    assert_eq!(secrets.wanted(), []);
}

#[test]
fn what_is_not_named_any_more_is_forgotten() {
    let secrets = Secrets::new(1);
    at(&secrets, "key", "1");
    named(&secrets, named_only(&["key"]));
    secrets.take(name("key"), "1".into(), answer("1", "x"));
    assert!(named(&secrets, BTreeSet::new()).unwrap().is_empty());
    assert!(secrets.held().data.is_empty());
    secrets.take(name("key"), "1".into(), answer("1", "x"));
    assert!(secrets.held().data.is_empty(), "an answer that came too late");
}

#[test]
fn what_is_deleted_is_forgotten() {
    let secrets = Secrets::new(1);
    at(&secrets, "key", "1");
    named(&secrets, named_only(&["key"]));
    secrets.take(name("key"), "1".into(), answer("1", "x"));
    secrets.versions.take(0, Event::Delete(()), |()| (name("key"), None));
    assert_eq!(named(&secrets, named_only(&["key"])), Some(BTreeMap::new()));
    at(&secrets, "key", "2");
    assert_eq!(
        named(&secrets, named_only(&["key"])),
        None,
        "another one of that name is asked for"
    );
}

#[test]
fn a_change_is_asked_for_while_the_old_one_serves() {
    let secrets = Secrets::new(1);
    at(&secrets, "key", "1");
    named(&secrets, named_only(&["key"]));
    // A newer version came than was known; the event for it is no news.
    secrets.take(name("key"), "1".into(), answer("2", "x"));
    at(&secrets, "key", "2");
    assert_eq!(secrets.wanted(), []);
    at(&secrets, "key", "3");
    assert_eq!(secrets.wanted(), [(name("key"), "3".into())]);
    assert_eq!(named(&secrets, named_only(&["key"])).unwrap().len(), 1);
}

#[test]
fn one_that_can_not_be_had_holds_up_nothing() {
    let secrets = Secrets::new(1);
    at(&secrets, "key", "1");
    named(&secrets, named_only(&["key"]));
    assert!(!secrets.take(name("key"), "1".into(), Answer::None));
    assert_eq!(named(&secrets, named_only(&["key"])), Some(BTreeMap::new()));
    assert_eq!(secrets.wanted(), [(name("key"), "1".into())], "it is asked for again");
    secrets.take(name("key"), "1".into(), answer("1", "x"));
    at(&secrets, "key", "2");
    secrets.take(name("key"), "2".into(), Answer::None);
    assert_eq!(named(&secrets, named_only(&["key"])).unwrap().len(), 1, "the old one stays");
    assert!(secrets.take(name("key"), "2".into(), Answer::Gone));
    assert_eq!(named(&secrets, named_only(&["key"])), Some(BTreeMap::new()));
    assert_eq!(secrets.wanted(), []);
}

#[test]
fn one_that_takes_long_is_left_out_once_others_are_served() {
    let secrets = Secrets::new(1);
    at(&secrets, "a", "1");
    at(&secrets, "b", "1");
    at(&secrets, "c", "1");
    let start = Instant::now();
    let after = |wait: Duration, names: &[&str]| {
        let held = secrets.named(named_only(names), start + wait)?;
        Some(held.into_keys().map(|name| name.name.to_string()).collect::<Vec<_>>())
    };
    assert_eq!(after(10 * MAX_WAIT, &["a"]), None, "nothing is served yet");
    assert_eq!(secrets.wait_ends_after(), Duration::MAX);
    secrets.take(name("a"), "1".into(), answer("1", "x"));
    assert_eq!(after(Duration::ZERO, &["a"]).unwrap(), ["a"]);
    assert_eq!(after(Duration::ZERO, &["a", "b"]), None);
    assert!(secrets.wait_ends_after() <= MAX_WAIT);
    assert_eq!(after(MAX_WAIT / 2, &["a", "c"]), None);
    assert_eq!(after(MAX_WAIT, &["a", "b"]).unwrap(), ["a"], "however often it changes");
    assert_eq!(after(MAX_WAIT, &["a", "c"]), None);
    secrets.take(name("c"), "1".into(), answer("1", "x"));
    assert_eq!(after(MAX_WAIT, &["a", "c"]).unwrap(), ["a", "c"]);
    assert_eq!(secrets.wait_ends_after(), Duration::MAX);
}

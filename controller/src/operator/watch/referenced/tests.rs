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

/// What is known: those read and, in parentheses, those unread; with a question mark if one has not
/// been asked for.
fn known(secrets: &Secrets, names: &[&str]) -> String {
    let Known { objects, unread, is_complete } = secrets.named(named_only(names));
    let read = objects.into_keys().map(|name| name.name.to_string());
    let unread = unread.into_iter().map(|name| format!("({})", name.name));
    let all: Vec<_> = read.chain(unread).collect();
    all.join(" ") + if is_complete { "" } else { "?" }
}

#[test]
fn only_what_is_named_is_asked_for() {
    let secrets = Secrets::new(1);
    at(&secrets, "key", "1");
    at(&secrets, "other", "1");
    assert_eq!(secrets.wanted(), []);
    assert_eq!(known(&secrets, &["key", "missing"]), "(key)?", "it is on its way");
    assert_eq!(secrets.wanted(), [(name("key"), "1".into())]);
    assert!(secrets.take(name("key"), "1".into(), answer("1", "x")));
    assert_eq!(known(&secrets, &["key", "missing"]), "key");
    let held = secrets.named(named_only(&["key"])).objects;
    assert_eq!(held[&name("key")].metadata.annotations, None);
    assert_eq!(secrets.wanted(), []);
}

#[test]
fn what_is_not_named_any_more_is_forgotten() {
    let secrets = Secrets::new(1);
    at(&secrets, "key", "1");
    known(&secrets, &["key"]);
    secrets.take(name("key"), "1".into(), answer("1", "x"));
    assert_eq!(known(&secrets, &[]), "");
    assert!(secrets.held().data.is_empty());
    secrets.take(name("key"), "1".into(), answer("1", "x"));
    assert!(secrets.held().data.is_empty(), "an answer that came too late");
}

#[test]
fn what_is_deleted_is_forgotten() {
    let secrets = Secrets::new(1);
    at(&secrets, "key", "1");
    known(&secrets, &["key"]);
    secrets.take(name("key"), "1".into(), answer("1", "x"));
    secrets.versions.take(0, Event::Delete(()), |()| (name("key"), None));
    assert_eq!(known(&secrets, &["key"]), "");
    at(&secrets, "key", "2");
    assert_eq!(known(&secrets, &["key"]), "(key)?", "another one of that name is asked for");
}

#[test]
fn a_change_is_asked_for_while_the_old_one_serves() {
    let secrets = Secrets::new(1);
    at(&secrets, "key", "1");
    known(&secrets, &["key"]);
    // A newer version came than was known; the event for it is no news.
    secrets.take(name("key"), "1".into(), answer("2", "x"));
    at(&secrets, "key", "2");
    assert_eq!(secrets.wanted(), []);
    at(&secrets, "key", "3");
    assert_eq!(secrets.wanted(), [(name("key"), "3".into())]);
    assert_eq!(known(&secrets, &["key"]), "key");
}

#[test]
fn one_that_can_not_be_had_is_unread_and_holds_up_nothing() {
    let secrets = Secrets::new(1);
    at(&secrets, "key", "1");
    known(&secrets, &["key"]);
    assert!(!secrets.take(name("key"), "1".into(), Answer::None));
    assert_eq!(known(&secrets, &["key"]), "(key)", "it exists all the same");
    assert_eq!(secrets.wanted(), [(name("key"), "1".into())], "it is asked for again");
    secrets.take(name("key"), "1".into(), answer("1", "x"));
    at(&secrets, "key", "2");
    secrets.take(name("key"), "2".into(), Answer::None);
    assert_eq!(known(&secrets, &["key"]), "key", "the old one stays");
    assert!(secrets.take(name("key"), "2".into(), Answer::Gone));
    assert_eq!(known(&secrets, &["key"]), "");
    assert_eq!(secrets.wanted(), []);
}

/// The event of its deletion may come with that of its successor.
#[test]
fn one_that_was_gone_and_is_there_again_is_unread() {
    let secrets = Secrets::new(1);
    at(&secrets, "key", "1");
    known(&secrets, &["key"]);
    secrets.take(name("key"), "1".into(), Answer::Gone);
    assert_eq!(known(&secrets, &["key"]), "");
    at(&secrets, "key", "2");
    assert_eq!(known(&secrets, &["key"]), "(key)");
    assert_eq!(secrets.wanted(), [(name("key"), "2".into())]);
    secrets.take(name("key"), "2".into(), answer("2", "x"));
    assert_eq!(known(&secrets, &["key"]), "key");
}

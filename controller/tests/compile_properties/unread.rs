//! Which version of a Route is served while a Secret that it refers to has not been read.

use crate::versions::{Cluster, front_door, last_good, matches, route, status};
use portico::diagnostic::{Kind, Problem, Reason};

fn with_secret(generation: i64, secret: &str) -> String {
    let from = format!("valueFrom: {{secretKeyRef: {{name: {secret}, key: k}}}}");
    route("web", "a", generation, &format!("responseHeaders: {{set: [{{name: x, {from}}}]}}"))
}

fn secret(name: &str) -> String {
    format!(
        "---\napiVersion: v1\nkind: Secret\nmetadata: {{name: {name}, namespace: web}}\n\
         stringData: {{k: of-{name}}}\n"
    )
}

#[test]
fn while_a_new_reference_is_unread_the_last_version_is_served() {
    let mut cluster = Cluster::default();
    let before = [front_door(1, ""), with_secret(1, "old"), secret("old")];
    cluster.compile(&before);
    let after = [front_door(1, ""), with_secret(2, "new"), secret("old")];
    for _ in 0..2 {
        let compiled = cluster.compile_while_unread(&["new"], &after);
        assert_eq!(matches(&compiled), ["web/a /web/a"]);
        let host = compiled.table.hosts.find("www.ep.com").unwrap();
        assert!(host.routes.matches()[0].target.unavailable.is_none());
        let waiting = status(&compiled, Kind::Route, "web", "a");
        assert_eq!((last_good(waiting), waiting.is_accepted()), (Some(1), true));
        let resolved = &waiting.conditions[1];
        assert_eq!((resolved.status, &*resolved.reason), (false, "SecretNotRead"));
        assert!(resolved.message.contains("Secret web/new exists"), "{}", resolved.message);
        let message = &resolved.message;
        assert!(message.contains("of generation 1") && message.ends_with("is still served"));
    }
    let read = [after.as_slice(), &[secret("new")]].concat();
    let compiled = cluster.compile(&read);
    let served = status(&compiled, Kind::Route, "web", "a");
    assert_eq!((last_good(served), served.conditions[1].status), (None, true));
}

#[test]
fn without_another_version_requests_get_503_while_a_reference_is_unread() {
    let mut cluster = Cluster::default();
    let objects = [front_door(1, ""), with_secret(1, "key"), secret("key")];
    for _ in 0..2 {
        let compiled = cluster.compile_while_unread(&["key"], &objects[..2]);
        let host = compiled.table.hosts.find("www.ep.com").unwrap();
        assert!(host.routes.matches()[0].target.unavailable.is_some());
        let waiting = status(&compiled, Kind::Route, "web", "a");
        assert_eq!((last_good(waiting), waiting.is_accepted()), (None, true));
        assert_eq!(waiting.conditions[1].reason, "SecretNotRead");
        // It is the same once it has been served, and its Secret was replaced.
        cluster.compile(&objects);
    }
}

#[test]
fn an_earlier_version_is_no_better_if_it_waits_too() {
    let mut cluster = Cluster::default();
    cluster.compile(&[front_door(1, ""), with_secret(1, "key"), secret("key")]);
    let newer = [front_door(1, ""), with_secret(2, "key")];
    let compiled = cluster.compile_while_unread(&["key"], &newer);
    assert_eq!(last_good(status(&compiled, Kind::Route, "web", "a")), None);
}

#[test]
fn an_earlier_version_is_no_better_if_it_lacks_a_secret_itself() {
    let mut cluster = Cluster::default();
    cluster.compile(&[front_door(1, ""), with_secret(1, "missing")]);
    let newer = [front_door(1, ""), with_secret(2, "key")];
    let compiled = cluster.compile_while_unread(&["key"], &newer);
    assert_eq!(last_good(status(&compiled, Kind::Route, "web", "a")), None);
}

/// The author has given up the match that somebody else has taken in the meantime.
#[test]
fn a_conflict_of_the_earlier_version_alone_is_none_of_the_current_one() {
    let mut cluster = Cluster::default();
    let door = front_door(1, "");
    let moved = with_secret(2, "key").replace("/web/a", "/web/moved");
    let older = |name: &str, path: &str| {
        route("web", name, 1, "")
            .replace(&format!("/web/{name}"), path)
            .replace("uid:", "creationTimestamp: '2020-01-01T00:00:00Z', uid:")
    };
    cluster.compile(&[door.clone(), route("web", "a", 1, "")]);
    let compiled = cluster.compile_while_unread(&["key"], &[door.clone(), moved.clone()]);
    assert_eq!(matches(&compiled), ["web/a /web/a"]);

    let objects = [door.clone(), moved.clone(), older("b", "/web/a")];
    let compiled = cluster.compile_while_unread(&["key"], &objects);
    assert_eq!(matches(&compiled), ["web/b /web/a", "web/a /web/moved"]);
    let host = compiled.table.hosts.find("www.ep.com").unwrap();
    assert!(host.routes.matches()[1].target.unavailable.is_some(), "it waits");
    let waiting = status(&compiled, Kind::Route, "web", "a");
    assert_eq!((last_good(waiting), waiting.is_accepted()), (None, true));
    let reasons: Vec<_> = waiting.problems.iter().map(|problem| problem.reason).collect();
    assert_eq!(reasons, [Reason::SecretNotRead]);

    let mut cluster = Cluster::default();
    cluster.compile(&[door.clone(), route("web", "a", 1, "")]);
    let objects = [door, moved, older("b", "/web/a"), older("c", "/web/moved")];
    let compiled = cluster.compile_while_unread(&["key"], &objects);
    assert_eq!(matches(&compiled), ["web/b /web/a", "web/c /web/moved"]);
    let loser = status(&compiled, Kind::Route, "web", "a");
    assert_eq!((last_good(loser), loser.is_accepted()), (None, false), "its own conflict");
    let conflicts = |problem: &&Problem| problem.reason == Reason::Conflicted;
    let conflicts: Vec<_> = loser.problems.iter().filter(conflicts).collect();
    assert_eq!(conflicts.len(), 1, "{conflicts:?}");
    assert!(conflicts[0].message.contains("Route web/c"), "{conflicts:?}");
}

fn door_with_secret(generation: i64, secret: &str) -> String {
    let from = format!("valueFrom: {{secretKeyRef: {{name: {secret}, key: k}}}}");
    let edits = format!("requestHeaders: {{set: [{{name: x, {from}}}]}}");
    front_door(generation, &format!("rules: [{{name: a, do: {{{edits}}}}}]"))
}

#[test]
fn a_front_door_too_is_served_in_its_last_version_while_a_reference_is_unread() {
    let mut cluster = Cluster::default();
    let route = route("web", "a", 1, "");
    cluster.compile(&[door_with_secret(1, "old"), route.clone(), secret("old")]);
    let after = [door_with_secret(2, "new"), route, secret("old")];
    for _ in 0..2 {
        let compiled = cluster.compile_while_unread(&["new"], &after);
        assert_eq!(matches(&compiled), ["web/a /web/a"]);
        let host = compiled.table.hosts.find("www.ep.com").unwrap();
        assert_eq!((&host.unavailable, host.rules.len()), (&None, 1));
        let waiting = status(&compiled, Kind::FrontDoor, "web", "ep");
        assert_eq!((last_good(waiting), waiting.is_accepted()), (Some(1), true));
        let resolved = &waiting.conditions[1];
        assert_eq!((resolved.status, &*resolved.reason), (false, "SecretNotRead"));
    }
    let compiled = cluster.compile(&[after.as_slice(), &[secret("new")]].concat());
    let served = status(&compiled, Kind::FrontDoor, "web", "ep");
    assert_eq!((last_good(served), served.conditions[1].status), (None, true));
}

#[test]
fn a_front_door_without_another_version_is_unavailable_while_a_reference_is_unread() {
    let mut cluster = Cluster::default();
    let objects = [door_with_secret(1, "key"), route("web", "a", 1, ""), secret("key")];
    for _ in 0..2 {
        let compiled = cluster.compile_while_unread(&["key"], &objects[..2]);
        let host = compiled.table.hosts.find("www.ep.com").unwrap();
        assert!(host.unavailable.is_some() && host.not_accepted.is_none());
        let waiting = status(&compiled, Kind::FrontDoor, "web", "ep");
        assert_eq!((last_good(waiting), waiting.is_accepted()), (None, true));
        // It is the same once it has been served, and its Secret was replaced.
        cluster.compile(&objects);
    }
}

//! Which version of an object is served, case by case.

use crate::is_held;
use portico::{
    compile::{Compiled, Memory, Options, Status, compile_after},
    diagnostic::{Kind, ObjectRef, Reason},
    files,
};
use portico_dataplane::table::ObjectName;
use std::sync::Arc;

/// A FrontDoor `web/ep`.
pub(crate) fn front_door(generation: i64, spec: &str) -> String {
    object("FrontDoor", "web", "ep", generation, &format!("hosts: [{{name: www.ep.com}}], {spec}"))
}

/// A Route of that FrontDoor at `/NAMESPACE/NAME`.
pub(crate) fn route(namespace: &str, name: &str, generation: i64, spec: &str) -> String {
    let matches = format!("matches: [{{path: /{namespace}/{name}}}]");
    let spec =
        format!("frontDoorRef: {{name: ep, namespace: web}}, {matches}, respond: {{}}, {spec}");
    object("Route", namespace, name, generation, &spec)
}

fn object(kind: &str, namespace: &str, name: &str, generation: i64, spec: &str) -> String {
    format!(
        "---\napiVersion: portico.dev/v1alpha1\nkind: {kind}\n\
         metadata: {{name: {name}, namespace: {namespace}, generation: {generation}, uid: uid-{name}}}\n\
         spec: {{{spec}}}\n"
    )
}

const INVALID: &str = "timeout: 1s";

#[derive(Default)]
pub(crate) struct Cluster {
    memory: Memory,
    options: Options,
}

impl Cluster {
    pub(crate) fn compile(&mut self, objects: &[String]) -> Compiled {
        self.compile_while_unread(&[], objects)
    }

    /// These Secrets of namespace `web` exist, but have not been read.
    pub(crate) fn compile_while_unread(
        &mut self,
        secrets: &[&str],
        objects: &[String],
    ) -> Compiled {
        let mut merged = files::read_texts([("objects.yaml", objects.concat().as_str())]);
        let unread = secrets.iter().map(|name| ("Secret", ObjectName::new("web", *name)));
        merged.snapshot.unread.extend(unread);
        compile_after(&Arc::new(merged.snapshot), &mut self.memory, &self.options)
    }
}

pub(crate) fn status<'c>(
    compiled: &'c Compiled,
    kind: Kind,
    namespace: &str,
    name: &str,
) -> &'c Status {
    &compiled.statuses[&ObjectRef { kind, name: ObjectName::new(namespace, name) }]
}

/// The generation that is served in place of the current one.
pub(crate) fn last_good(status: &Status) -> Option<i64> {
    status.last_good.as_ref().and_then(|version| version.generation)
}

/// The matches in the table: `NAMESPACE/NAME PATH`, or `(NAMESPACE/NAME) PATH` if it is only held.
pub(crate) fn matches(compiled: &Compiled) -> Vec<String> {
    let host = compiled.table.hosts.find("www.ep.com").unwrap();
    let shown = host.routes.matches().iter().map(|matched| {
        let (name, path) = (&matched.target.name, &matched.path);
        if is_held(matched) { format!("({name}) {path}") } else { format!("{name} {path}") }
    });
    shown.collect()
}

#[test]
fn the_loser_of_a_conflict_is_served_in_no_version() {
    let mut cluster = Cluster::default();
    let door = front_door(1, "");
    cluster.compile(&[door.clone(), route("web", "a", 1, "")]);
    let invalid = route("web", "a", 2, INVALID);
    let compiled = cluster.compile(&[door.clone(), invalid.clone()]);
    assert_eq!(matches(&compiled), ["web/a /web/a"]);
    let older = route("web", "other", 1, "")
        .replace("/web/other", "/web/a")
        .replace("uid:", "creationTimestamp: '2020-01-01T00:00:00Z', uid:");
    let compiled = cluster.compile(&[door.clone(), invalid.clone(), older]);
    assert_eq!(matches(&compiled), ["web/other /web/a"]);
    let loser = status(&compiled, Kind::Route, "web", "a");
    assert_eq!((last_good(loser), loser.holds_place), (None, false));
    assert!(loser.problems.iter().any(|problem| problem.reason == Reason::Conflicted));
    let compiled = cluster.compile(&[door, invalid]);
    assert_eq!(matches(&compiled), ["web/a /web/a"], "the winner is gone");
    assert_eq!(last_good(status(&compiled, Kind::Route, "web", "a")), Some(1));
}

#[test]
fn what_may_no_longer_attach_is_served_in_no_version() {
    let mut cluster = Cluster::default();
    let door = |namespaces| front_door(1, &format!("attach: [{{namespaces: {namespaces}}}]"));
    cluster.compile(&[door("[web, shop]"), route("shop", "a", 1, "")]);
    let invalid = route("shop", "a", 2, INVALID);
    let compiled = cluster.compile(&[door("[web, shop]"), invalid.clone()]);
    assert_eq!(matches(&compiled), ["shop/a /shop/a"]);
    let compiled = cluster.compile(&[door("[web]"), invalid]);
    assert_eq!(matches(&compiled), [""; 0]);
    let refused = status(&compiled, Kind::Route, "shop", "a");
    assert_eq!((last_good(refused), refused.holds_place), (None, false));
}

/// The author has given up the old version for one that others don't allow.
#[test]
fn a_valid_version_that_may_not_attach_supersedes_the_last_good_one() {
    let mut cluster = Cluster::default();
    let door = front_door(1, "attach: [{namespaces: [shop], paths: [/shop/*]}]");
    let at = |generation, path: &str, spec: &str| {
        route("shop", "a", generation, spec).replace("/shop/a", path)
    };
    cluster.compile(&[door.clone(), at(1, "/shop/a", "")]);
    let compiled = cluster.compile(&[door.clone(), at(2, "/outside", "")]);
    assert_eq!(matches(&compiled), [""; 0]);
    let compiled = cluster.compile(&[door, at(3, "/shop/b", INVALID)]);
    assert_eq!(matches(&compiled), ["(shop/a) /shop/b"]);
}

#[test]
fn a_wrong_reference_keeps_the_last_good_version() {
    let mut cluster = Cluster::default();
    let door = front_door(1, "");
    cluster.compile(&[door.clone(), route("web", "a", 1, "")]);
    for (generation, misspelt) in [(2, "{name: epp"), (3, "{nam: ep")] {
        let wrong = route("web", "a", generation, "").replace("{name: ep", misspelt);
        let compiled = cluster.compile(&[door.clone(), wrong]);
        assert_eq!(matches(&compiled), ["web/a /web/a"], "{misspelt}");
    }
    let wrong = route("web", "a", 4, "hosts: [ww.ep.com]");
    let compiled = cluster.compile(&[door, wrong]);
    assert_eq!(matches(&compiled), ["web/a /web/a"]);
    assert_eq!(last_good(status(&compiled, Kind::Route, "web", "a")), Some(1));
}

/// The default install reports such a Route, so that two installs don't write its status in turn.
#[test]
fn a_wrong_reference_keeps_the_last_good_version_in_an_install_of_another_class_too() {
    let options = Options { class: Some("internal".to_owned()), ..Options::default() };
    let mut cluster = Cluster { options, ..Cluster::default() };
    let door = front_door(1, "className: internal");
    let wrong = route("web", "a", 2, "").replace("{name: ep", "{name: epp");
    let compiled = cluster.compile(&[door.clone(), wrong.clone()]);
    let object = ObjectRef { kind: Kind::Route, name: ObjectName::new("web", "a") };
    assert!(!compiled.statuses.contains_key(&object), "nothing is known of it");
    let compiled = cluster.compile(&[door.clone(), route("web", "a", 1, "")]);
    assert!(!status(&compiled, Kind::Route, "web", "a").reported_elsewhere);
    let compiled = cluster.compile(&[door, wrong.clone()]);
    assert_eq!(matches(&compiled), ["web/a /web/a"]);
    let kept = status(&compiled, Kind::Route, "web", "a");
    assert_eq!((last_good(kept), kept.reported_elsewhere), (Some(1), true));
    let others = front_door(1, "").replace("name: ep,", "name: epp,");
    let compiled = cluster.compile(&[front_door(1, "className: internal"), others, wrong]);
    assert!(!compiled.statuses.contains_key(&object), "it has moved to another install");
    assert_eq!(matches(&compiled), [""; 0]);
}

#[test]
fn routes_attach_to_the_last_good_version_of_their_front_door() {
    let mut cluster = Cluster::default();
    cluster.compile(&[front_door(1, ""), route("web", "a", 1, "")]);
    let invalid = front_door(2, "trustedProxy: []").replace("www.ep.com", "new.ep.com");
    let compiled = cluster.compile(&[invalid, route("web", "a", 1, ""), route("web", "b", 1, "")]);
    assert_eq!(matches(&compiled), ["web/a /web/a", "web/b /web/b"]);
    assert!(compiled.table.hosts.find("new.ep.com").is_none());
    let door = status(&compiled, Kind::FrontDoor, "web", "ep");
    assert_eq!((last_good(door), door.attached_routes, door.is_accepted()), (Some(1), 2, false));
    assert!(
        door.conditions[0]
            .message
            .contains("of generation 1, read from objects.yaml, is still served")
    );
    assert!(status(&compiled, Kind::Route, "web", "b").is_accepted());
}

#[test]
fn another_object_of_the_same_name_does_not_inherit_a_version() {
    let mut cluster = Cluster::default();
    let door = front_door(1, "");
    cluster.compile(&[door.clone(), route("web", "a", 1, "")]);
    let successor = route("web", "a", 1, INVALID).replace("uid-a", "another");
    let compiled = cluster.compile(&[door.clone(), successor]);
    assert_eq!(matches(&compiled), ["(web/a) /web/a"]);
    cluster.compile(&[door.clone(), route("web", "b", 1, "")]);
    cluster.compile(std::slice::from_ref(&door));
    let compiled = cluster.compile(&[door, route("web", "b", 2, INVALID)]);
    assert_eq!(matches(&compiled), ["(web/b) /web/b"], "it was deleted in between");
}

#[test]
fn a_last_good_version_sees_the_world_as_it_is() {
    let mut cluster = Cluster::default();
    let service = |address: &str| {
        format!(
            "---\n{{apiVersion: v1, kind: Service, metadata: {{name: s, namespace: web}}, spec: {{ports: [{{port: 80}}]}}}}\n\
             ---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\naddressType: IPv4\n\
             metadata: {{name: s, namespace: web, labels: {{kubernetes.io/service-name: s}}}}\n\
             ports: [{{port: 8080}}]\nendpoints: [{{addresses: [{address}]}}]\n"
        )
    };
    let forward = |generation, spec: &str| {
        let backends = "backends: [{service: {name: s, port: 80}}]";
        route("web", "a", generation, spec).replace("respond: {}", backends)
    };
    cluster.compile(&[front_door(1, ""), forward(1, ""), service("10.0.0.1")]);
    let compiled = cluster.compile(&[front_door(1, ""), forward(2, INVALID), service("10.0.0.2")]);
    assert_eq!(matches(&compiled), ["web/a /web/a"]);
    let table = format!("{:?}", compiled.table);
    assert!(table.contains("10.0.0.2:8080") && !table.contains("10.0.0.1:8080"), "{table}");
}

#[test]
fn a_host_that_is_taken_away_takes_nothing_away_at_others() {
    let mut cluster = Cluster::default();
    let both = front_door(1, "").replace("}],", "}, {name: api.ep.com}],");
    let app = route("web", "a", 1, "hosts: [www.ep.com, api.ep.com]");
    cluster.compile(&[both, app.clone()]);
    let compiled = cluster.compile(&[front_door(2, ""), app.clone()]);
    assert_eq!(matches(&compiled), ["web/a /web/a"]);
    let kept = status(&compiled, Kind::Route, "web", "a");
    assert_eq!((last_good(kept), kept.is_accepted()), (Some(1), false));
    let moved = front_door(3, "").replace("www.ep.com", "other.ep.com");
    let compiled = cluster.compile(&[moved, app.clone()]);
    assert_eq!(last_good(status(&compiled, Kind::Route, "web", "a")), None, "nothing is left");
    let compiled = Cluster::default().compile(&[front_door(2, ""), app]);
    assert_eq!(matches(&compiled), ["(web/a) /web/a"], "it holds its place");
}

/// Requests that need a Secret get 503, whatever the invalid version says.
#[test]
fn what_the_last_good_version_lacks_is_in_the_status() {
    let mut cluster = Cluster::default();
    let key = "responseHeaders: {set: [{name: x, valueFrom: {secretKeyRef: {name: s, key: k}}}]}";
    cluster.compile(&[front_door(1, ""), route("web", "a", 1, key)]);
    let compiled = cluster.compile(&[front_door(1, ""), route("web", "a", 2, INVALID)]);
    let kept = status(&compiled, Kind::Route, "web", "a");
    let resolved = &kept.conditions[1];
    assert_eq!((last_good(kept), resolved.status), (Some(1), false));
    assert_eq!(resolved.reason, "SecretNotFound");
    assert!(resolved.message.contains("its last accepted version: Secret web/s does not exist"));
}

/// Headers of one match, different for each number, that take much once they are compiled.
fn large_headers(number: usize) -> String {
    let header = |i| format!("{{name: x-{i}, type: Regex, value: '{number}-{i}[a-z]{{1,120}}'}}");
    let headers: Vec<_> = (0..16).map(header).collect();
    format!("headers: [{}]", headers.join(", "))
}

fn with_expressions(name: &str, generation: i64, first: usize, spec: &str) -> String {
    let [a, b] = [large_headers(first), large_headers(first + 1)];
    let matches = format!("matches: [{{path: /{name}, {a}}}, {{path: /{name}, {b}}}]");
    route("web", name, generation, spec)
        .replace(&format!("matches: [{{path: /web/{name}}}]"), &matches)
}

#[test]
fn a_place_is_never_held_without_its_predicates() {
    let all: Vec<_> = (0..14).map(|n| format!("{{path: /{n}, {}}}", large_headers(n))).collect();
    let matches_of = format!("matches: [{}]", all.join(", "));
    let large = route("web", "a", 1, "").replace("matches: [{path: /web/a}]", &matches_of);
    let compiled = Cluster::default().compile(&[front_door(1, ""), large]);
    assert!(!status(&compiled, Kind::Route, "web", "a").is_accepted());
    let host = compiled.table.hosts.find("www.ep.com").unwrap();
    let held = host.routes.matches();
    assert!((1..14).contains(&held.len()), "{}", held.len());
    assert!(held.iter().all(|held| held.predicates.headers.len() == 16), "{held:?}");
}

#[test]
fn invalid_versions_take_no_expressions_from_others() {
    let mut cluster = Cluster::default();
    let all = |count, generation, first, spec: &str| {
        let of = |n: usize| with_expressions(&format!("r{n:03}"), generation, first + 2 * n, spec);
        [front_door(1, "")].into_iter().chain((0..count).map(of)).collect::<Vec<_>>()
    };
    let is_accepted = |compiled: &Compiled| {
        let routes = compiled.statuses.iter().filter(|(object, _)| object.kind == Kind::Route);
        routes.filter(|(_, status)| status.is_accepted()).count()
    };
    let most = is_accepted(&cluster.compile(&all(60, 1, 0, "")));
    assert!((4..60).contains(&most), "{most}");
    let count = most * 3 / 4;
    let mut cluster = Cluster::default();
    assert_eq!(is_accepted(&cluster.compile(&all(count, 1, 0, ""))), count);
    let compiled = cluster.compile(&all(count, 2, 1000, INVALID));
    let served = compiled.statuses.values().filter(|status| status.last_good.is_some()).count();
    assert_eq!(served, count);
}

/// Of which nothing decodes.
fn hopeless(object: &str) -> String {
    let unknown: Vec<_> = (0..110).map(|n| format!("unknown{n}: 1")).collect();
    object.replace("spec: {", &format!("spec: {{{}, ", unknown.join(", ")))
}

#[test]
fn what_does_not_decode_at_all_stays_with_the_install_that_served_it() {
    let options = Options { class: Some("internal".to_owned()), ..Options::default() };
    let mut cluster = Cluster { options, ..Cluster::default() };
    let door = front_door(1, "className: internal");
    let app = route("web", "a", 1, "");
    cluster.compile(&[door.clone(), app.clone()]);
    let compiled = cluster.compile(&[door.clone(), hopeless(&app)]);
    assert_eq!(matches(&compiled), ["web/a /web/a"]);
    assert!(status(&compiled, Kind::Route, "web", "a").reported_elsewhere);
    for broken in [hopeless(&door), front_door(2, "className: 7")] {
        let compiled = cluster.compile(&[broken, app.clone()]);
        assert_eq!(matches(&compiled), ["web/a /web/a"]);
        let kept = status(&compiled, Kind::FrontDoor, "web", "ep");
        assert_eq!((last_good(kept), kept.reported_elsewhere), (Some(1), true));
        assert!(status(&compiled, Kind::Route, "web", "a").reported_elsewhere);
    }
    let compiled = cluster.compile(&[door, app]);
    assert!(!status(&compiled, Kind::FrontDoor, "web", "ep").reported_elsewhere);
}

#[test]
fn what_does_not_decode_at_all_keeps_its_age() {
    let dated = |object: String, year: u16| {
        object.replace("uid:", &format!("creationTimestamp: '{year}-01-01T00:00:00Z', uid:"))
    };
    let mut cluster = Cluster::default();
    let door = dated(front_door(1, ""), 2020);
    let old = dated(route("web", "z", 1, ""), 2020);
    cluster.compile(&[door.clone(), old.clone()]);
    let other_door = dated(front_door(1, ""), 2021).replace("name: ep,", "name: aa,");
    let young = dated(route("web", "a", 1, ""), 2021).replace("/web/a", "/web/z");
    let broken = [hopeless(&old), hopeless(&door)].map(|it| it.replace("creationTimestamp", "x"));
    let [old, door] = broken;
    let compiled = cluster.compile(&[door, other_door, old, young]);
    assert_eq!(matches(&compiled), ["web/z /web/z"]);
}

#[test]
fn no_message_gets_more_than_64_kib_of_headers() {
    let secret = |bytes: usize| {
        let value = "x".repeat(bytes);
        format!(
            "---\n{{apiVersion: v1, kind: Secret, metadata: {{name: s, namespace: web}}, stringData: {{k: {value}}}}}\n"
        )
    };
    let of = |lines: usize| {
        let value = "valueFrom: {secretKeyRef: {name: s, key: k}}";
        let lines: Vec<_> = (0..lines).map(|n| format!("{{name: x-{n}, {value}}}")).collect();
        let set = format!("requestHeaders: {{set: [{}]}}", lines.join(", "));
        let backends = "backends: [{external: {url: 'https://a.example'}}]";
        route("web", "a", 1, &set).replace("respond: {}", backends)
    };
    for (bytes, lines, expected) in [
        (12 << 10, 5, None),
        (12 << 10, 6, Some("spec.requestHeaders: adds up to 73 KiB of names and values")),
        ((16 << 10) + 1, 1, Some("key 'k' of Secret web/s is larger than 16 KiB")),
    ] {
        let compiled = Cluster::default().compile(&[front_door(1, ""), of(lines), secret(bytes)]);
        let resolved = &status(&compiled, Kind::Route, "web", "a").conditions[1];
        assert_eq!(resolved.status, expected.is_none(), "{}", resolved.message);
        assert!(resolved.message.contains(expected.unwrap_or_default()), "{}", resolved.message);
    }
}

//! Which version of an object is served, case by case.

use crate::is_held;
use portico::{
    compile::{Compiled, Memory, Options, Status, compile_after},
    diagnostic::{Kind, ObjectRef, Reason},
    files,
};
use portico_dataplane::table::ObjectName;

/// A FrontDoor `web/ep`.
fn front_door(generation: i64, spec: &str) -> String {
    object("FrontDoor", "web", "ep", generation, &format!("hosts: [{{name: www.ep.com}}], {spec}"))
}

/// A Route of that FrontDoor at `/NAMESPACE/NAME`.
fn route(namespace: &str, name: &str, generation: i64, spec: &str) -> String {
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
struct Cluster {
    memory: Memory,
    options: Options,
}

impl Cluster {
    fn compile(&mut self, objects: &[String]) -> Compiled {
        let merged = files::read_texts([("objects.yaml", objects.concat().as_str())]);
        compile_after(&merged.snapshot, &mut self.memory, &self.options)
    }
}

fn status<'c>(compiled: &'c Compiled, kind: Kind, namespace: &str, name: &str) -> &'c Status {
    &compiled.statuses[&ObjectRef { kind, name: ObjectName::new(namespace, name) }]
}

/// The generation that is served in place of the current one.
fn last_good(status: &Status) -> Option<i64> {
    status.last_good.as_ref().and_then(|version| version.generation)
}

/// The matches in the table: `NAMESPACE/NAME PATH`, or `(NAMESPACE/NAME) PATH` if it is only held.
fn matches(compiled: &Compiled) -> Vec<String> {
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

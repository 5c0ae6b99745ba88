//! Which backends Routes share.

use portico::{
    compile::{Compiled, Options, compile},
    diagnostic::{Kind, ObjectRef, Reason},
    files,
};
use portico_dataplane::table::{Action, Backend, ObjectName};
use std::sync::Arc;

const CLUSTER: &str = "
apiVersion: portico.dev/v1alpha1
kind: FrontDoor
metadata: {name: ep, namespace: web}
spec: {hosts: [{name: www.ep.com}]}
---
apiVersion: v1
kind: Service
metadata: {name: api, namespace: web}
spec: {ports: [{port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: idle, namespace: web}
spec: {ports: [{port: 80}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: api-1, namespace: web, labels: {kubernetes.io/service-name: api}}
addressType: IPv4
ports: [{name: '', port: 8080}]
endpoints: [{addresses: [10.0.0.7]}]
";

fn compiled(routes: &[(&str, &str)]) -> Compiled {
    let route = |(name, spec): &(&str, &str)| {
        format!(
            "---\napiVersion: portico.dev/v1alpha1\nkind: Route\nmetadata: {{name: {name}, namespace: web}}\nspec: {{frontDoorRef: {{name: ep}}, matches: [{{path: /{name}}}], {spec}}}\n"
        )
    };
    let text = CLUSTER.to_owned() + &routes.iter().map(route).collect::<String>();
    let merged = files::read_texts([("objects.yaml", text.as_str())]);
    assert!(merged.problems.is_empty(), "{:?}", merged.problems);
    compile(&merged.snapshot, &Options::default())
}

fn backend(compiled: &Compiled, route: &str) -> Arc<Backend> {
    let name = ObjectName::new("web", route);
    let host = compiled.table.hosts.find("www.ep.com").unwrap();
    let found = host.routes.matches().iter().find(|matched| matched.target.name == name);
    match &found.unwrap().target.action {
        Action::Forward(forward) => forward.backends()[0].clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn routes_share_the_backends_that_are_equal() {
    let service = "backends: [{service: {name: api, port: 80}}]";
    let weighted = "backends: [{service: {name: api, port: 80}, weight: 2}]";
    let renamed = "backends: [{service: {name: api, port: 80}}], rewrite: {host: Backend}";
    let all = compiled(&[
        ("a", service),
        ("b", service),
        ("weighted", weighted),
        ("renamed", renamed),
        ("c", service),
    ]);
    let [a, b, c] = ["a", "b", "c"].map(|name| backend(&all, name));
    assert!(Arc::ptr_eq(&a, &b) && Arc::ptr_eq(&a, &c));
    // What others have made of the Service does not change what a Route gets.
    for (name, spec) in [("weighted", weighted), ("renamed", renamed)] {
        let own = backend(&all, name);
        assert_ne!(own, a, "{name}");
        assert_eq!(own, backend(&compiled(&[(name, spec)]), name), "{name}");
    }
}

#[test]
fn each_route_reports_what_is_odd_about_its_backend() {
    let service = "backends: [{service: {name: idle, port: 80}}]";
    let all = compiled(&[("a", service), ("b", service)]);
    for name in ["a", "b"] {
        let object = ObjectRef { kind: Kind::Route, name: ObjectName::new("web", name) };
        let reasons: Vec<_> = all.statuses[&object].problems.iter().map(|it| it.reason).collect();
        assert_eq!(reasons, [Reason::NoEndpoints], "{name}");
    }
}

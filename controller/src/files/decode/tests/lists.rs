//! Lists of objects.

use super::*;

#[test]
fn lists_of_every_kind_are_taken_apart() {
    let route = "{metadata: {name: r}, spec: {frontDoorRef: {name: ep}, respond: {status: 200}}}";
    let text = format!(
        "{{apiVersion: portico.dev/v1alpha1, kind: RouteList, items: [{route}]}}
---
apiVersion: v1
kind: ServiceList
metadata: {{resourceVersion: '1'}}
items:
- {{metadata: {{name: s}}}}
- {{apiVersion: v1, kind: Secret, metadata: {{name: t}}}}
---
{{apiVersion: apps/v1, kind: DeploymentList, items: [{{metadata: {{name: d}}}}]}}
---
{{apiVersion: portico.dev/v1alpha1, kind: List, items: ~}}
"
    );
    assert_eq!(report(&text), ["Route default/r", "Service default/s", "Secret default/t"]);
    let contents = decode(&text).unwrap();
    let origins: Vec<_> =
        contents.objects.iter().map(|(origin, _)| (origin.document, origin.item)).collect();
    assert_eq!(origins, [(1, Some(0)), (2, Some(0)), (2, Some(1))]);
}

#[test]
fn lists_that_kubectl_refuses_are_errors() {
    for (text, expected) in [
        ("{kind: List, items: []}", "List without apiVersion: a List has 'apiVersion: v1'"),
        (
            "{apiVersion: v1, kind: List, items: [{apiVersion: v1, kind: List, items: []}]}",
            "List: items[0] is a list itself: list its items here",
        ),
        (
            "{apiVersion: v1, kind: List, items: [{metadata: {name: s}}]}",
            "List: items[0] has no kind",
        ),
        ("{apiVersion: v1, kind: List, items: [~]}", "List: items[0] has no kind"),
        (
            "{apiVersion: v1, kind: RouteList, items: []}",
            "v1 has no kind 'RouteList': write 'apiVersion: portico.dev/v1alpha1'",
        ),
        (
            "{apiVersion: portico.dev/v2, kind: List, items: []}",
            "apiVersion 'portico.dev/v2' is not known to this release: write 'portico.dev/v1alpha1'",
        ),
        (
            "[{apiVersion: v1, kind: Service}]",
            "is not an object: write apiVersion, kind and metadata",
        ),
        ("text", "is not an object: write apiVersion, kind and metadata"),
    ] {
        assert_eq!(report(text), [format!("document 1: {expected}")], "{text}");
    }
}

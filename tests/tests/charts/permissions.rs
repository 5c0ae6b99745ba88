//! What a release may do: what `docs/operator.md` says, and no more.

use portico_tests::{
    helm::{Objects, render},
    root,
};
use serde_json::{Value, json};
use std::{collections::BTreeSet, fs};

/// A group, a resource and a verb.
type Permission = [String; 3];

#[test]
fn they_are_those_that_the_documentation_names() {
    let Some(objects) = render(&["rbac.aggregate=false"]) else { return };
    let objects = objects.unwrap();
    let roles = objects.of("ClusterRole").into_iter().chain(objects.of("Role"));
    let granted: BTreeSet<_> = roles.flat_map(permissions).collect();
    assert_eq!(granted, documented());
}

#[test]
fn the_lease_is_made_by_the_release_or_by_a_replica() {
    let Some(objects) = render(&["className=blue"]) else { return };
    let objects = objects.unwrap();
    let lease = objects.one("Lease", "").unwrap();
    assert_eq!(lease["metadata"]["namespace"], "front");
    let about_leases: Vec<_> = objects
        .of("ClusterRole")
        .into_iter()
        .chain(objects.of("Role"))
        .flat_map(|role| role["rules"].as_array().unwrap().iter().map(move |rule| (role, rule)))
        .filter(|(_, rule)| rule["resources"] == json!(["leases"]))
        .collect();
    for (role, rule) in &about_leases {
        assert_eq!(role["metadata"]["namespace"], "front", "{rule}");
    }
    let rules: Vec<_> =
        about_leases.iter().map(|(_, rule)| (&rule["verbs"], &rule["resourceNames"])).collect();
    // A name would keep `create` from being granted at all: it is not known yet.
    let of_any = (&json!(["create"]), &Value::Null);
    let of_its_own =
        (&json!(["get", "list", "watch", "patch"]), &json!([lease["metadata"]["name"]]));
    assert_eq!(rules, [of_any, of_its_own]);
    let without = render(&["lease.create=false"]).unwrap().unwrap();
    assert!(without.of("Lease").is_empty());
}

#[test]
fn each_role_is_bound_to_the_account_of_the_pods() {
    for values in [&[][..], &["watchNamespaces={a,b}"], &["secrets.namespaces={a}"]] {
        let Some(objects) = render(values) else { return };
        let objects = objects.unwrap();
        let account = objects.one("ServiceAccount", "").unwrap();
        let pod = &objects.one("Deployment", "").unwrap()["spec"]["template"]["spec"];
        assert_eq!(pod["serviceAccountName"], account["metadata"]["name"]);
        for (role, binding) in [("Role", "RoleBinding"), ("ClusterRole", "ClusterRoleBinding")] {
            let key = |object: &Value| {
                let metadata = &object["metadata"];
                (metadata["namespace"].to_string(), metadata["name"].to_string())
            };
            let aggregates = |role: &&&Value| {
                let labels = role["metadata"]["labels"].as_object().unwrap();
                !labels.keys().any(|label| label.contains("aggregate-to"))
            };
            let roles = objects.of(role);
            let roles: BTreeSet<_> =
                roles.iter().filter(aggregates).map(|role| key(role)).collect();
            let bound: BTreeSet<_> = objects.of(binding).into_iter().map(key).collect();
            assert_eq!(roles, bound, "{role} with {values:?}");
            for binding in objects.of(binding) {
                assert_eq!(binding["subjects"][0]["name"], account["metadata"]["name"]);
                assert_eq!(binding["subjects"][0]["namespace"], "front");
                assert_eq!(binding["roleRef"]["name"], binding["metadata"]["name"]);
            }
        }
    }
}

#[test]
fn secrets_are_read_where_the_values_say() {
    let namespaces = |objects: &Objects, kind: &str| {
        let roles = objects.of(kind).into_iter();
        let reads =
            |role: &&Value| permissions(role).iter().any(|[_, resource, _]| resource == "secrets");
        roles
            .filter(reads)
            .map(|role| role["metadata"]["namespace"].to_string())
            .collect::<Vec<_>>()
    };
    let Some(everywhere) = render(&[]) else { return };
    let everywhere = everywhere.unwrap();
    assert_eq!(namespaces(&everywhere, "ClusterRole").len(), 1);
    assert!(namespaces(&everywhere, "Role").is_empty());

    let listed = render(&["secrets.namespaces={web,shop}"]).unwrap().unwrap();
    assert!(namespaces(&listed, "ClusterRole").is_empty());
    assert_eq!(namespaces(&listed, "Role"), [r#""web""#, r#""shop""#]);
    for flag in ["--secret-namespace=web", "--secret-namespace=shop"] {
        assert!(listed.text.contains(flag), "{flag}");
    }

    let none = render(&["secrets.enabled=false"]).unwrap().unwrap();
    assert!(namespaces(&none, "ClusterRole").is_empty() && namespaces(&none, "Role").is_empty());
    assert!(none.text.contains("--no-secrets"));

    let watched = render(&["watchNamespaces={web}"]).unwrap().unwrap();
    assert!(namespaces(&watched, "ClusterRole").is_empty());
    assert_eq!(namespaces(&watched, "Role"), [r#""web""#]);
}

#[test]
fn config_maps_are_read_unless_the_values_say_otherwise() {
    let granted = |objects: &Objects| {
        let roles = objects.of("ClusterRole").into_iter().chain(objects.of("Role"));
        roles.flat_map(permissions).any(|[_, resource, _]| resource == "configmaps")
    };
    let flag = "--no-config-maps";
    let Some(usual) = render(&[]) else { return };
    let usual = usual.unwrap();
    assert!(granted(&usual) && !usual.text.contains(flag));
    for values in
        [&["configMaps.enabled=false"][..], &["configMaps.enabled=false", "watchNamespaces={web}"]]
    {
        let without = render(values).unwrap().unwrap();
        assert!(!granted(&without) && without.text.contains(flag), "{values:?}");
    }
}

/// What a Role grants.
fn permissions(role: &Value) -> Vec<Permission> {
    let texts = |list: &Value| {
        let texts = list.as_array().into_iter().flatten().filter_map(Value::as_str);
        texts.map(str::to_owned).collect::<Vec<_>>()
    };
    let mut all = Vec::new();
    for rule in role["rules"].as_array().into_iter().flatten() {
        for group in texts(&rule["apiGroups"]) {
            for resource in texts(&rule["resources"]) {
                let permission = |verb| [group.clone(), resource.clone(), verb];
                all.extend(texts(&rule["verbs"]).into_iter().map(permission));
            }
        }
    }
    all
}

/// The table under "What it may do".
fn documented() -> BTreeSet<Permission> {
    let page = fs::read_to_string(root().join("docs/operator.md")).unwrap();
    let (_, section) = page.split_once("## What it may do").unwrap();
    let rows = section.lines().skip_while(|line| !line.starts_with("| ---")).skip(1);
    let mut all = BTreeSet::new();
    for row in rows.take_while(|line| line.starts_with('|')) {
        let cells: Vec<_> = row.split('|').map(|cell| cell.trim().replace('`', "")).collect();
        let group = if cells[1] == "core" { "" } else { cells[1].as_str() };
        for resource in cells[2].split(", ") {
            for verb in cells[3].split(", ") {
                all.insert([group.to_owned(), resource.to_owned(), verb.to_owned()]);
            }
        }
    }
    all
}

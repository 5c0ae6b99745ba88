//! Properties of every CORS policy.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod policies;

use kube_cel::{CompiledSchema, Validator, compile_schema};
use portico::{
    compile::{Compiled, Options, compile},
    diagnostic::{Kind, ObjectRef, Severity},
    objects::{Entry, Snapshot},
    schema,
};
use portico_crds::{FrontDoor, Route};
use portico_dataplane::{
    cors::Policy,
    table::{Action, ObjectName},
};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::{
    collections::BTreeSet,
    sync::{Arc, LazyLock},
};

static CEL: LazyLock<CompiledSchema> = LazyLock::new(|| {
    let crd = portico_crds::crds().into_iter().find(|crd| crd.spec.names.kind == "Route").unwrap();
    let version = crd.spec.versions.into_iter().next().unwrap();
    let schema = version.schema.unwrap().open_api_v3_schema.unwrap();
    let mut schema = serde_json::to_value(schema).unwrap();
    without_null_rules(&mut schema);
    compile_schema(&schema)
});

/// kube-cel has no `dyn()`, which the rules need that refuse nulls.
fn without_null_rules(schema: &mut Value) {
    let Some(fields) = schema.as_object_mut() else { return };
    if let Some(Value::Array(rules)) = fields.get_mut("x-kubernetes-validations") {
        rules.retain(|rule| rule["message"] != portico_crds::NULL_REFUSED);
    }
    fields.values_mut().for_each(without_null_rules);
}

fn name() -> ObjectName {
    ObjectName::new("n", "a")
}

fn object() -> ObjectRef {
    ObjectRef { kind: Kind::Route, name: name() }
}

fn front_door() -> Value {
    json!({
        "apiVersion": "portico.dev/v1alpha1", "kind": "FrontDoor",
        "metadata": {"name": "a", "namespace": "n"}, "spec": {"hosts": [{"name": "*"}]},
    })
}

fn route(policy: &Value) -> Value {
    json!({
        "apiVersion": "portico.dev/v1alpha1", "kind": "Route",
        "metadata": {"name": "a", "namespace": "n"},
        "spec": {"frontDoorRef": {"name": "a"}, "respond": {"status": 200}, "cors": policy},
    })
}

/// Compiles a Route with this policy as read from a watch, that is, without problems from a file.
fn compiled(policy: &Value) -> Compiled {
    let front_door: FrontDoor = serde_json::from_value(front_door()).unwrap();
    let route: Route = serde_json::from_value(route(policy)).unwrap();
    let front_door = Entry::good(Arc::new(front_door));
    let route = Entry::good(Arc::new(route));
    let snapshot = Snapshot {
        front_doors: [(name(), front_door)].into(),
        routes: [(name(), route)].into(),
        ..Snapshot::default()
    };
    compile(&snapshot, &Options::default())
}

/// The fields for which the API server rejects a Route with this policy.
fn refused_by_schema(policy: &Value) -> BTreeSet<String> {
    let route = route(policy);
    let fields = schema::validate(&object(), &route).into_iter().map(|problem| problem.field);
    let rules = Validator::new().validate_compiled(&CEL, &route, None).err();
    let rules = rules.into_iter().flat_map(|errors| errors.into_vec());
    fields.chain(rules.map(|error| error.field_path)).collect()
}

fn refused(compiled: &Compiled) -> BTreeSet<String> {
    let problems = compiled.statuses[&object()].problems.iter();
    let errors = problems.filter(|problem| problem.severity == Severity::Error);
    errors.map(|problem| problem.field.clone()).collect()
}

/// Whether a field path is that of an item in this list.
fn is_item(path: &str, list: &str) -> bool {
    path.strip_prefix(list).is_some_and(|rest| rest.starts_with('['))
}

/// The policy of the one Route; `None` if the Route is not served, and holds its place without one.
fn served(compiled: &Compiled) -> Option<Option<&Arc<Policy>>> {
    let mut matches = compiled.table.hosts.iter().flat_map(|host| host.routes.matches());
    let route = &matches.next().unwrap().target;
    if matches!(route.action, Action::NotAccepted(_)) {
        assert_eq!(route.cors, None);
        return None;
    }
    Some(route.cors.as_ref())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// What `kubectl apply` rejects, the compiler rejects too, for the same field; or for an item
    /// in it, which CRD validations have no way to point at.
    #[test]
    fn the_compiler_refuses_what_the_schema_refuses(policy in policies::policy()) {
        let (schema, compiler) = (refused_by_schema(&policy), refused(&compiled(&policy)));
        let said = |field: &String| compiler.iter().any(|at| at == field || is_item(at, field));
        prop_assert!(schema.iter().all(said), "{policy}: {schema:?} {compiler:?}");
    }

    /// Rule 36: a Route is served with its policy, or not at all.
    #[test]
    fn rule_36_an_invalid_policy_never_widens(policy in policies::policy()) {
        let compiled = compiled(&policy);
        let valid = refused(&compiled).is_empty();
        let expected = valid.then_some(policy["mode"] != "Disabled");
        prop_assert_eq!(served(&compiled).map(|policy| policy.is_some()), expected, "{}", policy);
    }

    /// Rules 27, 29 to 31: a policy with credentials admits no stranger.
    #[test]
    fn credentials_are_for_nobody_else(policy in policies::policy()) {
        let compiled = compiled(&policy);
        let Some(Some(served)) = served(&compiled) else { return Ok(()) };
        prop_assume!(served.credentials && policy["dangerouslyAllow"] == json!([]));
        prop_assert_ne!(served.expose_headers.as_ref().map(|value| value.as_bytes()), Some(&b"*"[..]));
        for stranger in ["null", "http://a.example.com", "https://evil.co.uk", "https://evil.com"] {
            prop_assert!(!served.origins.admit(stranger.as_bytes()), "{policy} admits {stranger}");
        }
    }
}

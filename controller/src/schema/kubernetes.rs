//! Kubernetes' own kinds: what has no effect in a manifest, and what the API server would refuse.
//! Only what Portico reads has to decode; the rest is worth a warning.

use super::{
    MAX_PROBLEMS, labels, messages, metadata,
    node::{Node, Shape},
};
use crate::diagnostic::FieldPath;
use schemars::JsonSchema;
use serde_json::Value;
use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
};

/// A field's path, and what is wrong with it.
pub(crate) type Warning = (String, String);

/// The schemas of the kinds that have been met, by name.
static SCHEMAS: RwLock<BTreeMap<&'static str, Arc<Node>>> = RwLock::new(BTreeMap::new());

/// Warns of fields that objects of this kind don't have, which have no effect, and of labels,
/// annotations and names that the API server refuses.
pub(crate) fn warnings<K: JsonSchema>(
    kind: &'static str,
    check_name: labels::Check,
    value: &Value,
) -> Vec<Warning> {
    let mut found = Vec::new();
    unknown_fields(&schema_of::<K>(kind), &FieldPath::Root, value, &mut found);
    check_metadata(&value["metadata"], check_name, &mut found);
    found.truncate(MAX_PROBLEMS);
    found
}

fn schema_of<K: JsonSchema>(kind: &'static str) -> Arc<Node> {
    let known = SCHEMAS.read().unwrap_or_else(PoisonError::into_inner).get(kind).cloned();
    known.unwrap_or_else(|| {
        let node = Arc::new(metadata::node_of::<K>());
        SCHEMAS.write().unwrap_or_else(PoisonError::into_inner).insert(kind, node.clone());
        node
    })
}

/// Finds the fields that a schema does not have, in an object and all that is in it.
pub(super) fn unknown_fields(
    node: &Node,
    at: &FieldPath<'_>,
    value: &Value,
    found: &mut Vec<Warning>,
) {
    if found.len() > MAX_PROBLEMS {
        return;
    }
    match (&node.shape, value) {
        (Shape::Object(object), Value::Object(fields)) => {
            for (name, value) in fields {
                let at = at.child(name);
                match object.fields.get(name) {
                    Some(node) => unknown_fields(node, &at, value, found),
                    None => found.push((at.to_string(), messages::without_effect(name, object))),
                }
            }
        }
        (Shape::Map(map), Value::Object(fields)) => {
            for (key, value) in fields {
                unknown_fields(&map.values, &at.key(key), value, found);
            }
        }
        (Shape::List(list), Value::Array(items)) => {
            for (index, item) in items.iter().enumerate() {
                unknown_fields(&list.items, &at.index(index), item, found);
            }
        }
        // A value of the wrong type is for whoever decodes it.
        (
            Shape::Object(_)
            | Shape::Map(_)
            | Shape::List(_)
            | Shape::Text(_)
            | Shape::Integer(_)
            | Shape::IntOrText(..)
            | Shape::Boolean
            | Shape::Any,
            _,
        ) => {}
    }
}

fn check_metadata(metadata: &Value, check_name: labels::Check, found: &mut Vec<Warning>) {
    let mut warn = |field: String, text: &str, message: &str| {
        let message = format!("{} is refused by the API server: {message}", messages::quoted(text));
        found.push((field, message));
    };
    let names: [(&str, labels::Check); 2] =
        [("name", check_name), ("namespace", labels::check_label)];
    for (key, check) in names {
        if let Some(name) = metadata[key].as_str()
            && let Err(message) = check(name)
        {
            warn(format!("metadata.{key}"), name, message);
        }
    }
    for (key, value) in metadata["labels"].as_object().into_iter().flatten() {
        let field = || format!("metadata.labels[{key}]");
        if let Err(message) = labels::check_key(key) {
            warn(field(), key, message);
        }
        if let Some(value) = value.as_str()
            && let Err(message) = labels::check_value(value)
        {
            warn(field(), value, message);
        }
    }
    for key in metadata["annotations"].as_object().into_iter().flat_map(serde_json::Map::keys) {
        if let Err(message) = labels::check_annotation_key(key) {
            warn(format!("metadata.annotations[{key}]"), key, message);
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use k8s_openapi::api::{
        core::v1::{ConfigMap, Namespace, Secret, Service},
        discovery::v1::EndpointSlice,
    };
    use serde_json::json;

    fn found(warnings: Vec<Warning>) -> Vec<String> {
        warnings.into_iter().map(|(field, message)| format!("{field}: {message}")).collect()
    }

    fn service(value: &Value) -> Vec<String> {
        found(warnings::<Service>("Service", labels::check_service_name, value))
    }

    #[test]
    fn a_misspelt_field_of_a_service_is_a_warning() {
        let value = json!({
            "apiVersion": "v1", "kind": "Service", "metadata": {"name": "s", "namespace": "n"},
            "spec": {"ports": [{"port": 80, "appprotocol": "https"}], "sessionAffinity": "None", "x": 1},
        });
        let [port, x] = &service(&value)[..] else { unreachable!("{:?}", service(&value)) };
        assert_eq!(
            port,
            "spec.ports[0].appprotocol: unknown field, which has no effect; did you mean 'appProtocol'?"
        );
        assert!(x.starts_with("spec.x: unknown field, which has no effect; known here: "), "{x}");
    }

    #[test]
    fn what_the_api_server_refuses_of_metadata_is_a_warning() {
        let value = json!({
            "metadata": {
                "name": "1s", "namespace": "a.b", "lables": {},
                "labels": {"a b": "c", "d": "-e", "f/g": "h"},
                "annotations": {"A.b/c": "anything at all", "/d": ""},
            },
        });
        let found = service(&value);
        let fields: Vec<_> = found.iter().map(|it| it.split_once(": ").unwrap().0).collect();
        let expected = [
            "metadata.lables",
            "metadata.name",
            "metadata.namespace",
            "metadata.labels[a b]",
            "metadata.labels[d]",
            "metadata.annotations[/d]",
        ];
        assert_eq!(fields, expected, "{found:#?}");
    }

    #[test]
    fn what_objects_of_a_cluster_have_is_no_warning() {
        let metadata = json!({
            "name": "s", "namespace": "n", "uid": "u", "resourceVersion": "1", "generation": 1,
            "creationTimestamp": "2026-01-01T00:00:00Z", "labels": {"a/b": "c"}, "finalizers": ["a/b"],
            "ownerReferences": [{"apiVersion": "v1", "kind": "Service", "name": "s", "uid": "u", "controller": true}],
            "managedFields": [{"manager": "m", "fieldsType": "FieldsV1", "fieldsV1": {"f:spec": {"f:x": {}}}}],
        });
        let of = |kind: &str, more: Value| {
            let mut value = json!({"apiVersion": "v1", "kind": kind, "metadata": metadata});
            value.as_object_mut().unwrap().append(&mut more.as_object().unwrap().clone());
            value
        };
        let ports = json!([{"name": "http", "port": 80, "targetPort": "http", "nodePort": 30000, "protocol": "TCP", "appProtocol": "https"}]);
        let spec = json!({"ports": ports, "selector": {"a": "b"}, "clusterIPs": ["10.0.0.1"], "trafficDistribution": "PreferClose", "sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 1}}});
        let status = json!({"loadBalancer": {"ingress": [{"ip": "192.0.2.1", "ipMode": "VIP"}]}});
        assert_eq!(service(&of("Service", json!({"spec": spec, "status": status}))), [""; 0]);

        let slice = json!({
            "addressType": "IPv4", "ports": [{"name": "http", "port": 80, "protocol": "TCP", "appProtocol": "h2c"}],
            "endpoints": [{
                "addresses": ["10.0.0.1"], "conditions": {"ready": true, "serving": true, "terminating": false},
                "hints": {"forZones": [{"name": "a"}], "forNodes": [{"name": "a"}]}, "nodeName": "a", "zone": "a",
                "targetRef": {"kind": "Pod", "name": "p", "namespace": "n", "uid": "u"}, "deprecatedTopology": {"a": "b"},
            }],
        });
        let slice = of("EndpointSlice", slice);
        let check = labels::check_subdomain;
        assert_eq!(found(warnings::<EndpointSlice>("EndpointSlice", check, &slice)), [""; 0]);
        let secret = of(
            "Secret",
            json!({"data": {"a": ""}, "stringData": {"b": ""}, "type": "Opaque", "immutable": true}),
        );
        assert_eq!(found(warnings::<Secret>("Secret", check, &secret)), [""; 0]);
        let map =
            of("ConfigMap", json!({"data": {"a": ""}, "binaryData": {"b": ""}, "immutable": true}));
        assert_eq!(found(warnings::<ConfigMap>("ConfigMap", check, &map)), [""; 0]);
        let namespace = of(
            "Namespace",
            json!({"spec": {"finalizers": ["kubernetes"]}, "status": {"phase": "Active"}}),
        );
        assert_eq!(
            found(warnings::<Namespace>("Namespace", labels::check_label, &namespace)),
            [""; 0]
        );
    }
}

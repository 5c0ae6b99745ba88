//! Null is refused everywhere in a `spec`.
//!
//! Left to itself, the API server takes a null for an absent field, and drops it. A Helm value that
//! is not set is rendered as null, so `matchLabels: {team: ~}` would select every namespace, and
//! `paths: ~` would claim every path: what was meant to restrict would open.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool, ValidationRule,
};

/// What is said of an object or a map that has a null. Which field it is, CEL can't tell.
pub const NULL_REFUSED: &str = "a field in this object is null, which is how Helm renders a value that is not set: leave the field out, or give it a value";

/// Adds the rules that refuse nulls to a schema, and to all schemas in it.
///
/// The API server keeps a null only where the schema says `nullable`. To CEL, a null field of an
/// object is absent; but the object's size counts it. In a map, CEL sees nulls.
///
/// In a condition of another condition, they are dropped: there may be more of these than an API
/// server would take rules for. One whose only field was null is then empty, which is refused too.
pub(crate) fn refuse(schema: &mut JSONSchemaProps) {
    if let Some(JSONSchemaPropsOrArray::Schema(items)) = &mut schema.items {
        refuse(items);
    }
    let mut rules = Vec::new();
    if let Some(JSONSchemaPropsOrBool::Schema(values)) = &mut schema.additional_properties {
        refuse(values);
        values.nullable = Some(true);
        rules.push("self.all(key, dyn(self[key]) != null)".to_owned());
    }
    let required = schema.required.as_deref().unwrap_or_default();
    if let Some(fields) = &mut schema.properties {
        for (name, field) in fields.iter_mut() {
            if !has_conditions(name) {
                refuse(field);
            }
            // A required field that is null is dropped, and then missing.
            field.nullable = (!required.contains(name)).then_some(true);
        }
        if fields.len() > required.len() {
            let given: Vec<_> =
                fields.keys().map(|name| format!("has(self.{})", escape(name))).collect();
            rules.push(format!(
                "size(dyn(self)) == [{}].filter(given, given).size()",
                given.join(", ")
            ));
        }
    }
    let rules = rules.into_iter().map(|rule| ValidationRule {
        rule,
        message: Some(NULL_REFUSED.to_owned()),
        ..ValidationRule::default()
    });
    let all: Vec<_> =
        schema.x_kubernetes_validations.take().into_iter().flatten().chain(rules).collect();
    schema.x_kubernetes_validations = (!all.is_empty()).then_some(all);
}

/// Whether a field of a condition has other conditions.
fn has_conditions(field: &str) -> bool {
    matches!(field, "not" | "any")
}

/// A field's name in CEL, some of whose words are reserved.
fn escape(name: &str) -> String {
    match name {
        "true" | "namespace" => format!("__{name}__"),
        _ => name.to_owned(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use serde_json::Value;

    /// How many objects and maps a schema has that refuse nulls.
    fn count(schema: &Value, path: &str) -> usize {
        if path.split('.').any(has_conditions) {
            return 0;
        }
        let required = schema["required"].as_array().map_or(0, Vec::len);
        let fields = schema["properties"].as_object();
        let may_have_nulls = fields.is_some_and(|fields| fields.len() > required)
            || schema.get("additionalProperties").is_some();
        let rules = schema["x-kubernetes-validations"].as_array().into_iter().flatten();
        let refuses = rules.filter(|rule| rule["message"] == NULL_REFUSED).count();
        assert_eq!(refuses, usize::from(may_have_nulls), "{path}");
        let inside = fields.into_iter().flatten();
        let inside = inside.map(|(name, field)| count(field, &format!("{path}.{name}")));
        refuses + inside.sum::<usize>() + schema.get("items").map_or(0, |items| count(items, path))
    }

    #[test]
    fn every_object_in_a_spec_refuses_nulls() {
        for crd in crate::crds() {
            let schema = serde_json::to_value(crd.spec.versions[0].schema.as_ref().unwrap());
            let spec = &schema.unwrap()["openAPIV3Schema"]["properties"]["spec"];
            assert!(count(spec, "spec") > 10, "{}", crd.spec.names.kind);
        }
    }
}

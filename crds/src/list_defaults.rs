//! No defaults within lists.
//!
//! A default that the API server fills in stands beside what was applied. In an object, tools that
//! compare the two see a field that nobody asked for; but a list they compare whole, so `kubectl
//! apply` calls an unchanged Route configured, and Argo CD calls it out of sync for ever. There, a
//! field that is absent stays so, and its description names what it means.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};

/// Removes the defaults in the items of all lists of a schema.
pub(crate) fn remove(schema: &mut JSONSchemaProps) {
    remove_in(schema, false);
}

fn remove_in(schema: &mut JSONSchemaProps, is_in_list: bool) {
    if let Some(JSONSchemaPropsOrArray::Schema(items)) = &mut schema.items {
        remove_in(items, true);
    }
    if let Some(JSONSchemaPropsOrBool::Schema(values)) = &mut schema.additional_properties {
        remove_in(values, is_in_list);
    }
    for field in schema.properties.iter_mut().flat_map(|fields| fields.values_mut()) {
        if is_in_list {
            field.default = None;
        }
        remove_in(field, is_in_list);
    }
}

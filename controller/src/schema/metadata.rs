//! `metadata`, which CRDs leave to the API server.

use super::{
    labels,
    node::{Node, Shape, Text},
};
use k8s_openapi::{
    apiextensions_apiserver::pkg::apis::apiextensions::v1::JSONSchemaProps,
    apimachinery::pkg::apis::meta::v1::ObjectMeta,
};
use kube::core::schema::StructuralSchemaRewriter;
use schemars::{JsonSchema, generate::SchemaSettings};

/// The schema of ObjectMeta, with names, labels and annotations as strict as the API server is.
pub(super) fn node() -> Node {
    let mut node = node_of::<ObjectMeta>();
    node.about = "The object's name and namespace.".to_owned();
    if let Shape::Object(object) = &mut node.shape {
        object.fields.insert("name".to_owned(), name());
        object.fields.insert("namespace".to_owned(), namespace());
        if let Some(Shape::Map(map)) = object.fields.get_mut("labels").map(|it| &mut it.shape) {
            map.check_key = labels::check_key;
            map.values.shape = Shape::Text(Text { check: labels::check_value, ..Text::default() });
        }
        if let Some(Shape::Map(map)) = object.fields.get_mut("annotations").map(|it| &mut it.shape)
        {
            map.check_key = labels::check_annotation_key;
        }
        object.required = vec!["name".to_owned(), "namespace".to_owned()];
    }
    node
}

/// The schema of one of Kubernetes' own types.
pub(super) fn node_of<T: JsonSchema>() -> Node {
    let settings = SchemaSettings::openapi3()
        .with(|settings| settings.inline_subschemas = true)
        .with_transform(StructuralSchemaRewriter);
    let generated = settings.into_generator().into_root_schema_for::<T>();
    let schema: JSONSchemaProps =
        serde_json::from_value(generated.to_value()).unwrap_or_else(|_| JSONSchemaProps::default());
    Node::new(&schema)
}

/// An RFC 1123 subdomain.
fn name() -> Node {
    Node::new(&JSONSchemaProps {
        description: Some(
            "A name has lower-case letters, digits, `-` and `.`; it starts and ends with a letter or digit."
                .to_owned(),
        ),
        type_: Some("string".to_owned()),
        max_length: Some(253),
        pattern: Some(r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$".to_owned()),
        ..Default::default()
    })
}

/// An RFC 1123 label.
fn namespace() -> Node {
    Node::new(&JSONSchemaProps {
        description: Some(
            "A namespace has lower-case letters, digits and `-`; it starts and ends with a letter or digit."
                .to_owned(),
        ),
        type_: Some("string".to_owned()),
        max_length: Some(63),
        pattern: Some("^[a-z0-9]([-a-z0-9]*[a-z0-9])?$".to_owned()),
        ..Default::default()
    })
}

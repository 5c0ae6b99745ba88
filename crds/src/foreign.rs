//! Schemas for Kubernetes' own types, with the bounds that the published schemas lack and that the
//! cost budget of CEL rules requires of every string and list.

use schemars::{Schema, SchemaGenerator, json_schema};

/// A list of conditions, one of each type.
pub(crate) fn conditions(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "maxItems": 8,
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["type"],
        "items": {
            "description": "One aspect of the object's state.",
            "type": "object",
            "required": ["type", "status", "lastTransitionTime", "reason", "message"],
            "properties": {
                "type": {
                    "description": "Which aspect: `Accepted`, `ResolvedRefs`, `Programmed`, `Ready` or `Stalled`.",
                    "type": "string",
                    "maxLength": 316,
                    "pattern": r"^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])$",
                },
                "status": {
                    "description": "True, False or Unknown.",
                    "type": "string",
                    "maxLength": 7,
                    "pattern": "^(True|False|Unknown)$",
                },
                "observedGeneration": {
                    "description": "The generation of the object that the condition describes.",
                    "type": "integer",
                    "format": "int64",
                    "minimum": 0,
                },
                "lastTransitionTime": {
                    "description": "When the status last changed.",
                    "type": "string",
                    "format": "date-time",
                    "maxLength": 64,
                },
                "reason": {
                    "description": "The reason for the status, in one word.",
                    "type": "string",
                    "minLength": 1,
                    "maxLength": 1024,
                    "pattern": "^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$",
                },
                "message": {
                    "description": "The reason in a sentence, which names the field and how to fix it.",
                    "type": "string",
                    "maxLength": 32768,
                },
            },
        },
    })
}

/// The status of an object that Portico has not seen yet. Without one, tools that wait for objects
/// would take it for ready.
pub(crate) fn nothing_said_yet() -> serde_json::Value {
    serde_json::json!({
        "conditions": [{
            "type": "Ready",
            "status": "Unknown",
            "reason": "Pending",
            "message": "waiting for Portico",
            "lastTransitionTime": "1970-01-01T00:00:00Z",
        }],
    })
}

/// A LabelSelector. The empty one, which selects everything, is `{}`: one whose parts are empty was
/// meant to restrict.
pub(crate) fn label_selector(_: &mut SchemaGenerator) -> Schema {
    const KEY: &str = "a name of at most 63 letters, digits, '-', '_' and '.', possibly with a DNS name of at most 253 characters and '/' in front";
    let (key, value) = (crate::pattern::LABEL_KEY, crate::pattern::LABEL_VALUE);
    json_schema!({
        "type": "object",
        "x-kubernetes-map-type": "atomic",
        "properties": {
            "matchLabels": {
                "description": "Labels that the object must have, with these values.",
                "type": "object",
                "minProperties": 1,
                "maxProperties": 32,
                "additionalProperties": {"type": "string", "maxLength": 63, "pattern": value},
                "x-kubernetes-validations": [{
                    "rule": format!("self.all(key, key.matches('{key}') && key.indexOf('/') <= 253)"),
                    "message": format!("a label's key is {KEY}"),
                }],
            },
            "matchExpressions": {
                "description": "Requirements that must all hold.",
                "type": "array",
                "minItems": 1,
                "maxItems": 32,
                "items": {
                    "description": "A requirement on one label.",
                    "type": "object",
                    "required": ["key", "operator"],
                    "properties": {
                        "key": {
                            "description": format!("The label's key, {KEY}."),
                            "type": "string",
                            "minLength": 1,
                            "maxLength": 317,
                            "pattern": key,
                            "x-kubernetes-validations": [{
                                "rule": "self.indexOf('/') <= 253",
                                "message": "the part of a label's key in front of '/' has at most 253 characters",
                            }],
                        },
                        "operator": {
                            "description": "How the label's value compares to `values`.",
                            "type": "string",
                            "enum": ["In", "NotIn", "Exists", "DoesNotExist"],
                        },
                        "values": {
                            "description": "The values for `In` and `NotIn`; empty for `Exists` and `DoesNotExist`.",
                            "type": "array",
                            "maxItems": 64,
                            "items": {"type": "string", "maxLength": 63, "pattern": value},
                        },
                    },
                    "x-kubernetes-validations": [{
                        "rule": "(self.operator in ['In', 'NotIn']) == (has(self.values) && size(self.values) > 0)",
                        "message": "values are required with the operators In and NotIn, and not allowed with Exists and DoesNotExist",
                    }],
                },
            },
        },
    })
}

/// A port by number or by name.
pub(crate) fn port(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "x-kubernetes-int-or-string": true,
        "minimum": 1,
        "maximum": 65535,
        "minLength": 1,
        "maxLength": 15,
        "pattern": crate::pattern::PORT_NAME,
    })
}

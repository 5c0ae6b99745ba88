//! Schemas compiled for validation: references resolved, regular expressions compiled.

use super::labels::Check;
use k8s_openapi::{
    apiextensions_apiserver::pkg::apis::apiextensions::v1::{
        JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
    },
    apimachinery::pkg::apis::meta::v1::Time,
};
use portico_crds::NULL_REFUSED;
use regex::Regex;
use serde::Deserialize;
use serde_json::Value;
use std::{
    collections::{BTreeMap, HashMap},
    sync::{LazyLock, Mutex, PoisonError},
};

/// What a value must look like.
pub(super) struct Node {
    /// The schema's description; empty if it has none.
    pub(super) about: String,
    pub(super) shape: Shape,
}

/// The type of a value.
pub(super) enum Shape {
    /// A fixed set of fields.
    Object(Object),
    /// Any keys, with values of one type.
    Map(Map),
    List(List),
    Text(Text),
    Integer(Range),
    IntOrText(Range, Text),
    Boolean,
    /// Any value.
    Any,
}

pub(super) struct Object {
    pub(super) fields: BTreeMap<String, Node>,
    pub(super) required: Vec<String>,
    /// Whether a null is an error. Otherwise, a field that is null is absent.
    pub(super) refuses_nulls: bool,
}

pub(super) struct Map {
    pub(super) values: Box<Node>,
    pub(super) min: usize,
    pub(super) max: usize,
    /// Whether a null is an error. Otherwise, a value that is null is an empty one.
    pub(super) refuses_nulls: bool,
    /// What is wrong with a key.
    pub(super) check_key: Check,
}

pub(super) struct List {
    pub(super) items: Box<Node>,
    pub(super) min: usize,
    pub(super) max: usize,
    /// The keys of a list-map, unique among its items; empty for other lists.
    pub(super) keys: Vec<String>,
}

pub(super) struct Text {
    /// Lengths are in characters, as the API server counts them.
    pub(super) min: usize,
    pub(super) max: Option<usize>,
    pub(super) pattern: Option<Regex>,
    /// The enum; empty if any value is allowed.
    pub(super) allowed: Vec<String>,
    /// Whether it is an RFC 3339 timestamp.
    pub(super) time: bool,
    /// What no pattern expresses.
    pub(super) check: Check,
}

impl Default for Text {
    fn default() -> Self {
        Self {
            min: 0,
            max: None,
            pattern: None,
            allowed: Vec::new(),
            time: false,
            check: |_| Ok(()),
        }
    }
}

pub(super) struct Range {
    pub(super) min: i64,
    pub(super) max: i64,
    /// The enum; empty if any value is allowed.
    pub(super) allowed: Vec<i64>,
}

impl List {
    /// The keys of an item; `None` if this is no list-map, or the item lacks one.
    pub(super) fn key<'v>(&self, item: &'v Value) -> Option<Vec<&'v str>> {
        let keys = self.keys.iter().map(|key| item.get(key).and_then(Value::as_str));
        if self.keys.is_empty() { None } else { keys.collect() }
    }
}

impl Text {
    /// Whether a value is in the enum, if there is one.
    pub(super) fn allows(&self, value: &str) -> bool {
        self.allowed.is_empty() || self.allowed.iter().any(|allowed| allowed == value)
    }

    /// Whether a value should be a timestamp, and is none.
    pub(super) fn is_wrong_time(&self, value: &str) -> bool {
        self.time && Time::deserialize(&Value::from(value)).is_err()
    }

    /// Whether a value decodes, even if it violates its pattern or its bounds.
    pub(super) fn decodes(&self, value: &str) -> bool {
        self.allows(value) && !self.is_wrong_time(value)
    }
}

impl Node {
    pub(super) const fn any() -> Self {
        Self { about: String::new(), shape: Shape::Any }
    }

    /// Compiles a structural schema.
    pub(super) fn new(schema: &JSONSchemaProps) -> Self {
        Self { about: schema.description.clone().unwrap_or_default(), shape: Shape::new(schema) }
    }
}

impl Shape {
    fn new(schema: &JSONSchemaProps) -> Self {
        if schema.x_kubernetes_int_or_string == Some(true) {
            return Self::IntOrText(Range::new(schema), Text::new(schema));
        }
        match schema.type_.as_deref() {
            Some("object") => Self::object(schema),
            Some("array") => match &schema.items {
                Some(JSONSchemaPropsOrArray::Schema(items)) => Self::List(List::new(schema, items)),
                Some(JSONSchemaPropsOrArray::Schemas(_)) | None => Self::Any,
            },
            Some("string") => Self::Text(Text::new(schema)),
            Some("integer") => Self::Integer(Range::new(schema)),
            Some("boolean") => Self::Boolean,
            _ => Self::Any,
        }
    }

    fn object(schema: &JSONSchemaProps) -> Self {
        if let Some(properties) = &schema.properties {
            let fields = properties.iter().map(|(name, field)| (name.clone(), Node::new(field)));
            return Self::Object(Object {
                fields: fields.collect(),
                required: schema.required.clone().unwrap_or_default(),
                refuses_nulls: refuses_nulls(schema),
            });
        }
        match &schema.additional_properties {
            Some(JSONSchemaPropsOrBool::Schema(values)) => Self::Map(Map {
                values: Box::new(Node::new(values)),
                min: size(schema.min_properties).unwrap_or(0),
                max: size(schema.max_properties).unwrap_or(usize::MAX),
                refuses_nulls: refuses_nulls(schema),
                check_key: |_| Ok(()),
            }),
            Some(JSONSchemaPropsOrBool::Bool(_)) | None => Self::Any,
        }
    }
}

/// Whether the schema has the rule that says so.
fn refuses_nulls(schema: &JSONSchemaProps) -> bool {
    let mut rules = schema.x_kubernetes_validations.iter().flatten();
    rules.any(|rule| rule.message.as_deref() == Some(NULL_REFUSED))
}

impl List {
    fn new(schema: &JSONSchemaProps, items: &JSONSchemaProps) -> Self {
        let is_map = schema.x_kubernetes_list_type.as_deref() == Some("map");
        let keys = schema.x_kubernetes_list_map_keys.clone().filter(|_| is_map);
        let mut items = Node::new(items);
        if items.about.is_empty() {
            items.about = schema.description.clone().unwrap_or_default();
        }
        Self {
            items: Box::new(items),
            min: size(schema.min_items).unwrap_or(0),
            max: size(schema.max_items).unwrap_or(usize::MAX),
            keys: keys.unwrap_or_default(),
        }
    }
}

impl Text {
    fn new(schema: &JSONSchemaProps) -> Self {
        let allowed = schema.enum_.iter().flatten().filter_map(|value| value.0.as_str());
        Self {
            min: size(schema.min_length).unwrap_or(0),
            max: size(schema.max_length),
            pattern: schema.pattern.as_deref().map(compile),
            allowed: allowed.map(str::to_owned).collect(),
            time: schema.format.as_deref() == Some("date-time"),
            ..Self::default()
        }
    }
}

impl Range {
    fn new(schema: &JSONSchemaProps) -> Self {
        let (min, max) = match schema.format.as_deref() {
            Some("int32") => (i32::MIN.into(), i32::MAX.into()),
            _ => (i64::MIN, i64::MAX),
        };
        Self {
            min: schema.minimum.map_or(min, whole),
            max: schema.maximum.map_or(max, whole),
            allowed: schema.enum_.iter().flatten().filter_map(|value| value.0.as_i64()).collect(),
        }
    }
}

/// The bounds in Portico's schemas are small integers.
#[allow(clippy::cast_possible_truncation)]
fn whole(bound: f64) -> i64 {
    bound as i64
}

fn size(bound: Option<i64>) -> Option<usize> {
    bound.and_then(|bound| usize::try_from(bound).ok())
}

/// The compiled patterns of all schemas: there are few of them, but many fields that have one, and
/// compiling one takes longer than all else of a field.
static PATTERNS: LazyLock<Mutex<HashMap<String, Regex>>> = LazyLock::new(Mutex::default);

/// Invariant: the patterns are Portico's own, and a test compiles every one of them.
#[allow(clippy::expect_used)]
fn compile(pattern: &str) -> Regex {
    let mut patterns = PATTERNS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(compiled) = patterns.get(pattern) {
        return compiled.clone();
    }
    let compiled = Regex::new(pattern).expect("a pattern of the CRDs compiles");
    patterns.insert(pattern.to_owned(), compiled.clone());
    compiled
}

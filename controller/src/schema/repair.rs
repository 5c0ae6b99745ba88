//! Replaces values that don't decode with harmless ones, so that the rest of the object can still
//! be checked. A value that decodes stays, even if it violates its pattern or its bounds.

use super::node::{List, Map, Node, Object, Range, Shape};
use crate::diagnostic::FieldPath;
use serde_json::{Map as JsonMap, Value};

/// Repairs a whole object. Returns the paths of what was replaced or removed.
pub(super) fn run(root: &Node, value: &mut Value) -> Vec<String> {
    let mut repair = Repair { undecoded: Vec::new() };
    if !repair.value(root, &FieldPath::Root, value) {
        repair.undecoded.push(String::new());
        *value = stand_in(root);
    }
    repair.undecoded
}

struct Repair {
    undecoded: Vec<String>,
}

impl Repair {
    /// Repairs what is inside a value. Returns false if the value itself does not decode.
    fn value(&mut self, node: &Node, at: &FieldPath<'_>, value: &mut Value) -> bool {
        match (&node.shape, value) {
            (Shape::Any, _) | (Shape::Boolean, Value::Bool(_)) => {}
            (Shape::Object(object), Value::Object(fields)) => self.object(object, at, fields),
            (Shape::Map(map), Value::Object(fields)) => self.map(map, at, fields),
            (Shape::List(list), Value::Array(items)) => self.list(list, at, items),
            (Shape::Text(text) | Shape::IntOrText(_, text), Value::String(value)) => {
                return text.decodes(value);
            }
            (Shape::Integer(range) | Shape::IntOrText(range, _), Value::Number(number)) => {
                return number.as_i64().is_some_and(|number| fits(range, number));
            }
            (
                Shape::Object(_)
                | Shape::Map(_)
                | Shape::List(_)
                | Shape::Text(_)
                | Shape::Integer(_)
                | Shape::IntOrText(..)
                | Shape::Boolean,
                _,
            ) => return false,
        }
        true
    }

    /// Optional fields are removed, so that their defaults apply.
    fn object(&mut self, object: &Object, at: &FieldPath<'_>, fields: &mut JsonMap<String, Value>) {
        for (name, node) in &object.fields {
            let at = at.child(name);
            let required = object.required.contains(name);
            let good = match fields.get_mut(name) {
                Some(Value::Null) if !object.refuses_nulls => !required,
                Some(value) => self.value(node, &at, value),
                None => !required,
            };
            if good {
                continue;
            }
            self.undecoded.push(at.to_string());
            if required {
                fields.insert(name.clone(), stand_in(node));
            } else {
                fields.remove(name);
            }
        }
    }

    fn map(&mut self, map: &Map, at: &FieldPath<'_>, fields: &mut JsonMap<String, Value>) {
        fields.retain(|key, value| {
            let at = at.key(key);
            let good = match value {
                Value::Null => !map.refuses_nulls,
                value => self.value(&map.values, &at, value),
            };
            if !good {
                self.undecoded.push(at.to_string());
            }
            good
        });
    }

    /// Items keep their positions, because problems name items by index. Those beyond the limit are
    /// removed: nobody has to look at them.
    fn list(&mut self, list: &List, at: &FieldPath<'_>, items: &mut Vec<Value>) {
        items.truncate(list.max);
        for (index, item) in items.iter_mut().enumerate() {
            let at = at.index(index);
            if !self.value(&list.items, &at, item) {
                self.undecoded.push(at.to_string());
                *item = stand_in(&list.items);
            }
        }
    }
}

/// The simplest value that decodes here.
fn stand_in(node: &Node) -> Value {
    match &node.shape {
        Shape::Object(object) => {
            let required = object.required.iter();
            let field = |name: &String| Some((name.clone(), stand_in(object.fields.get(name)?)));
            Value::Object(required.filter_map(field).collect())
        }
        Shape::Map(_) => Value::Object(JsonMap::new()),
        Shape::List(_) => Value::Array(Vec::new()),
        Shape::Text(text) => text.allowed.first().map_or("", String::as_str).into(),
        Shape::Integer(_) | Shape::IntOrText(..) => 0.into(),
        Shape::Boolean => false.into(),
        Shape::Any => Value::Null,
    }
}

/// Whether the number fits the field's integer type. Numbers beyond the schema's bounds mostly do.
fn fits(range: &Range, number: i64) -> bool {
    (range.min..=range.max).contains(&number) || i32::try_from(number).is_ok()
}

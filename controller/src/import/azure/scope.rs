//! What a template's expressions refer to: its parameters and variables.

use super::{expression::Expression, functions};
use serde_json::{Map, Value};
use std::cell::Cell;

/// How deep parameters, variables and values may refer to each other.
const MAX_DEPTH: usize = 48;
/// How much may be worked out for all expressions of a template, in values.
const MAX_WORK: usize = 1_000_000;

/// The only field of what stands for a value that could not be worked out.
const MISSING: &str = "\0missing";

/// Whether a value could not be worked out, which has been reported.
pub(super) fn is_missing(value: &Value) -> bool {
    value.get(MISSING).is_some()
}

/// The parameters and variables of a template.
pub(super) struct Scope<'t> {
    parameters: Option<&'t Map<String, Value>>,
    variables: Option<&'t Map<String, Value>>,
    given: Map<String, Value>,
    work: Cell<usize>,
}

impl<'t> Scope<'t> {
    /// Those of a template, with these values for its parameters.
    pub(super) fn of(template: &'t Value, given: Map<String, Value>) -> Self {
        let section = |name: &str| template.get(name).and_then(Value::as_object);
        let (parameters, variables) = (section("parameters"), section("variables"));
        Self { parameters, variables, given, work: Cell::new(MAX_WORK) }
    }

    /// A value with its expressions worked out. What is missing, by its path, is added to `missing`.
    pub(super) fn resolve(
        &self,
        value: &Value,
        path: &str,
        missing: &mut Vec<(String, String)>,
    ) -> Value {
        let mut children = |value: &Value, path: String| self.resolve(value, &path, missing);
        match value {
            Value::String(text) => self.text(text, 0).unwrap_or_else(|why| {
                missing.push((path.to_owned(), why.clone()));
                Value::Object([(MISSING.to_owned(), Value::from(why))].into_iter().collect())
            }),
            Value::Array(items) => {
                let items = items.iter().enumerate();
                items.map(|(at, item)| children(item, format!("{path}[{at}]"))).collect()
            }
            Value::Object(fields) => {
                let dot = if path.is_empty() { "" } else { "." };
                let fields = fields.iter().map(|(name, field)| {
                    (name.clone(), children(field, format!("{path}{dot}{name}")))
                });
                Value::Object(fields.collect())
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
        }
    }

    /// The value of a text, which may be an expression.
    pub(super) fn text(&self, text: &str, depth: usize) -> Result<Value, String> {
        if let Some(literal) = text.strip_prefix("[[") {
            return Ok(format!("[{literal}").into());
        }
        let inner = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
        let Some(inner) = inner else { return Ok(text.into()) };
        let parsed = Expression::parse(inner);
        self.value(&parsed.ok_or_else(|| format!("'{text}' is not an expression"))?, depth)
    }

    fn value(&self, expression: &Expression, depth: usize) -> Result<Value, String> {
        if depth > MAX_DEPTH {
            return Err("parameters or variables refer to each other in a circle".to_owned());
        }
        let value = match expression {
            Expression::Text(text) => text.as_str().into(),
            Expression::Number(number) => (*number).into(),
            Expression::Property(of, name) => {
                let of = self.value(of, depth + 1)?;
                field(&of, name).ok_or_else(|| format!("there is no property '{name}'"))?
            }
            Expression::Index(of, index) => {
                let (of, index) = (self.value(of, depth + 1)?, self.value(index, depth + 1)?);
                let item = match &index {
                    Value::String(name) => field(&of, name),
                    index => {
                        let index = index.as_u64().and_then(|index| usize::try_from(index).ok());
                        index.and_then(|index| of.get(index)).cloned()
                    }
                };
                item.ok_or_else(|| format!("there is no item {index}"))?
            }
            Expression::Call(name, arguments) => self.call(name, arguments, depth)?,
        };
        self.count(&value)?;
        Ok(value)
    }

    fn call(&self, name: &str, arguments: &[Expression], depth: usize) -> Result<Value, String> {
        match (name, arguments) {
            ("parameters", [Expression::Text(name)]) => return self.parameter(name, depth),
            ("variables", [Expression::Text(name)]) => return self.variable(name, depth),
            ("if", [condition, then, otherwise]) => {
                let chosen = match self.value(condition, depth + 1)? {
                    Value::Bool(true) => then,
                    Value::Bool(false) => otherwise,
                    _ => return Err("the condition of if() is neither true nor false".to_owned()),
                };
                return self.value(chosen, depth + 1);
            }
            _ => {}
        }
        let values: Result<Vec<_>, _> =
            arguments.iter().map(|argument| self.value(argument, depth + 1)).collect();
        functions::call(name, &values?)
    }

    fn parameter(&self, name: &str, depth: usize) -> Result<Value, String> {
        if let Some(given) = field_of(&self.given, name) {
            return Ok(given.clone());
        }
        let declared = self.parameters.and_then(|all| field_of(all, name));
        match declared.and_then(|declared| declared.get("defaultValue")) {
            Some(default) => self.inner(default, depth + 1).map_err(|why| {
                let is_said = why.starts_with("parameter ");
                if is_said {
                    why
                } else {
                    format!("parameter '{name}' needs --parameters FILE: {why}")
                }
            }),
            None => Err(format!(
                "parameter '{name}' has no value: give it with --parameters FILE, in which stands {{\"{name}\": …}}"
            )),
        }
    }

    fn variable(&self, name: &str, depth: usize) -> Result<Value, String> {
        let declared = self.variables.and_then(|all| field_of(all, name));
        self.inner(declared.ok_or_else(|| format!("there is no variable '{name}'"))?, depth + 1)
    }

    /// The value of a parameter or variable, which may have expressions anywhere in it.
    fn inner(&self, value: &Value, depth: usize) -> Result<Value, String> {
        if depth > MAX_DEPTH {
            return Err("parameters or variables refer to each other in a circle".to_owned());
        }
        self.count(&Value::Null)?;
        match value {
            Value::String(text) => self.text(text, depth),
            Value::Array(items) => items.iter().map(|item| self.inner(item, depth + 1)).collect(),
            Value::Object(fields) => {
                let fields = fields.iter();
                let fields = fields
                    .map(|(name, field)| Ok((name.clone(), self.inner(field, depth + 1)?)))
                    .collect::<Result<_, String>>();
                fields.map(Value::Object)
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => Ok(value.clone()),
        }
    }

    /// Counts what has been worked out, so that no template makes more of itself than fits.
    fn count(&self, value: &Value) -> Result<(), String> {
        let left = self.work.get().checked_sub(size(value));
        self.work.set(left.unwrap_or(0));
        left.map(drop).ok_or_else(|| "the template's expressions make too much".to_owned())
    }
}

/// How many values there are in one; a text counts by its length.
fn size(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(size).sum::<usize>(),
        Value::Object(fields) => 1 + fields.values().map(size).sum::<usize>(),
        Value::String(text) => 1 + text.len() / 64,
        Value::Null | Value::Bool(_) | Value::Number(_) => 1,
    }
}

/// A field of an object, whatever the case of its name.
fn field(of: &Value, name: &str) -> Option<Value> {
    field_of(of.as_object()?, name).cloned()
}

fn field_of<'m>(of: &'m Map<String, Value>, name: &str) -> Option<&'m Value> {
    let same = || of.iter().find(|(own, _)| own.eq_ignore_ascii_case(name));
    of.get(name).or_else(|| same().map(|(_, value)| value))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use serde_json::json;

    fn resolved(template: &Value, value: &Value) -> (Value, Vec<(String, String)>) {
        let given = json!({"given": "G"}).as_object().unwrap().clone();
        let mut missing = Vec::new();
        let value = Scope::of(template, given).resolve(value, "", &mut missing);
        (value, missing)
    }

    #[test]
    fn parameters_and_variables_are_put_in() {
        let template = json!({
            "parameters": {
                "given": {"defaultValue": "no"},
                "name": {"defaultValue": "[concat('a', parameters('GIVEN'))]"},
            },
            "variables": {"pools": [{"id": "[toUpper(parameters('name'))]"}]},
        });
        let value = json!({
            "a": "[parameters('name')]",
            "b": ["[variables('pools')[0].id]", "[[literal]", "plain"],
            "c": "[if(equals(parameters('given'), 'G'), 1, reference('x'))]",
        });
        let (value, missing) = resolved(&template, &value);
        assert_eq!(value, json!({"a": "aG", "b": ["AG", "[literal]", "plain"], "c": 1}));
        assert!(missing.is_empty(), "{missing:?}");
    }

    #[test]
    fn what_is_missing_is_named() {
        let default = json!({"defaultValue": "[uniqueString('a')]"});
        let template = json!({"parameters": {"p": {"type": "string"}, "q": default}});
        let value = json!({"a": [{"b": "[concat(parameters('p'), 'x')]"}], "c": "[nonsense", "d": "[parameters('q')]"});
        let (value, missing) = resolved(&template, &value);
        assert!(is_missing(&value["a"][0]["b"]));
        assert_eq!(value["c"], "[nonsense");
        let [(path, why), (_, of_default)] = missing.as_slice() else { unreachable!() };
        assert_eq!(path, "a[0].b");
        assert!(why.starts_with("parameter 'p' has no value: give it with --parameters"), "{why}");
        assert!(of_default.starts_with("parameter 'q' needs --parameters FILE: only Azure"));
    }

    #[test]
    fn circles_and_bombs_end() {
        let mut variables =
            json!({"v0": ["a", "a"], "x": "[variables('y')]", "y": "[variables('x')]"});
        for at in 1..40 {
            let before = format!("variables('v{}')", at - 1);
            variables[format!("v{at}")] = format!("[createArray({before}, {before})]").into();
        }
        let template = json!({"variables": variables});
        let (_, missing) = resolved(&template, &json!(["[variables('x')]", "[variables('v39')]"]));
        assert_eq!(missing.len(), 2);
        assert!(missing[0].1.contains("in a circle"), "{missing:?}");
    }
}

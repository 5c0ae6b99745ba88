//! The resources of documents: those of ARM templates, with all that is nested in them, and what az
//! prints.

use super::{
    resource::{Id, Resource},
    scope::{Scope, is_missing},
};
use crate::import::Source;
use serde_json::{Map, Value};

/// How deep templates may be in each other.
const MAX_TEMPLATES: usize = 8;
/// How many resources are read.
const MAX_RESOURCES: usize = 10_000;

const LOOP: &str = "is a loop (copy), which is not unrolled: import what az prints as JSON instead";
const NOT_KNOWN: &str = "is neither an ARM template nor an object that az prints of Azure Front Door: import a template, or what `az … -o json` prints";

/// All resources of these documents, with these values for the templates' parameters.
pub(super) fn resources(sources: &[Source], parameters: &[Source]) -> Vec<Resource> {
    let mut given = Map::new();
    for source in parameters {
        given.extend(values(&source.value));
    }
    let mut found = Vec::new();
    for (at, source) in sources.iter().enumerate() {
        let label = format!("document {} of {}", at + 1, source.file);
        document(&source.value, &label, &given, &mut found);
    }
    found
}

/// The values in a parameter file: `{"parameters": {"name": {"value": …}}}`, or `{"name": …}`.
fn values(file: &Value) -> Map<String, Value> {
    let inner = file.get("parameters").and_then(Value::as_object);
    let all = inner.or(file.as_object()).into_iter().flatten();
    all.map(|(name, value)| (name.clone(), value.get("value").unwrap_or(value).clone())).collect()
}

fn document(value: &Value, label: &str, given: &Map<String, Value>, found: &mut Vec<Resource>) {
    if value.get("type").is_none() && value.get("resources").is_some() {
        return template(value, label, given.clone(), 0, found);
    }
    // What `az rest` prints of a list.
    if let Some(items) = value.get("value").and_then(Value::as_array) {
        for item in items {
            printed(item, label, found);
        }
        return;
    }
    printed(value, label, found);
}

/// An object that az prints.
fn printed(value: &Value, label: &str, found: &mut Vec<Resource>) {
    let text = |name: &str| value.get(name).and_then(Value::as_str);
    let by_id = text("id").and_then(Id::parse);
    let id = by_id.or_else(|| Some(Id::new(text("type")?, text("name")?)));
    found.push(match id {
        Some(id) => {
            let kind = text("type").map_or_else(|| id.kind.clone(), str::to_owned);
            Resource::new(id, &kind, value.clone())
        }
        None => Resource::refused(label.to_owned(), value.clone(), NOT_KNOWN),
    });
}

/// The resources of a template that is in this many others.
fn template(
    template: &Value,
    label: &str,
    given: Map<String, Value>,
    depth: usize,
    found: &mut Vec<Resource>,
) {
    let scope = Scope::of(template, given);
    // A list or, since languageVersion 2.0, an object.
    let resources: Vec<&Value> = match template.get("resources") {
        Some(Value::Array(items)) => items.iter().collect(),
        Some(Value::Object(fields)) => fields.values().collect(),
        _ => Vec::new(),
    };
    for value in resources {
        let mut reader = Reader { scope: &scope, label, depth, found: &mut *found };
        reader.resource(value, None);
    }
}

struct Reader<'r> {
    scope: &'r Scope<'r>,
    label: &'r str,
    depth: usize,
    found: &'r mut Vec<Resource>,
}

impl Reader<'_> {
    /// A resource, which may be part of another, whose kind and name are given.
    fn resource(&mut self, value: &Value, parent: Option<(&str, &str)>) {
        if self.found.len() >= MAX_RESOURCES || value.get("existing") == Some(&Value::Bool(true)) {
            return;
        }
        let Some(fields) = value.as_object() else { return };
        let is_deployment = value["type"]
            .as_str()
            .is_some_and(|kind| kind.eq_ignore_ascii_case("Microsoft.Resources/deployments"));
        let mut own = fields.clone();
        let parts = own.remove("resources");
        let inner =
            is_deployment.then(|| own.get_mut("properties")?.as_object_mut()?.remove("template"));
        let mut missing = Vec::new();
        let resolved = self.scope.resolve(&Value::Object(own), "", &mut missing);
        let full = |name: &str, parent: Option<&str>| match (resolved[name].as_str(), parent) {
            (Some(own), Some(parent)) if !is_full(own, parent) => Some(format!("{parent}/{own}")),
            (own, _) => own.map(str::to_owned),
        };
        let kind = full("type", parent.map(|(kind, _)| kind));
        let name = full("name", parent.map(|(_, name)| name));
        if let (Some(Some(template_of)), true) = (inner, self.depth < MAX_TEMPLATES) {
            let given = values(&resolved["properties"]);
            let given = given.into_iter().filter(|(_, value)| !is_missing(value)).collect();
            let label = format!("{} in {}", name.as_deref().unwrap_or("a template"), self.label);
            return template(&template_of, &label, given, self.depth + 1, self.found);
        }
        let (Some(kind), Some(name)) = (kind, name) else {
            let why = missing.first().map_or(NOT_KNOWN, |(_, why)| why).to_owned();
            let label = format!("a resource of {}", self.label);
            self.found.push(Resource::refused(label, resolved, &why));
            return;
        };
        let is_left_out = resolved["condition"] == Value::Bool(false);
        let is_loop = resolved.get("copy").is_some();
        let mut resource = Resource::new(Id::new(&kind, &name), &kind, resolved);
        resource.missing = missing;
        if is_loop {
            resource.refused = Some(LOOP.to_owned());
        } else if is_left_out {
            resource.refused = Some("is not deployed, since its condition is false".to_owned());
        }
        self.found.push(resource);
        if let (Some(Value::Array(parts)), false) = (&parts, is_left_out || is_loop) {
            parts.iter().for_each(|part| self.resource(part, Some((&kind, &name))));
        }
    }
}

/// Whether a kind or name is that of the whole, not only of the part.
fn is_full(own: &str, parent: &str) -> bool {
    own.get(..parent.len()).is_some_and(|start| start.eq_ignore_ascii_case(parent))
        && own[parent.len()..].starts_with('/')
        || own.contains('.') && own.contains('/') && parent.contains('.')
}

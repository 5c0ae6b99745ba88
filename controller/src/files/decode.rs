//! Documents → objects, with what is wrong with each.

use super::parse::{self, Document, Format};
use crate::{
    diagnostic::{ConditionType, Kind, ObjectRef, Problem, Reason, Severity},
    objects::Entry,
};
use k8s_openapi::{
    ByteString,
    api::{
        core::v1::{Namespace, Secret, Service},
        discovery::v1::EndpointSlice,
    },
};
use portico_crds::{FrontDoor, GROUP, Route, VERSION};
use portico_dataplane::table::ObjectName;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::{fmt, sync::Arc};

/// What a file holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Contents {
    /// Documents.
    documents: usize,
    /// The objects that Portico uses, with the number of their document, from 1.
    pub(super) objects: Vec<(usize, Object)>,
    /// What is wrong in the file and is not a problem of one of our own objects.
    pub(super) problems: Vec<FileProblem>,
    /// Documents of kinds that Portico does not use.
    pub(super) ignored: usize,
}

/// One object that Portico uses.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Object {
    FrontDoor(ObjectName, Entry<FrontDoor>),
    Route(ObjectName, Entry<Route>),
    Service(ObjectName, Arc<Service>),
    EndpointSlice(ObjectName, Arc<EndpointSlice>),
    Secret(ObjectName, Arc<Secret>),
    Namespace(String, Arc<Namespace>),
}

/// Something wrong with a file that has no object of our own to be said of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FileProblem {
    /// The document, from 1, empty ones not counted. `None` where it is about the whole file.
    pub document: Option<usize>,
    /// What is wrong, and the way out.
    pub message: String,
}

impl fmt::Display for FileProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(document) = self.document {
            write!(f, "document {document}: ")?;
        }
        f.write_str(&self.message)
    }
}

/// Reads a text. An error means that it can't be parsed, so that nothing is known of what it holds.
pub(super) fn decode(text: &str, format: Format) -> Result<Contents, FileProblem> {
    parse::parse(text, format).map_err(|message| FileProblem { document: None, message })
}

impl Extend<Document> for Contents {
    fn extend<I: IntoIterator<Item = Document>>(&mut self, documents: I) {
        for document in documents {
            self.documents += 1;
            self.document(self.documents, document);
        }
    }
}

/// What a document is to us.
enum Known {
    Own(Kind),
    Service,
    EndpointSlice,
    Secret,
    Namespace,
    List,
    Other,
}

impl Contents {
    fn document(&mut self, number: usize, document: Document) {
        let object = match known(&document.value) {
            Ok(Known::List) => return self.list(number, document),
            Ok(Known::Other) => {
                self.ignored += 1;
                return;
            }
            Ok(Known::Own(Kind::FrontDoor)) => own_object(Kind::FrontDoor, document)
                .map(|(name, entry)| Object::FrontDoor(name, entry)),
            Ok(Known::Own(Kind::Route)) => {
                own_object(Kind::Route, document).map(|(name, entry)| Object::Route(name, entry))
            }
            Ok(Known::Service) => core_object("Service", document)
                .map(|(name, service)| Object::Service(name, Arc::new(service))),
            Ok(Known::EndpointSlice) => core_object("EndpointSlice", document)
                .map(|(name, slice)| Object::EndpointSlice(name, Arc::new(slice))),
            Ok(Known::Secret) => {
                secret(document).map(|(name, secret)| Object::Secret(name, Arc::new(secret)))
            }
            Ok(Known::Namespace) => namespace(document)
                .map(|(name, namespace)| Object::Namespace(name, Arc::new(namespace))),
            Err(message) => Err(message),
        };
        match object {
            Ok(object) => self.objects.push((number, object)),
            Err(message) => self.problem(number, message),
        }
    }

    fn problem(&mut self, number: usize, message: String) {
        self.problems.push(FileProblem { document: Some(number), message });
    }

    fn list(&mut self, number: usize, mut list: Document) {
        let items = match list.value.get_mut("items").map(Value::take) {
            Some(Value::Array(items)) => items,
            None | Some(Value::Null) => Vec::new(),
            Some(_) => return self.problem(number, "List: 'items' is not a list".to_owned()),
        };
        if list.duplicates.iter().any(|duplicate| duplicate.field() == "items") {
            self.problem(number, "List: 'items' stands twice: the second is not read".to_owned());
        }
        for (index, value) in items.into_iter().enumerate() {
            let duplicates =
                list.duplicates.iter().filter_map(|found| found.below_item(index)).collect();
            self.document(number, Document { value, duplicates });
        }
    }
}

/// Which of the kinds that are read a document is, if any. An error is one of our group that
/// nobody could mean otherwise.
fn known(value: &Value) -> Result<Known, String> {
    let text = |key| value.get(key).and_then(Value::as_str);
    let kind = text("kind");
    let Some(api_version) = text("apiVersion") else {
        return match kind {
            Some(kind @ ("FrontDoor" | "Route")) => {
                Err(format!("{kind} without apiVersion: write 'apiVersion: {GROUP}/{VERSION}'"))
            }
            _ => Ok(Known::Other),
        };
    };
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    if group == GROUP || api_version == GROUP {
        return own(api_version, version, kind).map(Known::Own);
    }
    Ok(match (api_version, kind.unwrap_or_default()) {
        ("v1", "Service") => Known::Service,
        ("v1", "Secret") => Known::Secret,
        ("v1", "Namespace") => Known::Namespace,
        ("v1", "List") => Known::List,
        ("discovery.k8s.io/v1", "EndpointSlice") => Known::EndpointSlice,
        _ => Known::Other,
    })
}

fn own(api_version: &str, version: &str, kind: Option<&str>) -> Result<Kind, String> {
    if version != VERSION {
        return Err(format!(
            "apiVersion '{api_version}' is not one that this release knows: write '{GROUP}/{VERSION}'"
        ));
    }
    match kind {
        Some("FrontDoor") => Ok(Kind::FrontDoor),
        Some("Route") => Ok(Kind::Route),
        Some(other) => {
            Err(format!("{api_version} has no kind '{other}': its kinds are FrontDoor and Route"))
        }
        None => Err(format!("{api_version} without 'kind': write FrontDoor or Route")),
    }
}

/// One of our own objects: everything wrong with it is said of it, as long as it has a name.
fn own_object<T: DeserializeOwned>(
    kind: Kind,
    mut document: Document,
) -> Result<(ObjectName, Entry<T>), String> {
    let name = object_name(&kind.to_string(), &mut document)?;
    let object = ObjectRef { kind, name: name.clone() };
    let duplicates = document.duplicates.iter().map(|duplicate| {
        let line = duplicate.line.map(|line| format!(", again in line {line}"));
        let message = format!("stands twice{}: remove one", line.unwrap_or_default());
        Problem {
            object: object.clone(),
            severity: Severity::Error,
            condition: ConditionType::Accepted,
            field: duplicate.field(),
            reason: Reason::DuplicateField,
            message,
        }
    });
    Ok((name, Entry::decode(&object, document.value, duplicates)))
}

fn core_object<T: DeserializeOwned>(
    kind: &str,
    mut document: Document,
) -> Result<(ObjectName, T), String> {
    let name = object_name(kind, &mut document)?;
    no_duplicates(kind, &document)?;
    serde_json::from_value(document.value)
        .map(|object| (name.clone(), object))
        .map_err(|error| format!("{kind} {name} does not decode: {error}"))
}

fn namespace(document: Document) -> Result<(String, Namespace), String> {
    let name = metadata_name("Namespace", "name", &document)?
        .ok_or("Namespace without metadata.name: give it one")?
        .to_owned();
    no_duplicates("Namespace", &document)?;
    serde_json::from_value(document.value)
        .map(|namespace| (name.clone(), namespace))
        .map_err(|error| format!("Namespace {name} does not decode: {error}"))
}

/// A Secret, with `stringData` taken into `data`. What is said of it never quotes a value.
fn secret(mut document: Document) -> Result<(ObjectName, Secret), String> {
    let name = object_name("Secret", &mut document)?;
    no_duplicates("Secret", &document)?;
    let wrong = |why: &str| format!("Secret {name} does not decode: {why}");
    if let Some(Value::Object(data)) = document.value.get_mut("data") {
        for (key, value) in data {
            if let Value::String(text) = value {
                // As the API server does: base64 may be folded into lines.
                text.retain(|c| !matches!(c, '\n' | '\r'));
            }
            if serde_json::from_value::<ByteString>(value.clone()).is_err() {
                return Err(wrong(&format!(
                    "data.{key} is not base64: plain text goes under stringData"
                )));
            }
        }
    }
    let mut secret: Secret = serde_json::from_value(document.value).map_err(|_| {
        wrong("a field has the wrong type (stringData maps keys to texts: quote numbers, true, no)")
    })?;
    if let Some(plain) = secret.string_data.take() {
        let plain = plain.into_iter().map(|(key, value)| (key, ByteString(value.into_bytes())));
        secret.data.get_or_insert_default().extend(plain);
    }
    Ok((name, secret))
}

fn no_duplicates(kind: &str, document: &Document) -> Result<(), String> {
    let Some(duplicate) = document.duplicates.first() else { return Ok(()) };
    let name = document.value["metadata"]["name"].as_str().unwrap_or_default();
    Err(format!("{kind} {name} is not read: '{}' stands twice: remove one", duplicate.field()))
}

/// The name of a namespaced object. Where it has no namespace it gets `default`.
fn object_name(kind: &str, document: &mut Document) -> Result<ObjectName, String> {
    let name = metadata_name(kind, "name", document)?
        .ok_or_else(|| format!("{kind} without metadata.name: give it one"))?
        .to_owned();
    let namespace = metadata_name(kind, "namespace", document)?.unwrap_or("default").to_owned();
    if let Some(Value::Object(metadata)) = document.value.get_mut("metadata") {
        metadata.insert("namespace".to_owned(), Value::String(namespace.clone()));
    }
    Ok(ObjectName::new(namespace, name))
}

/// A field of the metadata that names the object: there once at most, and a DNS name.
fn metadata_name<'d>(
    kind: &str,
    key: &str,
    document: &'d Document,
) -> Result<Option<&'d str>, String> {
    let field = format!("metadata.{key}");
    for duplicate in &document.duplicates {
        let duplicate = duplicate.field();
        if duplicate == field || ["apiVersion", "kind", "metadata"].contains(&duplicate.as_str()) {
            return Err(format!("{kind}: '{duplicate}' stands twice: which object is it?"));
        }
    }
    match &document.value["metadata"][key] {
        Value::Null => Ok(None),
        Value::String(name) if name.is_empty() => Ok(None),
        Value::String(name) if is_dns_name(name) => Ok(Some(name)),
        other => Err(format!(
            "{kind}: {field} {other} is not a name: lower-case letters, digits, '-' and '.', as a text"
        )),
    }
}

/// RFC 1123 subdomain, as the API server asks of names.
fn is_dns_name(name: &str) -> bool {
    let inside = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.');
    let outside = |c: char| matches!(c, '-' | '.');
    name.len() <= 253
        && name.chars().all(inside)
        && !name.starts_with(outside)
        && !name.ends_with(outside)
}

#[cfg(test)]
mod tests;

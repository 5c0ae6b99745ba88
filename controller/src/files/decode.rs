//! Decodes documents into objects, with their problems.

mod lists;

use super::{
    as_stored,
    locate::{Position, Source},
    parse::{self, Document},
};
use crate::{
    diagnostic::{ConditionType, Kind, ObjectRef, Problem, Reason, Severity},
    objects::{self, CustomKind, Entry, Object, ObjectKind, Visitor},
    schema::{self, kubernetes, nearest},
};
use k8s_openapi::{ClusterResourceScope, NamespaceResourceScope};
use kube::Resource;
use portico_crds::{GROUP, VERSION};
use portico_dataplane::table::ObjectName;
use serde_json::Value;
use std::{collections::HashMap, fmt, sync::Arc};

/// The content of a file.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Contents {
    /// How many documents it has.
    documents: usize,
    /// The objects that Portico reads, and where each of them is.
    pub(super) objects: Vec<(Origin, Object)>,
    /// What is wrong with the file, other than the problems of Portico's own objects.
    pub(super) problems: Vec<FileProblem>,
    /// How many documents are of kinds that Portico does not read.
    pub(super) ignored: usize,
}

/// Where an object is in its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    /// The number of its document, from 1.
    pub(crate) document: usize,
    /// Where its document is.
    pub(crate) source: Source,
    /// Its index in the document's `items`, if that is a list.
    pub(crate) item: Option<usize>,
}

/// A problem of a file that can't be reported on one of Portico's own objects.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FileProblem {
    /// The document, from 1, not counting empty ones. `None` if it is about the whole file.
    pub document: Option<usize>,
    /// Where it is in the file, as far as that is known.
    pub position: Option<Position>,
    /// How serious it is.
    pub severity: Severity,
    /// What is wrong, and how to fix it.
    pub message: String,
}

impl FileProblem {
    /// An error that is about a whole file.
    pub(super) fn of_file(message: String) -> Self {
        Self { document: None, position: None, severity: Severity::Error, message }
    }
}

impl fmt::Display for FileProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(document) = self.document {
            write!(f, "document {document}: ")?;
        }
        if let Some(position) = self.position {
            write!(f, "{position}: ")?;
        }
        f.write_str(&self.message)
    }
}

/// Decodes a text. An error means that it can't be parsed, so that its content is unknown.
pub(super) fn decode(text: &str) -> Result<Contents, FileProblem> {
    parse::parse(text).map_err(|error| FileProblem {
        position: Some(error.position),
        ..FileProblem::of_file(format!("can't be parsed: {}", error.message))
    })
}

impl Extend<Document> for Contents {
    fn extend<I: IntoIterator<Item = Document>>(&mut self, documents: I) {
        for document in documents {
            self.documents += usize::from(!document.value.is_null());
            let origin = Origin { document: self.documents, source: document.source, item: None };
            for warning in &document.warnings {
                self.problems.push(FileProblem {
                    document: Some(origin.document.max(1)),
                    position: Some(warning.position),
                    severity: Severity::Warning,
                    message: warning.message.clone(),
                });
            }
            if !document.value.is_null() {
                self.document(origin, document);
            }
        }
    }
}

impl Contents {
    /// What is wrong with the file, without mere warnings.
    pub(super) fn errors(&self) -> impl Iterator<Item = &str> {
        let errors = self.problems.iter().filter(|it| it.severity == Severity::Error);
        errors.map(|error| error.message.as_str())
    }

    /// Whether there are errors that are not among those `before`, or more often.
    pub(super) fn has_errors_beside(&self, before: &[String]) -> bool {
        let mut counts: HashMap<&str, usize> = HashMap::new();
        before.iter().for_each(|error| *counts.entry(error).or_default() += 1);
        let mut errors = self.errors();
        errors.any(|error| match counts.get_mut(error) {
            Some(count) if *count > 0 => {
                *count -= 1;
                false
            }
            Some(_) | None => true,
        })
    }

    fn document(&mut self, origin: Origin, document: Document) {
        if !document.value.is_object() {
            return self
                .problem(origin, "is no object: write apiVersion, kind and metadata".to_owned());
        }
        if lists::is_list(&document.value) {
            return self.list(origin, document);
        }
        let mut reader = Reader { document: Some(document), object: None, warnings: Vec::new() };
        objects::visit(&mut reader);
        let Reader { document, object, warnings } = reader;
        let warnings =
            warnings.into_iter().map(|warning| origin.problem(Severity::Warning, warning));
        self.problems.extend(warnings);
        let rest = document.map(|document| document.value);
        match object.or_else(|| mistake(rest.as_ref()?).map(Err)) {
            Some(Ok(object)) => self.objects.push((origin, object)),
            Some(Err(message)) => self.problem(origin, message),
            None => {
                self.ignored += 1;
                let hint = rest.as_ref().and_then(hint);
                let severity = Severity::Warning;
                self.problems.extend(hint.map(|message| origin.problem(severity, message)));
            }
        }
    }

    fn problem(&mut self, origin: Origin, message: String) {
        self.problems.push(origin.problem(Severity::Error, message));
    }
}

impl Origin {
    fn problem(&self, severity: Severity, message: String) -> FileProblem {
        FileProblem { document: Some(self.document), position: None, severity, message }
    }
}

/// Decodes a document as the kind that it claims to be.
struct Reader {
    /// Taken once it has been decoded.
    document: Option<Document>,
    object: Option<Result<Object, String>>,
    /// What has no effect in one of Kubernetes' own objects, or would be refused in a cluster.
    warnings: Vec<String>,
}

impl Reader {
    fn read<K: ObjectKind>(&mut self, read: impl FnOnce(Document) -> Result<Object, String>) {
        let is_of_kind = |document: &mut Document| {
            document.value["apiVersion"] == *K::api_version(&())
                && document.value["kind"] == K::NAME
        };
        if let Some(document) = self.document.take_if(is_of_kind) {
            self.object = Some(read(document));
        }
    }

    /// One of Kubernetes' own objects.
    fn core<K: ObjectKind<Held = Arc<K>>>(
        &mut self,
        name: impl FnOnce(&mut Document) -> Result<ObjectName, String>,
    ) {
        let mut warnings = Vec::new();
        self.read::<K>(|mut document| {
            let name = name(&mut document)?;
            let shown = display_name(&name);
            let found = kubernetes::warnings::<K>(K::NAME, K::CHECK_NAME, &document.value);
            let found = found.into_iter();
            warnings = found.map(|(at, it)| format!("{} {shown}: {at}: {it}", K::NAME)).collect();
            core_object::<K>(name, document)
        });
        self.warnings.append(&mut warnings);
    }
}

impl Visitor for Reader {
    fn custom<K: CustomKind>(&mut self) {
        self.read::<K>(custom_object::<K>);
    }

    fn namespaced<K>(&mut self)
    where
        K: ObjectKind<Held = Arc<K>> + Resource<Scope = NamespaceResourceScope>,
    {
        self.core::<K>(|document| namespaced_name(K::NAME, document));
    }

    fn cluster<K>(&mut self)
    where
        K: ObjectKind<Held = Arc<K>> + Resource<Scope = ClusterResourceScope>,
    {
        self.core::<K>(|document| Ok(ObjectName::new("", required_name(K::NAME, document)?)));
    }

    fn referenced<K>(&mut self)
    where
        K: ObjectKind<Held = Arc<K>> + Resource<Scope = NamespaceResourceScope>,
    {
        self.namespaced::<K>();
    }
}

/// If a document of no known kind was meant to be one of Portico's own: what is wrong with it.
fn mistake(value: &Value) -> Option<String> {
    let text = |field| value.get(field).and_then(Value::as_str);
    let kind = text("kind");
    let Some(api_version) = text("apiVersion") else {
        let kind = Kind::named(kind?)?;
        return Some(format!("{kind} without apiVersion: write 'apiVersion: {GROUP}/{VERSION}'"));
    };
    let (group, version) = api_version.split_once('/').unwrap_or((api_version, api_version));
    if group != GROUP {
        return nearest(group, [GROUP].into_iter()).map(|_| {
            format!("apiVersion '{api_version}' is unknown; did you mean '{GROUP}/{VERSION}'?")
        });
    }
    Some(match kind {
        _ if version != VERSION => format!(
            "apiVersion '{api_version}' is not one that this release knows: write '{GROUP}/{VERSION}'"
        ),
        Some(other) => {
            format!("{api_version} has no kind '{other}': its kinds are FrontDoor and Route")
        }
        None => format!("{api_version} without 'kind': write FrontDoor or Route"),
    })
}

/// If a document of a kind that is not read was probably meant to have an effect: what to write
/// instead.
fn hint(value: &Value) -> Option<String> {
    if value["apiVersion"] != "v1" || value["kind"] != "Endpoints" {
        return None;
    }
    let name = value["metadata"]["name"].as_str().filter(|name| is_dns_name(name));
    let name = name.unwrap_or("SERVICE");
    Some(format!(
        "Endpoints {name} is not read: write an EndpointSlice (discovery.k8s.io/v1) with the label kubernetes.io/service-name: {name}"
    ))
}

/// Decodes one of Portico's own objects. Whatever is wrong with it becomes its problem, as long as
/// it has a name.
fn custom_object<K: CustomKind>(mut document: Document) -> Result<Object, String> {
    let name = namespaced_name(K::NAME, &mut document)?;
    let object = ObjectRef { kind: K::KIND, name: name.clone() };
    let duplicates = document.duplicates.iter().map(|duplicate| {
        let message =
            format!("is given twice, again in line {}: remove one", duplicate.position.line);
        Problem {
            object: object.clone(),
            severity: Severity::Error,
            condition: ConditionType::Accepted,
            field: duplicate.field(),
            reason: Reason::DuplicateField,
            message,
        }
    });
    as_stored::metadata(&mut document.value);
    let in_status = schema::unknown_in_status(&object, &document.value);
    let entry = Entry::decode(&object, document.value, duplicates.chain(in_status));
    Ok(K::object(name, entry))
}

fn core_object<K>(name: ObjectName, mut document: Document) -> Result<Object, String>
where
    K: ObjectKind<Held = Arc<K>>,
{
    let shown = display_name(&name);
    if let Some(duplicate) = document.duplicates.first() {
        let (kind, name, field) = (K::NAME, &name.name, duplicate.field());
        return Err(format!("{kind} {name} is not read: '{field}' is given twice: remove one"));
    }
    as_stored::object(&mut document.value);
    K::decode(document.value)
        .map(|object| K::object(name.clone(), Arc::new(object)))
        .map_err(|error| format!("{} {shown} does not decode: {error}", K::NAME))
}

/// A name for display: without a namespace if the kind is cluster-scoped.
pub(super) fn display_name(name: &ObjectName) -> String {
    if name.namespace.is_empty() { name.name.to_string() } else { name.to_string() }
}

/// The name of a namespaced object. The namespace defaults to `default`.
fn namespaced_name(kind: &str, document: &mut Document) -> Result<ObjectName, String> {
    let name = required_name(kind, document)?.to_owned();
    let namespace = metadata_name(kind, "namespace", document)?.unwrap_or("default").to_owned();
    if let Some(Value::Object(metadata)) = document.value.get_mut("metadata") {
        metadata.insert("namespace".to_owned(), Value::String(namespace.clone()));
    }
    Ok(ObjectName::new(namespace, name))
}

fn required_name<'d>(kind: &str, document: &'d Document) -> Result<&'d str, String> {
    metadata_name(kind, "name", document)?
        .ok_or_else(|| format!("{kind} without metadata.name: give it one"))
}

/// A field of the metadata that identifies the object: not duplicated, and a DNS name.
fn metadata_name<'d>(
    kind: &str,
    key: &str,
    document: &'d Document,
) -> Result<Option<&'d str>, String> {
    let field = format!("metadata.{key}");
    for duplicate in &document.duplicates {
        let duplicate = duplicate.field();
        if duplicate == field || ["apiVersion", "kind", "metadata"].contains(&duplicate.as_str()) {
            return Err(format!("{kind}: '{duplicate}' is given twice: which object is meant?"));
        }
    }
    match &document.value["metadata"][key] {
        Value::Null => Ok(None),
        Value::String(name) if name.is_empty() => Ok(None),
        Value::String(name) if is_dns_name(name) => Ok(Some(name)),
        other => Err(format!(
            "{kind}: {field} {other} is not a name: lower-case letters, digits, '-' and '.', as a string"
        )),
    }
}

/// RFC 1123 subdomain, as the API server requires of names.
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

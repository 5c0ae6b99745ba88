//! Decodes documents into objects, with their problems.

mod lists;
mod mistakes;
mod names;

pub(super) use self::names::display_name;

use self::{
    mistakes::{hint, mistake},
    names::{namespaced_name, required_name},
};
use super::{
    as_stored,
    locate::{Position, Source},
    parse::{self, Document},
    syntax,
    unused::Unused,
};
use crate::{
    diagnostic::{ConditionType, ObjectRef, Problem, Reason, Severity},
    objects::{self, CustomKind, Entry, Object, ObjectKind, Undecoded, Visitor},
    schema::{self, kubernetes},
};
use k8s_openapi::{ClusterResourceScope, NamespaceResourceScope};
use kube::Resource;
use portico_dataplane::table::ObjectName;
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
    /// The documents that are not used.
    pub(super) unused: Unused,
}

/// Where an object is in its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
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
    /// The object that it is about; `None` if it is about the whole file.
    pub(crate) origin: Option<Origin>,
    /// The path of the field; empty if it is about the whole object or file.
    pub field: String,
    /// Where it is in the file, as far as that is known. Where fields are is looked up when the
    /// problem is shown.
    pub position: Option<Position>,
    /// How serious it is.
    pub severity: Severity,
    /// What is wrong, and how to fix it.
    pub message: String,
}

impl FileProblem {
    /// An error that is about a whole file.
    pub(super) fn of_file(message: impl Into<String>) -> Self {
        let (severity, message) = (Severity::Error, message.into());
        Self { origin: None, field: String::new(), position: None, severity, message }
    }

    /// The document, from 1, not counting empty ones. `None` if it is about the whole file.
    pub fn document(&self) -> Option<usize> {
        self.origin.map(|origin| origin.document)
    }
}

/// Why a document can't be read.
struct Wrong {
    /// The path of the field; empty for the object itself.
    field: String,
    message: String,
}

impl Wrong {
    fn new(field: &str, message: impl Into<String>) -> Self {
        Self { field: field.to_owned(), message: message.into() }
    }
}

impl fmt::Display for FileProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(document) = self.document() {
            write!(f, "document {document}: ")?;
        }
        if let Some(position) = self.position {
            write!(f, "{position}: ")?;
        }
        f.write_str(&self.message)
    }
}

/// Decodes a text. An error means that it can't be parsed, so that its content is unknown.
pub(super) fn decode(text: &str) -> Result<Contents, Box<FileProblem>> {
    parse::parse(text).map_err(|error| {
        let hint = syntax::hint(text, &error);
        let hint = hint.map(|hint| format!("; {hint}")).unwrap_or_default();
        let message = format!("can't be parsed: {}{hint}", error.message);
        Box::new(FileProblem { position: Some(error.position), ..FileProblem::of_file(message) })
    })
}

impl Extend<Document> for Contents {
    fn extend<I: IntoIterator<Item = Document>>(&mut self, documents: I) {
        for document in documents {
            self.documents += usize::from(!document.value.is_null());
            let origin = Origin { document: self.documents, source: document.source, item: None };
            for warning in &document.warnings {
                self.problems.push(FileProblem {
                    origin: Some(Origin { document: origin.document.max(1), ..origin }),
                    position: Some(warning.position),
                    severity: Severity::Warning,
                    ..FileProblem::of_file(warning.message.clone())
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
            let message = "is not an object: write apiVersion, kind and metadata";
            return self.problem(origin, Wrong::new("", message));
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
        match object {
            Some(Ok(object)) => return self.objects.push((origin, object)),
            Some(Err(wrong)) => return self.problem(origin, wrong),
            None => {}
        }
        let Some(Document { value, .. }) = document else { return };
        if let Some(wrong) = mistake(&value) {
            return self.problem(origin, wrong);
        }
        self.unused.add(&value);
        let hint = hint(&value).map(|message| Wrong::new("kind", message));
        self.problems.extend(hint.map(|hint| origin.problem(Severity::Warning, hint)));
    }

    fn problem(&mut self, origin: Origin, wrong: Wrong) {
        self.problems.push(origin.problem(Severity::Error, wrong));
    }
}

impl Origin {
    fn problem(&self, severity: Severity, Wrong { field, message }: Wrong) -> FileProblem {
        FileProblem { origin: Some(*self), field, position: None, severity, message }
    }
}

/// Decodes a document as the kind that it claims to be.
struct Reader {
    /// Taken once it has been decoded.
    document: Option<Document>,
    object: Option<Result<Object, Wrong>>,
    /// What has no effect in one of Kubernetes' own objects, or would be refused in a cluster.
    warnings: Vec<Wrong>,
}

impl Reader {
    fn read<K: ObjectKind>(&mut self, read: impl FnOnce(Document) -> Result<Object, Wrong>) {
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
        name: impl FnOnce(&mut Document) -> Result<ObjectName, Wrong>,
    ) {
        let mut warnings = Vec::new();
        self.read::<K>(|mut document| {
            let name = name(&mut document)?;
            let shown = display_name(&name);
            let found = kubernetes::warnings::<K>(K::NAME, K::CHECK_NAME, &document.value);
            let found = found.into_iter();
            let found = found.map(|(at, it)| {
                let message = format!("{} {shown}: {at}: {it}", K::NAME);
                Wrong { field: at, message }
            });
            warnings = found.collect();
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

/// Decodes one of Portico's own objects. Whatever is wrong with it becomes its problem, as long as
/// it has a name.
fn custom_object<K: CustomKind>(mut document: Document) -> Result<Object, Wrong> {
    let name = namespaced_name(K::NAME, &mut document)?;
    let object = ObjectRef { kind: K::KIND, name: name.clone() };
    let duplicates = document.duplicates.iter().map(|duplicate| {
        let message =
            format!("is given twice, again on line {}: remove one", duplicate.position.line);
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

fn core_object<K>(name: ObjectName, mut document: Document) -> Result<Object, Wrong>
where
    K: ObjectKind<Held = Arc<K>>,
{
    let shown = display_name(&name);
    if let Some(duplicate) = document.duplicates.first() {
        let (kind, field) = (K::NAME, duplicate.field());
        let message = format!("{kind} {shown} is not read: '{field}' is given twice: remove one");
        return Err(Wrong { field, message });
    }
    as_stored::object(&mut document.value);
    K::decode(document.value).map(|object| K::object(name.clone(), Arc::new(object))).map_err(
        |Undecoded { field, message }| {
            let colon = if field.is_empty() { "" } else { ": " };
            let message = format!("{} {shown} does not decode: {field}{colon}{message}", K::NAME);
            Wrong { field, message }
        },
    )
}

#[cfg(test)]
mod tests;

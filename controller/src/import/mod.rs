//! FrontDoors and Routes for what another front door is configured with, and a report on each field
//! of it: kept, kept with a difference, or not kept. Nothing is dropped in silence: what no importer
//! has looked at is reported as such.

mod azure;
mod ingress;
mod ordered;
mod report;
mod source;

pub use azure::azure;
pub use ingress::{Controller, ingress};
pub use report::{Entry, Report, Verdict};
pub use source::{Node, Source, SourceError, read};

use crate::manifest::{File, document};
use ordered::Ordered;
use serde::Serialize;
use serde_json::Value;

/// What was imported.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Imported {
    /// The FrontDoors and Routes.
    pub objects: Vec<Object>,
    /// What became of each field of the source.
    pub report: Vec<Entry>,
}

/// A FrontDoor or a Route, or what one of them refers to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Object {
    /// `apiVersion`.
    #[serde(skip)]
    pub api_version: &'static str,
    /// Its kind.
    pub kind: &'static str,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// What is to be said of it, a line each.
    #[serde(skip)]
    pub about: Vec<String>,
    /// What follows its metadata: `{"spec": …}`.
    #[serde(skip)]
    pub content: Value,
}

impl Imported {
    /// Whether something needs a look: not all was kept as it was.
    pub fn needs_a_look(&self) -> bool {
        self.report.iter().any(|entry| entry.verdict != Verdict::Kept)
    }

    /// The manifests: a file for each object.
    ///
    /// # Errors
    /// If an object can't be written.
    pub fn files(&self) -> Result<Vec<File>, serde_saphyr::SerializeError> {
        let file = |object: &Object| {
            let Object { kind, namespace, name, about, .. } = object;
            let name = format!("{}-{namespace}-{name}.yaml", kind.to_lowercase());
            Ok(File { name, text: document(about, &Ordered(&object.to_manifest()))? })
        };
        self.objects.iter().map(file).collect()
    }
}

impl Object {
    /// All of it.
    pub fn to_manifest(&self) -> Value {
        let Self { api_version, kind, namespace, name, content, .. } = self;
        let mut manifest = serde_json::json!({
            "apiVersion": api_version,
            "kind": kind,
            "metadata": {"name": name, "namespace": namespace},
        });
        if let (Some(manifest), Some(content)) = (manifest.as_object_mut(), content.as_object()) {
            manifest.extend(content.clone());
        }
        manifest
    }
}

//! Manifests that Portico writes for people to edit.

use serde::Serialize;

/// A file of manifests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Its name.
    pub name: String,
    /// YAML documents.
    pub text: String,
}

/// A YAML document with comments in front.
///
/// # Errors
/// If the object can't be written.
pub fn document(
    about: &[String],
    object: &impl Serialize,
) -> Result<String, serde_saphyr::SerializeError> {
    let mut text = "---\n".to_owned();
    for line in about {
        text.push_str(&format!("# {line}\n"));
    }
    text.push_str(&serde_saphyr::to_string(object)?);
    if !text.ends_with('\n') {
        text.push('\n');
    }
    Ok(text)
}

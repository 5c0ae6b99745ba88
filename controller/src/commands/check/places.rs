//! Finds where problems are written.

use super::findings::Finding;
use crate::{
    diagnostic::Problem,
    files::{Mark, Origin, Texts},
};
use std::{collections::BTreeMap, path::Path};

/// A problem whose place is wanted.
pub(super) struct Wanted<'r, 'f> {
    pub(super) path: &'r Path,
    pub(super) origin: Origin,
    pub(super) finding: &'f mut Finding<'r>,
}

/// Fills in the files and positions of problems. Each document that has any is parsed once more,
/// however many it has.
pub(super) fn find<'r>(wanted: Vec<Wanted<'r, '_>>, texts: &Texts) {
    let mut files: BTreeMap<&'r Path, Vec<Wanted<'r, '_>>> = BTreeMap::new();
    for one in wanted {
        files.entry(one.path).or_default().push(one);
    }
    for (path, mut wanted) in files {
        let marks: Vec<_> = wanted.iter().map(mark).collect();
        let positions = texts.locate(path, &marks);
        for (Wanted { origin, finding, .. }, position) in wanted.iter_mut().zip(positions) {
            finding.file = Some(path);
            finding.document = Some(origin.document);
            finding.position = finding.position.or(position);
        }
    }
}

fn mark<'r>(Wanted { origin, finding, .. }: &Wanted<'r, '_>) -> Mark<'r> {
    let (field, is_key) = (finding.field, Problem::is_about_name(finding.reason, &finding.message));
    Mark { origin: *origin, field, is_key }
}

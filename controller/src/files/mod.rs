//! Reads objects from files, and watches those.

mod as_stored;
mod cache;
mod decode;
pub(crate) mod locate;
mod merge;
pub(crate) mod parse;
mod source;
pub(crate) mod text;
mod walk;
mod watch;

pub use decode::FileProblem;
pub use locate::Position;
pub use merge::{Location, Merged};
pub use source::Files;

use cache::Cache;
use std::{
    path::{Path, PathBuf},
    time::Duration,
};

/// Reads all manifests under `paths` once.
pub fn read(paths: &[PathBuf]) -> Merged {
    let mut cache = Cache::default();
    cache.refresh(walk::walk(paths, &mut |_| {}), &|_| false, Duration::ZERO);
    cache.merge()
}

/// Reads YAML manifests from memory, given with their names.
pub fn read_texts<'a>(texts: impl IntoIterator<Item = (&'a str, &'a str)>) -> Merged {
    let mut merged = Merged::default();
    for (name, text) in texts {
        match decode::decode(text) {
            Ok(contents) => merged.add(Path::new(name), &contents),
            Err(problem) => merged.broken(Path::new(name), problem),
        }
    }
    merged.finish()
}

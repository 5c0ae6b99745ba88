//! Objects from files: read, decode, watch.

mod cache;
mod decode;
mod merge;
mod parse;
mod walk;

pub use decode::FileProblem;
pub use merge::{Merged, Origin};

use cache::Cache;
use std::path::PathBuf;

/// Reads all manifests under `paths` once.
pub fn read(paths: &[PathBuf]) -> Merged {
    let mut cache = Cache::default();
    cache.refresh(walk::walk(paths, &mut |_| {}), &|_| false);
    cache.merge()
}

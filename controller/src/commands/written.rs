//! Writes manifests into a folder.

use crate::manifest::File;
use anyhow::{Context, bail};
use std::{fs, io::Write, path::Path};

/// Writes the manifests into a folder. What is there has perhaps been edited, so it stays.
pub(super) fn write(folder: &Path, files: &[File]) -> anyhow::Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("creating {}", folder.display()))?;
    let paths: Vec<_> = files.iter().map(|file| folder.join(&file.name)).collect();
    if let Some(path) = paths.iter().find(|path| path.symlink_metadata().is_ok()) {
        bail!("{} exists: choose another folder with --out, or remove it", path.display());
    }
    for (path, file) in paths.iter().zip(files) {
        let create = || fs::File::create_new(path)?.write_all(file.text.as_bytes());
        create().with_context(|| format!("writing {}", path.display()))?;
    }
    Ok(())
}

//! Reads objects from files, and watches those.

mod as_stored;
mod cache;
mod decode;
pub(crate) mod locate;
mod merge;
pub(crate) mod parse;
mod source;
mod syntax;
pub(crate) mod text;
mod texts;
mod unused;
mod walk;
mod watch;
mod written;

pub use decode::FileProblem;
pub use locate::Position;
pub use merge::{Location, Merged};
pub use source::Files;
pub use texts::{Excerpt, Texts};
pub use unused::Unused;

pub(crate) use decode::Origin;
pub(crate) use texts::Mark;

use serde_json::Value;
use std::{
    io,
    path::{Path, PathBuf},
    slice,
    sync::Arc,
};

/// Stands for the standard input on the command line.
pub const STDIN: &str = "-";

/// What the standard input is called.
const STDIN_NAME: &str = "<stdin>";

/// Reads all manifests under `paths` once, and those of the standard input if it is among them.
/// Keeps the texts.
pub fn read(paths: &[PathBuf]) -> Merged {
    let mut merged = Merged::default();
    let (stdin, paths): (Vec<_>, Vec<_>) =
        paths.iter().cloned().partition(|path| path.as_os_str() == STDIN);
    if !stdin.is_empty() {
        add(&mut merged, Path::new(STDIN_NAME), text::of(io::stdin().lock()));
    }
    let walk = walk::walk(&paths, &mut |_| {});
    for (path, message) in walk.unreadable {
        merged.broken(&path, FileProblem::of_file(message));
    }
    for path in walk.files.into_keys() {
        add(&mut merged, &path, text::read(&path));
    }
    merged.finish()
}

/// Reads manifests from memory, given with their names.
pub fn read_texts<'a>(texts: impl IntoIterator<Item = (&'a str, &'a str)>) -> Merged {
    let mut merged = Merged::default();
    for (name, text) in texts {
        add(&mut merged, Path::new(name), Ok(text.to_owned()));
    }
    merged.finish()
}

/// The files that these paths stand for: of a folder, all manifests under it, by name.
///
/// # Errors
/// The path that can't be read, and why.
pub fn list(paths: &[PathBuf]) -> Result<Vec<PathBuf>, (PathBuf, String)> {
    let mut files = Vec::new();
    for path in paths {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let walk = walk::walk(slice::from_ref(path), &mut |_| {});
        if let Some(unreadable) = walk.unreadable.into_iter().next() {
            return Err(unreadable);
        }
        if walk.files.is_empty() {
            return Err((path.clone(), "no YAML or JSON files in this folder".to_owned()));
        }
        files.extend(walk.files.into_keys());
    }
    Ok(files)
}

/// Reads a file of any kind, or the standard input, as text.
///
/// # Errors
/// If it can't be read, is larger than 64 MiB, or is not UTF-8 (or UTF-16 with a mark).
pub fn read_text(path: &Path) -> io::Result<String> {
    match path.as_os_str() == STDIN {
        true => text::of(io::stdin().lock()),
        false => text::read(path),
    }
}

/// The values of the documents of a text, YAML or JSON, without empty ones.
///
/// # Errors
/// If the text can't be parsed; with line and column.
pub fn values(text: &str) -> Result<Vec<Value>, String> {
    let documents = parse::parse::<Vec<parse::Document>>(text).map_err(|it| it.to_string())?;
    let values = documents.into_iter().map(|document| document.value);
    Ok(values.filter(|value| !value.is_null()).collect())
}

fn add(merged: &mut Merged, path: &Path, text: io::Result<String>) {
    let text = match text {
        Ok(text) => text,
        Err(error) => {
            return merged.broken(path, FileProblem::of_file(format!("can't be read: {error}")));
        }
    };
    match decode::decode(&text) {
        Ok(contents) => {
            merged.add(path, &contents);
            merged.files += 1;
        }
        Err(problem) => merged.broken(path, *problem),
    }
    merged.texts.insert(Arc::from(path), text);
}

//! Finds manifest files in folders.

use std::{
    collections::{BTreeMap, HashSet},
    fs::{self, Metadata},
    io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

/// The result of a walk.
#[derive(Debug, Default)]
pub(super) struct Walk {
    /// The files, by the paths under which they were found.
    pub(super) files: BTreeMap<PathBuf, Found>,
    /// What could not be accessed, and why. What it contains is unknown.
    pub(super) unreadable: BTreeMap<PathBuf, String>,
}

/// A file.
#[derive(Debug)]
pub(super) struct Found {
    /// Its path without symbolic links.
    pub(super) real: PathBuf,
    /// Changes when the file does.
    pub(super) stamp: Stamp,
}

/// Changes when a file does, except for two changes within one tick of the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    identity: Identity,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
    regular: bool,
}

type Identity = (u64, u64);

impl Stamp {
    fn new(metadata: &Metadata) -> Self {
        Self {
            identity: identity(metadata),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
            regular: metadata.is_file(),
        }
    }

    /// Whether another change could leave the stamp as it is, because the last one was less than a
    /// second before `now` (seconds since the epoch). Pipes are read only once.
    pub(super) fn is_young(&self, now: i64) -> bool {
        self.regular && self.modified.0.max(self.changed.0) >= now - 1
    }
}

fn identity(metadata: &Metadata) -> Identity {
    (metadata.dev(), metadata.ino())
}

/// Finds `*.yaml`, `*.yml` and `*.json` under `roots`, except for dot files and dot folders; a root
/// counts whatever its name. Symbolic links are followed, and each file and folder is visited once.
/// `enter` is called with the real path of every folder before it is read, so that a watch started
/// there misses nothing.
pub(super) fn walk(roots: &[PathBuf], enter: &mut dyn FnMut(&Path)) -> Walk {
    let mut walker = Walker { found: Walk::default(), met: HashSet::new(), enter };
    for root in roots {
        if let Err(error) = walker.root(root) {
            walker.fail(root, &error);
        }
    }
    walker.found
}

/// The extensions of manifests. Which of the two formats a file has is decided by its text.
const EXTENSIONS: [&str; 3] = ["yaml", "yml", "json"];

fn is_manifest(path: &Path) -> bool {
    let is_one = |extension: &std::ffi::OsStr| {
        EXTENSIONS.iter().any(|known| extension.eq_ignore_ascii_case(known))
    };
    path.extension().is_some_and(is_one)
}

struct Walker<'e> {
    found: Walk,
    met: HashSet<Identity>,
    enter: &'e mut dyn FnMut(&Path),
}

impl Walker<'_> {
    fn root(&mut self, root: &Path) -> io::Result<()> {
        // A link is replaced in its own folder, a file in the folder that contains it.
        let folder = |path: &Path| match path.parent() {
            Some(parent) if parent.as_os_str().is_empty() => fs::canonicalize("."),
            Some(parent) => fs::canonicalize(parent),
            None => fs::canonicalize(path),
        };
        if !fs::metadata(root).is_ok_and(|metadata| metadata.is_dir()) {
            (self.enter)(&folder(root)?);
        }
        let metadata = fs::metadata(root)?;
        // Pipes, such as those of a shell's <(…), have no real path.
        let real = fs::canonicalize(root).unwrap_or_else(|_| root.to_owned());
        if metadata.is_dir() {
            return self.folder(root, &real, &metadata);
        }
        (self.enter)(&folder(&real)?);
        self.file(root, real, &metadata);
        Ok(())
    }

    fn folder(&mut self, path: &Path, real: &Path, metadata: &Metadata) -> io::Result<()> {
        if !self.met.insert(identity(metadata)) {
            return Ok(());
        }
        (self.enter)(real);
        let mut entries = fs::read_dir(path)?.collect::<io::Result<Vec<_>>>()?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            if entry.file_name().as_encoded_bytes().starts_with(b".") {
                continue;
            }
            let path = entry.path();
            if let Err(error) = self.entry(&entry, &path, real) {
                self.fail(&path, &error);
            }
        }
        Ok(())
    }

    fn entry(&mut self, entry: &fs::DirEntry, path: &Path, folder: &Path) -> io::Result<()> {
        let kind = entry.file_type()?;
        if kind.is_dir() {
            return self.folder(path, &folder.join(entry.file_name()), &entry.metadata()?);
        }
        if kind.is_file() {
            if is_manifest(path) {
                self.file(path, folder.join(entry.file_name()), &entry.metadata()?);
            }
            return Ok(());
        }
        if !kind.is_symlink() {
            return Ok(());
        }
        match fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => {
                self.folder(path, &fs::canonicalize(path)?, &metadata)
            }
            Ok(metadata) if metadata.is_file() && is_manifest(path) => {
                let real = fs::canonicalize(path)?;
                if let Some(parent) = real.parent() {
                    (self.enter)(parent);
                }
                self.file(path, real, &metadata);
                Ok(())
            }
            Ok(_) => Ok(()),
            Err(_) if !is_manifest(path) => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn file(&mut self, path: &Path, real: PathBuf, metadata: &Metadata) {
        if self.met.insert(identity(metadata)) {
            let found = Found { real, stamp: Stamp::new(metadata) };
            self.found.files.insert(path.to_owned(), found);
        }
    }

    /// Something removed during the walk is absent rather than unreadable. A dangling link is
    /// unreadable.
    fn fail(&mut self, path: &Path, error: &io::Error) {
        let gone = error.kind() == io::ErrorKind::NotFound && fs::symlink_metadata(path).is_err();
        if !gone {
            self.found.unreadable.insert(path.to_owned(), format!("can't be read: {error}"));
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn found(roots: &[&Path]) -> Vec<String> {
        let roots: Vec<_> = roots.iter().map(|root| root.to_path_buf()).collect();
        let walk = walk(&roots, &mut |_| {});
        walk.files
            .keys()
            .chain(walk.unreadable.keys())
            .map(|path| path.strip_prefix(&roots[0]).unwrap_or(path).display().to_string())
            .collect()
    }

    fn folder(files: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        folder
    }

    #[test]
    fn manifests_are_found_in_folders_and_dot_files_are_not() {
        let folder = folder(&[
            "a.yaml",
            "b.yml",
            "c.json",
            "D.YAML",
            "e.txt",
            "yaml",
            ".f.yaml",
            ".git/g.yaml",
            "h/i/j.yaml",
        ]);
        assert_eq!(found(&[folder.path()]), ["D.YAML", "a.yaml", "b.yml", "c.json", "h/i/j.yaml"]);
    }

    #[test]
    fn what_is_named_counts_whatever_its_name() {
        let folder = folder(&[".hidden/a.yaml", "b.txt"]);
        let (hidden, text) = (folder.path().join(".hidden"), folder.path().join("b.txt"));
        assert_eq!(found(&[folder.path(), &hidden, &text]), [".hidden/a.yaml", "b.txt"]);
    }

    #[test]
    fn a_configmap_mount_is_read_once() {
        let folder = folder(&["..2026_01/a.yaml"]);
        symlink("..2026_01", folder.path().join("..data")).unwrap();
        symlink("..data/a.yaml", folder.path().join("a.yaml")).unwrap();
        assert_eq!(found(&[folder.path()]), ["a.yaml"]);
    }

    #[test]
    fn nothing_is_met_twice_and_loops_end() {
        let folder = folder(&["sub/a.yaml"]);
        symlink("..", folder.path().join("sub/up")).unwrap();
        symlink("sub", folder.path().join("again")).unwrap();
        symlink("sub/a.yaml", folder.path().join("b.yaml")).unwrap();
        let sub = folder.path().join("sub");
        assert_eq!(found(&[folder.path(), &sub, folder.path()]), ["again/a.yaml"]);
    }

    #[test]
    fn links_that_lead_nowhere_are_reported() {
        let folder = folder(&[]);
        symlink("self.yaml", folder.path().join("self.yaml")).unwrap();
        symlink("nowhere", folder.path().join("gone.yaml")).unwrap();
        symlink("nowhere", folder.path().join("gone.txt")).unwrap();
        assert_eq!(found(&[folder.path()]), ["gone.yaml", "self.yaml"]);
    }

    #[test]
    fn folders_are_entered_before_they_are_looked_at() {
        let folder = folder(&["a.yaml", "sub/b.yaml"]);
        let real = fs::canonicalize(folder.path()).unwrap();
        let mut entered = Vec::new();
        walk(&[folder.path().join("a.yaml")], &mut |path| entered.push(path.to_owned()));
        assert!(entered.iter().all(|path| *path == real) && !entered.is_empty(), "{entered:?}");
        entered.clear();
        walk(&[folder.path().to_owned()], &mut |path| entered.push(path.to_owned()));
        assert_eq!(entered, [real.clone(), real.join("sub")]);
    }
}

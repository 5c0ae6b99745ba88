//! What each file last gave.

use super::{
    decode::{self, Contents},
    merge::Merged,
    parse::Format,
    walk::{self, Found, Stamp, Walk},
};
use std::{
    collections::BTreeMap,
    fs,
    hash::{DefaultHasher, Hash, Hasher},
    io::{self, Read},
    path::{Path, PathBuf},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

/// A file beyond this is not read: it is no manifest.
const MAX_FILE_BYTES: u64 = 1 << 30;

/// How long a file that is gone still counts: many editors move a file away before they write the
/// new one, and its Routes must not go away in between.
pub(super) const REMOVAL_DELAY: Duration = Duration::from_millis(50);

/// What each file last gave.
#[derive(Debug, Default)]
pub(super) struct Cache {
    files: BTreeMap<PathBuf, Cached>,
    unreadable: BTreeMap<PathBuf, String>,
}

#[derive(Debug, Default)]
struct Cached {
    /// `None` where a further change might not show in it.
    stamp: Option<Stamp>,
    /// Of the text that was last looked at.
    hash: Option<u64>,
    contents: Contents,
    /// Why the file can't be read or parsed. Its contents are those of before.
    broken: Option<String>,
    /// Since when the file is gone.
    gone: Option<Instant>,
}

impl Cache {
    /// Reads what changed. `hold` says which files (without symbolic links) are being written just
    /// now; they stay as they are. Files that are gone for `linger` are forgotten. Whether anything
    /// is different.
    pub(super) fn refresh(
        &mut self,
        walk: Walk,
        hold: &dyn Fn(&Path) -> bool,
        linger: Duration,
    ) -> bool {
        let mut changed = self.unreadable != walk.unreadable;
        self.unreadable = walk.unreadable;
        let unreadable = &self.unreadable;
        self.files.retain(|path, file| {
            let there = walk.files.contains_key(path)
                || path.ancestors().any(|above| unreadable.contains_key(above));
            // Gone or back: what another file has, too, is that file's alone now or no more.
            changed |= file.gone.is_some() == there;
            file.gone = if there { None } else { file.gone.or_else(|| Some(Instant::now())) };
            let keep = file.gone.is_none_or(|since| since.elapsed() < linger);
            changed |= !keep;
            keep
        });
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs());
        let now = i64::try_from(now).unwrap_or(i64::MAX);
        for (path, found) in walk.files {
            let known = self.files.get(&path).is_some_and(|file| file.stamp == Some(found.stamp));
            if !known && !hold(&found.real) {
                let file = self.files.entry(path.clone()).or_default();
                changed |= file.read(&path, &found, now);
            }
        }
        changed
    }

    /// Whether a file that is gone still counts.
    pub(super) fn lingers(&self) -> bool {
        self.files.values().any(|file| file.gone.is_some())
    }

    /// All files together.
    pub(super) fn merge(&self) -> Merged {
        let mut merged = Merged::default();
        for (path, message) in &self.unreadable {
            merged.broken(path, message);
        }
        let (there, gone): (Vec<_>, Vec<_>) =
            self.files.iter().partition(|(_, file)| file.gone.is_none());
        for (path, file) in there {
            merged.add(path, &file.contents);
            match &file.broken {
                Some(message) => merged.broken(path, message),
                None => merged.files += 1,
            }
        }
        for (path, file) in gone {
            merged.fill(path, &file.contents);
        }
        merged
    }
}

impl Cached {
    fn read(&mut self, path: &Path, found: &Found, now: i64) -> bool {
        self.stamp = (!found.stamp.is_young(now)).then_some(found.stamp);
        let text = match read(path) {
            Ok(text) => text,
            Err(error) => return self.failed(&error),
        };
        let mut hasher = DefaultHasher::new();
        text.hash(&mut hasher);
        let hash = hasher.finish();
        if self.hash.replace(hash) == Some(hash) {
            return false;
        }
        let format = if walk::is_json(path) { Format::Json } else { Format::Yaml };
        match decode::decode(&text, format) {
            Ok(contents) => {
                self.broken = None;
                self.contents = contents;
            }
            Err(message) => self.broken = Some(format!("can't be parsed: {message}")),
        }
        true
    }

    fn failed(&mut self, error: &io::Error) -> bool {
        if !matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::FileTooLarge) {
            self.stamp = None; // Another try may do, with the file as it is.
        }
        if error.kind() == io::ErrorKind::NotFound {
            return false; // Removed since it was found; the next look finds it gone.
        }
        self.hash = None;
        let message = format!("can't be read: {error}");
        self.broken.replace(message.clone()) != Some(message)
    }
}

fn read(path: &Path) -> io::Result<String> {
    let mut bytes = Vec::new();
    fs::File::open(path)?.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        io::Error::new(io::ErrorKind::InvalidData, format!("not UTF-8 from byte {at} on"))
    })
}

#[cfg(test)]
mod tests;

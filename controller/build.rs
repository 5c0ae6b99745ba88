//! What `--version` says of a build: the commit, and what the build has that others may lack.

#![allow(clippy::print_stdout)] // that is how Cargo is told

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

/// Where there is no commit to name.
const UNKNOWN: &str = "unknown";

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=PORTICO_COMMIT");
    let commit = commit().unwrap_or_else(|| UNKNOWN.to_owned());
    let version = match commit.as_str() {
        UNKNOWN => variable("CARGO_PKG_VERSION"),
        commit => {
            format!("{} ({})", variable("CARGO_PKG_VERSION"), commit.get(..12).unwrap_or(commit))
        }
    };
    let is_static = variable("CARGO_CFG_TARGET_FEATURE").split(',').any(|one| one == "crt-static");
    let linked = if is_static { "static" } else { "dynamic" };
    for (name, value) in [
        ("PORTICO_COMMIT", commit),
        ("PORTICO_VERSION", version),
        ("PORTICO_LINKED", linked.to_owned()),
        ("PORTICO_PROFILE", variable("PROFILE")),
        ("PORTICO_TARGET", variable("TARGET")),
    ] {
        println!("cargo::rustc-env={name}={value}");
    }
}

/// The commit that is built: `PORTICO_COMMIT` or, in a release build from a clone of the repository,
/// the one that is checked out. A debug build does not ask, or each commit would cost another build.
fn commit() -> Option<String> {
    let given = variable("PORTICO_COMMIT");
    if !given.is_empty() {
        let is_plain = given.len() <= 64 && given.bytes().all(|b| b.is_ascii_alphanumeric());
        assert!(is_plain, "PORTICO_COMMIT={given}: write a commit's hash");
        return Some(given);
    }
    let root = Path::new(&variable("CARGO_MANIFEST_DIR")).parent()?.canonicalize().ok()?;
    // In a copy without .git, it may be another repository that is found further up.
    let top = PathBuf::from(git(&root, &["rev-parse", "--show-toplevel"])?);
    if variable("PROFILE") != "release" || top.canonicalize().ok()? != root {
        return None;
    }
    // It has a new line for each commit and checkout.
    let log = root.join(git(&root, &["rev-parse", "--git-path", "logs/HEAD"])?);
    if log.exists() {
        println!("cargo::rerun-if-changed={}", log.display());
    }
    git(&root, &["rev-parse", "HEAD"])
}

/// What git says; `None` if it is missing, or says no.
fn git(folder: &Path, arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").current_dir(folder).args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}

fn variable(name: &str) -> String {
    env::var(name).unwrap_or_default()
}

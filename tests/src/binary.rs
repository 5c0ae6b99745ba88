//! Programs that tests run: the `portico` binary, as a user runs it, and those of others.

use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::{
    env,
    path::PathBuf,
    process::{Command, Stdio},
    sync::OnceLock,
};

/// Builds the binary in this build's profile and says where it is. Cargo makes nothing new where
/// nothing changed.
pub fn portico() -> Result<PathBuf> {
    static BUILT: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let built = BUILT.get_or_init(|| build().map_err(|error| format!("{error:#}")));
    built.clone().map_err(anyhow::Error::msg)
}

fn build() -> Result<PathBuf> {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["build", "--package", "portico", "--bin", "portico", "--message-format=json"]);
    if !cfg!(debug_assertions) {
        cargo.arg("--release");
    }
    cargo.current_dir(env!("CARGO_MANIFEST_DIR")).stderr(Stdio::inherit());
    let output = cargo.output().context("running cargo build")?;
    if !output.status.success() {
        bail!("cargo build: {}", output.status);
    }
    let messages = String::from_utf8(output.stdout)?;
    let path = messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .find_map(|message| message["executable"].as_str().map(PathBuf::from));
    path.context("cargo build names no executable")
}

/// Runs the Go program in a folder of `tests/`, which is fed and read through pipes.
pub fn go(folder: &str) -> Result<Command> {
    let tests = crate::root().join("tests").canonicalize()?;
    let mut go = Command::new(tests.join("kind/tools/go"));
    go.args(["run", "."]).current_dir(tests.join(folder));
    go.stdin(Stdio::piped()).stdout(Stdio::piped());
    Ok(go)
}

/// Whether a program of this Debian package is here; where not, a test is skipped.
///
/// # Panics
/// If it is not, in CI.
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
pub fn is_here(program: &str, package: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    let is_here = env::split_paths(&path).any(|folder| folder.join(program).is_file());
    if !is_here {
        assert!(env::var_os("CI").is_none(), "no {program}: apt-get install {package}");
        eprintln!("skipped, no {program}: apt-get install {package}");
    }
    is_here
}

//! Completions, manual pages, and what `--version` says.
#![allow(clippy::unwrap_used)]

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

const COMMANDS: [&str; 11] = [
    "demo",
    "serve",
    "operator",
    "check",
    "explain",
    "plan",
    "report",
    "import",
    "crds",
    "completions",
    "man",
];

fn portico(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_portico")).args(args).output().unwrap()
}

fn printed(args: &[&str]) -> String {
    let output = portico(args);
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// What bash completes in a line whose last word is unfinished.
fn completed(line: &[&str]) -> Vec<String> {
    let words = line.iter().map(|word| format!("'{word}'")).collect::<Vec<_>>().join(" ");
    let index = line.len() - 1;
    let (last, before) = (line[index], line[index - 1]);
    let script = printed(&["completions", "bash"]);
    let ask = format!(
        "{script}\nCOMP_WORDS=({words}) COMP_CWORD={index}\n_portico portico '{last}' '{before}'\n\
        printf '%s\\n' \"${{COMPREPLY[@]}}\""
    );
    let output = Command::new("bash").arg("-c").arg(ask).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn bash_completes_commands_flags_and_values() {
    for command in COMMANDS {
        assert!(completed(&["portico", ""]).contains(&command.to_owned()), "{command}");
    }
    assert_eq!(completed(&["portico", "expl"]), ["explain"]);
    let flags = completed(&["portico", "serve", "--access"]);
    assert_eq!(flags, ["--access-log"]);
    let formats = completed(&["portico", "serve", "--access-log", ""]);
    assert_eq!(formats, ["off", "text", "json", "combined"]);
}

#[test]
fn every_shell_has_its_completions() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = printed(&["completions", shell]);
        for word in ["portico", "explain", "access-log"] {
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
    assert_eq!(portico(&["completions", "csh"]).status.code(), Some(2));
}

#[test]
fn every_command_has_its_manual_page() {
    let own = printed(&["man"]);
    assert!(own.contains(".TH portico 1 "), "{own}");
    for command in COMMANDS {
        assert!(own.contains(&format!("portico\\-{command}(1)")), "{command}: {own}");
        let page = printed(&["man", command]);
        assert!(page.contains(&format!(".TH portico-{command} 1 ")), "{page}");
        assert!(page.contains(&format!("portico {command}")), "{page}");
    }
    let page = printed(&["man", "explain"]);
    for flag in ["\\-X", "\\-\\-method", "\\-H", "\\-\\-header"] {
        assert!(page.contains(flag), "{flag}: {page}");
    }
    let unknown = portico(&["man", "nonsense"]);
    let error = String::from_utf8(unknown.stderr).unwrap();
    assert!(!unknown.status.success() && error.contains("the commands are demo, serve"), "{error}");
}

#[test]
fn the_version_names_the_build() {
    let long = printed(&["--version"]);
    let version = env!("CARGO_PKG_VERSION");
    assert!(long.starts_with(&format!("portico {version}")), "{long}");
    for name in ["commit: ", "features: ", "build: "] {
        let line = long.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        assert!(!line.trim().is_empty(), "{long}");
    }
    assert_eq!(printed(&["-V"]).lines().count(), 1);
}

/// Runs the build script for the package in `folder`; returns the commit that it finds.
fn commit(script: &Path, folder: &Path, profile: &str, given: Option<&str>) -> String {
    let mut run = Command::new(script);
    run.env_clear().envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
    run.env("CARGO_MANIFEST_DIR", folder.join("controller")).env("CARGO_PKG_VERSION", "1.2.3");
    run.env("PROFILE", profile).envs(given.map(|given| ("PORTICO_COMMIT", given)));
    let output = run.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let value = |name: &str| {
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix("cargo::rustc-env=")?.strip_prefix(name));
        line.unwrap().to_owned()
    };
    let commit = value("PORTICO_COMMIT=");
    let version = match commit.as_str() {
        "unknown" => "1.2.3".to_owned(),
        known => format!("1.2.3 ({})", known.get(..12).unwrap_or(known)),
    };
    assert_eq!(value("PORTICO_VERSION="), version);
    commit
}

fn git(folder: &Path, arguments: &[&str]) -> String {
    let identity = ["-c", "user.name=test", "-c", "user.email=test@example.com"];
    let output = Command::new("git").current_dir(folder).args(identity).args(arguments).output();
    let output = output.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn the_commit_is_the_one_that_is_built_and_unknown_outside_of_git() {
    let place = tempfile::tempdir().unwrap();
    let script = place.path().join("build-script");
    let source = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("build.rs");
    let compiler = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let mut compile = Command::new(compiler);
    compile.args(["--edition=2024", "-o"]).arg(&script).arg(source);
    assert!(compile.status().unwrap().success());

    let folder = place.path().join("portico");
    fs::create_dir_all(folder.join("controller")).unwrap();
    // A temporary folder may itself lie in a repository.
    assert_eq!(commit(&script, &folder, "release", None), "unknown");
    assert_eq!(commit(&script, &folder, "release", Some("")), "unknown");
    assert_eq!(commit(&script, &folder, "release", Some("0123456789abcdef")), "0123456789abcdef");

    git(&folder, &["init", "--quiet"]);
    assert_eq!(commit(&script, &folder, "release", None), "unknown", "without a commit");
    git(&folder, &["commit", "--quiet", "--allow-empty", "--message=one"]);
    let head = git(&folder, &["rev-parse", "HEAD"]);
    assert_eq!(commit(&script, &folder, "release", None), head);
    assert_eq!(commit(&script, &folder, "debug", None), "unknown");
    assert_eq!(commit(&script, &folder, "release", Some("abc")), "abc");

    // Another repository's commit says nothing of a copy inside of it.
    let copy = folder.join("vendor/portico");
    fs::create_dir_all(copy.join("controller")).unwrap();
    assert_eq!(commit(&script, &copy, "release", None), "unknown");
}

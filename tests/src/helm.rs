//! Charts as helm renders them.

use crate::root;
use anyhow::{Result, bail};
use serde_json::Value;
use std::{env, process::Command};

/// Runs a program of helm's in `charts/`; `None` where it is not there, which in CI is a failure.
///
/// # Errors
/// What it complained of.
pub fn run(helm: &str, arguments: &[&str]) -> Option<Result<String>> {
    program(Command::new(helm).args(arguments).current_dir(root().join("charts")))
}

/// Runs a program that `make test` builds; `None` where it is not there, which in CI is a failure.
///
/// # Errors
/// What it complained of.
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
pub fn program(command: &mut Command) -> Option<Result<String>> {
    let output = match command.output() {
        Ok(output) => output,
        Err(error) => {
            let name = command.get_program().display();
            assert!(env::var_os("CI").is_none(), "{name}: {error}");
            eprintln!("skipped, no {name} ({error}): `make test` builds it where there is Go");
            return None;
        }
    };
    Some(if output.status.success() {
        String::from_utf8(output.stdout).map_err(Into::into)
    } else {
        Err(anyhow::anyhow!("{command:?}: {}", String::from_utf8_lossy(&output.stderr)))
    })
}

/// What a release `edge` in the namespace `front` is with these values (`key=value`); `None` without
/// helm.
///
/// # Errors
/// What helm complained of.
pub fn render(values: &[&str]) -> Option<Result<Objects>> {
    render_as("edge", "front", values)
}

/// The same with another release's name and namespace.
///
/// # Errors
/// What helm complained of.
pub fn render_as(release: &str, namespace: &str, values: &[&str]) -> Option<Result<Objects>> {
    let mut arguments = vec!["template", release, "portico", "--namespace", namespace];
    arguments.extend(["--api-versions", "monitoring.coreos.com/v1"]);
    arguments.extend(values.iter().flat_map(|value| ["--set", value]));
    let text = match run("helm", &arguments)? {
        Ok(text) => text,
        Err(error) => return Some(Err(error)),
    };
    let objects: Result<Vec<Value>, _> = serde_saphyr::from_multiple(&text);
    Some(objects.map(|objects| Objects { text, objects }).map_err(Into::into))
}

/// Rendered objects.
#[derive(Clone, Debug)]
pub struct Objects {
    /// As helm printed them.
    pub text: String,
    objects: Vec<Value>,
}

impl Objects {
    /// All of them.
    pub fn all(&self) -> impl Iterator<Item = &Value> {
        self.objects.iter().filter(|object| object.is_object())
    }

    /// Those of a kind.
    pub fn of(&self, kind: &str) -> Vec<&Value> {
        self.all().filter(|object| object["kind"] == kind).collect()
    }

    /// The one of a kind, and of a name if there may be several.
    ///
    /// # Errors
    /// Where there is none, or more than one.
    pub fn one(&self, kind: &str, name: &str) -> Result<&Value> {
        let fits = |object: &&&Value| name.is_empty() || object["metadata"]["name"] == name;
        match self.of(kind).iter().filter(fits).copied().collect::<Vec<_>>()[..] {
            [object] => Ok(object),
            ref others => bail!("{} of {kind} {name}", others.len()),
        }
    }
}

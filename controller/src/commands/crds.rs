//! `portico crds`: the CustomResourceDefinitions as YAML.

use anyhow::Context;
use std::process::ExitCode;

pub(super) fn run() -> anyhow::Result<ExitCode> {
    let mut text = String::new();
    for crd in portico_crds::crds() {
        text.push_str("---\n");
        text.push_str(&serde_saphyr::to_string(&crd).context("printing a definition")?);
    }
    super::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

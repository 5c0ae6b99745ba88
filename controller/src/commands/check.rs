//! `portico check`: what is wrong with manifests, without serving them.

mod report;

use crate::{
    cli::{CheckArgs, Output},
    compile::{self, Options},
    files,
};
use anyhow::Context;
use report::Report;
use std::{
    env,
    io::{self, IsTerminal},
    process::ExitCode,
};

pub(super) fn run(args: &CheckArgs) -> anyhow::Result<ExitCode> {
    super::exist(&args.paths)?;
    let merged = files::read(&args.paths);
    let options = Options { class: None, loopback_endpoints: true, guard: args.external.guard() };
    let compiled = compile::compile(&merged.snapshot, &options);
    let report = Report::new(&merged, &compiled.statuses);
    super::print(&match args.output {
        Output::Json => {
            let mut text = serde_json::to_string_pretty(&report).context("printing the report")?;
            text.push('\n');
            text
        }
        Output::Text => {
            let colours = io::stdout().is_terminal() && env::var_os("NO_COLOR").is_none();
            report.text(colours)
        }
    })?;
    Ok(ExitCode::from(report.exit_code(args.strict)))
}

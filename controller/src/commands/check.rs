//! `portico check`: what is wrong with manifests, without serving them.

mod report;

use super::paint::Paint;
use crate::{
    cli::{CheckArgs, Output},
    compile, files,
};
use anyhow::Context;
use report::Report;
use std::process::ExitCode;

pub(super) fn run(args: &CheckArgs) -> anyhow::Result<ExitCode> {
    super::exist(&args.paths)?;
    let merged = files::read(&args.paths);
    let options = super::offline(&args.external, &args.hosts, &args.underscores);
    let compiled = compile::compile(&merged.snapshot, &options);
    let report = Report::new(&merged, &compiled.statuses);
    super::print(&match args.output {
        Output::Json => {
            let mut text = serde_json::to_string_pretty(&report).context("printing the report")?;
            text.push('\n');
            text
        }
        Output::Text => report.text(Paint::of_stdout()),
    })?;
    Ok(ExitCode::from(report.exit_code(args.strict)))
}

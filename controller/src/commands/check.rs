//! `portico check`: what is wrong with manifests, without serving them.

mod findings;
mod github;
mod json;
mod report;
mod text;

use crate::cli::{CheckArgs, CheckOutput};
use crate::paint::Paint;
use report::Report;
use std::process::ExitCode;

pub(super) fn run(args: &CheckArgs) -> anyhow::Result<ExitCode> {
    let (merged, compiled) = super::compile_once(&args.paths, &args.compiling)?;
    let report = Report::new(&merged, &compiled.statuses, args.strict);
    super::print(&match args.output {
        CheckOutput::Text => text::of(&report, Paint::of_stdout()),
        CheckOutput::Json => json::of(&report)?,
        CheckOutput::Github => github::of(&report),
    })?;
    Ok(ExitCode::from(report.exit_code()))
}

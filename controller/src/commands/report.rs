//! `portico report`: what the front door saves, as a process has counted it.

mod admin;
mod baseline;
mod fetch;

use crate::{
    cli::{Output, report::ReportArgs},
    paint::Paint,
    report::{self, Report},
};
use anyhow::Context;
use std::process::ExitCode;

pub(super) async fn run(args: ReportArgs) -> anyhow::Result<ExitCode> {
    // First: it needs nobody to answer.
    let baseline = args.baseline.as_deref().map(baseline::read).transpose()?;
    let report = admin::ask(&args.admin, args.since).await?;
    super::print(&shown(&args, &report, baseline.as_ref())?)?;
    Ok(ExitCode::SUCCESS)
}

fn shown(args: &ReportArgs, report: &Report, baseline: Option<&Report>) -> anyhow::Result<String> {
    Ok(match args.output {
        _ if args.html => report::html(report, baseline),
        Output::Text => report::text(report, baseline, Paint::of_stdout()),
        Output::Json => report::json(report, baseline).context("printing the report")?,
    })
}

//! `portico report`: what the front door saves, as a process or Prometheus has counted it.

mod admin;
mod baseline;
mod fetch;
mod prometheus;

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
    let report = match &args.prometheus {
        Some(url) => prometheus::ask(url, args.since).await?,
        None => admin::ask(&args.admin, args.since).await?,
    };
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

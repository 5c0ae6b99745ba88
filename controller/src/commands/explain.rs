//! `portico explain`: what becomes of a request, and why.

use crate::{
    cli::{Output, explain::ExplainArgs},
    explain::{self, Served, Text},
    paint::Paint,
};
use anyhow::Context;
use portico_dataplane::{config::HttpsPorts, explain::Question};
use std::process::ExitCode;

/// The ports of a process that runs with the defaults.
const HTTPS_PORTS: HttpsPorts = HttpsPorts { http: 8080, https: 8443, public: None };

/// The name in `Via`. A running install's is random, unless it is given.
const VIA_NAME: &str = "portico";

pub(super) fn run(args: &ExplainArgs) -> anyhow::Result<ExitCode> {
    let (merged, compiled) = super::compile_once(&args.paths, &args.compiling)?;
    let request = &args.request;
    let question = Question {
        method: request.method.clone(),
        target: request.url.clone(),
        origin: request.origin().cloned(),
        headers: request.headers(),
        via_name: VIA_NAME.into(),
        underscores: args.compiling.underscores(),
        https_ports: HttpsPorts { public: args.public_https_port, ..HTTPS_PORTS },
    };
    let (table, statuses, objects) = (&compiled.table, &compiled.statuses, &merged.snapshot);
    let mut explanation = explain::explain(&question, &Served { table, statuses, objects })?;
    for (path, problems) in &merged.problems {
        let problems = problems.iter().map(|problem| format!("{}: {problem}", path.display()));
        explanation.notes.extend(problems);
    }
    super::print(&match args.output {
        Output::Json => {
            let mut text =
                serde_json::to_string_pretty(&explanation).context("printing the explanation")?;
            text.push('\n');
            text
        }
        Output::Text => Text::of(&question, &explanation, Paint::of_stdout()),
    })?;
    Ok(ExitCode::from(if merged.broken > 0 { 2 } else { 0 }))
}

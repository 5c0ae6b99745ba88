//! `portico explain`: what becomes of a request, and why.

mod refused;
mod text;

use super::paint::Paint;
use crate::{
    cli::{Output, explain::ExplainArgs},
    compile::Compiled,
    diagnostic::{Kind, ObjectRef, Severity},
    files::Merged,
};
use anyhow::Context;
use portico_dataplane::{
    config::HttpsPorts,
    explain::{self, Explanation, Question, QuestionError},
    table::{ObjectName, Scheme, VirtualHost},
};
use std::process::ExitCode;
use text::Text;

/// The ports of a process that runs with the defaults.
const HTTPS_PORTS: HttpsPorts = HttpsPorts { http: 8080, https: 8443, public: None };

/// The name in `Via`. A running install's is random, unless it is given.
const VIA_NAME: &str = "portico";

pub(super) fn run(args: &ExplainArgs) -> anyhow::Result<ExitCode> {
    let (merged, compiled) = super::compile_once(&args.paths, &args.compiling)?;
    let explanation = explanation(args, &merged, &compiled)?;
    super::print(&match args.output {
        Output::Json => {
            let mut text =
                serde_json::to_string_pretty(&explanation).context("printing the explanation")?;
            text.push('\n');
            text
        }
        Output::Text => Text::of(args, &explanation, Paint::of_stdout()),
    })?;
    Ok(ExitCode::from(if merged.broken > 0 { 2 } else { 0 }))
}

fn explanation(
    args: &ExplainArgs,
    merged: &Merged,
    compiled: &Compiled,
) -> Result<Explanation, QuestionError> {
    let question = Question {
        method: args.method.clone(),
        target: args.url.clone(),
        origin: args.origin().cloned(),
        headers: args.headers(),
        via_name: VIA_NAME.into(),
        underscores: args.compiling.underscores(),
        https_ports: HttpsPorts { public: args.public_https_port, ..HTTPS_PORTS },
    };
    let host = args.url.find_in(&compiled.table.hosts);
    let refused = host.map(|host| refused::routes(&merged.snapshot, compiled, host));
    let refused = refused.unwrap_or_default();
    let mut explanation = explain::explain(&compiled.table, &question, &refused)?;
    let notes = &mut explanation.notes;
    if host.is_none_or(|host| host.not_accepted.is_some()) {
        notes.extend(refused::hosts(&merged.snapshot, compiled, &args.url));
    }
    let is_plain = |host: &&VirtualHost| host.tls.is_none() && host.trusted_proxies.is_empty();
    if let Some(host) = host.filter(is_plain)
        && args.url.scheme() == Scheme::Https
    {
        notes.push(format!(
            "behind a proxy that terminates TLS, list that proxy in trustedProxies of FrontDoor {} or give its address to --trusted-proxy, or requests through it count as http",
            host.front_door
        ));
    }
    if let Some(winner) = &explanation.winner {
        notes.extend(problems(compiled, &winner.route));
    }
    for (path, problems) in &merged.problems {
        notes.extend(problems.iter().map(|problem| format!("{}: {problem}", path.display())));
    }
    Ok(explanation)
}

/// The problems of the winning Route, which is served in spite of them.
fn problems(compiled: &Compiled, route: &ObjectName) -> impl Iterator<Item = String> {
    let object = ObjectRef { kind: Kind::Route, name: route.clone() };
    let problems = compiled.statuses.get(&object).into_iter().flat_map(|status| &status.problems);
    problems.map(|problem| {
        let severity = match problem.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        let (object, field) = (&problem.object, &problem.field);
        format!("{severity} of {object}, {field} ({}): {}", problem.reason, problem.message)
    })
}

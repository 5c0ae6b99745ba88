//! Portico next to other proxies, as whole processes: CPU per request, requests per second, latency
//! and memory of each, in one run, on one core, in turns; and what Portico promises of itself.

#![allow(clippy::print_stdout, reason = "the report is what this program is for")]

mod args;
mod chart;
mod check;
mod checks;
mod connections;
mod faults;
mod finding;
mod hostile;
mod hosts;
mod http;
mod identity;
mod load;
mod machine;
mod memory;
mod page;
mod peer;
mod ports;
mod process;
mod report;
mod scenario;
mod speed;

use anyhow::{Result, bail};
use args::Args;
use clap::{Parser, ValueEnum};
use finding::Finding;
use hostile::Kind;
use load::handshakes;
use process::Cores;
use scenario::Scenario;
use speed::{Comparison, Plan};
use std::{process::ExitCode, time::Duration};

fn main() -> Result<ExitCode> {
    let args = Args::parse();
    if args.rounds == 0 || args.seconds == 0 {
        bail!("--rounds and --seconds must be at least 1");
    }
    if child(&args)? {
        return Ok(ExitCode::SUCCESS);
    }
    let cores = Cores::two()?;
    let plan = args.plan();
    let machine = machine::describe(&cores, &plan)?;
    report::machine(&machine);
    if let Some(kinds) = &args.hostile {
        let kinds = if kinds.is_empty() { Kind::value_variants() } else { kinds };
        return soak(kinds, &args, &cores);
    }
    if args.faults {
        let killed = faults::killed(&cores, &plan.programs)?;
        let code = promised(&killed);
        let rows = faults::measure(&cores, &plan.programs)?;
        if let Some(folder) = &args.write {
            faults::write(folder, &machine, &rows, &killed)?;
        }
        return Ok(code);
    }
    if args.costs {
        return Ok(promised(&hostile::costs(&cores)?));
    }

    let comparisons = compare(&args, &plan, &cores)?;
    let mut findings = Vec::new();
    if args.promises || (args.is_everything() && !args.noise) {
        findings.extend(memory::measure(&cores)?);
        findings.extend(connections::measure(&cores)?);
        findings.extend(hosts::measure(&cores)?);
        findings.extend(checks::measure(&cores)?);
        findings.extend(hostile::costs(&cores)?);
    }
    let code = promised(&findings);
    if let Some(folder) = &args.write {
        let (machine, comparisons) = (&machine, &comparisons);
        let results = page::Results { machine, plan: &plan, comparisons, findings: &findings };
        page::write(folder, &results)?;
    }
    Ok(code)
}

/// Does what a process that this program has started is for, if it is one.
fn child(args: &Args) -> Result<bool> {
    let time = Duration::from_secs(args.seconds);
    if let (Some(kind), &[edge, http1, http2]) = (args.attack, &args.target[..]) {
        let target = hostile::Target { edge, http1, http2 };
        println!("{}", hostile::attack(kind, target, time, args.bytes)?);
        return Ok(true);
    }
    if let Some(port) = args.handshakes {
        let plan = handshakes::Plan { port, time, names: args.names, resumes: args.resumes };
        println!("{}", handshakes::generate(&plan)?);
        return Ok(true);
    }
    Ok(false)
}

/// Compares the proxies in the scenarios that are asked for.
fn compare(args: &Args, plan: &Plan, cores: &Cores) -> Result<Vec<Comparison>> {
    if args.promises {
        return Ok(Vec::new());
    }
    let scenarios = if args.scenarios.is_empty() { Scenario::ALL } else { &args.scenarios };
    let logged = if args.is_everything() { Scenario::LOGGED } else { scenarios };
    let plain = scenarios.iter().filter(|_| !args.access_log).map(|it| (*it, false));
    let logged =
        logged.iter().filter(|_| args.is_everything() || args.access_log).map(|it| (*it, true));
    report::speed_header();
    let mut comparisons = Vec::new();
    for (scenario, is_logged) in plain.chain(logged) {
        let comparison = speed::compare(scenario, is_logged, plan, cores)?;
        report::speed(&comparison);
        comparisons.push(comparison);
    }
    Ok(comparisons)
}

/// Reports what was promised; whether it is kept.
fn promised(findings: &[Finding]) -> ExitCode {
    report::findings(findings);
    let is_kept = findings.iter().all(Finding::kept);
    if is_kept { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Sends hostile input of these kinds.
fn soak(kinds: &[Kind], args: &Args, cores: &Cores) -> Result<ExitCode> {
    let time = Duration::from_secs(args.seconds);
    let plan = hostile::Plan { rounds: args.rounds, time, bytes: args.megabytes * 1_000_000 };
    report::hostile_header();
    let mut code = ExitCode::SUCCESS;
    for kind in kinds {
        let outcome = hostile::measure(*kind, &plan, cores)?;
        report::hostile(&outcome);
        if !outcome.is_within_budget() {
            code = ExitCode::FAILURE;
        }
    }
    Ok(code)
}

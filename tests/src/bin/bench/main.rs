//! Portico next to nginx, as whole processes: CPU per request and requests per second of both as
//! a proxy, in one run, on one core, in turns; and what Portico promises of itself.

#![allow(clippy::print_stdout, reason = "the report is what this program is for")]

mod connections;
mod finding;
mod hostile;
mod http;
mod load;
mod memory;
mod nginx;
mod portico;
mod ports;
mod process;
mod report;
mod scenario;
mod speed;

use anyhow::{Result, bail};
use clap::{Parser, ValueEnum};
use finding::Finding;
use hostile::Kind;
use process::Cores;
use scenario::Scenario;
use std::{process::ExitCode, time::Duration};

/// Compares Portico with nginx as a proxy. Needs Linux with two cores, nginx, wrk, taskset and
/// setpriv; everything listens on loopback, and ends with this program.
#[derive(Parser)]
struct Args {
    /// What to measure. Default: every scenario, then the promises.
    #[arg(value_enum)]
    scenarios: Vec<Scenario>,
    /// Only what Portico promises of itself: memory, the compile, hostile preflights; exit code 1
    /// where a promise is broken.
    #[arg(long, conflicts_with = "scenarios")]
    promises: bool,
    /// Rounds of each scenario; both proxies are measured in each. The medians are reported.
    #[arg(long, default_value_t = 7)]
    rounds: usize,
    /// Seconds that a proxy is measured for in each round.
    #[arg(long, default_value_t = 3)]
    seconds: u64,
    /// Compare nginx with nginx: how far from 1 the ratio is shows what this machine can tell.
    #[arg(long)]
    noise: bool,
    /// Only hostile input: what it costs other clients, and the memory that it takes; all kinds, or
    /// these. Exit code 1 where memory exceeds its budget.
    #[arg(long, value_enum, num_args = 0.., conflicts_with_all = ["scenarios", "promises", "noise"])]
    hostile: Option<Vec<Kind>>,
    /// Only the CPU that the costliest requests take; exit code 1 where a promise is broken.
    #[arg(long, conflicts_with_all = ["scenarios", "promises", "noise", "hostile"])]
    costs: bool,
    /// MB of hostile input of each kind, in all rounds.
    #[arg(long, default_value_t = 500)]
    megabytes: u64,
    /// The attacker itself, which --hostile starts.
    #[arg(long, hide = true, requires = "target")]
    attack: Option<Kind>,
    /// Its bytes.
    #[arg(long, hide = true, default_value_t = 0)]
    bytes: u64,
    /// Its ports.
    #[arg(long, hide = true)]
    target: Vec<u16>,
}

fn main() -> Result<ExitCode> {
    let args = Args::parse();
    if args.rounds == 0 || args.seconds == 0 {
        bail!("--rounds and --seconds must be at least 1");
    }
    let time = Duration::from_secs(args.seconds);
    if let (Some(kind), &[edge, http1, http2]) = (args.attack, &args.target[..]) {
        println!(
            "{}",
            hostile::attack(kind, hostile::Target { edge, http1, http2 }, time, args.bytes)?
        );
        return Ok(ExitCode::SUCCESS);
    }
    let cores = Cores::two()?;
    report::machine(&cores)?;
    if let Some(kinds) = &args.hostile {
        let kinds = if kinds.is_empty() { Kind::value_variants() } else { kinds };
        return soak(kinds, &args, &cores);
    }

    if args.costs {
        return Ok(promised(&hostile::costs(&cores)?));
    }

    let every = args.scenarios.is_empty();
    if !args.promises {
        let scenarios = if every { Scenario::ALL } else { &args.scenarios };
        let plan = speed::Plan { rounds: args.rounds, time, noise: args.noise };
        report::speed_header(args.noise);
        for scenario in scenarios {
            report::speed(*scenario, &speed::compare(*scenario, &plan, &cores)?);
        }
    }
    if (every && !args.noise) || args.promises {
        let mut findings = memory::measure(&cores)?;
        findings.extend(connections::measure(&cores)?);
        findings.extend(hostile::costs(&cores)?);
        return Ok(promised(&findings));
    }
    Ok(ExitCode::SUCCESS)
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

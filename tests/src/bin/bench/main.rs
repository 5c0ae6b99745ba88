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
use clap::Parser;
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
}

fn main() -> Result<ExitCode> {
    let args = Args::parse();
    if args.rounds == 0 || args.seconds == 0 {
        bail!("--rounds and --seconds must be at least 1");
    }
    let cores = Cores::two()?;
    report::machine(&cores)?;

    let every = args.scenarios.is_empty();
    if !args.promises {
        let scenarios = if every { Scenario::ALL } else { &args.scenarios };
        let plan = speed::Plan {
            rounds: args.rounds,
            time: Duration::from_secs(args.seconds),
            noise: args.noise,
        };
        report::speed_header(args.noise);
        for scenario in scenarios {
            report::speed(*scenario, &speed::compare(*scenario, &plan, &cores)?);
        }
    }
    if (every && !args.noise) || args.promises {
        let mut findings = memory::measure(&cores)?;
        findings.extend(connections::measure(&cores)?);
        findings.extend(hostile::measure(&cores)?);
        report::findings(&findings);
        if findings.iter().any(|finding| !finding.kept()) {
            return Ok(ExitCode::FAILURE);
        }
    }
    Ok(ExitCode::SUCCESS)
}

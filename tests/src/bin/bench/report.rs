//! What is printed.

use crate::{
    finding::Finding, hostile::Outcome, process::Cores, scenario::Scenario, speed::Comparison,
};
use anyhow::{Context, Result};
use std::{fs, process::Command};

/// The machine and the programs, without which numbers say little.
pub(crate) fn machine(cores: &Cores) -> Result<()> {
    let cpu = fs::read_to_string("/proc/cpuinfo")?;
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or("unknown");
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease")?;
    let load = fs::read_to_string("/proc/loadavg")?;
    println!("cpu      {}", model.trim_start_matches([' ', '\t', ':']));
    println!("kernel   {}", kernel.trim());
    println!(
        "load     {} (average of the last minute; other work makes numbers worse)",
        first(&load)
    );
    println!(
        "cores    {}: the proxy that is measured; {}: nginx as backend, wrk",
        cores.proxy, cores.load
    );
    println!("nginx    {}", version("nginx", "-v")?);
    println!("wrk      {}", version("wrk", "-v")?);
    Ok(())
}

/// The head of the table.
pub(crate) fn speed_header(noise: bool) {
    let first = if noise { "nginx" } else { "portico" };
    println!();
    println!("CPU microseconds per request and requests per second, medians");
    println!(
        "{:<34} {first:>9} {:>9} {:>7} {:>12} {:>12}",
        "",
        "nginx",
        "ratio",
        format!("{first}/s"),
        "nginx/s"
    );
}

/// A row.
pub(crate) fn speed(scenario: Scenario, comparison: &Comparison) {
    let Comparison { portico, nginx, ratio } = comparison;
    println!(
        "{:<34} {:>9.1} {:>9.1} {ratio:>7.2} {:>12.0} {:>12.0}",
        scenario.title(),
        portico.cpu_micros,
        nginx.cpu_micros,
        portico.rate,
        nginx.rate,
    );
}

/// What Portico promises of itself.
pub(crate) fn findings(findings: &[Finding]) {
    println!();
    for finding in findings {
        let Finding { what, value, unit, limit } = finding;
        let promise = match limit {
            Some(limit) if finding.kept() => format!("(at most {limit}: kept)"),
            Some(limit) => format!("(at most {limit}: BROKEN)"),
            None => String::new(),
        };
        println!("{what:<42} {value:>7.2} {unit} {promise}");
    }
}

/// The head of the table of hostile input.
pub(crate) fn hostile_header() {
    println!();
    println!("hostile input; milliseconds of a good client without it, and with it");
    println!(
        "{:<22} {:>8} {:>8} {:>5} {:>9} {:>9} {:>9} {:>9} {:>7} {:>7} {:>6}",
        "",
        "sent",
        "growth",
        "CPU",
        "quiet p50",
        "p99",
        "with p50",
        "p99",
        "p50 ×",
        "p99 ×",
        "closed"
    );
}

/// A row of it, printed as soon as it is known.
pub(crate) fn hostile(outcome: &Outcome) {
    let Outcome { kind, sent, growth, cpu, quiet, hostile } = outcome;
    let [q50, q99] = [50, 99].map(|percent| quiet.percentile(percent));
    let [h50, h99] = [50, 99].map(|percent| hostile.percentile(percent));
    println!(
        "{:<22} {:>5.0} MB {:>4.0} MiB {:>4.0}% {q50:>9.2} {q99:>9.2} {h50:>9.2} {h99:>9.2} {:>7.1} {:>7.1} {:>6}",
        kind.name(),
        *sent as f64 / 1e6,
        *growth as f64 / f64::from(1 << 20),
        cpu * 100.0,
        h50 / q50,
        h99 / q99,
        hostile.reconnects,
    );
}

/// The first line that a program prints about itself, on whichever stream.
fn version(program: &str, flag: &str) -> Result<String> {
    let output = Command::new(program).arg(flag).output();
    let output = output.with_context(|| format!("{program} can't be started: is it installed?"))?;
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text);
    Ok(text.lines().next().unwrap_or_default().to_owned())
}

fn first(text: &str) -> &str {
    text.split(' ').next().unwrap_or_default()
}

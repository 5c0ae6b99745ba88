//! The page, and the same numbers as CSV.

use crate::{
    chart,
    finding::Finding,
    peer::Peer,
    speed::{Comparison, Plan, Side},
};
use anyhow::{Context, Result};
use std::{
    fmt::{self, Write as _},
    fs,
    path::Path,
};

const MIB: f64 = 1024.0 * 1024.0;

/// Everything that was measured.
pub(crate) struct Results<'r> {
    pub(crate) machine: &'r [(&'static str, String)],
    pub(crate) plan: &'r Plan,
    pub(crate) comparisons: &'r [Comparison],
    pub(crate) findings: &'r [Finding],
}

/// Writes `README.md`, `results.csv` and `chart.svg` if proxies were compared, and `promises.md` if
/// promises were measured.
pub(crate) fn write(folder: &Path, results: &Results<'_>) -> Result<()> {
    fs::create_dir_all(folder)?;
    let write = |name: &str, text: &str| {
        fs::write(folder.join(name), text).with_context(|| format!("{name} can't be written"))
    };
    if !results.comparisons.is_empty() {
        write("results.csv", &csv(results)?)?;
        write("chart.svg", &chart::draw(results.comparisons)?)?;
        write("README.md", &page(results)?)?;
    }
    if !results.findings.is_empty() {
        write("promises.md", &promises(results)?)?;
    }
    Ok(())
}

fn csv(results: &Results<'_>) -> Result<String, fmt::Error> {
    let mut csv = String::from(
        "scenario,access_log,proxy,cpu_us_per_request,portico_cpu_ratio,requests_per_s,p50_ms,p99_ms,peak_mib\n",
    );
    for comparison in results.comparisons {
        for side in &comparison.sides {
            writeln!(
                csv,
                "{},{},{},{:.2},{:.3},{:.0},{:.3},{:.3},{:.1}",
                comparison.scenario.id(),
                comparison.is_logged,
                side.peer.name(),
                side.cpu_micros,
                side.ratio,
                side.rate,
                side.p50,
                side.p99,
                side.peak as f64 / MIB,
            )?;
        }
    }
    Ok(csv)
}

fn page(results: &Results<'_>) -> Result<String, fmt::Error> {
    let mut page = String::from(include_str!("page/head.md"));
    run(&mut page, results)?;
    let Plan { rounds, time, .. } = results.plan;
    writeln!(page, "| rounds | {rounds} of {} s each, taking turns |", time.as_secs())?;

    writeln!(page, "\n## CPU per request\n")?;
    page.push_str(include_str!("page/cpu.md"));
    cpu(&mut page, results)?;
    writeln!(page, "\n## Where Portico is slower\n")?;
    slower(&mut page, results)?;
    writeln!(page, "\n## Throughput, latency and memory\n")?;
    page.push_str(include_str!("page/latency.md"));
    rest(&mut page, results)?;
    writeln!(page)?;
    page.push_str(include_str!("page/method.md"));
    Ok(page)
}

/// The machine and the programs.
fn run(page: &mut String, results: &Results<'_>) -> fmt::Result {
    writeln!(page, "\n## The run\n\n| | |\n| --- | --- |")?;
    results.machine.iter().try_for_each(|(name, value)| writeln!(page, "| {name} | {value} |"))
}

/// Microseconds, and Portico's share of them.
fn cpu(page: &mut String, results: &Results<'_>) -> fmt::Result {
    let names: Vec<_> = results.plan.peers.iter().map(|peer| peer.name()).collect();
    writeln!(page, "\n| | {} |", names.join(" | "))?;
    writeln!(page, "| --- |{}", " ---: |".repeat(names.len()))?;
    for comparison in results.comparisons {
        let cells = comparison.sides.iter().enumerate().map(|(index, side)| match index {
            0 => format!("{:.1}", side.cpu_micros),
            _ => format!("{:.1} ({:.2})", side.cpu_micros, side.ratio),
        });
        writeln!(page, "| {} | {} |", comparison.title(), cells.collect::<Vec<_>>().join(" | "))?;
    }
    Ok(())
}

/// Where another proxy needs less CPU, or its slowest requests take less time.
fn slower(page: &mut String, results: &Results<'_>) -> fmt::Result {
    let mut lines = String::new();
    for comparison in results.comparisons {
        let Some((first, others)) = comparison.sides.split_first() else { continue };
        for other in others.iter().filter(|other| other.peer != Peer::Base) {
            let title = comparison.title();
            if let Some(more) = more(other.ratio, 1.0) {
                writeln!(
                    lines,
                    "- {title}: {more} CPU per request, compared with {}.",
                    other.peer.name()
                )?;
            }
            if let Some(more) = more(first.peak as f64, other.peak as f64) {
                writeln!(
                    lines,
                    "- {title}: {more} peak memory, compared with {}.",
                    other.peer.name()
                )?;
            }
            if let Some(more) = late(first, other) {
                writeln!(lines, "- {title}: {more} p99 than {}.", other.peer.name())?;
            }
        }
    }
    let none = "In none of these scenarios, in this run.\n";
    page.push_str(if lines.is_empty() { none } else { &lines });
    Ok(())
}

/// How much more `value` is than `other`, if it is by more than the noise.
fn more(value: f64, other: f64) -> Option<String> {
    let ratio = value / other;
    (ratio > 1.02).then(|| match ratio {
        ..2.0 => format!("{:.0} % more", (ratio - 1.0) * 100.0),
        _ => format!("{ratio:.1} times as much"),
    })
}

/// The same of latency, which is less exact.
fn late(value: &Side, other: &Side) -> Option<String> {
    let ratio = value.p99 / other.p99;
    (ratio > 1.1).then(|| format!("a {:.0} % higher", (ratio - 1.0) * 100.0))
}

fn rest(page: &mut String, results: &Results<'_>) -> fmt::Result {
    writeln!(page, "\n| | | requests/s | p50 ms | p99 ms | peak MiB |")?;
    writeln!(page, "| --- | --- | ---: | ---: | ---: | ---: |")?;
    for comparison in results.comparisons {
        for (index, side) in comparison.sides.iter().enumerate() {
            writeln!(
                page,
                "| {} | {} | {:.0} | {:.2} | {:.2} | {:.1} |",
                if index == 0 { comparison.title() } else { String::new() },
                side.peer.name(),
                side.rate,
                side.p50,
                side.p99,
                side.peak as f64 / MIB,
            )?;
        }
    }
    Ok(())
}

fn promises(results: &Results<'_>) -> Result<String, fmt::Error> {
    let mut page = String::from(include_str!("page/promises.md"));
    run(&mut page, results)?;
    writeln!(page, "\n## Measured\n\n| | measured | at most |\n| --- | ---: | ---: |")?;
    findings(&mut page, results.findings)?;
    Ok(page)
}

/// The rows of a table of promises.
pub(crate) fn findings(page: &mut String, findings: &[Finding]) -> fmt::Result {
    for finding in findings {
        let Finding { what, value, unit, limit } = finding;
        let limit = match limit {
            Some(limit) if finding.kept() => format!("{limit} {unit}"),
            Some(limit) => format!("**{limit} {unit}: exceeded**"),
            None => String::new(),
        };
        writeln!(page, "| {what} | {value:.2} {unit} | {limit} |")?;
    }
    Ok(())
}

//! The table, printed and as a page.

use super::{
    Case, Row, Settings,
    backend::{COUNT, SERVICE_TIME},
    load::{FAULT_AT, PATIENCE, RATE, SLOW, TIME},
    outcome::Outcome,
    peer::Peer,
};
use crate::{finding::Finding, page::findings};
use anyhow::{Context, Result};
use std::{
    fmt::{self, Write as _},
    fs,
    path::Path,
    time::Duration,
};

/// Differences of times that say nothing on a machine that does other work as well.
const NOISE: Duration = Duration::from_millis(250);

/// Prints a row.
pub(super) fn print(row: &Row) {
    for (peer, outcome) in &row.outcomes {
        let Outcome { failed, failed_before, slow, slowest, .. } = outcome;
        println!(
            "{:<28} {:<8} {:<8} {failed:>5} failed ({failed_before} before) {slow:>5} slow, slowest {:>5} ms, {}",
            row.case.title(),
            format!("{:?}", row.case.settings),
            peer.name(),
            slowest.as_millis(),
            until(outcome),
        );
    }
}

/// Until when the fault cost something.
fn until(outcome: &Outcome) -> String {
    if outcome.is_endless {
        return "to the end".to_owned();
    }
    format!("{:.2} s", outcome.until.as_secs_f64())
}

/// Writes `faults.md`; `killed` is what a kill cost under more load.
pub(crate) fn write(
    folder: &Path,
    machine: &[(&'static str, String)],
    rows: &[Row],
    killed: &[Finding],
) -> Result<()> {
    let path = folder.join("faults.md");
    fs::create_dir_all(folder)?;
    fs::write(&path, page(machine, rows, killed)?).with_context(|| format!("{}", path.display()))
}

fn page(machine: &[(&'static str, String)], rows: &[Row], killed: &[Finding]) -> Result<String> {
    let mut page = String::from(include_str!("page/head.md"));
    writeln!(page, "\n## The run\n\n| | |\n| --- | --- |")?;
    for (name, value) in machine.iter().filter(|(name, _)| is_of_interest(name)) {
        writeln!(page, "| {name} | {value} |")?;
    }
    writeln!(
        page,
        "| load | {RATE} GETs or POSTs a second to each proxy for {} s, over keep-alive connections, each \
         request with a timeout of {} s |\n| backends | {COUNT}, which respond after {} ms; one of them has \
         the fault from {} s on |\n| slow | longer than {} ms |",
        TIME.as_secs(),
        PATIENCE.as_secs(),
        SERVICE_TIME.as_millis(),
        FAULT_AT.as_secs(),
        SLOW.as_millis(),
    )?;
    let sections = [
        ("Noticed by requests alone", Settings::Passive),
        ("With a check each second", Settings::Active),
        ("With a latency band", Settings::Band),
    ];
    for (title, settings) in sections {
        writeln!(page, "\n## {title}\n")?;
        if settings == Settings::Band {
            writeln!(page, "{}", include_str!("page/band.md"))?;
        }
        table(&mut page, rows.iter().filter(|row| row.case.settings == settings))?;
    }
    writeln!(page, "\n{}\n| | | at most |\n| --- | ---: | ---: |", include_str!("page/kill.md"))?;
    findings(&mut page, killed)?;
    writeln!(page, "\n## Where Portico is not the best\n")?;
    behind(&mut page, rows)?;
    writeln!(page, "\n{}", include_str!("page/method.md"))?;
    configurations(&mut page)?;
    Ok(page)
}

fn is_of_interest(name: &str) -> bool {
    let known = ["cpu", "kernel", "cores", "portico", "HAProxy", "Envoy"];
    known.contains(&name)
}

fn table<'r>(page: &mut String, rows: impl Iterator<Item = &'r Row>) -> fmt::Result {
    writeln!(page, "| one of three | | failed | slow | slowest | costs nothing after |")?;
    writeln!(page, "| --- | --- | ---: | ---: | ---: | ---: |")?;
    for row in rows {
        for (index, (peer, outcome)) in row.outcomes.iter().enumerate() {
            let title = if index == 0 { row.case.title() } else { String::new() };
            let Outcome { failed, slow, slowest, .. } = outcome;
            writeln!(
                page,
                "| {title} | {} | {failed} | {slow} | {} ms | {} |",
                peer.name(),
                slowest.as_millis(),
                until(outcome),
            )?;
        }
    }
    Ok(())
}

/// Where fewer requests fail, or are slow, behind another proxy, or not for as long.
fn behind(page: &mut String, rows: &[Row]) -> fmt::Result {
    let mut lines = String::new();
    for row in rows {
        let Some(((_, own), others)) = row.outcomes.split_first() else { continue };
        for (peer, other) in others {
            let how = [
                (other.failed < own.failed)
                    .then(|| format!("{} failed instead of {}", other.failed, own.failed)),
                (other.slow < own.slow)
                    .then(|| format!("{} slow instead of {}", other.slow, own.slow)),
                (!other.is_endless && (own.is_endless || other.until + NOISE < own.until)).then(
                    || format!("{} until it costs nothing instead of {}", until(other), until(own)),
                ),
            ];
            let how: Vec<_> = how.into_iter().flatten().collect();
            if !how.is_empty() {
                writeln!(
                    lines,
                    "- {}{}: with {} {}.",
                    row.case.title(),
                    with(&row.case),
                    peer.name(),
                    how.join(", ")
                )?;
            }
        }
    }
    let none = "In no row of this run.\n";
    page.push_str(if lines.is_empty() { none } else { &lines });
    Ok(())
}

fn with(case: &Case) -> &'static str {
    match case.settings {
        Settings::Passive | Settings::Default => "",
        Settings::Active => ", with checks",
        Settings::Band => ", with a latency band",
    }
}

/// The files that the proxies were started with, those with checks where they hold both.
fn configurations(page: &mut String) -> Result<()> {
    for peer in Peer::ALL {
        let backends = std::array::from_fn(|index| 9001 + index as u16);
        let (config, language) = peer.config(Settings::Active, 8080, backends)?;
        let config = config.trim_end();
        writeln!(page, "\n### {}\n\n```{language}\n{config}\n```", peer.name())?;
    }
    Ok(())
}

//! What is printed.

use crate::{finding::Finding, hostile::Outcome, speed::Comparison};

/// The machine and the programs.
pub(crate) fn machine(described: &[(&'static str, String)]) {
    for (name, value) in described {
        println!("{name:<9}{value}");
    }
}

/// The head of the table of speed.
pub(crate) fn speed_header() {
    println!();
    println!("medians of all rounds; the ratio is that of CPU per request to the first");
    println!(
        "{:<46} {:>9} {:>7} {:>6} {:>10} {:>8} {:>8} {:>9}",
        "", "CPU µs", "ratio", "goal", "requests/s", "p50 ms", "p99 ms", "peak MiB"
    );
}

/// The rows of a scenario.
pub(crate) fn speed(comparison: &Comparison) {
    for (index, side) in comparison.sides.iter().enumerate() {
        let title = if index == 0 { comparison.title() } else { String::new() };
        let goal = comparison.scenario.goal(side.peer).filter(|_| !comparison.is_logged);
        println!(
            "{title:<36} {:<9} {:>9.1} {:>7.2} {:>6} {:>10.0} {:>8.2} {:>8.2} {:>9.1}",
            side.peer.name(),
            side.cpu_micros,
            side.ratio,
            goal.map(|goal| format!("{goal:.2}")).unwrap_or_default(),
            side.rate,
            side.p50,
            side.p99,
            side.peak as f64 / f64::from(1 << 20),
        );
    }
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
    println!("hostile input; latency of a good client without and with it, in milliseconds");
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

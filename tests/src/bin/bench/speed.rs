//! CPU per request, requests per second, latency and memory of the proxies, in turns.

use crate::{
    check,
    identity::Files,
    load::{Generator, Seen},
    peer::{Peer, Programs, Proxy, Setup, nginx},
    process::Cores,
    scenario::Scenario,
};
use anyhow::{Result, ensure};
use std::time::Duration;

/// How long, how often and between whom.
pub(crate) struct Plan {
    pub(crate) rounds: usize,
    pub(crate) time: Duration,
    /// The one that is compared with all others comes first.
    pub(crate) peers: Vec<Peer>,
    pub(crate) programs: Programs,
}

/// One proxy in one round.
#[derive(Clone, Copy, Debug)]
struct Round {
    /// CPU microseconds of the proxy per request.
    cpu_micros: f64,
    seen: Seen,
}

/// One proxy: medians of all rounds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Side {
    pub(crate) peer: Peer,
    /// CPU microseconds of the proxy per request.
    pub(crate) cpu_micros: f64,
    /// The median of the rounds' ratios of the first proxy's CPU per request to this one's.
    pub(crate) ratio: f64,
    /// Requests per second, where the load generator is as often the limit as the proxy.
    pub(crate) rate: f64,
    /// Milliseconds.
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    /// The most memory that it has held, in bytes.
    pub(crate) peak: u64,
}

/// All proxies in one scenario.
pub(crate) struct Comparison {
    pub(crate) scenario: Scenario,
    /// Whether they wrote access logs.
    pub(crate) is_logged: bool,
    pub(crate) sides: Vec<Side>,
}

impl Comparison {
    /// The scenario's title, and whether there were logs.
    pub(crate) fn title(&self) -> String {
        let log = if self.is_logged { ", access log" } else { "" };
        format!("{}{log}", self.scenario.title())
    }
}

/// Measures all proxies over one backend.
pub(crate) fn compare(
    scenario: Scenario,
    is_logged: bool,
    plan: &Plan,
    cores: &Cores,
) -> Result<Comparison> {
    let folder = tempfile::tempdir()?;
    let backend = nginx::backend(folder.path(), cores)?;
    let setup = Setup {
        folder: folder.path(),
        cores,
        programs: &plan.programs,
        scenario,
        is_logged,
        backend: backend.port(),
        certificate: &Files::new(folder.path())?,
    };
    let proxies = plan.peers.iter().map(|peer| peer.start(&setup)).collect::<Result<Vec<_>>>()?;
    let generator = Generator::new(folder.path(), scenario)?;
    for proxy in &proxies {
        check::check(proxy, scenario)?;
        measure(proxy, &generator, Duration::from_secs(1), cores)?;
    }
    let mut rounds = vec![Vec::new(); proxies.len()];
    for round in 0..plan.rounds {
        // Each goes first in its turn.
        for turn in 0..proxies.len() {
            let index = (round + turn) % proxies.len();
            rounds[index].push(measure(&proxies[index], &generator, plan.time, cores)?);
        }
    }
    let sides = plan.peers.iter().zip(&proxies).zip(&rounds);
    let sides = sides
        .map(|((peer, proxy), all)| Ok(side(*peer, all, &rounds[0], proxy.server.memory()?.1)));
    Ok(Comparison { scenario, is_logged, sides: sides.collect::<Result<_>>()? })
}

fn side(peer: Peer, rounds: &[Round], first: &[Round], peak: u64) -> Side {
    let over = |value: fn(&Round) -> f64| median(rounds.iter().map(value).collect());
    let ratios = first.iter().zip(rounds).map(|(a, b)| a.cpu_micros / b.cpu_micros);
    Side {
        peer,
        cpu_micros: over(|it| it.cpu_micros),
        ratio: median(ratios.collect()),
        rate: over(|it| it.seen.rate),
        p50: over(|it| it.seen.p50),
        p99: over(|it| it.seen.p99),
        peak,
    }
}

fn measure(proxy: &Proxy, generator: &Generator, time: Duration, cores: &Cores) -> Result<Round> {
    let before = proxy.server.cpu()?;
    let seen = generator.run(proxy, time, cores)?;
    let spent = proxy.server.cpu()? - before;
    ensure!(seen.requests > 0, "{} answered no request", proxy.server.name());
    Ok(Round { cpu_micros: spent.as_secs_f64() * 1e6 / seen.requests as f64, seen })
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len() % 2 == 1 { values[middle] } else { (values[middle - 1] + values[middle]) / 2.0 }
}

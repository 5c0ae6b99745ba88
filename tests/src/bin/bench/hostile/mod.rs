//! Hostile input of every kind, at once and without end: what it costs the clients that are served
//! beside it, and how much memory it takes.
//!
//! A worker serves hostile and good clients on one core, so a good one always waits for some of
//! what others ask for. How long is compared with its quiet time, and with what an ordinary load
//! from as many connections costs it: input that makes the worker's turns long stands out.

mod attack;
mod backend;
mod cost;
mod kind;
mod manifests;
mod pace;
mod requests;
mod witness;

pub(crate) use attack::{Target, run as attack};
pub(crate) use cost::measure as costs;
pub(crate) use kind::Kind;

use crate::{
    peer::{nginx, portico::Portico},
    ports,
    process::{Cores, Server, pinned, runs_first},
};
use anyhow::{Context, Result, ensure};
use std::{env, time::Duration};
use witness::Witness;

/// The budget for client connections, in MiB.
const BUDGET_MIB: u64 = 64;
/// What everything else may take: connections to backends, and the allocator's pages.
const BESIDE_MIB: u64 = 16;

/// How long and how often.
pub(crate) struct Plan {
    /// Quiet and hostile turns of each kind.
    pub(crate) rounds: usize,
    /// How long a hostile turn lasts; a quiet one lasts half as long.
    pub(crate) time: Duration,
    /// What is sent in all hostile turns of a kind, in bytes, if it is taken as fast.
    pub(crate) bytes: u64,
}

/// What a kind of input did.
pub(crate) struct Outcome {
    pub(crate) kind: Kind,
    /// Bytes sent to Portico, by clients or by backends.
    pub(crate) sent: u64,
    /// The most that Portico grew by, in bytes.
    pub(crate) growth: u64,
    /// The share of its core that Portico used.
    pub(crate) cpu: f64,
    /// The good client's times without and with it.
    pub(crate) quiet: Witness,
    pub(crate) hostile: Witness,
}

impl Outcome {
    /// Whether the memory stayed within the budget.
    pub(crate) fn is_within_budget(&self) -> bool {
        self.growth <= (BUDGET_MIB + BESIDE_MIB) << 20
    }
}

/// One kind, against a Portico of its own.
pub(crate) fn measure(kind: Kind, plan: &Plan, cores: &Cores) -> Result<Outcome> {
    let folder = tempfile::tempdir()?;
    let good = nginx::backend(folder.path(), cores)?;
    let mut target = Target { edge: 0, http1: ports::free()?, http2: ports::free()? };
    let manifests = manifests::manifests(good.port(), target);
    let flag = format!("--max-memory={BUDGET_MIB}MiB");
    let portico = Portico::start_with(folder.path(), cores, &manifests, 1, &[&flag])?.server;
    target.edge = portico.port();
    // What the good client waits for is Portico's turns: not its own core, which it shares with the
    // attackers, nor other work on this machine.
    [portico.id(), good.id(), std::process::id()].into_iter().for_each(runs_first);

    let (mut quiet, mut hostile) = (Witness::default(), Witness::default());
    let (mut sent, mut cpu) = (0, Duration::ZERO);
    // Connections to the backend, and the pages of the allocator.
    witness::watch(portico.port(), plan.time / 4)?;
    let (before, _) = portico.memory()?;
    for _ in 0..plan.rounds {
        quiet.join(witness::watch(portico.port(), plan.time / 2)?);
        let used = portico.cpu()?;
        let attack = Attack { kind, target, plan, cores };
        let (times, bytes) = attack.beside(&portico)?;
        hostile.join(times);
        sent += bytes;
        cpu += portico.cpu()?.saturating_sub(used);
    }
    let growth = portico.memory()?.1.saturating_sub(before);
    let cpu = cpu.as_secs_f64() / (plan.time * plan.rounds as u32).as_secs_f64();
    Ok(Outcome { kind, sent, growth, cpu, quiet, hostile })
}

/// One hostile turn.
struct Attack<'p> {
    kind: Kind,
    target: Target,
    plan: &'p Plan,
    cores: &'p Cores,
}

impl Attack<'_> {
    /// What the good client sees of it, and how many bytes were sent. The attacker is a process of
    /// its own, with less priority than the good client, which shares its core.
    fn beside(&self, portico: &Server) -> Result<(Witness, u64)> {
        let mut command = pinned(&self.cores.load, "nice");
        command.args(["-n", "10"]).arg(env::current_exe()?);
        command.arg("--attack").arg(self.kind.name());
        command.arg("--seconds").arg(self.plan.time.as_secs().to_string());
        let bytes = self.plan.bytes / self.plan.rounds as u64;
        command.arg("--bytes").arg(bytes.to_string());
        for port in [self.target.edge, self.target.http1, self.target.http2] {
            command.arg("--target").arg(port.to_string());
        }
        command.stdout(std::process::Stdio::piped());
        let attacker = command.spawn().context("the attack can't be started")?;
        let times = witness::watch(portico.port(), self.plan.time)?;
        let output = attacker.wait_with_output()?;
        ensure!(output.status.success(), "the attack failed: {}", output.status);
        let sent = String::from_utf8_lossy(&output.stdout).trim().parse();
        Ok((times, sent.context("the attack does not say what it sent")?))
    }
}

//! What this program is told.

use crate::{
    hostile::Kind,
    peer::{Peer, Programs},
    scenario::Scenario,
    speed::Plan,
};
use clap::Parser;
use std::{path::PathBuf, time::Duration};

/// Compares Portico with other proxies. Needs Linux with two cores, nginx, HAProxy, Envoy, wrk,
/// h2load, taskset, setpriv and prlimit; everything listens on loopback, and ends with this program.
#[derive(Parser)]
pub(crate) struct Args {
    /// What to measure. Default: every scenario, some of them with an access log too, then the
    /// promises.
    #[arg(value_enum)]
    pub(crate) scenarios: Vec<Scenario>,
    /// Only what Portico promises of itself: memory, the compile, hostile preflights; exit code 1
    /// where a promise is broken.
    #[arg(long, conflicts_with = "scenarios")]
    pub(crate) promises: bool,
    /// Rounds of each scenario; all proxies are measured in each. The medians are reported.
    #[arg(long, default_value_t = 5)]
    pub(crate) rounds: usize,
    /// Seconds that a proxy is measured for in each round.
    #[arg(long, default_value_t = 2)]
    pub(crate) seconds: u64,
    /// The proxies that Portico is compared with.
    #[arg(long, value_enum, value_delimiter = ',', default_value = "nginx,haproxy,envoy")]
    pub(crate) peers: Vec<Peer>,
    /// Another build of Portico to compare it with.
    #[arg(long)]
    pub(crate) base: Option<PathBuf>,
    /// Where Envoy is.
    #[arg(long, default_value = "envoy")]
    pub(crate) envoy: PathBuf,
    /// With access logs.
    #[arg(long, requires = "scenarios")]
    pub(crate) access_log: bool,
    /// Writes a page, its chart and the numbers as CSV to this folder.
    #[arg(long)]
    pub(crate) write: Option<PathBuf>,
    /// Compare nginx with nginx: how far from 1 the ratio is shows what this machine can tell.
    #[arg(long)]
    pub(crate) noise: bool,
    /// Only hostile input: what it costs other clients, and the memory that it takes; all kinds, or
    /// these. Exit code 1 where memory exceeds its budget.
    #[arg(long, value_enum, num_args = 0.., conflicts_with_all = ["scenarios", "promises", "noise"])]
    pub(crate) hostile: Option<Vec<Kind>>,
    /// Only the CPU that the costliest requests take; exit code 1 where a promise is broken.
    #[arg(long, conflicts_with_all = ["scenarios", "promises", "noise", "hostile"])]
    pub(crate) costs: bool,
    /// Only faults of a backend: how many requests they cost behind Portico, HAProxy and Envoy.
    #[arg(long, conflicts_with_all = ["scenarios", "promises", "noise", "hostile", "costs"])]
    pub(crate) faults: bool,
    /// MB of hostile input of each kind, in all rounds.
    #[arg(long, default_value_t = 500)]
    pub(crate) megabytes: u64,
    /// The attacker itself, which --hostile starts.
    #[arg(long, hide = true, requires = "target")]
    pub(crate) attack: Option<Kind>,
    /// Its bytes.
    #[arg(long, hide = true, default_value_t = 0)]
    pub(crate) bytes: u64,
    /// Its ports.
    #[arg(long, hide = true)]
    pub(crate) target: Vec<u16>,
    /// The generator of handshakes itself, with this port.
    #[arg(long, hide = true)]
    pub(crate) handshakes: Option<u16>,
    /// Its number of hosts.
    #[arg(long, hide = true, default_value_t = 0)]
    pub(crate) names: usize,
    /// Whether it resumes sessions.
    #[arg(long, hide = true)]
    pub(crate) resumes: bool,
}

impl Args {
    /// Whether nothing has been chosen.
    pub(crate) fn is_everything(&self) -> bool {
        self.scenarios.is_empty() && !self.promises
    }

    /// The proxies, and how long they are measured.
    pub(crate) fn plan(&self) -> Plan {
        let peers = if self.noise {
            vec![Peer::Nginx, Peer::Nginx]
        } else {
            let base = self.base.iter().map(|_| Peer::Base);
            [Peer::Portico].into_iter().chain(base).chain(self.peers.iter().copied()).collect()
        };
        Plan {
            rounds: self.rounds,
            time: Duration::from_secs(self.seconds),
            peers,
            programs: Programs { base: self.base.clone(), envoy: self.envoy.clone() },
        }
    }
}

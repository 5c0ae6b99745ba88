//! What sends requests, and what it sees.

mod h2load;
pub(crate) mod handshakes;
mod wrk;

use crate::{
    peer::Proxy,
    process::Cores,
    scenario::{Load, Scenario},
};
use anyhow::Result;
use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

/// What one run of a load generator saw. An error where any request failed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Seen {
    /// Requests that were answered.
    pub(crate) requests: u64,
    /// Requests per second.
    pub(crate) rate: f64,
    /// Milliseconds that half of them took, with the proxy or the generator at its limit.
    pub(crate) p50: f64,
    /// Milliseconds that all but one in a hundred took.
    pub(crate) p99: f64,
}

/// The load of a scenario.
pub(crate) struct Generator {
    load: Load,
    folder: PathBuf,
}

impl Generator {
    /// Writes what the generators read into a folder.
    pub(crate) fn new(folder: &Path, scenario: Scenario) -> Result<Self> {
        let generator = Self { load: scenario.load(), folder: folder.to_owned() };
        fs::write(generator.script(), scenario.script())?;
        fs::write(generator.openssl(), wrk::OPENSSL)?;
        Ok(generator)
    }

    fn script(&self) -> PathBuf {
        self.folder.join("load.lua")
    }

    fn openssl(&self) -> PathBuf {
        self.folder.join("openssl.cnf")
    }

    /// Sends requests for so long.
    pub(crate) fn run(&self, proxy: &Proxy, time: Duration, cores: &Cores) -> Result<Seen> {
        match self.load {
            Load::Wrk { is_tls: false } => wrk::run(
                &self.script(),
                &format!("http://localhost:{}/", proxy.server.port()),
                time,
                None,
                cores,
            ),
            Load::Wrk { is_tls: true } => {
                let url = format!("https://localhost:{}/", proxy.https);
                wrk::run(&self.script(), &url, time, Some(&self.openssl()), cores)
            }
            Load::H2load => h2load::run(proxy.https, time, &self.folder.join("h2load.log"), cores),
            Load::Handshakes { resumes } => {
                let plan = handshakes::Plan { port: proxy.https, time, names: 0, resumes };
                handshakes::run(&plan, cores)
            }
        }
    }
}

/// The value below which so many percent of the values are; they are sorted.
fn percentile(sorted: &[f64], percent: usize) -> f64 {
    let index = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
    sorted.get(index).copied().unwrap_or(f64::NAN)
}

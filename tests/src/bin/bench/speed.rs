//! CPU per request and requests per second, in turns.

use crate::{
    load, nginx,
    portico::{self, Portico},
    process::{Cores, Server},
    scenario::Scenario,
};
use anyhow::{Result, ensure};
use std::{fs, path::Path, time::Duration};

/// How long and how often.
pub(crate) struct Plan {
    pub(crate) rounds: usize,
    pub(crate) time: Duration,
    /// nginx on both sides.
    pub(crate) noise: bool,
}

/// Medians of all rounds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Side {
    /// CPU microseconds of the proxy per request.
    pub(crate) cpu_micros: f64,
    /// Requests per second, where the load generator is as often the limit as the proxy.
    pub(crate) rate: f64,
}

/// Portico (or a second nginx) and nginx.
pub(crate) struct Comparison {
    pub(crate) portico: Side,
    pub(crate) nginx: Side,
    /// The median of the rounds' ratios of CPU per request.
    pub(crate) ratio: f64,
}

/// Measures both proxies over one backend.
pub(crate) fn compare(scenario: Scenario, plan: &Plan, cores: &Cores) -> Result<Comparison> {
    let folder = tempfile::tempdir()?;
    let backend = nginx::backend(folder.path(), cores)?;
    let nginx = nginx::proxy(folder.path(), cores, scenario, &backend)?;
    let portico = if plan.noise {
        nginx::proxy(folder.path(), cores, scenario, &backend)?
    } else {
        let manifests = portico::manifests(scenario.routes(), scenario.cors(), backend.port());
        Portico::start(folder.path(), cores, &manifests, scenario.routes())?.server
    };
    let script = folder.path().join("load.lua");
    fs::write(&script, scenario.script())?;

    let warm = Duration::from_secs(1);
    measure(&portico, &script, warm, cores)?;
    measure(&nginx, &script, warm, cores)?;

    let mut rounds = Vec::new();
    for _ in 0..plan.rounds {
        let portico = measure(&portico, &script, plan.time, cores)?;
        let nginx = measure(&nginx, &script, plan.time, cores)?;
        rounds.push((portico, nginx));
    }
    let over = |value: &dyn Fn(&(Side, Side)) -> f64| median(rounds.iter().map(value).collect());
    Ok(Comparison {
        portico: Side {
            cpu_micros: over(&|(portico, _)| portico.cpu_micros),
            rate: over(&|(portico, _)| portico.rate),
        },
        nginx: Side {
            cpu_micros: over(&|(_, nginx)| nginx.cpu_micros),
            rate: over(&|(_, nginx)| nginx.rate),
        },
        ratio: over(&|(portico, nginx)| portico.cpu_micros / nginx.cpu_micros),
    })
}

fn measure(proxy: &Server, script: &Path, time: Duration, cores: &Cores) -> Result<Side> {
    let before = proxy.cpu()?;
    let load = load::run(script, proxy.port(), time, cores)?;
    let spent = proxy.cpu()? - before;
    ensure!(load.requests > 0, "{} answered no request", proxy.name());
    Ok(Side { cpu_micros: spent.as_secs_f64() * 1e6 / load.requests as f64, rate: load.rate })
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len() % 2 == 1 { values[middle] } else { (values[middle - 1] + values[middle]) / 2.0 }
}

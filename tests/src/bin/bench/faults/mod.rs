//! The same faults of one backend of three behind Portico, HAProxy and Envoy: how many requests fail,
//! and how long it takes until none does.

mod backend;
mod kill;
mod load;
mod outcome;
mod page;
mod peer;

pub(crate) use kill::measure as killed;
pub(crate) use page::write;

use crate::{peer::Programs, process, process::Cores};
use anyhow::Result;
use backend::Backends;
use http::Method;
use outcome::Outcome;
use peer::{Peer, Setup};
use tokio::{
    runtime::Builder,
    time::{Instant, sleep_until},
};

/// Connections from the client, and to backends, that a hung backend leaves waiting; and the rest.
const MAX_FILES: usize = 16_384;

/// What happens to a backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Its port is closed and its connections end, as by SIGKILL.
    Kill,
    /// It resets each connection once it has read the request.
    Reset,
    /// It takes requests, and never answers.
    Hang,
    /// It accepts no connection, refuses none, and answers on none that it has.
    BlackHole,
    /// It answers 500.
    Status,
    /// It takes 500 ms longer.
    Slow,
    /// It ends the connection in the middle of each body.
    CutOff,
}

/// How a proxy finds out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Settings {
    /// By requests alone.
    Passive,
    /// By a check each second as well.
    Active,
    /// By requests, and by latency.
    Band,
    /// As Portico does without being told anything.
    Default,
}

/// A fault, the method of the requests, and the settings.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    fault: Fault,
    method: Method,
    settings: Settings,
}

/// What it cost behind each proxy.
pub(crate) struct Row {
    case: Case,
    outcomes: Vec<(Peer, Outcome)>,
}

impl Case {
    /// All of them.
    fn all() -> impl Iterator<Item = Self> {
        let faults = [
            (Fault::Kill, Method::GET),
            (Fault::Kill, Method::POST),
            (Fault::Reset, Method::GET),
            (Fault::Hang, Method::GET),
            (Fault::BlackHole, Method::GET),
            (Fault::Status, Method::GET),
            (Fault::Slow, Method::GET),
            (Fault::CutOff, Method::GET),
        ];
        let beside = [Settings::Passive, Settings::Active].into_iter().flat_map(move |settings| {
            faults.clone().map(|(fault, method)| Self { fault, method, settings })
        });
        let alone = Self { fault: Fault::Slow, method: Method::GET, settings: Settings::Band };
        beside.chain([alone])
    }

    /// The proxies that have such settings.
    fn peers(&self) -> &'static [Peer] {
        match self.settings {
            Settings::Passive | Settings::Active => &Peer::ALL,
            Settings::Band | Settings::Default => &[Peer::Portico],
        }
    }

    fn title(&self) -> String {
        let fault = match self.fault {
            Fault::Kill => "killed",
            Fault::Reset => "resets before the head",
            Fault::Hang => "hangs",
            Fault::BlackHole => "black hole",
            Fault::Status => "500",
            Fault::Slow => "slow by 500 ms",
            Fault::CutOff => "cut off in the body",
        };
        format!("{fault}, {}", self.method)
    }
}

/// Measures all cases, and prints each as soon as it is known.
pub(crate) fn measure(cores: &Cores, programs: &Programs) -> Result<Vec<Row>> {
    process::raise_file_limit(MAX_FILES)?;
    Case::all()
        .map(|case| {
            let row = experiment(case, cores, programs)?;
            page::print(&row);
            Ok(row)
        })
        .collect()
}

/// One case, behind all proxies at the same time, each with backends of its own.
fn experiment(case: Case, cores: &Cores, programs: &Programs) -> Result<Row> {
    let folder = tempfile::tempdir()?;
    let sides = case.peers().iter().map(|peer| {
        let backends = Backends::start()?;
        let (folder, settings) = (folder.path(), case.settings);
        let setup = Setup { folder, cores, programs, settings, backends: backends.ports };
        Ok((*peer, peer.start(&setup)?, backends))
    });
    let sides = sides.collect::<Result<Vec<_>>>()?;
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let outcomes = runtime.block_on(async {
        let start = Instant::now();
        let loads: Vec<_> = sides
            .iter()
            .map(|(_, server, _)| {
                let plan = (load::RATE, load::TIME);
                tokio::spawn(load::run(server.port(), case.method.clone(), start, plan))
            })
            .collect();
        sleep_until(start + load::FAULT_AT).await;
        for (_, _, backends) in &sides {
            backends.inject(case.fault);
        }
        let mut outcomes = Vec::new();
        for ((peer, ..), load) in sides.iter().zip(loads) {
            outcomes.push((*peer, Outcome::of(&load.await??)));
        }
        anyhow::Ok(outcomes)
    })?;
    Ok(Row { case, outcomes })
}

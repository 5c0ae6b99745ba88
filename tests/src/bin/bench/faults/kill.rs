//! One of three endpoints killed under load, with the settings that nobody has to write.

use super::{
    Fault, Settings,
    backend::Backends,
    load::{self, Sent},
    peer::{Peer, Setup},
};
use crate::{finding::Finding, peer::Programs, process, process::Cores};
use anyhow::Result;
use http::Method;
use std::time::Duration;
use tokio::{
    runtime::Builder,
    time::{Instant, sleep_until},
};

/// Requests per second.
const RATE: u32 = 5_000;
/// How long they are sent, and when the endpoint is killed.
const TIME: Duration = Duration::from_secs(6);
const KILLED_AT: Duration = Duration::from_secs(2);

/// How many requests fail: none of those that can be sent again, and of the others only those that
/// the endpoint had.
pub(crate) fn measure(cores: &Cores, programs: &Programs) -> Result<Vec<Finding>> {
    process::raise_file_limit(super::MAX_FILES)?;
    let (gets, _) = kill(Method::GET, cores, programs)?;
    let (posts, lost) = kill(Method::POST, cores, programs)?;
    let finding = |what: &str, value: f64, unit, limit: Option<usize>| Finding {
        what: format!("{what}, {RATE} a second, one of three endpoints killed").into(),
        value,
        unit,
        limit: limit.map(|limit| limit as f64),
    };
    let slowest = |all: &[Sent]| {
        let millis = all.iter().map(|sent| sent.took().as_secs_f64() * 1000.0);
        millis.fold(0.0, f64::max)
    };
    Ok(vec![
        finding("GETs that fail", failed(&gets) as f64, "", Some(0)),
        finding("slowest GET", slowest(&gets), "ms", None),
        finding("POSTs that the endpoint received", lost as f64, "", None),
        finding("POSTs that fail", failed(&posts) as f64, "", Some(lost)),
        finding("slowest POST", slowest(&posts), "ms", None),
    ])
}

fn failed(all: &[Sent]) -> usize {
    all.iter().filter(|sent| !sent.is_served).count()
}

/// All requests, and how many of them the endpoint had when it was killed.
fn kill(method: Method, cores: &Cores, programs: &Programs) -> Result<(Vec<Sent>, usize)> {
    let (folder, backends) = (tempfile::tempdir()?, Backends::start()?);
    let (folder, settings) = (folder.path(), Settings::Default);
    let setup = Setup { folder, cores, programs, settings, backends: backends.ports };
    let server = Peer::Portico.start(&setup)?;
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let sent = runtime.block_on(async {
        let start = Instant::now();
        let load = tokio::spawn(load::run(server.port(), method, start, (RATE, TIME)));
        sleep_until(start + KILLED_AT).await;
        backends.inject(Fault::Kill);
        load.await?
    })?;
    Ok((sent, backends.lost()))
}

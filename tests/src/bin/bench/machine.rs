//! The machine and the programs, without which numbers say little.

use crate::{peer::Peer, process::Cores, speed::Plan};
use anyhow::Result;
use std::{ffi::OsStr, fs, process::Command};

/// What is known of them, each with its name.
pub(crate) fn describe(cores: &Cores, plan: &Plan) -> Result<Vec<(&'static str, String)>> {
    let cpu = fs::read_to_string("/proc/cpuinfo")?;
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or("unknown");
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease")?;
    let load = fs::read_to_string("/proc/loadavg")?;
    let load = load.split(' ').next().unwrap_or_default();
    let mut all = vec![
        ("cpu", model.trim_start_matches([' ', '\t', ':']).to_owned()),
        ("kernel", kernel.trim().to_owned()),
        ("load", format!("{load} (average over the preceding minute; other work worsens results)")),
        (
            "cores",
            format!("{}: the proxy under test; {}: everything else", cores.proxy, cores.load),
        ),
    ];
    let mut named = Vec::new();
    for peer in &plan.peers {
        if !named.contains(peer) {
            named.push(*peer);
            all.push((peer.name(), peer.version(&plan.programs)?));
        }
    }
    if !named.contains(&Peer::Nginx) {
        all.push(("nginx", Peer::Nginx.version(&plan.programs)?));
    }
    all.push(("wrk", version("wrk", "-v")));
    all.push(("h2load", version("h2load", "--version")));
    Ok(all)
}

/// The first line that a program prints about itself, on whichever stream. One that is missing can't
/// be measured, but not every measurement needs every program.
pub(crate) fn version(program: impl AsRef<OsStr>, flag: &str) -> String {
    let Ok(output) = Command::new(program).arg(flag).output() else {
        return "not found".to_owned();
    };
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text);
    let line = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    // Envoy begins with its path.
    match line.split_once(char::is_whitespace) {
        Some((path, rest)) if path.starts_with('/') => rest.trim().to_owned(),
        Some(_) | None => line.to_owned(),
    }
}

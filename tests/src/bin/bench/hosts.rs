//! Many hosts, each with a certificate of its own.

use crate::{
    finding::Finding,
    identity,
    load::handshakes::{self, host},
    peer::{
        nginx,
        portico::{self, Portico},
    },
    process::Cores,
};
use anyhow::{Context, Result, ensure};
use portico_tests::tls::{Authority, Pair};
use std::{
    fmt::Write as _,
    fs,
    path::Path,
    thread,
    time::{Duration, Instant},
};

const HOSTS: usize = 10_000;
/// A FrontDoor may have 64.
const PER_FRONT_DOOR: usize = 50;
/// How many certificates are changed, one after the other.
const CHANGES: usize = 5;
const MIB: f64 = 1024.0 * 1024.0;

/// Every number.
pub(crate) fn measure(cores: &Cores) -> Result<Vec<Finding>> {
    let folder = tempfile::tempdir()?;
    let backend = nginx::backend(folder.path(), cores)?;
    let place = folder.path().join("manifests");
    fs::create_dir(&place)?;
    let authority = Authority::new("bench")?;
    write(&place, &authority, backend.port())?;
    let portico = Portico::serve(&place, cores, 1, &[])?;
    let finding =
        |what: &'static str, value, unit, limit| Finding { what: what.into(), value, unit, limit };
    let mut findings = vec![
        finding(
            "from start to serving 10,000 hosts with certificates",
            portico.server.age().as_secs_f64() * 1000.0,
            "ms",
            None,
        ),
        finding("memory after that", portico.server.memory()?.0 as f64 / MIB, "MiB", None),
    ];
    let one = cost(&portico, 1, 3, cores)?;
    // Once for each host, so that what a host's first handshake makes is there.
    let first = cost(&portico, HOSTS, 8, cores)?;
    let again = cost(&portico, HOSTS, 3, cores)?;
    findings.push(finding("CPU of a handshake and a request, one host", one, "µs", None));
    findings.push(finding("the same for all hosts, mostly first ones", first, "µs", None));
    findings.push(finding("the same again, relative to one host", again / one, "", Some(1.25)));
    let memory = portico.server.memory()?.0 as f64 / MIB;
    findings.push(finding("memory after handshakes for all hosts", memory, "MiB", None));

    let [compile, served, cpu] = changes(&portico, &place, &authority)?;
    findings.push(finding("compile after a change of a certificate", compile, "ms", Some(100.0)));
    findings.push(finding("from the file's change to its first handshake", served, "ms", None));
    findings.push(finding("CPU time of the change", cpu, "ms", None));
    Ok(findings)
}

/// CPU microseconds of a handshake with a request, among so many hosts.
fn cost(portico: &Portico, names: usize, seconds: u64, cores: &Cores) -> Result<f64> {
    let time = Duration::from_secs(seconds);
    let plan = handshakes::Plan { port: portico.https, time, names, resumes: false };
    let before = portico.server.cpu()?;
    let seen = handshakes::run(&plan, cores)?;
    Ok((portico.server.cpu()? - before).as_secs_f64() * 1e6 / seen.requests as f64)
}

/// Medians of the milliseconds that a compile takes, that pass until the new certificate is
/// presented, and that the process computes for it.
fn changes(portico: &Portico, place: &Path, authority: &Authority) -> Result<[f64; 3]> {
    let mut all = [const { Vec::new() }; 3];
    for _ in 0..CHANGES {
        let pair = authority.issue(&[&host(0)])?;
        let (before, cpu) = (compiles(portico)?, portico.server.cpu()?);
        let began = Instant::now();
        write_first(place, &pair)?;
        while presented(portico)? != pair.der().as_ref() {
            ensure!(began.elapsed() < Duration::from_secs(30), "the new certificate is not served");
            thread::sleep(Duration::from_millis(2));
        }
        let served = began.elapsed().as_secs_f64();
        // The old table is freed later.
        thread::sleep(Duration::from_secs(2));
        let (after, spent) = (compiles(portico)?, portico.server.cpu()? - cpu);
        let compile = (after.0 - before.0) / (after.1 - before.1);
        for (all, seconds) in all.iter_mut().zip([compile, served, spent.as_secs_f64()]) {
            all.push(seconds * 1000.0);
        }
    }
    Ok(all.map(|mut values| {
        values.sort_by(f64::total_cmp);
        values[CHANGES / 2]
    }))
}

/// Seconds in all compiles, and how many there were.
fn compiles(portico: &Portico) -> Result<(f64, f64)> {
    let metric = |of| portico.metric(&format!("portico_table_compile_duration_seconds_{of}"));
    Ok((metric("sum")?, metric("count")?))
}

/// The certificate that the first host presents.
fn presented(portico: &Portico) -> Result<Vec<u8>> {
    let stream = identity::client("http/1.1")?.connect_blocking(portico.https, &host(0))?;
    let certificates = stream.conn.peer_certificates().context("no certificate")?;
    Ok(certificates.first().context("no certificate")?.to_vec())
}

/// Writes the first host's Secret: in place of the old one, so that nobody reads half of it.
fn write_first(place: &Path, pair: &Pair) -> Result<()> {
    let new = place.join("first.new");
    fs::write(&new, secret(pair, 0))?;
    Ok(fs::rename(new, place.join("first.yaml"))?)
}

fn secret(pair: &Pair, index: usize) -> String {
    pair.secret(&format!("host-{index}")).replace("namespace: web", "namespace: bench")
}

/// FrontDoors with their Secrets and a Route each.
fn write(place: &Path, authority: &Authority, backend: u16) -> Result<()> {
    fs::write(place.join("base.yaml"), portico::manifests(1, false, backend))?;
    write_first(place, &authority.issue(&[&host(0)])?)?;
    for door in 0..HOSTS / PER_FRONT_DOOR {
        let mut yaml = format!(
            r#"apiVersion: portico.dev/v1alpha1
kind: Route
metadata: {{name: door-{door}, namespace: bench}}
spec:
  frontDoorRef: {{name: door-{door}}}
  matches: [{{path: "/*"}}]
  backends: [{{service: {{name: backend, port: http}}}}]
---
apiVersion: portico.dev/v1alpha1
kind: FrontDoor
metadata: {{name: door-{door}, namespace: bench}}
spec:
  hosts:
"#
        );
        let indices = door * PER_FRONT_DOOR..(door + 1) * PER_FRONT_DOOR;
        for index in indices.clone() {
            let name = host(index);
            writeln!(yaml, "  - {{name: {name}, tls: {{secretRef: {{name: host-{index}}}}}}}")?;
        }
        for index in indices.skip(usize::from(door == 0)) {
            yaml += &secret(&authority.issue(&[&host(index)])?, index);
        }
        fs::write(place.join(format!("door-{door}.yaml")), yaml)?;
    }
    Ok(())
}

//! `portico serve` over manifests that lead to the backend.

use super::{Place, Proxy, Setup};
use crate::{
    ports,
    process::{Cores, Server, pinned},
    scenario::ORIGIN,
};
use anyhow::{Context, Result, bail};
use portico_tests::tls::Pair;
use std::{
    env,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// Portico with one worker and the Routes `/route-0/*`, `/route-1/*`, …
pub(crate) struct Portico {
    pub(crate) server: Server,
    /// The port for HTTPS.
    pub(crate) https: u16,
    admin: u16,
}

impl Portico {
    /// Starts it over [`manifests`] and waits until the last of their Routes is served.
    pub(crate) fn start(
        folder: &Path,
        cores: &Cores,
        manifests: &str,
        routes: usize,
    ) -> Result<Self> {
        Self::start_with(folder, cores, manifests, routes, &[])
    }

    /// The same, with further flags.
    pub(crate) fn start_with(
        folder: &Path,
        cores: &Cores,
        manifests: &str,
        routes: usize,
        flags: &[&str],
    ) -> Result<Self> {
        let place = folder.join(format!("portico-{}", ports::free()?));
        fs::create_dir(&place)?;
        fs::write(place.join("manifests.yaml"), manifests)?;
        Self::serve(&place, cores, routes, flags)
    }

    /// Starts it over a folder of manifests.
    pub(crate) fn serve(
        folder: &Path,
        cores: &Cores,
        routes: usize,
        flags: &[&str],
    ) -> Result<Self> {
        let (http, https, admin) = (ports::free()?, ports::free()?, ports::free()?);
        let mut command = command(&built()?, cores, folder, [http, https, admin]);
        command.args(flags).env("RUST_LOG", "warn");
        let last = format!("/route-{}/small", routes - 1);
        let server = Server::start("portico", command, http, &last)?;
        Ok(Self { server, https, admin })
    }

    /// The value of a metric without labels.
    pub(crate) fn metric(&self, name: &str) -> Result<f64> {
        let metrics = crate::process::get(self.admin, "/metrics")?;
        metrics
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok())
            .with_context(|| format!("/metrics has no {name}"))
    }
}

/// The binary that was built together with this one.
pub(crate) fn built() -> Result<PathBuf> {
    let binary = env::current_exe()?.with_file_name("portico");
    if !binary.exists() {
        bail!("{} is missing: cargo build --release --workspace --bins", binary.display());
    }
    Ok(binary)
}

pub(crate) fn command(binary: &Path, cores: &Cores, folder: &Path, ports: [u16; 3]) -> Command {
    let mut command = pinned(&cores.proxy, binary);
    command.arg("serve").arg(folder).args(["--workers", "1"]);
    for (flag, port) in ["--http", "--https", "--admin"].into_iter().zip(ports) {
        command.arg(flag).arg(format!("127.0.0.1:{port}"));
    }
    command
}

/// One that is compared with others.
pub(super) fn proxy(place: &Place, setup: &Setup<'_>, binary: &Path) -> Result<Proxy> {
    let manifests = match setup.scenario.is_tls() {
        true => manifests_with_tls(setup.backend, &setup.certificate.pair),
        false => manifests(setup.scenario.routes(), setup.scenario.cors(), setup.backend),
    };
    let folder = place.folder.join("manifests");
    fs::create_dir(&folder)?;
    fs::write(folder.join("manifests.yaml"), manifests)?;
    let ports = [place.http, place.https, ports::free()?];
    let mut command = command(binary, setup.cores, &folder, ports);
    command.env("RUST_LOG", if setup.is_logged { "info" } else { "warn" });
    place.start(command)
}

/// A FrontDoor, with a CORS policy or without, and Routes to the backend.
pub(crate) fn manifests(routes: usize, cors: bool, backend: u16) -> String {
    let cors = match cors {
        true => format!(
            ", cors: {{allowOrigins: [{ORIGIN:?}], allowMethods: [PUT], allowHeaders: [x-api-key]}}"
        ),
        false => String::new(),
    };
    let mut yaml = format!(
        r#"
apiVersion: portico.dev/v1alpha1
kind: FrontDoor
metadata: {{name: bench, namespace: bench}}
spec: {{hosts: [{{name: "*"}}]{cors}}}
---
apiVersion: v1
kind: Service
metadata: {{name: backend, namespace: bench}}
spec: {{ports: [{{name: http, port: 80}}]}}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {{name: backend-1, namespace: bench, labels: {{kubernetes.io/service-name: backend}}}}
addressType: IPv4
ports: [{{name: http, port: {backend}, protocol: TCP}}]
endpoints: [{{addresses: [127.0.0.1], conditions: {{ready: true}}}}]
"#
    );
    for i in 0..routes {
        // A String takes every write.
        let _ = write!(
            yaml,
            r#"---
apiVersion: portico.dev/v1alpha1
kind: Route
metadata: {{name: route-{i}, namespace: bench}}
spec:
  frontDoorRef: {{name: bench}}
  matches: [{{path: "/route-{i}/*"}}]
  backends: [{{service: {{name: backend, port: http}}}}]
"#
        );
    }
    yaml
}

/// The same with one Route and TLS 1.3, its certificate from a Secret in that manifest, and plain HTTP served too.
pub(crate) fn manifests_with_tls(backend: u16, pair: &Pair) -> String {
    let hosts = "spec: {hosts: [{name: \"*\"}]";
    let tls = r#"spec: {plainHttp: Serve, tls: {minVersion: VersionTLS13}, hosts: [{name: "*", tls: {secretRef: {name: bench}}}]"#;
    let manifests = manifests(1, false, backend).replace(hosts, tls);
    manifests + &pair.secret("bench").replace("namespace: web", "namespace: bench")
}

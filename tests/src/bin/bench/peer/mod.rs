//! The proxies that are compared. All do with a request what Portico does: the client's forwarding
//! headers go and their own come, a request id both ways, `Via` on requests, connections to the
//! backend kept, and the CORS policy where there is one.

mod envoy;
mod haproxy;
pub(crate) mod nginx;
pub(crate) mod portico;

use crate::{
    identity::Files,
    machine, ports,
    process::{Cores, Server},
    scenario::Scenario,
};
use anyhow::{Context, Result};
use clap::ValueEnum;
use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Peer {
    /// As it was built together with this program.
    #[value(skip)]
    Portico,
    /// The build that `--base` names.
    #[value(skip)]
    Base,
    Nginx,
    Haproxy,
    Envoy,
}

/// Programs that are not on the path.
#[derive(Clone, Debug, Default)]
pub(crate) struct Programs {
    /// Another build of Portico.
    pub(crate) base: Option<PathBuf>,
    pub(crate) envoy: PathBuf,
}

/// What a proxy is started for.
pub(crate) struct Setup<'s> {
    pub(crate) folder: &'s Path,
    pub(crate) cores: &'s Cores,
    pub(crate) programs: &'s Programs,
    pub(crate) scenario: Scenario,
    /// Whether it writes an access log, to a file.
    pub(crate) is_logged: bool,
    pub(crate) backend: u16,
    pub(crate) certificate: &'s Files,
}

/// A proxy that serves, in the clear and over TLS.
pub(crate) struct Proxy {
    pub(crate) server: Server,
    /// The port for HTTPS; nothing listens there where the scenario has no TLS.
    pub(crate) https: u16,
}

impl Peer {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Portico => "portico",
            Self::Base => "base",
            Self::Nginx => "nginx",
            Self::Haproxy => "HAProxy",
            Self::Envoy => "Envoy",
        }
    }

    /// Starts it with one worker on the core that is measured.
    pub(crate) fn start(self, setup: &Setup<'_>) -> Result<Proxy> {
        let place = Place::new(self, setup)?;
        match self {
            Self::Portico => portico::proxy(&place, setup, &portico::built()?),
            Self::Base => {
                let base = setup.programs.base.as_deref().context("--base is missing")?;
                portico::proxy(&place, setup, base)
            }
            Self::Nginx => nginx::proxy(&place, setup),
            Self::Haproxy => haproxy::proxy(&place, setup),
            Self::Envoy => envoy::proxy(&place, setup),
        }
    }

    /// How it names itself and its version.
    pub(crate) fn version(self, programs: &Programs) -> Result<String> {
        let (program, flag) = match self {
            Self::Portico => (portico::built()?, "--version"),
            Self::Base => (programs.base.clone().context("--base is missing")?, "--version"),
            Self::Nginx => ("nginx".into(), "-v"),
            Self::Haproxy => ("haproxy".into(), "-v"),
            Self::Envoy => (programs.envoy.clone(), "--version"),
        };
        Ok(machine::version(&program, flag))
    }
}

/// A folder of a proxy's own, and its ports.
struct Place {
    name: &'static str,
    folder: PathBuf,
    http: u16,
    https: u16,
}

impl Place {
    fn new(peer: Peer, setup: &Setup<'_>) -> Result<Self> {
        let (http, https) = (ports::free()?, ports::free()?);
        let folder = setup.folder.join(format!("{}-{http}", peer.name()));
        fs::create_dir(&folder)?;
        Ok(Self { name: peer.name(), folder, http, https })
    }

    fn file(&self, name: &str, text: &str) -> Result<PathBuf> {
        let path = self.folder.join(name);
        fs::write(&path, text)?;
        Ok(path)
    }

    /// Where the access log goes.
    fn log(&self) -> PathBuf {
        self.folder.join("access.log")
    }

    /// Starts the proxy; its standard output is the access log of those that write it there.
    fn start(&self, mut command: Command) -> Result<Proxy> {
        command.stdout(Stdio::from(File::create(self.folder.join("stdout"))?));
        let server = Server::start(self.name, command, self.http, "/route-0/small")?;
        Ok(Proxy { server, https: self.https })
    }
}

//! The proxies, with settings that are as alike as they can be.

mod envoy;
mod haproxy;
mod portico;

use super::{Settings, backend::COUNT};
use crate::{peer::Programs, ports, process::Cores, process::Server};
use anyhow::Result;
use std::{fs, fs::File, path::Path, process::Stdio};

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Peer {
    Portico,
    Haproxy,
    Envoy,
}

/// What one is started with.
pub(super) struct Setup<'s> {
    pub(super) folder: &'s Path,
    pub(super) cores: &'s Cores,
    pub(super) programs: &'s Programs,
    pub(super) settings: Settings,
    pub(super) backends: [u16; COUNT],
}

impl Peer {
    pub(super) const ALL: [Self; 3] = [Self::Portico, Self::Haproxy, Self::Envoy];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Portico => "Portico",
            Self::Haproxy => "HAProxy",
            Self::Envoy => "Envoy",
        }
    }

    /// Its configuration where it serves at `port`, and the language that it is written in.
    pub(super) fn config(
        self,
        settings: Settings,
        port: u16,
        backends: [u16; COUNT],
    ) -> Result<(String, &'static str)> {
        Ok(match self {
            Self::Portico => (portico::config(settings, backends), "yaml"),
            Self::Haproxy => (haproxy::config(settings, port, backends), "haproxy"),
            Self::Envoy => {
                (serde_json::to_string_pretty(&envoy::config(settings, port, backends))?, "json")
            }
        })
    }

    /// Starts it with one worker on the core of the proxies.
    pub(super) fn start(self, setup: &Setup<'_>) -> Result<Server> {
        let port = ports::free()?;
        let folder = setup.folder.join(self.name());
        let (config, language) = self.config(setup.settings, port, setup.backends)?;
        fs::create_dir_all(folder.join("config"))?;
        let file = folder.join("config").join(format!("config.{language}"));
        fs::write(&file, config)?;
        let mut command = match self {
            Self::Portico => portico::command(setup.cores, &folder.join("config"), port)?,
            Self::Haproxy => haproxy::command(setup.cores, &file),
            Self::Envoy => envoy::command(setup.cores, &setup.programs.envoy, &file),
        };
        // What they say of a fault is not what is measured.
        command.stdout(Stdio::from(File::create(folder.join("stdout"))?));
        command.stderr(Stdio::from(File::create(folder.join("stderr"))?));
        Server::start(self.name(), command, port, "/")
    }
}

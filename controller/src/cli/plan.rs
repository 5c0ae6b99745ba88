//! Arguments of `portico plan`.

use super::values;
use crate::plan::Services;
use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// Arguments of `portico plan`.
#[derive(Debug, Args)]
pub struct PlanArgs {
    /// Recordings of visits (HAR 1.2), as browsers and proxies save them; - is standard input
    #[arg(required = true, value_name = "SITE.har")]
    pub recordings: Vec<PathBuf>,
    /// Output format: the report for people or programs, or only the manifests
    #[arg(short, long, value_enum, default_value_t = PlanOutput::Text)]
    pub output: PlanOutput,
    /// Also write the manifests into this folder, one file for the FrontDoor and one for each host;
    /// no file is overwritten
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Also write the report as one web page, with the requests drawn before and after
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// The Service in the cluster that is behind a host; repeatable:
    /// api.example.com=web/api:80. Other hosts become external backends
    #[arg(
        long = "service",
        value_name = "HOST=NAMESPACE/NAME:PORT",
        value_parser = values::service
    )]
    services: Vec<values::ServiceAt>,
}

impl PlanArgs {
    /// The Services, by host.
    pub fn services(&self) -> Services {
        self.services.iter().cloned().collect()
    }

    /// Whether no host has two Services.
    pub(super) fn fit_together(&self) -> Result<(), String> {
        let services = self.services();
        match self.services.iter().find(|(host, service)| services.get(host) != Some(service)) {
            Some((host, _)) => Err(format!("--service gives two Services for {host}: keep one")),
            None => Ok(()),
        }
    }
}

/// An output format of `portico plan`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PlanOutput {
    /// For people.
    Text,
    /// For programs.
    Json,
    /// The manifests.
    Yaml,
}

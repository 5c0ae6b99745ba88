//! Arguments of `portico import`.

use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// Arguments of `portico import`.
#[derive(Debug, Args)]
pub struct ImportArgs {
    /// What the files configure
    #[arg(value_enum, value_name = "KIND")]
    pub kind: ImportKind,
    /// YAML or JSON files, of many objects each, or folders of them; - is standard input
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// With ingress: the controller whose annotations they have
    #[arg(long, value_enum, default_value_t = IngressController::Nginx)]
    pub from: IngressController,
    /// With azure-front-door: a file with parameters of the templates
    #[arg(long, value_name = "FILE")]
    pub parameters: Option<PathBuf>,
    /// Output format: the report for people or programs, or only the manifests
    #[arg(short, long, value_enum, default_value_t = ImportOutput::Text)]
    pub output: ImportOutput,
    /// Also write the manifests into this folder, one file for each object; no file is overwritten
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

impl ImportArgs {
    /// Whether the flags fit the kind.
    pub(super) fn fit_together(&self) -> Result<(), String> {
        if self.kind != ImportKind::AzureFrontDoor && self.parameters.is_some() {
            return Err("--parameters is for azure-front-door".to_owned());
        }
        if self.kind != ImportKind::Ingress && self.from != IngressController::Nginx {
            return Err("--from is for ingress".to_owned());
        }
        Ok(())
    }
}

/// What is imported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ImportKind {
    /// Azure Front Door, classic, Standard and Premium: ARM templates, and what az prints as JSON.
    AzureFrontDoor,
    /// Kubernetes Ingress objects.
    Ingress,
}

/// A controller of Ingress objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum IngressController {
    /// ingress-nginx.
    Nginx,
    /// Traefik.
    Traefik,
    /// HAProxy Ingress.
    Haproxy,
}

/// An output format of `portico import`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ImportOutput {
    /// For people.
    Text,
    /// For programs.
    Json,
    /// The manifests.
    Yaml,
}

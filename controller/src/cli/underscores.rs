//! The flag for request headers whose names have underscores.

use clap::{Args, ValueEnum};
use portico_dataplane::config;

/// Request headers whose names have underscores.
#[derive(Clone, Copy, Debug, Args)]
pub(super) struct UnderscoreArgs {
    /// What happens to request headers whose names contain an underscore
    ///
    /// Many backends read 'x_api_key' and 'x-api-key' as one variable, so that a client could set
    /// what Portico sets. Either way, a header is removed if a backend may take it for one that
    /// Portico itself sets or that the Route edits.
    #[arg(long, value_enum, default_value_t = Underscores::Remove)]
    underscores: Underscores,
}

/// What happens to them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Underscores {
    /// They are removed.
    Remove,
    /// They are forwarded.
    Allow,
}

impl UnderscoreArgs {
    /// The dataplane's setting.
    pub(super) fn setting(self) -> config::Underscores {
        match self.underscores {
            Underscores::Remove => config::Underscores::Remove,
            Underscores::Allow => config::Underscores::Allow,
        }
    }
}

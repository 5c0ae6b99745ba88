//! Arguments of `portico demo`.

use super::{ServingArgs, values};
use crate::demo::Kind;
use clap::{ArgMatches, Args, parser::ValueSource};
use std::time::Duration;

/// The default address of the demo's front door: reachable from this machine only.
pub const HTTP: &str = "127.0.0.1:8080";
/// The same for HTTPS.
pub const HTTPS: &str = "127.0.0.1:8443";

/// Arguments of `portico demo`.
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// How long every service delays its responses, as if it were that far away; 0ms: not at all
    #[arg(long, value_name = "TIME", default_value = "60ms", value_parser = values::time)]
    pub latency: Duration,
    /// Serve the page over https, with a certificate that is generated at every start, so that
    /// browsers warn about it; plain HTTP is redirected
    #[arg(long, conflicts_with = "service")]
    pub tls: bool,
    /// Start only this service, at the address of --http, without a front door, as the Deployments
    /// of examples/ep do
    #[arg(long, value_enum, value_name = "NAME")]
    pub service: Option<Kind>,
    /// Serving flags.
    #[command(flatten)]
    pub serving: ServingArgs,
    /// Whether `--http` was given: only a default port may give way if it is taken.
    #[arg(skip)]
    pub http_given: bool,
    /// Whether `--https` was given.
    #[arg(skip)]
    pub https_given: bool,
    /// Whether `--admin` was given.
    #[arg(skip)]
    pub admin_given: bool,
}

impl DemoArgs {
    /// Notes which addresses were given on the command line.
    pub(super) fn note_given(&mut self, line: &ArgMatches) {
        let given = |flag| line.value_source(flag) == Some(ValueSource::CommandLine);
        (self.http_given, self.https_given) = (given("http"), given("https"));
        self.admin_given = given("admin");
    }
}

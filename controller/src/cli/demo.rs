//! Arguments of `portico demo`.

use super::{ServingArgs, values};
use crate::demo::Kind;
use clap::Args;
use std::time::Duration;

/// Where the demo's front door listens unless told otherwise: on this machine alone.
pub const HTTP: &str = "127.0.0.1:8080";
/// Where the admin port listens unless told otherwise, as in every serving mode.
pub const ADMIN: &str = "127.0.0.1:9090";

/// Arguments of `portico demo`.
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// How long each service waits before each answer, as if it were that round trip away
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = values::time)]
    pub latency: Duration,
    /// Start only this service, at the address of --http, and no front door; the Deployments of
    /// examples/ep do that
    #[arg(long, value_enum, value_name = "NAME")]
    pub service: Option<Kind>,
    /// How to serve.
    #[command(flatten)]
    pub serving: ServingArgs,
}

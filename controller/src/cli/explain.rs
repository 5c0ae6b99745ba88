//! Arguments of `portico explain`.

use super::{ExternalArgs, Output, values};
use clap::Args;
use http::{HeaderName, HeaderValue, Method};
use portico_dataplane::explain::Target;
use std::path::PathBuf;

/// Arguments of `portico explain`.
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// Manifest files and folders. Folders are read recursively: *.yaml, *.yml and *.json, no dot
    /// files
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// What the request is for: an absolute http or https URL. Its host chooses the FrontDoor; its
    /// scheme, host and port are the request's own origin
    #[arg(long, value_name = "URL")]
    pub url: Target,
    /// The request's method. As fetch() does, get, head, post, put, delete and options are written
    /// in upper case, others as they are
    #[arg(long, value_name = "METHOD", default_value = "GET", value_parser = values::method)]
    pub method: Method,
    /// The origin of the page that sends the request: https://app.example.com, or null. Without it,
    /// what depends on the page's origin is not told
    #[arg(long, value_name = "ORIGIN", value_parser = values::origin)]
    pub origin: Option<HeaderValue>,
    /// A header that the page's script, or whoever sends the request, sets; repeatable
    #[arg(long = "header", value_name = "'NAME: VALUE'", value_parser = values::header)]
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// How to print
    #[arg(short, long, value_enum, default_value_t = Output::Text)]
    pub output: Output,
    /// What external backends may point at.
    #[command(flatten)]
    pub external: ExternalArgs,
}

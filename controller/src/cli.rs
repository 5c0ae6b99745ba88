//! The command line: commands, flags, defaults and help.

mod compiling;
pub mod demo;
pub mod explain;
pub mod import;
mod memory;
mod operator;
pub mod plan;
pub mod report;
mod telemetry;
mod underscores;
mod values;

pub use compiling::CompilingArgs;
pub use operator::OperatorArgs;
pub use telemetry::{TelemetryArgs, TelemetrySettings};

use crate::version;
use clap::{
    ArgMatches, Args, CommandFactory, Error, FromArgMatches, Parser, Subcommand, ValueEnum,
    error::ErrorKind,
};
use clap_complete::Shell;
use portico_dataplane::config::{Config, Limits};
use std::{net::SocketAddr, num::NonZeroUsize, path::PathBuf, thread, time::Duration};

/// Puts services on separate hosts behind one origin: a front door that routes, rewrites and
/// answers requests for them, so that browsers need no CORS preflights
#[derive(Debug, Parser)]
#[command(
    name = "portico",
    version = version::SHORT,
    long_version = version::LONG,
    max_term_width = 100,
    propagate_version = true
)]
pub struct Cli {
    /// The command to run.
    #[command(subcommand)]
    pub command: Command,
}

impl Cli {
    /// Parses the process's command line. Prints help or an error and exits where
    /// that is the result.
    pub fn read() -> Self {
        Self::from_line(&Self::command().get_matches()).unwrap_or_else(|error| error.exit())
    }

    fn from_line(line: &ArgMatches) -> Result<Self, Error> {
        let mut cli = Self::from_arg_matches(line)?;
        if let (Command::Demo(args), Some((_, line))) = (&mut cli.command, line.subcommand()) {
            args.note_given(line);
        }
        if let Command::Operator(args) = &cli.command {
            let error = |message| Self::command().error(ErrorKind::ArgumentConflict, message);
            args.fit_together().map_err(error)?;
        }
        if let Command::Explain(args) = &cli.command {
            let error = |message| Self::command().error(ErrorKind::ArgumentConflict, message);
            args.request.fit_together().map_err(error)?;
        }
        if let Command::Import(args) = &cli.command {
            let error = |message| Self::command().error(ErrorKind::ArgumentConflict, message);
            args.fit_together().map_err(error)?;
        }
        if let Command::Plan(args) = &cli.command {
            let error = |message| Self::command().error(ErrorKind::ArgumentConflict, message);
            args.fit_together().map_err(error)?;
        }
        Ok(cli)
    }
}

/// The command to run.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show what a front door saves: three services, a front door in front of them, and a page
    ///
    /// Starts three small services, each on its own port, and a front door that serves the
    /// manifests of examples/ep. Open the address that it prints: the page there calls the same
    /// APIs directly and through the front door, and shows how many preflights each way needed and
    /// how long each call took. If a default port is taken, a free one is used. Ctrl-C stops it.
    #[command(mut_arg("http", |http| http.default_value(demo::HTTP)))]
    #[command(mut_arg("https", |https| https.default_value(demo::HTTPS)))]
    #[command(after_help = "Examples:\n  portico demo\n  portico demo --latency 0ms\n  \
        portico demo --http 0.0.0.0:8080    (open to other machines, such as a phone)\n\n\
        Only warnings are logged; RUST_LOG=info shows the access log too.")]
    Demo(Box<demo::DemoArgs>),
    /// Serve the FrontDoors and Routes of manifest files, without a cluster
    ///
    /// Reads FrontDoor, Route, Service, EndpointSlice, Secret and Namespace objects, serves them,
    /// and applies every change to the files without dropping a request. If a file can't be parsed,
    /// its last valid content stays in use. SIGTERM or Ctrl-C stops it once the requests in flight
    /// are answered; a second one stops it immediately.
    #[command(after_help = "Examples:\n  portico serve examples/ep\n  \
        portico serve --http 127.0.0.1:8080 --allow-external 192.168.0.0/16 routes.yaml\n\n\
        Logs and the access log (target 'access') go to standard output. RUST_LOG selects what \
        is logged, such as RUST_LOG=warn or RUST_LOG=info,access=off; the default is info.")]
    Serve(Box<ServeArgs>),
    /// Serve the FrontDoors and Routes of a Kubernetes cluster
    ///
    /// Watches FrontDoors, Routes, Services, EndpointSlices, Secrets and Namespaces on the API
    /// server, serves them, and applies every change without dropping a request. Writes the
    /// objects' statuses, and Events for their problems; all replicas serve, but only the one that
    /// holds a Lease writes. While the API server can't be reached, the last known state is served.
    /// SIGTERM and Ctrl-C work as for 'serve'.
    #[command(after_help = "Examples:\n  portico crds | kubectl apply --server-side -f -\n  \
        portico operator\n  \
        portico operator --watch-namespace web --publish-service portico-system/portico\n\n\
        docs/operator.md lists the permissions that it needs. It logs as 'serve' does.")]
    Operator(Box<OperatorArgs>),
    /// Compile manifest files and print what is wrong with them
    ///
    /// Prints the conditions of each FrontDoor and Route, and every problem with its object, field,
    /// reason, message and line. Exit status: 0 if there is no error, 1 if there is one, 2 if a
    /// file can't be read or parsed, or if the input has neither FrontDoors nor Routes.
    #[command(after_help = "Examples:\n  portico check examples/ep\n  \
        helm template . | portico check -\n  \
        portico check -o github manifests/    (annotations, in a GitHub workflow)\n  \
        portico check -o json manifests/ | jq '.objects[] | select(.problems != [])'")]
    Check(CheckArgs),
    /// Explain what would happen to a request, without sending it
    ///
    /// Shows which Route wins and why the others don't; whether a browser would send a preflight,
    /// and the response to it; the request as the backend gets it; and which parts of the response
    /// the page's script may read. Uses the same code as serving. Secrets are shown as
    /// fingerprints. Exit status: 0 if the request is explained, whatever would happen to it; 2 if
    /// a file can't be read or parsed.
    #[command(after_help = "Examples:\n  \
        portico explain examples/ep --url http://localhost:8080/sales/report\n  \
        portico explain examples/partner --url http://localhost:8080/orders/7 -X PUT \\\n    \
        --origin https://shop.example -H 'content-type: application/json'\n  \
        portico explain . --url https://www.ep.com/ -o json | jq .winner.route\n\n\
        To explain a preflight itself: -X OPTIONS --origin ORIGIN \
        -H 'access-control-request-method: PUT'.")]
    Explain(Box<explain::ExplainArgs>),
    /// Read recordings of a site, and plan its front door
    ///
    /// Reads recordings of visits (HAR 1.2, which the developer tools of all browsers save), and
    /// says which calls crossed origins, which of them needed a preflight and why, what that cost,
    /// and what one origin would have saved. Plans the FrontDoor and Routes for it, and lists what
    /// to look at before. Shows no values of headers, cookies, queries or bodies. Exit status: 0 if
    /// the recordings are read; 2 if one can't be.
    #[command(after_help = "Examples:\n  portico plan site.har\n  \
        portico plan site.har --service api.example.com=web/api:80 --out manifests/\n  \
        portico plan site.har --html saved.html    (one page, to open or to send)\n  \
        portico plan -o json *.har | jq '.hosts[] | {origin, preflights, milliseconds}'\n\n\
        To record: open the developer tools, choose the Network tab, use the site, and save all \
        as HAR. The file has all that the browser sent, so keep it to yourself. \
        docs/what-would-it-save.md walks through it.")]
    Plan(Box<plan::PlanArgs>),
    /// Show what the front door saves: preflights avoided, and the time that they would have taken
    ///
    /// Asks a process that serves, or Prometheus about all replicas, and prints for each Route the
    /// requests, the preflights that browsers did not have to send, the time that those would have
    /// taken, the preflights that still came, errors and response times. With an earlier report, it
    /// also shows what has changed since. Exit status: 0 if there is a report; 1 if nobody answers;
    /// 2 if the baseline can't be read.
    #[command(after_help = "Examples:\n  portico report\n  \
        portico report -o json > before.json    (then make calls relative, and a week later:)\n  \
        portico report --since 7d --baseline before.json\n  \
        portico report --prometheus http://localhost:9091 --since 30d --html > report.html\n\n\
        In a cluster: kubectl port-forward -n portico-system service/portico-admin 9090. \
        docs/report.md says what is counted.")]
    Report(Box<report::ReportArgs>),
    /// Translate the configuration of another front door
    ///
    /// Reads what Azure Front Door or an Ingress controller is configured with, and writes FrontDoors
    /// and Routes that do the same, with a report on each field: kept, kept with a difference, or not
    /// kept, and why. What it writes passes portico check. Exit status: 0 if all was kept; 3 if
    /// something needs a look; 2 if a file can't be read.
    #[command(after_help = "Examples:\n  \
        kubectl get ingress -A -o yaml | portico import ingress - --out manifests/\n  \
        az network front-door show -n shop -g web -o json > shop.json\n  \
        portico import azure-front-door shop.json --out manifests/\n  \
        portico import azure-front-door template.json --parameters prod.json\n  \
        portico import ingress shop.yaml -o json | jq '.report[] | select(.verdict != \"kept\")'")]
    Import(Box<import::ImportArgs>),
    /// Print the CustomResourceDefinitions as YAML
    #[command(after_help = "Example:\n  portico crds | kubectl apply --server-side -f -")]
    Crds,
    /// Print a shell completion script for commands and flags
    #[command(after_help = "Examples:\n  \
        portico completions bash > /etc/bash_completion.d/portico\n  \
        portico completions zsh > \"${fpath[1]}/_portico\"\n  \
        portico completions fish > ~/.config/fish/completions/portico.fish")]
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Print the manual page of a command, or of Portico
    #[command(after_help = "Examples:\n  portico man | man -l -\n  \
        portico man serve > /usr/local/share/man/man1/portico-serve.1")]
    Man {
        /// A command, such as 'serve'
        command: Option<String>,
    },
}

/// Arguments of `portico serve`.
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// Manifest files and folders. Folders are read recursively: *.yaml, *.yml and *.json, except
    /// for dot files
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Serving flags.
    #[command(flatten)]
    pub serving: ServingArgs,
}

/// Arguments of `portico check`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// Manifest files and folders; - is standard input. Folders are read recursively: *.yaml, *.yml
    /// and *.json, except for dot files
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Output format
    #[arg(short, long, value_enum, default_value_t = CheckOutput::Text)]
    pub output: CheckOutput,
    /// Treat the input as complete: a reference that does not resolve, or a Service without
    /// endpoints, is an error rather than a warning
    #[arg(long)]
    pub strict: bool,
    /// What objects mean.
    #[command(flatten)]
    pub compiling: CompilingArgs,
}

/// An output format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// An output format of `portico check`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CheckOutput {
    /// For people.
    Text,
    /// For programs.
    Json,
    /// Commands that annotate lines in a GitHub workflow.
    Github,
}

/// Flags of all serving modes.
#[derive(Debug, Args)]
pub struct ServingArgs {
    /// Address and port for plain HTTP. With port 0 the system picks one
    #[arg(long, value_name = "ADDR", default_value = "0.0.0.0:8080", value_parser = values::address)]
    pub http: SocketAddr,
    /// Address and port for HTTPS, for the hosts with 'tls'. With port 0 the system picks one
    #[arg(long, value_name = "ADDR", default_value = "0.0.0.0:8443", value_parser = values::address)]
    pub https: SocketAddr,
    /// The port at which clients reach HTTPS, to which plain HTTP is redirected [default: 443, or
    /// the port of --https for a client that uses the port of --http]
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    pub public_https_port: Option<u16>,
    /// Address and port for the operator's page, /livez, /readyz, /metrics, /debug/table and
    /// /debug/backends; don't expose it to the internet
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:9090", value_parser = values::address)]
    pub admin: SocketAddr,
    /// Worker threads, each with its own listener and connection pools [default: the number of
    /// cores]
    #[arg(long, value_name = "N", value_parser = values::count)]
    pub workers: Option<NonZeroUsize>,
    /// Log format
    #[arg(long, value_enum, default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,
    /// Whether and how requests are logged; 'combined' is the format of Apache and nginx [default:
    /// determined by --log-format and RUST_LOG]
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub access_log: Option<AccessLogFormat>,
    /// Traces, and metrics that are sent.
    #[command(flatten)]
    pub telemetry: TelemetryArgs,
    /// Maximum size of a request's head, in bytes, KiB or MiB; larger ones get 431
    #[arg(long, value_name = "SIZE", default_value = "64KiB", value_parser = values::size)]
    pub max_head_bytes: usize,
    /// Maximum size of a request line; longer ones get 414
    #[arg(long, value_name = "SIZE", default_value = "8KiB", value_parser = values::size)]
    pub max_uri_bytes: usize,
    /// Maximum size of a request's body; larger ones get 413 [default: unlimited]
    #[arg(long, value_name = "SIZE", value_parser = values::size)]
    pub max_body_bytes: Option<usize>,
    /// Maximum number of header fields in a backend's response; with more, the client gets 502
    #[arg(long, value_name = "N", default_value = "100", value_parser = values::count)]
    pub max_response_fields: NonZeroUsize,
    /// Maximum number of connections per worker. A further one replaces the one that has been idle
    /// longest, or else longest in an unfinished request head; while all of them have requests, it
    /// waits
    #[arg(long, value_name = "N", default_value = "10000", value_parser = values::count)]
    pub max_connections: NonZeroUsize,
    /// Maximum number of connections per client address (IPv6: per /64), over all workers; further
    /// ones are closed at once [default: unlimited]. Don't use it behind a load balancer, which
    /// counts as one client
    #[arg(long, value_name = "N", value_parser = values::count)]
    pub max_connections_per_client: Option<NonZeroUsize>,
    /// Memory that all client connections together may hold. Beyond it, the connections that have
    /// gone longest without a request are closed, then those whose clients read nothing, and new
    /// ones wait [default: 70% of the cgroup's limit, else 1GiB]
    #[arg(long, value_name = "SIZE", value_parser = values::size)]
    pub max_memory: Option<usize>,
    /// How long a new connection may take to send its first byte, and a request's head may take
    /// from its first byte to its last: 500ms, 30s, 1m30s
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = values::some_time)]
    pub header_timeout: Duration,
    /// How long a TLS handshake may take, counted from accepting the connection
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = values::some_time)]
    pub handshake_timeout: Duration,
    /// How long a connection may stay idle between requests
    #[arg(long, value_name = "TIME", default_value = "75s", value_parser = values::some_time)]
    pub idle_timeout: Duration,
    /// How long requests in flight may take after SIGTERM; 0s cuts them off immediately
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = values::time)]
    pub drain_timeout: Duration,
    /// This install's name in Via; a request that already carries it is in a loop, and gets 508.
    /// Use the same name for all replicas [default: portico- and 8 random hex digits]
    #[arg(long, value_name = "NAME", value_parser = values::token)]
    pub via_name: Option<String>,
    /// What objects mean.
    #[command(flatten)]
    pub compiling: CompilingArgs,
}

/// A log format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object per line.
    Json,
}

/// How requests are logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum AccessLogFormat {
    /// Not at all.
    Off,
    /// For people.
    Text,
    /// One JSON object per line.
    Json,
    /// The combined log format of Apache and nginx.
    Combined,
}

impl ServingArgs {
    /// The dataplane's configuration, but for the access log and tracing.
    pub fn config(&self) -> Config {
        let cores = || thread::available_parallelism().map_or(1, NonZeroUsize::get);
        Config {
            http: self.http,
            https: self.https,
            public_https_port: self.public_https_port,
            workers: self.workers.map_or_else(cores, NonZeroUsize::get),
            via_name: self.via_name.clone().unwrap_or_else(values::random_name).into(),
            guard: self.compiling.guard(),
            name_servers: [].into(),
            access_log: None,
            tracing: None,
            limits: Limits {
                head_bytes: self.max_head_bytes,
                uri_bytes: self.max_uri_bytes,
                underscores: self.compiling.underscores(),
                body_bytes: self.max_body_bytes.map(|bytes| bytes as u64),
                response_fields: self.max_response_fields.get(),
                connections: self.max_connections.get(),
                connections_per_client: self.max_connections_per_client.map(NonZeroUsize::get),
                memory: self.max_memory.unwrap_or_else(memory::default_budget),
                header_timeout: self.header_timeout,
                idle_timeout: self.idle_timeout,
                handshake_timeout: self.handshake_timeout,
                ..Limits::default()
            },
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;

//! The commands, one module for each.

mod check;
mod crds;
mod demo;
mod explain;
mod import;
mod manual;
mod operator;
mod plan;
mod report;
mod serve;
mod written;

use crate::{
    cli::{Cli, Command, CompilingArgs},
    compile::{self, Compiled, Options},
    files::{self, Merged},
    import::SourceError,
};
use k8s_openapi::jiff::Timestamp;
use std::{
    error::Error,
    io::{self, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

/// A file that does not exist or can't be read. The exit status is 2, as for an unknown flag.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {error}")]
pub struct InputError {
    path: String,
    error: Box<dyn Error + Send + Sync>,
}

impl From<SourceError> for InputError {
    fn from(SourceError { path, message }: SourceError) -> Self {
        Self { path, error: message.into() }
    }
}

/// Runs the command given on the command line.
pub fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    match cli.command {
        Command::Serve(args) => block_on(serve::run(*args)),
        Command::Operator(args) => block_on(operator::run(*args)),
        Command::Check(args) => check::run(&args),
        Command::Explain(args) => explain::run(&args),
        Command::Plan(args) => plan::run(&args),
        Command::Report(args) => block_on(report::run(*args)),
        Command::Import(args) => import::run(&args),
        Command::Crds => crds::run(),
        Command::Completions { shell } => manual::completions(shell),
        Command::Man { command } => manual::page(command.as_deref()),
        Command::Demo(args) => block_on(demo::run(*args)),
    }
}

/// Runs a serving command. The workers have threads and runtimes of their own.
fn block_on(command: impl Future<Output = anyhow::Result<ExitCode>>) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let result = runtime.block_on(command);
    runtime.shutdown_background();
    result
}

/// How manifests in files are compiled.
fn of_files(args: &CompilingArgs) -> Options {
    Options { loopback_endpoints: true, names_others: true, ..args.options() }
}

/// Reads and compiles manifests once, with their dates judged as of now.
fn compile_once(paths: &[PathBuf], args: &CompilingArgs) -> Result<(Merged, Compiled), InputError> {
    exist(paths)?;
    let merged = files::read(paths);
    let options = Options { now: Some(Timestamp::now()), ..of_files(args) };
    let compiled = compile::compile(&merged.snapshot, &options);
    Ok((merged, compiled))
}

/// Rejects paths that do not exist, other than that of the standard input.
fn exist(paths: &[PathBuf]) -> Result<(), InputError> {
    let check = |path: &Path| {
        path.metadata()
            .map(drop)
            .map_err(|error| InputError { path: path.display().to_string(), error: error.into() })
    };
    let files = paths.iter().filter(|path| path.as_os_str() != files::STDIN);
    files.map(PathBuf::as_path).try_for_each(check)
}

/// Writes to standard output. It is not an error if the reader has seen enough (`| head`).
fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}

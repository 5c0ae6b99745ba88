//! `portico completions` and `portico man`: from the definition of the command line.

use crate::cli::Cli;
use anyhow::Context;
use clap::{Command, CommandFactory};
use clap_complete::Shell;
use clap_mangen::Man;
use std::process::ExitCode;

/// Prints the completions for a shell.
pub(super) fn completions(shell: Shell) -> anyhow::Result<ExitCode> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "portico", &mut script);
    super::print(&String::from_utf8(script).context("the script is not UTF-8")?)?;
    Ok(ExitCode::SUCCESS)
}

/// Prints the manual page of a command, or of the program.
pub(super) fn page(command: Option<&str>) -> anyhow::Result<ExitCode> {
    let mut program = Cli::command();
    // The pages of commands show their full names.
    program.build();
    let names = program.get_subcommands().map(Command::get_name).collect::<Vec<_>>().join(", ");
    let shown = match command {
        None => &program,
        Some(name) => program
            .find_subcommand(name)
            .with_context(|| format!("there is no command '{name}'; the commands are {names}"))?,
    };
    let mut page = Vec::new();
    Man::new(shown.clone()).render(&mut page)?;
    super::print(&String::from_utf8(page).context("the page is not UTF-8")?)?;
    Ok(ExitCode::SUCCESS)
}

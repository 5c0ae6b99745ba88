//! `portico plan`: what one origin would have saved in recorded visits, and how to get there.

mod html;
mod text;

use super::{InputError, written};
use crate::paint::Paint;
use crate::{
    cli::plan::{PlanArgs, PlanOutput},
    files::STDIN,
    plan::{self, Plan, Recordings},
};
use anyhow::Context;
use std::{
    fs,
    io::{self, IsTerminal},
    path::PathBuf,
    process::ExitCode,
};

pub(super) fn run(args: &PlanArgs) -> anyhow::Result<ExitCode> {
    super::exist(&args.recordings)?;
    let plan = Plan::of(read(&args.recordings)?, &args.services());
    let files = plan::files(&plan).context("writing the manifests")?;
    if let Some(folder) = &args.out {
        written::write(folder, &files)?;
    }
    if let Some(file) = &args.html {
        let page = html::of(&plan, &files);
        fs::write(file, page).with_context(|| format!("writing {}", file.display()))?;
    }
    super::print(&match args.output {
        PlanOutput::Text => {
            let written = args.out.as_deref().map(|folder| (folder, files.as_slice()));
            text::of(&plan, written, Paint::of_stdout(), io::stdout().is_terminal())
        }
        PlanOutput::Json => {
            let mut text = serde_json::to_string_pretty(&plan).context("printing the plan")?;
            text.push('\n');
            text
        }
        PlanOutput::Yaml => files.into_iter().map(|file| file.text).collect(),
    })?;
    Ok(ExitCode::SUCCESS)
}

fn read(paths: &[PathBuf]) -> Result<Recordings, InputError> {
    let mut recordings = Recordings::default();
    for path in paths {
        let name = path.display().to_string();
        let note = if paths.len() > 1 { name.as_str() } else { "" };
        let result = if path.as_os_str() == STDIN {
            recordings.read(note, io::stdin().lock())
        } else {
            match fs::File::open(path) {
                Ok(file) => recordings.read(note, file),
                Err(error) => return Err(InputError { path: name, error: error.into() }),
            }
        };
        result.map_err(|error| InputError { path: name, error: error.into() })?;
    }
    Ok(recordings)
}

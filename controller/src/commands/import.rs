//! `portico import`: what another front door is configured with, as FrontDoors and Routes.

use super::written;
use crate::paint::{Paint, Plain};
use crate::{
    cli::import::{ImportArgs, ImportKind, ImportOutput, IngressController},
    import::{self, Controller, Entry, Imported, Verdict},
};
use anyhow::Context;
use std::process::ExitCode;

/// The exit status if something needs a look.
const NEEDS_A_LOOK: u8 = 3;

pub(super) fn run(args: &ImportArgs) -> anyhow::Result<ExitCode> {
    super::exist(&args.files)?;
    let sources = import::read(&args.files).map_err(super::InputError::from)?;
    let imported = match args.kind {
        ImportKind::AzureFrontDoor => {
            let parameters: Vec<_> = args.parameters.iter().cloned().collect();
            let parameters = import::read(&parameters).map_err(super::InputError::from)?;
            import::azure(&sources, &parameters)
        }
        ImportKind::Ingress => import::ingress(&sources, controller(args.from)),
    };
    let files = imported.files().context("writing the manifests")?;
    if let Some(folder) = &args.out {
        written::write(folder, &files)?;
    }
    super::print(&match args.output {
        ImportOutput::Text => text(&imported, Paint::of_stdout()),
        ImportOutput::Json => {
            let mut text =
                serde_json::to_string_pretty(&imported).context("printing the report")?;
            text.push('\n');
            text
        }
        ImportOutput::Yaml => files.into_iter().map(|file| file.text).collect(),
    })?;
    let is_whole = !imported.needs_a_look();
    Ok(if is_whole { ExitCode::SUCCESS } else { ExitCode::from(NEEDS_A_LOOK) })
}

fn controller(from: IngressController) -> Controller {
    match from {
        IngressController::Nginx => Controller::Nginx,
        IngressController::Traefik => Controller::Traefik,
        IngressController::Haproxy => Controller::Haproxy,
    }
}

/// The report for people: the objects, the fields by source, and how many of them need a look.
fn text(imported: &Imported, paint: Paint) -> String {
    let mut out = String::new();
    for object in &imported.objects {
        let name = format!("{}/{}", object.namespace, object.name);
        out.push_str(&format!("{} {}\n", paint.bold(object.kind), paint.bold(&name)));
    }
    let mut source = "";
    for entry in &imported.report {
        if entry.source != source {
            source = &entry.source;
            out.push_str(&format!("\n{}\n", paint.bold(source)));
        }
        let Entry { field, verdict, why, .. } = entry;
        let word = match verdict {
            Verdict::Kept => paint.good("kept"),
            Verdict::Changed => paint.odd("changed"),
            Verdict::Dropped => paint.bad("dropped"),
        };
        let why = if why.is_empty() { String::new() } else { format!(": {}", Plain(why)) };
        let field = if field.is_empty() { "the whole object" } else { field };
        out.push_str(&format!("  {word} {}{why}\n", Plain(field)));
    }
    let count = |verdict| imported.report.iter().filter(|it| it.verdict == verdict).count();
    let [kept, changed, dropped] = [Verdict::Kept, Verdict::Changed, Verdict::Dropped].map(count);
    out.push_str(&format!("\nOf the fields, {kept} kept, {changed} changed, {dropped} dropped\n"));
    out
}

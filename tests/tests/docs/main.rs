//! What the documentation shows is true: its manifests are accepted and do what the tables beside
//! them say, and its links lead somewhere.

#![allow(clippy::unwrap_used, clippy::panic)]

mod asked;
mod console;
mod explained;
mod first_manifest;
mod imported;
mod rules;
mod table;

use clap::CommandFactory;
use portico::{
    cli::Cli,
    compile::{Options, compile},
    files,
};
use portico_tests::blocks;
use std::{
    fs,
    path::{Path, PathBuf},
};

/// README.md, CONTRIBUTING.md, and all of docs/.
fn pages() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut pages = vec![root.join("README.md"), root.join("CONTRIBUTING.md")];
    let mut folders = vec![root.join("docs")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                pages.push(path);
            }
        }
    }
    pages
}

#[test]
fn manifests_are_accepted() {
    let mut checked = 0;
    for page in pages() {
        let blocks = blocks(&fs::read_to_string(&page).unwrap(), "yaml");
        if blocks.is_empty() {
            continue;
        }
        // The blocks of a page belong together: a Route may attach to a FrontDoor shown above it.
        let folder = tempfile::tempdir().unwrap();
        for (index, block) in blocks.iter().enumerate() {
            fs::write(folder.path().join(format!("{index}.yaml")), block).unwrap();
        }
        let merged = files::read(&[folder.path().to_owned()]);
        assert!(merged.problems.is_empty(), "{}: {:?}", page.display(), merged.problems);
        let options = Options { loopback_endpoints: true, ..Options::default() };
        for (object, status) in compile(&merged.snapshot, &options).statuses {
            let accepted = status.conditions.iter().any(|c| c.r#type == "Accepted" && c.status);
            assert!(accepted, "{}: {object}: {:?}", page.display(), status.problems);
            checked += 1;
        }
    }
    // README alone has a FrontDoor and two Routes.
    assert!(checked > 3, "only {checked} objects were found");
}

#[test]
fn links_lead_somewhere() {
    for page in pages() {
        let text = fs::read_to_string(&page).unwrap();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split_once(')')) {
            let (target, anchor) = link.0.split_once('#').unwrap_or((link.0, ""));
            if target.contains("://") {
                continue;
            }
            let target = match target {
                "" => page.clone(),
                target => page.parent().unwrap().join(target),
            };
            assert!(target.exists(), "{}: {} is not there", page.display(), link.0);
            if !anchor.is_empty() {
                let headings = headings(&fs::read_to_string(&target).unwrap());
                let found = headings.iter().any(|heading| heading == anchor);
                assert!(found, "{}: no heading for {}: {headings:?}", page.display(), link.0);
            }
        }
    }
}

#[test]
fn every_command_and_flag_is_documented() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/commands.md");
    let page = fs::read_to_string(page).unwrap();
    for command in Cli::command().get_subcommands() {
        let heading = format!("## {}", command.get_name());
        assert!(page.lines().any(|line| line == heading), "no '{heading}'");
        for flag in command.get_arguments().filter_map(|argument| argument.get_long()) {
            assert!(page.contains(&format!("--{flag}")), "--{flag} is missing");
        }
    }
}

#[test]
fn the_demos_page_links_to_documents_that_exist() {
    let page =
        fs::read_to_string(portico_tests::root().join("controller/src/demo/assets/demo.html"))
            .unwrap();
    let links = page.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next());
    let documents = links
        .filter_map(|link| link.strip_prefix("https://github.com/portico-dev/portico/blob/main/"));
    let mut count = 0;
    for document in documents {
        let (file, section) = document.split_once('#').unwrap_or((document, ""));
        let anchors = headings(&fs::read_to_string(portico_tests::root().join(file)).unwrap());
        let is_there = section.is_empty() || anchors.iter().any(|anchor| anchor == section);
        assert!(is_there, "{document}");
        count += 1;
    }
    assert!(count >= 3);
}

/// The anchors of a page's headings, as GitHub makes them.
fn headings(page: &str) -> Vec<String> {
    let lines = page.lines().filter(|line| line.starts_with('#'));
    lines
        .map(|line| {
            let kept = line.trim_start_matches('#').trim().to_lowercase();
            let kept = kept.replace(|c: char| !c.is_alphanumeric() && !" -_".contains(c), "");
            kept.replace(' ', "-")
        })
        .collect()
}

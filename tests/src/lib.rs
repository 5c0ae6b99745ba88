//! Portico from outside: what the tests share.

pub mod backend;
pub mod binary;
pub mod browser;
pub mod cluster;
pub mod collector;
pub mod demo;
pub mod edge;
pub mod fetch_model;
pub mod frames;
pub mod helm;
pub mod name_server;
pub mod random;
pub mod serve;
pub mod tls;
pub mod wire;

use std::path::{Path, PathBuf};

/// The checkout.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The blocks of `language` on a page of the documentation.
pub fn blocks(page: &str, language: &str) -> Vec<String> {
    let opening = format!("```{language}");
    let mut blocks = Vec::new();
    let mut lines = page.lines();
    while lines.by_ref().any(|line| line == opening) {
        let block = lines.by_ref().take_while(|line| *line != "```");
        blocks.push(block.flat_map(|line| [line, "\n"]).collect());
    }
    blocks
}

//! Which module may name which. A crate's `lib.rs` lists its modules from the lowest layer to the
//! highest, and a module names only those above it there; within a folder, modules don't name each
//! other in a circle. Tests are free.
//!
//! `lib.rs` has blank lines between its modules, for rustfmt sorts neighbours.

#![allow(clippy::unwrap_used, clippy::panic)]

mod graph;
mod source;

use graph::Modules;
use source::Source;
use std::{
    fs,
    path::{Path, PathBuf},
};

/// The crates whose layers are tested.
const CRATES: [&str; 2] = ["dataplane", "controller"];

/// The folders of all Rust sources.
const FOLDERS: [&str; 4] = ["controller", "crds", "dataplane", "tests"];

/// How long a source file may be.
const MAX_LINES: usize = 400;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// All Rust sources below a folder of the repository, as paths from its root.
fn sources(folder: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path.strip_prefix(root()).unwrap().to_owned());
            }
        }
    }
    found.sort();
    found
}

/// The modules of a crate.
fn modules(name: &str) -> Modules {
    let src = format!("{name}/src");
    let of_crate = sources(&src).into_iter().filter_map(|path| {
        let module = source::module(path.strip_prefix(&src).unwrap())?;
        let text = fs::read_to_string(root().join(&path)).unwrap();
        Some(Source::read(&path.display().to_string(), module, &text))
    });
    Modules::new(of_crate.collect())
}

#[test]
fn a_module_names_only_those_above_it() {
    let arrows: Vec<_> = CRATES.into_iter().flat_map(|name| modules(name).arrows_back()).collect();
    assert!(arrows.is_empty(), "\n{}\n", arrows.join("\n"));
}

#[test]
fn modules_of_a_folder_do_not_go_in_a_circle() {
    let circles: Vec<_> = CRATES.into_iter().flat_map(|name| modules(name).circles()).collect();
    assert!(circles.is_empty(), "\n{}\n", circles.join("\n"));
}

#[test]
fn no_source_is_too_long() {
    let lines = |path: &PathBuf| fs::read_to_string(root().join(path)).unwrap().lines().count();
    let long = FOLDERS.into_iter().flat_map(sources).filter(|path| lines(path) > MAX_LINES);
    let long: Vec<_> = long.collect();
    assert!(long.is_empty(), "more than {MAX_LINES} lines: split {long:?}");
}

/// Modules of a crate of these files.
fn modules_of(files: &[(&str, &str)]) -> Modules {
    let read = |(path, text): &(&str, &str)| {
        Some(Source::read(path, source::module(Path::new(path))?, text))
    };
    Modules::new(files.iter().filter_map(read).collect())
}

const LIB: (&str, &str) = ("lib.rs", "mod low;\n\npub mod middle;\n\nmod high;\n");

#[test]
fn an_arrow_back_is_found_wherever_it_is_written() {
    let high = "which stands after it in lib.rs";
    for (text, line) in [
        ("use crate::high;", 1),
        ("\nuse crate::high::Thing as Other;", 2),
        ("use crate::{\n    low::{self, A},\n    high::{B, c::{D, E}},\n};", 3),
        ("use super::high::A;", 1),
        ("use super::{low::A, high};", 1),
        ("fn f() {\n    crate::high::g::<u8>();\n}", 2),
        ("struct S {\n    a: Vec<crate::high::A>,\n}", 2),
        ("fn f() { vec![1, crate::high::N]; }", 1),
        ("macro_rules! m { () => { $crate::high::g() }; }", 1),
        ("mod inner {\n    use super::super::high::A;\n}", 2),
        ("impl A {\n    #[must_use]\n    fn f(self) -> crate::high::A {}\n}", 3),
    ] {
        let found = modules_of(&[LIB, ("middle.rs", text)]).arrows_back();
        let first = format!("middle.rs:{line}: middle names high, {high}");
        assert_eq!(found.first(), Some(&first), "{text}");
    }
}

#[test]
fn what_is_allowed_is_not_an_arrow_back() {
    for text in [
        "use crate::low::A;\nuse super::low;",
        "use crate::middle::inner::B;",
        "// crate::high\n/// [`crate::high`]\nfn f() -> &'static str { \"crate::high::A\" }",
        "#[cfg(test)]\nuse crate::high::A;\nuse crate::low::B;",
        "#[cfg(test)]\nmod tests {\n    use crate::high::A;\n}",
        "#[cfg(all(test, unix))]\nfn f() { crate::high::g() }",
        "use high::A;\nuse other::high;",
        "fn f() -> impl Sized + use<> { self.high }",
        "pub(in crate::middle) fn f() {}",
    ] {
        let found = modules_of(&[LIB, ("middle.rs", text)]).arrows_back();
        assert_eq!(found, [""; 0], "{text}");
    }
    for path in ["middle/tests.rs", "middle/tests/a.rs", "middle/oracle.rs", "main.rs"] {
        let found = modules_of(&[LIB, ("middle/mod.rs", ""), (path, "use crate::high::A;")]);
        assert_eq!(found.arrows_back(), [""; 0], "{path}");
    }
}

#[test]
fn a_module_that_lib_does_not_list_is_found() {
    let found = modules_of(&[LIB, ("lost.rs", "use crate::low::A;")]).arrows_back();
    assert_eq!(found, ["lost.rs:1: lost is not listed in lib.rs"]);
}

#[test]
fn a_circle_within_a_folder_is_found() {
    let one = ("low/one.rs", "use super::two::A;");
    for (text, line) in [
        ("use super::one::A;", 1),
        ("\nuse super::{one, three};", 2),
        ("fn f() {\n    crate::low::one::g();\n}", 2),
        // By way of a third one, and of what the folder re-exports.
        ("use super::three::A;", 1),
        ("use super::B;", 1),
        ("use crate::low::B;", 1),
    ] {
        let files = [
            LIB,
            ("low/mod.rs", "mod one;\nmod two;\nmod three;\n\npub use one::B;"),
            one,
            ("low/two.rs", text),
            ("low/three.rs", "use super::one::A;"),
        ];
        let found = modules_of(&files).circles();
        let first = "low/one.rs:1: low::one names two, which leads back to it".to_owned();
        assert!(found.contains(&first), "{text}: {found:?}");
        let back = format!("low/two.rs:{line}: low::two names ");
        assert!(found.iter().any(|found| found.starts_with(&back)), "{text}: {found:?}");
    }
}

#[test]
fn parents_children_and_tests_make_no_circle() {
    let found = modules_of(&[
        LIB,
        ("low/mod.rs", "mod one;\nmod two;\n\npub use one::A;\nuse two::B;\nstruct C;"),
        ("low/one.rs", "use super::{C, two::B};\n#[cfg(test)]\nmod tests;"),
        ("low/one/tests.rs", "use crate::low::two::B;"),
        ("low/two.rs", "use super::C;\n#[cfg(test)]\nmod tests {\n    use crate::low::one::A;\n}"),
    ]);
    assert_eq!(found.circles(), [""; 0]);
}

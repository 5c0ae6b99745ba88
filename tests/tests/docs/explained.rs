//! What the pages show of `portico explain` is what it prints.

use crate::{blocks, pages};
use std::{fs, path::Path, process::Command};

#[test]
fn what_explain_prints_is_what_is_shown() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut shown = 0;
    for page in pages() {
        for block in blocks(&fs::read_to_string(&page).unwrap(), "console") {
            let (line, expected) = block.split_once('\n').unwrap();
            let Some(args) = line.strip_prefix("$ portico explain ") else { continue };
            let mut portico = Command::new(portico_tests::binary::portico().unwrap());
            let portico = portico.current_dir(root).arg("explain").args(args.split(' '));
            let printed = String::from_utf8(portico.output().unwrap().stdout).unwrap();
            assert_eq!(printed, expected, "{}: {line}", page.display());
            shown += 1;
        }
    }
    assert!(shown > 0, "README shows one");
}

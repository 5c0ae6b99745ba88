//! Whole inputs, with the manifests and the report that come of them. `UPDATE_GOLDEN=1` writes them.

use super::{Ran, check, portico_with};
use std::{fs, path::Path};

/// The inputs, the flags with which they are imported, and the exit status.
const INPUTS: [(&str, &[&str], i32); 5] = [
    ("classic.json", &["--parameters", "classic.parameters.json"], 3),
    ("classic-az.json", &[], 3),
    ("standard.json", &[], 3),
    ("standard-az.json", &[], 3),
    ("kept.json", &[], 0),
];

#[test]
fn inputs_become_these_manifests_and_reports() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/import_azure/inputs");
    for (input, args, code) in INPUTS {
        let run = |output: &str| {
            let command = [&["import", "azure-front-door", input, "-o", output], args].concat();
            let ran = portico_with(&folder, &command, b"");
            assert_eq!((ran.code, ran.err.as_str()), (code, ""), "{input}");
            ran.out
        };
        let manifests = run("yaml");
        check(&folder, &manifests);
        let report = run("text");
        for (suffix, actual) in [("yaml", manifests), ("txt", report)] {
            let path = folder.join(input).with_extension(suffix);
            if std::env::var_os("UPDATE_GOLDEN").is_some() {
                fs::write(&path, &actual).unwrap();
            }
            let expected = fs::read_to_string(&path).unwrap_or_default();
            assert_eq!(actual, expected, "{}: see UPDATE_GOLDEN", path.display());
        }
    }
}

#[test]
fn a_missing_parameter_is_named() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/import_azure/inputs");
    let Ran { code, out, .. } =
        portico_with(&folder, &["import", "azure-front-door", "classic.json"], b"");
    assert_eq!(code, 3);
    let said = "dropped properties.backendPools[1].properties.backends[0].address: parameter 'apiAddress' has no value: give it with --parameters FILE";
    assert!(out.contains(said), "{out}");
}

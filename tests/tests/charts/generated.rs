//! What other files or programs say, and the charts repeat.

use portico_tests::{
    helm::{render, run},
    root,
};
use serde_json::Value;
use std::{env, fs, path::Path};

/// A file is what is generated, or is made so.
fn assert_is(path: &Path, generated: &str) {
    if env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(path, generated).unwrap();
    }
    let kept = fs::read_to_string(path).unwrap_or_default();
    let way_out = "UPDATE_GOLDEN=1 cargo test -p portico-tests --test charts";
    assert!(kept == generated, "{} is not up to date: {way_out}", path.display());
}

#[test]
fn definitions_are_those_of_the_types() {
    let folder = root().join("charts/portico-crds/files");
    let definitions = portico_crds::crds();
    for definition in &definitions {
        let file = folder.join(format!("{}.yaml", definition.spec.names.plural));
        assert_is(&file, &format!("---\n{}", serde_saphyr::to_string(definition).unwrap()));
    }
    assert_eq!(fs::read_dir(&folder).unwrap().count(), definitions.len(), "a file of no type");
}

#[test]
fn readmes_list_every_value() {
    for chart in ["portico", "portico-crds"] {
        let arguments = ["--chart-to-generate", chart, "--dry-run", "--log-level=error"];
        let arguments = [&arguments[..], &["--sort-values-order=file"]].concat();
        let Some(readme) = run("helm-docs", &arguments) else { return };
        let readme = readme.unwrap();
        assert_is(&root().join("charts").join(chart).join("README.md"), &readme);
        let (_, table) = readme.split_once("\n## Values\n").unwrap();
        let rows: Vec<_> = table.lines().filter(|line| line.starts_with("| ")).collect();
        assert!(rows.len() > 3, "{table}");
        for row in rows {
            assert!(!row.ends_with("|  |"), "a value without a comment: {row}");
        }
    }
}

#[test]
fn the_schema_names_every_alert() {
    let file = |path| fs::read_to_string(root().join("charts/portico").join(path)).unwrap();
    let alerts: Value = serde_saphyr::from_str(&file("files/alerts.yaml")).unwrap();
    let alerts = alerts["rules"].as_array().unwrap().iter().map(|rule| &rule["alert"]);
    let schema: Value = serde_json::from_str(&file("values.schema.json")).unwrap();
    let disabled = &schema["properties"]["prometheusRule"]["properties"]["disabled"];
    let names = disabled["items"]["enum"].as_array().unwrap();
    assert_eq!(names.iter().collect::<Vec<_>>(), alerts.collect::<Vec<_>>());
}

#[test]
fn versions_are_that_of_the_workspace() {
    for chart in ["portico", "portico-crds"] {
        let path = root().join("charts").join(chart).join("Chart.yaml");
        let metadata: Value = serde_saphyr::from_str(&fs::read_to_string(path).unwrap()).unwrap();
        assert_eq!(metadata["version"], env!("CARGO_PKG_VERSION"), "{chart}");
        assert_eq!(metadata["appVersion"], env!("CARGO_PKG_VERSION"), "{chart}");
    }
    let image = format!("image: ghcr.io/portico-dev/portico:{}", env!("CARGO_PKG_VERSION"));
    for file in ["app", "sales", "profiles"] {
        let path = root().join(format!("examples/ep/{file}.yaml"));
        assert!(fs::read_to_string(path).unwrap().contains(&image), "{file}");
    }
    let Some(objects) = render(&[]) else { return };
    let objects = objects.unwrap();
    let container =
        &objects.one("Deployment", "").unwrap()["spec"]["template"]["spec"]["containers"][0];
    assert_eq!(format!("image: {}", container["image"].as_str().unwrap()), image);
}

#[test]
fn helm_finds_nothing_to_complain_of() {
    for chart in ["portico", "portico-crds"] {
        let Some(report) = run("helm", &["lint", "--strict", chart]) else { return };
        let report = report.unwrap();
        assert!(!report.contains("[WARNING]"), "{report}");
    }
}

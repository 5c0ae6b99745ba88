//! What an Ingress on a page becomes stands below it.

use super::blocks;
use portico::{
    files,
    import::{Controller, Source, ingress},
};
use std::fs;

#[test]
fn imported_ingresses_become_what_stands_below_them() {
    let page = portico_tests::root().join("docs/import-ingress.md");
    let page = fs::read_to_string(page).unwrap();
    let values = |language: &str| {
        let blocks = blocks(&page, language);
        blocks.iter().flat_map(|block| files::values(block).unwrap()).collect::<Vec<_>>()
    };
    let source = |value| Source { file: "page".to_owned(), value };
    let sources: Vec<_> = values("ingress").into_iter().map(source).collect();
    let imported = ingress(&sources, Controller::Nginx);
    let written: Vec<_> = imported.objects.iter().map(|object| object.to_manifest()).collect();
    assert_eq!(written, values("yaml"));
    for object in &imported.objects {
        for line in &object.about {
            assert!(page.contains(&format!("# {line}\n")), "{line}");
        }
    }
}

//! The first manifest of the README serves something where nothing else is at hand.

use crate::blocks;
use portico_tests::{root, serve::Serve, wire::ask};
use std::fs;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_manifest_of_the_readme_serves_what_it_says() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let manifest = blocks(&readme, "yaml").into_iter().next().unwrap();
    let serve = Serve::start(&manifest, &[]).unwrap();
    let asked = async |target: &str| {
        let request = format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n");
        ask(serve.http, request).await.unwrap()
    };
    let first = asked("/").await;
    assert_eq!((first.status(), first.field("location").as_str()), (302, "http://localhost/hello"));
    let second = asked("/hello").await;
    assert_eq!((second.status(), second.field("content-type").as_str()), (200, "text/plain"));
    assert!(readme.contains(&format!("# {}", second.text().trim())), "{}", second.text());
}

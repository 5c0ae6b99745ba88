//! The tables of docs/rules.md: each request goes where its row says, and gets the response.

use crate::blocks;
use portico_tests::{
    backend::{Backend, Reply, service},
    edge::Edge,
    wire::ask,
};
use std::{collections::BTreeMap, fs};

/// A row of such a table.
#[derive(Debug)]
struct Row {
    method: String,
    host: String,
    target: String,
    lines: Vec<String>,
    /// The Service that gets the request, if it is forwarded.
    backend: Option<String>,
    /// The target and header lines that it gets.
    with: Vec<String>,
    /// The status and header lines of the response.
    response: Vec<String>,
}

fn code(cell: &str) -> Vec<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

fn rows(page: &str) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut lines = page.lines();
    while lines.by_ref().any(|line| line == "| request | goes to | with | the response has |") {
        let table = lines.by_ref().skip(1).take_while(|line| line.starts_with('|'));
        rows.extend(table.map(|line| {
            let cells: Vec<_> = line.split('|').skip(1).map(code).collect();
            let [request, backend, with, response, _] = cells.as_slice() else {
                panic!("not four cells: {line}");
            };
            let (method, url) = request[0].split_once(' ').unwrap();
            let (host, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
            Row {
                method: method.to_owned(),
                host: host.to_owned(),
                target: format!("/{path}"),
                lines: request[1..].to_vec(),
                backend: backend.first().cloned(),
                with: with.clone(),
                response: response.clone(),
            }
        }));
    }
    rows
}

#[tokio::test]
async fn rules_do_what_the_page_says() {
    let page = fs::read_to_string(portico_tests::root().join("docs/rules.md")).unwrap();
    let page = page.replace("trustedProxies: [10.0.0.0/8]", "trustedProxies: [127.0.0.0/8]");
    let mut backends = BTreeMap::new();
    for name in page.split("service: {name: ").skip(1).filter_map(|rest| rest.split(',').next()) {
        if !backends.contains_key(name) {
            let backend = Backend::scripted(|_| {
                Reply::raw("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nServer: own\r\n\r\n")
            });
            backends.insert(name, backend.await.unwrap());
        }
    }
    let services =
        backends.iter().map(|(name, backend)| service(name, "http", &[backend.address()]));
    let manifests = blocks(&page, "yaml").into_iter().map(|block| format!("---\n{block}"));
    let edge = Edge::start(&manifests.chain(services).collect::<String>()).await.unwrap();
    let rows = rows(&page);
    assert!(rows.len() > 20, "only {} rows were found", rows.len());
    for row in &rows {
        let lines: String = row.lines.iter().map(|line| format!("{line}\r\n")).collect();
        let request =
            format!("{} {} HTTP/1.1\r\nHost: {}\r\n{lines}\r\n", row.method, row.target, row.host);
        let before: BTreeMap<_, _> =
            backends.iter().map(|(name, backend)| (*name, backend.requests().len())).collect();
        let answer = ask(edge.address(), request).await.unwrap();
        let reached: Vec<_> = backends
            .iter()
            .filter(|(name, backend)| backend.requests().len() > before[*name])
            .map(|(name, _)| (*name).to_owned())
            .collect();
        assert_eq!(reached, row.backend.iter().cloned().collect::<Vec<_>>(), "{row:?}");
        if let Some(name) = &row.backend {
            let got = backends[name.as_str()].last().unwrap();
            let (target, fields) = row.with.split_first().unwrap();
            let line = format!("{} {target} HTTP/1.1", row.method);
            assert_eq!(got.start_line(), line, "{row:?}");
            for field in fields {
                let (name, value) = field.split_once(": ").unwrap();
                assert_eq!(got.field(name), value, "{row:?}: {}", got.head);
            }
        }
        let (status, fields) = row.response.split_first().unwrap();
        assert_eq!(answer.status().to_string(), *status, "{row:?}: {}", answer.head);
        for field in fields {
            let (name, value) = field.split_once(": ").unwrap();
            assert_eq!(answer.field(name), value, "{row:?}: {}", answer.head);
        }
    }
}

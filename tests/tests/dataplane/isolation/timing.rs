//! `Timing-Allow-Origin`, which a CORS policy owns.

use super::Origin;
use portico_tests::wire::{ask, get};

const PAGE: &str = "https://app.example.com";

/// The field in the response to a page of `origin`, whose backend lets everybody read timings.
async fn allowed(origin: &Origin, page: Option<&str>) -> Vec<String> {
    let page = page.map(|page| format!("Origin: {page}\r\n")).unwrap_or_default();
    let request = get("/a/x", &format!("{page}X-Lines: Timing-Allow-Origin: *\r\n"));
    let answer = ask(origin.edge.address(), request).await.unwrap();
    answer.fields("timing-allow-origin").into_iter().map(str::to_owned).collect()
}

#[tokio::test]
async fn a_policy_says_who_reads_timings() {
    for (policy, own_page) in [
        ("", &["*"][..]),
        ("cors: {allowOrigins: ['https://app.example.com'], mode: Report}", &["*"]),
        ("cors: {allowOrigins: ['https://app.example.com']}", &[]),
        ("cors: {allowOrigins: ['https://app.example.com'], timing: true}", &[PAGE]),
    ] {
        let origin = Origin::start("", policy, "").await;
        assert_eq!(allowed(&origin, Some(PAGE)).await, own_page, "{policy}");
        let others: &[&str] = if own_page == ["*"] { &["*"] } else { &[] };
        for page in [Some("https://other.example"), Some("http://www.ep.com"), None] {
            assert_eq!(allowed(&origin, page).await, others, "{policy} {page:?}");
        }
    }
}

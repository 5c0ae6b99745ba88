//! The page's files, and what keeps other sites from reading them.

use super::Site;

const PAGES: [&str; 8] = [
    "/",
    "/page.css",
    "/page.js",
    "/page.svg",
    "/api/routes",
    "/api/failures",
    "/report",
    "/debug/table",
];

#[tokio::test]
async fn every_page_says_what_browsers_may_do_with_it() {
    let site = Site::start(&[]).await;
    for page in PAGES {
        let answer = site.page(page).await;
        assert_eq!(answer.status(), 200, "{page}");
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("cache-control", "no-store"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-resource-policy", "same-origin"),
            ("access-control-allow-origin", ""),
        ] {
            assert_eq!(answer.fields(name).join(","), value, "{page}: {name}");
        }
        let policy = answer.field("content-security-policy");
        assert!(policy.contains("default-src 'none'"), "{page}: {policy}");
        assert!(policy.contains("frame-ancestors 'none'"), "{page}: {policy}");
        assert!(!policy.contains("unsafe"), "{page}: {policy}");
    }
}

#[tokio::test]
async fn the_page_loads_nothing_from_elsewhere() {
    let site = Site::start(&[]).await;
    for page in ["/", "/page.css", "/page.js"] {
        let text = site.page(page).await.text();
        // The placeholders of fields are examples, and a namespace is no address.
        let text =
            text.replace("http://www.w3.org/2000/svg", "").replace("https://www.example.com", "");
        let text = text.replace("https://app.example.com", "");
        assert!(!text.contains("http://") && !text.contains("https://"), "{page}");
        assert!(!text.contains(" style=") && !text.contains(" onclick="), "{page}");
    }
}

#[tokio::test]
async fn other_sites_and_names_that_can_be_rebound_are_refused() {
    let site = Site::start(&[]).await;
    for page in PAGES {
        let ask = |lines: &'static str| {
            let (site, request) = (&site, format!("GET {page} HTTP/1.1\r\n{lines}\r\n"));
            async move { site.ask(&request).await.status() }
        };
        assert_eq!(ask("Host: localhost\r\nSec-Fetch-Site: cross-site\r\n").await, 403, "{page}");
        assert_eq!(ask("Host: evil.example\r\n").await, 403, "{page}");
        assert_eq!(
            ask("Host: evil.example\r\nSec-Fetch-Site: same-origin\r\n").await,
            403,
            "{page}"
        );
        assert_eq!(ask("Host: localhost:9090\r\nSec-Fetch-Site: same-origin\r\n").await, 200);
        assert_eq!(ask("Host: 127.0.0.1:9090\r\nSec-Fetch-Site: none\r\n").await, 200);
        assert_eq!(ask("Host: portico.portico-system.svc\r\n").await, 200);
    }
    // Probes and scrapers may use any name.
    for page in ["/livez", "/readyz", "/metrics"] {
        let request = format!("GET {page} HTTP/1.1\r\nHost: admin.example.com\r\n\r\n");
        assert_eq!(site.ask(&request).await.status(), 200, "{page}");
    }
    let post = "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n";
    assert_eq!(site.ask(post).await.status(), 405);
}

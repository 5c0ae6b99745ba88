//! `/api/routes`.

use super::{SECRET, Site, row};
use serde_json::json;

#[tokio::test]
async fn every_route_is_shown_with_its_problems_and_its_numbers() {
    let site = Site::start(&["--access-log=off"]).await;
    let shown = site.json("/api/routes").await;
    assert_eq!(shown["frontDoors"][0]["name"], "web/ep");
    assert_eq!(shown["frontDoors"][0]["hosts"], json!(["www.ep.com"]));
    assert_eq!(shown["frontDoors"][0]["attachedRoutes"], 3);

    let broken = row(&shown, "web/broken");
    assert_eq!(broken["state"], "NotAccepted");
    assert_eq!(broken["matches"][0]["path"], "/broken/*");
    let problem = &broken["problems"][0];
    assert_eq!(problem["severity"], "Error");
    assert_eq!(problem["field"], "spec.backends[0].service.weight");
    assert!(problem["message"].as_str().unwrap().contains("unknown field"), "{problem}");

    let app = row(&shown, "web/app");
    assert_eq!((&app["state"], &app["frontDoor"]), (&json!("Served"), &json!("web/ep")));
    assert_eq!(app["backends"], json!([{"name": "web/app:80"}]));
    assert_eq!(row(&shown, "web/gone")["state"], "Warnings");
    let mut backends = shown["backends"].as_array().unwrap().iter();
    let backend = backends.find(|backend| backend["name"] == "web/app:80").unwrap();
    assert_eq!(backend["endpoints"].as_array().unwrap().len(), 1);
    assert_eq!(backend["endpoints"][0].get("state"), None, "healthy");
}

#[tokio::test]
async fn requests_errors_and_preflights_are_those_of_their_route() {
    let site = Site::start(&["--access-log=off"]).await;
    for _ in 0..6 {
        assert_eq!(site.request("GET", "/", "").await, 200);
    }
    assert_eq!(site.request("GET", "/fail", "").await, 500);
    // A script's request to its own origin, for which another origin would have needed a preflight.
    let own = "Origin: http://www.ep.com\r\nContent-Length: 0\r\n";
    assert_eq!(site.request("PUT", "/", own).await, 200);
    let preflight = |method: &str, origin: &str| {
        format!("Origin: {origin}\r\nAccess-Control-Request-Method: {method}\r\n")
    };
    let good = "https://app.example.com";
    assert_eq!(site.request("OPTIONS", "/cross", &preflight("PUT", good)).await, 204);
    site.request("OPTIONS", "/cross", &preflight("DELETE", good)).await;
    site.request("OPTIONS", "/cross", &preflight("PUT", "https://evil.example")).await;
    assert_eq!(site.request("GET", "/gone", "").await, 503);

    let is_counted = |shown: &serde_json::Value| {
        let app = row(shown, "web/app");
        (app["traffic"]["requests"] == 8).then_some(app)
    };
    let app = site.becomes("8 requests", is_counted).await;
    let traffic = &app["traffic"];
    assert_eq!((&traffic["errors"], &traffic["avoided"]), (&json!(1), &json!(1)), "{app}");
    assert!(traffic["errorShare"].as_f64().unwrap() > 0.1, "{app}");
    assert!(traffic["perSecond"].as_f64().unwrap() > 0.0, "{app}");
    let [p50, p99] = ["p50Seconds", "p99Seconds"].map(|name| traffic[name].as_f64().unwrap());
    assert!(p50 > 0.0 && p50 <= p99 && p99 < 60.0, "{app}");

    let shown = site.json("/api/routes").await;
    let cross = &row(&shown, "web/cross")["traffic"];
    let counted = json!({"answered": 1, "denied": {"method": 1, "origin": 1}});
    assert_eq!(cross["preflights"], counted, "{cross}");
    assert_eq!(row(&shown, "web/gone")["traffic"]["errors"], 1);
    assert_eq!(row(&shown, "web/broken").get("traffic"), None);
    // The same numbers as those that are scraped.
    let scraped = site.serve.metric("portico_requests_total{route=\"web/app\"").unwrap();
    assert_eq!(traffic["requests"].as_f64(), Some(scraped));
}

#[tokio::test]
async fn no_secret_is_shown() {
    let site = Site::start(&[]).await;
    site.request("GET", "/?token=in-the-query", "Authorization: Bearer in-a-header\r\n").await;
    site.request("GET", "/gone?token=in-the-query", "Authorization: Bearer in-a-header\r\n").await;
    for page in ["/api/routes", "/api/failures"] {
        let shown = site.page(page).await.text();
        for secret in [SECRET, "in-the-query", "in-a-header"] {
            assert!(!shown.contains(secret), "{page} has {secret}: {shown}");
        }
    }
}

/// 10,000 Routes over one Service: what is sent, in bytes.
#[tokio::test]
async fn ten_thousand_routes_are_less_than_five_megabytes() {
    use portico_tests::{backend, serve::Serve, wire::Wire};
    let mut manifests = backend::front_door("");
    manifests += &backend::service("app", "http", &["127.0.0.1:9".parse().unwrap()]);
    for number in 0..10_000 {
        let spec = format!(
            "matches: [{{path: /api/team-{number:05}/orders/*, methods: [GET, PUT]}}]\nbackends: [{{service: {{name: app, port: 80}}}}]"
        );
        manifests += &backend::route(&format!("team-{number:05}-orders"), &spec);
    }
    let serve = Serve::start(&manifests, &[]).unwrap();
    let mut wire = Wire::connect(serve.admin).await.unwrap();
    wire.send("GET /api/routes HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    let page = wire.read_answer("GET").await.unwrap().text();
    let shown: serde_json::Value = serde_json::from_str(&page).unwrap();
    assert_eq!(shown["routes"].as_array().unwrap().len(), 10_000);
    assert!(page.len() < 5_000_000, "{} bytes", page.len());
}

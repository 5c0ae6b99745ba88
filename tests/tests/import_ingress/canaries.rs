//! Canaries. nginx chooses by `map`, where ingress-nginx has a program in Lua.

use crate::{ALL, CASE, Case};

/// A canary of the Ingress, with these annotations.
fn canary(annotations: &str) -> &'static str {
    let annotations: String = annotations
        .lines()
        .map(|line| format!("    nginx.ingress.kubernetes.io/{line}\n"))
        .collect();
    let spec = ALL.replace("name: app", "name: next");
    let text = format!(
        "---\napiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata:\n  name: canary\n  namespace: web\n  annotations:\n    nginx.ingress.kubernetes.io/canary: 'true'\n{annotations}spec:\n{spec}"
    );
    Box::leak(text.into())
}

/// nginx with a backend that is mapped from the request.
fn nginx(maps: &str) -> &'static str {
    let text = format!(
        "{maps}\nserver {{ listen LISTEN; server_name www.ep.com; location \"/\" {{ proxy_pass http://$chosen; }} }}"
    );
    Box::leak(text.into())
}

#[tokio::test]
async fn by_header_before_cookie_before_weight() {
    let more = canary("canary-by-header: X-Canary\ncanary-by-cookie: beta\ncanary-weight: '100'");
    let nginx = nginx(
        "map $cookie_beta $by_cookie { always next; never app; default next; }\n\
         map $http_x_canary $chosen { always next; never app; default $by_cookie; }",
    );
    let asked = &[
        ("www.ep.com/x; X-Canary: always", "200 next /x"),
        ("www.ep.com/x; X-Canary: never", "200 app /x"),
        ("www.ep.com/x; X-Canary: never; Cookie: beta=always", "200 app /x"),
        ("www.ep.com/x; X-Canary: odd; Cookie: beta=never", "200 app /x"),
        ("www.ep.com/x; Cookie: a=b; Cookie: beta=never", "200 app /x"),
        ("www.ep.com/x; Cookie: beta=always", "200 next /x"),
        ("www.ep.com/x", "200 next /x"),
    ];
    Case { spec: ALL, more, nginx, asked, ..CASE }.run().await;
}

#[tokio::test]
async fn by_the_value_of_a_header() {
    let more = canary("canary-by-header: x-region\ncanary-by-header-value: eu");
    let nginx = nginx("map $http_x_region $chosen { eu next; default app; }");
    let asked = &[
        ("www.ep.com/x; X-Region: eu", "200 next /x"),
        ("www.ep.com/x; X-Region: always", "200 app /x"),
        ("www.ep.com/x", "200 app /x"),
    ];
    Case { spec: ALL, more, nginx, asked, ..CASE }.run().await;
}

#[tokio::test]
async fn by_a_pattern() {
    let more = canary("canary-by-header: x-region\ncanary-by-header-pattern: eu|^us-[0-9]$");
    let nginx = nginx("map $http_x_region $chosen { \"~eu|^us-[0-9]$\" next; default app; }");
    let asked = &[
        ("www.ep.com/x; X-Region: north-eu-1", "200 next /x"),
        ("www.ep.com/x; X-Region: us-7", "200 next /x"),
        ("www.ep.com/x; X-Region: us-77", "200 app /x"),
        ("www.ep.com/x", "200 app /x"),
    ];
    Case { spec: ALL, more, nginx, asked, ..CASE }.run().await;
}

#[tokio::test]
async fn without_a_weight_it_gets_nothing_else() {
    let more = canary("canary-by-header: x-canary\ncanary-weight: '0'");
    let nginx = nginx("map $http_x_canary $chosen { always next; default app; }");
    let asked =
        &[("www.ep.com/x", "200 app /x"), ("www.ep.com/x; X-Canary: always", "200 next /x")];
    Case { spec: ALL, more, nginx, asked, ..CASE }.run().await;
}

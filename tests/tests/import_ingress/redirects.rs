//! Redirects.

use crate::{ALL, CASE, Case};

#[tokio::test]
async fn the_root_of_an_application() {
    let nginx = r#"
server {
  listen LISTEN; server_name www.ep.com;
  if ($uri = /) { return 302 $scheme://$http_host/app/home; }
  location "/" { proxy_pass http://app; }
}"#;
    let asked = &[
        ("www.ep.com/", "302 http://www.ep.com/app/home"),
        ("www.ep.com/app/home", "200 app /app/home"),
        ("www.ep.com/x", "200 app /x"),
    ];
    Case { annotations: "app-root: /app/home", spec: ALL, nginx, asked, ..CASE }.run().await;
}

#[tokio::test]
async fn permanent() {
    let nginx = r#"
server {
  listen LISTEN; server_name www.ep.com;
  location "/" { return 301 https://new.ep.com/x; }
}"#;
    let asked = &[
        ("www.ep.com/", "301 https://new.ep.com/x"),
        ("www.ep.com/a/b", "301 https://new.ep.com/x"),
        ("POST www.ep.com/a/b", "301 https://new.ep.com/x"),
    ];
    let annotations = "permanent-redirect: https://new.ep.com/x";
    Case { annotations, spec: ALL, nginx, asked, ..CASE }.run().await;
}

#[tokio::test]
async fn permanent_with_a_code_and_the_whole_request() {
    let nginx = r#"
server {
  listen LISTEN; server_name www.ep.com;
  location "/" { return 308 https://new.ep.com$request_uri; }
}"#;
    let asked = &[
        ("www.ep.com/", "308 https://new.ep.com/"),
        ("www.ep.com/a/b?c=d", "308 https://new.ep.com/a/b?c=d"),
    ];
    let annotations =
        "permanent-redirect: https://new.ep.com$request_uri\npermanent-redirect-code: '308'";
    Case { annotations, spec: ALL, nginx, asked, ..CASE }.run().await;
}

#[tokio::test]
async fn temporal() {
    let nginx = r#"
server {
  listen LISTEN; server_name www.ep.com;
  location "/" { return 307 http://new.ep.com:8080/x; }
}"#;
    let asked = &[("www.ep.com/a", "307 http://new.ep.com:8080/x")];
    let annotations = "temporal-redirect: http://new.ep.com:8080/x\ntemporal-redirect-code: '307'";
    Case { annotations, spec: ALL, nginx, asked, ..CASE }.run().await;
}

#[tokio::test]
async fn to_https() {
    let nginx = r#"
server {
  listen LISTEN; server_name www.ep.com;
  location "/" { return 308 https://$host$request_uri; }
}"#;
    let asked = &[
        ("www.ep.com/a?b=c", "308 https://www.ep.com/a?b=c"),
        ("www.ep.com/", "308 https://www.ep.com/"),
    ];
    // What ingress-nginx does by default on hosts with a certificate.
    let with_tls: &'static str =
        Box::leak(format!("  tls: [{{hosts: [www.ep.com], secretName: ep}}]\n{ALL}").into());
    Case { spec: with_tls, nginx, asked, ..CASE }.run().await;
    Case { annotations: "ssl-redirect: 'true'", spec: with_tls, nginx, asked, ..CASE }.run().await;
    Case { annotations: "force-ssl-redirect: 'true'", spec: ALL, nginx, asked, ..CASE }.run().await;
    let nginx = r#"
server {
  listen LISTEN; server_name www.ep.com;
  location "/" { proxy_pass http://app; }
}"#;
    let asked = &[("www.ep.com/a?b=c", "200 app /a?b=c")];
    Case { annotations: "ssl-redirect: 'false'", spec: with_tls, nginx, asked, ..CASE }.run().await;
}

#[tokio::test]
async fn from_to_www() {
    let nginx = r#"
server { listen LISTEN; server_name ep.com; return 308 $scheme://www.ep.com$request_uri; }
server {
  listen LISTEN; server_name www.ep.com;
  location "/" { proxy_pass http://app; }
}"#;
    let asked = &[("ep.com/a?b=c", "308 http://www.ep.com/a?b=c"), ("www.ep.com/a", "200 app /a")];
    Case { annotations: "from-to-www-redirect: 'true'", spec: ALL, nginx, asked, ..CASE }
        .run()
        .await;
}

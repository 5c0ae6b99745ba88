//! The way to the backend, and headers.

use crate::{ALL, CASE, Case};

#[tokio::test]
async fn the_host_that_backends_get() {
    let nginx = r#"
server {
  listen LISTEN; server_name www.ep.com;
  location "/" { proxy_set_header Host "internal.example"; proxy_pass http://app; }
}"#;
    let asked = &[("www.ep.com/x", "200 app /x host=internal.example")];
    let annotations = "upstream-vhost: internal.example";
    Case { annotations, spec: ALL, nginx, sent: &["host"], asked, ..CASE }.run().await;
    let nginx = r#"
server {
  listen LISTEN; server_name www.ep.com;
  location "/" { proxy_pass http://app; }
}"#;
    let asked = &[("www.ep.com/x", "200 app /x host=www.ep.com")];
    Case { spec: ALL, nginx, sent: &["host"], asked, ..CASE }.run().await;
}

#[tokio::test]
async fn headers() {
    let nginx = r#"
server {
  listen LISTEN; server_name www.ep.com;
  location "/" {
    add_header X-Frame-Options "DENY" always;
    add_header X-Custom "a b" always;
    proxy_set_header Host $http_host;
    proxy_set_header X-Tenant "blue";
    proxy_pass http://app;
  }
}"#;
    let more = "\
---
apiVersion: v1
kind: ConfigMap
metadata: {name: headers, namespace: web}
data: {X-Custom: a b}
";
    let annotations = "\
custom-headers: web/headers
configuration-snippet: 'more_set_headers \"X-Frame-Options: DENY\"; proxy_set_header X-Tenant \"blue\";'";
    let asked = &[(
        "www.ep.com/x; X-Tenant: red",
        "200 app /x x-tenant=blue x-frame-options=DENY x-custom=a b",
    )];
    let (sent, shown) = (&["x-tenant"], &["x-frame-options", "x-custom"]);
    Case { annotations, spec: ALL, more, nginx, shown, sent, asked }.run().await;
}

#[tokio::test]
async fn settings_that_change_no_answer() {
    let nginx = r#"
server {
  listen LISTEN; server_name www.ep.com;
  location "/" {
    proxy_connect_timeout 3s; proxy_read_timeout 90s; proxy_send_timeout 90s;
    proxy_next_upstream error http_502; proxy_next_upstream_tries 2;
    proxy_pass http://app;
  }
}"#;
    let annotations = "\
proxy-connect-timeout: '3'
proxy-read-timeout: '90'
proxy-send-timeout: '90'
proxy-next-upstream: error http_502
proxy-next-upstream-tries: '2'
proxy-body-size: '0'
backend-protocol: HTTP
affinity: cookie
session-cookie-name: route
upstream-hash-by: $remote_addr
load-balance: round_robin";
    let asked = &[("www.ep.com/x", "200 app /x"), ("POST www.ep.com/y", "200 app /y")];
    Case { annotations, spec: ALL, nginx, asked, ..CASE }.run().await;
}

/// A rule of www.ep.com for all its paths, to this Service.
fn all_to(service: &str) -> &'static str {
    Box::leak(ALL.replace("name: app", &format!("name: {service}")).into())
}

#[tokio::test]
async fn a_backend_that_does_not_answer() {
    let nginx = r#"
server {
  listen LISTEN; server_name www.ep.com;
  location "/" { proxy_read_timeout 1s; proxy_pass http://slow; }
}"#;
    let asked = &[("www.ep.com/x", "504")];
    let annotations = "proxy-read-timeout: '1'\nproxy-send-timeout: '1'";
    Case { annotations, spec: all_to("slow"), nginx, asked, ..CASE }.run().await;
}

#[tokio::test]
async fn an_endpoint_that_fails_is_not_the_last() {
    let nginx = r#"
server {
  listen LISTEN; server_name www.ep.com;
  location "/" { proxy_next_upstream error http_503; proxy_next_upstream_tries 2; proxy_pass http://flaky; }
}"#;
    let asked = &[
        ("www.ep.com/1", "200 flaky /1"),
        ("www.ep.com/2", "200 flaky /2"),
        ("www.ep.com/3", "200 flaky /3"),
        ("www.ep.com/4", "200 flaky /4"),
    ];
    let annotations = "proxy-next-upstream: error http_503\nproxy-next-upstream-tries: '2'";
    Case { annotations, spec: all_to("flaky"), nginx, asked, ..CASE }.run().await;
}

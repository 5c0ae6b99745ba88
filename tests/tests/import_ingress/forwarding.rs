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
    Case { annotations, spec: ALL, more, nginx, shown, sent, asked, ..CASE }.run().await;
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

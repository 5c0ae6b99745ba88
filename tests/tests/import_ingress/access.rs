//! Who may come in, and what pages of other origins may read.

use crate::{ALL, CASE, Case};

#[tokio::test]
async fn lists_of_addresses() {
    for (annotations, nginx, expected) in [
        (
            "whitelist-source-range: 10.0.0.0/8,127.0.0.0/8",
            "allow 10.0.0.0/8; allow 127.0.0.0/8; deny all;",
            "200 app /x",
        ),
        ("whitelist-source-range: 10.0.0.0/8", "allow 10.0.0.0/8; deny all;", "403"),
        ("denylist-source-range: 10.0.0.0/8", "deny 10.0.0.0/8;", "200 app /x"),
        ("denylist-source-range: 127.0.0.1", "deny 127.0.0.1;", "403"),
        (
            "denylist-source-range: 127.0.0.1\nwhitelist-source-range: 127.0.0.0/8",
            "deny 127.0.0.1; allow 127.0.0.0/8; deny all;",
            "403",
        ),
    ] {
        let nginx = format!(
            "server {{ listen LISTEN; server_name www.ep.com; location \"/\" {{ {nginx} proxy_pass http://app; }} }}"
        );
        let asked = vec![("www.ep.com/x", expected)];
        let case = Case {
            annotations,
            spec: ALL,
            nginx: Box::leak(nginx.into()),
            asked: Box::leak(asked.into()),
            ..CASE
        };
        case.run().await;
    }
}

#[tokio::test]
async fn cross_origin_calls() {
    let nginx = r#"
server {
  listen LISTEN; server_name www.ep.com;
  location "/" {
    set $cors '';
    if ($http_origin ~* ((https://app\.ep\.com)|(https://[A-Za-z0-9\-]+\.partner\.example))$ ) { set $cors 'true'; }
    if ($request_method = 'OPTIONS') { set $cors ${cors}options; }
    if ($cors = "true") {
      add_header 'Access-Control-Allow-Origin' $http_origin always;
      add_header 'Access-Control-Allow-Credentials' 'true' always;
      add_header 'Access-Control-Expose-Headers' 'x-total' always;
    }
    if ($cors = "trueoptions") {
      add_header 'Access-Control-Allow-Origin' $http_origin always;
      add_header 'Access-Control-Allow-Credentials' 'true' always;
      add_header 'Access-Control-Max-Age' '600' always;
      return 204;
    }
    proxy_set_header Host $http_host;
    proxy_pass http://app;
  }
}"#;
    let asked = &[
        (
            "www.ep.com/x",
            "200 app /x access-control-allow-origin= access-control-allow-credentials=",
        ),
        (
            "www.ep.com/x; Origin: https://app.ep.com",
            "200 app /x access-control-allow-origin=https://app.ep.com access-control-allow-credentials=true",
        ),
        (
            "www.ep.com/x; Origin: https://a.partner.example",
            "200 app /x access-control-allow-origin=https://a.partner.example access-control-allow-credentials=true",
        ),
        (
            "www.ep.com/x; Origin: https://a.b.partner.example",
            "200 app /x access-control-allow-origin= access-control-allow-credentials=",
        ),
        (
            "www.ep.com/x; Origin: https://evil.example",
            "200 app /x access-control-allow-origin= access-control-allow-credentials=",
        ),
        (
            "OPTIONS www.ep.com/x; Origin: https://app.ep.com; Access-Control-Request-Method: PUT",
            "204 access-control-allow-origin=https://app.ep.com access-control-allow-credentials=true",
        ),
    ];
    let annotations = "\
enable-cors: 'true'
cors-allow-origin: 'https://app.ep.com, https://*.partner.example'
cors-allow-methods: GET, PUT
cors-allow-headers: x-tenant
cors-expose-headers: x-total
cors-max-age: '600'";
    let shown = &["access-control-allow-origin", "access-control-allow-credentials"];
    Case { annotations, spec: ALL, nginx, shown, asked, ..CASE }.run().await;
}

#[tokio::test]
async fn what_is_restricted_is_so_in_every_spelling() {
    // The same Service is behind both, and may ignore case.
    let more = "\
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: admin
  namespace: web
  annotations: {nginx.ingress.kubernetes.io/whitelist-source-range: 10.0.0.0/8}
spec:
  rules:
  - host: www.ep.com
    http:
      paths:
      - {path: /admin, pathType: ImplementationSpecific, backend: {service: {name: app, port: {number: 80}}}}
      - {path: /administration, pathType: Prefix, backend: {service: {name: app, port: {number: 80}}}}
";
    let nginx = r#"
server {
  listen LISTEN; server_name www.ep.com;
  location ~* "^/administration" { allow 10.0.0.0/8; deny all; proxy_pass http://app; }
  location ~* "^/admin" { allow 10.0.0.0/8; deny all; proxy_pass http://app; }
  location ~* "^/" { proxy_pass http://app; }
}"#;
    let asked = &[
        ("www.ep.com/admin/x", "403"),
        ("www.ep.com/ADMIN/x", "403"),
        ("www.ep.com/%41dmin/x", "403"),
        ("www.ep.com/adminx", "403"),
        ("www.ep.com/administration/x", "403"),
        ("www.ep.com/administrations", "403"),
        ("www.ep.com/x/admin", "200 app /x/admin"),
    ];
    let annotations = "use-regex: 'true'";
    Case { annotations, spec: ALL, more, nginx, asked, ..CASE }.run().await;
}

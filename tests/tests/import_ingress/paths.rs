//! Hosts and paths.

use crate::{CASE, Case};

#[tokio::test]
async fn all_types_of_paths() {
    let spec = "  rules:
  - host: www.ep.com
    http:
      paths:
      - {path: /exact, pathType: Exact, backend: {service: {name: other, port: {number: 80}}}}
      - {path: /prefix, pathType: Prefix, backend: {service: {name: app, port: {number: 80}}}}
      - {path: /prefix/deep, pathType: Prefix, backend: {service: {name: next, port: {name: main}}}}
      - {path: /slash/, pathType: ImplementationSpecific, backend: {service: {name: app, port: {number: 80}}}}
      - {path: /some, pathType: ImplementationSpecific, backend: {service: {name: next, port: {number: 80}}}}
  - host: '*.ep.com'
    http:
      paths:
      - {pathType: ImplementationSpecific, backend: {service: {name: web, port: {number: 80}}}}
";
    let nginx = r#"
server {
  listen LISTEN; server_name www.ep.com;
  location = "/exact" { proxy_pass http://other; }
  location "/prefix/" { proxy_pass http://app; }
  location = "/prefix" { proxy_pass http://app; }
  location "/prefix/deep/" { proxy_pass http://next; }
  location = "/prefix/deep" { proxy_pass http://next; }
  location "/slash/" { proxy_pass http://app; }
  location "/some" { proxy_pass http://next; }
  location "/" { return 404; }
}
server {
  listen LISTEN; server_name ~^(?<subdomain>[\w-]+)\.ep\.com$;
  location "/" { proxy_pass http://web; }
}"#;
    let asked = &[
        ("www.ep.com/exact", "200 other /exact"),
        ("www.ep.com/exact?a=b", "200 other /exact?a=b"),
        ("www.ep.com/exact/", "404"),
        ("www.ep.com/exact/x", "404"),
        ("www.ep.com/prefix", "200 app /prefix"),
        ("www.ep.com/prefix/", "200 app /prefix/"),
        ("www.ep.com/prefix/x", "200 app /prefix/x"),
        ("www.ep.com/prefixes", "404"),
        ("www.ep.com/prefix/deep", "200 next /prefix/deep"),
        ("www.ep.com/prefix/deep/x", "200 next /prefix/deep/x"),
        ("www.ep.com/prefix/deeper", "200 app /prefix/deeper"),
        ("www.ep.com/slash/x", "200 app /slash/x"),
        ("www.ep.com/slash/", "200 app /slash/"),
        ("www.ep.com/slash", "301 http://www.ep.com/slash/"),
        ("www.ep.com/slash?a=b", "301 http://www.ep.com/slash/?a=b"),
        ("www.ep.com/some/x", "200 next /some/x"),
        ("www.ep.com/some", "200 next /some"),
        ("www.ep.com/", "404"),
        ("www.ep.com/Prefix", "404"),
        ("shop.ep.com/x", "200 web /x"),
        ("a.shop.ep.com/x", "404"),
        ("ep.com/x", "404"),
        ("other.example/x", "404"),
    ];
    Case { spec, nginx, asked, ..CASE }.run().await;
}

#[tokio::test]
async fn default_backends_and_aliases() {
    let spec = "  defaultBackend: {service: {name: web, port: {number: 80}}}
  rules:
  - host: www.ep.com
    http:
      paths:
      - {path: /api, pathType: Prefix, backend: {service: {name: app, port: {number: 80}}}}
";
    let more = "\
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: rest, namespace: web}
spec: {defaultBackend: {service: {name: other, port: {number: 80}}}}
";
    let nginx = r#"
server {
  listen LISTEN; server_name www.ep.com shop.ep.com;
  location "/api/" { proxy_pass http://app; }
  location = "/api" { proxy_pass http://app; }
  location "/" { proxy_pass http://web; }
}
server {
  listen LISTEN; server_name ~^.*$;
  location "/" { proxy_pass http://other; }
}"#;
    let asked = &[
        ("www.ep.com/api/x", "200 app /api/x"),
        ("www.ep.com/x", "200 web /x"),
        ("shop.ep.com/api", "200 app /api"),
        ("shop.ep.com/", "200 web /"),
        ("other.example/x", "200 other /x"),
    ];
    let annotations = "server-alias: shop.ep.com";
    Case { annotations, spec, more, nginx, asked, ..CASE }.run().await;
}

#[tokio::test]
async fn rewrites_with_groups() {
    let spec = "  rules:
  - host: www.ep.com
    http:
      paths:
      - {path: '/something(/|$)(.*)', pathType: ImplementationSpecific, backend: {service: {name: app, port: {number: 80}}}}
";
    let nginx = r#"
server {
  listen LISTEN; server_name www.ep.com;
  location ~* "^/something(/|$)(.*)" {
    rewrite "(?i)/something(/|$)(.*)" /new/$2 break;
    proxy_set_header X-Forwarded-Prefix "/something";
    proxy_set_header Host $http_host;
    proxy_pass http://app;
  }
  location ~* "^/" { return 404; }
}"#;
    let asked = &[
        ("www.ep.com/something", "200 app /new/ x-forwarded-prefix=/something"),
        ("www.ep.com/something/", "200 app /new/ x-forwarded-prefix=/something"),
        ("www.ep.com/something/a/b?c=d", "200 app /new/a/b?c=d x-forwarded-prefix=/something"),
        ("www.ep.com/somethings", "404"),
        ("www.ep.com/", "404"),
    ];
    let annotations = "use-regex: 'true'\nrewrite-target: /new/$2\nx-forwarded-prefix: /something";
    let sent = &["x-forwarded-prefix"];
    Case { annotations, spec, nginx, sent, asked, ..CASE }.run().await;
}

#[tokio::test]
async fn rewrites_of_other_forms() {
    let spec = "  rules:
  - host: www.ep.com
    http:
      paths:
      - {path: '/api/(.*)', pathType: ImplementationSpecific, backend: {service: {name: app, port: {number: 80}}}}
      - {path: '/users/([^/]+)/(.*)', pathType: ImplementationSpecific, backend: {service: {name: next, port: {number: 80}}}}
      - {path: /same, pathType: Prefix, backend: {service: {name: other, port: {number: 80}}}}
";
    let nginx = r#"
server {
  listen LISTEN; server_name www.ep.com;
  location ~* "^/users/([^/]+)/(.*)" { rewrite "(?i)/users/([^/]+)/(.*)" /v1/$1 break; proxy_pass http://next; }
  location ~* "^/api/(.*)" { rewrite "(?i)/api/(.*)" /v1/$1 break; proxy_pass http://app; }
  location ~* "^/same" { rewrite "(?i)/same" /v1/$1 break; proxy_pass http://other; }
  location ~* "^/" { return 404; }
}"#;
    let asked = &[
        ("www.ep.com/api", "404"),
        ("www.ep.com/api/", "200 app /v1/"),
        ("www.ep.com/api/x/y", "200 app /v1/x/y"),
        ("www.ep.com/users/7/posts", "200 next /v1/7"),
        ("www.ep.com/users/7", "404"),
        ("www.ep.com/same/x", "200 other /v1/"),
    ];
    let annotations = "rewrite-target: /v1/$1";
    Case { annotations, spec, nginx, asked, ..CASE }.run().await;
}

#[tokio::test]
async fn a_longer_expression_comes_first() {
    let spec = "  rules:
  - host: www.ep.com
    http:
      paths:
      - {path: /foo/bar, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}
      - {path: /foo/bar/, pathType: Prefix, backend: {service: {name: app, port: {number: 80}}}}
      - {path: '/foo/bar/(.+)', pathType: ImplementationSpecific, backend: {service: {name: next, port: {number: 80}}}}
";
    let nginx = r#"
server {
  listen LISTEN; server_name www.ep.com;
  location ~* "^/foo/bar/(.+)" { proxy_pass http://next; }
  location ~* "^/foo/bar/" { proxy_pass http://app; }
  location ~* "^/foo/bar" { proxy_pass http://web; }
}"#;
    let asked = &[
        ("www.ep.com/foo/bar/1", "200 next /foo/bar/1"),
        ("www.ep.com/foo/bar/", "200 app /foo/bar/"),
        ("www.ep.com/foo/bar", "200 web /foo/bar"),
        ("www.ep.com/foo", "404"),
    ];
    Case { annotations: "use-regex: 'true'", spec, nginx, asked, ..CASE }.run().await;
}

#[tokio::test]
async fn slashes_are_merged() {
    let spec = "  rules:
  - host: www.ep.com
    http:
      paths:
      - {path: /admin, pathType: Prefix, backend: {service: {name: other, port: {number: 80}}}}
      - {path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}
";
    let nginx = r#"
server {
  listen LISTEN; server_name www.ep.com;
  location "/admin/" { return 403; }
  location = "/admin" { return 403; }
  location "/" { proxy_pass http://web; }
}"#;
    let asked = &[
        ("www.ep.com//admin/x", "403"),
        ("www.ep.com/admin//x", "403"),
        ("www.ep.com/a/../admin", "403"),
        ("www.ep.com/x", "200 web /x"),
    ];
    let more = "\
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: admin
  namespace: web
  annotations: {nginx.ingress.kubernetes.io/denylist-source-range: 127.0.0.0/8}
spec:
  rules:
  - host: www.ep.com
    http:
      paths:
      - {path: /admin, pathType: Prefix, backend: {service: {name: other, port: {number: 80}}}}
";
    let spec = spec.lines().filter(|line| !line.contains("/admin")).collect::<Vec<_>>().join("\n");
    let spec: &'static str = Box::leak((spec + "\n").into_boxed_str());
    Case { spec, more, nginx, asked, ..CASE }.run().await;
}

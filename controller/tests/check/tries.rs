//! The mistakes of somebody who writes their first manifests, and who does what `check` says: a web
//! app, two APIs, a partner with credentials, a header from a Secret, a redirect and a canary, served
//! with local backends at the third try.

use crate::Ran;

const FIRST: &str = r#"
apiVersion: portico.dev/v1alpha1
kind: FrontDoor
metadata: {name: shop}
spec:
  hosts: [shop.localhost]
---
apiVersion: portico.dev/v1alpha1
kind: Route
metadata: {name: web}
spec:
  frontDoor: shop
  matches: {path: "/*"}
  backends: ["http://localhost:3000"]
---
apiVersion: portico.dev/v1alpha1
kind: Route
metadata: {name: orders}
spec:
  frontDoorRef: shop
  path: /api/orders/*
  backends: [{service: "orders:8080"}]
  timeout: 30
---
apiVersion: portico.dev/v1alpha1
kind: Route
metadata: {name: users}
spec:
  frontDoorRef: {name: shop}
  matches: [{prefix: /api/users/*}]
  rewrite: /users/*
  backends: [{service: {name: users, port: "80"}}]
  requestHeaders: {set: {x-api-key: hunter2}}
---
apiVersion: portico.dev/v1alpha1
kind: Route
metadata: {name: partner}
spec:
  frontDoorRef: {name: shop}
  matches: [{path: /partner/*, method: GET}]
  backends: [{url: "https://partner.example.com"}]
  cors: {allowOrigins: "https://partner.example.com", allowCredentials: "true", maxAge: 600}
---
apiVersion: portico.dev/v1alpha1
kind: Route
metadata: {name: old}
spec:
  frontDoorRef: {name: shop}
  matches: [{path: /old}]
  redirect: "https://shop.localhost/new"
---
apiVersion: portico.dev/v1alpha1
kind: Route
metadata: {name: beta}
spec:
  frontDoorRef: {name: shop}
  matches: [{path: /beta/*}]
  backends:
  - {service: {name: users, port: http}, weight: 90%}
  - {service: {name: users-canary, port: http}, weight: "10"}
"#;

/// What is wrong with the first try, by what is said of it, and what it becomes.
const SAID: &[(&str, &str, &str)] = &[
    ("hosts: [shop.localhost]", "write {name: shop.localhost}", "hosts: [{name: shop.localhost}]"),
    ("frontDoor: shop", "'frontDoorRef: {name: shop}'", "frontDoorRef: {name: shop}"),
    ("matches: {path: \"/*\"}", "write [{path: /*}]", "matches: [{path: /*}]"),
    (
        "[\"http://localhost:3000\"]",
        "write {external: {url: \"http://localhost:3000\"}}",
        "[{external: {url: \"http://localhost:3000\"}}]",
    ),
    ("frontDoorRef: shop", "write {name: shop}", "frontDoorRef: {name: shop}"),
    (
        "path: /api/orders/*\n",
        "write matches: [{path: /api/orders/*}]",
        "matches: [{path: /api/orders/*}]\n",
    ),
    (
        "service: \"orders:8080\"",
        "write {name: orders, port: 8080}",
        "service: {name: orders, port: 8080}",
    ),
    ("timeout: 30\n", "write timeouts: {request: 30s}", "timeouts: {request: 30s}\n"),
    ("prefix: /api/users/*", "write path: /api/users/*", "path: /api/users/*"),
    ("rewrite: /users/*", "write {path: /users/*}", "rewrite: {path: /users/*}"),
    ("port: \"80\"", "write 80", "port: 80"),
    (
        "{x-api-key: hunter2}",
        "write [{name: x-api-key, value: VALUE}]",
        "[{name: x-api-key, valueFrom: {secretKeyRef: {name: key, key: token}}}]",
    ),
    ("method: GET", "'methods: [GET]'", "methods: [GET]"),
    (
        "{url: \"https://partner.example.com\"}",
        "write external: {url: \"https://partner.example.com\"}",
        "{external: {url: \"https://partner.example.com\"}}",
    ),
    (
        "allowOrigins: \"https://partner.example.com\"",
        "write [\"https://partner.example.com\"]",
        "allowOrigins: [\"https://partner.example.com\"]",
    ),
    ("allowCredentials: \"true\"", "write true, without quotes", "allowCredentials: true"),
    ("maxAge: 600", "write 600s", "maxAge: 600s"),
    (
        "redirect: \"https://shop.localhost/new\"",
        "write {host: shop.localhost, path: /new, scheme: https}",
        "redirect: {host: shop.localhost, path: /new}",
    ),
    ("weight: 90%", "write 90", "weight: 90"),
    ("weight: \"10\"", "write 10, without quotes", "weight: 10"),
];

fn check(text: &str, args: &[&str]) -> Ran {
    crate::check(&[("shop.yaml", text)], args)
}

fn second() -> String {
    SAID.iter().fold(FIRST.to_owned(), |text, (wrong, _, right)| {
        assert!(text.contains(wrong), "{wrong}");
        text.replace(wrong, right)
    })
}

/// A Service with one local endpoint.
fn service(name: &str, port: u16, local: u16) -> String {
    format!(
        "---\napiVersion: v1\nkind: Service\nmetadata: {{name: {name}}}\n\
         spec: {{ports: [{{name: http, port: {port}}}]}}\n---\n\
         apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\n\
         metadata: {{name: {name}-1, labels: {{kubernetes.io/service-name: {name}}}}}\n\
         addressType: IPv4\nports: [{{name: http, port: {local}}}]\nendpoints: [{{addresses: [127.0.0.1]}}]\n"
    )
}

#[test]
fn everything_that_is_wrong_is_said_at_once_with_what_to_write() {
    let ran = check(FIRST, &[]);
    assert_eq!(ran.code, 1);
    for (wrong, said, _) in SAID {
        assert!(ran.out.contains(said), "{wrong}: {said} is not in\n{}", ran.out);
    }
    assert!(!ran.out.contains("value: hunter2"), "a message repeats no header's value");
    let marks = ran.out.lines().filter(|line| line.trim_end().ends_with('^')).count();
    let errors = ran.out.lines().filter(|line| line.starts_with("error[")).count();
    let warnings = ran.out.lines().filter(|line| line.starts_with("warning[")).count();
    assert_eq!(marks, errors + warnings, "every problem is marked:\n{}", ran.out);
}

#[test]
fn what_is_left_at_the_second_try_is_what_only_a_cluster_knows() {
    let ran = check(&second(), &[]);
    assert_eq!(ran.code, 0, "{}", ran.out);
    for part in [
        "Service default/orders does not exist",
        "Secret default/key does not exist",
        "allow it with --allow-external localhost",
    ] {
        assert!(ran.out.contains(part), "{part} is not in\n{}", ran.out);
    }
    assert_eq!(check(&second(), &["--strict"]).code, 1);
}

#[test]
fn the_third_try_is_accepted() {
    let key =
        "---\napiVersion: v1\nkind: Secret\nmetadata: {name: key}\nstringData: {token: hunter2}\n";
    let services = [
        service("orders", 8080, 3001),
        service("users", 80, 3002),
        service("users-canary", 80, 3003),
    ];
    let text = [second().as_str(), key, &services.concat()].concat();
    let ran = check(&text, &["--strict", "--allow-external", "localhost"]);
    assert_eq!(ran.code, 0, "{}", ran.out);
    assert!(!ran.out.contains("error") && !ran.out.contains("warning"), "{}", ran.out);
    assert!(ran.out.ends_with("\n1 FrontDoor, 6 Routes; 1 file read\n"), "{}", ran.out);
}

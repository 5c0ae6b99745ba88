//! A front door with what hostile input can make work of: 64 regular expressions for origins, and
//! predicates on headers, cookies and query keys.

use super::Target;
use crate::peer::portico;
use std::fmt::Write as _;

/// Matches of each kind of predicate, of which a request looks at all that its bytes allow for.
const MATCHES: usize = 160;

/// `/route-0/*` leads to the good backend, `/bad/*` to the hostile one over HTTP/1.1, `/h2/*` to it
/// over HTTP/2; what comes for `/headers`, `/cookies` and `/query` is compared with predicates.
pub(super) fn manifests(good: u16, bad: Target) -> String {
    let regexes: Vec<_> =
        (0..64).map(|i| format!("'https://pr-[0-9]+-{i}[.]([a-z]+[.])*example[.]com'")).collect();
    let mut yaml = portico::manifests(1, false, good).replace(
        r#"spec: {hosts: [{name: "*"}]}"#,
        &format!(
            r#"spec: {{hosts: [{{name: "*"}}], cors: {{allowOriginRegex: [{}], allowMethods: [PUT], allowHeaders: [x-api-key]}}}}"#,
            regexes.join(", ")
        ),
    );
    service(&mut yaml, "bad", "http", bad.http1);
    service(&mut yaml, "h2", "kubernetes.io/h2c", bad.http2);
    route(&mut yaml, "bad", r#"[{path: "/bad/*"}]"#, "bad", "rewrite: {path: /app/*}");
    route(&mut yaml, "h2", r#"[{path: "/h2/*"}]"#, "h2", "");
    for i in 0..MATCHES {
        let regex = format!("[ab]*a[ab]{{8}}c{i}");
        for (kind, plural, predicate) in [
            ("header", "headers", format!("{{name: x, type: Regex, value: '{regex}'}}")),
            ("cookie", "cookies", format!("{{name: c{i}, value: c}}")),
            ("query", "query", format!("{{name: c{i}, value: c}}")),
        ] {
            let matches = format!("[{{path: /{plural}, {plural}: [{predicate}]}}]");
            route(&mut yaml, &format!("{kind}-{i}"), &matches, "bad", "");
        }
    }
    yaml
}

fn service(yaml: &mut String, name: &str, protocol: &str, port: u16) {
    // A String takes every write.
    let _ = write!(
        yaml,
        r#"---
apiVersion: v1
kind: Service
metadata: {{name: {name}, namespace: bench}}
spec: {{ports: [{{name: http, port: 80, appProtocol: {protocol}}}]}}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {{name: {name}-1, namespace: bench, labels: {{kubernetes.io/service-name: {name}}}}}
addressType: IPv4
ports: [{{name: http, port: {port}, protocol: TCP}}]
endpoints: [{{addresses: [127.0.0.1], conditions: {{ready: true}}}}]
"#
    );
}

fn route(yaml: &mut String, name: &str, matches: &str, service: &str, spec: &str) {
    let _ = write!(
        yaml,
        r#"---
apiVersion: portico.dev/v1alpha1
kind: Route
metadata: {{name: {name}, namespace: bench}}
spec:
  frontDoorRef: {{name: bench}}
  matches: {matches}
  backends: [{{service: {{name: {service}, port: http}}}}]
  {spec}
"#
    );
}

//! Whatever Ingresses there are, what is written passes `portico check`, and no Route gets a request
//! that its path would not have got.

use portico::{
    compile::{self, Options},
    files,
    import::{Controller, Imported, Source, ingress},
};
use proptest::prelude::*;
use serde_json::{Value, json};

const HOSTS: [&str; 5] = ["", "a.ep.com", "b.ep.com", "*.ep.com", "ep.com"];
const PATHS: [&str; 20] = [
    "/",
    "/a",
    "/a/",
    "/ab",
    "/a/b",
    "/a/b/",
    "/b",
    "/A",
    "/a(/|$)(.*)",
    "/a/(.*)",
    "/b/(.+)",
    "/a/?(.*)",
    "/x/([^/]+)/(.*)",
    "/a/b$",
    "/(.*)",
    "/v[0-9]+",
    "/a//b",
    "/a*",
    "/(?!x).*",
    "",
];
const TYPES: [&str; 3] = ["Exact", "Prefix", "ImplementationSpecific"];
const REQUESTS: [&str; 24] = [
    "/", "/a", "/a/", "/ab", "/a/b", "/a/b/", "/a/b/c", "/b", "/b/", "/b/x", "/A", "/A/b", "/x",
    "/x/", "/x/1", "/x/1/", "/x/1/2", "/v1", "/v1/x", "/vx", "/abc/d", "/a/c", "/B/x", "/c",
];
const ANNOTATIONS: [(&str, &str); 34] = [
    ("use-regex", "true"),
    ("rewrite-target", "/$1"),
    ("rewrite-target", "/x/$2"),
    ("rewrite-target", "/y$1$2"),
    ("rewrite-target", "/const"),
    ("rewrite-target", "x?$9"),
    ("app-root", "/home"),
    ("app-root", "//{x}"),
    ("ssl-redirect", "false"),
    ("force-ssl-redirect", "true"),
    ("permanent-redirect", "https://x.ep.com$request_uri"),
    ("permanent-redirect", "https://x y"),
    ("from-to-www-redirect", "true"),
    ("enable-cors", "true"),
    ("cors-allow-origin", "https://x.ep.com, null, http://*.ep.com, https://*.co.uk"),
    ("cors-allow-headers", "*, host, x-a"),
    ("cors-expose-headers", "*"),
    ("whitelist-source-range", "10.0.0.0/8"),
    ("whitelist-source-range", "x"),
    ("proxy-read-timeout", "99999999"),
    ("proxy-next-upstream", "error timeout http_502 http_404"),
    ("proxy-next-upstream-tries", "9"),
    ("upstream-vhost", "Backend"),
    ("upstream-hash-by", "$http_x_a"),
    ("affinity", "cookie"),
    ("session-cookie-name", "a b"),
    ("server-alias", "c.ep.com, *.d.ep.com, ~x"),
    ("canary", "true"),
    ("canary-weight", "50"),
    ("canary-by-header", "x-canary"),
    ("configuration-snippet", "add_header Vary a; proxy_set_header Host b;"),
    ("auth-tls-secret", "web/ca"),
    ("proxy-ssl-secret", "web/tls"),
    ("x-forwarded-prefix", "/a\nb"),
];

/// An Ingress: namespace, annotations, certificate, and its hosts with paths of a type. The Service
/// of a path says which one it is.
fn an_ingress() -> impl Strategy<Value = Value> {
    let path = (0..PATHS.len(), 0..TYPES.len());
    let rule = (0..HOSTS.len(), prop::collection::vec(path, 0..4));
    let annotations = prop::collection::vec(0..ANNOTATIONS.len(), 0..4);
    let parts = (
        prop::sample::select(vec!["web", "shop"]),
        annotations,
        any::<bool>(),
        any::<bool>(),
        prop::collection::vec(rule, 0..3),
    );
    parts.prop_map(|(namespace, annotations, has_tls, has_default, rules)| {
        let annotations: serde_json::Map<_, _> = annotations
            .into_iter()
            .map(|at| ANNOTATIONS[at])
            .map(|(name, value)| (format!("nginx.ingress.kubernetes.io/{name}"), json!(value)))
            .collect();
        let rules: Vec<_> = rules
            .into_iter()
            .map(|(host, paths)| {
                let path = |(path, kind): &(usize, usize)| {
                    let name = format!("p{path}-{kind}");
                    json!({
                        "path": PATHS[*path], "pathType": TYPES[*kind],
                        "backend": {"service": {"name": name, "port": {"number": 80}}},
                    })
                };
                let paths: Vec<_> = paths.iter().map(path).collect();
                json!({"host": HOSTS[host], "http": {"paths": paths}})
            })
            .collect();
        let mut spec = json!({"rules": rules});
        if has_tls {
            spec["tls"] = json!([{"hosts": ["a.ep.com", "*.ep.com"], "secretName": "tls"}]);
        }
        if has_default {
            let port = json!({"name": "http"});
            spec["defaultBackend"] = json!({"service": {"name": "default", "port": port}});
        }
        json!({"namespace": namespace, "annotations": annotations, "spec": spec})
    })
}

fn imported(parts: &[Value]) -> Imported {
    let source = |(at, parts): (usize, &Value)| Source {
        file: "-".to_owned(),
        value: json!({
            "apiVersion": "networking.k8s.io/v1",
            "kind": "Ingress",
            "metadata": {
                "name": format!("i{at}"), "namespace": parts["namespace"],
                "annotations": parts["annotations"],
            },
            "spec": parts["spec"],
        }),
    };
    let sources: Vec<_> = parts.iter().enumerate().map(source).collect();
    ingress(&sources, Controller::Nginx)
}

/// Whether the path of an Ingress may get a request: it is the beginning of it, or a regular
/// expression for that, or the path itself if it is exact and no host has expressions.
fn may_get(path: &str, request: &str) -> bool {
    let path = if path.is_empty() { "/" } else { path };
    let is_beginning = request.to_lowercase().starts_with(&path.to_lowercase());
    // `/a/` stands for `/a` too, which is redirected to it.
    let is_regex = regex::Regex::new(&format!("^(?i){path}")).is_ok_and(|it| it.is_match(request));
    is_beginning || is_regex
}

/// The Services that a Route may forward this request to, by a naive reading of its matches and
/// rules.
fn services(imported: &Imported, request: &str) -> Vec<String> {
    let mut found = Vec::new();
    for route in imported.objects.iter().filter(|object| object.kind == "Route") {
        let spec = &route.content["spec"];
        let fits = |pattern: &Value| fits(pattern.as_str().unwrap(), request);
        let matches = spec["matches"].as_array().unwrap();
        if !matches.iter().any(|it| fits(&it["path"])) {
            continue;
        }
        let rules = spec["rules"].as_array().into_iter().flatten();
        let ends = rules.clone().any(|rule| {
            let conditions = rule["when"].as_array().unwrap();
            let holds = |condition: &Value| match condition["any"].as_array() {
                Some(any) => any.iter().any(|it| fits(&it["path"])),
                None => condition["path"].is_string() && fits(&condition["path"]),
            };
            let is_end = rule["do"]["respond"].is_object() || rule["do"]["redirect"].is_object();
            is_end && conditions.iter().all(holds)
        });
        if ends {
            continue;
        }
        let backends = spec["backends"].as_array().into_iter().flatten();
        found.extend(backends.map(|it| it["service"]["name"].as_str().unwrap().to_owned()));
    }
    found
}

fn fits(pattern: &str, request: &str) -> bool {
    let (above, is_open) = match pattern.strip_suffix("/*") {
        Some(above) => (above, true),
        None => (pattern, false),
    };
    let mut segments = request.split('/');
    let fits = above.split('/').all(|it| {
        segments
            .next()
            .is_some_and(|segment| it == segment || it.starts_with('{') && !segment.is_empty())
    });
    fits && (is_open || segments.next().is_none())
}

/// A quarter of the usual number: each imports and compiles several objects.
fn cases() -> ProptestConfig {
    let usual = ProptestConfig::default();
    ProptestConfig { cases: usual.cases / 4, ..usual }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn what_is_written_is_accepted_and_never_wider(
        parts in prop::collection::vec(an_ingress(), 1..5)
    ) {
        let imported = imported(&parts);
        let files = imported.files().unwrap();
        let texts = files.iter().map(|file| (file.name.as_str(), file.text.as_str()));
        let merged = files::read_texts(texts);
        prop_assert!(merged.problems.is_empty(), "{:?}", merged.problems);
        let options = Options { names_others: true, ..Options::default() };
        let compiled = compile::compile(&merged.snapshot, &options);
        prop_assert_eq!(compiled.statuses.len(), files.len());
        for (object, status) in &compiled.statuses {
            prop_assert!(status.is_accepted(), "{object}: {:?}\n{files:#?}", status.problems);
        }
        // It passes without having been corrected.
        let corrected = imported.report.iter().find(|it| it.field == "metadata.name" && !it.why.is_empty());
        prop_assert!(corrected.is_none(), "{corrected:?}");
        for request in REQUESTS {
            for service in services(&imported, request) {
                let Some(path) = service.strip_prefix('p') else { continue };
                let path: usize = path.split('-').next().unwrap().parse().unwrap();
                prop_assert!(may_get(PATHS[path], request), "{} gets {request}\n{files:#?}", PATHS[path]);
            }
        }
    }
}

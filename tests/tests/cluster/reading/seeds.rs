//! The objects that all others grow from. Between them they have every field, and all but the
//! smallest have as many as go together.

use super::judge::NAMESPACE;
use portico::diagnostic::Kind;
use serde_json::{Map, Value, json};

/// The seeds of a kind. Each is good.
pub(super) fn of(kind: Kind) -> Vec<Value> {
    let specs = match kind {
        Kind::FrontDoor => front_doors(),
        Kind::Route => routes(),
    };
    let object = |spec: Value| {
        json!({
            "apiVersion": "portico.dev/v1alpha1", "kind": kind.name(),
            "metadata": {"name": "x", "namespace": NAMESPACE, "labels": {"a": "b"}, "annotations": {"a": "b"}},
            "spec": spec,
            "status": {"observedGeneration": 1, "conditions": []},
        })
    };
    specs.into_iter().map(object).collect()
}

fn front_doors() -> Vec<Value> {
    let hosts = json!([{"name": "www.ep.com"}]);
    vec![
        json!({"hosts": hosts}),
        json!({
            "hosts": [{"name": "ep.com", "tls": {"secretRef": {"name": "ep"}}}],
            "attach": [{"namespaces": ["web"], "paths": ["/a/*"]}, {"namespaceSelector": {"matchLabels": {"team": "web"}}}],
            "cors": {"allowOrigins": ["https://app.example.com"]},
            "defaults": {"health": {"path": "/"}, "balance": {"policy": "Hash", "hash": {"on": "Header", "name": "a"}}},
        }),
        json!({
            "className": "portico",
            "hosts": [{"name": "*.ep.com", "tls": {"secretRef": {"name": "ep"}}}],
            "plainHttp": "Refuse", "slashes": "Merge",
            "trustedHeaders": "Forwarded", "trustedProxies": ["10.0.0.0/8", "::1"],
            "tls": {
                "minVersion": "VersionTLS13",
                "hsts": {"maxAge": "9000h", "includeSubDomains": true, "preload": true},
                "clientCertificates": {"mode": "Optional", "caRefs": [{"kind": "Secret", "name": "ca", "key": "ca.crt"}]},
            },
            "attach": [{
                "paths": ["/a/*"],
                "namespaceSelector": {
                    "matchLabels": {"team": "web"},
                    "matchExpressions": [{"key": "stage", "operator": "In", "values": ["live"]}],
                },
            }],
            "cors": cors(),
            "defaults": settings("on"),
        }),
        json!({"hosts": hosts, "defaults": settings("true")}),
        json!({"hosts": hosts, "defaults": switched_off()}),
    ]
}

fn routes() -> Vec<Value> {
    let reference = json!({"name": "ep"});
    let backends = json!([{"service": {"name": "web", "port": 80}}]);
    vec![
        json!({"frontDoorRef": reference, "backends": backends}),
        json!({"frontDoorRef": reference, "redirect": {"path": "/b"}}),
        json!({"frontDoorRef": reference, "respond": {"status": 200}}),
        json!({
            "frontDoorRef": reference,
            "backends": [{"external": {"url": "https://a.example"}, "tls": {"caRef": {"kind": "Secret", "name": "a"}}}],
            "balance": {"policy": "Hash", "hash": {"true": "ClientAddress"}},
            "retry": {"true": ["Reset"]},
            "health": {"path": "/"},
            "requestHeaders": {"set": [{"name": "a", "valueFrom": {"secretKeyRef": {"name": "a", "key": "b"}}}]},
            "cors": {"allowOrigins": ["https://app.example.com"]},
        }),
        with(
            json!({
                "frontDoorRef": {"name": "ep", "namespace": NAMESPACE}, "hosts": ["www.ep.com"],
                "matches": matches(),
                "backends": [
                    {
                        "service": {"name": "web", "port": "http"}, "weight": 3, "priority": 1,
                        "tls": {
                            "serverName": "web.example", "caRef": {"kind": "ConfigMap", "name": "ca", "key": "ca.crt"},
                            "clientCertificateRef": {"name": "client"},
                        },
                    },
                    {"external": {"url": "https://a.example"}},
                ],
                "rewrite": {"path": "/b", "host": "Preserve"},
                "requestHeaders": edits("x-a"), "responseHeaders": edits("x-b"),
                "cors": cors(),
                "affinity": {"cookie": "ep", "maxAge": "1h"},
            }),
            settings("on"),
        ),
        with(json!({"frontDoorRef": reference, "backends": backends}), settings("true")),
        with(json!({"frontDoorRef": reference, "backends": backends}), switched_off()),
        json!({
            "frontDoorRef": reference, "matches": matches(),
            "redirect": {"scheme": "https", "host": "ep.com", "port": 8443, "path": "/b", "status": 308},
        }),
        json!({
            "frontDoorRef": reference, "matches": matches(),
            "respond": {"status": 404, "headers": [{"name": "content-type", "value": "text/plain"}], "body": "none"},
            "responseHeaders": edits("x-b"),
        }),
    ]
}

fn with(mut spec: Value, more: Value) -> Value {
    let (Value::Object(fields), Value::Object(more)) = (&mut spec, more) else { unreachable!() };
    fields.extend(more);
    spec
}

fn matches() -> Value {
    json!([{
        "path": "/a/*", "methods": ["GET", "PUT"],
        "headers": [{"name": "x-tenant", "type": "Prefix", "value": "b"}],
        "query": [{"name": "page", "type": "Regex", "value": "[0-9]+"}],
        "cookies": [{"name": "stage", "type": "Exact", "value": "blue"}, {"name": "old", "type": "Absent"}],
    }])
}

/// Edits of headers whose names begin like this.
fn edits(prefix: &str) -> Value {
    let secret = json!({"secretKeyRef": {"name": "key", "key": "token"}});
    let lines = |verb: &str| {
        json!([
            {"name": format!("{prefix}-{verb}"), "value": "1"},
            {"name": format!("{prefix}-{verb}-secret"), "valueFrom": secret},
        ])
    };
    json!({"set": lines("set"), "add": lines("add"), "remove": [format!("{prefix}-remove")]})
}

fn cors() -> Value {
    json!({
        "allowOrigins": ["https://app.example.com"],
        "allowOriginRegex": ["https://pr-[0-9]+\\.example\\.com"],
        "allowCredentials": true, "allowMethods": ["PUT"], "allowHeaders": ["x-tenant"],
        "exposeHeaders": ["x-total-count"], "maxAge": "1h", "preflight": "Answer",
        "disallowedOrigin": "Reject", "mode": "Report", "debug": true,
        "dangerouslyAllow": ["WildcardPublicSuffix"],
    })
}

/// What a Route and a FrontDoor's `defaults` may both have, each block with all its fields. `on` is
/// one of the two names of that field.
fn settings(on: &str) -> Value {
    json!({
        "health": {
            "path": "/healthz", "method": "HEAD", "host": "ep.com:8080", "interval": "5s", "timeout": "1s",
            "healthyAfter": 2, "unhealthyAfter": 3, "expect": ["200-399", "429"],
        },
        "ejection": {"errors": 3, "time": "10s", "maxTime": "1m", "maxShare": 50},
        "balance": {
            "policy": "Hash", "hash": {on: "Header", "name": "x-tenant"},
            "latencyBand": "5ms", "slowStart": "30s",
        },
        "retry": {"attempts": 2, on: ["Reset", "503"], "perTry": "1s", "budget": 20, "backoff": "10ms"},
        "limits": {"connections": 10, "requests": 100, "queue": 10, "queueTime": "1s"},
        "timeouts": {"connect": "1s", "request": "30s", "idle": "1m"},
    })
}

/// The same blocks, each of them off.
fn switched_off() -> Value {
    let Value::Object(blocks) = settings("on") else { unreachable!() };
    blocks
        .into_iter()
        .map(|(name, _)| (name, json!({"disabled": true})))
        .collect::<Map<_, _>>()
        .into()
}

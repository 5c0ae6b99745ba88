//! The objects that all others grow from. Between them they have every field, and all but the
//! smallest have as many as go together.

use super::judge::NAMESPACE;
use portico::diagnostic::Kind;
use portico_crds::MAX_NESTING;
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
    let mut specs = vec![
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
    ];
    let rules = rules(&[
        json!({"redirect": redirect()}),
        json!({"respond": respond(), "responseHeaders": edits("x-a")}),
        json!({"requestHeaders": edits("x-a"), "responseHeaders": edits("x-b")}),
    ]);
    let isolation = json!({"cookies": "Separate", "originWide": "Strip"});
    let ruled = |rules| json!({"hosts": hosts, "rules": rules, "isolation": isolation});
    specs.extend(rules.into_iter().map(ruled));
    specs
}

fn routes() -> Vec<Value> {
    let reference = json!({"name": "ep"});
    let backends = json!([{"service": {"name": "web", "port": 80}}]);
    let mut specs = vec![
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
                "backends": all_backends(),
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
            "respond": respond(), "responseHeaders": edits("x-b"),
        }),
    ];
    let forward = json!({
        "backends": all_backends(), "rewrite": {"path": "/b{path}", "host": "Preserve"},
        "requestHeaders": edits("x-a"), "responseHeaders": edits("x-b"),
    });
    let rules = rules(&[
        json!({"redirect": redirect()}),
        json!({"respond": respond(), "responseHeaders": edits("x-a")}),
        with(forward, some_of(settings("on"), &["timeouts", "retry"])),
        some_of(settings("true"), &["retry"]),
        some_of(switched_off(), &["timeouts", "retry"]),
    ]);
    let isolation = json!({"cookies": "Separate", "originWide": "Strip"});
    let ruled = |rules| json!({"frontDoorRef": reference, "backends": backends, "rules": rules, "isolation": isolation});
    specs.extend(rules.into_iter().map(ruled));
    specs
}

fn all_backends() -> Value {
    json!([
        {
            "service": {"name": "web", "port": "http"}, "weight": 3, "priority": 1,
            "tls": {
                "serverName": "web.example", "caRef": {"kind": "ConfigMap", "name": "ca", "key": "ca.crt"},
                "clientCertificateRef": {"name": "client"},
            },
        },
        {"external": {"url": "https://a.example"}},
    ])
}

fn respond() -> Value {
    json!({"status": 404, "headers": [{"name": "content-type", "value": "text/plain"}], "body": "none"})
}

fn redirect() -> Value {
    json!({
        "scheme": "https", "host": "{header.x-host}", "allowedHosts": ["*.ep.com"], "port": 8443,
        "path": "/b{path}", "status": 308,
    })
}

/// Rules with these actions, for each half of all conditions.
fn rules(actions: &[Value]) -> Vec<Value> {
    let conditions = conditions();
    let halves = conditions.chunks(conditions.len().div_ceil(2));
    let rule = |(number, when): (usize, &[Value])| {
        let action = &actions[number % actions.len()];
        json!({"name": format!("rule-{number}"), "when": when, "do": action, "stop": true})
    };
    halves.map(|half| half.chunks(12).enumerate().map(rule).collect()).collect()
}

/// Conditions that have every field, alone and as deep in others as they may be.
fn conditions() -> Vec<Value> {
    let mut all = vec![
        json!({"header": {"name": "x-tenant", "type": "Prefix", "value": "b"}}),
        json!({"query": {"name": "page", "type": "GreaterThan", "value": "1"}}),
        json!({"cookie": {"name": "stage", "type": "Exact", "value": "blue"}}),
        json!({"method": ["GET", "PUT"]}),
        json!({"host": ["www.ep.com", "*.ep.com"]}),
        json!({"path": "/a/*"}),
        json!({"pathRegex": "/[a-z]+"}),
        json!({"fileExtension": ["css"]}),
        json!({"clientAddress": ["10.0.0.0/8"]}),
        json!({"scheme": "Https"}),
        json!({"httpVersion": ["1.1", "2"]}),
        json!({"tlsVersion": "VersionTLS13"}),
        json!({"clientCertificate": "Present"}),
    ];
    let mut level = all.clone();
    for _ in 0..MAX_NESTING {
        let within = |one: &Value| [json!({"not": one}), json!({"any": [one]})];
        level = level.iter().flat_map(within).collect();
        all.extend_from_slice(&level);
    }
    all
}

/// These fields of an object.
fn some_of(object: Value, names: &[&str]) -> Value {
    let Value::Object(fields) = object else { unreachable!() };
    fields
        .into_iter()
        .filter(|(name, _)| names.contains(&name.as_str()))
        .collect::<Map<_, _>>()
        .into()
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
        "disallowedOrigin": "Reject", "mode": "Report", "timing": true, "debug": true,
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

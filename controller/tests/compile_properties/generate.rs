//! Random snapshots, in which some objects are valid.

use crate::policies;
use portico::objects::{Entry, Snapshot};
use portico_dataplane::table::ObjectName;
use proptest::{
    collection::vec,
    option,
    prelude::*,
    sample::{select, subsequence},
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::sync::{Arc, LazyLock};

/// Mostly one of a few texts, so that objects refer to each other; now and then anything at all.
fn text(usual: &'static [&'static str]) -> impl Strategy<Value = String> {
    prop_oneof![
        200 => select(usual).prop_map(str::to_owned),
        1 => ".{0,8}",
        1 => "[a-z/*{}.%:@-]{0,12}",
    ]
}

fn name() -> impl Strategy<Value = String> {
    text(&["a", "a", "a", "b"])
}

fn namespace() -> impl Strategy<Value = String> {
    text(&["n", "n", "n", "n", "n", "n", "n", "m"])
}

fn metadata(name: impl Strategy<Value = String>) -> impl Strategy<Value = Value> {
    let created = option::of(select(&["2025-01-01T00:00:00Z", "2026-01-01T00:00:00Z"][..]));
    (name, namespace(), created).prop_map(|(name, namespace, created)| {
        json!({"name": name, "namespace": namespace, "creationTimestamp": created})
    })
}

fn path() -> impl Strategy<Value = String> {
    text(&["/*", "/a", "/a/*", "/{x}/*", "/{y}/*", "/a/{x}"])
}

fn predicate() -> impl Strategy<Value = Value> {
    let value = prop_oneof![
        4 => (select(&["Exact", "Prefix", "Regex"][..]), text(&["1", "[a-z]+"]).prop_map(Some)),
        1 => (select(&["Present", "Absent"][..]), Just(None)),
    ];
    (text(&["x", "X"]), value)
        .prop_map(|(name, (kind, value))| json!({"name": name, "type": kind, "value": value}))
}

fn matches() -> impl Strategy<Value = Value> {
    let predicates = (vec(text(&["GET", "PUT"]), 0..3), [(); 3].map(|()| vec(predicate(), 0..2)));
    let one = (path(), option::weighted(0.2, predicates)).prop_map(|(path, predicates)| {
        let (methods, [headers, query, cookies]) = predicates.unwrap_or_default();
        json!({"path": path, "methods": methods, "headers": headers, "query": query, "cookies": cookies})
    });
    vec(one, 1..3).prop_map(Value::from)
}

fn backend() -> impl Strategy<Value = Value> {
    let port = prop_oneof![(79..82).prop_map(Value::from), text(&["http"]).prop_map(Value::from)];
    let service = (text(&["a", "b", "c"]), port)
        .prop_map(|(name, port)| json!({"service": {"name": name, "port": port}}));
    let url = text(&["https://a.example.com", "http://127.0.0.1:80", "http://[::1]:1"]);
    let external = url.prop_map(|url| json!({"external": {"url": url}}));
    let place = prop_oneof![30 => service, 15 => external, 1 => Just(json!({}))];
    (place, -1..60i32, 0..3i32).prop_map(|(mut backend, weight, priority)| {
        backend["weight"] = weight.into();
        backend["priority"] = priority.into();
        backend
    })
}

fn edits() -> impl Strategy<Value = Value> {
    let from = (text(&["a", "b"]), text(&["k", "k", "l"]))
        .prop_map(|(name, key)| json!({"valueFrom": {"secretKeyRef": {"name": name, "key": key}}}));
    let value = prop_oneof![text(&["1", ""]).prop_map(|text| json!({ "value": text })), from];
    let line = (text(&["x-a", "X-B", "X-B", "Vary"]), value).prop_map(|(name, mut line)| {
        line["name"] = name.into();
        line
    });
    let line = line.boxed();
    let lines = [(); 2].map(|()| vec(line.clone(), 0..2));
    (lines, vec(text(&["x-c", "x-d"]), 0..2))
        .prop_map(|([set, add], remove)| json!({"set": set, "add": add, "remove": remove}))
}

/// Conditions of rules, some in others.
fn conditions() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        4 => (select(&["header", "query", "cookie"][..]), predicate())
            .prop_map(|(key, predicate)| json!({ key: predicate })),
        1 => path().prop_map(|path| json!({ "path": path })),
        1 => text(&["10.0.0.0/8", "::1"]).prop_map(|text| json!({"clientAddress": [text]})),
        1 => text(&["/a.*"]).prop_map(|text| json!({ "pathRegex": text })),
    ];
    let one = leaf.prop_recursive(5, 8, 2, |inner| {
        prop_oneof![
            inner.clone().prop_map(|inner| json!({ "not": inner })),
            vec(inner, 1..3).prop_map(|inner| json!({ "any": inner })),
        ]
    });
    vec(one, 0..2).prop_map(Value::from)
}

/// What rules of both kinds do.
fn common_actions() -> impl Strategy<Value = Value> {
    let value = text(&["{host}", "a", "{{}}"]);
    let answer = (value, option::of(edits())).prop_map(|(value, edits)| {
        let headers = json!([{"name": "x-a", "value": value}]);
        json!({"respond": {"headers": headers}, "responseHeaders": edits})
    });
    let redirect = (text(&["a.example.com", "{host}"]), text(&["/a", "{path}"]))
        .prop_map(|(host, path)| json!({"redirect": {"host": host, "path": path, "allowedHosts": ["a.example.com"]}}));
    let edits = (option::of(edits()), edits()).prop_map(
        |(request, response)| json!({"requestHeaders": request, "responseHeaders": response}),
    );
    prop_oneof![answer, redirect, edits]
}

/// `rules`, of which few are none.
fn rules(actions: impl Strategy<Value = Value>) -> impl Strategy<Value = Value> {
    let one = (text(&["a", "b", "c", "d", "e"]), conditions(), actions, any::<bool>());
    let one = one.prop_map(|(name, when, actions, stop)| {
        json!({"name": name, "when": when, "do": actions, "stop": stop})
    });
    option::weighted(0.3, vec(one, 1..3)).prop_map(|rules| rules.unwrap_or_default().into())
}

/// What a Route's rules do.
fn route_actions() -> impl Strategy<Value = Value> {
    let tls = (name(), select(&["ConfigMap", "Secret"][..]), name()).prop_map(|(own, kind, ca)| {
        json!({"clientCertificateRef": {"name": own}, "caRef": {"kind": kind, "name": ca}})
    });
    let backend = (backend(), option::of(tls)).prop_map(|(mut backend, tls)| {
        if let Some(tls) = tls.filter(|_| backend["external"]["url"] == "https://a.example.com") {
            backend["tls"] = tls;
        }
        backend
    });
    let rewrite = option::of(text(&["/", "/b", "{path}"]).prop_map(|path| json!({ "path": path })));
    let forward = (vec(backend, 1..3), rewrite, option::of(edits())).prop_map(
        |(backends, rewrite, edits)| json!({"backends": backends, "rewrite": rewrite, "requestHeaders": edits}),
    );
    prop_oneof![forward, common_actions()]
}

/// The blocks that a FrontDoor's `defaults` may have too.
fn selection() -> impl Strategy<Value = Value> {
    let off = || json!({"disabled": true});
    let block =
        |usual: Value| prop_oneof![4 => Just(Value::Null), 2 => Just(usual), 1 => Just(off())];
    let health = block(json!({"path": "/healthz", "interval": "5s"}));
    let ejection = block(json!({"time": "10m"}));
    let balance = block(json!({"policy": "Hash", "hash": {"on": "ClientAddress"}}));
    let retry = block(json!({"on": ["Reset", "503"]}));
    let limits = prop_oneof![8 => block(json!({"queue": 0})), 1 => Just(json!({"queue": -1}))];
    let timeouts = block(json!({"idle": "0s"}));
    (health, ejection, balance, retry, limits, timeouts).prop_map(
        |(health, ejection, balance, retry, limits, timeouts)| {
            json!({
                "health": health, "ejection": ejection, "balance": balance, "retry": retry,
                "limits": limits, "timeouts": timeouts,
            })
        },
    )
}

/// `backends`, `redirect` or `respond`, with fields that may accompany them.
fn action() -> impl Strategy<Value = Value> {
    let host = text(&["Backend", "Preserve", "a.example.com:81"]);
    let rewrite = (option::of(select(&["/", "/b", "/*"][..])), option::of(host))
        .prop_map(|(path, host)| json!({"path": path, "host": host}));
    let parts = (vec(backend(), 1..3), option::of(rewrite), option::of(edits()), selection());
    let forward = parts.prop_map(|(backends, rewrite, edits, selection)| {
        let mut spec = json!({
            "backends": backends,
            "rewrite": rewrite,
            "requestHeaders": edits,
        });
        spec.as_object_mut().unwrap().extend(selection.as_object().unwrap().clone());
        spec
    });
    let redirect = (text(&["a.example.com"]), select(&[301, 302, 303, 307, 308, 304][..]))
        .prop_map(|(host, status)| json!({"redirect": {"host": host, "status": status}}));
    let respond = (select(&[200, 200, 200, 200, 200, 200, 200, 204, 503, 42][..]), edits())
        .prop_map(
            |(status, edits)| json!({"respond": {"status": status}, "responseHeaders": edits}),
        );
    prop_oneof![20 => forward, 10 => redirect, 30 => respond, 1 => Just(json!({}))]
}

fn route() -> impl Strategy<Value = Value> {
    let hosts = option::weighted(0.3, vec(text(&["a.example.com", "B.example.com", "*"]), 0..2));
    let front_door = (name(), option::weighted(0.2, namespace()));
    let cors = option::weighted(0.3, policies::policy());
    let rules = rules(route_actions());
    (metadata("[a-p]"), front_door, hosts, option::of(matches()), action(), cors, rules).prop_map(
        |(metadata, (front_door, namespace), hosts, matches, action, cors, rules)| {
            let mut spec = json!({
                "rules": rules,
                "frontDoorRef": {"name": front_door, "namespace": namespace},
                "hosts": hosts.unwrap_or_default(),
                "matches": matches.unwrap_or(json!([{}])),
                "cors": cors,
            });
            spec.as_object_mut().unwrap().extend(action.as_object().unwrap().clone());
            json!({"apiVersion": "portico.dev/v1alpha1", "kind": "Route", "metadata": metadata, "spec": spec})
        },
    )
}

fn front_door() -> impl Strategy<Value = Value> {
    let usual =
        ["a.example.com", "B.example.com", "*.example.com", "*"].map(str::to_owned).to_vec();
    let hosts = (subsequence(usual, 1..4), option::weighted(0.05, text(&["A.example.com."])))
        .prop_map(|(usual, more)| usual.into_iter().chain(more));
    let hosts = (hosts, vec(option::weighted(0.3, name()), 5)).prop_map(|(hosts, secrets)| {
        let host = |(name, secret): (String, Option<String>)| match secret {
            Some(secret) => json!({"name": name, "tls": {"secretRef": {"name": secret}}}),
            None => json!({ "name": name }),
        };
        Vec::from_iter(hosts.zip(secrets).map(host))
    });
    let authorities = (select(&["ConfigMap", "Secret"][..]), name())
        .prop_map(|(kind, name)| json!({"kind": kind, "name": name}));
    let tls = option::weighted(0.3, vec(authorities, 1..3))
        .prop_map(|refs| refs.map(|refs| json!({"clientCertificates": {"caRefs": refs}})));
    let selector = (text(&["In", "NotIn"]), vec(text(&["red"]), 1..3)).prop_map(|(operator, values)| {
        json!({"matchExpressions": [{"key": "team", "operator": operator, "values": values}]})
    });
    let entry = (vec(namespace(), 1..3), option::weighted(0.3, selector), vec(path(), 0..2)).prop_map(
        |(namespaces, selector, paths)| {
            json!({"namespaces": namespaces, "namespaceSelector": selector, "paths": paths})
        },
    );
    let proxies = vec(text(&["10.0.0.0/8", "::1"]), 0..2);
    let family = prop_oneof![Just("XForwarded"), Just("Forwarded")];
    let cors = option::of(policies::policy());
    let class = prop_oneof![8 => Just("portico"), 1 => Just("other")];
    let rules = rules(common_actions());
    (metadata(name()), class, (hosts, tls), option::weighted(0.3, vec(entry, 1..3)), (proxies, family), cors, option::of(selection()), rules).prop_map(|(metadata, class, (hosts, tls), attach, (proxies, family), cors, defaults, rules)| {
        let spec = json!({"rules": rules, "className": class, "hosts": hosts, "tls": tls, "attach": attach, "trustedProxies": proxies, "trustedHeaders": family, "cors": cors, "defaults": defaults});
        json!({"apiVersion": "portico.dev/v1alpha1", "kind": "FrontDoor", "metadata": metadata, "spec": spec})
    })
}

fn service() -> impl Strategy<Value = (Value, Value)> {
    let port = (
        option::of(text(&["http"])),
        79..82,
        option::of(text(&["http", "kubernetes.io/h2c", "TCP"])),
    );
    let address = text(&["10.0.0.1", "10.0.0.2", "127.0.0.1", "169.254.169.254", "fd12::1"]);
    (metadata(name()), port, vec(address, 0..3), -1..3).prop_map(|(metadata, (name, port, protocol), addresses, target)| {
        let endpoints: Vec<_> = addresses.iter().map(|address| json!({"addresses": [address]})).collect();
        let mut slice = metadata.clone();
        slice["labels"] = json!({"kubernetes.io/service-name": metadata["name"]});
        (
            json!({"metadata": metadata, "spec": {"ports": [{"name": name, "port": port, "appProtocol": protocol}]}}),
            json!({"metadata": slice, "addressType": "IPv4", "ports": [{"name": name, "port": target}], "endpoints": endpoints}),
        )
    })
}

fn secret() -> impl Strategy<Value = Value> {
    let header = text(&["v", "v\n"]).prop_map(|value| json!({"stringData": {"k": value}}));
    let certificate =
        (any::<bool>(), text(&["kubernetes.io/tls", "Opaque"])).prop_map(|(matches, r#type)| {
            let key = if matches { &CERTIFICATES[0].1 } else { &CERTIFICATES[1].1 };
            let data =
                json!({"tls.crt": CERTIFICATES[0].0, "tls.key": key, "ca.crt": CERTIFICATES[0].0});
            json!({"type": r#type, "stringData": data})
        });
    (metadata(name()), prop_oneof![header, certificate]).prop_map(|(metadata, mut secret)| {
        secret["metadata"] = metadata;
        secret
    })
}

fn config_map() -> impl Strategy<Value = Value> {
    let pem = [CERTIFICATES[1].0.as_str(), "no PEM"].map(str::to_owned);
    (metadata(name()), select(pem.to_vec()))
        .prop_map(|(metadata, pem)| json!({"metadata": metadata, "data": {"ca.crt": pem}}))
}

/// Two certificates, each with its key, in PEM.
static CERTIFICATES: LazyLock<[(String, String); 2]> = LazyLock::new(|| {
    [(); 2].map(|()| {
        let made = rcgen::generate_simple_self_signed(["a.example.com".to_owned()]).unwrap();
        (made.cert.pem(), made.signing_key.serialize_pem())
    })
});

pub(crate) fn decode<T: DeserializeOwned>(value: Value) -> (ObjectName, Arc<T>) {
    let text = |field| value["metadata"][field].as_str().unwrap();
    let name = ObjectName::new(text("namespace"), text("name"));
    (name, Arc::new(serde_json::from_value(value).unwrap()))
}

pub(crate) fn entry<T: DeserializeOwned>(value: Value) -> (ObjectName, Entry<T>) {
    let (name, object) = decode(value);
    (name, Entry::good(object))
}

pub(crate) fn snapshot() -> impl Strategy<Value = Snapshot> {
    let core = (vec(service(), 0..4), vec(secret(), 0..3), vec(config_map(), 0..2));
    (vec(front_door(), 1..4), vec(route(), 1..16), core).prop_map(
        |(front_doors, routes, (services, secrets, config_maps))| {
            let (services, slices): (Vec<_>, Vec<_>) = services.into_iter().unzip();
            Snapshot {
                front_doors: front_doors.into_iter().map(entry).collect(),
                routes: routes.into_iter().map(entry).collect(),
                services: services.into_iter().map(decode).collect(),
                endpoint_slices: slices.into_iter().map(decode).collect(),
                secrets: secrets.into_iter().map(decode).collect(),
                config_maps: config_maps.into_iter().map(decode).collect(),
                ..Snapshot::default()
            }
        },
    )
}

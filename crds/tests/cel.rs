//! The CEL rules, run as an API server runs them: schema defaults first, then every rule.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use kube_cel::{Validator, compile_schema};
use serde_json::{Value, json};

fn schema(kind: &str) -> Value {
    let crd = portico_crds::crds().into_iter().find(|crd| crd.spec.names.kind == kind).unwrap();
    let version = crd.spec.versions.into_iter().next().unwrap();
    serde_json::to_value(version.schema.unwrap().open_api_v3_schema.unwrap()).unwrap()
}

/// RFC 7386: null removes.
fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else { return *target = patch.clone() };
    if !target.is_object() {
        *target = json!({});
    }
    let fields = target.as_object_mut().unwrap();
    for (name, value) in patch {
        match value {
            Value::Null => drop(fields.remove(name)),
            value => merge(fields.entry(name).or_insert(Value::Null), value),
        }
    }
}

/// A change of a good object's spec; the field and words of the message that it is refused with,
/// both empty where it is accepted.
type Case<'a> = (Value, &'a str, &'a str);

fn run(kind: &str, good: &Value, cases: &[Case<'_>]) {
    let schema = compile_schema(&schema(kind));
    assert!(schema.compilation_errors().is_empty(), "{:?}", schema.compilation_errors());
    for (patch, field, words) in cases {
        let mut object = json!({"spec": good});
        merge(&mut object["spec"], patch);
        let refused = Validator::new().validate_compiled(&schema, &object, None);
        let refused: Vec<(String, String)> = refused
            .err()
            .into_iter()
            .flat_map(|errors| errors.into_vec())
            .map(|error| (error.field_path, error.message))
            .collect();
        match refused.as_slice() {
            [] => assert_eq!(*field, "", "{kind} {patch}: accepted"),
            [(at, message)] => {
                assert_eq!(at, field, "{kind} {patch}: {message}");
                assert!(!words.is_empty() && message.contains(words), "{kind} {patch}: {message}");
            }
            many => panic!("{kind} {patch}: refused more than once: {many:#?}"),
        }
    }
}

fn front_door() -> Value {
    json!({"hosts": [{"name": "www.ep.com"}]})
}

fn route() -> Value {
    json!({"frontDoorRef": {"name": "ep"}, "backends": [{"service": {"name": "web", "port": 80}}]})
}

#[test]
fn a_route_has_exactly_one_action() {
    const ONE: &str = "exactly one of backends, redirect and respond";
    run(
        "Route",
        &route(),
        &[
            (json!({}), "", ""),
            (json!({"backends": null, "redirect": {"path": "/new/*"}}), "", ""),
            (json!({"backends": null, "respond": {"status": 204}}), "", ""),
            (json!({"backends": null}), "spec", ONE),
            (json!({"redirect": {"path": "/"}}), "spec", ONE),
            (json!({"respond": {}}), "spec", ONE),
            (json!({"backends": null, "redirect": {"path": "/"}, "respond": {}}), "spec", ONE),
            (json!({"redirect": {"path": "/"}, "respond": {}}), "spec", ONE),
        ],
    );
}

#[test]
fn what_changes_a_forwarded_request_goes_with_backends() {
    for field in ["rewrite", "requestHeaders", "timeouts"] {
        let beside = |action: &str| json!({"backends": null, action: {"port": 80}, field: {}});
        let at = format!("spec.{field}");
        run(
            "Route",
            &route(),
            &[
                (json!({field: {}}), "", ""),
                (beside("redirect"), &at, "with backends only"),
                (beside("respond"), &at, "with backends only"),
            ],
        );
    }
    run(
        "Route",
        &route(),
        &[(json!({"backends": null, "respond": {}, "responseHeaders": {}}), "", "")],
    );
}

#[test]
fn connect_is_never_forwarded() {
    let methods = |methods: Value| json!({"matches": [{"methods": methods}]});
    run(
        "Route",
        &route(),
        &[
            (methods(json!(["GET", "CONNECTED"])), "", ""),
            (methods(json!(["GET", "CONNECT"])), "spec.matches[0].methods[1]", "never forwarded"),
        ],
    );
}

#[test]
fn a_backend_is_a_service_or_external() {
    const ONE: &str = "exactly one of service and external";
    let service = json!({"name": "web", "port": "http"});
    let external = json!({"url": "https://example.com"});
    run(
        "Route",
        &route(),
        &[
            (json!({"backends": [{"external": external}]}), "", ""),
            (json!({"backends": [{"service": service}, {"external": external}]}), "", ""),
            (json!({"backends": [{"service": service}, {"weight": 1}]}), "spec.backends[1]", ONE),
            (
                json!({"backends": [{"service": service, "external": external}]}),
                "spec.backends[0]",
                ONE,
            ),
        ],
    );
}

#[test]
fn a_predicate_has_a_value_where_its_type_compares_one() {
    let predicate = |kind: &str, predicate: Value| json!({"matches": [{}, {kind: [predicate]}]});
    for kind in ["headers", "query", "cookies"] {
        let whole = format!("spec.matches[1].{kind}[0]");
        let value = format!("{whole}.value");
        run(
            "Route",
            &route(),
            &[
                (predicate(kind, json!({"name": "v", "value": "2"})), "", ""),
                (predicate(kind, json!({"name": "v", "value": ""})), "", ""),
                (predicate(kind, json!({"name": "v", "type": "Prefix", "value": "2"})), "", ""),
                (predicate(kind, json!({"name": "v", "type": "Present"})), "", ""),
                (predicate(kind, json!({"name": "v", "type": "Absent"})), "", ""),
                (predicate(kind, json!({"name": "v"})), &whole, "value is needed"),
                (predicate(kind, json!({"name": "v", "type": "Regex"})), &whole, "value is needed"),
                (
                    predicate(kind, json!({"name": "v", "type": "Present", "value": "2"})),
                    &value,
                    "may not be given",
                ),
                (
                    predicate(kind, json!({"name": "v", "type": "Absent", "value": ""})),
                    &value,
                    "may not be given",
                ),
            ],
        );
    }
}

#[test]
fn a_redirect_leads_elsewhere() {
    let redirect = |redirect: Value| json!({"backends": null, "redirect": redirect});
    run(
        "Route",
        &route(),
        &[
            (redirect(json!({"scheme": "https"})), "", ""),
            (redirect(json!({"host": "www.ep.com", "status": 308})), "", ""),
            (redirect(json!({"port": 8443})), "", ""),
            (redirect(json!({})), "spec.redirect", "at least one of scheme, host, port and path"),
            (redirect(json!({"status": 301})), "spec.redirect", "leads back to itself"),
        ],
    );
}

#[test]
fn a_response_without_content_has_no_body() {
    let respond = |status: u16, body: &str| json!({"backends": null, "respond": {"status": status, "body": body}});
    let mut cases =
        vec![(respond(200, "x"), "", ""), (respond(404, "x"), "", ""), (respond(204, ""), "", "")];
    for status in [204, 205, 304] {
        cases.push((respond(status, "x"), "spec.respond.body", "204, 205 and 304"));
    }
    run("Route", &route(), &cases);
}

#[test]
fn a_header_value_is_given_or_taken_from_a_secret() {
    const ONE: &str = "exactly one of value and valueFrom";
    let from = json!({"secretKeyRef": {"name": "key", "key": "token"}});
    run(
        "Route",
        &route(),
        &[
            (
                json!({"requestHeaders": {"set": [{"name": "a", "value": ""}, {"name": "b", "valueFrom": from}]}}),
                "",
                "",
            ),
            (
                json!({"requestHeaders": {"set": [{"name": "a"}]}}),
                "spec.requestHeaders.set[0]",
                ONE,
            ),
            (
                json!({"responseHeaders": {"add": [{"name": "a", "value": "", "valueFrom": from}]}}),
                "spec.responseHeaders.add[0]",
                ONE,
            ),
        ],
    );
}

#[test]
fn no_edit_names_host_framing_or_connection_headers() {
    let words = "Host and the headers of framing and connection";
    for name in portico_crds::UNEDITABLE_HEADERS
        .map(str::to_owned)
        .into_iter()
        .chain(["Host".into(), "TE".into()])
    {
        let value = json!({"name": name, "value": "x"});
        run(
            "Route",
            &route(),
            &[
                (
                    json!({"requestHeaders": {"set": [value]}}),
                    "spec.requestHeaders.set[0].name",
                    words,
                ),
                (
                    json!({"requestHeaders": {"add": [value]}}),
                    "spec.requestHeaders.add[0].name",
                    words,
                ),
                (
                    json!({"responseHeaders": {"remove": ["a", name]}}),
                    "spec.responseHeaders.remove[1]",
                    words,
                ),
                (
                    json!({"backends": null, "respond": {"headers": [value]}}),
                    "spec.respond.headers[0].name",
                    words,
                ),
            ],
        );
    }
    run(
        "Route",
        &route(),
        &[(json!({"requestHeaders": {"remove": ["x-host", "server", "hosts"]}}), "", "")],
    );
}

#[test]
fn an_attach_entry_says_whose_routes() {
    const ONE: &str = "exactly one of namespaces and namespaceSelector";
    let expression = |operator: &str, values: Value| {
        let expression = json!({"key": "team", "operator": operator, "values": values});
        json!({"attach": [{"namespaceSelector": {"matchExpressions": [expression]}}]})
    };
    const AT: &str = "spec.attach[0].namespaceSelector.matchExpressions[0]";
    run(
        "FrontDoor",
        &front_door(),
        &[
            (json!({"attach": [{"namespaces": ["web"]}]}), "", ""),
            (json!({"attach": [{"namespaceSelector": {}}]}), "", ""),
            (
                json!({"attach": [{"namespaces": [], "namespaceSelector": {"matchLabels": {"a": "b"}}}]}),
                "",
                "",
            ),
            (
                json!({"attach": [{"namespaces": ["web"]}, {"paths": ["/a"]}]}),
                "spec.attach[1]",
                ONE,
            ),
            (json!({"attach": [{"namespaces": []}]}), "spec.attach[0]", ONE),
            (
                json!({"attach": [{"namespaces": ["a"], "namespaceSelector": {}}]}),
                "spec.attach[0]",
                ONE,
            ),
            (json!({"attach": []}), "", ""),
            (expression("In", json!(["a"])), "", ""),
            (expression("Exists", json!([])), "", ""),
            (expression("In", json!([])), AT, "values are needed"),
            (expression("DoesNotExist", json!(["a"])), AT, "values are needed"),
        ],
    );
}

#[test]
fn rules_24_and_28_a_cors_policy_allows_some_origin() {
    const NONE: &str = "needs allowOrigins or allowOriginRegex";
    let origins = json!(["https://a.example"]);
    for (kind, good) in [("FrontDoor", front_door()), ("Route", route())] {
        run(
            kind,
            &good,
            &[
                (json!({"cors": {"allowOrigins": origins}}), "", ""),
                (json!({"cors": {"allowOriginRegex": ["https://a"]}}), "", ""),
                (json!({"cors": {"allowOrigins": ["*"]}}), "", ""),
                (json!({"cors": {"mode": "Disabled"}}), "", ""),
                (json!({"cors": {}}), "spec.cors", NONE),
                (json!({"cors": {"mode": "Report", "allowOrigins": []}}), "spec.cors", NONE),
                (
                    json!({"cors": {"allowOrigins": ["*", "https://a.example"]}}),
                    "spec.cors.allowOrigins",
                    "goes alone",
                ),
                (
                    json!({"cors": {"allowOrigins": ["*"], "allowOriginRegex": ["https://a"]}}),
                    "spec.cors.allowOrigins",
                    "goes alone",
                ),
                (json!({"cors": {"allowOrigins": ["*"], "allowOriginRegex": []}}), "", ""),
            ],
        );
    }
}

#[test]
fn rules_29_and_34_credentials_need_names() {
    let policy = |policy: Value| {
        let mut cors =
            json!({"cors": {"allowOrigins": ["https://a.example"], "allowCredentials": true}});
        merge(&mut cors["cors"], &policy);
        cors
    };
    run(
        "Route",
        &route(),
        &[
            (policy(json!({})), "", ""),
            (policy(json!({"exposeHeaders": ["x-total-count"]})), "", ""),
            (policy(json!({"allowOrigins": ["*"]})), "spec.cors.allowOrigins", "read as the user"),
            (policy(json!({"exposeHeaders": ["*"]})), "spec.cors.exposeHeaders", "no wildcard"),
            (policy(json!({"exposeHeaders": ["*"], "allowCredentials": false})), "", ""),
        ],
    );
}

#[test]
fn rules_32_33_and_35_cors_lists_name_what_fetch_lets_a_script_use() {
    let policy = |field: &str, value: Value| {
        let mut cors = json!({"allowOrigins": ["https://a.example"]});
        cors[field] = value;
        json!({"cors": cors})
    };
    run(
        "Route",
        &route(),
        &[
            (policy("allowMethods", json!(["PUT", "*", "purge"])), "", ""),
            (
                policy("allowMethods", json!(["PUT", "Trace"])),
                "spec.cors.allowMethods[1]",
                "CONNECT, TRACE and TRACK",
            ),
            (policy("allowHeaders", json!(["x-api-key", "*", "authorization"])), "", ""),
            (
                policy("allowHeaders", json!(["Cookie"])),
                "spec.cors.allowHeaders[0]",
                "forbidden request-header",
            ),
            (
                policy("allowHeaders", json!(["Sec-Fetch-Mode"])),
                "spec.cors.allowHeaders[0]",
                "sec-",
            ),
            (
                policy("allowHeaders", json!(["access-control-request-method"])),
                "spec.cors.allowHeaders[0]",
                "access-control-",
            ),
            (policy("exposeHeaders", json!(["x-total-count", "etag"])), "", ""),
            (
                policy("exposeHeaders", json!(["etag", "Set-Cookie2"])),
                "spec.cors.exposeHeaders[1]",
                "Set-Cookie",
            ),
            (
                policy("exposeHeaders", json!(["Access-Control-Max-Age"])),
                "spec.cors.exposeHeaders[0]",
                "Access-Control",
            ),
            (policy("maxAge", json!("0s")), "", ""),
            (policy("maxAge", json!("24h")), "", ""),
            (policy("maxAge", json!("2000ms")), "", ""),
            (policy("maxAge", json!("24h1s")), "spec.cors.maxAge", "at most 24h"),
            (policy("maxAge", json!("1500ms")), "spec.cors.maxAge", "whole seconds"),
        ],
    );
}

#[test]
fn rule_20_a_policy_has_its_headers_to_itself() {
    let cors = |mode: &str| json!({"mode": mode, "allowOrigins": ["https://a.example"]});
    let edits = |mode: &str, edits: Value| json!({"cors": cors(mode), "responseHeaders": edits});
    let respond = |mode: &str, name: &str| json!({"cors": cors(mode), "backends": null, "respond": {"headers": [{"name": name, "value": "a"}]}});
    let line = |name: &str| json!([{"name": "x-a", "value": "a"}, {"name": name, "value": "a"}]);
    const ACAO: &str = "Access-Control-Allow-Origin";
    const WORDS: &str = "Access-Control-* and Vary";
    run(
        "Route",
        &route(),
        &[
            (
                edits("Enforce", json!({"set": line("varied"), "remove": ["x-access-control"]})),
                "",
                "",
            ),
            (edits("Disabled", json!({"set": line(ACAO), "add": line("vary")})), "", ""),
            (json!({"responseHeaders": {"remove": [ACAO]}}), "", ""),
            (edits("Enforce", json!({"set": line(ACAO)})), "spec.responseHeaders.set", WORDS),
            (edits("Report", json!({"add": line("Vary")})), "spec.responseHeaders.add", WORDS),
            (edits("Enforce", json!({"remove": ["vary"]})), "spec.responseHeaders.remove", WORDS),
            (respond("Enforce", "vary"), "", ""),
            (respond("Disabled", ACAO), "", ""),
            (respond("Enforce", ACAO), "spec.respond.headers", "Access-Control-* itself"),
        ],
    );
}

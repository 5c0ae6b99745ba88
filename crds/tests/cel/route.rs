//! The rules of a Route, but for its CORS policy.

use super::{route, run};
use serde_json::{Value, json};

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
    for field in portico_crds::FORWARDING_FIELDS {
        let block = if field == "health" { json!({"path": "/"}) } else { json!({}) };
        let beside = |action: &str| json!({"backends": null, action: {"port": 80}, field: block});
        let at = format!("spec.{field}");
        run(
            "Route",
            &route(),
            &[
                (json!({field: block}), "", ""),
                (beside("redirect"), &at, "applies to backends only"),
                (beside("respond"), &at, "applies to backends only"),
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
            (methods(json!(["TRACE"])), "spec.matches[0].methods[0]", "never forwarded"),
            (methods(json!(["TRACK"])), "spec.matches[0].methods[0]", "never forwarded"),
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
                    "can't be combined",
                ),
                (
                    predicate(kind, json!({"name": "v", "type": "Absent", "value": ""})),
                    &value,
                    "can't be combined",
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
    let words = "Host and the headers for framing and the connection";
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

//! The rules of a CORS policy, which Routes and FrontDoors share.

use super::{front_door, merge, route, run};
use serde_json::{Value, json};

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
                    "the only entry",
                ),
                (
                    json!({"cors": {"allowOrigins": ["*"], "allowOriginRegex": ["https://a"]}}),
                    "spec.cors.allowOrigins",
                    "the only entry",
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
            (
                policy(json!({"allowOrigins": ["*"]})),
                "spec.cors.allowOrigins",
                "read responses as the user",
            ),
            (policy(json!({"exposeHeaders": ["*"]})), "spec.cors.exposeHeaders", "not a wildcard"),
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
    const WORDS: &str = "Access-Control-*, Timing-Allow-Origin and Vary";
    const TIMING: &str = "Timing-Allow-Origin";
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
            (respond("Enforce", ACAO), "spec.respond.headers", "Access-Control-* and"),
            (edits("Enforce", json!({"add": line(TIMING)})), "spec.responseHeaders.add", WORDS),
            (respond("Enforce", TIMING), "spec.respond.headers", "Timing-Allow-Origin itself"),
        ],
    );
}

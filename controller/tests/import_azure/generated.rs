//! Generated templates: whatever they say, what is written passes `check`.

use super::import;
use proptest::{collection::vec, option, prelude::*, sample::select};
use serde_json::{Value, json};

const TEXTS: &[&str] = &[
    "",
    "a",
    "A/b",
    "/a/",
    "a b",
    "{hostname}",
    "{x}",
    "*",
    "a*",
    "(",
    "^a$",
    "a|b",
    "%",
    "é",
    "0",
    "1001",
    "x-a",
    "Host",
    "GET",
    "HTTP",
    "10.0.0.0/8",
    "10.1.2.3/8",
    "2.0",
    "Mobile",
    "80",
    "https://www.contoso.com/a",
    "a=b",
    "Enabled",
    "\u{0}",
    "pdf",
    "{http_req_header_x}",
    "/{url_path}/",
    "..",
    "/../",
    "//",
];

fn text() -> impl Strategy<Value = String> {
    prop_oneof![8 => select(TEXTS).prop_map(str::to_owned), 1 => ".{0,9}", 1 => Just("a".repeat(5000))]
}

fn one_of(all: &'static [&'static str]) -> impl Strategy<Value = String> {
    prop_oneof![9 => select(all).prop_map(str::to_owned), 1 => text()]
}

fn condition() -> impl Strategy<Value = Value> {
    let name = one_of(&[
        "RequestHeader",
        "Cookies",
        "UrlPath",
        "UrlFileName",
        "UrlFileExtension",
        "QueryString",
        "RequestUri",
        "HostName",
        "RequestMethod",
        "RequestScheme",
        "HttpVersion",
        "SslProtocol",
        "RemoteAddress",
        "SocketAddr",
        "IsDevice",
        "ServerPort",
        "ClientPort",
    ]);
    let operator = one_of(&[
        "Any",
        "Equal",
        "Contains",
        "BeginsWith",
        "EndsWith",
        "LessThan",
        "GreaterThan",
        "RegEx",
        "Wildcard",
        "IPMatch",
    ]);
    let transforms =
        vec(one_of(&["Lowercase", "Uppercase", "Trim", "UrlDecode", "RemoveNulls"]), 0..3);
    (name, operator, vec(text(), 0..12), any::<bool>(), option::of(text()), transforms).prop_map(
        |(name, operator, values, negate, selector, transforms)| {
            json!({"name": name, "parameters": {"operator": operator, "matchValues": values, "negateCondition": negate, "selector": selector, "transforms": transforms}})
        },
    )
}

fn action() -> impl Strategy<Value = Value> {
    let name = one_of(&[
        "UrlRedirect",
        "UrlRewrite",
        "ModifyRequestHeader",
        "ModifyResponseHeader",
        "RouteConfigurationOverride",
    ]);
    (name, vec(option::of(text()), 6), one_of(&["Append", "Overwrite", "Delete"]), any::<bool>()).prop_map(
        |(name, texts, kind, keeps)| {
            json!({"name": name, "parameters": {
                "customPath": texts[0], "customHostname": texts[1], "customQueryString": texts[2],
                "redirectType": "Found", "destinationProtocol": if keeps { "Https" } else { "MatchRequest" },
                "sourcePattern": texts[3].as_ref().map(|it| format!("/{it}")), "destination": texts[4].as_ref().map(|it| format!("/{it}")),
                "preserveUnmatchedPath": keeps,
                "headerAction": kind, "headerName": texts[5], "value": texts[0],
                "originGroupOverride": {"originGroup": {"id": "/providers/Microsoft.Cdn/profiles/p/originGroups/other"}},
            }})
        },
    )
}

fn rule() -> impl Strategy<Value = Value> {
    (vec(condition(), 0..4), vec(action(), 0..4), any::<bool>()).prop_map(|(conditions, actions, stops)| {
        json!({"conditions": conditions, "actions": actions, "matchProcessingBehavior": if stops { "Stop" } else { "Continue" }})
    })
}

fn route() -> impl Strategy<Value = Value> {
    let patterns = vec(one_of(&["/*", "/a/*", "/a", "/a/b/*", "/A/", "/{x}/*", "/a*"]), 1..6);
    let protocols = vec(one_of(&["Http", "Https"]), 0..3);
    let forwarding = one_of(&["MatchRequest", "HttpOnly", "HttpsOnly"]);
    let path = option::of(one_of(&["/", "/x/", "/x"]));
    (patterns, protocols, forwarding, path, any::<bool>()).prop_map(|(patterns, protocols, forwarding, path, redirects)| {
        json!({
            "patternsToMatch": patterns, "supportedProtocols": protocols, "forwardingProtocol": forwarding,
            "originPath": path, "httpsRedirect": if redirects { "Enabled" } else { "Disabled" },
        })
    })
}

/// Imports a document; fails unless all that is written is accepted, without the last resort, which
/// is for what an importer can't foresee.
fn accepted(document: &Value) -> Result<(), TestCaseError> {
    let imported = import(document);
    let entries = imported.report["report"].as_array().unwrap();
    let refused =
        entries.iter().find(|entry| entry["why"].as_str().unwrap().starts_with("Portico refuses"));
    prop_assert!(refused.is_none(), "{refused:?}");
    Ok(())
}

proptest! {
    #[test]
    fn profiles_become_manifests_that_are_accepted(route in route(), rules in vec(rule(), 0..5)) {
        accepted(&super::standard(&route, &rules))?;
    }

    #[test]
    fn classic_front_doors_become_manifests_that_are_accepted(
        routes in vec((vec(one_of(&["/*", "/a/*", "/a", "/b/c"]), 1..3), vec(one_of(&["Http", "Https"]), 1..3), option::of(text()), option::of(text()), any::<bool>()), 0..5),
    ) {
        let routes: Vec<_> = routes.into_iter().map(|(patterns, protocols, path, host, redirects)| {
            let mut rule = json!({"patternsToMatch": patterns, "acceptedProtocols": protocols});
            if redirects {
                rule["routeConfiguration"] = json!({"redirectType": "Moved", "redirectProtocol": "HttpsOnly", "customPath": path, "customHost": host});
            }
            rule
        }).collect();
        accepted(&super::classic(&routes))?;
    }
}

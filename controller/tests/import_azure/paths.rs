//! Protocols, hosts, paths and backends, one at a time.

use super::{classic, import, standard};
use serde_json::json;

#[test]
fn a_pattern_does_not_take_the_path_without_its_slash() {
    let imported = import(&classic(&[
        json!({"patternsToMatch": ["/*", "/exact/"]}),
        json!({"patternsToMatch": ["/api/*", "/api/v2"], "routeConfiguration": {"redirectType": "Found", "customHost": "api.contoso.com", "redirectProtocol": "MatchRequest"}}),
    ]));
    let mut paths: Vec<_> = imported
        .specs("Route")
        .into_iter()
        .map(|(name, spec)| {
            let matches = spec["matches"].as_array().unwrap().clone();
            (
                name,
                matches
                    .iter()
                    .map(|it| it["path"].as_str().unwrap().to_owned())
                    .collect::<Vec<_>>(),
            )
        })
        .collect();
    paths.sort();
    let of = |name: &str, paths: &[&str]| {
        (name.to_owned(), paths.iter().map(|&path| path.to_owned()).collect::<Vec<_>>())
    };
    assert_eq!(
        paths,
        [of("rule0", &["/*", "/api", "/exact/"]), of("rule1", &["/api/*", "/api/v2"])]
    );
    let said = imported.said("patternsToMatch[0]");
    assert_eq!(said, [("kept", ""), ("changed", "its case matters here, and does not there")]);
}

#[test]
fn where_nothing_took_a_path_nothing_takes_it() {
    let imported = import(&classic(&[json!({"patternsToMatch": ["/api/*"]})]));
    assert_eq!(imported.route("/api")["respond"]["status"], 404);
    assert!(imported.route("/api/*")["backends"].is_array());
}

#[test]
fn protocols_may_have_routes_of_their_own() {
    let redirect = json!({"redirectType": "Moved", "redirectProtocol": "HttpsOnly"});
    // All is redirected: the FrontDoor does it.
    let imported = import(&classic(&[
        json!({"acceptedProtocols": ["Http"], "routeConfiguration": redirect}),
        json!({}),
    ]));
    assert_eq!(imported.specs("FrontDoor")[0].1["plainHttp"], "Redirect");
    assert_eq!(imported.route("/*")["rules"], json!(null));
    // Nothing is taken.
    let imported = import(&classic(&[json!({})]));
    assert_eq!(imported.specs("FrontDoor")[0].1["plainHttp"], "Refuse");
    // Some of it is.
    let imported = import(&classic(&[
        json!({"acceptedProtocols": ["Http"], "routeConfiguration": redirect}),
        json!({"acceptedProtocols": ["Http", "Https"], "patternsToMatch": ["/plain/*"]}),
        json!({}),
    ]));
    assert_eq!(imported.specs("FrontDoor")[0].1["plainHttp"], "Serve");
    assert_eq!(imported.route("/plain/*")["rules"], json!(null));
    assert_eq!(
        imported.route("/*")["rules"],
        json!([{"name": "plain-http", "when": [{"scheme": "Http"}], "do": {"redirect": {"scheme": "https", "status": 301}}}])
    );
    // Over TLS there is nothing, so there is no certificate either.
    let imported = import(&classic(&[json!({"acceptedProtocols": ["Http"]})]));
    assert_eq!(imported.specs("FrontDoor")[0].1, json!({"hosts": [{"name": "www.contoso.com"}]}));
    assert_eq!(imported.code, 0);
}

#[test]
fn paths_and_hosts_of_backends() {
    let imported =
        import(&standard(&json!({"patternsToMatch": ["/a/*", "/b"], "originPath": "/x/"}), &[]));
    assert_eq!(imported.route("/a/*")["rewrite"], json!({"path": "/x/*"}));
    assert_eq!(imported.route("/b")["rewrite"], json!({"path": "/x/"}));

    let mut document = classic(&[json!({})]);
    let backends =
        &mut document["resources"][0]["properties"]["backendPools"][0]["properties"]["backends"];
    *backends = json!([
        {"address": "10.1.2.3", "httpPort": 8080, "priority": 2, "weight": 7},
        {"address": "2001:db8::1", "enabledState": "Enabled"},
        {"address": "off.contoso.net", "enabledState": "Disabled"},
    ]);
    let route = import(&document).route("/*");
    assert_eq!(route["rewrite"], json!({"host": "Preserve"}));
    assert_eq!(
        route["backends"],
        json!([
            {"external": {"url": "https://[2001:db8::1]"}, "priority": 1, "weight": 50},
            {"external": {"url": "https://10.1.2.3"}, "priority": 2, "weight": 7},
        ])
    );
}

#[test]
fn a_route_without_a_target_keeps_its_requests() {
    let configuration = json!({"backendPool": {"id": "/providers/Microsoft.Network/frontDoors/fd/backendPools/none"}});
    let imported = import(&classic(&[
        json!({}),
        json!({"patternsToMatch": ["/gone/*"], "routeConfiguration": configuration}),
    ]));
    assert_eq!(imported.route("/gone/*")["respond"]["status"], 503);
    assert_eq!(imported.said("routeConfiguration")[0].0, "dropped");
}

#[test]
fn what_is_disabled_or_elsewhere_is_left_out() {
    let imported = import(&classic(&[
        json!({"enabledState": "Disabled"}),
        json!({"patternsToMatch": ["/on/*"]}),
    ]));
    assert_eq!(imported.said("routingRules[0]"), [("dropped", "is disabled there")]);
    assert!(imported.said("routingRules[0].name").is_empty(), "of what is dropped nothing is kept");
    let imported = import(&json!({"resources": [
        {"type": "Microsoft.Network/dnsZones/CNAME", "name": "contoso.com/www", "properties": {}},
        {"type": "Microsoft.Storage/storageAccounts", "name": "files"},
        {"type": "Microsoft.Network/frontDoors", "name": "a", "condition": "[equals('a', 'b')]", "properties": {}},
        {"type": "Microsoft.Network/frontDoors", "name": "b", "copy": {"name": "c", "count": 2}, "properties": {}},
    ]}));
    let whole: Vec<_> = imported.report["report"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["why"].as_str().unwrap())
        .collect();
    assert!(whole[0].starts_with("Portico writes no DNS records"), "{whole:?}");
    assert_eq!(whole[1], "is not a part of Azure Front Door");
    assert_eq!(whole[2], "is not deployed, since its condition is false");
    assert!(whole[3].starts_with("is a loop (copy)"), "{whole:?}");
    assert_eq!((imported.code, imported.report["objects"].clone()), (3, json!([])));
}

#[test]
fn templates_in_templates_and_symbolic_names_are_read() {
    let inner = json!({
        "parameters": {"name": {"type": "string"}},
        "resources": {"door": classic(&[json!({})])["resources"][0]},
    });
    let mut inner = inner;
    inner["resources"]["door"]["name"] = json!("[parameters('name')]");
    let imported = import(&json!({"resources": {"deployment": {
        "type": "Microsoft.Resources/deployments",
        "name": "inner",
        "properties": {"template": inner, "parameters": {"name": {"value": "[toUpper('inside')]"}}},
    }}}));
    assert_eq!(imported.specs("FrontDoor")[0].0, "inside");
}

//! Rules: conditions, actions and texts, one at a time.

use super::{import, standard};
use serde_json::{Value, json};

/// A header edit, so that a rule does something.
fn mark() -> Value {
    json!([{"name": "ModifyRequestHeader", "parameters": {"headerAction": "Overwrite", "headerName": "x-mark", "value": "1"}}])
}

/// What a condition becomes; `None` if its rule is left out, and why.
fn condition(name: &str, parameters: &Value) -> Result<Value, String> {
    let rule = json!({"conditions": [{"name": name, "parameters": parameters}], "actions": mark()});
    let imported = import(&standard(&json!({}), &[rule]));
    let rules = imported.route("/*")["rules"].clone();
    if rules.is_null() {
        let said = imported.said("parameters");
        let said =
            said.first().or(imported.said("properties").first()).map(|(_, why)| (*why).to_owned());
        return Err(said.unwrap_or_default());
    }
    Ok(rules[0]["when"].clone())
}

fn values(operator: &str, values: &[&str]) -> Value {
    json!({"operator": operator, "matchValues": values})
}

fn one(operator: &str, value: &str) -> Value {
    values(operator, &[value])
}

fn with(mut of: Value, name: &str, value: Value) -> Value {
    of[name] = value;
    of
}

fn header(operator: &str, value: &str) -> Value {
    with(one(operator, value), "selector", json!("X-A"))
}

fn lower(of: Value) -> Value {
    with(of, "transforms", json!(["Lowercase"]))
}

fn not(of: Value) -> Value {
    with(of, "negateCondition", json!(true))
}

#[test]
fn operators_have_equals() {
    let predicate = |kind: &str, value: &str| json!([{"header": {"name": "x-a", "type": kind, "value": value}}]);
    for (parameters, expected) in [
        (header("Equal", "b"), predicate("Exact", "b")),
        (header("BeginsWith", "b"), predicate("Prefix", "b")),
        (header("EndsWith", "b"), predicate("Suffix", "b")),
        (header("Contains", "b"), predicate("Contains", "b")),
        (header("RegEx", "^b+$"), predicate("Regex", "(?:b+)")),
        (header("RegEx", "b+"), predicate("Regex", "(?s:.*)(?:b+)(?s:.*)")),
        // They compare lengths.
        (not(header("LessThan", "5")), predicate("Regex", "(?s:.){5,}")),
        (header("LessThan", "5"), predicate("Regex", "(?s:.){0,4}")),
        (header("GreaterThanOrEqual", "5"), predicate("Regex", "(?s:.){5,}")),
        (lower(header("Equal", "b.")), predicate("Regex", r"(?i:b\.)")),
        (
            json!({"operator": "Any", "selector": "X-A"}),
            json!([{"header": {"name": "x-a", "type": "Present"}}]),
        ),
        (not(header("Equal", "b")), json!([{"not": predicate("Exact", "b")[0]}])),
    ] {
        assert_eq!(condition("RequestHeader", &parameters), Ok(expected), "{parameters}");
    }
}

#[test]
fn subjects_have_equals() {
    for (name, parameters, expected) in [
        (
            "Cookies",
            with(values("Equal", &["1", "2"]), "selector", json!("c")),
            json!([{"any": [
                {"cookie": {"name": "c", "type": "Exact", "value": "1"}},
                {"cookie": {"name": "c", "type": "Exact", "value": "2"}},
            ]}]),
        ),
        ("UrlPath", one("Equal", "a/b c"), json!([{"path": "/a/b%20c"}])),
        ("UrlPath", one("BeginsWith", "/a/"), json!([{"pathRegex": "/a/.*"}])),
        ("UrlPath", one("Contains", "a"), json!([{"pathRegex": "/.*a.*"}])),
        ("UrlPath", one("Wildcard", "a*/b"), json!([{"pathRegex": "/a.*/b"}])),
        ("UrlPath", one("RegEx", "^a[0-9]+"), json!([{"pathRegex": "/(?:a[0-9]+).*"}])),
        ("UrlPath", lower(one("Equal", "a")), json!([{"pathRegex": "/(?i:a)"}])),
        ("UrlFileName", one("Equal", "a.pdf"), json!([{"pathRegex": r".*/a\.pdf"}])),
        (
            "UrlFileExtension",
            lower(values("Equal", &["pdf", "7z"])),
            json!([{"fileExtension": ["pdf", "7z"]}]),
        ),
        ("UrlFileExtension", one("Equal", "pdf"), json!([{"pathRegex": r".*/[^/]+\.pdf"}])),
        (
            "QueryString",
            one("Contains", "v=2"),
            json!([{"query": {"name": "v", "type": "Prefix", "value": "2"}}]),
        ),
        (
            "RequestUri",
            one("BeginsWith", "https://www.contoso.com/a"),
            json!([{"scheme": "Https"}, {"host": ["www.contoso.com"]}, {"pathRegex": "/a.*"}]),
        ),
        ("HostName", one("EndsWith", "contoso.com"), json!([{"host": ["www.contoso.com"]}])),
        ("RequestMethod", values("Equal", &["GET", "TRACE"]), json!([{"method": ["GET"]}])),
        ("RequestScheme", one("Equal", "HTTPS"), json!([{"scheme": "Https"}])),
        ("ServerPort", one("Equal", "80"), json!([{"scheme": "Http"}])),
        ("HttpVersion", values("Equal", &["2.0", "0.9"]), json!([{"httpVersion": ["2"]}])),
        (
            "SslProtocol",
            values("Equal", &["TLSv1.2", "TLSv1.1"]),
            json!([{"tlsVersion": "VersionTLS12"}]),
        ),
        (
            "RemoteAddress",
            not(values("IPMatch", &["192.0.2.0/24"])),
            json!([{"not": {"clientAddress": ["192.0.2.0/24"]}}]),
        ),
        (
            "IsDevice",
            one("Equal", "Desktop"),
            json!([{"not": {"header": {"name": "user-agent", "type": "Regex", "value": "(?i).*(mobile|android|iphone).*"}}}]),
        ),
    ] {
        assert_eq!(condition(name, &parameters), Ok(expected), "{name} {parameters}");
    }
}

#[test]
fn a_rule_without_one_of_its_conditions_is_left_out() {
    for (name, parameters, why) in [
        (
            "RemoteAddress",
            json!({"operator": "GeoMatch", "matchValues": ["DE"]}),
            "no database of addresses",
        ),
        ("PostArgs", json!({"operator": "Any", "selector": "a"}), "reads no bodies"),
        (
            "RequestHeader",
            json!({"operator": "Equal", "selector": "X-Forwarded-For", "matchValues": ["a"]}),
            "removes the header",
        ),
        (
            "RequestHeader",
            json!({"operator": "RegEx", "selector": "X-A", "matchValues": ["a(?=b)"]}),
            "does not take its regular expression",
        ),
        (
            "RequestHeader",
            json!({"operator": "Equal", "selector": "X-A", "matchValues": ["a"], "transforms": ["UrlEncode"]}),
            "UrlEncode has no equal",
        ),
        (
            "QueryString",
            json!({"operator": "Equal", "matchValues": ["a=b"]}),
            "not at the whole query",
        ),
        (
            "QueryString",
            json!({"operator": "Contains", "matchValues": ["a=b"], "negateCondition": true}),
            "holds for less",
        ),
        ("RequestUri", json!({"operator": "Contains", "matchValues": ["a"]}), "each part of a URL"),
        ("UrlPath", json!({"operator": "RegEx", "matchValues": ["a|^b"]}), "anchors within"),
        ("Surprise", json!({"operator": "Equal", "matchValues": ["a"]}), "is not known"),
        ("UrlPath", json!({"operator": "Equal", "matchValues": "[parameters('none')]"}), ""),
        (
            "UrlPath",
            json!({"operator": "Equal", "matchValues": []}),
            "is not a condition with values",
        ),
        (
            "UrlPath",
            json!({"operator": "Equal", "matchValues": ["A"], "transforms": ["Lowercase"]}),
            "",
        ),
    ] {
        let error = condition(name, &parameters).unwrap_err();
        assert!(error.contains(why), "{name} {parameters}: {error}");
    }
}

/// The rules that one with this action becomes, and what is said of its parameters.
fn action(route: &Value, name: &str, parameters: &Value) -> (Value, Vec<(String, String)>) {
    let rule = json!({"actions": [{"name": name, "parameters": parameters}]});
    let imported = import(&standard(route, &[rule]));
    let said = imported.said("parameters").into_iter().chain(imported.said("headerAction"));
    let said = said.map(|(verdict, why)| (verdict.to_owned(), why.to_owned())).collect();
    let path = route["patternsToMatch"][0].as_str().unwrap_or("/*");
    (imported.route(path)["rules"].clone(), said)
}

#[test]
fn actions_have_equals() {
    let app = json!({"patternsToMatch": ["/app/*"]});
    let moved = json!({"patternsToMatch": ["/app/*"], "originPath": "/"});
    let rewrite = |source: &str, destination: &str, keeps: bool| json!({"sourcePattern": source, "destination": destination, "preserveUnmatchedPath": keeps});
    let header = |action: &str, name: &str, value: &str| json!({"headerAction": action, "headerName": name, "value": value});
    let group = json!({"originGroupOverride": {"originGroup": {"id": "/providers/Microsoft.Cdn/profiles/p/originGroups/other"}, "forwardingProtocol": "HttpOnly"}});
    for (route, name, parameters, expected) in [
        (
            &app,
            "UrlRewrite",
            rewrite("/", "/x/", true),
            json!([{"name": "rule0", "do": {"rewrite": {"path": "/app/x/*"}}}]),
        ),
        (
            &moved,
            "UrlRewrite",
            rewrite("/", "/x/", true),
            json!([{"name": "rule0", "do": {"rewrite": {"path": "/x/*"}}}]),
        ),
        (
            &app,
            "UrlRewrite",
            rewrite("/", "/x.html", false),
            json!([{"name": "rule0", "do": {"rewrite": {"path": "/app/x.html"}}}]),
        ),
        (
            &app,
            "UrlRewrite",
            rewrite("/a/", "/x", false),
            json!([{"name": "rule0-path", "when": [{"pathRegex": "/app/a/.*"}], "do": {"rewrite": {"path": "/app/x"}}}]),
        ),
        (
            &app,
            "RouteConfigurationOverride",
            group,
            json!([{"name": "rule0", "do": {"backends": [{"external": {"url": "http://other.contoso.net"}, "priority": 1, "weight": 50}]}}]),
        ),
        (
            &app,
            "ModifyRequestHeader",
            header("Append", "X-A", "{hostname}"),
            json!([{"name": "rule0", "do": {"requestHeaders": {"add": [{"name": "x-a", "value": "{host}"}]}}}]),
        ),
        (
            &app,
            "ModifyResponseHeader",
            header("Delete", "Server", ""),
            json!([{"name": "rule0", "do": {"responseHeaders": {"remove": ["server"]}}}]),
        ),
        (
            &app,
            "UrlRedirect",
            json!({"redirectType": "PermanentRedirect", "destinationProtocol": "MatchRequest", "customHostname": "{hostname}", "customPath": "/new/{url_path}"}),
            json!([{"name": "rule0", "do": {"redirect": {"path": "/new{path}", "status": 308}}}]),
        ),
    ] {
        let (rules, said) = action(route, name, &parameters);
        assert_eq!(rules, expected, "{parameters}: {said:?}");
    }
}

#[test]
fn what_an_action_has_no_equal_for_is_said() {
    let app = json!({"patternsToMatch": ["/app/*"]});
    for (name, parameters, why) in [
        (
            "UrlRewrite",
            json!({"sourcePattern": "/a/", "destination": "/x/", "preserveUnmatchedPath": true}),
            "write a Route whose match ends in /a/*",
        ),
        (
            "UrlRedirect",
            json!({"redirectType": "Found", "customHostname": "{http_req_header_x}"}),
            "is no fixed host",
        ),
        (
            "UrlRedirect",
            json!({"redirectType": "Found", "destinationProtocol": "MatchRequest"}),
            "leads back to where it comes from",
        ),
        (
            "ModifyRequestHeader",
            json!({"headerAction": "Overwrite", "headerName": "Host", "value": "a"}),
            "can't be edited",
        ),
        (
            "ModifyRequestHeader",
            json!({"headerAction": "Overwrite", "headerName": "X-A", "value": "{geo_country}"}),
            "has no equal",
        ),
        ("CacheExpiration", json!({"cacheBehavior": "Override"}), "does not cache"),
        ("UrlSigning", json!({}), "signs no URLs"),
    ] {
        let (rules, said) = action(&app, name, &parameters);
        assert_eq!(rules, Value::Null, "{parameters}");
        assert!(
            said.iter().any(|(verdict, said)| verdict == "dropped" && said.contains(why)),
            "{why}: {said:?}"
        );
    }
}

#[test]
fn rules_keep_their_order_and_stop() {
    let rule = |order: u32, stops: bool| {
        let behavior = if stops { "Stop" } else { "Continue" };
        json!({"order": order, "matchProcessingBehavior": behavior, "actions": mark()})
    };
    let imported = import(&standard(&json!({}), &[rule(3, false), rule(1, false), rule(2, true)]));
    let rules = imported.route("/*")["rules"].clone();
    let shown: Vec<_> = rules
        .as_array()
        .unwrap()
        .iter()
        .map(|it| (it["name"].as_str().unwrap(), it["stop"] == true))
        .collect();
    assert_eq!(shown, [("rule1", false), ("rule2", true), ("rule0", false)]);
    let many: Vec<_> = (0..40).map(|order| rule(order, false)).collect();
    let imported = import(&standard(&json!({}), &many));
    assert_eq!(imported.route("/*")["rules"].as_array().unwrap().len(), 32);
    assert!(imported.said("ruleSets")[0].1.contains("more rules than the 32"));
}

//! The same visit as each recorder writes it: a document, a script, a font of a third party, and
//! three calls of an API, two of which need a preflight.

use super::{plan, portico};
use serde_json::{Value, json};
use std::{fs, path::Path};

fn recorded(name: &str) -> Value {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/plan/recorders");
    plan(&fs::read(folder.join(name).with_extension("har")).unwrap())
}

fn host<'p>(plan: &'p Value, origin: &str) -> &'p Value {
    let mut hosts = plan["hosts"].as_array().unwrap().iter();
    hosts.find(|host| host["origin"] == origin).unwrap_or_else(|| panic!("{origin}: {plan}"))
}

#[test]
fn every_recorder_is_understood() {
    for (name, preflights, saved) in [
        // Both preflights, the first of which connects.
        ("chromium", json!({"seen": 2, "inferred": 0}), 126.0),
        ("firefox", json!({"seen": 2, "inferred": 0}), 126.0),
        ("charles", json!({"seen": 2, "inferred": 0}), 126.0),
        ("fiddler", json!({"seen": 2, "inferred": 0}), 126.0),
        ("mitmproxy", json!({"seen": 2, "inferred": 0}), 126.0),
        // None is recorded: each is as long as the fastest call to the host.
        ("safari", json!({"seen": 0, "inferred": 2}), 100.0),
        ("playwright", json!({"seen": 0, "inferred": 2}), 100.0),
    ] {
        let plan = recorded(name);
        assert_eq!(plan["skipped"], json!([]), "{name}");
        let page = &plan["pages"][0];
        assert_eq!(page["origin"], "https://www.ep.com", "{name}");
        assert_eq!(page["preflights"], preflights, "{name}");
        assert_eq!(page["why"], json!({"method": 1, "header": 2, "contentType": 1}), "{name}");
        assert_eq!((&page["calls"], &page["crossOrigin"]), (&json!(6), &json!(4)), "{name}");
        let milliseconds = page["milliseconds"].as_f64().unwrap();
        assert!((milliseconds - saved).abs() <= 1.0, "{name}: {milliseconds}");
        let api = host(&plan, "https://api.ep.com");
        assert_eq!(api["paths"], json!(["/orders", "/users/{user}"]), "{name}");
        assert_eq!((&api["calls"], &api["preflights"]), (&json!(3), &json!(2)), "{name}");
        assert_eq!(host(&plan, "https://fonts.gstatic.com")["thirdParty"], true, "{name}");
        assert_eq!(plan["pages"].as_array().unwrap().len(), 1, "{name}: {}", plan["pages"]);
        let connections = u64::from(preflights["seen"] == 2);
        if name != "safari" {
            assert_eq!(api["connections"], connections, "{name}");
        }
    }
}

#[test]
fn inferred_preflights_are_marked() {
    let folder = tempfile::tempdir().unwrap();
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/plan/recorders/safari.har");
    let out = portico(folder.path(), &["plan", file]).out;
    for part in [
        "2 preflights (not recorded, inferred)",
        "0% is measured, 100% estimated.",
        "50 ms, estimated  POST https://api.ep.com/orders",
    ] {
        assert!(out.contains(part), "{part}\n{out}");
    }
}

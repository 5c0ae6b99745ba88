//! Broken input: a clear error or a report, never a panic.

use super::{Ran, import, import_by_binary, portico_with};
use serde_json::{Value, json};

fn unreadable(text: &str) -> Ran {
    let folder = tempfile::tempdir().unwrap();
    portico_with(folder.path(), &["import", "azure-front-door", "-"], text.as_bytes())
}

#[test]
fn what_is_cut_off_is_unreadable() {
    let whole = super::classic(&[json!({})]).to_string();
    for end in [1, whole.len() / 3, whole.len() - 1] {
        let ran = unreadable(&whole[..end]);
        assert_eq!(ran.code, 2, "{}", ran.out);
        assert!(ran.err.starts_with("portico: -: "), "{}", ran.err);
    }
}

#[test]
fn what_is_no_template_is_said() {
    for text in [
        "{}",
        "[1, null, \"a\"]",
        "a: b",
        "{\"type\": 1, \"name\": []}",
        "{\"id\": \"x\"}",
        "{\"value\": [{}]}",
    ] {
        let imported = import_by_binary(text);
        assert_eq!((imported.code, imported.report["objects"].clone()), (3, json!([])), "{text}");
        let why = imported.report["report"][0]["why"].as_str().unwrap();
        assert!(why.contains("neither an ARM template nor"), "{text}: {why}");
    }
}

#[test]
fn deep_nesting_ends() {
    let deep = |open: &str, close: &str| open.repeat(50_000) + &close.repeat(50_000);
    for text in [deep("[", "]"), deep("{\"resources\": [", "]}")] {
        let ran = unreadable(&text);
        assert!(ran.code == 2 || ran.code == 3, "{}", ran.err);
    }
    let mut template = super::classic(&[json!({})]);
    for _ in 0..20 {
        let deployment = json!({"type": "Microsoft.Resources/deployments", "name": "a", "properties": {"template": template}});
        template = json!({"resources": [deployment]});
    }
    assert_eq!(import(&template).code, 3);
}

#[test]
fn circles_and_missing_values_are_said() {
    let mut document = super::classic(&[json!({})]);
    document["variables"] = json!({"a": "[variables('b')]", "b": "[variables('a')]"});
    let host = &mut document["resources"][0]["properties"]["frontendEndpoints"][0]["properties"]["hostName"];
    *host = json!("[variables('a')]");
    let imported = import(&document);
    assert_eq!(imported.report["objects"], json!([]));
    assert!(imported.said("hostName")[0].1.contains("in a circle"));
}

#[test]
fn fields_of_other_types_are_said() {
    let whole = super::classic(&[json!({})]);
    let mut places = Vec::new();
    collect(&whole["resources"][0]["properties"], "/resources/0/properties", &mut places);
    for place in &places {
        for wrong in [json!({"a": 1}), json!([[]]), json!(7), json!("?"), json!(null)] {
            let mut document = whole.clone();
            *document.pointer_mut(place).unwrap() = wrong;
            import(&document);
        }
    }
    assert!(places.len() > 20, "{places:?}");
}

fn collect(value: &Value, path: &str, places: &mut Vec<String>) {
    places.push(path.to_owned());
    match value {
        Value::Object(fields) => fields.iter().for_each(|(name, field)| {
            collect(field, &format!("{path}/{}", name.replace('/', "~1")), places);
        }),
        Value::Array(items) => items.iter().enumerate().for_each(|(at, item)| {
            collect(item, &format!("{path}/{at}"), places);
        }),
        _ => {}
    }
}
